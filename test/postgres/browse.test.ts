import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { browseChildren, browseDatabases } from '../../src/engine/catalog/browse.js';
import { BrowseSessions } from '../../src/engine/catalog/browseSessions.js';
import { Fault } from '../../src/engine/errors/fault.js';
import { resolveConnectionInput } from '../../src/engine/postgres/connectionString.js';
import type { ObjectNode } from '../../src/protocol/engine.js';
import {
  defaultMajors,
  type Major,
  majors,
  startServer,
  type TestServer,
} from '../support/postgres/embedded.js';
import { startFlexibleServerTwin } from '../support/postgres/twin.js';
import { loadSample } from '../support/sample/sample.js';

const tested: readonly Major[] = process.env['FLEXFERRY_MAJORS'] === 'all' ? majors : defaultMajors;
const never = new AbortController().signal;

/** Browses as the engine process does: the database of the path decides which one is connected to. */
function browser(uri: string, sessions: BrowseSessions) {
  const children = (path: readonly string[], after?: string, limit = 200, signal = never) => {
    const database = path.find((part) => part.startsWith('database:'))?.slice('database:'.length);
    const { spec } = resolveConnectionInput({ text: uri, ...(database !== undefined && { database }) });
    return sessions.use(spec, signal, (session) => browseChildren(session, path, after, limit));
  };
  /** Follows the cursors to the end. */
  const all = async (path: readonly string[], limit: number): Promise<ObjectNode[]> => {
    const nodes: ObjectNode[] = [];
    for (let after: string | undefined; ; ) {
      const page = await children(path, after, limit);
      assert.ok(page.nodes.length <= limit + 1, `a page has ${page.nodes.length} nodes`);
      nodes.push(...page.nodes);
      if (page.next === undefined) return nodes;
      after = page.next;
    }
  };
  return { children, all };
}

const named = (nodes: readonly ObjectNode[], name: string): ObjectNode => {
  const found = nodes.find((node) => node.name === name);
  assert.ok(found, `no ${name} among ${nodes.map((node) => node.name).join(', ')}`);
  return found;
};
const names = (nodes: readonly ObjectNode[]) => nodes.map((node) => node.name);

for (const major of tested) {
  describe(`the tree of a PostgreSQL ${major}`, () => {
    const sessions = new BrowseSessions();
    let server: TestServer;
    let tree: ReturnType<typeof browser>;

    before(async () => {
      server = await startServer({ major });
      await server.createDatabase('harbour');
      await loadSample(server, 'harbour');
      await server.query('harbour', 'ANALYZE');
      tree = browser(server.uri('postgres'), sessions);
    });
    after(async () => {
      await sessions.close();
      await server.stop();
    });

    test('databases have sizes, templates are left out, roles come last', async () => {
      const { nodes } = await tree.children([]);
      assert.ok(names(nodes).includes('harbour'));
      assert.ok(!names(nodes).some((name) => name.startsWith('template')));
      assert.match(named(nodes, 'harbour').description ?? '', /^\d.* [kM]B$/);
      const roles = nodes.at(-1);
      assert.equal(roles?.kind, 'folder');
      const found = await tree.children(roles?.path ?? []);
      assert.match(named(found.nodes, 'postgres').description ?? '', /superuser/);
      assert.ok(names(found.nodes).includes('harbour_reader'));
      assert.ok(!names(found.nodes).some((name) => name.startsWith('pg_')));
    });

    test('schemas without the ones of PostgreSQL, and extensions', async () => {
      const { nodes } = await tree.children(['database:harbour']);
      const schemas = nodes.filter((node) => node.kind === 'schema').map((node) => node.name);
      assert.deepEqual(schemas, ['Archive.old ⚓', 'billing', 'harbour', 'public']);
      const extensions = await tree.children(nodes.at(-1)?.path ?? []);
      assert.deepEqual(names(extensions.nodes), ['citext', 'hstore', 'pg_trgm', 'plpgsql']);
    });

    test('folders of a schema count what they hold', async () => {
      const { nodes } = await tree.children(['database:harbour', 'schema:harbour']);
      assert.deepEqual(names(nodes), ['tables', 'views', 'functions', 'sequences', 'types']);
      for (const folder of nodes) {
        const children = await tree.all(folder.path, 500);
        assert.equal(children.length.toLocaleString('en-US'), folder.description, folder.name);
      }
    });

    test('objects of extensions are not listed', async () => {
      const { nodes } = await tree.children(['database:harbour', 'schema:public']);
      assert.deepEqual(
        names(nodes).includes('functions'),
        false,
        'functions of hstore are shown as own ones',
      );
    });

    test('pages join without a gap or a repetition', async () => {
      for (const folder of ['tables', 'functions', 'sequences', 'types']) {
        const path = ['database:harbour', 'schema:harbour', `folder:${folder}`];
        const whole = (await tree.children(path, undefined, 1000)).nodes;
        assert.ok(whole.length > 2, `${folder} has ${whole.length}`);
        assert.deepEqual(await tree.all(path, 2), whole, folder);
      }
    });

    test('tables have row estimates and sizes; partitions lie below their parent', async () => {
      const { nodes } = await tree.children(['database:harbour', 'schema:harbour', 'folder:tables']);
      assert.match(named(nodes, 'ships').description ?? '', /^~[\d,]+ rows, .* [kM]?B$/);
      const movements = named(nodes, 'movements');
      assert.equal(movements.description, 'partitioned, 4 partitions');
      assert.ok(!names(nodes).includes('movements_2025'));
      const below = await tree.children(movements.path);
      const partitions = await tree.children(below.nodes.at(-1)?.path ?? []);
      assert.equal(partitions.nodes.length, 4);
      const columns = await tree.children(named(partitions.nodes, 'movements_2025').path);
      assert.ok(columns.nodes.some((node) => node.kind === 'column'));
    });

    test('columns and indexes, with strange names', async () => {
      const schema = ['database:harbour', 'schema:Archive.old ⚓', 'folder:tables'];
      const { nodes } = await tree.children(schema);
      const table = named(nodes, `Captain's "log".v1 📓`);
      assert.ok((await tree.children(table.path)).nodes.length > 0);
      const ships = await tree.children([
        'database:harbour',
        'schema:harbour',
        'folder:tables',
        'table:ships',
      ]);
      const kinds = new Set(ships.nodes.map((node) => node.kind));
      assert.deepEqual([...kinds], ['column', 'index']);
      assert.ok(ships.nodes.some((node) => node.description?.includes('primary key')));
    });

    test('functions say what they are', async () => {
      const { nodes } = await tree.children(['database:harbour', 'schema:harbour', 'folder:functions']);
      assert.ok(nodes.every((node) => /\(.*\)$/.test(node.name)));
      assert.equal(new Set(nodes.map((node) => node.path.join('/'))).size, nodes.length);
    });

    test('a table that somebody has locked does not hold up the list', async () => {
      const holder = await server.connect('harbour');
      try {
        await holder.query('BEGIN; LOCK TABLE harbour.ships IN ACCESS EXCLUSIVE MODE');
        const began = performance.now();
        const { nodes } = await tree.children(['database:harbour', 'schema:harbour', 'folder:tables']);
        assert.ok(performance.now() - began < 10_000);
        assert.ok(names(nodes).includes('ships'));
      } finally {
        await holder.end();
      }
    });

    test('an aborted question ends on the server too', async () => {
      const holder = await server.connect('harbour');
      const abort = new AbortController();
      try {
        await holder.query('BEGIN; LOCK TABLE pg_catalog.pg_class IN ACCESS EXCLUSIVE MODE');
        const asked = tree.children(
          ['database:harbour', 'schema:harbour', 'folder:tables'],
          undefined,
          10,
          abort.signal,
        );
        setTimeout(() => abort.abort(), 300);
        await assert.rejects(asked, (error: unknown) => error instanceof Fault && error.code === 'FF509');
      } finally {
        await holder.end();
      }
      const busy = `SELECT pid FROM pg_stat_activity WHERE application_name = 'flexferry browse' AND state = 'active'`;
      const until = performance.now() + 10_000;
      while ((await server.query('postgres', busy)).length > 0) {
        assert.ok(performance.now() < until, 'the backend still works');
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    });
  });
}

test('a Flexible Server is shown without the databases of the service', async () => {
  const sessions = new BrowseSessions();
  const twin = await startFlexibleServerTwin();
  try {
    await twin.createDatabase('shop');
    const { spec } = resolveConnectionInput({ text: twin.uri('postgres') });
    const databases = await sessions.use(spec, never, (session) => browseDatabases(session));
    const found = databases.map((database) => database.name);
    assert.deepEqual(found, ['postgres', 'shop']);
    assert.ok(databases.every((database) => database.canConnect && (database.bytes ?? 0) > 0));
    const tree = browser(twin.uri('postgres'), sessions);
    const { nodes } = await tree.children([]);
    assert.deepEqual(names(nodes), ['postgres', 'shop', 'roles']);
  } finally {
    await sessions.close();
    await twin.stop();
  }
});
