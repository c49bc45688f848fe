import { setTimeout as sleep } from 'node:timers/promises';
import type { FollowRequest } from '../../protocol/follow.js';
import { type BaseCopy, leaveOwners } from '../baseCopy.js';
import { canSetReplicaRole } from '../catalog/replicationFacts.js';
import { databaseIdentity } from '../catalog/server.js';
import { claimTarget, ensureRun } from '../claimDatabase.js';
import { recordOf } from '../cutover/steps.js';
import type { DatabaseJob } from '../databaseJob.js';
import { Fault } from '../errors/fault.js';
import type { Session } from '../postgres/session.js';
import { Checkpoint, type RunRow } from '../run/checkpoint.js';
import { type FollowRow, isHandedOver, noteState, readFollow } from '../run/followState.js';
import { removeFollowed } from './cleanUpFollow.js';
import { type CopiedOnline, copyAddedTables, copyOnline } from './copyOnline.js';
import type { CutoverDesk } from './cutoverDesk.js';
import { Cutovers } from './cutovers.js';
import { FollowedDatabase } from './followDatabase.js';
import { attachBase } from './onlineAttach.js';
import { type EndPoint, endPoint, finishAtEnd, tellPassed } from './onlineEnd.js';
import type { Followable } from './onlineSource.js';
import { WayBack } from './wayBack.js';
import { removeWayBack, wayBackCompanion } from './wayBackPrepare.js';
import { tellHandedOver } from './wayBackResume.js';
import { endOf, hasWayBack, isPastHandOver, type WayBackEnd } from './wayBackRow.js';

/** Who asked for the cutover looks now and then: the outcome has to stand there for a while. Milliseconds. */
const outcomeStandsMs = 1_500;

/** What ends the following, or interrupts it. */
type Outcome = 'end' | 'addTables' | 'cancel' | 'handedOver';

/**
 * The story of one database that is moved online: base copy → follow → (cutover | position that was asked for). Tables
 * that are added go through the base copy once more: what is there is recorded and not done again.
 */
export class OnlineDatabase {
  /** Absent where a former run has handed over. */
  private followed: FollowedDatabase | undefined;
  private base!: BaseCopy;
  private run!: RunRow;
  private cutovers: Cutovers | undefined;
  private wayBack: WayBack | undefined;
  private point: EndPoint | undefined;
  private settle!: (outcome: Outcome) => void;
  private fail!: (error: unknown) => void;
  private outcome!: Promise<Outcome>;

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
    await this.cutovers?.endEarly();
    this.followed?.follower.stop();
    await this.followed?.end().catch(() => {});
    await this.wayBack?.stop();
  }

  private async followToEnd(): Promise<void> {
    for (;;) {
      const wanted = await this.outcome;
      if (wanted === 'addTables' && this.followed) {
        const { job, run, followed, base } = this;
        await this.startCopied(await copyAddedTables(job, run, { followed, base }));
        continue;
      }
      if (wanted === 'cancel') this.cutovers?.take({ command: 'undo' });
      await this.cutovers?.settled();
      // It was too late to cancel.
      const outcome = this.followed?.state === 'handedOver' ? 'handedOver' : wanted;
      this.followed?.follower.stop();
      if (outcome === 'cancel') await this.giveUp();
      await this.followed?.end().catch((error: unknown) => {
        // After the hand-over nothing that was applied can be missing.
        if (outcome !== 'handedOver' && outcome !== 'cancel') throw error;
      });
      this.job.tracker.end('follow');
      if (outcome === 'cancel') throw cancelled();
      if (outcome === 'end') await finishAtEnd(this.job, this.base, this.point);
      const back = outcome === 'handedOver' ? await this.goBack() : undefined;
      await this.close(outcome, back);
      return;
    }
  }

  private async follow(): Promise<void> {
    const { job } = this;
    const { sessions } = job;
    const source = await sessions.open('source', 'snapshot');
    const target = await claimTarget(job, source);
    const run = await ensureRun(job, source, target);
    this.run = run;
    const known = await readFollow(target, run.source);
    if (known && isPastHandOver(known)) {
      await sessions.close(source);
      tellHandedOver(job, known, await Checkpoint.load(target, run));
      await sessions.close(target);
      this.outcome = Promise.resolve('handedOver');
      return;
    }
    if (job.online?.skipCopy) {
      const replicaRole = await canSetReplicaRole(target);
      const { online, base } = await attachBase(job, run, source, target, job.online.skipCopy);
      this.base = base;
      await sessions.close(source);
      await this.startFollowing(online, replicaRole, target);
      return;
    }
    await this.startCopied(await copyOnline(job, run, source, target));
  }

  private async startCopied({ base, online, replicaRole, target }: CopiedOnline): Promise<void> {
    this.base = base;
    await this.startFollowing(online, replicaRole, target);
  }

  private async startFollowing(online: Followable, replicaRole: boolean, target: Session): Promise<void> {
    const { job, base } = this;
    const { row } = online;
    if (isHandedOver(row)) {
      if (row.said) job.tracker.setFollow({ ...row.said, state: row.state });
      await job.sessions.close(target);
      this.outcome = Promise.resolve('handedOver');
      return;
    }
    this.point ??= await endPoint(job);
    if (this.point) await tellPassed(job, base, row, target, this.point);
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
      ...(online.noticesDdl && { noticesDdl: true }),
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
    this.cutovers = new Cutovers({
      job,
      base,
      followed: this.followed,
      desk: this.desk,
      extra: (parts) => (parts().request.wayBack ? { companion: wayBackCompanion(parts) } : {}),
      onHandedOver: () => this.settle('handedOver'),
      onFailure: (error) => this.fail(error),
    });
    this.cutovers.goOn(online.row);
  }

  private take(request: FollowRequest): void {
    const wayBack = this.job.online?.wayBack === true;
    const wanted =
      request.command === 'cutover' ? { ...request, wayBack: request.wayBack || wayBack } : request;
    if (this.cutovers?.take(wanted)) return;
    if (request.command === 'cancel') this.settle('cancel');
    // With a slot of the user what he publishes is taken as it comes.
    else if (request.command === 'addTables' && !this.cutovers?.isAtWork && !this.job.online?.skipCopy)
      this.settle('addTables');
  }

  /** Changes of the target go to the old source, until that is finished. Undefined where that was not wanted. */
  private async goBack(): Promise<WayBackEnd | undefined> {
    const { job, run } = this;
    const row = await this.row();
    if (row === undefined || !hasWayBack(row)) return undefined;
    // What the target sends back must not come again.
    await this.release('keep');
    if (row.state === 'finished') {
      await removeWayBack(job);
      return endOf(row);
    }
    this.wayBack = await WayBack.begin(job, run.source, this.desk);
    const end = await this.wayBack.finish();
    if (end === 'cancelled') throw cancelled();
    return end;
  }

  private async close(outcome: Outcome, back?: WayBackEnd): Promise<void> {
    const { job, run } = this;
    const { tracker } = job;
    const isWhole = !tracker.hasProblems();
    if (outcome === 'handedOver' && back === undefined)
      await sleep(outcomeStandsMs, undefined, { signal: job.signal }).catch(() => {});
    // Who has to make up for something at the end of an endpos run goes on from there.
    if (back === undefined && (outcome === 'handedOver' || isWhole)) await this.release('keep');
    // Only now: an owner alone puts a replica identity back.
    await this.onTarget(async (target) =>
      leaveOwners({ checkpoint: await Checkpoint.load(target, run) }, target),
    );
    tracker.state = isWhole ? 'done' : 'failed';
  }

  /**
   * Without its slot nobody may take it for one that goes on; a slot of the user stays. While the follow holds the lock
   * of the run: whoever waits for its end finds all done.
   */
  private async giveUp(): Promise<void> {
    await this.followed?.ended.catch(() => {});
    const row = await this.row();
    if (row?.ownsSlot)
      await this.onTarget((target) => noteState(target, this.run.source, { state: 'finished' }));
    await this.release('lift');
  }

  /** The source keeps nothing for us any more; a fence stays, it is the hand-over. */
  private async release(fence: 'lift' | 'keep'): Promise<void> {
    const { job } = this;
    const row = await this.row();
    if (row === undefined) return;
    const isUnwanted = fence === 'lift' || !hasWayBack(row);
    if (isUnwanted && recordOf(row.cutover)?.request.wayBack) await removeWayBack(job);
    const session = await job.sessions.open('source', 'end');
    try {
      await session.script("SET default_transaction_read_only = off; SET lock_timeout = '30s'");
      const tell = (line: string): void => job.tracker.log('info', `removed: ${line}`);
      const end = { side: 'source', session, identity: await databaseIdentity(session) } as const;
      await removeFollowed(end, row, tell, job.signal, fence);
    } finally {
      await job.sessions.close(session);
    }
  }

  private row(): Promise<FollowRow | undefined> {
    return this.onTarget((target) => readFollow(target, this.run.source));
  }

  /** Which may be fenced, once applications went back. */
  private async onTarget<T>(use: (target: Session) => Promise<T>): Promise<T> {
    const { sessions } = this.job;
    const target = await sessions.open('target', 'end');
    try {
      await target.script('SET default_transaction_read_only = off');
      return await use(target);
    } finally {
      await sessions.close(target);
    }
  }
}

/** Why a follow of a database ended early, for those who asked. */
const cancelled = (): Fault => new Fault('FF867', 'The migration was cancelled.');
