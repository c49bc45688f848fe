import type { FollowRequest, FollowSnapshot } from '../../protocol/follow.js';
import type { DatabaseJob } from '../databaseJob.js';
import type { Lsn } from '../postgres/lsn.js';
import type { Session } from '../postgres/session.js';
import type { TableToFollow } from '../replication/apply/followedTables.js';
import type { Relation } from '../replication/pgoutputMessages.js';
import type { FollowRow } from '../run/followState.js';
import type { CopiedTables } from './tablesToFollow.js';

/** What the following of a database is begun with: after the base copy, or on the way back. */
export interface FollowParts extends CopiedTables {
  readonly job: DatabaseJob;
  readonly row: FollowRow;
  readonly replicaRole: boolean;
  /** Oids of tables of which updates and deletes do not come. */
  readonly insertOnly: ReadonlySet<string>;
  readonly endLsn?: Lsn;
  /** The source tells of its DDL. */
  readonly noticesDdl?: boolean;
  /** What the run tells of it, where that is in other words. */
  told?(said: FollowSnapshot): FollowSnapshot;
  /** Holds the lock of the run on the target; the follow closes it. */
  readonly target: Session;
  /** Tables that nobody named: see FollowerOptions. */
  unknown?(relation: Relation): TableToFollow | undefined;
  /** What is to be done with a request that is not about the following itself. */
  onRequest(request: FollowRequest): void;
}

/** Identity of the source, by which its rows in the schema flexferry are found. */
export const identityOf = ({ base }: Pick<FollowParts, 'base'>): string => base.context.checkpoint.run.source;
