import type { CutoverStep, FollowState } from '../../protocol/follow.js';
import { type FenceRecord, fenceStands } from '../cutover/fence.js';
import { CutoverSteps, newRecord, recordOf, snapshotOf } from '../cutover/steps.js';
import { endsRun } from '../errors/endsRun.js';
import { Fault } from '../errors/fault.js';
import { toFault } from '../errors/mapError.js';
import { stepFollow } from '../run/followLifecycle.js';
import { noteState, readFollow, undoOf } from '../run/followState.js';
import { withdrawFindings } from './cutoverChecks.js';
import type { CutoverParts } from './cutoverParts.js';
import { CutoverSource } from './cutoverSource.js';
import { cutoverWork, requireStill } from './cutoverWork.js';
import { stepInWordsOfMigration } from './wayBackWords.js';

/** How often the growing downtime is told, milliseconds. */
const tellEveryMs = 1_000;

const cutoverPhases = ['cutover', 'sequences', 'constraints', 'postData', 'verify'] as const;

/** The cutover of one database, from where the row of the target says that it stands. */
export class CutoverRun {
  /** Why a step of this database failed. */
  failure: Fault | undefined;
  /** Nothing is applied any more. */
  private isBroken = false;
  private readonly timer: NodeJS.Timeout;

  private constructor(
    readonly parts: CutoverParts,
    private followState: FollowState,
    readonly source: CutoverSource,
    readonly steps: CutoverSteps,
    /** A former run began it. */
    private readonly isContinued: boolean,
  ) {
    parts.follower.failed().catch(() => {
      this.isBroken = true;
    });
    this.timer = setInterval(() => this.tell(), tellEveryMs).unref();
  }

  static async open(parts: CutoverParts): Promise<CutoverRun> {
    const { target, context, job } = parts;
    const { tracker } = context;
    const id = context.checkpoint.run.source;
    const row = await readFollow(target, id);
    if (!row) throw new Fault('FF900', 'the target does not know what is followed');
    const known = row.state === 'following' ? undefined : recordOf(row.cutover);
    const record = known ?? newRecord(parts.request);
    const source = new CutoverSource(parts, undoOf(row, 'fence') as FenceRecord | undefined);
    const run: CutoverRun = new CutoverRun(
      parts,
      row.state,
      source,
      new CutoverSteps(
        cutoverWork(() => run),
        record,
        {
          now: () => tracker.now(),
          save: (cutover) => noteState(target, id, { cutover }),
          told: (step) => {
            tracker.cutoverStep(parts.back ? stepInWordsOfMigration(step) : step);
            if (step.state === 'done') tracker.advance('cutover', 'done');
            run.tell();
          },
        },
      ),
      known !== undefined,
    );
    job.signal.throwIfAborted();
    return run;
  }

  get state(): FollowState {
    return this.followState;
  }

  /**
   * Takes the database into the cutover, or goes on with one. Rejects with FF848 where the source was freed meanwhile.
   */
  async begin(): Promise<void> {
    const { parts, steps } = this;
    const { tracker } = parts.context;
    // What is written down now must outlive a crash of the target; and nobody waits for a lock for ever.
    await parts.target.script(`SET synchronous_commit = on; SET lock_timeout = '30s'`);
    if (!this.isContinued) withdrawFindings(parts);
    // Until now they were those of the cutover that is being gone back from.
    if (parts.back) tracker.again(...cutoverPhases);
    tracker.begin('cutover', steps.record.steps.length);
    const done = steps.record.steps.filter(({ state }) => state === 'done').length;
    if (done > 0) tracker.advance('cutover', 'done', done);
    if (!this.isContinued) await this.moveTo('cuttingOver');
    else if (!steps.isHandingOver) await this.goOn();
  }

  /** What a former run did holds only where the source did not change since. */
  private async goOn(): Promise<void> {
    const { steps, source } = this;
    // Applications may have written while nobody looked.
    if (steps.record.fence === 'none') steps.reopen('fence');
    const { fenceRecord } = source;
    if (steps.record.fence === 'none' || steps.step('fence').state !== 'done') return;
    if (fenceRecord === undefined || !(await fenceStands(await source.use(), fenceRecord)))
      throw new Fault(
        'FF848',
        'The source can be written to again since the run that began the cutover ended.',
      );
  }

  /** Remembers the failure as its own. */
  async own<T>(work: (run: this) => Promise<T>): Promise<T> {
    try {
      return await work(this);
    } catch (error) {
      this.failure = toFault(error, { side: 'server' });
      throw error;
    }
  }

  run(step: CutoverStep): Promise<void> {
    return this.steps.run(step);
  }

  requireStill(): Promise<void> {
    return requireStill(this);
  }

  /** Somebody decided to go on in spite of what was shown. */
  async confirm(): Promise<void> {
    this.steps.blame(undefined);
    await this.moveTo('cuttingOver');
  }

  async moveTo(state: FollowState): Promise<void> {
    const next = stepFollow(this.followState, state);
    const { target, context, onState } = this.parts;
    await noteState(target, context.checkpoint.run.source, { state: next, cutover: this.steps.record });
    this.followState = next;
    onState?.(next);
    this.tell();
  }

  async handOver(): Promise<void> {
    await this.run('handOver');
    await this.moveTo('handedOver');
    this.parts.context.tracker.end('cutover');
  }

  /**
   * Takes everything back, and the source is free whatever else fails. Rejects where the target or the source is away:
   * then the row still says that it is to be taken back. `known`: why was written down by a run before.
   */
  async undo(fault: Fault | 'known' | undefined): Promise<void> {
    const { steps } = this;
    if (fault !== 'known') steps.blame(fault?.toData());
    const failures: unknown[] = [];
    const attempt = async (work: () => Promise<void>): Promise<void> => {
      await work().catch((error: unknown) => {
        failures.push(error);
      });
    };
    // Nothing comes that the target would have to be ready for, and it may not answer.
    if (this.isBroken) await attempt(() => this.source.lift());
    if (this.followState !== 'following') await attempt(() => this.moveTo('undoing'));
    await attempt(() => steps.undo());
    this.endPhases();
    const ending = failures.find(
      (error) => !(error instanceof Fault) || endsRun(error) || error.code === 'FF847',
    );
    if (ending !== undefined) throw ending;
    const [stays] = failures;
    if (stays instanceof Fault) steps.change({ fault: stays.toData() });
    if (this.followState === 'following') return;
    if (this.followState !== 'undoing') await this.moveTo('undoing');
    await this.moveTo('following');
  }

  /** The run ends: production must not stay read-only because of that. */
  async release(): Promise<void> {
    if (!this.steps.isHandingOver) await this.source.lift();
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    this.tell();
    const { target } = this.parts;
    if (!target.closed) await target.script('SET lock_timeout = 0').catch(() => {});
    await this.source.close();
  }

  private endPhases(): void {
    const { back, context } = this.parts;
    const { tracker } = context;
    for (const phase of cutoverPhases) tracker.end(phase, phase === 'cutover' ? 'failed' : 'pending');
    if (!back) tracker.again('cutover', 'sequences', 'verify');
    else {
      tracker.again(...cutoverPhases);
      tracker.stand(...cutoverPhases);
    }
  }

  private tell(): void {
    const { steps, parts, followState } = this;
    const isOver = followState === 'following' || followState === 'handedOver';
    parts.onSnapshot(snapshotOf(steps.record, parts.context.tracker.now(), isOver));
  }
}
