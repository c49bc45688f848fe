import { chunks } from '../../base/pool.js';
import type { SourceTable } from '../catalog/tables.js';
import { endsRun } from '../errors/endsRun.js';
import { Fault } from '../errors/fault.js';
import type { Session } from '../postgres/session.js';
import type { DatabaseContext } from '../run/context.js';
import { tableKey } from '../run/databaseTracker.js';
import type { IndexWork, TableIndexes } from './postData.js';
import { reportDone, reportFailed, runStatement, runStatements, withSemicolon } from './runStatements.js';

/** Memory for one index build; the server's own setting counts where it is higher. */
const buildMemory = `SELECT set_config('maintenance_work_mem', '256MB', false) FROM pg_settings WHERE name = 'maintenance_work_mem' AND setting::bigint < 262144`;

/** Heap bytes below which the indexes of a table are not worth building beside each other. */
const smallTable = 1 << 20;
/** Tables whose indexes one task builds; runStatements makes messages of them. */
const smallBatch = 10;

interface TableProgress {
  readonly work: TableIndexes;
  left: number;
}
type Task = (session: Session) => Promise<void>;

/**
 * Builds indexes while other tables are still being copied: those of a table are queued when it is loaded, several of
 * one table at the same time. When the last one stands, the table's constraints are made from them, because ADD
 * CONSTRAINT would wait for every build on the table.
 */
export class IndexBuilder {
  private readonly queue: Task[] = [];
  private readonly small: TableIndexes[] = [];
  private readonly running = new Set<Promise<void>>();
  private readonly idle: Session[] = [];
  private reason: unknown;

  constructor(
    private readonly context: DatabaseContext,
    private readonly plan: ReadonlyMap<string, TableIndexes>,
    private readonly settings: readonly string[],
  ) {}

  /** The table has all its rows. */
  tableLoaded(table: SourceTable): void {
    const work = this.plan.get(tableKey(table.target));
    if (!work) return;
    if (table.bytes < smallTable) {
      this.queueSmall(work);
      return;
    }
    const progress: TableProgress = { work, left: work.indexes.length };
    for (const index of work.indexes) {
      this.queue.push(async (session) => {
        await this.build(session, index, table);
        progress.left -= 1;
        if (progress.left === 0) await this.addConstraints(session, work);
      });
    }
    if (progress.left === 0) this.queue.push((session) => this.addConstraints(session, work));
    this.pump();
  }

  /** Settles when everything queued has ended; rejects with the fault that ends the run. */
  async finish(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
    await Promise.all(this.idle.splice(0).map((session) => this.context.sessions.close(session)));
    if (this.reason !== undefined) throw this.reason;
  }

  private pump(): void {
    while (
      this.reason === undefined &&
      this.queue.length > 0 &&
      this.running.size < this.context.options.indexJobs
    ) {
      const task = this.queue.shift();
      if (!task) return;
      const run = this.runTask(task).finally(() => {
        this.running.delete(run);
        this.pump();
      });
      this.running.add(run);
    }
  }

  private async runTask(task: Task): Promise<void> {
    try {
      this.context.signal.throwIfAborted();
      const session = this.idle.pop() ?? (await this.open());
      await task(session);
      this.idle.push(session);
    } catch (error) {
      this.reason ??= error;
    }
  }

  private async open(): Promise<Session> {
    const session = await this.context.sessions.open('target', 'index');
    await session.script(
      ['SET synchronous_commit = off', ...this.settings.map((s) => s.replace(/;$/, '')), buildMemory].join(
        '; ',
      ),
    );
    return session;
  }

  /** Tables that were loaded together are indexed together: thousands of small ones are mostly round trips. */
  private queueSmall(work: TableIndexes): void {
    this.small.push(work);
    if (this.small.length > 1) return;
    queueMicrotask(() => {
      for (const batch of chunks(this.small.splice(0), smallBatch))
        this.queue.push((session) => this.buildAll(session, batch));
      this.pump();
    });
  }

  private async buildAll(session: Session, batch: readonly TableIndexes[]): Promise<void> {
    const items = batch.flatMap((work) => [
      ...work.indexes.map(({ item, sql, addConstraint }) => ({
        ...item,
        sql: addConstraint === undefined ? sql : `${withSemicolon(sql)}\n${addConstraint}`,
      })),
      ...work.constraints,
    ]);
    await runStatements(this.context, session, 'indexes', items);
    for (const work of batch) for (let i = 0; i < work.indexes.length; i++) this.count(work.table);
  }

  private async build(session: Session, work: IndexWork, table: SourceTable): Promise<void> {
    const { checkpoint, tracker, signal } = this.context;
    const item = work.item.key;
    // A plain index is the statement itself; that of a constraint has a checkpoint of its own before the constraint.
    if (work.addConstraint === undefined) {
      if (checkpoint.has('statement', item)) reportDone(this.context, 'indexes', work.item);
      else await runStatement(this.context, session, 'indexes', work.item);
      this.count(table);
      return;
    }
    if (!checkpoint.has('index', item) && !checkpoint.has('statement', item)) {
      try {
        const before = work.item.around?.before ?? '';
        await session.script(`${before}\n${withSemicolon(work.sql)}\n${checkpoint.record('index', item)}`);
        checkpoint.remember('index', item);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof Fault) || endsRun(error)) throw error;
        reportFailed(this.context, 'indexes', { ...work.item, sql: work.sql }, error);
        return;
      }
    }
    tracker.log('debug', `index for ${work.item.statement.object} is built`);
    this.count(table);
  }

  private count(table: SourceTable): void {
    const t = this.context.tracker.table(table);
    if (t) t.indexesDone += 1;
    this.context.tracker.indexesDone += 1;
  }

  private async addConstraints(session: Session, work: TableIndexes): Promise<void> {
    const { checkpoint } = this.context;
    for (const index of work.indexes) {
      if (index.addConstraint === undefined) continue;
      if (checkpoint.has('statement', index.item.key)) reportDone(this.context, 'indexes', index.item);
      else if (checkpoint.has('index', index.item.key))
        await runStatement(this.context, session, 'indexes', index.item, index.addConstraint);
    }
    for (const item of work.constraints) {
      if (checkpoint.has('statement', item.key)) reportDone(this.context, 'indexes', item);
      else await runStatement(this.context, session, 'indexes', item);
    }
  }
}
