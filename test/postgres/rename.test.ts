/** A renamed dump runs; the dump of what it made, renamed back, is the dump of the source. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { classifyDump } from '../../src/ddl/classify.js';
import { ident, relationIdent } from '../../src/ddl/identifier.js';
import { loadParser } from '../../src/ddl/parser.js';
import { rename } from '../../src/ddl/rename/rename.js';
import { type RenameRules, renamesOf } from '../../src/ddl/rename/renamesOf.js';
import type { Statement } from '../../src/ddl/statement.js';
import { dumpSchema } from '../../src/engine/dump/dump.js';
import { extractPgDump } from '../../src/engine/dump/extract.mjs';
import { resolveConnectionInput } from '../../src/engine/postgres/connectionString.js';
import type { RelationName } from '../../src/protocol/model.js';
import { ensureMajor, type Major, startServer, type TestServer } from '../support/postgres/embedded.js';
import { forServer, loadSample } from '../support/sample/sample.js';

const folder = mkdtempSync(join(tmpdir(), 'flexferry-rename-'));
const distDir = join(folder, 'dist');
const fixture = (name: string): string => readFileSync(join(__dirname, '../fixtures/ddl', name), 'utf8');
const all = process.env['FLEXFERRY_MAJORS'] === 'all';
const majors: readonly Major[] = all ? [10, 13, 17, 18] : [13, 17];

before(async () => {
  await loadParser();
  extractPgDump(distDir);
  await build({
    entryPoints: { pgDumpWorker: 'src/engine/dump/worker.ts' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    outdir: distDir,
    logLevel: 'error',
  });
});
after(() => rmSync(folder, { recursive: true }));

type Load = (server: TestServer, database: string) => Promise<void>;

/** What is loaded into a database of its own. */
const corpora: Readonly<Record<string, Load>> = {
  'nasty names': async (server, database) => {
    await server.query(database, forServer(fixture('rename.source.sql'), server.major, false));
  },
  'every kind of object': async (server, database) => {
    await server.query(database, fixture('corpus.source.sql'));
    if (server.major >= 15) await server.query(database, fixture('corpus15.source.sql'));
  },
  harbour: (server, database) => loadSample(server, database),
  chinook: async (server, database) => {
    const script = gunzipSync(readFileSync(join(__dirname, '../fixtures/chinook.sql.gz')));
    await server.query(database, script.toString('utf8'));
  },
};

const schemas: Readonly<Record<string, string>> = {
  shop: 'Größe "x".y 🚚',
  stock: 'order',
  'Odd "schema".x': 'plain',
  app: "it's $$ $_$ 'app'",
  ext: 'select',
  'We"ird; schema.🚚': 'weird',
  harbour: 'Hafen',
  billing: 'z'.repeat(63),
  'Archive.old ⚓': 'archive',
  public: 'not public',
};
const roles: Readonly<Record<string, string>> = { rename_reader: 'rename_leser' };
/** Where some tables move to. */
const elsewhere = 'Else "where"';

/** Strings that look like names, and names in a query that is put together at run time. */
const expectedUndecided: Readonly<Record<string, readonly string[]>> = {
  'nasty names': ['shop', 'shop', 'shop', 'shop.orders', 'shop.orders', 'shop.orders'],
};

/** Odd names for some tables, another schema for others. */
function tableTarget(relation: RelationName): RelationName {
  const schema = schemas[relation.schema] ?? relation.schema;
  const { name } = relation;
  switch ([...`${relation.schema}.${name}`].reduce((sum, c) => sum + (c.codePointAt(0) ?? 0), 0) % 6) {
    case 0:
      return { schema, name: `${name} "neu" 🚚` };
    case 1:
      return { schema, name: `neu_${name}`.length > 63 ? name : `neu_${name}` };
    case 2:
      return { schema: elsewhere, name: `${relation.schema} ${name}` };
    case 3:
      return { schema: elsewhere, name: `'${relation.schema}' ; ${name}` };
    default:
      return { schema, name };
  }
}
/** Two tables that swap names, one called as another's alias, one whose name a keyword is. */
const chosen: Readonly<Record<string, RelationName>> = {
  'shop.orders': { schema: 'Größe "x".y 🚚', name: 'b' },
  'stock.orders': { schema: 'order', name: 'items' },
  'shop.items': { schema: 'order', name: 'user' },
  'shop.twin_1': { schema: 'Größe "x".y 🚚', name: 'twin_2' },
  'stock.twin_2': { schema: 'order', name: 'twin_1' },
};

const rulesThere = (renameOwned: boolean): RenameRules => ({
  schema: (name) => schemas[name] ?? name,
  table: (relation) => chosen[`${relation.schema}.${relation.name}`] ?? tableTarget(relation),
  role: (name) => roles[name] ?? name,
  renameOwned,
});

function back(statements: readonly Statement[], rules: RenameRules): RenameRules {
  const inverse = (map: Readonly<Record<string, string>>) =>
    new Map(Object.entries(map).map(([from, to]) => [to, from]));
  const [schemaOf, roleOf] = [inverse(schemas), inverse(roles)];
  const tables = new Map<string, RelationName>();
  const key = ({ schema, name }: RelationName): string => JSON.stringify([schema, name]);
  for (const statement of statements) {
    const relation =
      statement.kind === 'createSequence'
        ? statement.details.sequence
        : statement.creates && statement.relation;
    if (relation) tables.set(key(rules.table(relation)), relation);
  }
  return {
    schema: (name) => schemaOf.get(name) ?? name,
    table: (relation) =>
      tables.get(key(relation)) ?? { ...relation, schema: schemaOf.get(relation.schema) ?? relation.schema },
    role: (name) => roleOf.get(name) ?? name,
    renameOwned: rules.renameOwned,
  };
}

async function dumped(server: TestServer, database: string): Promise<Statement[]> {
  const { spec } = resolveConnectionInput({ text: server.uri(database) }, {});
  const { sql } = await dumpSchema({
    spec,
    versionNum: server.major * 10_000,
    tool: 'builtin',
    signal: new AbortController().signal,
    distDir,
    log: () => {},
    contents: { owners: true, grants: true, comments: true, publications: true, tablespaces: false },
  });
  return classifyDump(sql);
}

/** The schema public is in every new database, so that no dump makes it, but its new name is made. */
const isOfPublic = (text: string): boolean =>
  /^(CREATE|ALTER|COMMENT ON|GRANT [A-Z]+ ON|REVOKE [A-Z]+ ON) SCHEMA (public|"not public"|"Else ""where""")\b/.test(
    text,
  ) ||
  (/SCHEMA "(not public|Else ""where"")"/.test(text.split('\n', 1)[0] ?? '') &&
    /^(CREATE|ALTER|COMMENT|GRANT|REVOKE)/.test(text) &&
    / SCHEMA "/.test(text) &&
    !text.includes('EXTENSION') &&
    !text.includes('DEFAULT PRIVILEGES'));

const sorted = (texts: readonly string[]): string[] =>
  texts.filter((text) => !isOfPublic(text) && !text.startsWith('REFRESH ')).sort();

const newSchemas =
  'CREATE SCHEMA "not public"; CREATE SCHEMA "Else ""where"""; GRANT USAGE ON SCHEMA "Else ""where""" TO PUBLIC;';

async function runAll(server: TestServer, database: string, texts: readonly string[]): Promise<void> {
  const client = await server.connect(database);
  try {
    const failed: string[] = [];
    for (const text of texts) {
      // The built-in pg_dump is of 18. What a view's owner may not read cannot be refreshed, renamed or not.
      if (server.major < 17 && text === 'SET transaction_timeout = 0;') continue;
      if (text.startsWith('REFRESH ')) continue;
      // It writes for 11 and later.
      const written =
        server.major < 11 ? text.replace(/^(CREATE OPERATOR [^;]*)\bFUNCTION = /, '$1PROCEDURE = ') : text;
      await client.query(written).catch((error: unknown) => {
        failed.push(`${error instanceof Error ? error.message : String(error)}: ${text}`);
      });
    }
    assert.deepEqual(failed, []);
  } finally {
    await client.end();
  }
}

/** Of a database that was dumped and restored once: from then on the server prints what it was given. */
async function settledDump(server: TestServer, load: Load): Promise<Statement[]> {
  const [made, restored] = [await server.createDatabase(), await server.createDatabase()];
  await load(server, made);
  const first = await dumped(server, made);
  await runAll(
    server,
    restored,
    first.map(({ text }) => text),
  );
  const second = await dumped(server, restored);
  const unsettled = first.filter(
    ({ text }) => !second.some((other) => other.text === text) && !text.startsWith('REFRESH '),
  );
  assert.ok(unsettled.length <= 1, unsettled.map(({ text }) => text).join('\n'));
  return second;
}

/** Only what has mistakes is worth reading. */
function assertSameTexts(actual: readonly string[], expected: readonly string[]): void {
  const [a, e] = [new Set(actual), new Set(expected)];
  assert.deepEqual(
    { extra: actual.filter((text) => !e.has(text)), missing: expected.filter((text) => !a.has(text)) },
    { extra: [], missing: [] },
  );
  assert.equal(actual.length, expected.length);
}

/** By ALTER … RENAME and SET SCHEMA, over names in between, as some are swapped. */
function renamesOfServer(statements: readonly Statement[], rules: RenameRules): string {
  const commands = [newSchemas.replace('CREATE SCHEMA "not public"; ', '')];
  const has = (schema: string) =>
    schema === 'public' || statements.some((s) => s.kind === 'createSchema' && s.details.name === schema);
  for (const [from, to] of Object.entries(schemas))
    if (has(from)) commands.push(`ALTER SCHEMA ${ident(from)} RENAME TO ${ident(to)};`);
  const owned = new Set<string>();
  const last: string[] = [];
  for (const s of statements) if (s.kind === 'sequenceOwnedBy') owned.add(relationIdent(s.details.sequence));
  for (const [index, statement] of statements.entries()) {
    const relation =
      statement.kind === 'createSequence'
        ? statement.details.sequence
        : statement.creates && statement.relation;
    const isRelation = /^create(Table|View|MaterializedView|ForeignTable|Sequence)$/.test(statement.kind);
    if (!relation || !isRelation || owned.has(relationIdent(relation))) continue;
    const target = rules.table(relation);
    const schema = rules.schema(relation.schema);
    if (schema === target.schema && relation.name === target.name) continue;
    const between = `between_${index}`;
    commands.push(`ALTER TABLE ${ident(schema)}.${ident(relation.name)} RENAME TO ${between};`);
    if (schema !== target.schema)
      commands.push(`ALTER TABLE ${ident(schema)}.${between} SET SCHEMA ${ident(target.schema)};`);
    last.push(`ALTER TABLE ${ident(target.schema)}.${between} RENAME TO ${ident(target.name)};`);
  }
  return [...commands, ...last].join('\n');
}

/** After a rename by the server, a NOT NULL constraint no longer has the name that needs no mention. */
const withoutNotNullNames = (text: string): string =>
  text.startsWith('CREATE ')
    ? text.replaceAll(/ CONSTRAINT ("([^"]|"")+"|\w+) NOT NULL/g, ' NOT NULL')
    : text;

/** The server keeps bodies and settings of functions as text, which it does not rename. */
const withoutBody = (text: string): string =>
  /^CREATE (FUNCTION|PROCEDURE)/.test(text)
    ? text.replace(/\n {4}AS [\s\S]*$/, '').replace(/\n {4}SET search_path [^\n]*/, '')
    : text;

for (const major of majors) {
  describe(`renames on PostgreSQL ${major}`, () => {
    let server: TestServer;
    before(async () => {
      await ensureMajor(major);
      server = await startServer({ major });
      await server.query(
        'postgres',
        'CREATE ROLE corpus_reader; CREATE ROLE corpus_owner SUPERUSER; CREATE ROLE "corpus odd;role"; CREATE ROLE rename_reader; CREATE ROLE rename_leser',
      );
    });
    after(() => server.stop());

    for (const [corpus, load] of Object.entries(corpora)) {
      if (corpus === 'every kind of object' && major < 13) continue;
      test(`there and back: ${corpus}`, async () => {
        const source = await settledDump(server, load);
        for (const renameOwned of [false, true]) {
          const rules = rulesThere(renameOwned);
          const renames = renamesOf(source, rules);
          const results = source.map(({ text }) => rename(text, renames));
          const undecided = results.flatMap(({ text, undecided: places }) =>
            places.map(({ start, end }) => text.slice(start, end)),
          );
          assert.deepEqual(undecided.sort(), expectedUndecided[corpus] ?? []);
          const target = await server.createDatabase();
          await server.query(target, newSchemas);
          await runAll(
            server,
            target,
            results.map(({ text }) => text),
          );
          const made = await dumped(server, target);
          const backwards = renamesOf(made, back(source, rules));
          assertSameTexts(
            sorted(made.map(({ text }) => rename(text, backwards).text)),
            sorted(source.map(({ text }) => text)),
          );
        }
      });

      test(`as the server renames: ${corpus}`, async () => {
        const database = await server.createDatabase();
        await load(server, database);
        const source = await dumped(server, database);
        const rules = { ...rulesThere(false), role: (name: string) => name };
        const renames = renamesOf(source, rules);
        await server.query(database, renamesOfServer(source, rules));
        const expected = await dumped(server, database);
        // Where a new name clashes with an alias, the server finds another one for it.
        const comparable = (texts: readonly string[]): string[] =>
          sorted(
            texts
              .map(withoutBody)
              .map(withoutNotNullNames)
              .filter((text) => !/^CREATE VIEW \S.*\.(v_self|neu_v_cte) AS/.test(text)),
          );
        assertSameTexts(
          comparable(source.map(({ text }) => rename(text, renames).text)),
          comparable(expected.map(({ text }) => text)),
        );
      });
    }

    test('functions do the same', async () => {
      const [database, target] = [await server.createDatabase(), await server.createDatabase()];
      await corpora['nasty names']?.(server, database);
      // A published table without a replica identity cannot be updated.
      if (server.major >= 15) await server.query(database, 'DROP PUBLICATION shop');
      const source = await dumped(server, database);
      const renames = renamesOf(source, rulesThere(false));
      await server.query(target, newSchemas);
      await runAll(
        server,
        target,
        source.map(({ text }) => rename(text, renames).text),
      );
      const inSource = await server.query<{ r: string; n: string }>(
        database,
        'SELECT stock.exercise() AS r, (shop.with_path()).n, (SELECT count(*) FROM stock.in_quotes()) AS q',
      );
      const inTarget = await server.query<{ r: string; n: string }>(
        target,
        'SELECT "order".exercise() AS r, ("Größe ""x"".y 🚚".with_path()).n, (SELECT count(*) FROM "order".in_quotes()) AS q',
      );
      assert.match(inSource[0]?.r ?? '', /^5!16118shop\.orders_id_seq$/);
      assert.deepEqual(inTarget, [
        {
          ...inSource[0],
          r: inSource[0]?.r.replace('shop.orders_id_seq', '"Größe ""x"".y 🚚".orders_id_seq'),
        },
      ]);
    });
  });
}
