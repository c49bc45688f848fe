import { chunks } from '../../base/pool.js';
import { type Column, rowCondition, type SourceTable } from '../catalog/tables.js';
import { ident, qualified } from '../postgres/quote.js';

/** How row hashes are computed, chosen so that both servers compute the same. */
export interface ChecksumRules {
  /** hashtextextended exists from PostgreSQL 11 on; before, two 32-bit hashes are joined. */
  readonly wideHash: boolean;
  /** PostgreSQL 12 changed how floats are printed: inside arrays and composites both sides round to 15 digits. */
  readonly roundFloats: boolean;
  /** Server encodings differ, so hashes are taken over UTF-8 bytes. */
  readonly recode: boolean;
}

export function checksumRules(
  sourceVersion: number,
  targetVersion: number,
  sameEncoding: boolean,
): ChecksumRules {
  const older = Math.min(sourceVersion, targetVersion);
  return {
    wideHash: older >= 110000,
    roundFloats: older < 120000 && Math.max(sourceVersion, targetVersion) >= 120000,
    recode: !sameEncoding,
  };
}

/** Session settings under which values print the same on both servers. */
export function checksumSettings(rules: ChecksumRules): string {
  return `SET lc_monetary = 'C'; SET extra_float_digits = ${rules.roundFloats ? 0 : 3}`;
}

/**
 * Counts the rows of a table and sums a hash of each: equal whatever the order of the rows. Hash functions of
 * PostgreSQL are used because md5 is switched off on Flexible Servers. They do not change between versions, since hash
 * partitions depend on them.
 */
export function checksumQuery(table: SourceTable, rules: ChecksumRules, side: 'source' | 'target'): string {
  const from =
    side === 'source'
      ? `FROM ONLY ${qualified(table.readAs ?? table)} ${rowCondition(table)}`
      : `FROM ONLY ${qualified(table.target)} ${table.onBothSides ? rowCondition(table) : (table.extensionCondition ?? '')}`;
  if (table.columns.length === 0) return `SELECT count(*) AS rows, '0' AS checksum ${from}`;
  const byColumn = rules.wideHash && !rules.recode && table.columns.length <= mostNested;
  const hash = byColumn ? columnHash(table.columns) : rowTextHash(table.columns, rules);
  return `SELECT count(*) AS rows, coalesce(sum(${hash}), 0)::text AS checksum ${from}`;
}

/** Each column's hash is the seed of the next one's: so many levels of calls are no burden for the server's stack. */
const mostNested = 100;
/** NULLs told by one bigint. */
const bitsOfMap = 60;

interface TypeHash {
  readonly hash: (value: string, seed: string) => string;
  /** The cast takes the domain away, whose CHECK might refuse what stands for NULL. */
  readonly type: string;
  /** Stands for NULL; the map of NULLs tells it from the value itself. */
  readonly empty: string;
}

const text: TypeHash = {
  hash: (v, s) => `hashtextextended(${v} COLLATE "C", ${s})`,
  type: 'text',
  empty: `''`,
};

/** By type oid. What is not here is hashed as text. */
const hashes: Readonly<Record<number, TypeHash>> = {
  16: { hash: (v, s) => `hashint4extended((${v})::int4, ${s})`, type: 'bool', empty: 'false' },
  20: { hash: (v, s) => `hashint8extended(${v}, ${s})`, type: 'int8', empty: '0' },
  21: { hash: (v, s) => `hashint4extended((${v})::int4, ${s})`, type: 'int2', empty: '0' },
  23: { hash: (v, s) => `hashint4extended(${v}, ${s})`, type: 'int4', empty: '0' },
  25: text,
  1042: { hash: (v, s) => `hashbpcharextended(${v} COLLATE "C", ${s})`, type: 'bpchar', empty: `''` },
  1043: text,
  1114: { hash: (v, s) => `timestamp_hash_extended(${v}, ${s})`, type: 'timestamp', empty: `'epoch'` },
  1184: {
    hash: (v, s) => `timestamp_hash_extended(timezone('UTC', ${v}), ${s})`,
    type: 'timestamptz',
    empty: `'epoch'`,
  },
  2950: {
    hash: (v, s) => `uuid_hash_extended(${v}, ${s})`,
    type: 'uuid',
    empty: `'00000000-0000-0000-0000-000000000000'`,
  },
};

/** About three times as fast as hashing the text of the row, where types have a hash of their own. */
function columnHash(columns: readonly Column[]): string {
  let seed = '0';
  for (const group of chunks(
    columns.filter((c) => !c.notNull && hashes[c.type]),
    bitsOfMap,
  )) {
    const bits = group.map((c, i) => `CASE WHEN ${ident(c.name)} IS NULL THEN ${2 ** i}::int8 ELSE 0 END`);
    seed = `hashint8extended(${bits.join(' + ')}, ${seed})`;
  }
  for (const column of columns) {
    const known = hashes[column.type];
    if (!known) seed = text.hash(rowText([column]), seed);
    else {
      const value = `${ident(column.name)}::${known.type}`;
      seed = known.hash(column.notNull ? value : `coalesce(${value}, ${known.empty})`, seed);
    }
  }
  return seed;
}

/** For servers before 11, and for encodings that differ. */
function rowTextHash(columns: readonly Column[], rules: ChecksumRules): string {
  const row = rules.recode ? `encode(convert_to(${rowText(columns)}, 'UTF8'), 'hex')` : rowText(columns);
  return rules.wideHash
    ? `hashtextextended(${row} COLLATE "C", 0)`
    : `(hashtext(${row} COLLATE "C")::bigint * 4294967296 + hashtext(('~' || ${row}) COLLATE "C"))`;
}

/**
 * What COPY would write: ROW() uses the types' output functions, from which a cast to text may differ (xml), and keeps
 * NULL and '' apart. Floats by their bits: how they are printed changed in PostgreSQL 12.
 */
function rowText(columns: readonly Column[]): string {
  const values = columns.map((column) => {
    const name = ident(column.name);
    return column.type === 700 || column.type === 701
      ? `CASE WHEN ${name} = 'NaN' THEN 'NaN' ELSE float8send(${name}::float8)::text END`
      : name;
  });
  return `ROW(${values.join(', ')})::text`;
}
