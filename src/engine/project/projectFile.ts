import { readFile } from 'node:fs/promises';
import { type Project, projectVersion, upgradeProject } from '../../protocol/project.js';
import { Fault } from '../errors/fault.js';
import { projectSchema } from './projectSchema.js';

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
  const result = projectSchema.safeParse(upgradeProject(data));
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
