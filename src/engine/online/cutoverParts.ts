import type { CutoverSnapshot, FollowSnapshot, FollowState } from '../../protocol/follow.js';
import type { Finding, RelationName } from '../../protocol/model.js';
import type { SchemaFilter } from '../catalog/filter.js';
import type { SourceTable } from '../catalog/tables.js';
import type { CutoverRequest } from '../cutover/steps.js';
import type { DatabaseJob } from '../databaseJob.js';
import type { Lsn } from '../postgres/lsn.js';
import type { Session } from '../postgres/session.js';
import type { DatabaseContext } from '../run/context.js';
import type { Deferred } from '../schema/deferred.js';
import type { PlannedStatement } from '../schema/plannedStatement.js';

/** The part of the run that applies changes, as the cutover needs it. It goes on until {@link FollowerHandle.stop}. */
export interface FollowerHandle {
  snapshot(): FollowSnapshot;
  /** Resolves once everything that ends at or before `lsn` is applied and committed. */
  appliedThrough(lsn: Lsn): Promise<void>;
  /** Rejects with what ends the following before {@link FollowerHandle.stop}; never resolves. */
  failed(): Promise<never>;
  /** Stops applying for good; the position reached stays in the target. Called once the hand-over cannot be undone. */
  stop(): Promise<void>;
  /** When the last change was applied, by our clock, milliseconds since the epoch. */
  readonly lastChangeAt: number | undefined;
}

/** Milliseconds. */
export interface CutoverTimes {
  /** Without a fence: so long nothing may come, and so long that is waited for. */
  readonly quietMs: number;
  readonly quietLimitMs: number;
  /** What is left to be applied once the source is still. */
  readonly drainLimitMs: number;
  /** A source that went away, so that its fence can be lifted; when the run is stopped nobody waits longer than 10 s. */
  readonly liftLimitMs: number;
}

export const cutoverTimes: CutoverTimes = {
  quietMs: 2_000,
  quietLimitMs: 30_000,
  drainLimitMs: 120_000,
  liftLimitMs: 60_000,
};

/** What goes with a cutover beside its steps. Each may be repeated after a crash at any moment of it. */
export interface CutoverCompanion {
  /** With the gate, once it lets go on: nobody waits yet. */
  prepare?(): Promise<void>;
  /** Takes that back, also where it was only begun. */
  undo?(): Promise<void>;
  /** With the hand-over, when nothing is applied any more and nobody has been told. Says what it did, if anything. */
  handOver?(): Promise<string | undefined>;
}

/** What the cutover of one database needs. */
export interface CutoverParts {
  readonly job: DatabaseJob;
  readonly context: DatabaseContext;
  readonly follower: FollowerHandle;
  readonly target: Session;
  /** All that the project takes, as of the base copy or the tables that were added last. */
  readonly tables: readonly SourceTable[];
  readonly filter: SchemaFilter;
  /** Names on the target of sequences that have another one there: see PlannedDdl. */
  readonly sequenceTargets: ReadonlyMap<string, RelationName>;
  readonly deferred: Deferred;
  readonly refreshes: readonly PlannedStatement[];
  readonly request: CutoverRequest;
  /** Resolves when one of the two was asked for; called once. */
  decision(): Promise<'confirm' | 'undo'>;
  onSnapshot(cutover: CutoverSnapshot): void;
  /** The state of the row changed. */
  onState?(state: FollowState): void;
  readonly times?: Partial<CutoverTimes>;
  readonly companion?: CutoverCompanion;
  /** Of a cutover back: applications go to the old source again, which `target` stands for. */
  readonly back?: {
    /** What was found on the way there says nothing about the way back. */
    readonly former: ReadonlySet<Finding>;
  };
}
