/** The vocabulary of an online migration: following the changes of a source, the cutover and the way back. Plain data. */
import type { FaultData } from './connection.js';
import type { RelationName } from './model.js';

/**
 * Where an online migration of one database stands. Durable: the target keeps it (engine/run/followState.ts).
 *
 * | state       | what it means                                                             |
 * |-------------|---------------------------------------------------------------------------|
 * | copying     | base copy, or a part of it for tables that were added                      |
 * | following   | changes are applied as they come                                           |
 * | cuttingOver | the steps of the cutover run                                               |
 * | holding     | every step but the last is done: waits for `confirm` or `undo`             |
 * | undoing     | the steps of the cutover are taken back                                    |
 * | handedOver  | the last step is done: applications belong to the target now               |
 * | wayBack     | changes of the target are applied to the source                            |
 * | finished    | everything but the report is removed                                       |
 */
export const followStates = [
  'copying',
  'following',
  'cuttingOver',
  'holding',
  'undoing',
  'handedOver',
  'wayBack',
  'finished',
] as const;
export type FollowState = (typeof followStates)[number];

/** What is done at a cutover, in this order; everything before `handOver` can be taken back. */
export const cutoverSteps = [
  'gate',
  'fence',
  'drain',
  'sequences',
  'constraints',
  'refresh',
  'verify',
  'handOver',
] as const;
export type CutoverStep = (typeof cutoverSteps)[number];

export interface CutoverStepSnapshot {
  readonly step: CutoverStep;
  readonly state: 'pending' | 'running' | 'done' | 'failed' | 'undone';
  /** Milliseconds since the epoch. */
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** What it found or did, one sentence. */
  readonly detail?: string;
}

/** One line of the go/no-go list. */
export interface GateCheck {
  readonly check:
    | 'lag'
    | 'slot'
    | 'stoppedTables'
    | 'newTables'
    | 'errors'
    | 'constraints'
    | 'differences'
    | 'sequences'
    | 'fence'
    | 'wayBack';
  /** `warn` lets the cutover go on; `noGo` does not unless it is forced. */
  readonly verdict: 'go' | 'warn' | 'noGo';
  readonly message: string;
  readonly fix?: string;
}

/** How the source is kept from changing: by ourselves, or by the user who stops the applications. */
export type Fence = 'none' | 'readOnly';

export interface CutoverSnapshot {
  /** Of the request that began it. */
  readonly id?: string;
  readonly fence: Fence;
  readonly steps: readonly CutoverStepSnapshot[];
  readonly checks: readonly GateCheck[];
  /** From the fence (or the last change that came, without one) to the hand-over; grows until then. Milliseconds. */
  readonly downtimeMs?: number;
  readonly fault?: FaultData;
  /** After the hand-over: what the applications connect to now, without password, and what else is to be done. */
  readonly handOver?: { readonly connection: string; readonly todo: readonly string[] };
}

/** A table whose changes wait in the target because one of them cannot be applied, or because its columns changed. */
export interface StoppedTable extends RelationName {
  readonly fault: FaultData;
  /** SQL for the target that makes the table fit the source again, to be reviewed and run. */
  readonly ddl?: string;
  /** Changes that wait for it. */
  readonly waiting: number;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** DDL of the source as its event trigger told it; never its text. */
export interface SeenDdl {
  /** As PostgreSQL calls it: CREATE INDEX. */
  readonly command: string;
  /** In PostgreSQL's words: table, index, view … */
  readonly type?: string;
  readonly schema?: string;
  /** As SQL names it, with its schema; absent for what has none, as GRANT. */
  readonly object?: string;
  /** By the clock of the source, milliseconds since the epoch. */
  readonly at: number;
  /** Where in the log of the source it stands. */
  readonly lsn: string;
}

/** The newest last, at most a hundred. */
export interface DdlSeen {
  readonly total: number;
  readonly last: readonly SeenDdl[];
  /** So many, the oldest, the user has dealt with. */
  readonly done?: number;
}

/** How an online database is doing. Bytes are of the source's log. */
export interface FollowSnapshot {
  readonly state: FollowState;
  readonly appliedLsn: string;
  readonly sourceLsn: string;
  /** From what is applied to the end of the log of the source. */
  readonly lagBytes: number;
  /** How old the oldest change is that is not applied, by the clock of the source; 0 when all is. */
  readonly lagSeconds: number;
  readonly transactions: number;
  readonly changes: number;
  /** Over the last seconds. */
  readonly transactionsPerSecond: number;
  readonly changesPerSecond: number;
  readonly appliedBytesPerSecond: number;
  readonly sourceBytesPerSecond: number;
  /** Until the lag is gone if it goes on like this; absent where there is none, or where it grows. */
  readonly catchUpSeconds?: number;
  /** The source writes faster than the target takes. */
  readonly fallingBehind: boolean;
  /** Transactions without an end that wait on disk, bytes. */
  readonly spooledBytes: number;
  readonly slot: {
    readonly name: string;
    readonly retainedBytes: number;
    readonly bytesPerSecond?: number;
    readonly lostInSeconds?: number;
    readonly walStatus?: string;
    /** What may still be written before the slot is in danger. */
    readonly safeBytes?: number;
  };
  readonly stopped: readonly StoppedTable[];
  /** Tables of mapped schemas that came to be on the source since. */
  readonly newTables: readonly RelationName[];
  /** DDL on the source since the start, where an event trigger tells of it. */
  readonly ddlSeen?: DdlSeen;
  /** Where it ends by itself. */
  readonly endpos?: string;
  readonly cutover?: CutoverSnapshot;
  /** Where `cutover` is one back to the source: that which handed the target over before it. */
  readonly forward?: CutoverSnapshot;
  /** Set while the connection to a server is being made again. */
  readonly reconnecting?: FaultData;
  /** Why nothing of it is applied any more, while other databases of the run are followed. */
  readonly ended?: FaultData;
  /** Applied from the target to the source instead. */
  readonly isWayBack?: true;
  /** Of a way back that is finished: applications are on the source again. */
  readonly wentBack?: true;
}

/**
 * What can be asked of a run that follows, from this or another process: written into the target, where the run finds
 * it within a second.
 */
export type FollowRequest =
  | {
      readonly command: 'cutover';
      readonly fence: Fence;
      readonly verify: 'full' | 'sample' | 'none';
      /** Stops before the last step and waits for `confirm` or `undo`. */
      readonly hold: boolean;
      /** Goes on in spite of a `noGo`, and of differences. */
      readonly force: boolean;
      readonly wayBack: boolean;
      /** Whose request it is, to find its outcome again. */
      readonly id: string;
    }
  | { readonly command: 'confirm' | 'undo' | 'cancel' | 'finish' | 'addTables' }
  | {
      /** DDL that was seen is dealt with: the first `through` of it; absent: what is known when this is asked. */
      readonly command: 'ddlDone';
      readonly through?: number;
    }
  | {
      /** `skip` leaves out the change that cannot be applied; both go on with those after it. */
      readonly command: 'retry' | 'skip';
      readonly schema: string;
      readonly name: string;
    };

/** What `flexferry status` prints: read from both servers, whether or not a run is at work. */
export interface FollowStatus {
  readonly source: string;
  readonly target: string;
  /** Absent where nothing is being followed into this target. */
  readonly follow?: FollowSnapshot;
  /** A process is at work. */
  readonly running: boolean;
  /** When the run last said something; milliseconds since the epoch. */
  readonly at?: number;
  /** Why the server that the changes come from could not be asked: then its figures are those that were last said. */
  readonly unreachable?: FaultData;
}
