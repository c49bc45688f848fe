import { existsSync } from 'node:fs';
import type { TestServer } from '../support/postgres/embedded.js';
import { watchProcess } from './watchProcess.js';

/** Something that a source has written while nobody followed. */
export interface Backlog {
  readonly name: string;
  readonly what: string;
  /** Tables and first rows: the same on both sides. */
  readonly schema: string;
  /** Writes it; resolves to the number of transactions and of changed rows. */
  write(
    source: TestServer,
    database: string,
    size: number,
  ): Promise<{ transactions: number; changes: number }>;
}

/** Where Debian's postgresql-15 keeps it; the embedded servers come without. */
const pgbench = ['/usr/lib/postgresql/15/bin/pgbench', '/usr/bin/pgbench'].find((path) => existsSync(path));

export const tpcbSchema = (scale: number): string => `
  CREATE TABLE pgbench_branches (bid int PRIMARY KEY, bbalance int, filler char(88));
  CREATE TABLE pgbench_tellers (tid int PRIMARY KEY, bid int, tbalance int, filler char(84));
  CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84));
  CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
  INSERT INTO pgbench_branches SELECT b, 0, '' FROM generate_series(1, ${scale}) b;
  INSERT INTO pgbench_tellers SELECT t, (t - 1) / 10 + 1, 0, '' FROM generate_series(1, ${scale * 10}) t;
  INSERT INTO pgbench_accounts SELECT a, (a - 1) / 100000 + 1, 0, '' FROM generate_series(1, ${scale * 100_000}) a`;

/** pgbench's arguments for a database; `-s` tells how many branches {@link tpcbSchema} made. */
export function pgbenchArguments(
  source: TestServer,
  database: string,
  scale: number,
  more: readonly string[],
) {
  const place = ['-h', source.socketDir, '-p', String(source.port), '-U', 'postgres', database];
  return ['-n', '-s', String(scale), '-M', 'prepared', ...more, ...place];
}

/** Runs pgbench's TPC-B; without pgbench the same transactions from PL/pgSQL. */
export async function runTpcb(
  source: TestServer,
  database: string,
  scale: number,
  transactions: number,
): Promise<void> {
  const clients = 4;
  const each = Math.ceil(transactions / clients);
  if (pgbench !== undefined) {
    const more = ['-c', String(clients), '-j', '2', '-t', String(each)];
    await watchProcess(pgbench, pgbenchArguments(source, database, scale, more)).ended;
    return;
  }
  await inSessions(source, database, clients, (n) =>
    loop(
      each,
      `DECLARE a int := random() * ${scale * 100_000 - 1} + 1; t int := random() * ${scale * 10 - 1} + 1; b int := random() * ${scale - 1} + 1;
       BEGIN
         UPDATE pgbench_accounts SET abalance = abalance + ${n} WHERE aid = a;
         UPDATE pgbench_tellers SET tbalance = tbalance + ${n} WHERE tid = t;
         UPDATE pgbench_branches SET bbalance = bbalance + ${n} WHERE bid = b;
         INSERT INTO pgbench_history VALUES (t, b, a, ${n}, now(), '');
       END;`,
    ),
  );
}

export const pgbenchProgram = pgbench;

/** A transaction for each turn of a loop. `i` counts them; `r` is random, and the same for all rows that are looked at. */
const loop = (count: number, body: string): string =>
  `DO $do$ DECLARE r float; BEGIN FOR i IN 1..${count} LOOP r := random(); ${body} COMMIT; END LOOP; END $do$`;

async function inSessions(
  source: TestServer,
  database: string,
  count: number,
  sql: (session: number) => string,
): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_none, n) => source.query(database, sql(n))));
}

const tpcb: Backlog = {
  name: 'tpcb',
  what: 'pgbench TPC-B',
  schema: tpcbSchema(10),
  write: async (source, database, size) => {
    const transactions = Math.round(100_000 * size);
    await runTpcb(source, database, 10, transactions);
    return { transactions, changes: transactions * 4 };
  },
};

const inserts: Backlog = {
  name: 'insert',
  what: 'insert-heavy: 10 rows a transaction, 2 more indexes',
  schema: `CREATE TABLE events (id bigint PRIMARY KEY, kind int, at timestamptz, body text);
    CREATE INDEX ON events (kind, at); CREATE INDEX ON events (at)`,
  write: async (source, database, size) => {
    const each = Math.round(12_500 * size);
    await inSessions(source, database, 4, (n) =>
      loop(
        each,
        `INSERT INTO events SELECT ${n * 1e8}::bigint + i * 10 + j, (i + j) % 50, clock_timestamp(), repeat(md5((i * j)::text), 3)
           FROM generate_series(0, 9) j;`,
      ),
    );
    return { transactions: each * 4, changes: each * 40 };
  },
};

const updates: Backlog = {
  name: 'update',
  what: 'update-heavy: one of 200,000 rows with 5 more indexes a transaction',
  schema: `CREATE TABLE orders (id int PRIMARY KEY, customer int, state int, price numeric(12,2), at timestamptz, note text);
    INSERT INTO orders SELECT i, i % 10000, i % 7, i / 3.0, '2024-01-01Z'::timestamptz + i * interval '1 s', 'order ' || i FROM generate_series(1, 200000) i;
    CREATE INDEX ON orders (customer); CREATE INDEX ON orders (state, at); CREATE INDEX ON orders (price);
    CREATE INDEX ON orders (at); CREATE INDEX ON orders (note)`,
  write: async (source, database, size) => {
    const each = Math.round(25_000 * size);
    await inSessions(source, database, 4, () =>
      loop(
        each,
        `UPDATE orders SET state = state + 1, price = price + 1, at = at + interval '1 s', note = 'changed ' || i
           WHERE id = 1 + (r * 199999)::int;`,
      ),
    );
    return { transactions: each * 4, changes: each * 4 };
  },
};

/** 8 kB that do not compress. */
const wide = (start: string): string =>
  `(SELECT string_agg(md5((${start} * 256 + k)::text), '') FROM generate_series(1, 256) k)`;

const toast: Backlog = {
  name: 'toast',
  what: 'wide rows: two updates that leave 8 kB in TOAST unchanged, one that changes them, one insert in turn',
  schema: `CREATE TABLE documents (id int PRIMARY KEY, version int, body text, other text);
    ALTER TABLE documents ALTER COLUMN body SET STORAGE EXTERNAL;
    INSERT INTO documents SELECT i, 0, ${wide('i')}, 'first' FROM generate_series(1, 20000) i`,
  write: async (source, database, size) => {
    const each = Math.round(10_000 * size);
    await inSessions(source, database, 4, (n) =>
      loop(
        each,
        `IF i % 4 < 2 THEN UPDATE documents SET version = version + 1 WHERE id = 1 + (r * 19999)::int;
         ELSIF i % 4 = 2 THEN UPDATE documents SET body = ${wide(`(i + ${n * 1e5})`)} WHERE id = 1 + (r * 19999)::int;
         ELSE INSERT INTO documents VALUES (${(n + 1) * 1e6} + i, 0, ${wide(`(i + ${n * 1e6})`)}, 'new'); END IF;`,
      ),
    );
    return { transactions: each * 4, changes: each * 4 };
  },
};

const large: Backlog = {
  name: 'large',
  what: 'one transaction',
  schema: 'CREATE TABLE load (id int PRIMARY KEY, v int, t text)',
  write: async (source, database, size) => {
    const rows = Math.round(10_000_000 * size);
    await source.query(
      database,
      `INSERT INTO load SELECT i, i % 1000, 'row number ' || i FROM generate_series(1, ${rows}) i`,
    );
    return { transactions: 1, changes: rows };
  },
};

const tables: Backlog = {
  name: 'tables',
  what: '500 tables round-robin: an update and an insert a transaction',
  schema: `DO $do$ BEGIN FOR t IN 1..500 LOOP
      EXECUTE format('CREATE TABLE %I (id int PRIMARY KEY, v int, note text)', 'table_' || t);
      EXECUTE format('INSERT INTO %I SELECT i, i, ''first'' FROM generate_series(1, 100) i', 'table_' || t);
    END LOOP; END $do$`,
  write: async (source, database, size) => {
    const each = Math.round(12_500 * size);
    await inSessions(source, database, 4, (n) =>
      loop(
        each,
        `EXECUTE 'UPDATE table_' || 1 + (i * 4 + ${n}) % 500 || ' SET v = v + 1 WHERE id = ' || 1 + i % 100;
         EXECUTE 'INSERT INTO table_' || 1 + (i * 4 + ${n}) % 500 || ' VALUES (' || 1000 + i * 4 + ${n} || ', 0, ''new'')';`,
      ),
    );
    return { transactions: each * 4, changes: each * 8 };
  },
};

export const backlogs: readonly Backlog[] = [tpcb, inserts, updates, toast, tables, large];
