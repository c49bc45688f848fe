/**
 * What a qualifier stands for. A table without alias is called by its own name in the rest of its query, so a new name
 * of the table is a new qualifier there, unless something else in the query has that name already: then the table gets
 * an alias. PostgreSQL does the same when it prints a view whose table was renamed.
 */
import type { RelationName } from '../../protocol/model.js';
import { displayName } from '../identifier.js';
import { editPart, editParts, type Place } from './place.js';
import { quoteIdentifier } from './quoting.js';
import type { DottedName } from './sqlText.js';

export interface RangeItem {
  /** What the source calls it. */
  readonly refname: string;
  readonly scope: Scope;
  /** Of a table: its names on both sides. */
  readonly source?: RelationName;
  readonly target?: RelationName;
  readonly columns?: ReadonlySet<string>;
  /** Where an alias can be written, and with which word. */
  readonly aliasAt?: { readonly offset: number; readonly word: ' ' | ' AS ' };
  /** An alias that is written there without names of columns. */
  readonly alias?: { readonly start: number; readonly end: number };
  readonly hasAlias: boolean;
  readonly references: Reference[];
}

interface Reference {
  readonly name: DottedName;
  readonly scope: Scope;
  /** 2 where the schema is written, too. */
  readonly qualifiers: 1 | 2;
  /** A whole row in a list of results, whose column is called as the table. */
  readonly namesResult: boolean;
}

export class Scope {
  readonly items: RangeItem[] = [];
  readonly commonTables = new Set<string>();
  /** Names of the results of its query, which ORDER BY and GROUP BY may mean. */
  readonly results = new Set<string>();

  constructor(
    readonly parent: Scope | undefined,
    /** Every item of the statement, in all scopes. */
    readonly all: RangeItem[],
    /** The table that constraints, policies … of the statement belong to. */
    readonly table: RelationName | undefined = parent?.table,
  ) {}

  inner(): Scope {
    return new Scope(this, this.all);
  }

  /** Everything around, but not the tables of this query itself: what a subquery in FROM sees. */
  beside(): Scope {
    const scope = new Scope(this.parent, this.all, this.table);
    for (const name of this.commonTables) scope.commonTables.add(name);
    return scope;
  }

  add(item: Omit<RangeItem, 'scope' | 'references'>): RangeItem {
    const added = { ...item, scope: this, references: [] };
    this.items.push(added);
    this.all.push(added);
    return added;
  }

  isCommonTable(name: string): boolean {
    return this.commonTables.has(name) || (this.parent?.isCommonTable(name) ?? false);
  }

  find(matches: (item: RangeItem) => boolean): RangeItem | undefined {
    return this.items.find(matches) ?? this.parent?.find(matches);
  }

  everyItem(holds: (item: RangeItem) => boolean): boolean {
    return this.items.every(holds) && (this.parent?.everyItem(holds) ?? true);
  }
}

/** `names` are the fields of a ColumnRef, without `*`; `hasStar` where one follows. */
export function referTo(
  place: Place,
  scope: Scope,
  name: DottedName,
  names: readonly string[],
  hasStar: boolean,
  namesResult = false,
): void {
  const [first = '', second] = names;
  if (names.length === 1 && !hasStar) {
    referToBare(place, scope, name, first, namesResult);
    return;
  }
  const byAlias = scope.find((item) => item.refname === first);
  if (byAlias !== undefined && names.length <= 2) {
    name.claimed = true;
    byAlias.references.push({ name, scope, qualifiers: 1, namesResult: false });
    return;
  }
  const byTable = scope.find(
    ({ hasAlias, source }) => !hasAlias && source?.schema === first && source.name === second,
  );
  if (byTable !== undefined) {
    name.claimed = true;
    byTable.references.push({ name, scope, qualifiers: 2, namesResult: false });
  } else if (byAlias !== undefined || place.surroundings.variables.has(first)) name.claimed = true;
}

/** A column or, where no table in sight has such a column, the whole row of a table. */
function referToBare(place: Place, scope: Scope, name: DottedName, word: string, namesResult: boolean): void {
  name.claimed = true;
  const item = scope.find(({ refname }) => refname === word);
  if (item?.target === undefined || place.surroundings.variables.has(word)) return;
  if (!scope.everyItem(({ columns }) => !columns?.has(word))) return;
  if (scope.everyItem(({ columns }) => columns !== undefined)) {
    item.references.push({ name, scope, qualifiers: 1, namesResult });
  } else if (place.surroundings.inBody && !item.hasAlias && item.target.name !== item.refname) {
    place.sql.undecide(
      name.start,
      name.end,
      `${displayName(word)} may be a column or a whole row of the renamed table.`,
    );
  }
}

/** To be called once the whole statement was walked. */
export function writeQualifiers(place: Place, items: readonly RangeItem[]): void {
  const aliases = chooseAliases(place, items);
  for (const item of items) {
    const { aliasAt, references, target } = item;
    const alias = aliases.get(item);
    if (alias !== undefined && aliasAt !== undefined)
      place.sql.edit(aliasAt.offset, aliasAt.offset, aliasAt.word + quoteIdentifier(alias));
    else if (isNeedlessAlias(place, item)) place.sql.edit(item.alias?.start ?? 0, item.alias?.end ?? 0, '');
    if (alias === undefined && (item.hasAlias || target === undefined)) continue;
    for (const { name, qualifiers } of references) {
      const [first, second] = name.parts;
      if (first === undefined) continue;
      if (qualifiers === 1) editPart(place.sql, first, alias ?? target?.name ?? item.refname);
      else if (alias !== undefined)
        place.sql.edit(first.start, second?.end ?? first.end, quoteIdentifier(alias));
      else if (target !== undefined) editParts(place, name, [target.schema, target.name]);
    }
  }
}

const nextName = (item: RangeItem, aliases: ReadonlyMap<RangeItem, string>): string =>
  aliases.get(item) ?? (item.hasAlias ? item.refname : (item.target?.name ?? item.refname));

/** Tables that need an alias, because their new name means something else where they are referred to. */
function chooseAliases(place: Place, items: readonly RangeItem[]): Map<RangeItem, string> {
  const aliases = new Map<RangeItem, string>();
  const isRenamed = ({ hasAlias, target, refname }: RangeItem): boolean =>
    !hasAlias && target !== undefined && target.name !== refname;
  for (let again = items.some(isRenamed); again; ) {
    again = false;
    for (const item of items) {
      if (aliases.has(item) || !isRenamed(item)) continue;
      const captors = captorsOf(item, nextName(item, aliases), (other) => nextName(other, aliases));
      const clashes =
        captors.length > 0 ||
        place.surroundings.variables.has(nextName(item, aliases)) ||
        item.references.some(({ namesResult }) => namesResult);
      if (!clashes) continue;
      if (item.aliasAt !== undefined) {
        aliases.set(item, item.refname);
        again = true;
        continue;
      }
      // The table of a policy or constraint cannot have an alias; what hides it can.
      for (const captor of captors) {
        if (captor.aliasAt === undefined || captor.hasAlias || aliases.has(captor)) continue;
        aliases.set(captor, `${nextName(captor, aliases)}_1`);
        again = true;
      }
    }
  }
  return aliases;
}

/** What a reference to the item would mean if it were called `name`. */
function captorsOf(item: RangeItem, name: string, nameOf: (other: RangeItem) => string): RangeItem[] {
  const hides = (other: RangeItem): boolean => other !== item && nameOf(other) === name;
  const captors = new Set(item.scope.items.filter(hides));
  for (const reference of item.references) {
    for (let scope: Scope | undefined = reference.scope; scope && scope !== item.scope; scope = scope.parent)
      for (const other of scope.items) if (hides(other)) captors.add(other);
  }
  return [...captors];
}

/** Renaming back takes away the alias that renaming had to add. */
function isNeedlessAlias(place: Place, item: RangeItem): boolean {
  const { alias, target, source, refname, references } = item;
  if (alias === undefined || target === undefined || source === undefined) return false;
  if (target.name !== refname || source.name === refname) return false;
  return (
    captorsOf(item, source.name, (other) => other.refname).length > 0 ||
    place.surroundings.variables.has(source.name) ||
    references.some(({ namesResult }) => namesResult)
  );
}
