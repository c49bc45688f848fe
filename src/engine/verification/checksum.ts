import type { SourceTable } from '../catalog/tables.js';
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
 * PostgreSQL are used because md5 is switched off on Flexible Servers; floats are compared by their bits.
 */
export function checksumQuery(table: SourceTable, rules: ChecksumRules): string {
  const from = `FROM ONLY ${qualified(table)}${table.extensionCondition ? ` ${table.extensionCondition}` : ''}`;
  if (table.columns.length === 0) return `SELECT count(*) AS rows, '0' AS checksum ${from}`;
  const values = table.columns.map((c) => {
    const column = ident(c.name);
    return c.float
      ? `CASE WHEN ${column} = 'NaN' THEN 'NaN' ELSE float8send(${column}::float8)::text END`
      : column;
  });
  // A row of one column prints as (value): ROW() keeps NULL and '' apart.
  let text = `ROW(${values.join(', ')})::text`;
  if (rules.recode) text = `encode(convert_to(${text}, 'UTF8'), 'hex')`;
  const hash = rules.wideHash
    ? `hashtextextended(${text} COLLATE "C", 0)`
    : `(hashtext(${text} COLLATE "C")::bigint * 4294967296 + hashtext(('~' || ${text}) COLLATE "C"))`;
  return `SELECT count(*) AS rows, coalesce(sum(${hash}), 0)::text AS checksum ${from}`;
}
