import { setTimeout as sleep } from 'node:timers/promises';
import type { FollowRequest } from '../protocol/follow.js';
import { analyzeBase, type BaseCopy, claimTarget, copyBase, ensureRun, leaveOwners } from './baseCopy.js';
import { canSetReplicaRole } from './catalog/replicationFacts.js';
import { databaseIdentity } from './catalog/server.js';
import { removeFollowed } from './cleanUpFollow.js';
import type { CutoverRequest } from './cutover/steps.js';
import { interruptedCutover } from './cutoverDatabase.js';
import type { CutoverDesk } from './cutoverDesk.js';
import type { CutoverParts } from './cutoverParts.js';
import type { DatabaseJob } from './databaseJob.js';
import { Fault } from './errors/fault.js';
import { cancelled, FollowedDatabase } from './followDatabase.js';
import { attachBase } from './onlineAttach.js';
import { type EndPoint, endPoint, finishAtEnd } from './onlineEnd.js';
import { type Followable, openOnlineSource } from './onlineSource.js';
import { readFollow } from './run/followState.js';

/** Milliseconds. */
const outcomeStandsMs = 1_500;

/** What ends the following, or interrupts it. */
type Outcome = 'end' | 'addTables' | 'cancel' | 'handedOver';

/**
 * The story of one database that is moved online: base copy → follow → (cutover | position that was asked for). Tables
 * that are added go through the base copy once more: what is there is recorded and not done again.
 */
export class OnlineDatabase {
  private followed!: FollowedDatabase;
  private base!: BaseCopy;
  private point: EndPoint | undefined;
  private decide: ((decision: 'confirm' | 'undo') => void) | undefined;
  private settle!: (outcome: Outcome) => void;
  private fail!: (error: unknown) => void;
  private outcome!: Promise<Outcome>;
  private isCuttingOver = false;

  private constructor(
    private readonly job: DatabaseJob,
    private readonly desk: CutoverDesk,
  ) {}

  /** Resolves once changes are followed. */
  static async begin(job: DatabaseJob, desk: CutoverDesk): Promise<OnlineDatabase> {
    const database = new OnlineDatabase(job, desk);
    job.tracker.state = 'running';
    await database.follow();
    return database;
  }

  /** Follows until the end that was asked for, then finishes. Rejects when the run cannot go on. */
  async finish(): Promise<void> {
    try {
      await this.followToEnd();
    } finally {
      await this.stop();
    }
  }

  /** Lets go of both servers; what is applied stays. Never rejects. */
  async stop(): Promise<void> {
    this.followed.follower.stop();
    await this.followed.end().catch(() => {});
  }

  private async followToEnd(): Promise<void> {
    for (;;) {
      const outcome = await this.outcome;
      if (outcome === 'addTables') {
        await this.addTables();
        continue;
      }
      this.followed.follower.stop();
      await this.followed.end().catch((error: unknown) => {
        // After the hand-over nothing that was applied can be missing.
        if (outcome !== 'handedOver' && outcome !== 'cancel') throw error;
      });
      this.job.tracker.end('follow');
      if (outcome === 'cancel') {
        await this.release('lift');
        throw cancelled();
      }
      if (outcome === 'end') await finishAtEnd(this.job, this.base, this.point);
      await this.close(outcome);
      return;
    }
  }

  private async follow(): Promise<void> {
    const { job } = this;
    const { sessions } = job;
    const source = await sessions.open('source', 'snapshot');
    const target = await claimTarget(job, source);
    const run = await ensureRun(job, source, target);
    const replicaRole = await canSetReplicaRole(target);
    if (job.online?.skipCopy) {
      const { online, base } = await attachBase(job, run, source, target, job.online.skipCopy);
      this.base = base;
      await sessions.close(source);
      await this.startFollowing(online, replicaRole, target);
      return;
    }
    const online = await openOnlineSource(job, run, source, target);
    this.base = await copyBase(job, run, online, target, { replicaRole });
    await sessions.close(source);
    await analyzeBase(this.base);
    await this.startFollowing(online, replicaRole, target);
  }

  private async startFollowing(
    online: Followable,
    replicaRole: boolean,
    target: Parameters<typeof leaveOwners>[1],
  ): Promise<void> {
    const { job, base } = this;
    this.point ??= await endPoint(job);
    this.outcome = new Promise((resolve, reject) => {
      this.settle = resolve;
      this.fail = reject;
    });
    this.outcome.catch(() => {});
    this.followed = await FollowedDatabase.start({
      job,
      base,
      row: online.row,
      replicaRole,
      filtered: online.filtered,
      insertOnly: online.insertOnly,
      ...(online.columns && { columns: online.columns }),
      ...(this.point && { endLsn: this.point.lsn }),
      target,
      ...(job.online?.skipCopy && {
        unknown: (relation) => ({
          oid: relation.oid,
          schema: relation.schema,
          name: relation.name,
          target: job.mapping.table(relation).target,
          since: online.row.startLsn ?? 0n,
        }),
      }),
      onRequest: (request) => this.take(request),
    });
    this.followed.ended.then(
      (end) => {
        if (end === 'end') this.settle('end');
      },
      (error: unknown) => this.fail(error),
    );
    this.continueCutover(online);
  }

  /** A cutover that a run before had begun goes on by itself. */
  private continueCutover({ row }: Followable): void {
    const request = interruptedCutover(row);
    if (request) void this.cutOver(request);
    else if (row.state === 'handedOver') this.settle('handedOver');
  }

  private take(request: FollowRequest): void {
    switch (request.command) {
      case 'cutover':
        void this.cutOver(request);
        break;
      case 'confirm':
      case 'undo':
        this.decide?.(request.command);
        break;
      case 'addTables':
      case 'cancel':
        if (!this.isCuttingOver || request.command === 'cancel') this.settle(request.command);
        break;
      default:
    }
  }

  private async cutOver(request: CutoverRequest): Promise<void> {
    if (this.isCuttingOver) return;
    this.isCuttingOver = true;
    const { job, followed } = this;
    const target = await job.sessions.open('target', 'cutover').catch(() => undefined);
    if (target === undefined) {
      this.isCuttingOver = false;
      return;
    }
    try {
      const done = await this.desk.cutOver(request, this.cutoverParts(request, target));
      if (done === 'handedOver') this.settle('handedOver');
    } catch (error) {
      if (!job.signal.aborted)
        job.tracker.log('error', error instanceof Error ? error.message : String(error));
      if (error instanceof Fault && followed.state === 'handedOver') this.settle('handedOver');
      else if (followed.state !== 'following') this.fail(error);
    } finally {
      this.isCuttingOver = false;
      await job.sessions.close(target);
    }
  }

  private cutoverParts(request: CutoverRequest, target: CutoverParts['target']): CutoverParts {
    const { job, base, followed } = this;
    const { filter, tables, sequences } = base.planned;
    return {
      job,
      context: base.context,
      follower: {
        snapshot: () => followed.snapshot(),
        appliedThrough: (lsn) => followed.follower.appliedThrough(lsn),
        stop: async () => {
          followed.follower.stop();
          await followed.ended;
        },
        get lastChangeAt() {
          return followed.follower.lastChangeAt;
        },
      },
      target,
      tables,
      filter,
      sequenceTargets: sequences,
      deferred: base.deferred,
      refreshes: base.refreshes,
      request,
      decision: () =>
        new Promise((resolve) => {
          this.decide = resolve;
        }),
      onSnapshot: (cutover) => {
        followed.cutover = cutover;
        followed.tell();
      },
      onState: (state) => {
        followed.state = state;
        followed.tell();
      },
    };
  }

  private async addTables(): Promise<void> {
    const { job, followed } = this;
    followed.follower.stop();
    await followed.enter('copying');
    await followed.end();
    job.tracker.end('follow');
    const again = [
      'dump',
      'preData',
      'copy',
      'indexes',
      'constraints',
      'postData',
      'analyze',
      'follow',
    ] as const;
    job.tracker.again(...again);
    await this.follow();
  }

  private async close(outcome: Outcome): Promise<void> {
    const { job, base } = this;
    const { tracker, sessions } = job;
    const target = await sessions.open('target', 'end');
    try {
      await leaveOwners(base.context, target);
    } finally {
      await sessions.close(target);
    }
    const isWhole = !tracker.hasProblems();
    // Who has to make up for something at the end of an endpos run goes on from there.
    // Who asked for the cutover looks now and then: the outcome has to stand there for a while.
    if (outcome === 'handedOver') await sleep(outcomeStandsMs, undefined, { signal: job.signal }).catch(() => {});
    if (outcome === 'handedOver' || isWhole) await this.release('keep');
    tracker.state = isWhole ? 'done' : 'failed';
  }

  /** The source keeps nothing for us any more; a fence stays, it is the hand-over. */
  private async release(fence: 'lift' | 'keep'): Promise<void> {
    const { job, base } = this;
    const target = await job.sessions.open('target', 'end');
    const session = await job.sessions.open('source', 'end');
    try {
      await session.script("SET default_transaction_read_only = off; SET lock_timeout = '30s'");
      const row = await readFollow(target, base.context.checkpoint.run.source);
      if (row === undefined) return;
      const tell = (line: string): void => job.tracker.log('info', `removed: ${line}`);
      const end = { side: 'source', session, identity: await databaseIdentity(session) } as const;
      await removeFollowed(end, row, tell, job.signal, fence);
    } finally {
      await job.sessions.close(session);
      await job.sessions.close(target);
    }
  }
}
