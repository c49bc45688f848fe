import type { FaultData } from '../../protocol/connection.js';
import {
  type CutoverSnapshot,
  type CutoverStep,
  type CutoverStepSnapshot,
  cutoverSteps,
  type FollowRequest,
} from '../../protocol/follow.js';

export type CutoverRequest = Extract<FollowRequest, { command: 'cutover' }>;

/** What flexferry.follow keeps of a cutover: all that a run needs which goes on with it. */
export interface CutoverRecord extends CutoverSnapshot {
  readonly request: CutoverRequest;
  /** When the source stopped changing: the downtime counts from here. Milliseconds since the epoch. */
  readonly stillSince?: number;
  /** Everything that ends at or before is applied; and when it was. */
  readonly drained?: { readonly lsn: string; readonly at: number };
}

/** One step: both ways are idempotent, because a crash may come at any moment of them. */
export interface StepWork {
  /** Says what it did, in one sentence. */
  run(): Promise<string | undefined>;
  /** Also for a step that was only begun. */
  undo?(): Promise<void>;
}
export type CutoverWork = Readonly<Record<CutoverStep, StepWork>>;

export interface StepHooks {
  now(): number;
  /** Makes it durable. */
  save(record: CutoverRecord): Promise<void>;
  /** A step changed its state. */
  told(step: CutoverStepSnapshot): void;
}

export function newRecord(request: CutoverRequest): CutoverRecord {
  return {
    request,
    id: request.id,
    fence: request.fence,
    steps: cutoverSteps.map((step) => ({ step, state: 'pending' })),
    checks: [],
  };
}

/**
 * The eight steps of one database with their durable state. A step is written down when it begins, together with the
 * end of the one before: one round trip a step while applications wait. One whose end was not written down is run
 * again.
 *
 * | from                  | to      | when                                                     |
 * |-----------------------|---------|----------------------------------------------------------|
 * | pending               | running | it is its turn                                           |
 * | running, failed       | running | a later run goes on                                      |
 * | running               | done    | its work is done                                         |
 * | running               | failed  | its work rejects                                         |
 * | running, done, failed | undone  | the cutover is taken back, last step first               |
 * | done                  | pending | a later run cannot rely on it ({@link CutoverSteps.reopen}) |
 */
export class CutoverSteps {
  constructor(
    private readonly work: CutoverWork,
    private current: CutoverRecord,
    private readonly hooks: StepHooks,
  ) {}

  get record(): CutoverRecord {
    return this.current;
  }

  step(step: CutoverStep): CutoverStepSnapshot {
    return this.current.steps.find((one) => one.step === step) ?? { step, state: 'pending' };
  }

  /** From here on nothing is taken back. */
  get isHandingOver(): boolean {
    const { state } = this.step('handOver');
    return state === 'running' || state === 'done' || state === 'failed';
  }

  /** Without saving: goes with the next step. */
  change(part: Partial<Omit<CutoverRecord, 'steps' | 'request'>>): void {
    this.current = { ...this.current, ...part };
  }

  /** Why it is taken back; undefined where it was asked for. */
  blame(fault: FaultData | undefined): void {
    const { fault: _, ...rest } = this.current;
    this.current = fault ? { ...rest, fault } : rest;
  }

  save(): Promise<void> {
    return this.hooks.save(this.current);
  }

  /** Nothing happens where it is done. */
  async run(step: CutoverStep): Promise<void> {
    if (this.step(step).state === 'done') return;
    this.set({ step, state: 'running', startedAt: this.hooks.now() });
    await this.save();
    try {
      const detail = await this.work[step].run();
      this.end(step, 'done', detail);
    } catch (error) {
      this.end(step, 'failed', error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  /** This step and those after it are done again, by a run that goes on after a crash. */
  reopen(from: CutoverStep): void {
    const first = cutoverSteps.indexOf(from);
    for (const step of cutoverSteps.slice(first))
      if (this.step(step).state !== 'pending') this.set({ step, state: 'pending' });
  }

  /**
   * Takes back what was begun, last step first. Each is tried whatever became of the others; rejects with the first
   * failure in the end.
   */
  async undo(): Promise<void> {
    let failure: { readonly reason: unknown } | undefined;
    for (const step of [...cutoverSteps].reverse()) {
      const { state } = this.step(step);
      if (state === 'pending' || state === 'undone') continue;
      const { undo } = this.work[step];
      try {
        if (undo) {
          await undo();
          this.end(step, 'undone');
          await this.save();
        } else this.end(step, 'undone');
      } catch (error) {
        failure ??= { reason: error };
      }
    }
    if (failure) throw failure.reason;
  }

  private end(step: CutoverStep, state: 'done' | 'failed' | 'undone', detail?: string): void {
    const before = this.step(step);
    const text = detail ?? before.detail;
    this.set({ ...before, state, endedAt: this.hooks.now(), ...(text !== undefined && { detail: text }) });
  }

  private set(changed: CutoverStepSnapshot): void {
    const steps = this.current.steps.map((one) => (one.step === changed.step ? changed : one));
    this.current = { ...this.current, steps };
    this.hooks.told(changed);
  }
}

/** The record as it was written, where it is one. */
export function recordOf(json: unknown): CutoverRecord | undefined {
  if (typeof json !== 'object' || json === null || !('request' in json) || !('steps' in json))
    return undefined;
  return json as CutoverRecord;
}

/** What others are told: nothing that only a later run needs. */
export function snapshotOf(record: CutoverRecord, now: number, isOver: boolean): CutoverSnapshot {
  const { request: _, stillSince, drained: __, ...snapshot } = record;
  if (isOver || stillSince === undefined) return snapshot;
  return { ...snapshot, downtimeMs: Math.max(0, now - stillSince) };
}
