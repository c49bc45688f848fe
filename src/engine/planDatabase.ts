import { classifyDump } from '../ddl/classify.js';
import { loadParser } from '../ddl/parser.js';
import { redact } from '../ddl/redact.js';
import type { DdlContext } from '../protocol/ddl.js';
import { chosenSchemas, type SchemaFilter } from './catalog/filter.js';
import { objectsOutside } from './catalog/outside.js';
import type { TargetState } from './catalog/server.js';
import { listSourceTables, type SourceTable } from './catalog/tables.js';
import type { DatabaseJob } from './databaseJob.js';
import { dumpSchema } from './dump/dump.js';
import type { Session } from './postgres/session.js';
import {
  ddlPaths,
  type FileOutcome,
  readSaved,
  readText,
  writeGenerated,
  writeText,
} from './schema/ddlFiles.js';
import { ddlText, sourceDdl } from './schema/ddlText.js';
import { planStatements, type StatementPlan } from './schema/planStatements.js';
import { planSaved, type SavedDdl, type SavedPlan } from './schema/savedDdl.js';

export interface DatabasePlan {
  readonly plan: StatementPlan;
  readonly filter: SchemaFilter;
  readonly tables: readonly SourceTable[];
  /** The pg_dump that read the schema. */
  readonly tool: string;
}

/** Reads the schema of the source under a snapshot and decides about every statement. Changes nothing anywhere. */
export async function planDatabase(
  job: DatabaseJob,
  source: Session,
  target: TargetState,
  from: { readonly snapshot: string; readonly preexisting: ReadonlySet<string> },
): Promise<DatabasePlan> {
  const { database, mapping, options, tracker } = job;
  const filter = await chosenSchemas(source, database, mapping);
  const tables = await listSourceTables(source, filter, mapping);
  const { sql, tool } = await dumpSchema({
    spec: job.source,
    versionNum: source.versionNum,
    snapshot: from.snapshot,
    tool: options.dumpTool,
    includeSchemas: filter.include,
    excludeSchemas: [...filter.exclude, 'flexferry'],
    contents: { ...options, owners: options.owners === 'keep' },
    signal: job.signal,
    distDir: job.distDir,
    log: (message) => tracker.log('info', message),
  });
  await loadParser();
  const plan = planStatements(classifyDump(sql), {
    mapping,
    database,
    options,
    target,
    preexisting: from.preexisting,
    outside: await objectsOutside(source, filter),
  });
  return { plan, filter, tables, tool };
}

/** Writes the generated files, merged with what the user edited. */
export async function writeDdl(
  job: DatabaseJob,
  { plan, tables }: DatabasePlan,
  target: TargetState,
): Promise<{ preData: FileOutcome; postData: FileOutcome }> {
  const { saved, base, source, context } = ddlPaths(job.directory, job.tracker.key);
  await writeText(source.preData, sourceDdl(plan.preData));
  await writeText(source.postData, sourceDdl(plan.postData));
  await writeText(context, `${JSON.stringify(contextOf(job.tracker.key, plan, tables, target), null, 1)}\n`);
  const write = (section: 'preData' | 'postData'): Promise<FileOutcome> =>
    writeGenerated({ saved: saved[section], base: base[section] }, ddlText(section, plan[section]));
  return { preData: await write('preData'), postData: await write('postData') };
}

/**
 * What a run runs: the files that the user saved where they were edited since they were generated, else what is
 * generated now, which is written down.
 */
export async function chooseDdl(
  job: DatabaseJob,
  planned: DatabasePlan,
  target: TargetState,
  preexisting: ReadonlySet<string>,
): Promise<{ plan: SavedPlan; saved: SavedDdl }> {
  const { plan } = planned;
  const paths = ddlPaths(job.directory, job.tracker.key);
  const generated = {
    preData: ddlText('preData', plan.preData),
    postData: ddlText('postData', plan.postData),
  };
  const [preData, postData] = await Promise.all([
    readSaved(paths.saved.preData),
    readSaved(paths.saved.postData),
  ]);
  const base = {
    preData: (await readText(paths.base.preData)) ?? '',
    postData: (await readText(paths.base.postData)) ?? '',
  };
  const isEdited = (text: string | undefined, of: 'preData' | 'postData'): boolean =>
    text !== undefined && text !== base[of] && text !== generated[of];
  if (!isEdited(preData, 'preData') && !isEdited(postData, 'postData')) {
    // Nothing of the user's is in them.
    for (const section of ['preData', 'postData'] as const)
      await writeText(paths.saved[section], generated[section]);
    await writeDdl(job, planned, target);
    return { plan: { ...plan, leftOut: new Set() }, saved: generated };
  }
  const saved = { preData: preData ?? generated.preData, postData: postData ?? generated.postData };
  if (preData === undefined) await writeText(paths.saved.preData, generated.preData);
  if (postData === undefined) await writeText(paths.saved.postData, generated.postData);
  job.tracker.log('info', 'the saved DDL runs, which was edited');
  return { plan: planSaved(plan, saved, base, preexisting), saved };
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
  plan: StatementPlan,
  tables: readonly SourceTable[],
  target: TargetState,
): DdlContext {
  const sources: Record<string, string> = {};
  for (const item of [...plan.preData, ...plan.postData])
    if (item.sourceText !== undefined) sources[item.textKey] = redact(item.sourceText);
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
    },
    relations: tables.map((table) => ({
      ...table.target,
      kind: relationKinds[table.relkind],
      bytes: table.bytes,
      rows: table.rowsEstimated,
    })),
    sources,
  };
}
