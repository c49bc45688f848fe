import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { defaultOptions, type Project, projectVersion } from '../../protocol/project.js';
import { Fault } from '../errors/fault.js';

const name = z.string().min(1);
const server = z.strictObject({
  connection: name.describe('A connection URI or keyword string as libpq reads it, without a password.'),
  server: z.string().optional().describe('Id of the registered server whose password is kept by the editor.'),
});

/** The shape of `<name>.flexferry.json`. media/project.schema.json is made from it. */
export const projectSchema = z
  .strictObject({
    $schema: z.string().optional(),
    version: z.literal(projectVersion).describe('Version of this file format.'),
    name: name.describe('Name of the migration project.'),
    source: server.describe('The server to migrate from.'),
    target: server.describe('The Flexible Server to migrate to.'),
    databases: z
      .array(
        z.strictObject({
          source: name.describe('Database on the source.'),
          target: name.describe('Database on the target; created if it is missing.'),
          includeSchemas: z.array(name).optional().describe('Only these schemas.'),
          excludeSchemas: z.array(name).optional().describe('All schemas but these.'),
        }),
      )
      .min(1)
      .describe('The databases to migrate, one after the other.'),
    options: z
      .strictObject({
        jobs: z.int().min(1).max(64).default(defaultOptions.jobs).describe('Tables copied at the same time.'),
        indexJobs: z
          .int()
          .min(1)
          .max(64)
          .default(defaultOptions.indexJobs)
          .describe('Indexes built at the same time.'),
        dumpTool: z
          .enum(['auto', 'native', 'builtin'])
          .default(defaultOptions.dumpTool)
          .describe('Which pg_dump reads the schema.'),
        acceptNonEmptyTarget: z
          .boolean()
          .default(defaultOptions.acceptNonEmptyTarget)
          .describe('Work beside what a target database already holds. Nothing in it is overwritten.'),
      })
      .default(defaultOptions),
  })
  .meta({ title: 'Flexferry migration project' });

/** Reads and checks a project file. Rejects with a Fault FF700 that names the place, or FF701 for a newer version. */
export async function readProjectFile(path: string): Promise<Project> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new Fault('FF700', `The project file ${path} cannot be read.`, { cause: error });
  }
  return parseProject(text, path);
}

export function parseProject(text: string, path: string): Project {
  let data: unknown;
  try {
    data = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new Fault('FF700', `${path} is not JSON: ${error instanceof Error ? error.message : ''}`);
  }
  const version = typeof data === 'object' && data !== null && 'version' in data ? data.version : undefined;
  if (typeof version === 'number' && version > projectVersion)
    throw new Fault('FF701', `${path} has version ${version}; this Flexferry knows ${projectVersion}.`);
  const result = projectSchema.safeParse(data);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw new Fault(
      'FF700',
      `${path}: ${issue?.path.length ? `${issue.path.join('.')}: ` : ''}${issue?.message ?? 'not valid'}`,
    );
  }
  const { $schema: _, ...project } = result.data;
  const targets = project.databases.map((d) => d.target);
  const twice = targets.find((t, i) => targets.indexOf(t) !== i);
  if (twice !== undefined)
    throw new Fault('FF700', `${path}: databases: two databases have the same target ${twice}.`);
  return project as Project;
}
