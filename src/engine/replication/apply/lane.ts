import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../../errors/fault.js';
import { isUndefinedName } from '../../errors/undefinedName.js';
import { formatLsn, type Lsn, lsnFromServer } from '../../postgres/lsn.js';
import { Pipeline, type PipelineStep } from '../../postgres/pipeline.js';
import type { Session } from '../../postgres/session.js';
import type { ValueEncoding } from '../pgoutput.js';
import { blameOf } from './applyFaults.js';
import { stopStep } from './followedRows.js';
import type { FollowedTables } from './followedTables.js';
import type { LaneBatch, SourcedStep } from './laneBatch.js';
import { type Failure, planAnew } from './planAnew.js';

/** A deadlock or a lock that somebody holds: so often and after so long a batch is tried again, milliseconds. */
const tries = 6;
const pauseMs = 200;

export interface LaneOptions {
  /** Identity of the source in flexferry.lane. */
  readonly source: string;
  readonly number: number;
  readonly encoding: ValueEncoding;
  readonly tables: FollowedTables;
  /** What a change that cannot be applied stops. */
  readonly onFailure: 'table' | 'run';
  /** Of the source: CHECK constraints and indexes may call functions that rely on it. */
  readonly searchPath?: string | undefined;
}

export interface Work {
  /** To be run behind the changes, in the same transaction. */
  readonly extra?: readonly PipelineStep[];
  /** Changes that cannot be applied wait already. */
  readonly keepsWaiting?: boolean;
  /** More of the same transaction of the source is to come. */
  readonly isPart?: boolean;
}

/**
 * One connection of the apply, with the tables that are its own. Work and commit are apart, so that several lanes show
 * a batch to readers at the same time, and so that nothing is committed before the rows were counted.
 */
export class Lane {
  private readonly pipeline: Pipeline;
  /** Work that is not committed yet. */
  private open = false;
  private usesSearchPath = false;
  /** How often a batch had to be planned anew. */
  replans = 0;

  private constructor(
    readonly session: Session,
    private readonly options: LaneOptions,
    private readonly replicaRole: boolean,
  ) {
    this.pipeline = new Pipeline(session, { encoding: options.encoding, side: 'target' });
  }

  /**
   * Waits for what a former connection of this lane left, and reads how far it got. Plans are made once for all: rows
   * meet their table by its key, however many there are.
   */
  static async over(
    session: Session,
    options: LaneOptions,
    replicaRole: boolean,
  ): Promise<{ lane: Lane; position: Lsn }> {
    const settings = [
      // What is confirmed to the source has to outlive a crash of the target.
      'synchronous_commit = on',
      // Not what the database may say: rows are looked for as they are now.
      "default_transaction_isolation = 'read committed'",
      "lc_monetary = 'C'",
      "lock_timeout = '30s'",
      'enable_hashjoin = off',
      'enable_mergejoin = off',
      'enable_seqscan = off',
      ...(session.versionNum >= 110000 ? ['jit = off'] : []),
      ...(session.versionNum >= 120000 ? ['plan_cache_mode = force_generic_plan'] : []),
      ...(replicaRole ? ['session_replication_role = replica'] : []),
    ];
    await session.script(settings.map((setting) => `SET ${setting}`).join('; '));
    const { rows } = await session.query<{ applied: string }>(
      `SELECT applied::text FROM flexferry.lane WHERE source = $1 AND lane = ${options.number} FOR UPDATE`,
      [options.source],
    );
    const [row] = rows;
    if (row === undefined) throw new Fault('FF900', `lane ${options.number} of the apply is not there`);
    const lane = new Lane(session, options, replicaRole);
    return { lane, position: lsnFromServer(row.applied) };
  }

  /**
   * Applies a batch without committing it. Tables that cannot go on are stopped (`batch.stops`). Ends in any case: what
   * may pass by itself is tried `tries` times, and every other way of {@link LaneBatch} is taken once. @throws Fault
   */
  async work(
    batch: LaneBatch,
    { extra = [], keepsWaiting = false, isPart = false }: Work = {},
  ): Promise<void> {
    if (batch.isEmpty && extra.length === 0) return;
    const { source, encoding } = this.options;
    const nested = this.open;
    for (let attempt = 1; ; ) {
      const planned = batch.steps(source, encoding, !isPart);
      const last = [...this.stopSteps(batch), ...batch.relationSteps(source), ...extra];
      const failure = await this.attempt(planned, last, nested);
      if (failure === undefined) return;
      await this.back(nested);
      const blame = failure.fault === undefined || readersOnly(failure) ? 'change' : blameOf(failure.fault);
      if (
        failure.fault !== undefined &&
        blame === 'again' &&
        attempt < tries &&
        mayRepeat(failure.fault, nested)
      ) {
        attempt += 1;
        await sleep(pauseMs * attempt);
      } else if (failure.fault !== undefined && blame !== 'change') throw failure.fault;
      else await this.replan(batch, failure, keepsWaiting);
    }
  }

  /** Makes the work of this lane durable, with the position that it has reached. */
  async commit(lsn: Lsn | undefined): Promise<void> {
    const steps: PipelineStep[] = [];
    if (lsn !== undefined) {
      if (!this.open) steps.push(...this.begin());
      steps.push({
        sql: `UPDATE flexferry.lane SET applied = $1::pg_lsn WHERE source = $2 AND lane = ${this.options.number}`,
        values: [formatLsn(lsn), Buffer.from(this.options.source)],
        prepared: true,
      });
    } else if (!this.open) return;
    const { fault } = await this.pipeline.run([...steps, { sql: 'COMMIT' }]);
    this.open = false;
    if (fault) throw fault;
  }

  async rollback(): Promise<void> {
    if (!this.open || this.session.closed) return;
    this.open = false;
    await this.pipeline.run([{ sql: 'ROLLBACK' }]);
  }

  /**
   * The lock is what a later connection waits for before it reads the position: a transaction of ours whose connection
   * was cut may still commit.
   */
  private begin(): PipelineStep[] {
    const sql = `SELECT FROM flexferry.lane WHERE source = $1 AND lane = ${this.options.number} FOR UPDATE`;
    return [
      { sql: 'BEGIN' },
      // Names are UTF-8, whatever the encoding of the values is.
      { sql, values: [Buffer.from(this.options.source)], prepared: true },
      { sql: 'SET CONSTRAINTS ALL DEFERRED' },
    ];
  }

  private stopSteps(batch: LaneBatch): PipelineStep[] {
    return batch.stops.map(({ followed, fault, ddl }) => stopStep(this.options.source, followed, fault, ddl));
  }

  private async attempt(
    planned: readonly SourcedStep[],
    last: readonly PipelineStep[],
    nested: boolean,
  ): Promise<Failure | undefined> {
    const begin = nested ? [{ sql: 'SAVEPOINT flexferry_batch' }] : this.begin();
    const end = nested ? [{ sql: 'RELEASE flexferry_batch' }] : [];
    const steps = [...begin, ...planned, ...last, ...end];
    this.open = true;
    const { rows, fault } = await this.pipeline.run(steps);
    if (!nested && rows[1] === 0) throw new Fault('FF900', 'the position of the apply is not there any more');
    if (fault) return { fault, step: planned[rows.length - begin.length] };
    for (const [i, step] of planned.entries()) {
      const touched = rows[begin.length + i] ?? 0;
      if (step.expected !== undefined && step.expected !== touched)
        return { fault: undefined, step, rows: touched };
    }
    return undefined;
  }

  private async back(nested: boolean): Promise<void> {
    const sql = nested ? 'ROLLBACK TO SAVEPOINT flexferry_batch' : 'ROLLBACK';
    const { fault } = await this.pipeline.run([{ sql }]);
    if (fault) throw fault;
    this.open = nested;
  }

  private async replan(batch: LaneBatch, failure: Failure, keepsWaiting: boolean): Promise<void> {
    this.replans += 1;
    const { fault, step } = failure;
    if (fault === undefined) this.pipeline.forget(step.sql);
    else if (isUndefinedName(fault) && step && (await this.useSearchPath())) return;
    const { replicaRole } = this;
    planAnew(batch, failure, { keepsWaiting, replicaRole, onFailure: this.options.onFailure });
  }

  /** From now on. False if that is done already, or cannot be done. */
  private async useSearchPath(): Promise<boolean> {
    const { searchPath } = this.options;
    if (searchPath === undefined || this.usesSearchPath) return false;
    this.usesSearchPath = true;
    const sql = `SELECT pg_catalog.set_config('search_path', $1, false)`;
    const { fault } = await this.pipeline.run([{ sql, values: [Buffer.from(searchPath)] }]);
    if (fault) throw fault;
    return true;
  }
}

/** A snapshot that is too old stays so within its transaction. */
const mayRepeat = (fault: Fault, nested: boolean): boolean => !nested || fault.sqlstate !== '40001';

/** Waits for all, also where one fails: none may go on while the others are taken back. */
export async function allLanes(work: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) if (result.status === 'rejected') throw result.reason;
}

/** TRUNCATE waits for everybody who reads the table, DELETE for nobody who does not write it. */
const readersOnly = ({ fault, step }: Failure): boolean =>
  fault?.sqlstate === '55P03' && step?.sql.startsWith('TRUNCATE') === true;
