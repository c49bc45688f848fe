import assert from 'node:assert/strict';
import pg from 'pg';
import { assertSame } from './compare.js';
import { CutoverPlace, type FollowedTemplate, followedTemplate, type Servers } from './cutover.js';
import { defaultMajors, ensureMajor, type Major, majors, startServer } from './postgres/embedded.js';
import { flushedCommits } from './replication.js';

/** Triggers of partitioned tables are of 11. */
export const cutoverMajors: readonly Major[] =
  process.env['FLEXFERRY_MAJORS'] === 'all' ? majors.filter((major) => major >= 11) : defaultMajors;

/** Sequences are ahead, materialized views fresh, and the source is fenced. */
const except = [
  /^rows of shop\.(\w+_seq|few|down|totals|grand)/,
  /^object setting (work_mem|default_transaction_read_only)/,
];

/** What an application does. */
export const write = `INSERT INTO shop.orders (customer) VALUES (1)`;
const grants = `GRANT USAGE ON SCHEMA shop TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA shop TO PUBLIC;
  GRANT ALL ON ALL SEQUENCES IN SCHEMA shop TO PUBLIC`;

/** Two servers, and databases on them that are followed. */
export class CutoverWorld {
  private readonly places: CutoverPlace[] = [];
  private readonly clients: pg.Client[] = [];
  private readonly templates = new Map<boolean, Promise<FollowedTemplate>>();

  private constructor(readonly servers: Servers) {}

  static async start(major: Major): Promise<CutoverWorld> {
    await ensureMajor(major);
    const [source, target] = await Promise.all([
      startServer({ major, settings: { ...flushedCommits, max_prepared_transactions: '5' } }),
      startServer({ major: 17, settings: flushedCommits }),
    ]);
    for (const server of [source, target])
      await server.query('postgres', 'CREATE ROLE app LOGIN; CREATE ROLE stubborn LOGIN');
    await source.query('postgres', 'ALTER ROLE stubborn SET default_transaction_read_only = off');
    return new CutoverWorld({ source, target });
  }

  async stop(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.end().catch(() => {})));
    await Promise.all(this.places.map((place) => place.kill()));
    await Promise.all([this.servers.source.stop(), this.servers.target.stop()]);
  }

  async place({ replicaRole = false } = {}): Promise<CutoverPlace> {
    const template = this.templates.get(replicaRole) ?? followedTemplate(this.servers, replicaRole);
    this.templates.set(replicaRole, template);
    const place = await CutoverPlace.make(await template, `place_${this.places.length + 1}`);
    this.places.push(place);
    await place.onSource(`${grants}; ALTER DATABASE ${place.from} SET work_mem = '7MB'`);
    await place.onTarget(grants);
    return place;
  }

  /** A session on the source. */
  async application(place: CutoverPlace, user = 'app'): Promise<pg.Client> {
    const client = new pg.Client(this.servers.source.uri(place.from, user));
    client.on('error', () => undefined);
    await client.connect();
    this.clients.push(client);
    return client;
  }

  /** As before the cutover: nothing is left of it on either side, and applications go on. */
  async assertUndone(place: CutoverPlace, before: unknown): Promise<void> {
    assert.deepEqual(await settingsOf(place), before);
    for (const user of ['app', 'stubborn']) await (await this.application(place, user)).query(write);
    assert.deepEqual(await actingOn(place), []);
    const row = await place.row();
    assert.equal(row.state, 'following');
    assert.equal(row.undo, undefined);
    assert.equal(place.state, 'following');
    assert.equal(place.follower.stopped, false);
    const left = await place.onTarget(
      `SELECT item FROM flexferry.work
       WHERE item LIKE 'validate %' OR undo LIKE 'DROP TRIGGER%' OR undo LIKE 'DROP RULE%'`,
    );
    assert.deepEqual(left, []);
  }

  /** Both sides are equal, all that was kept back is there, and the source is fenced where it was to be. */
  async assertHandedOver(place: CutoverPlace): Promise<void> {
    assert.equal((await place.row()).state, 'handedOver');
    assert.equal(place.state, 'handedOver');
    assert.ok(place.follower.stopped);
    const { source, target } = this.servers;
    await assertSame(
      { server: source, database: place.from },
      { server: target, database: place.to },
      { except },
    );
    const acting = await actingOn(place);
    assert.deepEqual(
      acting.filter((one) => !one.startsWith('of_days')),
      [
        'always A',
        'kept O',
        'off D',
        'orders_customer true',
        'parts_parent_fkey true',
        'plain O',
        'replica R',
      ],
    );
    assert.ok(acting.includes('of_days O') && !acting.includes('of_days D'));
    assert.ok(place.last?.steps.every(({ state }) => state === 'done'));
    const [fresh] = await place.onTarget<{ fresh: boolean }>(
      `SELECT (SELECT amount FROM shop.grand) = (SELECT sum(amount) FROM shop.orders) AS fresh`,
    );
    assert.ok(fresh?.fresh, 'materialized views');
  }

  /** Nobody writes to the source any more. */
  async assertFenced(place: CutoverPlace): Promise<void> {
    for (const user of ['app', 'stubborn', 'postgres'])
      await assert.rejects((await this.application(place, user)).query(write), /read-only transaction/);
  }
}

/** Settings of the source database. */
export function settingsOf(place: CutoverPlace): Promise<unknown> {
  return place.onSource(`SELECT setrole, setconfig FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase
    WHERE datname = current_database() ORDER BY 1`);
}

/** Triggers, rules and foreign keys of the target. */
export async function actingOn(place: CutoverPlace): Promise<string[]> {
  const rows = await place.onTarget<{ t: string }>(
    `SELECT tgname || ' ' || tgenabled::text AS t FROM pg_trigger WHERE NOT tgisinternal OR tgname = 'of_days'
     UNION ALL SELECT rulename || ' ' || ev_enabled::text FROM pg_rewrite WHERE rulename <> '_RETURN' AND ev_class >= 16384
     UNION ALL SELECT conname || ' ' || convalidated::text FROM pg_constraint WHERE contype = 'f' ORDER BY 1`,
  );
  return rows.map(({ t }) => t);
}

export const stepEvents = (place: CutoverPlace): string[] =>
  place.events.flatMap((event) => (event.event === 'cutover' ? [`${event.step} ${event.state}`] : []));

/** Findings that count. */
export const problemsOf = (place: CutoverPlace): unknown[] =>
  place.job.tracker.findings
    .filter(({ severity }) => severity !== 'note')
    .map(({ code, object }) => `${code} ${object}`);
