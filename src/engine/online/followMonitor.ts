import type { RelationName } from '../../protocol/model.js';
import type { Session } from '../postgres/session.js';
import type { Follower } from '../replication/follower.js';
import { type FollowFigures, followFigures } from '../replication/followFigures.js';
import type { FollowParts } from './followParts.js';
import { FollowHistory } from './followRates.js';
import { KeptSession } from './keptSession.js';
import { Unfollowed } from './unfollowed.js';

/** How often new tables are looked for, milliseconds. */
const newTablesMs = 3_000;

/** What is watched of a followed database: the source as it was when it could last be asked, and how the lag moves. */
export class FollowMonitor {
  /** Of the looks at both servers. */
  readonly history = new FollowHistory();
  private readonly session: KeptSession;
  private readonly unfollowed: Unfollowed;
  private readonly slot: string;
  private seen: FollowFigures | undefined;
  private offsetMs = 0;
  private lookedForTablesAt = 0;

  constructor(parts: FollowParts) {
    const { sessions } = parts.job;
    this.slot = parts.row.slot;
    this.unfollowed = new Unfollowed({ ...parts, takesAll: parts.unknown !== undefined });
    this.session = new KeptSession(
      () => sessions.open('source', 'monitor'),
      (session) => sessions.close(session),
    );
  }

  /** What the source last said of itself; undefined until it did. */
  get figures(): FollowFigures | undefined {
    return this.seen;
  }

  /** Clock of the source less ours, milliseconds. */
  get clockOffset(): number {
    return this.offsetMs;
  }

  /** Tables that came to be since. */
  get newTables(): readonly RelationName[] {
    return this.unfollowed.fresh;
  }

  /** Asks the source, if it can be reached just now. */
  async look(): Promise<void> {
    await this.session.use(async (source) => {
      const asked = Date.now();
      this.seen = await followFigures(source, this.slot);
      this.offsetMs = (await clockOf(source)) - (asked + Date.now()) / 2;
      if (performance.now() - this.lookedForTablesAt < newTablesMs) return;
      this.lookedForTablesAt = performance.now();
      await this.unfollowed.look(source);
    });
  }

  /** Keeps how far both servers are now. */
  sample({ position, figures }: Follower): void {
    const at = performance.now();
    const { transactions, changes } = figures;
    if (position === 0n) return;
    const sourceLsn = this.seen?.sourceLsn ?? position;
    this.history.add({ at, appliedLsn: position, sourceLsn, transactions, changes });
    const slot = this.seen?.slot;
    if (slot)
      this.history.addSlot({
        at,
        retainedBytes: slot.retainedBytes,
        ...(slot.safeWalBytes !== undefined && { safeWalBytes: slot.safeWalBytes }),
      });
  }

  async end(): Promise<void> {
    await this.session.end();
  }
}

/** Milliseconds since the epoch. */
async function clockOf(server: Session): Promise<number> {
  const { rows } = await server.query<{ ms: string }>(
    `SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000)::bigint::text AS ms`,
  );
  return Number(rows[0]?.ms ?? 0);
}
