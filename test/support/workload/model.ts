import type { Major } from '../postgres/embedded.js';
import type { ColumnType, KeyType } from './columnTypes.js';
import type { Names } from './names.js';
import type { Random } from './random.js';

/** Something that a session can do: statements that belong into one transaction, in this order. */
export interface Move {
  readonly what: string;
  /** How often, compared with the other moves of the subject. */
  readonly weight: number;
  make(random: Random): readonly string[];
  /** Goes only where no transaction is open. */
  readonly alone?: true;
}

/** One table or a few that belong together. */
export interface Subject {
  readonly kind: string;
  readonly ddl: readonly string[];
  /** First rows, and what is done after them. */
  readonly fill: readonly string[];
  readonly moves: readonly Move[];
}

/** What the makers of subjects draw from. */
export interface Place {
  readonly random: Random;
  readonly major: Major;
  readonly names: Names;
  /** Quoted names of schemas. */
  readonly schemas: readonly string[];
  readonly types: readonly ColumnType[];
  readonly keys: readonly KeyType[];
}

export interface Kind {
  readonly name: string;
  readonly since?: Major;
  make(place: Place): Subject;
}

/** A new quoted and qualified name for a table, sequence or function. */
export function newName(place: Place, hint: string): string {
  return `${place.random.pick(place.schemas)}.${place.names.next(hint)}`;
}

type Each<Hints extends readonly string[]> = { [Index in keyof Hints]: string };

/** As {@link newName}, several. */
export function newNames<const Hints extends readonly string[]>(place: Place, ...hints: Hints): Each<Hints> {
  return hints.map((hint) => newName(place, hint)) as Each<Hints>;
}

/** New quoted names for columns. */
export function newColumns<const Hints extends readonly string[]>(
  place: Place,
  ...hints: Hints
): Each<Hints> {
  return hints.map((hint) => place.names.next(hint)) as Each<Hints>;
}

export const move = (what: string, weight: number, make: Move['make']): Move => ({ what, weight, make });
