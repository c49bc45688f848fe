/** Whatever is renamed means the same afterwards: every view gives its rows, every function does what it did. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ProjectDatabase } from '../../src/protocol/project.js';
import { ensureMajor, type Major, startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';
import { ReviewPlace } from '../support/reviewPlace.js';

const corpus = readFileSync(join(__dirname, '../fixtures/ddl/renameMeaning.source.sql'), 'utf8');
const majors: readonly Major[] = process.env['FLEXFERRY_MAJORS'] === 'all' ? [13, 18] : [13, 17];

type Names = Pick<ProjectDatabase, 'schemas' | 'tables'>;
const mappings: Readonly<Record<string, Names>> = {
  'schemas and tables that change names with each other, and chains': {
    schemas: { app: 'crm', crm: 'app', util: 'select' },
    tables: {
      'app.orders': { name: 'items' },
      'app.items': { name: 'orders' },
      'crm.chain_a': { name: 'chain_b' },
      'crm.chain_b': { name: 'chain_c' },
      'app.parent': { schema: 'far' },
      'app.parts': { name: 'teile' },
      'app.v_join': { name: 'v_alias' },
      'app.v_alias': { name: 'v_join' },
      'app.status': { name: 'cols' },
      'app.cols': { name: 'status' },
    },
  },
  'schemas with names to be quoted': {
    schemas: { app: "it's $$", crm: 'Ünïcode', util: 'app', 'Weird $ schema': 'orders' },
  },
};

const ident = (name: string): string => `"${name.replaceAll('"', '""')}"`;

for (const major of majors)
  describe(`PostgreSQL ${major}`, () => {
    let source: TestServer;
    let target: TestTwin;
    before(async () => {
      await ensureMajor(major);
      [source, target] = await Promise.all([
        startServer({ major }),
        startFlexibleServerTwin({ major: major > 17 ? 18 : 17 }),
      ]);
      await source.createDatabase('meaning');
      await source.query('meaning', corpus);
    });
    after(() => Promise.all([source?.stop(), target?.stop()]));

    for (const [what, names] of Object.entries(mappings))
      test(what, async () => {
        using place = new ReviewPlace(source, target, 'meaning', names);
        const ran = await place.run();
        const undecided = ran.done.findings.filter((f) => f.code === 'FF420').map((f) => f.object);
        // Names in strings that are put together at run time, and one that only looks like a name.
        assert.deepEqual(
          [...new Set(undecided)].sort(),
          ['function util.f_dyn(text)', 'index app.items_expr on app.items'],
          ran.shown,
        );
        assert.equal(ran.done.totals.failed, 0, ran.shown);
        assert.equal(ran.done.totals.different, 0, ran.shown);

        const copy = await source.createDatabase();
        await source.query('postgres', `DROP DATABASE ${ident(copy)}`);
        await source.query('postgres', `CREATE DATABASE ${ident(copy)} TEMPLATE meaning`);
        const on = (schema: string, name: string): string => {
          const moved = names.tables?.[`${schema}.${name}`];
          const to = moved?.schema ?? names.schemas?.[schema] ?? schema;
          return `${ident(to)}.${ident(moved?.name ?? name)}`;
        };
        const same = async (make: (on: (schema: string, name: string) => string) => string) => {
          const answer = (rows: Promise<unknown[]>): Promise<string> =>
            rows.then(
              (found) => JSON.stringify(found),
              (error: unknown) => `fails: ${error instanceof Error ? error.message : String(error)}`,
            );
          const here = await answer(
            source.query(
              copy,
              make((s, n) => `${ident(s)}.${ident(n)}`),
            ),
          );
          const there = await answer(place.ask(make(on)));
          assert.equal(there, here, make(on));
        };

        const views = await source.query<{ schema: string; name: string }>(
          copy,
          `SELECT schemaname AS schema, viewname AS name FROM pg_views WHERE schemaname = 'app' ORDER BY 2`,
        );
        assert.ok(views.length > 35);
        for (const { schema, name } of views)
          await same((to) => `SELECT array_agg(v::text ORDER BY v::text) AS r FROM ${to(schema, name)} v`);

        await same((to) => `SELECT (f).* FROM ${to('util', 'f_forms')}(1) f`);
        await same((to) => `SELECT f.* FROM ${to('util', 'f_return')}(1) f`);
        await same((to) => `SELECT * FROM ${to('util', 'f_table')}()`);
        await same((to) => `SELECT ${to('util', 'f_path')}() AS n`);
        await same((to) => `SELECT f.* FROM ${to('app', 'orders')} o, ${to('util', 'f_sql')}(o) f`);
        await same((to) => `CALL ${to('util', 'p')}(1)`);
        await same(
          (to) =>
            `INSERT INTO ${to('app', 'items')} (order_id, items, app) VALUES (1, 3, 'x'), (NULL, 4, 'y') RETURNING id`,
        );
        await same((to) => `INSERT INTO ${to('app', 'orders_view')} VALUES (1), (77) RETURNING *`);
        await same((to) => `SELECT note FROM ${to('app', 'orders')} ORDER BY id`);
        await same((to) => `SELECT * FROM ${to('app', 'status')} ORDER BY 1, 2`);
      });
  });
