import type { DdlContext } from '../protocol/ddl.js';
import type { ProjectOptions } from '../protocol/project.js';
import { RelationMap } from '../protocol/relationMap.js';
import { chosenSchemas, ownSchemas, type SchemaFilter } from './catalog/filter.js';
import { type ExtensionMember, membersElsewhere, readOutside } from './catalog/outside.js';
import { namesOfOids } from './catalog/relationNames.js';
import type { TargetState } from './catalog/server.js';
import { listSourceTables, type SourceTable } from './catalog/tables.js';
import type { DatabaseJob } from './databaseJob.js';
import { dumpSchema } from './dump/dump.js';
import type { Session } from './postgres/session.js';
import type { FormerIdentity } from './replication/replicaIdentity.js';
import {
  ddlPaths,
  type FileOutcome,
  readSaved,
  readText,
  writeGenerated,
  writeText,
} from './schema/ddlFiles.js';
import type { NamedIdentity } from './schema/formerIdentities.js';
import type { PlannedDdl, PlanRequest } from './schema/planDdl.js';
import { planInWorker } from './schema/planInWorker.js';
import type { SavedDdl } from './schema/savedDdl.js';

export interface DatabasePlan {
  readonly ddl: PlannedDdl;
  readonly filter: SchemaFilter;
  readonly tables: readonly SourceTable[];
  /** The pg_dump that read the schema. */
  readonly tool: string;
}

/**
 * Reads the schema of the source under a snapshot and decides about every statement. With `run` the files that the user
 * saved count where they were edited since they were generated. Changes nothing anywhere.
 */
export async function planDatabase(
  job: DatabaseJob,
  source: Session,
  target: TargetState,
  from: {
    readonly snapshot: string;
    readonly preexisting: ReadonlySet<string>;
    readonly purpose: 'run' | 'generate';
    /** Of the tables of the source that are FULL for the time of the migration: the target gets these. */
    readonly identities?: readonly FormerIdentity[] | undefined;
  },
): Promise<DatabasePlan> {
  const { database, mapping, options, tracker } = job;
  const files = from.purpose === 'run' ? await readFiles(job) : undefined;
  const filter = await chosenSchemas(source, database, mapping);
  const tables = await listSourceTables(source, filter, mapping);
  const { extensions } = options;
  const outside = await readOutside(source, { filter, mapping, tables, extensions });
  const members = await membersElsewhere(source, (name, schema) =>
    schemaOfExtension(job, target, name, schema),
  );
  const { sql, tool } = await dumpSchema({
    spec: job.source,
    versionNum: source.versionNum,
    snapshot: from.snapshot,
    tool: options.dumpTool,
    includeSchemas: filter.include,
    excludeSchemas: [...filter.exclude, ...(await ownSchemas(source))],
    excludeRelations: outside.relations,
    contents: { ...options, owners: options.owners === 'keep' },
    signal: job.signal,
    distDir: job.distDir,
    log: (message) => tracker.log('info', message),
  });
  const request = {
    sql,
    database,
    options,
    target,
    preexisting: from.preexisting,
    outside: outside.objects,
    members,
    identities: await namedIdentities(source, from.identities ?? []),
    ...(files && { files }),
  };
  return { ddl: await planInWorker(request, job), filter, tables: withMembers(tables, members), tool };
}

/** As tables and indexes are called now, in the dump. */
async function namedIdentities(source: Session, former: readonly FormerIdentity[]): Promise<NamedIdentity[]> {
  const names = await namesOfOids(
    source,
    former.flatMap(({ oid, index }) => (index ? [oid, index.oid] : [oid])),
  );
  return former.flatMap(({ oid, identity, index }) => {
    const table = names.get(oid);
    const by = index && names.get(index.oid);
    return table ? [{ ...table, identity, ...(by && { index: by }) }] : [];
  });
}

/** Configuration tables are where their extension is. */
function withMembers(
  tables: readonly SourceTable[],
  members: readonly ExtensionMember[],
): readonly SourceTable[] {
  if (members.length === 0) return tables;
  const found = new RelationMap<string>();
  for (const member of members) found.set(member, member.target);
  return tables.map((table) => {
    const schema = table.extensionCondition === undefined ? undefined : found.get(table);
    return schema === undefined ? table : { ...table, target: { schema, name: table.name } };
  });
}

/** On the target: where it lies already, or where the first database of the project that has it puts it. */
function schemaOfExtension(
  { extensionSchemas, mapping, options }: DatabaseJob,
  target: TargetState,
  name: string,
  schema: string,
): { there: string; mapped: string } {
  const mapped = mapping.schema(schema).target;
  const there = target.extensionSchemas?.get(name) ?? extensionSchemas.get(name) ?? mapped;
  if (options.extensions && mapping.extension(name)) extensionSchemas.set(name, there);
  return { there, mapped };
}

async function readFiles(job: DatabaseJob): Promise<PlanRequest['files']> {
  const { saved, base } = ddlPaths(job.directory, job.tracker.key);
  const [preData, postData, basePreData, basePostData] = await Promise.all([
    readSaved(saved.preData),
    readSaved(saved.postData),
    readText(base.preData),
    readText(base.postData),
  ]);
  return { saved: { preData, postData }, base: { preData: basePreData ?? '', postData: basePostData ?? '' } };
}

/** Writes the generated files, merged with what the user edited. */
export async function writeDdl(
  job: DatabaseJob,
  { ddl, tables }: DatabasePlan,
  target: TargetState,
): Promise<{ preData: FileOutcome; postData: FileOutcome }> {
  const { saved, base, source, context } = ddlPaths(job.directory, job.tracker.key);
  await writeText(source.preData, ddl.source.preData);
  await writeText(source.postData, ddl.source.postData);
  await writeText(
    context,
    `${JSON.stringify(contextOf(job.tracker.key, ddl, tables, target, job.options), null, 1)}\n`,
  );
  const write = (section: 'preData' | 'postData'): Promise<FileOutcome> =>
    writeGenerated({ saved: saved[section], base: base[section] }, ddl.generated[section]);
  return { preData: await write('preData'), postData: await write('postData') };
}

/** Leaves the files of a run as what it runs: those that the user edited stay, others follow the source. */
export async function keepDdl(job: DatabaseJob, planned: DatabasePlan, target: TargetState): Promise<void> {
  const { ddl } = planned;
  const { saved } = ddlPaths(job.directory, job.tracker.key);
  for (const section of ['preData', 'postData'] as const)
    if (!ddl.isEdited || (await readText(saved[section])) === undefined)
      await writeText(saved[section], ddl.saved[section]);
  if (ddl.isEdited) job.tracker.log('info', 'the saved DDL runs, which was edited');
  else await writeDdl(job, planned, target);
}

/** True where a file was saved with other text since it was read: what runs is what was saved when the run began. */
export async function editedSince(job: DatabaseJob, saved: SavedDdl): Promise<boolean> {
  const paths = ddlPaths(job.directory, job.tracker.key).saved;
  for (const section of ['preData', 'postData'] as const) {
    const now = await readSaved(paths[section]).catch(() => '');
    if (now !== undefined && now !== saved[section]) return true;
  }
  return false;
}

const relationKinds = { r: 'table', p: 'table', m: 'materialized view' } as const;

function contextOf(
  database: string,
  { sources, undecided }: PlannedDdl,
  tables: readonly SourceTable[],
  target: TargetState,
  options: ProjectOptions,
): DdlContext {
  const { isSuperuser, bypassesRowSecurity, preloadLibraries, collations, tableAccessMethods } = target;
  return {
    version: 1,
    database,
    target: {
      versionNum: target.versionNum,
      isFlexibleServer: target.isFlexibleServer,
      allowedExtensions: target.allowedExtensions,
      availableExtensions: [...target.availableExtensions],
      installedExtensions: [...target.installedExtensions],
      roles: [...target.roles].sort(),
      ...(isSuperuser !== undefined && { isSuperuser }),
      ...(bypassesRowSecurity !== undefined && { bypassesRowSecurity }),
      ...(preloadLibraries && { preloadLibraries: [...preloadLibraries] }),
      ...(collations && { collations: [...collations] }),
      ...(tableAccessMethods && { tableAccessMethods: [...tableAccessMethods] }),
    },
    options: { publications: options.publications, owners: options.owners },
    relations: tables.map((table) => ({
      ...table.target,
      kind: relationKinds[table.relkind],
      bytes: table.bytes,
      rows: table.rowsEstimated,
    })),
    sources,
    undecided,
  };
}
