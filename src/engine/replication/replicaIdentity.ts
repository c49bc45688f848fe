import type { RelationName } from '../../protocol/model.js';
import { type IdentityKind, tableReplicationFacts } from '../catalog/replicaIdentities.js';
import { ident, qualified } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';
import { type FollowRow, undoOf } from '../run/followState.js';
import { type LockPatience, runLocking } from './tableLocks.js';

/** The replica identity that a table had before it became FULL. Plain data, to be stored before that is done. */
export interface FormerIdentity extends RelationName {
  readonly oid: string;
  readonly identity: Exclude<IdentityKind, 'full'>;
  /** With `index`: which. Absent where it had been dropped, which is as `nothing`. */
  readonly index?: { readonly oid: string; readonly name: string };
}

/** In FollowRow.undo: what {@link formerIdentities} gave of the server whose changes are followed. */
export const identitiesPart = 'identities';

export const notedIdentities = (row: FollowRow | undefined): readonly FormerIdentity[] =>
  ((row && undoOf(row, identitiesPart)) as readonly FormerIdentity[] | undefined) ?? [];

/**
 * What {@link makeIdentitiesFull} will change, and {@link restoreIdentities} puts back. Tables that are FULL already (or
 * gone) are not in it: what was stored by an earlier call stays true, and this is added to it.
 */
export async function formerIdentities(
  source: Session,
  tables: readonly { readonly oid: string }[],
): Promise<FormerIdentity[]> {
  const facts = await tableReplicationFacts(
    source,
    tables.map((table) => table.oid),
  );
  return [...facts.values()].flatMap(({ oid, schema, name, identity, identityIndex }) =>
    identity === 'full'
      ? []
      : [
          {
            oid,
            schema,
            name,
            identity,
            ...(identity === 'index' && identityIndex && { index: identityIndex }),
          },
        ],
  );
}

/**
 * Sets REPLICA IDENTITY FULL, each table by itself; may be repeated. Needs ACCESS EXCLUSIVE for a moment.
 * To be called before the tables are published for updates. Rejects with FF838; tables done stay as they are.
 */
export async function makeIdentitiesFull(
  source: Session,
  tables: readonly { readonly oid: string }[],
  patience: LockPatience = {},
): Promise<void> {
  const facts = await tableReplicationFacts(
    source,
    tables.map((table) => table.oid),
  );
  for (const table of facts.values()) {
    if (table.identity === 'full') continue;
    await runLocking(
      source,
      `ALTER TABLE ONLY ${qualified(table)} REPLICA IDENTITY FULL`,
      [table.oid],
      patience,
    );
  }
}

/**
 * Puts back what {@link formerIdentities} noted; may be repeated. Leaves what is not FULL any more, since somebody else
 * decided so, and tables that are gone. Only after the publications are dropped, or the source would refuse updates.
 * Gives the tables that were changed. Rejects with FF838.
 */
export async function restoreIdentities(
  source: Session,
  former: readonly FormerIdentity[],
  patience: LockPatience = {},
): Promise<RelationName[]> {
  const facts = await tableReplicationFacts(
    source,
    former.map((table) => table.oid),
  );
  const indexes = await indexNames(
    source,
    former.flatMap(({ index }) => index?.oid ?? []),
  );
  const restored: RelationName[] = [];
  for (const before of former) {
    const table = facts.get(before.oid);
    if (table?.identity !== 'full') continue;
    const identity = identityClause(before, indexes);
    await runLocking(
      source,
      `ALTER TABLE ONLY ${qualified(table)} REPLICA IDENTITY ${identity}`,
      [table.oid],
      patience,
    );
    restored.push({ schema: table.schema, name: table.name });
  }
  return restored;
}

/** An identity whose index was dropped is as NOTHING, and cannot be set again. */
function identityClause({ identity, index }: FormerIdentity, indexes: ReadonlyMap<string, string>): string {
  if (identity === 'default') return 'DEFAULT';
  const name = index && indexes.get(index.oid);
  return name === undefined ? 'NOTHING' : `USING INDEX ${ident(name)}`;
}

/** By oid, as they are called now. */
async function indexNames(source: Session, oids: readonly string[]): Promise<Map<string, string>> {
  if (oids.length === 0) return new Map();
  const { rows } = await source.query<{ oid: string; name: string }>(
    `SELECT oid::text AS oid, relname AS name FROM pg_class WHERE oid = ANY ($1::oid[])`,
    [oids],
  );
  return new Map(rows.map(({ oid, name }) => [oid, name]));
}
