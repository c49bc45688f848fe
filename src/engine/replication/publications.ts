import type { RelationName } from '../../protocol/model.js';
import { type TableReplicationFacts, tableReplicationFacts } from '../catalog/replicaIdentities.js';
import { Fault } from '../errors/fault.js';
import { ident, literal } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';
import {
  commentOf,
  isOurs,
  type Kind,
  kindsOf,
  type Member,
  optionsOf,
  publicationNames,
  readMembers,
  readPublications,
  suffixed,
} from './publicationCatalog.js';
import { publicationTable, publishableFilters } from './publicationFilters.js';
import { type LockPatience, runLocking } from './tableLocks.js';

/** As much of a table of the project as its publication needs. */
export interface PublishedTable {
  readonly oid: string;
  /** Only rows under this condition are followed. */
  readonly where?: string;
}

export interface EnsuredPublications {
  /** All of them, for START_REPLICATION. The same for a slot and a server whatever its tables. */
  readonly publications: readonly string[];
  /** Oids of the tables whose row filter the publication applies; the others' are for us to apply. */
  readonly filtered: ReadonlySet<string>;
  /** Oids of the tables of which only inserts and truncations are published, as the source is now. */
  readonly insertOnly: ReadonlySet<string>;
  /** What was not there before. With an older slot, changes that came before are missing from the stream. */
  readonly created: readonly string[];
  /** Oids of the tables that were in none of the publications before; the same holds for them. */
  readonly added: ReadonlySet<string>;
  /** Oids of tables that were in them in another way (filter, columns, operations): changes of that time may be missing. */
  readonly altered: ReadonlySet<string>;
  /** Oids of the tables that are gone from the source. */
  readonly missing: ReadonlySet<string>;
}

/**
 * Makes the publications of a slot, or changes them, until they publish exactly the given tables: those without a usable
 * replica identity for inserts and truncations alone, since the source would refuse their updates otherwise. A table
 * that is a partition is published as itself. May be repeated after any interruption. Rejects with FF837 (a publication
 * of that name is somebody else's), FF823, FF838, FF509.
 */
export async function ensurePublications(
  source: Session,
  slot: string,
  tables: readonly PublishedTable[],
  patience: LockPatience = {},
): Promise<EnsuredPublications> {
  const kinds = kindsOf(slot, source.versionNum);
  const created = await createMissing(source, slot, kinds);
  const facts = await tableReplicationFacts(
    source,
    tables.map((table) => table.oid),
  );
  const filters = await publishableFilters(
    source,
    suffixed(slot, '_probe'),
    tables.flatMap(({ oid, where }) => {
      const known = facts.get(oid);
      return known === undefined || where === undefined ? [] : [{ facts: known, where }];
    }),
    patience,
  ).catch((error: unknown) => {
    throw publishingFault(error);
  });
  const members = await readMembers(source, kinds);
  const conditions = new Map(tables.map(({ oid, where }) => [oid, where]));
  const changes = [...facts.values()].flatMap((table) => {
    const filter = filters.get(table.oid);
    const where = filter === undefined ? undefined : conditions.get(table.oid);
    return changeOf(kinds, members.get(table.oid) ?? [], table, { filter, where });
  });
  const unwanted = [...members.values()].flat().filter((member) => !facts.has(member.oid));
  changes.push(...unwanted.map((member) => ({ oid: member.oid, drop: [member] })));
  await applyChanges(source, changes, patience);
  return {
    publications: kinds.map(({ name }) => name),
    filtered: new Set(filters.keys()),
    insertOnly: oidsOf([...facts.values()].filter((table) => table.publishing === 'insert')),
    created,
    added: oidsOf([...facts.values()].filter((table) => !members.has(table.oid))),
    altered: oidsOf(changes.filter(({ oid, add }) => add !== undefined && members.has(oid))),
    missing: oidsOf(tables.filter((table) => !facts.has(table.oid))),
  };
}

/** Oids of the tables whose row filter the publications of a slot apply, as they are. */
export async function filteredTables(source: Session, slot: string): Promise<Set<string>> {
  const members = await readMembers(source, kindsOf(slot, source.versionNum));
  return oidsOf([...members.values()].flat().filter((member) => member.filter !== null));
}

const oidsOf = (tables: readonly { readonly oid: string }[]): Set<string> =>
  new Set(tables.map((table) => table.oid));

/** Drops the publications of a slot that are ours; gives their names. None there is fine. Rejects with FF823. */
export async function dropPublications(source: Session, slot: string): Promise<readonly string[]> {
  const names = publicationNames(slot, 180000);
  const ours = (await readPublications(source, names)).filter(({ comment }) => isOurs(comment, slot));
  if (ours.length === 0) return [];
  // One that is dropped by somebody else meanwhile is as good.
  await source
    .query(`DROP PUBLICATION IF EXISTS ${ours.map(({ name }) => ident(name)).join(', ')}`)
    .catch((error: unknown) => {
      throw publishingFault(error);
    });
  return ours.map(({ name }) => name);
}

/** Gives the names of those that were made. */
async function createMissing(source: Session, slot: string, kinds: readonly Kind[]): Promise<string[]> {
  const found = new Map(
    (
      await readPublications(
        source,
        kinds.map(({ name }) => name),
      )
    ).map((row) => [row.name, row]),
  );
  for (const { name, comment, wide } of found.values())
    if (wide || !isOurs(comment, slot))
      throw new Fault('FF837', `The publication ${name} was not made by this migration.`, {
        object: `publication ${name}`,
      });
  const created: string[] = [];
  for (const kind of kinds) {
    const options = optionsOf(kind, source.versionNum);
    const present = found.get(kind.name);
    if (present?.options === options.shown) continue;
    if (present === undefined) created.push(kind.name);
    await source
      .script(
        present === undefined
          ? `CREATE PUBLICATION ${ident(kind.name)} WITH ${options.clause};
             COMMENT ON PUBLICATION ${ident(kind.name)} IS ${literal(commentOf(slot))}`
          : `ALTER PUBLICATION ${ident(kind.name)} SET ${options.clause}`,
      )
      .catch((error: unknown) => {
        throw publishingFault(error);
      });
  }
  return created;
}

/** Both in one transaction, so that no change falls between. */
interface TableChange {
  readonly oid: string;
  readonly drop: readonly Member[];
  readonly add?: { readonly publication: string; readonly table: RelationName; readonly where?: string };
}

function changeOf(
  kinds: readonly Kind[],
  members: readonly Member[],
  table: TableReplicationFacts,
  { filter, where }: { readonly filter: string | undefined; readonly where: string | undefined },
): TableChange[] {
  const publication = kinds.find(({ publishing }) => publishing === table.publishing)?.name ?? '';
  const fits = (member: Member): boolean =>
    member.publication === publication && member.filter === (filter ?? null) && !member.columnList;
  const drop = members.filter((member) => !fits(member));
  if (members.some(fits)) return drop.length === 0 ? [] : [{ oid: table.oid, drop }];
  return [{ oid: table.oid, drop, add: { publication, table, ...(where !== undefined && { where }) } }];
}

/** Tables of one transaction: each takes a lock out of a table that is shared by all sessions of the server. */
const tablesPerTransaction = 500;

async function applyChanges(
  source: Session,
  changes: readonly TableChange[],
  patience: LockPatience,
): Promise<void> {
  for (let from = 0; from < changes.length; from += tablesPerTransaction) {
    const part = changes.slice(from, from + tablesPerTransaction);
    await runLocking(
      source,
      statementsOf(part).join(';\n'),
      part.map(({ oid }) => oid),
      patience,
    ).catch((error: unknown) => {
      throw publishingFault(error);
    });
  }
}

/** One a publication and direction; a table is dropped before it is added with another filter. */
function statementsOf(changes: readonly TableChange[]): string[] {
  const lists = new Map<string, string[]>();
  const put = (publication: string, action: 'DROP' | 'ADD', table: string): void => {
    const lead = `ALTER PUBLICATION ${ident(publication)} ${action} TABLE `;
    lists.set(lead, [...(lists.get(lead) ?? []), table]);
  };
  for (const member of changes.flatMap(({ drop }) => drop))
    put(member.publication, 'DROP', publicationTable(member));
  for (const { add } of changes) if (add) put(add.publication, 'ADD', publicationTable(add.table, add.where));
  return [...lists].map(([lead, list]) => lead + list.join(', '));
}

function publishingFault(error: unknown): unknown {
  if (!(error instanceof Fault) || error.sqlstate !== '42501') return error;
  return new Fault('FF823', error.message, { sqlstate: error.sqlstate, cause: error.cause });
}
