import type { Lsn } from '../postgres/lsn.js';

/** A value that was not changed and is too large to be sent again (TOAST): keep what the target has. */
export const unchangedToast = Symbol('unchanged TOAST value');

/** The text that the type's output function wrote, NULL, or {@link unchangedToast}. Never converted. */
export type Value = string | null | typeof unchangedToast;

/** One value for each column of the relation, in its order. */
export type Row = readonly Value[];

export interface RelationColumn {
  readonly name: string;
  /** Part of the replica identity; all are with REPLICA IDENTITY FULL. */
  readonly key: boolean;
  readonly typeOid: number;
  readonly typeModifier: number;
}

/**
 * A table as the source announced it. The same object as long as nothing of it changes, also when it is announced
 * again; a new one means DDL.
 */
export interface Relation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** pg_class.relreplident: `d`efault, `n`othing, `f`ull, `i`ndex. */
  readonly replicaIdentity: string;
  /** Only those that are published; no generated ones, unless they are (18). */
  readonly columns: readonly RelationColumn[];
}

export interface Insert {
  readonly kind: 'insert';
  readonly relation: Relation;
  readonly row: Row;
}

export interface Update {
  readonly kind: 'update';
  readonly relation: Relation;
  /** The old key (other columns are NULL): only if the key changed or a part of it is stored out of line. */
  readonly key: Row | undefined;
  /** The whole old row: with REPLICA IDENTITY FULL. */
  readonly old: Row | undefined;
  readonly row: Row;
}

export interface Delete {
  readonly kind: 'delete';
  readonly relation: Relation;
  /** The key of the row (other columns are NULL), or … */
  readonly key: Row | undefined;
  /** … the whole row with REPLICA IDENTITY FULL. */
  readonly old: Row | undefined;
}

export interface Truncate {
  readonly kind: 'truncate';
  /** All tables of the command that are published, those reached by CASCADE included. */
  readonly relations: readonly Relation[];
  readonly cascade: boolean;
  readonly restartIdentity: boolean;
}

/** What pg_logical_emit_message() wrote. */
export interface LogicalMessage {
  readonly kind: 'message';
  readonly transactional: boolean;
  readonly lsn: Lsn;
  readonly prefix: string;
  readonly content: Buffer;
}

/** Where a transaction came from that the source itself got by replication. */
export interface Origin {
  readonly kind: 'origin';
  readonly lsn: Lsn;
  readonly name: string;
}

export type Change = Insert | Update | Delete | Truncate | LogicalMessage;

interface Ending {
  /** Where the record of the commit or prepare begins in the log. */
  readonly lsn: Lsn;
  /** Where it ends. */
  readonly endLsn: Lsn;
  /** By the clock of the source, milliseconds since 1970. */
  readonly at: number;
}
interface Prepared extends Ending {
  readonly xid: number;
  readonly gid: string;
}

/** Every message of pgoutput, versions 1 to 4. */
export type PgoutputMessage =
  | Change
  | Origin
  | { readonly kind: 'begin'; readonly lsn: Lsn; readonly at: number; readonly xid: number }
  | ({ readonly kind: 'commit' } & Ending)
  | { readonly kind: 'relation'; readonly relation: Relation }
  | { readonly kind: 'type'; readonly oid: number; readonly schema: string; readonly name: string }
  | { readonly kind: 'streamStart'; readonly xid: number; readonly first: boolean }
  | { readonly kind: 'streamStop' }
  | ({ readonly kind: 'streamCommit'; readonly xid: number } & Ending)
  | {
      readonly kind: 'streamAbort';
      readonly xid: number;
      /** The same as `xid` where the whole transaction is aborted. */
      readonly subxid: number;
      /** Version 4 with parallel streaming only. */
      readonly lsn?: Lsn;
      readonly at?: number;
    }
  | ({ readonly kind: 'beginPrepare' } & Prepared)
  | ({ readonly kind: 'prepare' } & Prepared)
  | ({ readonly kind: 'streamPrepare' } & Prepared)
  | ({ readonly kind: 'commitPrepared' } & Prepared)
  | ({ readonly kind: 'rollbackPrepared'; readonly preparedAt: number; readonly prepareEndLsn: Lsn } & Omit<
      Prepared,
      'lsn'
    >);

export function sameRelation(one: Relation, other: Relation): boolean {
  return (
    one.oid === other.oid &&
    one.schema === other.schema &&
    one.name === other.name &&
    one.replicaIdentity === other.replicaIdentity &&
    one.columns.length === other.columns.length &&
    one.columns.every((column, index) => sameColumn(column, other.columns[index]))
  );
}

function sameColumn(one: RelationColumn, other: RelationColumn | undefined): boolean {
  return (
    one.name === other?.name &&
    one.key === other.key &&
    one.typeOid === other.typeOid &&
    one.typeModifier === other.typeModifier
  );
}
