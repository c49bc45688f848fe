/** What src/ddl makes of statements is what a real server makes of the originals. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { classifyDump } from '../../src/ddl/classify.js';
import { asIndexAndConstraint, asNotValid } from '../../src/ddl/constraints.js';
import { dropStatements } from '../../src/ddl/drops.js';
import { loadParser } from '../../src/ddl/parser.js';
import { withoutTablespace } from '../../src/ddl/rewrite.js';
import type { Statement } from '../../src/ddl/statement.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';

const fixtures = join(__dirname, '../fixtures/ddl');

const catalog = `
  SELECT 'constraint' AS what, conrelid::regclass::text AS on, conname AS name, pg_get_constraintdef(oid) AS definition,
         condeferrable, condeferred, convalidated, contype::text,
         CASE WHEN conindid = 0 THEN NULL ELSE pg_get_indexdef(conindid) END AS index
    FROM pg_constraint WHERE connamespace = 'app'::regnamespace AND contype IN ('p', 'u', 'x', 'f')
  UNION ALL
  SELECT 'index', indrelid::regclass::text, indexrelid::regclass::text, pg_get_indexdef(indexrelid),
         indisprimary, indisunique, indisvalid, indisclustered::text, indisreplident::text
    FROM pg_index WHERE indexrelid::regclass::text LIKE 'app.%'
  ORDER BY 1, 2, 3`;

const leftovers = `
  SELECT n.nspname || '.' || relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
   WHERE nspname IN ('app', 'ext', 'We"ird; schema.🚚')
  UNION ALL SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = to_regnamespace('app')
  UNION ALL SELECT oid::regtype::text FROM pg_type WHERE typnamespace = to_regnamespace('app')
  UNION ALL SELECT oid::regoperator::text FROM pg_operator WHERE oprnamespace = to_regnamespace('app')
  UNION ALL SELECT nspname FROM pg_namespace WHERE nspname IN ('app', 'ext', 'We"ird; schema.🚚')
  UNION ALL SELECT srvname FROM pg_foreign_server
  UNION ALL SELECT evtname FROM pg_event_trigger`;

/** Kinds that act on more than this database, or that are left to other tests. */
const leftOut = new Set(['publication', 'subscription']);

/** A base type and its functions need each other: DROP … CASCADE alone takes them, and no Flexible Server has them. */
function isOfBaseType({ object }: Statement): boolean {
  return /app\.(blob|heap_again)|access method/.test(object);
}

async function runAll(server: TestServer, database: string, texts: readonly string[]): Promise<void> {
  const client = await server.connect(database);
  try {
    for (const text of texts) {
      await client.query(text).catch((error: unknown) => {
        throw new Error(`${error instanceof Error ? error.message : String(error)}: ${text}`);
      });
    }
  } finally {
    await client.end();
  }
}

for (const [major, fixture] of [
  [13, 'corpus-13.dump.sql'],
  [17, 'corpus-17.dump.sql'],
] as const) {
  describe(`statements of a dump on PostgreSQL ${major}`, () => {
    let server: TestServer;
    let statements: Statement[];

    before(async () => {
      await loadParser();
      const sql = readFileSync(join(fixtures, fixture), 'utf8');
      statements = classifyDump(sql).filter(
        ({ kind, about = '' }) => !leftOut.has(kind) && !/^(publication|subscription) /.test(about),
      );
      server = await startServer({ major });
      await server.query(
        'postgres',
        'CREATE ROLE corpus_reader; CREATE ROLE corpus_owner SUPERUSER; CREATE ROLE "corpus odd;role"',
      );
    });
    after(() => server.stop());

    it('run one by one', async () => {
      const database = await server.createDatabase();
      await runAll(
        server,
        database,
        statements.map(({ text }) => text),
      );
      const [row] = await server.query<{ n: string }>(
        database,
        "SELECT count(*) AS n FROM pg_class WHERE relnamespace = 'app'::regnamespace",
      );
      assert.ok(Number(row?.n) > 30, `${row?.n} relations`);
    });

    it('give the same constraints and indexes in two steps', async () => {
      const [whole, stepwise] = [await server.createDatabase(), await server.createDatabase()];
      await runAll(
        server,
        whole,
        statements.map(({ text }) => text),
      );
      const partitioned = new Set(
        statements.flatMap((s) =>
          s.kind === 'createTable' && s.details.isPartitioned ? [s.relation?.name] : [],
        ),
      );
      const counted = { indexAndConstraint: 0, notValid: 0 };
      const texts = statements.flatMap((statement) => {
        if (partitioned.has(statement.relation?.name)) return [statement.text];
        const pair = asIndexAndConstraint(statement);
        if (pair !== undefined) {
          counted.indexAndConstraint++;
          return [pair.createIndex, pair.addConstraint];
        }
        const steps = asNotValid(statement);
        if (steps === undefined) return [statement.text];
        counted.notValid++;
        return [steps.add, steps.validate];
      });
      await runAll(server, stepwise, texts);
      const expected = await server.query(whole, catalog);
      assert.deepEqual(await server.query(stepwise, catalog), expected);
      assert.ok(expected.length > 20, `${expected.length} constraints and indexes`);
      assert.ok(counted.indexAndConstraint >= 7 && counted.notValid >= 1, JSON.stringify(counted));
    });

    it('are undone by their drops, last first', async () => {
      const database = await server.createDatabase();
      const mine = statements.filter((statement) => !isOfBaseType(statement));
      await runAll(
        server,
        database,
        mine.map(({ text }) => text),
      );
      assert.notEqual((await server.query(database, leftovers)).length, 0);
      const drops = dropStatements(mine);
      await runAll(server, database, drops);
      assert.deepEqual(await server.query(database, leftovers), []);
      // Again: nothing is there any more, and that is no error.
      await runAll(
        server,
        database,
        drops.filter((text) => !text.includes('CAST')),
      );
    });
  });
}

describe('statements that lose a word', () => {
  let server: TestServer;
  before(async () => {
    await loadParser();
    server = await startServer({ major: 17 });
  });
  after(() => server.stop());

  it('run without their tablespace', async () => {
    const database = await server.createDatabase();
    await runAll(
      server,
      database,
      [
        'CREATE TABLE t (tablespace integer, "TABLESPACE x" text, UNIQUE (tablespace) USING INDEX TABLESPACE nowhere) TABLESPACE nowhere;',
        'CREATE INDEX i ON t (tablespace) WITH (fillfactor = 70) TABLESPACE "no where" WHERE tablespace > 1;',
        'CREATE MATERIALIZED VIEW m TABLESPACE nowhere AS SELECT 1 AS tablespace;',
        'ALTER TABLE ONLY t ADD CONSTRAINT k UNIQUE ("TABLESPACE x") USING INDEX TABLESPACE nowhere DEFERRABLE;',
      ].map(withoutTablespace),
    );
    const rows = await server.query(
      database,
      "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
    );
    assert.equal(rows.length, 3);
  });
});
