import { chunks, forEachConcurrent } from '../../base/pool.js';
import { errorCodes } from '../../protocol/errorCodes.js';
import type { TableVerification } from '../../protocol/model.js';
import type { SourceTable } from '../catalog/tables.js';
import { endsRun } from '../errors/endsRun.js';
import { Fault } from '../errors/fault.js';
import { isUndefinedName } from '../errors/undefinedName.js';
import { qualified } from '../postgres/quote.js';
import { type Session, useSearchPath } from '../postgres/session.js';
import { importSnapshot } from '../postgres/snapshot.js';
import type { DatabaseContext } from '../run/context.js';
import { type ChecksumRules, checksumQuery, checksumRules, checksumSettings } from './checksum.js';

/** Tables below this many heap bytes are compared together, `batchCount` a query: they are mostly round trips. */
const smallTable = 1 << 20;
const batchCount = 40;

/**
 * Compares every table that was copied, both servers at once, `jobs` queries at a time. Differences become findings.
 * @returns the tables that are not equal, or could not be compared.
 */
export async function verifyTables(
  context: DatabaseContext,
  tables: readonly SourceTable[],
): Promise<readonly SourceTable[]> {
  const batches = [
    ...tables.filter((t) => t.bytes >= smallTable).map((t) => [t]),
    ...chunks(
      tables.filter((t) => t.bytes < smallTable),
      batchCount,
    ),
  ];
  const jobs = Math.max(1, Math.min(context.options.jobs, batches.length));
  const workers = Array.from({ length: jobs }, (_, i) => new VerifyWorker(context, i));
  try {
    await forEachConcurrent(batches, jobs, async (batch, index) => {
      context.signal.throwIfAborted();
      await workers[index]?.verify(batch);
    });
  } finally {
    await Promise.all(workers.map((w) => w.close()));
  }
  return workers.flatMap(({ different }) => different);
}

/**
 * Compares a few tables over sessions that are in the right transactions already, and stay open.
 * @returns the tables that are not equal, or could not be compared.
 */
export async function verifyWithin(
  context: DatabaseContext,
  tables: readonly SourceTable[],
  source: Session,
  target: Session,
): Promise<readonly SourceTable[]> {
  const rules = await rulesOf(source, target);
  for (const session of [source, target]) await session.script(checksumSettings(rules));
  const worker = new VerifyWorker(context, 0, { source, target, rules });
  for (const table of tables) await worker.verify([table]);
  return worker.different;
}

async function rulesOf(source: Session, target: Session): Promise<ChecksumRules> {
  const same = (await encodingOf(source)) === (await encodingOf(target));
  return checksumRules(source.versionNum, target.versionNum, same);
}

interface ChecksumRow {
  readonly i: number;
  readonly rows: string;
  readonly checksum: string;
}

/** A connection to each side, opened when first needed and again after an error, which ends the source's snapshot. */
class VerifyWorker {
  readonly different: SourceTable[] = [];

  constructor(
    private readonly context: DatabaseContext,
    private readonly number: number,
    private pair?: { source: Session; target: Session; rules: ChecksumRules },
  ) {}

  /**
   * `way`: of one table that failed. `unforced`: row-level security keeps its owner out, too. `searchPath`: planning
   * looks into functions of its indexes that rely on the search_path of the source.
   */
  async verify(tables: readonly SourceTable[], way?: 'unforced' | 'searchPath'): Promise<void> {
    const { signal } = this.context;
    this.pair ??= await this.open(way === 'searchPath');
    const { source, target, rules } = this.pair;
    const query = (side: 'source' | 'target'): string =>
      tables
        .map((t, i) => `SELECT ${i} AS i, t.* FROM (${checksumQuery(t, rules, side)}) t`)
        .join(' UNION ALL ');
    const both = await Promise.allSettled([
      source.query<ChecksumRow>(query('source')),
      way === 'unforced' && tables[0]
        ? queryUnforced(target, tables[0], query('target'))
        : target.query<ChecksumRow>(query('target')),
    ]);
    signal.throwIfAborted();
    const [ofSource, ofTarget] = both;
    if (ofSource?.status === 'fulfilled' && ofTarget?.status === 'fulfilled') {
      for (const [i, table] of tables.entries()) {
        const row = (rows: readonly ChecksumRow[]): ChecksumRow | undefined => rows.find((r) => r.i === i);
        const verification = compare(row(ofSource.value.rows), row(ofTarget.value.rows));
        record(this.context, table, verification);
        if (!verification.equal) this.different.push(table);
      }
      if (way === 'searchPath') await this.close();
      return;
    }
    const failed = both.find((r) => r.status === 'rejected');
    const reason: unknown = failed?.status === 'rejected' ? failed.reason : undefined;
    if (!(reason instanceof Fault) || endsRun(reason)) throw reason;
    await this.close();
    const denied = ofTarget?.status === 'rejected' && reason.sqlstate === '42501';
    if (tables.length > 1) for (const table of tables) await this.verify([table]);
    else if (denied && !way) await this.verify(tables, 'unforced');
    else if (isUndefinedName(reason) && !way) await this.verify(tables, 'searchPath');
    else for (const table of tables) this.fail(table, reason);
  }

  private fail(table: SourceTable, reason: Fault): void {
    this.different.push(table);
    recordFailure(this.context, table, reason);
  }

  async close(): Promise<void> {
    const { pair } = this;
    this.pair = undefined;
    if (pair)
      await Promise.all([pair.source, pair.target].map((session) => this.context.sessions.close(session)));
  }

  private async open(
    searchPath: boolean,
  ): Promise<{ source: Session; target: Session; rules: ChecksumRules }> {
    const { sessions, snapshot } = this.context;
    const source = await sessions.open('source', `verify ${this.number + 1}`);
    const target = await sessions.open('target', `verify ${this.number + 1}`);
    const rules = await rulesOf(source, target);
    await source.script(checksumSettings(rules));
    await target.script(checksumSettings(rules));
    if (searchPath)
      for (const session of [source, target]) await useSearchPath(session, this.context.searchPath);
    await importSnapshot(source, snapshot);
    return { source, target, rules };
  }
}

/**
 * FORCE ROW LEVEL SECURITY holds for the owner, and BYPASSRLS cannot be had everywhere: it is lifted in a transaction
 * that is rolled back, so that nobody else ever sees it gone.
 */
async function queryUnforced(
  target: Session,
  table: SourceTable,
  sql: string,
): Promise<{ rows: ChecksumRow[] }> {
  await target.script(
    `BEGIN; SET LOCAL lock_timeout = '10s'; ALTER TABLE ONLY ${qualified(table.target)} NO FORCE ROW LEVEL SECURITY`,
  );
  const result = await target.query<ChecksumRow>(sql);
  await target.script('ROLLBACK');
  return result;
}

async function encodingOf(session: Session): Promise<string> {
  const { rows } = await session.query<{ e: string }>(`SELECT current_setting('server_encoding') AS e`);
  return rows[0]?.e ?? '';
}

function record(context: DatabaseContext, table: SourceTable, verification: TableVerification): void {
  const { tracker } = context;
  const name = `${table.schema}.${table.name}`;
  const { equal, sourceRows, targetRows } = verification;
  tracker.setVerification(table, verification);
  tracker.advance('verify', equal ? 'done' : 'failed');
  if (equal) return;
  const message =
    sourceRows === targetRows
      ? `${name}: ${sourceRows} rows on both sides, but their contents differ.`
      : `${name}: ${sourceRows} rows on the source, ${targetRows} on the target.`;
  tracker.finding({
    code: 'FF600',
    severity: 'error',
    object: `table ${name}`,
    message,
    fix: errorCodes.FF600.help,
  });
}

function recordFailure(context: DatabaseContext, table: SourceTable, reason: Fault): void {
  const name = `${table.schema}.${table.name}`;
  context.tracker.advance('verify', 'failed');
  context.tracker.finding({
    code: 'FF601',
    severity: 'error',
    object: `table ${name}`,
    message: `${name} could not be compared: ${reason.message}`,
    fix: errorCodes.FF601.help,
  });
}

function compare(source: ChecksumRow | undefined, target: ChecksumRow | undefined): TableVerification {
  const sourceRows = Number(source?.rows ?? -1);
  const targetRows = Number(target?.rows ?? -2);
  const sourceChecksum = source?.checksum ?? '';
  const targetChecksum = target?.checksum ?? '';
  return {
    equal: sourceRows === targetRows && sourceChecksum === targetChecksum,
    sourceRows,
    targetRows,
    sourceChecksum,
    targetChecksum,
  };
}
