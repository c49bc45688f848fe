/**
 * The DDL that is generated for the sample database under a mapping, against golden files. `UPDATE_GOLDEN=1` writes them
 * anew: read the difference.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { generateDdl } from '../../src/engine/generateDdl.js';
import { runMigration } from '../../src/engine/migration.js';
import type { RunEvent } from '../../src/protocol/model.js';
import { defaultOptions, type Project, type ProjectDatabase } from '../../src/protocol/project.js';
import { createSampleRoles, distDir } from '../support/migrate.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';
import { loadSample } from '../support/sample/sample.js';

const fixtures = join(__dirname, '../fixtures/ddl');
let source: TestServer;
let target: TestTwin;
let folder: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flexferry-golden-'));
  [source, target] = await Promise.all([startServer({ major: 13 }), startFlexibleServerTwin({ major: 17 })]);
  await createSampleRoles(target);
  await source.createDatabase('harbour');
  await loadSample(source, 'harbour');
});
after(async () => {
  rmSync(folder, { recursive: true, force: true });
  await Promise.all([source?.stop(), target?.stop()]);
});

function projectOf(database: Partial<ProjectDatabase>): Project {
  return {
    version: 2,
    name: 'golden',
    source: { connection: source.uri('postgres') },
    target: { connection: target.uri('postgres') },
    databases: [{ source: 'harbour', target: 'golden', ...database }],
    options: { ...defaultOptions, dumpTool: 'builtin' },
  };
}

test('the harbour, renamed, with parts left out, as it is shown for review', async () => {
  const project = projectOf({
    schemas: { harbour: 'port', billing: 'Money "€" 💶', public: 'shared' },
    tables: { 'harbour.ships': { name: 'vessels' }, 'billing.audit': { schema: 'port' } },
    exclude: { tables: ['~/^harbour\\.berths$/'], indexes: ['harbour.ships_lower_name'] },
    renameOwned: true,
  });
  const hooks = { signal: new AbortController().signal, distDir, onMessage: () => {} };
  await generateDdl({ project, directory: folder }, hooks);
  for (const file of ['pre-data.sql', 'post-data.sql']) {
    const golden = join(fixtures, `harbour.${file.replace('.sql', '.golden.sql')}`);
    const written = readFileSync(join(folder, 'ddl/harbour', file), 'utf8');
    if (process.env['UPDATE_GOLDEN']) writeFileSync(golden, written);
    assert.equal(written, readFileSync(golden, 'utf8'), file);
  }
});

test('a file that is edited while it runs is told, and runs with the next', async () => {
  const directory = join(folder, 'meanwhile');
  const file = join(directory, 'ddl/harbour/post-data.sql');
  const index = 'CREATE INDEX meanwhile ON harbour.ships (name, flag);\n';
  const events: RunEvent[] = [];
  const run = (onEvent: (event: RunEvent) => void) =>
    runMigration(
      { project: projectOf({ target: 'meanwhile' }), directory, restart: false },
      { onSnapshot: () => {}, onEvent, signal: new AbortController().signal, distDir },
    );
  const first = await run((event) => {
    events.push(event);
    if (event.event === 'phase' && event.phase === 'copy' && event.state === 'running')
      writeFileSync(file, `${readFileSync(file, 'utf8')}\n${index}`);
  });
  assert.equal(first.state, 'incomplete');
  assert.deepEqual(
    first.findings.filter((f) => f.severity !== 'note').map((f) => f.code),
    ['FF424'],
  );
  const count = `SELECT FROM pg_indexes WHERE indexname = 'meanwhile'`;
  assert.equal((await target.superQuery('meanwhile', count)).length, 0);
  const second = await run(() => {});
  assert.equal(
    second.state,
    'succeeded',
    JSON.stringify(second.findings.filter((f) => f.severity !== 'note')),
  );
  assert.equal((await target.superQuery('meanwhile', count)).length, 1);
});
