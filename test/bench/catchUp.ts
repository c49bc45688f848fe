import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { RunEvent } from '../../src/protocol/model.js';
import { distDir } from '../support/distDir.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import type { Backlog } from './backlogs.js';
import { median, type Usage, watchProcess } from './watchProcess.js';

const cli = join(distDir, 'cli.js');

export interface Servers {
  readonly source: TestServer;
  readonly target: TestServer;
}

export interface CatchUp {
  /** From the moment the follower was there to the moment that its last row was. */
  readonly seconds: number;
  /** Of the engine's process. */
  readonly usage?: Usage;
}

export const benchSettings = {
  synchronous_commit: 'on',
  shared_buffers: '256MB',
  max_wal_size: '8GB',
  maintenance_work_mem: '256MB',
  max_replication_slots: '30',
  max_wal_senders: '30',
} as const;

export async function startServers(
  storage: 'memory' | 'disk',
  majors: readonly [number, number],
): Promise<Servers> {
  const [source, target] = majors as unknown as [17, 17];
  return {
    source: await startServer({ major: source, settings: benchSettings, storage }),
    target: await startServer({ major: target, settings: benchSettings, storage }),
  };
}

const marker = 'CREATE TABLE bench_end (id int PRIMARY KEY)';

/**
 * Writes a backlog once, with a slot for each run made before it, and has it applied by both in turns, each time into a
 * fresh copy of the first state. Both begin with their tables there and their slot made.
 */
export async function measureCatchUp(
  { source, target }: Servers,
  backlog: Backlog,
  size: number,
  runs: number,
  say: (line: string) => void,
): Promise<void> {
  const database = `bench_${backlog.name}`;
  for (const server of [source, target]) {
    await server.createDatabase(database);
    await server.query(database, `${backlog.schema}; ${marker}`);
    await server.query(database, 'VACUUM ANALYZE');
  }
  await source.query(database, 'CREATE PUBLICATION bench FOR ALL TABLES');
  const slots = Array.from({ length: runs }, (_none, n) => [
    `${database}_native_${n}`,
    `${database}_ours_${n}`,
  ]);
  for (const slot of slots.flat())
    await source.query(database, `SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
  const began = performance.now();
  const written = await backlog.write(source, database, size);
  await source.query(database, 'INSERT INTO bench_end VALUES (1)');
  const end = await flushed(source, database);
  say(
    `${backlog.name}: ${backlog.what}; ${written.transactions} transactions, ${written.changes} changes, written in ${((performance.now() - began) / 1000).toFixed(1)} s`,
  );
  const [native, ours]: [CatchUp[], CatchUp[]] = [[], []];
  for (const [index, [nativeSlot = '', ourSlot = '']] of slots.entries()) {
    const turns = [
      async () =>
        native.push(
          await inFreshDatabase(target, database, (to) =>
            subscribe(source, target, database, to, nativeSlot),
          ),
        ),
      async () =>
        ours.push(
          await inFreshDatabase(target, database, (to) => follow(source, target, database, to, ourSlot, end)),
        ),
    ];
    for (const turn of index % 2 === 0 ? turns : turns.reverse()) await turn();
    const [n, o] = [native.at(-1), ours.at(-1)];
    say(`  native ${figure(n, written)}; flexferry ${figure(o, written)}, ${usageText(o?.usage)}`);
  }
  const ratios = ours.map((one, i) => (native[i]?.seconds ?? 0) / one.seconds);
  const peak = Math.max(...ours.map(({ usage }) => usage?.peakMegabytes ?? 0));
  say(
    `  median: native ${median(native.map((m) => m.seconds)).toFixed(2)} s, flexferry ${median(ours.map((m) => m.seconds)).toFixed(2)} s; ${median(ratios).toFixed(2)} x native; engine ${peak.toFixed(0)} MB at most`,
  );
  await source.query('postgres', `DROP DATABASE ${database}`);
  await target.query('postgres', `DROP DATABASE ${database}`);
}

const figure = (
  one: CatchUp | undefined,
  { transactions, changes }: { transactions: number; changes: number },
): string => {
  const seconds = one?.seconds ?? Number.NaN;
  return `${seconds.toFixed(2)} s (${Math.round(transactions / seconds)} tx/s, ${Math.round(changes / seconds)} rows/s)`;
};
const usageText = (usage: Usage | undefined): string =>
  usage ? `${usage.cpuSeconds.toFixed(1)} s CPU, ${usage.peakMegabytes.toFixed(0)} MB` : '';

export async function flushed(source: TestServer, database: string): Promise<string> {
  const [row] = await source.query<{ lsn: string }>(
    database,
    'SELECT pg_current_wal_flush_lsn()::text AS lsn',
  );
  return row?.lsn ?? '';
}

async function inFreshDatabase(
  target: TestServer,
  template: string,
  work: (database: string) => Promise<CatchUp>,
): Promise<CatchUp> {
  const database = `${template}_run`;
  await target.query('postgres', `CREATE DATABASE ${database} TEMPLATE ${template}`);
  await target.query('postgres', 'CHECKPOINT');
  try {
    return await work(database);
  } finally {
    await target.query('postgres', `DROP DATABASE ${database} WITH (FORCE)`);
  }
}

/** Polls every 10 ms, as finely for the one as for the other. */
async function untilTrue(
  target: TestServer,
  database: string,
  check: (client: pg.Client) => Promise<boolean>,
  failed: () => Error | undefined = () => undefined,
): Promise<void> {
  const client = await target.connect(database);
  try {
    while (!(await check(client))) {
      const failure = failed();
      if (failure) throw failure;
      await sleep(10);
    }
  } finally {
    await client.end();
  }
}

const hasMarker = async (client: pg.Client): Promise<boolean> =>
  (await client.query('SELECT FROM bench_end')).rows.length > 0;

/** Every connection of the apply has got there; what it noted is gone once the run has ended. */
async function lanesReached(client: pg.Client, end: string): Promise<boolean> {
  try {
    const { rows } = await client.query<{ done: boolean }>(
      'SELECT min(applied) >= $1::pg_lsn AS done FROM flexferry.lane',
      [end],
    );
    return rows[0]?.done ?? true;
  } catch (error) {
    if (error instanceof pg.DatabaseError && ['42P01', '3F000'].includes(error.code ?? '')) return true;
    throw error;
  }
}

/** PostgreSQL's own. */
async function subscribe(
  source: TestServer,
  target: TestServer,
  from: string,
  to: string,
  slot: string,
): Promise<CatchUp> {
  // As ours comes: a source is seldom on the same machine.
  const connection = `host=127.0.0.1 port=${source.port} user=postgres dbname=${from}`;
  const began = performance.now();
  await target.query(
    to,
    `CREATE SUBSCRIPTION bench CONNECTION '${connection}' PUBLICATION bench
       WITH (create_slot = false, slot_name = '${slot}', copy_data = false${target.major >= 16 ? ', streaming = parallel' : ''})`,
  );
  await untilTrue(target, to, hasMarker);
  const seconds = (performance.now() - began) / 1000;
  await assertEqual(source, target, from, to);
  await target.query(to, 'ALTER SUBSCRIPTION bench DISABLE');
  await target.query(to, 'ALTER SUBSCRIPTION bench SET (slot_name = NONE)');
  await target.query(to, 'DROP SUBSCRIPTION bench');
  await dropSlot(source, slot);
  return { seconds };
}

async function dropSlot(source: TestServer, slot: string): Promise<void> {
  for (;;) {
    const rows = await source.query<{ active: boolean }>(
      'postgres',
      `SELECT active FROM pg_replication_slots WHERE slot_name = '${slot}'`,
    );
    if (rows.length === 0) return;
    if (rows[0]?.active) await sleep(50);
    else await source.query('postgres', `SELECT pg_drop_replication_slot('${slot}')`);
  }
}

/** Ours; timed from its phase, as the start of a process is not what is compared. */
async function follow(
  source: TestServer,
  target: TestServer,
  from: string,
  to: string,
  slot: string,
  end: string,
): Promise<CatchUp> {
  let began: number | undefined;
  let failure: Error | undefined;
  const pair = ['--source', source.uri(from), '--target', target.uri(to)];
  const place = ['--skip-copy', '--slot', slot, '--publication', 'bench', '--endpos', end];
  const engine = watchProcess(
    process.execPath,
    [cli, 'follow', ...pair, ...place, '--yes', '--json'],
    (line) => {
      const event = JSON.parse(line) as RunEvent;
      if (event.event === 'phase' && event.phase === 'follow' && event.state === 'running')
        began ??= performance.now();
    },
  );
  engine.ended.catch((error: Error) => {
    failure = error;
  });
  await untilTrue(target, to, hasMarker, () => failure);
  await untilTrue(
    target,
    to,
    (client) => lanesReached(client, end),
    () => failure,
  );
  const seconds = (performance.now() - (began ?? Number.NaN)) / 1000;
  const usage = await engine.ended;
  await assertEqual(source, target, from, to);
  await dropSlot(source, slot);
  return { seconds, usage };
}

async function assertEqual(source: TestServer, target: TestServer, from: string, to: string): Promise<void> {
  const names = await source.query<{ name: string }>(
    from,
    `SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`,
  );
  const sums = names.map(
    ({ name }) =>
      `SELECT '${name}' AS name, count(*)::text || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) AS sum FROM ${name} t`,
  );
  const sql = `${sums.join(' UNION ALL ')} ORDER BY 1`;
  const [ours, theirs] = [
    JSON.stringify(await source.query(from, sql)),
    JSON.stringify(await target.query(to, sql)),
  ];
  if (ours !== theirs)
    throw new Error(`the two sides differ:\n${ours.slice(0, 2000)}\n${theirs.slice(0, 2000)}`);
}
