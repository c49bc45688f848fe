import type { SourceTable } from '../catalog/tables.js';
import { endsRun } from '../errors/endsRun.js';
import { Fault } from '../errors/fault.js';
import { isUndefinedName } from '../errors/undefinedName.js';
import type { CopyResult } from '../postgres/copyRelay.js';
import { qualified } from '../postgres/quote.js';
import { type Session, useSearchPath } from '../postgres/session.js';
import { importSnapshot } from '../postgres/snapshot.js';
import type { DatabaseContext, LaterSnapshot } from '../run/context.js';
import { copySmallTables } from './copySmallTables.js';
import { type CopyMode, copyTable, type FollowedCopy, tableItem } from './copyTable.js';

/** So often a table is copied that is written anew meanwhile. */
const mostAttempts = 10;
const isRewritten = (error: unknown): error is Fault => error instanceof Fault && error.code === 'FF878';

/** A pair of dedicated connections, opened when first needed and replaced after a failure. */
export class CopyWorker {
  private source: Session | undefined;
  private target: Session | undefined;
  private searchPath: string | undefined;
  /** What the source session reads, where that is not the snapshot of the run. */
  private later: LaterSnapshot | undefined;
  /** The source session is in its snapshot. */
  private isReading = false;

  constructor(
    private readonly context: DatabaseContext,
    private readonly number: number,
  ) {}

  async copy(table: SourceTable, mode: CopyMode, attempt = 1): Promise<{ rows: number; bytes: number }> {
    const { checkpoint, tracker, laterSnapshot } = this.context;
    const [source, target] = await this.pair();
    const onBytes = (bytes: number): void => tracker.addBytes(table, bytes);
    const item = tableItem(table);
    try {
      return await copyTable(source, target, table, mode, checkpoint, item, onBytes, this.followed);
    } catch (error) {
      await this.close();
      if (isRewritten(error) && laterSnapshot && attempt < mostAttempts) {
        tracker.log('info', `${error.message}; it is copied again`);
        await this.readLater(table, laterSnapshot);
        return this.copy(table, mode, attempt + 1);
      }
      if (!(error instanceof Fault) || !isUndefinedName(error) || this.searchPath !== undefined) throw error;
      return this.copyUnderSearchPath(table, mode, error);
    }
  }

  /**
   * Everything else is ready before the snapshot is taken, and the table is locked as by COPY right after: who truncates
   * it again and again has moments in between, not the time that connections take.
   */
  private async readLater(
    table: SourceTable,
    laterSnapshot: NonNullable<DatabaseContext['laterSnapshot']>,
  ): Promise<void> {
    try {
      const [source] = [await this.openSource(), await this.openTarget()];
      const later = await laterSnapshot();
      this.later = later;
      await importSnapshot(source, later.snapshot).finally(() => later.release());
      this.isReading = true;
      await source.query(`SELECT FROM ONLY ${qualified(table)} LIMIT 0`);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** CHECK constraints may call functions that rely on the search_path of the source. */
  private async copyUnderSearchPath(
    table: SourceTable,
    mode: CopyMode,
    first: Fault,
  ): Promise<{ rows: number; bytes: number }> {
    this.searchPath = this.context.searchPath;
    try {
      return await this.copy(table, mode);
    } catch (error) {
      throw error instanceof Fault && endsRun(error) ? error : first;
    } finally {
      this.searchPath = undefined;
      await this.close();
    }
  }

  /** On the target; those of CREATE EXTENSION do not count. */
  async hasRows(table: SourceTable): Promise<boolean> {
    if (table.extensionCondition !== undefined) return false;
    const [, target] = await this.pair();
    const { rows } = await target.query<{ some: boolean }>(
      `SELECT EXISTS (SELECT FROM ONLY ${qualified(table.target)}) AS some`,
    );
    return rows[0]?.some ?? false;
  }

  /** Several small tables together; nothing where that failed and each has to be tried by itself. */
  async copyTogether(tables: readonly SourceTable[]): Promise<CopyResult[] | undefined> {
    const { checkpoint, signal } = this.context;
    const [source, target] = await this.pair();
    try {
      return await copySmallTables(source, target, tables, checkpoint, tableItem, this.followed);
    } catch (error) {
      signal.throwIfAborted();
      await this.close();
      if (!(error instanceof Fault) || endsRun(error)) throw error;
      return undefined;
    }
  }

  async close(): Promise<void> {
    const { sessions } = this.context;
    const both = [this.source, this.target];
    this.source = undefined;
    this.target = undefined;
    this.later = undefined;
    this.isReading = false;
    await Promise.all(both.map((session) => session && sessions.close(session)));
  }

  private get followed(): FollowedCopy | undefined {
    if (!this.context.laterSnapshot) return undefined;
    return this.later ? { lsn: this.later.lsn } : {};
  }

  private async pair(): Promise<[Session, Session]> {
    const { snapshot } = this.context;
    const source = this.source ?? (await this.openSource());
    if (!this.isReading) await importSnapshot(source, snapshot);
    this.isReading = true;
    return [source, this.target ?? (await this.openTarget())];
  }

  private async openSource(): Promise<Session> {
    this.source = await this.context.sessions.open('source', `copy ${this.number + 1}`);
    return this.source;
  }

  private async openTarget(): Promise<Session> {
    const target = await this.context.sessions.open('target', `copy ${this.number + 1}`);
    this.target = target;
    await target.script(`SET lc_monetary = 'C'; SET synchronous_commit = off`);
    // Triggers exist already where a table is copied late, by a resumed run. Not every target allows this setting.
    await target.script('SET session_replication_role = replica').catch(() => {});
    if (this.searchPath !== undefined) await useSearchPath(target, this.searchPath);
    return target;
  }
}
