import type { ConnectionSpec } from '../../protocol/connection.js';
import { Fault } from '../errors/fault.js';
import { connect } from '../postgres/connect.js';
import { earlierLsn, type Lsn } from '../postgres/lsn.js';
import { literal } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';
import { terminateBackends } from '../postgres/terminate.js';
import { type FollowRow, readFollow } from '../run/followState.js';
import { Applier } from './apply/applier.js';
import { type DescribeDrift, FollowedTables, type TableToFollow } from './apply/followedTables.js';
import { Lane } from './apply/lane.js';
import type { ValueEncoding } from './pgoutput.js';
import type { LogicalMessage, Relation } from './pgoutputMessages.js';
import { readSlot } from './slotHealth.js';
import { followSource, type SourceChanges } from './sourceChanges.js';

/** The two servers of a follower, and what has to be known to follow the one into the other. */
export interface FollowerConnectionOptions {
  readonly source: ConnectionSpec;
  readonly target: ConnectionSpec;
  /** A session of the run on the target; it is closed by `close`. */
  open(purpose: string): Promise<Session>;
  close(session: Session): Promise<void>;
  /** Identity of the source, by which its rows in the schema flexferry are found. */
  readonly identity: string;
  readonly tables: readonly TableToFollow[];
  /** The table of a relation that is none of `tables`; undefined where it is not followed. */
  unknown?(relation: Relation): TableToFollow | undefined;
  readonly drift: DescribeDrift;
  /** Of the values of the source. */
  readonly encoding: ValueEncoding;
  readonly replicaRole: boolean;
  /** Of the source, for functions of the target that rely on it. */
  readonly searchPath?: string;
  readonly temporaryFolder: string;
  readonly onFailure: 'table' | 'run';
  /** What the source wrote by pg_logical_emit_message() (14), before its transaction is applied; else it is not sent. */
  onMessage?(message: LogicalMessage): Promise<void>;
  readonly signal: AbortSignal;
}

/** Both servers, from the slot of the source to the lanes on the target. */
export interface Connected {
  readonly slot: string;
  readonly changes: SourceChanges;
  readonly applier: Applier;
  readonly tables: FollowedTables;
  readonly lanes: readonly Lane[];
  /** On the target, beside the lanes. */
  readonly control: Session;
}

/** The connection of a follower: opened, closed, and opened again from what the target has by then. */
export class FollowerConnection {
  private connected: Connected | undefined;
  /** On the target: those of {@link current}, or of the attempt that goes on. */
  private sessions: readonly Session[] = [];
  private row: FollowRow | undefined;

  constructor(
    private readonly options: FollowerConnectionOptions,
    /** A batch is applied, or failed: there may be something to do. */
    private readonly onSettled: () => void,
  ) {}

  /** Undefined while there is none. */
  get current(): Connected | undefined {
    return this.connected;
  }

  /** `streaming`: see FollowRequest of sourceChanges.ts. @throws Fault */
  async open(streaming: boolean): Promise<Connected> {
    const { options } = this;
    const sessions: Session[] = [];
    this.sessions = sessions;
    try {
      const control = await options.open('follow control');
      sessions.push(control);
      const row = await readFollow(control, options.identity);
      if (row === undefined) throw new Fault('FF900', 'what was noted of the source is gone');
      this.row = row;
      const tables = await FollowedTables.load(control, options.identity, { ...options, lanes: row.lanes });
      const { lanes, positions } = await this.openLanes(row, tables, sessions);
      const least = positions.reduce(earlierLsn);
      const changes = await this.stream(row, least, { control, streaming });
      const { identity: source, encoding, onFailure } = options;
      const where = { source, encoding, onFailure };
      const applier = new Applier(lanes, tables, control, where, positions, this.onSettled);
      this.connected = { slot: row.slot, changes, applier, tables, lanes, control };
      return this.connected;
    } catch (error) {
      await Promise.all(sessions.map((session) => options.close(session)));
      throw error;
    }
  }

  /** Lets go of both servers; what is not committed is taken back. Never rejects. */
  async close(confirm: boolean): Promise<void> {
    const { connected, options, sessions } = this;
    if (connected === undefined) return;
    this.connected = undefined;
    const { applier, changes } = connected;
    // The last word to the source: who follows the slot next begins there.
    if (confirm) changes.confirm(applier.durable);
    await changes.stop();
    await applier.abandon().catch(() => {});
    await Promise.all(sessions.map((session) => options.close(session)));
    await terminateBackends(
      options.target,
      sessions.map((session) => session.backendPid),
    );
  }

  /** Cuts what is open on the target, whatever it waits for; {@link close} is still to be called. */
  destroy(): void {
    for (const session of this.sessions) session.destroy();
  }

  /** The sender of a connection that was cut keeps the slot until it notices. */
  async endOldSender(): Promise<void> {
    const { source } = this.options;
    const slot = this.row?.slot;
    if (slot === undefined) return;
    const session = await connect(source, 'slot', { side: 'source' }).catch(() => undefined);
    if (!session) return;
    const state = await readSlot(session, slot).catch(() => undefined);
    await session.close();
    if (state?.activePid !== undefined) await terminateBackends(source, [state.activePid]);
  }

  /** Each is added to `sessions` at once, so that it is closed where the next cannot be opened. */
  private async openLanes(
    row: FollowRow,
    tables: FollowedTables,
    sessions: Session[],
  ): Promise<{ lanes: Lane[]; positions: Lsn[] }> {
    const { identity: source, encoding, onFailure, replicaRole, searchPath, open } = this.options;
    const lanes: Lane[] = [];
    const positions: Lsn[] = [];
    for (let number = 0; number < row.lanes; number++) {
      const session = await open(`apply ${number + 1}`);
      sessions.push(session);
      const lane = { source, number, encoding, tables, onFailure, searchPath };
      const opened = await Lane.over(session, lane, replicaRole);
      lanes.push(opened.lane);
      positions.push(opened.position);
    }
    return { lanes, positions };
  }

  private async stream(
    { slot, publications, systemId, timeline }: FollowRow,
    appliedThrough: Lsn,
    { control, streaming }: { readonly control: Session; readonly streaming: boolean },
  ): Promise<SourceChanges> {
    const { options } = this;
    const changes = await followSource({
      spec: options.source,
      slot,
      publications,
      ...(systemId !== undefined &&
        timeline !== undefined && { known: { systemId, timeline, appliedThrough } }),
      temporaryFolder: options.temporaryFolder,
      streaming,
      messages: options.onMessage !== undefined,
      signal: options.signal,
    });
    const { identity } = changes;
    // A replica that took over with everything that was applied is a source as good.
    if (identity.timeline !== timeline || identity.systemId !== systemId)
      await control.query(
        `UPDATE flexferry.follow SET system_id = ${literal(identity.systemId)}, timeline = ${identity.timeline}
         WHERE source = ${literal(options.identity)}`,
      );
    return changes;
  }
}
