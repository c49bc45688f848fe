import { z } from 'zod';
import { defaultOptions, projectVersion } from '../../protocol/project.js';

const name = z.string().min(1);
const server = z.strictObject({
  connection: name.describe('A connection URI or keyword string as libpq reads it, without a password.'),
  server: z.string().optional().describe('Id of the registered server whose password is kept by the editor.'),
});
const names = (what: string) => z.array(name).optional().describe(what);

const tableMapping = z.strictObject({
  schema: name.optional().describe('Schema on the target, not quoted.'),
  name: name.optional().describe('Name on the target, not quoted.'),
  where: z
    .string()
    .optional()
    .describe('A condition over the columns of the table, as after WHERE: only these rows are copied.'),
});

const database = z.strictObject({
  source: name.describe('Database on the source.'),
  target: name.describe('Database on the target; created if it is missing.'),
  mode: z
    .enum(['offline', 'online'])
    .optional()
    .describe('offline: one consistent copy. online: changes are followed until the cutover.'),
  include: z
    .strictObject({
      schemas: names('Only these schemas: exact names or ~/regex/.'),
      tables: names('Only these tables and views: schema.name as in SQL, schema.~/regex/ or ~/regex/.'),
    })
    .optional()
    .describe('Take only this.'),
  exclude: z
    .strictObject({
      schemas: names('All schemas but these: exact names or ~/regex/.'),
      tables: names('All tables and views but these: schema.name as in SQL, schema.~/regex/ or ~/regex/.'),
      tableData: names('Tables that are created without their rows.'),
      indexes: names('Indexes that are not built: schema.name as in SQL, schema.~/regex/ or ~/regex/.'),
      extensions: names('Extensions that are not created: exact names or ~/regex/.'),
    })
    .optional()
    .describe('Leave this out.'),
  schemas: z
    .record(name, name)
    .optional()
    .describe('Names of schemas on the target by their names on the source, not quoted.'),
  tables: z
    .record(name, tableMapping)
    .optional()
    .describe('Where single tables go, by schema.name of the source as in SQL.'),
  renameOwned: z
    .boolean()
    .optional()
    .describe('Rename sequences, constraints and indexes that carry the name of a renamed table, too.'),
});

const jobs = (standard: number, what: string) => z.int().min(1).max(64).default(standard).describe(what);
const flag = (standard: boolean, what: string) => z.boolean().default(standard).describe(what);

const options = z.strictObject({
  jobs: jobs(defaultOptions.jobs, 'Tables copied at the same time.'),
  indexJobs: jobs(defaultOptions.indexJobs, 'Indexes built at the same time.'),
  dumpTool: z
    .enum(['auto', 'native', 'builtin'])
    .default(defaultOptions.dumpTool)
    .describe('Which pg_dump reads the schema.'),
  acceptNonEmptyTarget: flag(
    defaultOptions.acceptNonEmptyTarget,
    'Work beside what a target database already holds. Nothing in it is overwritten.',
  ),
  owners: z
    .enum(['target', 'keep'])
    .default(defaultOptions.owners)
    .describe('target: the user of the target owns everything. keep: owners as on the source, after roles.'),
  roles: z
    .record(name, name)
    .default(defaultOptions.roles)
    .describe(
      'Roles on the target by roles of the source: in owners, grants, policies and default privileges.',
    ),
  createRoles: flag(
    defaultOptions.createRoles,
    'Create roles that are needed and missing on the target, without passwords.',
  ),
  extensions: flag(defaultOptions.extensions, 'Create the extensions.'),
  grants: flag(defaultOptions.grants, 'Carry over privileges.'),
  comments: flag(defaultOptions.comments, 'Carry over comments.'),
  publications: flag(defaultOptions.publications, 'Carry over publications.'),
  tablespaces: flag(
    defaultOptions.tablespaces,
    'Keep tablespaces where the target has them. A Flexible Server never does.',
  ),
});

/** The shape of `<name>.flexferry.json`. media/project.schema.json is made from it. */
export const projectSchema = z
  .strictObject({
    $schema: z.string().optional(),
    version: z.literal(projectVersion).describe('Version of this file format.'),
    name: name.describe('Name of the migration project.'),
    source: server.describe('The server to migrate from.'),
    target: server.describe('The Flexible Server to migrate to.'),
    databases: z.array(database).min(1).describe('The databases to migrate, one after the other.'),
    options: options.default(defaultOptions),
  })
  .meta({ title: 'Flexferry migration project' });
