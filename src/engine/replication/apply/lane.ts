import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../../errors/fault.js';
import { formatLsn, type Lsn, lsnFromServer } from '../../postgres/lsn.js';
import { Pipeline, type PipelineStep } from '../../postgres/pipeline.js';
import type { Session } from '../../postgres/session.js';
import type { ValueEncoding } from '../pgoutput.js';
import { blameOf, changeFault } from './applyFaults.js';
import type { FollowedTables } from './followedTables.js';
import { stopStep } from './followedTables.js';
import type { LaneBatch, SourcedStep } from './laneBatch.js';

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
}

/**
 * One connection of the apply, with the tables that are its own. Work and commit are apart, so that several lanes show
 * a batch to readers at the same time, and so that nothing is committed before the rows were counted.
 */
export class Lane {
  private readonly pipeline: Pipeline;
  /** Work that is not committed yet. */
  private open = false;

  private constructor(
    readonly session: Session,
    private readonly options: LaneOptions,
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
    return { lane: new Lane(session, options), position: lsnFromServer(row.applied) };
  }

  /** Applies a batch without committing it. Tables that cannot go on are stopped (`batch.stops`). @throws Fault */
  async work(batch: LaneBatch, extra: readonly PipelineStep[] = [], keepsWaiting = false): Promise<void> {
    if (batch.isEmpty && extra.length === 0) return;
    const nested = this.open;
    for (let attempt = 1; ; ) {
      const planned = batch.steps(this.options.source, this.options.encoding);
      const failure = await this.attempt(planned, [...this.stopSteps(batch), ...extra], nested);
      if (failure === undefined) return;
      await this.back(nested);
      const { fault, step } = failure;
      const blame = fault === 'count' ? 'change' : blameOf(fault);
      if (fault !== 'count' && blame === 'again' && !nested && attempt < tries) {
        attempt += 1;
        await sleep(pauseMs * attempt);
      } else if (blame !== 'change' && fault !== 'count') throw fault;
      else this.replan(batch, step, failure, keepsWaiting);
    }
  }

  /** Makes the work of this lane durable, with the position that it has reached. */
  async commit(lsn: Lsn | undefined): Promise<void> {
    const steps: PipelineStep[] = [];
    if (lsn !== undefined) {
      if (!this.open) steps.push(...this.begin());
      steps.push({
        sql: `UPDATE flexferry.lane SET applied = $1::pg_lsn WHERE source = $2 AND lane = ${this.options.number}`,
        values: [formatLsn(lsn), this.options.source],
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
      { sql, values: [this.options.source], prepared: true },
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
  ): Promise<{ fault: Fault | 'count'; step: SourcedStep | undefined; rows: number } | undefined> {
    const begin = nested ? [{ sql: 'SAVEPOINT flexferry_batch' }] : this.begin();
    const end = nested ? [{ sql: 'RELEASE flexferry_batch' }] : [];
    const steps = [...begin, ...planned, ...last, ...end];
    this.open = true;
    const { rows, fault } = await this.pipeline.run(steps);
    if (fault) return { fault, step: planned[rows.length - begin.length], rows: 0 };
    for (const [i, step] of planned.entries()) {
      const touched = rows[begin.length + i] ?? 0;
      if (step.expected !== undefined && step.expected !== touched)
        return { fault: 'count', step, rows: touched };
    }
    return undefined;
  }

  private async back(nested: boolean): Promise<void> {
    const sql = nested ? 'ROLLBACK TO SAVEPOINT flexferry_batch' : 'ROLLBACK';
    const { fault } = await this.pipeline.run([{ sql }]);
    if (fault) throw fault;
    this.open = nested;
  }

  /** Another way for what failed; where there is none its table stops. */
  private replan(
    batch: LaneBatch,
    step: SourcedStep | undefined,
    { fault, rows }: { fault: Fault | 'count'; rows: number },
    keepsWaiting: boolean,
  ): void {
    const isForeignKey = fault !== 'count' && fault.sqlstate === '23503';
    if (isForeignKey && !batch.inOrder) {
      batch.inOrder = true;
      return;
    }
    const from = step?.from;
    if (from?.kind === 'truncate' && !batch.truncateByDelete) {
      batch.truncateByDelete = true;
      return;
    }
    if (from?.kind === 'merged' && batch.order(from.table)) return;
    if (from?.kind !== 'one')
      throw fault === 'count' ? new Fault('FF900', 'a merged batch has lost its rows') : fault;
    const { table, change, commitLsn } = from.change;
    const why = fault === 'count' ? (rows === 0 ? 'missing' : 'several') : fault;
    const told = changeFault(table, change, commitLsn, why);
    if (this.options.onFailure === 'run') throw told;
    const followed = this.options.tables.of(change.relation.oid);
    if (followed === undefined) throw told;
    batch.stopAt(from.change, followed, told, keepsWaiting);
  }
}
