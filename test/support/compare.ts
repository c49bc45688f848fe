import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import pg from 'pg';
import { aspects, rowQueries, viewQueries } from './compareCatalog.js';
import type { Major, TestServer } from './postgres/embedded.js';
import type { TestTwin } from './postgres/twin.js';

/** One database, looked at by a superuser through the server's own socket: nothing is hidden and nobody is trusted. */
export interface Place {
  readonly server: TestServer | TestTwin;
  readonly database: string;
}

export interface TableContent {
  /** `r` table, `m` materialized view, `S` sequence. */
  readonly kind: string;
  readonly rows: number;
  /** SHA-256 over the rows in text, sorted. */
  readonly digest: string;
}

/** A superuser's connection with settings under which two majors print the same. */
async function look(place: Place): Promise<pg.Client> {
  const { server, database } = place;
  const user = 'superQuery' in server ? 'azuresu' : 'postgres';
  const client = new pg.Client({ host: server.socketDir, port: server.port, user, database });
  await client.connect();
  // Floats outside of a column of their own (arrays, composites): 15 digits are what all majors print alike.
  await client.query(`SET search_path = ''; SET extra_float_digits = 0; SET lc_monetary = 'C'; SET timezone = 'UTC';
    SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET bytea_output = 'hex'; SET statement_timeout = 0; SET row_security = off`);
  return client;
}

async function withBoth<T>(
  source: Place,
  target: Place,
  use: (a: pg.Client, b: pg.Client) => Promise<T>,
): Promise<T> {
  const a = await look(source);
  try {
    const b = await look(target);
    try {
      return await use(a, b);
    } finally {
      await b.end();
    }
  } finally {
    await a.end();
  }
}

export interface CompareOptions {
  /** Differences that the test expects, by the text with which they begin. */
  readonly except?: readonly (string | RegExp)[];
  /** Aspects to leave out. */
  readonly without?: readonly string[];
  /** `ahead`: the target's sequences may have gone further than the source's. Default `equal`. */
  readonly sequences?: 'equal' | 'ahead';
}

/** Fails with the list of everything that the target lacks, has besides or has differently: catalog and rows. */
export async function assertSame(
  source: Place,
  target: Place,
  options: CompareOptions = {},
): Promise<ReadonlyMap<string, TableContent>> {
  const found = await withBoth(source, target, async (a, b) => ({
    catalog: [
      ...(await catalogDifferences(a, source.server.major, b, target.server.major, options)),
      ...(await viewDifferences(a, b)),
    ],
    rows: await rowDifferences(a, b, options),
  }));
  const expected = (line: string): boolean =>
    (options.except ?? []).some((e) => (typeof e === 'string' ? line.startsWith(e) : e.test(line)));
  const unexpected = [...found.catalog, ...found.rows.differences].filter((line) => !expected(line));
  assert.equal(
    unexpected.length,
    0,
    `${unexpected.length} differences:\n${unexpected.slice(0, 40).join('\n')}`,
  );
  return found.rows.content;
}

async function catalogDifferences(
  a: pg.Client,
  aMajor: Major,
  b: pg.Client,
  bMajor: Major,
  options: CompareOptions,
): Promise<string[]> {
  const lines: string[] = [];
  for (const aspect of aspects) {
    if (options.without?.includes(aspect.name)) continue;
    const read = async (client: pg.Client, major: Major): Promise<Map<string, string>> => {
      const { rows } = await client.query<{ k: string; v: string | null }>(aspect.sql(major));
      const normalize = aspect.normalize ?? ((text: string) => text);
      return new Map(rows.map((r) => [r.k, normalize(r.v ?? '')]));
    };
    lines.push(...mapDifferences(aspect.name, await read(a, aMajor), await read(b, bMajor)));
  }
  return lines;
}

export function mapDifferences(
  what: string,
  source: ReadonlyMap<string, string>,
  target: ReadonlyMap<string, string>,
): string[] {
  const lines: string[] = [];
  for (const [key, value] of source) {
    const other = target.get(key);
    if (other === undefined) lines.push(`${what} ${key}: missing on the target (${value})`);
    else if (other !== value) lines.push(`${what} ${key}: differs\n    source ${value}\n    target ${other}`);
  }
  for (const key of target.keys())
    if (!source.has(key)) lines.push(`${what} ${key}: on the target only (${target.get(key)})`);
  return lines;
}

/** Majors print queries differently, so the target's server parses the source's text and prints it, too. */
async function viewDifferences(a: pg.Client, b: pg.Client): Promise<string[]> {
  const read = async (client: pg.Client): Promise<Map<string, string>> =>
    new Map(
      (await client.query<{ name: string; definition: string }>(viewQueries)).rows.map((r) => [
        r.name,
        r.definition,
      ]),
    );
  const [source, target] = [await read(a), await read(b)];
  const parsed = new Map<string, string>();
  await b.query('BEGIN');
  for (const [name, definition] of source) {
    if (target.get(name) === definition) parsed.set(name, definition);
    else {
      await b.query('SAVEPOINT s');
      await b
        .query<{ d: string }>(`CREATE TEMP VIEW flexferry_view AS ${definition.replace(/;\s*$/, '')}`)
        .then(async () => {
          const { rows } = await b.query<{ d: string }>(
            `SELECT pg_get_viewdef('pg_temp.flexferry_view'::regclass) AS d`,
          );
          parsed.set(name, rows[0]?.d ?? '');
        })
        .catch((error: unknown) => parsed.set(name, `${definition} (${String(error)})`));
      await b.query('ROLLBACK TO s');
    }
  }
  await b.query('ROLLBACK');
  return mapDifferences('view', parsed, target);
}

async function rowDifferences(
  a: pg.Client,
  b: pg.Client,
  options: CompareOptions,
): Promise<{ differences: string[]; content: Map<string, TableContent> }> {
  const [source, target] = await Promise.all([contents(a), contents(b)]);
  const isLoose = options.sequences === 'ahead';
  const text = (all: ReadonlyMap<string, TableContent>): Map<string, string> =>
    new Map(
      [...all]
        .filter(([, { kind }]) => !(isLoose && kind === 'S'))
        .map(([k, v]) => [k, `${v.rows} rows ${v.digest.slice(0, 16)}`]),
    );
  const differences = mapDifferences('rows of', text(source), text(target));
  if (isLoose) differences.push(...(await sequencesBehind(a, b)));
  return { differences, content: source };
}

/** Sequences whose next value on the target could be one that the source has given out. */
async function sequencesBehind(a: pg.Client, b: pg.Client): Promise<string[]> {
  const [source, target] = await Promise.all([nextValues(a), nextValues(b)]);
  return [...source].flatMap(([name, { next, step }]) => {
    const there = target.get(name)?.next;
    if (there !== undefined && (step > 0n ? there >= next : there <= next)) return [];
    return [`sequence ${name}: goes on with ${there} on the target, with ${next} on the source`];
  });
}

async function nextValues(client: pg.Client): Promise<Map<string, { next: bigint; step: bigint }>> {
  const { rows: relations } = await client.query<{ name: string; kind: string }>(rowQueries);
  const names = relations.filter(({ kind }) => kind === 'S').map(({ name }) => name);
  const found = new Map<string, { next: bigint; step: bigint }>();
  for (const name of names) {
    const { rows } = await client.query<{ next: string; step: string }>(
      `SELECT (last_value + CASE WHEN is_called THEN seqincrement ELSE 0 END)::text AS next, seqincrement::text AS step
         FROM ${name}, pg_catalog.pg_sequence WHERE seqrelid = ${pg.escapeLiteral(name)}::regclass`,
    );
    for (const { next, step } of rows) found.set(name, { next: BigInt(next), step: BigInt(step) });
  }
  return found;
}

/** Every table and filled materialized view of a database, each by its own rows without those of its children. */
export async function contentsOf(place: Place): Promise<Map<string, TableContent>> {
  const client = await look(place);
  try {
    return await contents(client);
  } finally {
    await client.end();
  }
}

async function contents(client: pg.Client): Promise<Map<string, TableContent>> {
  const found = new Map<string, TableContent>();
  for await (const { name, kind, rows } of allRows(client)) {
    const hash = createHash('sha256');
    for (const line of rows) hash.update(`${line}\n`);
    found.set(name, { kind, rows: rows.length, digest: hash.digest('hex') });
  }
  return found;
}

/** Relation by relation its rows in text, sorted. */
async function* allRows(
  client: pg.Client,
): AsyncGenerator<{ name: string; kind: string; rows: readonly string[] }> {
  const { rows: relations } = await client.query<{ name: string; kind: string; list: string | null }>(
    rowQueries,
  );
  for (const { name, kind, list } of relations) {
    const select = list === null ? `''` : `ROW(${list})::text`;
    const { rows } = await client.query<{ r: string }>(`SELECT ${select} AS r FROM ONLY ${name}`);
    yield { name, kind, rows: rows.map((row) => row.r).sort() };
  }
}

/** For somebody who looks for the reason of a difference: at most `most` rows a table and side, cut to one line. */
export function rowsThatDiffer(source: Place, target: Place, most = 20): Promise<string[]> {
  return withBoth(source, target, async (a, b) => {
    const there = new Map<string, readonly string[]>();
    for await (const { name, rows } of allRows(b)) there.set(name, rows);
    const lines: string[] = [];
    for await (const { name, kind, rows } of allRows(a)) {
      const other = there.get(name) ?? [];
      if (kind === 'S') continue;
      const left = without(rows, other).map((row) => `  source ${row.slice(0, 400)}`);
      const right = without(other, rows).map((row) => `  target ${row.slice(0, 400)}`);
      if (left.length + right.length > 0)
        lines.push(`${name}: ${left.length} on the source only, ${right.length} on the target only`);
      lines.push(...left.slice(0, most), ...right.slice(0, most));
    }
    return lines;
  });
}

/** What one list has more of than the other. */
function without(list: readonly string[], other: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const row of other) left.set(row, (left.get(row) ?? 0) + 1);
  return list.filter((row) => {
    const count = left.get(row) ?? 0;
    left.set(row, count - 1);
    return count <= 0;
  });
}
