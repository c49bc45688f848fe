import { tableReplicationFacts } from '../catalog/replicaIdentities.js';
import type { Session } from '../postgres/session.js';
import {
  formerIdentities,
  identitiesPart,
  makeIdentitiesFull,
  notedIdentities,
} from '../replication/replicaIdentity.js';
import { noteUndo, readFollow } from '../run/followState.js';

/**
 * Those of the tables whose updates and deletes would not be followed become REPLICA IDENTITY FULL where that helps.
 * What is to be put back (removeFollowed) is stored before; what was stored by an earlier call stays. May be repeated.
 * @param tables on the server that is followed.
 * @param source identity of that database, under which `keeper` has the row of this direction.
 * @throws Fault FF838
 */
export async function makeFull(
  followed: Session,
  keeper: Session,
  source: string,
  tables: readonly { readonly oid: string }[],
  signal: AbortSignal,
): Promise<void> {
  const facts = await tableReplicationFacts(
    followed,
    tables.map((table) => table.oid),
  );
  const wanted = [...facts.values()].filter((t) => t.publishing === 'insert' && t.fullIsPossible);
  if (wanted.length === 0) return;
  const before = notedIdentities(await readFollow(keeper, source));
  const known = new Set(before.map(({ oid }) => oid));
  const added = (await formerIdentities(followed, wanted)).filter(({ oid }) => !known.has(oid));
  await noteUndo(keeper, source, identitiesPart, [...before, ...added]);
  await makeIdentitiesFull(followed, wanted, { signal });
}
