import { setTimeout as sleep } from 'node:timers/promises';
import type { CutoverSnapshot, FollowRequest, FollowSnapshot } from '../../protocol/follow.js';
import type { Finding } from '../../protocol/model.js';
import { tableReplicationFacts } from '../catalog/replicaIdentities.js';
import { canSetReplicaRole } from '../catalog/replicationFacts.js';
import { databaseIdentity } from '../catalog/server.js';
import { type FenceRecord, fenceStands, liftFence } from '../cutover/fence.js';
import { recordOf, snapshotOf } from '../cutover/steps.js';
import type { DatabaseJob } from '../databaseJob.js';
import { Fault } from '../errors/fault.js';
import type { Session } from '../postgres/session.js';
import { readRuns } from '../run/checkpoint.js';
import { lockTarget } from '../run/claim.js';
import { stepFollow } from '../run/followLifecycle.js';
import { type FollowRow, noteSaid, noteState, noteUndo, readFollow, undoOf } from '../run/followState.js';
import { RequestBox } from '../run/requestBox.js';
import type { CutoverDesk } from './cutoverDesk.js';
import { Cutovers } from './cutovers.js';
import { FollowedDatabase } from './followDatabase.js';
import { KeptSession } from './keptSession.js';
import { baseBack, type JobBack, jobBack } from './wayBackBase.js';
import { removeWayBack, withWayBackEnds } from './wayBackPrepare.js';
import { type WayBackEnd, wayBackParts } from './wayBackRow.js';
import { cutoverInWordsOfMigration, inWordsOfMigration } from './wayBackWords.js';

/** How often the target is asked for requests, and told how it goes; milliseconds. */
const requestMs = 250;
const tellMs = 1_000;
/** Who asked for the cutover looks now and then: its outcome has to stand there for a while. */
const outcomeStandsMs = 1_500;

/**
 * After the hand-over: changes of the target are applied to the old source, until the user finishes that or goes back.
 * Follow and cutover as on the way there, of a job the other way round; each direction has its state in its own target.
 */
export class WayBack {
  private followed!: FollowedDatabase;
  private cutovers!: Cutovers;
  private settle!: (end: WayBackEnd) => void;
  private fail!: (error: unknown) => void;
  private readonly outcome: Promise<WayBackEnd>;
  /** On the target: the requests of the migration, and its lock. */
  private readonly asked: RequestBox;
  private readonly desk: KeptSession;
  private watching: Promise<void> = Promise.resolve();
  private over = false;
  private former: ReadonlySet<Finding> = new Set();
  /** The cutover that handed the target over, and the one back where a former run did that. */
  private forward: CutoverSnapshot | undefined;
  private backward: CutoverSnapshot | undefined;

  private constructor(
    private readonly job: DatabaseJob,
    private readonly source: string,
    private readonly cutoverDesk: CutoverDesk,
  ) {
    this.outcome = new Promise((resolve, reject) => {
      this.settle = resolve;
      this.fail = reject;
    });
    this.outcome.catch(() => {});
    const sessions = job.sessions.reversed();
    this.asked = new RequestBox(source);
    this.desk = new KeptSession(
      async () => {
        const session = await sessions.open('source', 'desk');
        if (!job.sharesLock) await lockTarget(session, job.signal);
        return session;
      },
      (session) => sessions.close(session),
    );
  }

  /** Resolves once changes of the target are followed. `source`: identity. @throws Fault */
  static async begin(job: DatabaseJob, source: string, desk: CutoverDesk): Promise<WayBack> {
    const back = new WayBack(job, source, desk);
    try {
      await back.begin();
      return back;
    } catch (error) {
      await back.stop();
      throw error;
    }
  }

  /** Until it has ended, and nothing is left of it but what the target keeps of the migration. */
  async finish(): Promise<WayBackEnd> {
    try {
      const wanted = await this.outcome;
      if (wanted === 'cancelled') this.cutovers.take({ command: 'undo' });
      await this.cutovers?.settled();
      const end = this.followed?.state === 'handedOver' ? 'wentBack' : wanted;
      this.followed?.follower.stop();
      await this.close(end);
      return end;
    } finally {
      await this.stop();
    }
  }

  /** Lets go of both servers; what is applied stays. Never rejects. */
  async stop(): Promise<void> {
    this.over = true;
    await this.cutovers?.endEarly();
    await this.watching;
    this.followed?.follower.stop();
    await this.followed?.end().catch(() => {});
    await this.desk.end();
  }

  private async begin(): Promise<void> {
    const { job } = this;
    const keeper = await job.sessions.reversed().open('target', 'desk');
    await lockTarget(keeper, job.signal);
    const target = await this.useTarget((session) => Promise.resolve(session));
    const forward = await readFollow(target, this.source);
    if (forward === undefined) throw new Fault('FF900', 'the target does not know what is followed');
    const record = recordOf(forward.cutover);
    this.forward = record && snapshotOf(record, job.tracker.now(), true);
    await this.rememberFindings(target, forward);
    const row = await readFollow(keeper, await databaseIdentity(target));
    if (!row?.wayBack || row.startLsn === undefined) {
      job.tracker.log('warning', 'nothing is left of the way back: it was removed');
      await job.sessions.close(keeper);
      this.settle('finished');
      return;
    }
    if (row.state === 'handedOver') {
      const handed = recordOf(row.cutover);
      this.backward = handed && cutoverInWordsOfMigration(snapshotOf(handed, job.tracker.now(), true));
      await job.sessions.close(keeper);
      this.settle('wentBack');
      return;
    }
    await this.follow(await jobBack(job, row, target), row, keeper);
    const state = stepFollow(forward.state, 'wayBack');
    await this.useTarget((session) => noteState(session, this.source, { state }));
    this.watching = this.watch();
    this.cutovers.goOn(row);
  }

  private async follow(back: JobBack, row: FollowRow, keeper: Session): Promise<void> {
    const { tracker } = this.job;
    const { job } = back;
    tracker.again('follow');
    const session = await job.sessions.open('source', 'way back');
    try {
      const run = (await readRuns(keeper)).find(({ source }) => source === row.source);
      if (run === undefined) throw new Fault('FF900', 'the source does not know the run of the way back');
      const base = await baseBack(back, run, row, session, keeper);
      const oids = base.work.tables.map(({ oid }) => oid);
      const facts = [...(await tableReplicationFacts(session, oids)).values()];
      this.followed = await FollowedDatabase.start({
        job,
        base,
        row,
        replicaRole: await canSetReplicaRole(keeper),
        // All rows of the target go back, whatever part of the source's was migrated.
        filtered: new Set(oids),
        insertOnly: new Set(facts.flatMap(({ oid, publishing }) => (publishing === 'insert' ? [oid] : []))),
        target: keeper,
        told: (said) => inWordsOfMigration(said, this.forward),
        onRequest: (request) => this.take(request),
      });
      this.followed.ended.catch((error: unknown) => this.fail(error));
      this.cutovers = new Cutovers({
        job,
        base,
        followed: this.followed,
        desk: this.cutoverDesk,
        extra: () => ({
          companion: { handOver: () => this.freeSource() },
          back: { former: this.former },
        }),
        onHandedOver: () => this.settle('wentBack'),
        onFailure: (error) => this.fail(error),
      });
    } finally {
      await job.sessions.close(session);
    }
  }

  /** What the way there left to be said counts at the end, whoever gets there. */
  private async rememberFindings(target: Session, forward: FollowRow): Promise<void> {
    const { tracker } = this.job;
    const known = undoOf(forward, wayBackParts.findings) as readonly Finding[] | undefined;
    for (const finding of known ?? []) tracker.finding(finding);
    this.former = new Set(tracker.findings);
    if (known) return;
    const told = tracker.findings.filter(({ severity }) => severity !== 'note');
    await noteUndo(target, this.source, wayBackParts.findings, told);
  }

  /** Asked by the way back itself: of its own direction, in the old source. */
  private take(request: FollowRequest): void {
    if (request.command === 'cancel') this.settle('cancelled');
    else this.cutovers.take(request.command === 'cutover' ? { ...request, wayBack: false } : request);
  }

  private async watch(): Promise<void> {
    let toldAt = 0;
    while (!this.over && !this.job.signal.aborted) {
      const isDue = Date.now() - toldAt >= tellMs;
      if (isDue) toldAt = Date.now();
      await this.desk
        .use(async (target) => {
          for (const request of await this.asked.take(target)) this.takeForward(request);
          if (isDue) await noteSaid(target, this.source, this.said());
        })
        .catch((error: unknown) => {
          if (!this.job.signal.aborted)
            this.job.tracker.log('warning', error instanceof Error ? error.message : String(error));
        });
      await sleep(requestMs);
    }
  }

  /** In the words of the migration, whose cutover stays the one that handed the target over. */
  private said(): FollowSnapshot {
    const { cutover: _, ...said } = this.followed.snapshot();
    return inWordsOfMigration(said, this.forward);
  }

  private takeForward(request: FollowRequest): void {
    const { follower } = this.followed;
    switch (request.command) {
      case 'retry':
      case 'skip':
        follower.retry({ schema: request.schema, name: request.name }, request.command === 'skip');
        break;
      case 'finish':
        if (this.cutovers.isAtWork)
          this.job.tracker.log('warning', 'the way back is not finished: a cutover back is under way');
        else this.settle('finished');
        break;
      case 'cancel':
        this.settle('cancelled');
        break;
      default:
    }
  }

  /** The last thing of a cutover back: applications may write to the old source again. */
  private freeSource(): Promise<string | undefined> {
    return withWayBackEnds(this.job, 'fence', async ({ source, target }) => {
      const row = await readFollow(target, this.source);
      const fence = row && (undoOf(row, 'fence') as FenceRecord | undefined);
      if (!fence) return undefined;
      const stands = await fenceStands(source, fence);
      if (stands) await liftFence(source, fence, { signal: this.job.signal });
      await noteUndo(target, this.source, 'fence', null);
      return stands ? 'The fence of the target is lifted.' : undefined;
    });
  }

  private async close(end: WayBackEnd): Promise<void> {
    const { job, followed, former } = this;
    const { tracker, signal } = job;
    if (end === 'wentBack') await sleep(outcomeStandsMs, undefined, { signal }).catch(() => {});
    this.over = true;
    await this.watching;
    await followed?.end().catch(() => {});
    tracker.end('follow');
    const said = this.saidLast(end);
    await this.useTarget(async (target) => {
      if (end === 'wentBack') await noteUndo(target, this.source, wayBackParts.wentBack, {});
      if (said) await noteSaid(target, this.source, said);
      await noteState(target, this.source, { state: 'finished' });
    });
    await removeWayBack(job);
    // Nobody needs what the other direction found.
    const isOver = (finding: Finding): boolean => former.has(finding) === (end === 'wentBack');
    if (end !== 'cancelled') tracker.withdraw(isOver, new Set());
    if (said) tracker.setFollow(said);
  }

  /** What a way back found that nobody wants any more is of no interest. */
  private saidLast(end: WayBackEnd): FollowSnapshot | undefined {
    const { forward, backward } = this;
    const last = this.job.tracker.follow;
    if (last === undefined) return undefined;
    const { cutover, isWayBack: _, forward: __, ...said } = { ...last, state: 'finished' } as const;
    if (end === 'wentBack') {
      const back = backward ?? cutover;
      const cutovers = { ...(back && { cutover: back }), ...(forward && { forward }) };
      return { ...said, isWayBack: true, wentBack: true, ...cutovers };
    }
    return { ...said, stopped: [], newTables: [], ...(forward && { cutover: forward }) };
  }

  /** Rejects where the target is away. */
  private async useTarget<T>(work: (target: Session) => Promise<T>): Promise<T> {
    const done = await this.desk.use(async (session) => ({ value: await work(session) }));
    if (done === undefined) throw new Fault('FF115', 'the connection to the target was lost');
    return done.value;
  }
}
