import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultData } from '../../protocol/connection.js';
import type { CutoverSnapshot, FollowRequest, FollowSnapshot, FollowState } from '../../protocol/follow.js';
import { toFault } from '../errors/mapError.js';
import { earlierLsn } from '../postgres/lsn.js';
import type { Session } from '../postgres/session.js';
import { type FollowEnd, Follower, type FollowerOptions } from '../replication/follower.js';
import type { LogicalMessage } from '../replication/pgoutputMessages.js';
import { lockTarget } from '../run/claim.js';
import { noteSaid, noteState, readLanes } from '../run/followState.js';
import { RequestBox } from '../run/requestBox.js';
import { DdlList, ddlSeenText } from './ddlSeen.js';
import { FollowMonitor } from './followMonitor.js';
import { type FollowParts, identityOf } from './followParts.js';
import { followSnapshot } from './followSnapshot.js';
import { KeptSession } from './keptSession.js';
import { driftOf, tablesToFollow } from './tablesToFollow.js';

/** How often requests are looked for, and both servers are looked at; milliseconds. */
const requestMs = 250;
const lookMs = 1_000;
/** At the end a target that does not answer is waited for so long. */
const patienceMs = 5_000;

/** One database that is followed: the follower, what it is asked, and what is told of it. */
export class FollowedDatabase {
  readonly follower: Follower;
  /** On the target, for everything that the run writes down. */
  private readonly desk: KeptSession;
  private readonly asked: RequestBox;
  private readonly monitor: FollowMonitor;
  private readonly ddl: DdlList;
  private readonly over = new AbortController();
  /** What is being written down on the target. */
  private writing: Promise<void> | undefined;
  private watching: Promise<void> = Promise.resolve();
  private ending: Promise<FollowEnd> | undefined;
  state: FollowState;
  cutover: CutoverSnapshot | undefined;
  private fault: FaultData | undefined;
  ended!: Promise<FollowEnd>;

  private constructor(
    private readonly parts: FollowParts,
    read: ReadFirst,
  ) {
    this.state = parts.row.state;
    this.ddl = new DdlList(parts.row.said?.ddlSeen);
    this.follower = new Follower({
      ...followerOptions(parts, read),
      ...(parts.noticesDdl && { onMessage: (message) => this.notice(message) }),
    });
    this.desk = deskOf(parts);
    this.asked = new RequestBox(this.identity);
    this.monitor = new FollowMonitor(parts);
  }

  /** Resolves once the follower is at work; it connects by itself. @throws Fault */
  static async start(parts: FollowParts): Promise<FollowedDatabase> {
    const { job } = parts;
    const source = await job.sessions.open('source', 'columns');
    try {
      const followed = new FollowedDatabase(parts, await readFirst(source, parts));
      await makeDurable(parts.target, followed.identity);
      if (followed.state === 'copying') await followed.enter('following');
      job.tracker.begin('follow', 0);
      followed.ended = followed.follower.run();
      followed.ended.catch((error: unknown) => followed.failed(error));
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

  /** It cannot go on. */
  get hasFailed(): boolean {
    return this.fault !== undefined;
  }

  /** How it is doing. */
  snapshot(): FollowSnapshot {
    const { parts, state, cutover, follower, monitor, ddl, fault } = this;
    return followSnapshot({ parts, state, cutover, follower, monitor, ddl, fault });
  }

  /** It cannot go on. Others of the run do, for weeks maybe: nobody may take it for one that is followed. */
  private failed(error: unknown): void {
    const { job } = this.parts;
    if (job.signal.aborted) return;
    const fault = toFault(error, { side: 'server' });
    job.tracker.log('error', fault.message);
    this.fault = fault.toData();
    this.tell();
  }

  /** Shows how it is doing, in the words of the run. */
  tell(): void {
    const said = this.snapshot();
    this.parts.job.tracker.setFollow(this.parts.told?.(said) ?? said);
  }

  private get identity(): string {
    return identityOf(this.parts);
  }

  private async endNow(): Promise<FollowEnd> {
    try {
      return await this.ended;
    } finally {
      this.over.abort();
      await this.watching;
      this.monitor.sample(this.follower);
      this.tell();
      await this.atMost(this.write());
      await this.desk.end();
      await this.monitor.end();
    }
  }

  /** Each side by itself: while the target does not answer, what becomes of the source is seen and told all the same. */
  private async watch(): Promise<void> {
    await Promise.all([this.every(requestMs, () => this.requests()), this.every(lookMs, () => this.look())]);
  }

  private async every(ms: number, work: () => Promise<void>): Promise<void> {
    const { signal } = this.over;
    const stops = AbortSignal.any([signal, this.parts.job.signal]);
    while (!stops.aborted) {
      const done = work().catch((error: unknown) => this.complain(error));
      await settledOr(stops, done);
      if (stops.aborted) await this.atMost(done);
      else await sleep(ms, undefined, { signal: stops }).catch(() => {});
    }
  }

  /** Does not reject. */
  private async atMost(work: Promise<void>): Promise<void> {
    await Promise.race([work.catch(() => {}), sleep(patienceMs, undefined, { ref: false })]);
  }

  /** Written down before it is behind us: after a crash it would not come again. */
  private async notice(message: LogicalMessage): Promise<void> {
    const ddl = this.ddl.take(message);
    if (ddl === undefined) return;
    this.parts.job.tracker.log('warning', ddlSeenText(ddl));
    await this.desk
      .use((session) => noteSaid(session, this.identity, this.snapshot()))
      .catch((error: unknown) => this.complain(error));
  }

  private complain(error: unknown): void {
    if (this.parts.job.signal.aborted) return;
    this.parts.job.tracker.log('warning', toFault(error, { side: 'server' }).message);
  }

  private async requests(): Promise<void> {
    // Tables are being added: what is asked waits for the one that follows them, too.
    if (this.state === 'copying') return;
    // Here and not what `use` resolves to: the connection may break behind them, and they do not come again.
    const requests: FollowRequest[] = [];
    try {
      await this.desk.use(async (session) => {
        requests.push(...(await this.asked.take(session)));
        if (requests.length > 0) await this.writeFollowing(session);
      });
    } finally {
      for (const request of requests) this.meet(request);
    }
  }

  private meet(request: FollowRequest): void {
    if (request.command === 'ddlDone') {
      this.ddl.dealWith(request.through ?? Number.POSITIVE_INFINITY);
      // Taken out of the target, it is nowhere else: it is written down at once.
      void this.write().catch((error: unknown) => this.complain(error));
    } else if (request.command === 'retry' || request.command === 'skip')
      this.follower.retry({ schema: request.schema, name: request.name }, request.command === 'skip');
    else this.parts.onRequest(request);
  }

  private async look(): Promise<void> {
    await this.monitor.look();
    this.monitor.sample(this.follower);
    this.tell();
    this.writing ??= this.write()
      .catch((error: unknown) => this.complain(error))
      .finally(() => {
        this.writing = undefined;
      });
  }

  /** For who asks the target. */
  private async write(): Promise<void> {
    if (this.parts.job.signal.aborted) return;
    await this.desk.use(async (session) => {
      await this.writeFollowing(session);
      await noteSaid(session, this.identity, this.snapshot());
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
}

/** Leaves nothing on the signal, which may stand for weeks. `work` does not reject. */
function settledOr(signal: AbortSignal, work: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      signal.removeEventListener('abort', end);
      resolve();
    };
    signal.addEventListener('abort', end);
    void work.then(end);
    if (signal.aborted) end();
  });
}

/** What both servers say before anything is followed. */
type ReadFirst = Pick<FollowerOptions, 'tables' | 'encoding' | 'position'>;

async function readFirst(source: Session, parts: FollowParts): Promise<ReadFirst> {
  const tables = await tablesToFollow(source, parts);
  const { rows } = await source.query<{ encoding: string }>(
    `SELECT pg_catalog.current_setting('client_encoding') AS encoding`,
  );
  const encoding = rows[0]?.encoding === 'SQL_ASCII' ? 'latin1' : 'utf8';
  const lanes = await readLanes(parts.target, identityOf(parts));
  return { tables, encoding, position: lanes.length > 0 ? lanes.reduce(earlierLsn) : 0n };
}

function followerOptions(parts: FollowParts, read: ReadFirst): FollowerOptions {
  const { job, base } = parts;
  const { sessions } = job;
  return {
    ...read,
    source: job.source,
    target: job.target,
    open: (purpose) => sessions.open('target', purpose),
    close: (session) => sessions.close(session),
    identity: identityOf(parts),
    ...(parts.unknown && { unknown: parts.unknown }),
    drift: (table) => driftOf(job, table),
    replicaRole: parts.replicaRole,
    searchPath: base.context.searchPath,
    temporaryFolder: tmpdir(),
    ...(parts.endLsn !== undefined && { endLsn: parts.endLsn }),
    onFailure: job.online?.onFailure ?? 'table',
    log: (level, message) => job.tracker.log(level, message),
    signal: job.signal,
  };
}

/** The lock of the run goes with its session: where that is lost, the next one has to take it again. */
function deskOf({ job, target }: FollowParts): KeptSession {
  return new KeptSession(
    async () => {
      const session = await job.sessions.open('target', 'desk');
      if (!job.sharesLock) await lockTarget(session, job.signal);
      await session.script('SET synchronous_commit = on');
      return session;
    },
    (session) => job.sessions.close(session),
    target,
  );
}

/**
 * The base copy commits without waiting for the disk of the target. One commit that does wait brings all before it
 * there: from here on nobody looks whether they are still there after a crash.
 */
async function makeDurable(target: Session, source: string): Promise<void> {
  await target.script('SET synchronous_commit = on');
  await target.query('UPDATE flexferry.follow SET slot = slot WHERE source = $1', [source]);
}
