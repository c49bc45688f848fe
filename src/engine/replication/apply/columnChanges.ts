import type { TargetColumn, TargetTable } from '../../catalog/applyTargets.js';
import type { Relation, RelationColumn } from '../pgoutputMessages.js';
import type { SentColumns } from './applyTable.js';

/** A column as it was when the rows of its table were copied: another one now means DDL. */
export interface KnownColumn {
  /** On the target; the same as on the source then. */
  readonly name: string;
  readonly typeOid: number;
  readonly typeModifier: number;
  /** pg_attribute.attnum on the source: stays when the column gets another name. */
  readonly number?: number;
  /** Type of the same column on the target then, as DDL writes it. */
  readonly target?: string;
  /** pg_attribute.attnum on the target. */
  readonly targetNumber?: number;
}

/** What the source says of a table whose columns changed. */
export interface Drift {
  /** SQL for the target that makes its table fit again. */
  readonly ddl?: string;
  /** Its columns now; undefined where it is gone. `declared`: type as DDL writes it. */
  readonly columns?: readonly ColumnOfSource[];
}
interface ColumnOfSource {
  readonly name: string;
  readonly number: number;
  readonly declared: string;
}

/** In words; undefined where they are the same. What the target computes may come or not. */
export function changedColumns(
  known: readonly KnownColumn[],
  relation: Relation,
  table: TargetTable,
): string | undefined {
  const now = new Map(relation.columns.map((column) => [column.name, column]));
  const before = new Map(known.map((column) => [column.name, column]));
  const isComputed = (name: string): boolean => table.columns.get(name)?.generated === true;
  const added = [...now.keys()].filter((name) => !before.has(name) && !isComputed(name));
  const dropped = [...before.keys()].filter((name) => !now.has(name) && !isComputed(name));
  const altered = known.filter((column) => isAltered(column, now.get(column.name)));
  // They come in the order of their numbers: one that moved is another one.
  const common = known.filter(({ name }) => now.has(name)).map(({ name }) => name);
  const order = relation.columns.map(({ name }) => name).filter((name) => before.has(name));
  const moved = common.filter((name, i) => order[i] !== name);
  const parts = [
    ...added.map((name) => `${name} is new`),
    ...dropped.map((name) => `${name} is gone`),
    ...altered.map(({ name }) => `${name} has another type`),
    ...moved.map((name) => `${name} is another column`),
  ];
  return parts.length === 0 ? undefined : parts.join(', ');
}

const isAltered = (before: KnownColumn, now: RelationColumn | undefined): boolean =>
  now !== undefined && (now.typeOid !== before.typeOid || now.typeModifier !== before.typeModifier);

/** A column of the target was renamed, dropped or replaced since its rows were copied. */
export function targetMoved(known: readonly KnownColumn[], table: TargetTable): boolean {
  return known.some(({ name, targetNumber }) => {
    const there = table.columns.get(name);
    return there === undefined || (targetNumber !== undefined && there.number !== targetNumber);
  });
}

/**
 * A relation of the source as the target's table can take it, once that went the same way: what is new is there, what
 * is gone is gone, what has another name or type has it there, too. Either side may be ahead: the changes may be older
 * than what the source is now, and than what was done on the target. So columns are followed by their numbers, which
 * stay with them. Undefined: the target has not gone the way yet.
 */
export function seenByTarget(
  known: readonly KnownColumn[],
  relation: Relation,
  table: TargetTable,
  drift: Drift,
): SentColumns | undefined {
  const { columns: now = [] } = drift;
  const numbers = numbersOf(known, relation, now);
  const ways = new Ways(known, relation, table, now);
  if (ways.waitsForDrop(numbers)) return undefined;
  const columns: RelationColumn[] = [];
  const places: number[] = [];
  for (const [place, column] of relation.columns.entries()) {
    const there = ways.of(column, numbers[place] ?? unnumbered);
    if (there === 'wait') return undefined;
    if (there === 'gone') continue;
    columns.push(there.name === column.name ? column : { ...column, name: there.name });
    places.push(place);
  }
  return { relation, columns, places };
}

/** What is known of the columns once changes of this relation are applied. */
export function knownColumns(
  sent: SentColumns,
  table: TargetTable,
  before: readonly KnownColumn[] = [],
  drift: Drift = {},
): KnownColumn[] {
  const { columns: now = [] } = drift;
  const numbers = numbersOf(before, sent.relation, now);
  const columns = sent.columns.flatMap(({ name, typeOid, typeModifier }, i): KnownColumn[] => {
    const there = table.columns.get(name);
    if (there === undefined || there.generated) return [];
    const same =
      before.find(({ targetNumber }) => targetNumber === there.number) ??
      before.find((column) => column.name === name);
    const number = numbers[sent.places[i] ?? 0]?.number ?? same?.number;
    return [
      {
        name,
        typeOid,
        typeModifier,
        ...(number !== undefined && { number }),
        target: there.declared,
        targetNumber: there.number,
      },
    ];
  });
  const taken = new Set(columns.flatMap(({ name, number }) => [name, number]));
  // Of a relation that is older than a column.
  const later = before.filter(
    ({ name, number }) =>
      !taken.has(name) && !taken.has(number) && now.some((column) => column.number === number),
  );
  return later.length === 0
    ? columns
    : [...columns, ...later].sort((a, b) => (a.number ?? 0) - (b.number ?? 0));
}

/** The number of a column of a relation: undefined where it is only known to lie between two others. */
interface Numbered {
  readonly number: number | undefined;
  readonly above: number;
  readonly below: number;
}

/**
 * The numbers of the columns of a relation, which does not tell them: by their names before and now. Where those
 * disagree (a name was given to another column) the order tells which, as columns come in that of their numbers; and so
 * it does where a name was neither before nor is now.
 */
function numbersOf(
  known: readonly KnownColumn[],
  relation: Relation,
  now: readonly ColumnOfSource[],
): Numbered[] {
  const before = new Map(known.map(({ name, number }) => [name, number]));
  const after = new Map(now.map(({ name, number }) => [name, number]));
  const names = relation.columns.map(({ name }) => name);
  const asBefore = names.map((name) => before.get(name) ?? after.get(name));
  const asNow = names.map((name) => after.get(name) ?? before.get(name));
  const numbers = isRising(asNow) ? asNow : isRising(asBefore) ? asBefore : names.map(() => undefined);
  return numbers.map((number, i) => {
    const above = numbers.slice(0, i).findLast((one) => one !== undefined) ?? 0;
    const below = numbers.slice(i + 1).find((one) => one !== undefined) ?? Number.POSITIVE_INFINITY;
    return { number: number ?? onlyNumber(numbers, i, above, below), above, below };
  });
}

function isRising(numbers: readonly (number | undefined)[]): boolean {
  let last = 0;
  for (const number of numbers) {
    if (number === undefined) continue;
    if (number <= last) return false;
    last = number;
  }
  return true;
}

/** Of columns without a number between two that have one: where they are as many as there are numbers between. */
function onlyNumber(
  numbers: readonly (number | undefined)[],
  i: number,
  above: number,
  below: number,
): number | undefined {
  let first = i;
  while (first > 0 && numbers[first - 1] === undefined) first--;
  let end = i;
  while (end < numbers.length && numbers[end] === undefined) end++;
  return below - above - 1 === end - first ? above + 1 + i - first : undefined;
}

const unnumbered: Numbered = { number: undefined, above: 0, below: Number.POSITIVE_INFINITY };

/** Where each column of the source goes on the target as it is now. */
class Ways {
  private readonly byNumber: ReadonlyMap<number | undefined, KnownColumn>;
  private readonly now: ReadonlyMap<number | undefined, ColumnOfSource>;
  private readonly there: ReadonlyMap<number | undefined, TargetColumn>;
  /** Numbers of target columns that belong to a column of the source. */
  private readonly owners: ReadonlyMap<number | undefined, KnownColumn>;

  constructor(
    private readonly known: readonly KnownColumn[],
    private readonly relation: Relation,
    private readonly table: TargetTable,
    now: readonly ColumnOfSource[],
  ) {
    this.byNumber = new Map(known.map((column) => [column.number, column]));
    this.now = new Map(now.map((column) => [column.number, column]));
    this.there = new Map([...table.columns.values()].map((column) => [column.number, column]));
    this.owners = new Map(
      known.flatMap((column) =>
        column.targetNumber === undefined ? [] : [[column.targetNumber, column] as const],
      ),
    );
  }

  /** The source dropped a column that the target still has. */
  waitsForDrop(numbers: readonly Numbered[]): boolean {
    const names = new Set(this.relation.columns.map(({ name }) => name));
    const sent = new Set(numbers.map(({ number }) => number));
    return this.known.some(({ name, number, targetNumber }) => {
      if (number === undefined ? names.has(name) : sent.has(number)) return false;
      const there =
        number === undefined || targetNumber === undefined
          ? this.table.columns.get(name)
          : this.there.get(targetNumber);
      if (there === undefined || there.generated) return false;
      // One that the source has now is younger than these changes.
      return number === undefined || !this.now.has(number);
    });
  }

  of(column: RelationColumn, numbered: Numbered): TargetColumn | 'wait' | 'gone' {
    const { number } = numbered;
    const known = number === undefined ? undefined : this.byNumber.get(number);
    const found = this.place(column, numbered, known);
    if (typeof found === 'string') return found;
    const before = known ?? this.known.find(({ name }) => name === column.name);
    return before && this.waitsForType(before, column, found, number) ? 'wait' : found;
  }

  private place(
    column: RelationColumn,
    numbered: Numbered,
    known: KnownColumn | undefined,
  ): TargetColumn | 'wait' | 'gone' {
    const { columns } = this.table;
    const { number } = numbered;
    const nameNow = number === undefined ? undefined : this.now.get(number)?.name;
    if (known?.targetNumber !== undefined) {
      const same = this.there.get(known.targetNumber);
      if (same) return same.name === column.name || same.name === nameNow ? same : 'wait';
      if (nameNow === undefined) return this.now.size > 0 ? 'gone' : 'wait';
      return this.free(columns.get(nameNow) ?? columns.get(column.name), number) ?? 'wait';
    }
    const there = columns.get(column.name);
    if (there) return this.free(there, number) ?? 'wait';
    if (nameNow !== undefined) return this.free(columns.get(nameNow), number) ?? 'wait';
    return this.isGone(numbered) ? 'gone' : 'wait';
  }

  /** The column, unless another one of the source goes there. */
  private free(there: TargetColumn | undefined, number: number | undefined): TargetColumn | undefined {
    const owner = there && this.owners.get(there.number);
    if (owner?.number === undefined || number === undefined) return there;
    return owner.number === number ? there : undefined;
  }

  /** The source has nothing with its number, or any that it could be. */
  private isGone({ number, above, below }: Numbered): boolean {
    if (this.now.size === 0) return false;
    if (number !== undefined) return !this.now.has(number);
    return [...this.now.values()].every((column) => column.number <= above || column.number >= below);
  }

  private waitsForType(
    before: KnownColumn,
    column: RelationColumn,
    there: TargetColumn,
    number: number | undefined,
  ): boolean {
    if (!isAltered(before, column)) return false;
    const now = number === undefined ? undefined : this.now.get(number);
    if (now?.declared === there.declared) return false;
    return before.target === undefined || before.target === there.declared;
  }
}
