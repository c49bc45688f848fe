import { setTimeout as sleep } from 'node:timers/promises';
import { type FenceRecord, fenceSource, liftFence, liftSql, planFence } from '../cutover/fence.js';
import type { LeftSession } from '../cutover/fenceSessions.js';
import { Fault } from '../errors/fault.js';
import { connect } from '../postgres/connect.js';
import type { Session } from '../postgres/session.js';
import { noteUndo } from '../run/followState.js';
import { type CutoverParts, cutoverTimes } from './cutoverParts.js';

/** When the run is stopped nobody waits longer for a source that is away, milliseconds. */
const liftWithinOfStopMs = 10_000;
const pauseMs = 500;

/** The source in a cutover: one session, opened again where it was lost, and the fence that has to be lifted. */
export class CutoverSource {
  private session: Session | undefined;

  constructor(
    private readonly parts: Pick<CutoverParts, 'job' | 'target' | 'context' | 'times'>,
    /** Set as long as there is something to be put back. */
    private record: FenceRecord | undefined,
  ) {}

  get fenceRecord(): FenceRecord | undefined {
    return this.record;
  }

  async use(): Promise<Session> {
    if (this.session?.closed === false) return this.session;
    this.session = await this.parts.job.sessions.open('source', 'cutover');
    return this.session;
  }

  /** What has to be put back is known to the target before anything is changed. */
  async fence(): Promise<{ readonly ended: number; readonly stays: readonly LeftSession[] }> {
    const session = await this.use();
    const { job, target, context } = this.parts;
    if (this.record === undefined) {
      const record = await planFence(session);
      await noteUndo(target, context.checkpoint.run.source, 'fence', record);
      this.record = record;
    }
    return await fenceSource(session, this.record, { signal: job.signal });
  }

  /**
   * Frees the source, however the cutover ended: where its connection is lost or the run is stopped over a new one.
   * Rejects with FF847 where that cannot be done in time.
   */
  async lift(): Promise<void> {
    const { record } = this;
    if (record === undefined) return;
    const { job, times } = this.parts;
    const limit = { ...cutoverTimes, ...times }.liftLimitMs;
    const end = Date.now() + (job.signal.aborted ? Math.min(limit, liftWithinOfStopMs) : limit);
    // Not that of the run, which may have ended it: production must not stay read-only because of that.
    const own = new AbortController().signal;
    for (;;) {
      const session = await this.aSession().catch((error: unknown) => error);
      try {
        if (!isSession(session)) throw session;
        await liftFence(session, record, { signal: own });
        this.record = undefined;
        return;
      } catch (error) {
        if (Date.now() > end) throw notLifted(record, error);
        await sleep(pauseMs);
      } finally {
        if (isSession(session) && session !== this.session) await session.close();
      }
    }
  }

  /** Also forgets it, which needs the target. */
  async liftAndForget(): Promise<void> {
    await this.lift();
    const { target, context } = this.parts;
    await noteUndo(target, context.checkpoint.run.source, 'fence', null);
  }

  async close(): Promise<void> {
    const { session } = this;
    this.session = undefined;
    if (session) await this.parts.job.sessions.close(session);
  }

  private aSession(): Promise<Session> {
    const { job } = this.parts;
    return job.signal.aborted ? connect(job.source, 'cutover', { side: 'source' }) : this.use();
  }
}

const isSession = (value: unknown): value is Session =>
  typeof value === 'object' && value !== null && 'backendPid' in value;

function notLifted(record: FenceRecord, error: unknown): Fault {
  const why = error instanceof Error ? error.message : String(error);
  return new Fault('FF847', `The source is still read-only: ${why} By hand: ${liftSql(record)}`, {
    cause: error,
  });
}
