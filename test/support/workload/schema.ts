import type { Major } from '../postgres/embedded.js';
import { columnTypes, ownTypes } from './columnTypes.js';
import { keyTypes } from './keyTypes.js';
import { inherited, partitioned } from './kinds/divided.js';
import { anything, everyType, toasted } from './kinds/keyed.js';
import { full, keyless } from './kinds/keyless.js';
import { counting, large } from './kinds/large.js';
import { family, tree } from './kinds/references.js';
import { audited } from './kinds/triggers.js';
import { booked, swapped } from './kinds/unique.js';
import type { Kind, Move, Place, Subject } from './model.js';
import { Names } from './names.js';
import { Random } from './random.js';

const kinds: readonly Kind[] = [
  anything,
  everyType,
  toasted,
  swapped,
  booked,
  tree,
  family,
  full,
  keyless,
  partitioned,
  inherited,
  audited,
  large,
  counting,
];
/** With nothing that a database has once. */
const lateKinds: readonly Kind[] = [anything, toasted, swapped, full, keyless];
export const kindNames: readonly string[] = kinds.map(({ name }) => name);

/** A database that a seed describes: the same for the same seed and major. */
export interface WorkloadSchema {
  readonly major: Major;
  readonly subjects: readonly Subject[];
  /** Comes to be while changes are followed, and is added to them. */
  readonly late?: Subject;
  /** Statements that make it and fill it, as a superuser in an empty database. */
  readonly setup: readonly string[];
}

const extensionSchema = 'ext';

/**
 * Under which texts mean the same in every database, whatever its settings. The operators of citext and hstore are
 * found; everything else is written with its schema.
 */
export const sessionSettings = `
  SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET xmloption = content; SET timezone = 'UTC';
  SET lc_monetary = 'C'; SET standard_conforming_strings = on; SET search_path = ${extensionSchema}; SET client_min_messages = error`;

/** Settings of the database that print values in other ways than the wire of a migration may have them. */
const strangeSettings: readonly string[] = [
  "datestyle = 'German, DMY'",
  "intervalstyle = 'sql_standard'",
  "bytea_output = 'escape'",
  'extra_float_digits = -5',
  "timezone = 'Asia/Kolkata'",
  'xmloption = document',
  "search_path = 'nowhere'",
  "lc_monetary = 'C'",
  'row_security = off',
  "default_transaction_isolation = 'serializable'",
];

export interface SchemaOptions {
  /** Only subjects of these kinds. */
  readonly only?: readonly string[] | undefined;
  /** Leaves out moves whose names begin so. */
  readonly without?: readonly string[] | undefined;
  /** How many subjects. Default 10. */
  readonly size?: number;
  /** Whether a table comes late; a third of the seeds else. */
  readonly late?: boolean | undefined;
}

export function makeSchema(seed: string, major: Major, options: SchemaOptions = {}): WorkloadSchema {
  const random = new Random(seed).fork('schema');
  const names = new Names(random.fork('names'));
  const schemas = ['public', ...Array.from({ length: random.between(1, 3) }, () => names.next('app'))];
  const own = schemas.at(-1) ?? 'public';
  const extensions = random.chance(0.7) ? extensionSchema : undefined;
  const caseless = major >= 12 && random.chance(0.5) ? `${own}.caseless` : undefined;
  const types = ownTypes(major, own);
  const place = (subject: Random): Place => ({
    random: subject,
    major,
    names,
    schemas,
    types: [...columnTypes(major, extensions), ...types.types],
    keys: keyTypes(major, {
      place: own,
      ...(extensions !== undefined && { extensions }),
      ...(caseless !== undefined && { caseless }),
    }),
  });
  const possible = kinds.filter(
    ({ name, since = 10 }) => since <= major && (options.only?.includes(name) ?? true),
  );
  const isWanted = ({ what }: Move): boolean => !options.without?.some((name) => what.startsWith(name));
  const subjects = chosen(possible, options.size ?? 10, random)
    .map((kind, index) => kind.make(place(random.fork(`${kind.name} ${index}`))))
    .map((subject) => ({ ...subject, moves: subject.moves.filter(isWanted) }));
  const later = new Random(seed).fork('late');
  const late = (options.late ?? later.chance(0.35)) ? later.pick(lateKinds).make(place(later)) : undefined;
  const setup = [
    sessionSettings,
    ...schemas.filter((name) => name !== 'public').map((name) => `CREATE SCHEMA ${name}`),
    ...(extensions === undefined
      ? []
      : [
          `CREATE SCHEMA ${extensions}`,
          `CREATE EXTENSION citext SCHEMA ${extensions}`,
          `CREATE EXTENSION hstore SCHEMA ${extensions}`,
        ]),
    ...(caseless === undefined
      ? []
      : [`CREATE COLLATION ${caseless} (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`]),
    ...types.ddl,
    ...subjects.flatMap(({ ddl }) => ddl),
    ...subjects.flatMap(({ fill }) => fill),
    ...random.shuffle(strangeSettings).slice(0, random.below(5)).map(databaseSetting),
  ];
  return { major, subjects, setup, ...(late && { late }) };
}

/** Every kind once before one comes twice; `anything` comes in any case where it may. */
function chosen(possible: readonly Kind[], size: number, random: Random): Kind[] {
  const first = possible.includes(anything) ? [anything] : [];
  const others = random.shuffle(possible.filter((kind) => kind !== anything));
  const list = [...first, ...others, ...random.shuffle(possible), ...random.shuffle(possible)];
  return list.slice(0, Math.max(size, 1));
}

const databaseSetting = (setting: string): string =>
  `DO $do$ BEGIN EXECUTE format('ALTER DATABASE %I SET ${setting.replaceAll("'", "''")}', current_database()); END $do$`;
