import { tmpdir } from 'node:os';
import type {
  CutoverSnapshot,
  FollowRequest,
  FollowSnapshot,
  FollowState,
  StoppedTable,
} from '../../protocol/follow.js';
import type { DatabaseJob } from '../databaseJob.js';
import { Fault } from '../errors/fault.js';
import { toFault } from '../errors/mapError.js';
import { earlierLsn, formatLsn, type Lsn } from '../postgres/lsn.js';
import type { Session } from '../postgres/session.js';
import type { TableToFollow } from '../replication/apply/followedTables.js';
import { type FollowEnd, Follower } from '../replication/follower.js';
import { type FollowFigures, followFigures } from '../replication/followFigures.js';
import type { ValueEncoding } from '../replication/pgoutput.js';
import type { Relation } from '../replication/pgoutputMessages.js';
import { lockTarget } from '../run/claim.js';
import { shownState } from '../run/followLifecycle.js';
import { type FollowRow, noteSaid, noteState, readLanes } from '../run/followState.js';
import { RequestBox } from '../run/requestBox.js';
import { FollowHistory } from './followRates.js';
import { KeptSession } from './keptSession.js';
import { type CopiedTables, driftOf, tablesToFollow } from './tablesToFollow.js';
import { Unfollowed } from './unfollowed.js';
import { forReadOnly } from './wayBackWords.js';

/** How often requests are looked for, both servers are looked at, and new tables are looked for; milliseconds. */
const requestMs = 250;
const lookMs = 1_000;
const newTablesMs = 3_000;

export interface FollowParts extends CopiedTables {
  readonly job: DatabaseJob;
  readonly row: FollowRow;
  readonly replicaRole: boolean;
  readonly insertOnly: ReadonlySet<string>;
  readonly endLsn?: Lsn;
  /** What the run tells of it, where that is in other words. */
  told?(said: FollowSnapshot): FollowSnapshot;
  /** Holds the lock of the run on the target; the follow closes it. */
  readonly target: Session;
  /** Tables that nobody named: see FollowerOptions. */
  unknown?(relation: Relation): TableToFollow | undefined;
  /** What is to be done with a request that is not about the following itself. */
  onRequest(request: FollowRequest): void;
}

/** One database that is followed: the follower, what it is asked, and what is told of it. */
export class FollowedDatabase {
  readonly follower: Follower;
  private readonly history = new FollowHistory();
  private readonly asked: RequestBox;
  private readonly desk: KeptSession;
  private readonly monitor: KeptSession;
  private figures: FollowFigures | undefined;
  /** Clock of the source less ours, milliseconds. */
  private clockOffset = 0;
  private readonly unfollowed: Unfollowed;
  private lookedAt = 0;
  private lookedForTablesAt = 0;
  private over = false;
  private watching: Promise<void> = Promise.resolve();
  private ending: Promise<FollowEnd> | undefined;
  state: FollowState;
  cutover: CutoverSnapshot | undefined;
  ended!: Promise<FollowEnd>;

  private constructor(
    private readonly parts: FollowParts,
    tables: readonly TableToFollow[],
    encoding: ValueEncoding,
    position: Lsn,
  ) {
    const { job, base, row, target } = parts;
    const { sessions } = job;
    this.state = row.state;
    this.unfollowed = new Unfollowed({ ...parts, takesAll: parts.unknown !== undefined });
    this.asked = new RequestBox(base.context.checkpoint.run.source);
    this.desk = new KeptSession(
      async () => {
        const session = await sessions.open('target', 'desk');
        if (!job.sharesLock) await lockTarget(session, job.signal);
        await session.script('SET synchronous_commit = on');
        return session;
      },
      (session) => sessions.close(session),
      target,
    );
    this.monitor = new KeptSession(
      () => sessions.open('source', 'monitor'),
      (session) => sessions.close(session),
    );
    this.follower = new Follower({
      source: job.source,
      target: job.target,
      open: (purpose) => sessions.open('target', purpose),
      close: (session) => sessions.close(session),
      identity: base.context.checkpoint.run.source,
      tables,
      ...(parts.unknown && { unknown: parts.unknown }),
      drift: (table) => driftOf(job, table),
      encoding,
      replicaRole: parts.replicaRole,
      searchPath: base.context.searchPath,
      temporaryFolder: tmpdir(),
      position,
      ...(parts.endLsn !== undefined && { endLsn: parts.endLsn }),
      onFailure: job.online?.onFailure ?? 'table',
      log: (level, message) => job.tracker.log(level, message),
      signal: job.signal,
    });
  }

  static async start(parts: FollowParts): Promise<FollowedDatabase> {
    const { job } = parts;
    const source = await job.sessions.open('source', 'columns');
    try {
      const tables = await tablesToFollow(source, parts);
      const { rows } = await source.query<{ encoding: string }>(
        `SELECT pg_catalog.current_setting('client_encoding') AS encoding`,
      );
      const encoding = rows[0]?.encoding === 'SQL_ASCII' ? 'latin1' : 'utf8';
      const lanes = await readLanes(parts.target, parts.base.context.checkpoint.run.source);
      const position = lanes.length > 0 ? lanes.reduce(earlierLsn) : 0n;
      const followed = new FollowedDatabase(parts, tables, encoding, position);
      await makeDurable(parts.target, followed.identity);
      if (followed.state === 'copying') await followed.enter('following');
      job.tracker.begin('follow', 0);
      followed.ended = followed.follower.run();
      followed.ended.catch(() => {});
      followed.watching = followed.watch();
      return followed;
    } finally {
      await job.sessions.close(source);
    }
  }

  /** Makes a state durable and tells it. */
  async enter(state: FollowState): Promise<void> {
    this.state = state;
    await this.desk.use((session) => noteState(session, this.identity, { state }));
    this.tell();
  }

  /** Waits for the end of the following, and stops to watch it. Rejects with what ended it. */
  end(): Promise<FollowEnd> {
    this.ending ??= this.endNow();
    return this.ending;
  }

  private async endNow(): Promise<FollowEnd> {
    try {
      return await this.ended;
    } finally {
      this.over = true;
      await this.watching;
      await this.look(true).catch(() => {});
      await this.desk.end();
      await this.monitor.end();
    }
  }

  snapshot(): FollowSnapshot {
    const { follower, figures, parts, unfollowed, cutover } = this;
    const { position } = follower;
    const sourceLsn = figures && figures.sourceLsn > position ? figures.sourceLsn : position;
    const { transactions, changes } = follower.figures;
    const slot = figures?.slot;
    const forecast = this.history.slotForecast(performance.now());
    const told = (table: StoppedTable): StoppedTable => (parts.row.wayBack ? forReadOnly(table) : table);
    return {
      state: shownState(parts.row, this.state),
      appliedLsn: formatLsn(position),
      sourceLsn: formatLsn(sourceLsn),
      lagBytes: Number(sourceLsn - position),
      lagSeconds: this.lagSeconds(sourceLsn, position),
      transactions,
      changes,
      ...this.history.rates(),
      spooledBytes: follower.spooledBytes,
      slot: {
        name: parts.row.slot,
        retainedBytes: slot?.retainedBytes ?? 0,
        ...(forecast.bytesPerSecond !== undefined && { bytesPerSecond: forecast.bytesPerSecond }),
        ...(forecast.lostInSeconds !== undefined && { lostInSeconds: forecast.lostInSeconds }),
        ...(slot?.walStatus !== undefined && { walStatus: slot.walStatus }),
        ...(slot?.safeWalBytes !== undefined && { safeBytes: slot.safeWalBytes }),
      },
      stopped: (follower.tables?.stopped ?? []).flatMap(({ schema, name, stopped }) =>
        stopped ? [told({ schema, name, ...stopped })] : [],
      ),
      newTables: unfollowed.fresh,
      ...(parts.endLsn !== undefined && { endpos: formatLsn(parts.endLsn) }),
      ...(cutover && { cutover }),
      ...(follower.reconnecting && { reconnecting: follower.reconnecting }),
      ...(parts.row.wayBack && { isWayBack: true }),
    };
  }

  private get identity(): string {
    return this.parts.base.context.checkpoint.run.source;
  }

  /** By the clock of the source. Nothing is late that nobody has written. */
  private lagSeconds(sourceLsn: Lsn, position: Lsn): number {
    if (sourceLsn <= position) return 0;
    const { waitingSince, appliedAt } = this.follower.figures;
    const isBehind = sourceLsn - position > 1n << 20n;
    const since = waitingSince ?? (isBehind ? appliedAt : undefined);
    return since === undefined ? 0 : Math.max(0, (Date.now() + this.clockOffset - since) / 1000);
  }

  tell(): void {
    const said = this.snapshot();
    this.parts.job.tracker.setFollow(this.parts.told?.(said) ?? said);
  }

  private async watch(): Promise<void> {
    while (!this.over && !this.parts.job.signal.aborted) {
      await this.requests().catch((error: unknown) => this.complain(error));
      if (performance.now() - this.lookedAt >= lookMs)
        await this.look(false).catch((error: unknown) => this.complain(error));
      await Promise.race([
        new Promise((resolve) => setTimeout(resolve, requestMs)),
        this.ended.then(
          () => {},
          () => {},
        ),
      ]);
    }
  }

  private complain(error: unknown): void {
    if (this.parts.job.signal.aborted) return;
    this.parts.job.tracker.log('warning', toFault(error, { side: 'server' }).message);
  }

  private async requests(): Promise<void> {
    const requests = await this.desk.use(async (session) => {
      const taken = await this.asked.take(session);
      if (taken.length > 0) await this.writeFollowing(session);
      return taken;
    });
    for (const request of requests ?? []) {
      if (request.command === 'retry' || request.command === 'skip')
        this.follower.retry({ schema: request.schema, name: request.name }, request.command === 'skip');
      else this.parts.onRequest(request);
    }
  }

  private async look(isLast: boolean): Promise<void> {
    this.lookedAt = performance.now();
    const { row, job } = this.parts;
    if (!isLast)
      await this.monitor.use(async (source) => {
        const asked = Date.now();
        this.figures = await followFigures(source, row.slot);
        const { rows } = await source.query<{ ms: string }>(
          `SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000)::bigint::text AS ms`,
        );
        this.clockOffset = Number(rows[0]?.ms ?? 0) - (asked + Date.now()) / 2;
        if (performance.now() - this.lookedForTablesAt < newTablesMs) return;
        this.lookedForTablesAt = performance.now();
        await this.unfollowed.look(source);
      });
    this.sample();
    this.tell();
    const said = this.snapshot();
    if (job.signal.aborted) return;
    await this.desk.use(async (session) => {
      await this.writeFollowing(session);
      await noteSaid(session, this.identity, said);
    });
  }

  /** The step from copying may have been lost with its connection, or in a crash of the target. */
  private async writeFollowing(session: Session): Promise<void> {
    if (this.state !== 'following') return;
    await session.query(
      `UPDATE flexferry.follow SET state = 'following' WHERE source = $1 AND state = 'copying'`,
      [this.identity],
    );
  }

  private sample(): void {
    const at = performance.now();
    const { position, figures } = this.follower;
    const { transactions, changes } = figures;
    if (position === 0n) return;
    const sourceLsn = this.figures?.sourceLsn ?? position;
    this.history.add({ at, appliedLsn: position, sourceLsn, transactions, changes });
    const slot = this.figures?.slot;
    if (slot)
      this.history.addSlot({
        at,
        retainedBytes: slot.retainedBytes,
        ...(slot.safeWalBytes !== undefined && { safeWalBytes: slot.safeWalBytes }),
      });
  }
}

/** Why a follow of a database ended early, for those who asked. */
export const cancelled = (): Fault => new Fault('FF509', 'The migration was cancelled.');

/**
 * The base copy commits without waiting for the disk of the target. One commit that does wait brings all before it
 * there: from here on nobody looks whether they are still there after a crash.
 */
async function makeDurable(target: Session, source: string): Promise<void> {
  await target.script('SET synchronous_commit = on');
  await target.query('UPDATE flexferry.follow SET slot = slot WHERE source = $1', [source]);
}
