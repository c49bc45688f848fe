import pg from 'pg';
import { assertSame } from '../compare.js';
import { poll } from '../flexferry.js';
import { type CutProxy, startCutProxy } from '../postgres/cutProxy.js';
import type { TestServer } from '../postgres/embedded.js';
import type { TestTwin } from '../postgres/twin.js';
import { asSuperuser, describeDisturbance, planDisturbances } from './disturbances.js';
import { drive } from './drive.js';
import { OnlineRun } from './onlineRun.js';
import { Random } from './random.js';
import { makeSchema } from './schema.js';
import { type Ending, endings, type Pair, type Running, type SeedOptions } from './seed.js';
import { insistently, Workload, type WorkloadCounts } from './sessions.js';
import { decodingSlot, replay, writeTrace } from './trace.js';

export interface SeedResult {
  readonly seconds: number;
  readonly ending: Ending;
  readonly plan: readonly string[];
  /** Processes that the migration took. */
  readonly starts: number;
  readonly counts: WorkloadCounts;
}

/**
 * One seed from beginning to end: a database is made and changed by several sessions while it is migrated online and
 * disturbed, then the migration is ended and both sides are compared. Rejects with what to do to see it again.
 */
export async function runSeed(pair: Pair, options: SeedOptions): Promise<SeedResult> {
  const began = Date.now();
  const database = await pair.source.createDatabase(`online_${options.seed}`);
  // Another name: servers of one major are copies of one another, and would be taken for the same.
  const copy = `${database}_copy`;
  try {
    const running = await prepare(pair, options, database, copy);
    try {
      await drive(running);
      await checkEnd(running);
    } catch (error) {
      await running.workload.stop().catch(() => undefined);
      const folder = await writeTrace(running, error);
      throw new Error(`${replay(running)}\ntrace in ${folder}\n${String(error)}`);
    } finally {
      running.run[Symbol.dispose]();
      for (const proxy of running.proxies) await proxy.stop();
    }
    const { ending, plan, run, workload } = running;
    return {
      seconds: (Date.now() - began) / 1000,
      ending,
      plan: plan.map(describeDisturbance),
      starts: run.starts,
      counts: workload.counts,
    };
  } finally {
    await insistently(() => clearAway(pair.source, database));
    await insistently(() => clearAway(pair.target, copy));
  }
}

/** Everything that the seed decides; the sessions are at work when it resolves. */
async function prepare(pair: Pair, options: SeedOptions, database: string, copy: string): Promise<Running> {
  const seed = String(options.seed);
  const random = new Random(seed);
  const schema = makeSchema(seed, pair.source.major, {
    only: options.only,
    without: options.without,
    late: options.late,
    size: options.size ?? random.fork('size').between(4, 12),
  });
  await pair.source.query(database, schema.setup.join(';\n'));
  if (options.decode)
    await pair.source.query(
      database,
      `SELECT pg_create_logical_replication_slot('${decodingSlot(database)}', 'test_decoding')`,
    );
  const choices = random.fork('choices');
  const ending = options.ending ?? choices.pick(endings);
  const plan = planDisturbances(random.fork('disturbances'), options.disturbances);
  const isPlain = pair.plainRole !== undefined && random.fork('role').chance(0.4);
  const target = isPlain ? pair.target.uri(copy, pair.plainRole) : pair.target.uri(copy);
  if (isPlain)
    await pair.target.query(
      'postgres',
      `CREATE DATABASE ${pg.escapeIdentifier(copy)} OWNER ${pair.plainRole}`,
    );
  const proxies = [await startCutProxy(pair.source.port), await startCutProxy(pair.target.port)];
  const run = new OnlineRun(
    through(proxies[0], pair.source.uri(database), pair.source.port),
    through(proxies[1], target, pair.target.port),
  );
  const workload = new Workload(pair.source, database, schema, {
    seed,
    sessions: options.sessions ?? choices.between(2, 5),
    pauseMs: choices.pick([5, 15, 40]),
    twoPhase: choices.chance(0.7),
  });
  return { pair, options, database, copy, run, workload, plan, ending, proxies };
}

const through = (proxy: CutProxy | undefined, uri: string, port: number): string =>
  uri.replace(`:${port}/`, `:${proxy?.port}/`);

/** Differences that an online migration makes on purpose: a fence stays. */
const expected = [/^object setting default_transaction_read_only/];

async function checkEnd({ pair, database, copy }: Running): Promise<void> {
  const { source, target } = pair;
  await assertSame(
    { server: source, database },
    { server: target, database: copy },
    { sequences: 'ahead', except: expected },
  );
  let left: string[] = [];
  const isClean = async (): Promise<boolean> => {
    left = [...(await leftBehind(source, database)), ...(await leftBehind(target, copy))];
    return left.length === 0;
  };
  await poll(isClean, 'a clean end', 5_000).catch(() => {
    throw new Error(`left behind: ${left.join(', ')}`);
  });
}

async function leftBehind(server: TestServer | TestTwin, database: string): Promise<string[]> {
  const rows = await asSuperuser(server)<{ item: string }>(
    database,
    `SELECT 'slot ' || slot_name AS item FROM pg_replication_slots WHERE database = current_database() AND plugin <> 'test_decoding'
     UNION ALL SELECT 'publication ' || pubname FROM pg_publication
     UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname LIKE 'flexferry%'
     UNION ALL SELECT 'event trigger ' || evtname FROM pg_event_trigger WHERE evtname LIKE 'flexferry%'
     UNION ALL SELECT 'session ' || application_name FROM pg_stat_activity
       WHERE datname = current_database() AND application_name LIKE 'flexferry%'`,
  );
  return rows.map(({ item }) => `${item} on ${server.major}`);
}

/** Also after a failure: the next seed finds servers without slots that keep their log. */
async function clearAway(server: TestServer | TestTwin, database: string): Promise<void> {
  const query = asSuperuser(server);
  await query(
    'postgres',
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()',
    [database],
  );
  await poll(async () => {
    const slots = await query<{ slot_name: string; active: boolean }>(
      'postgres',
      'SELECT slot_name, active FROM pg_replication_slots WHERE database = $1',
      [database],
    );
    for (const { slot_name, active } of slots)
      if (!active) await query('postgres', 'SELECT pg_drop_replication_slot($1)', [slot_name]);
    return slots.length === 0;
  }, 'no slot is left');
  await query('postgres', `DROP DATABASE IF EXISTS ${pg.escapeIdentifier(database)}`);
}
