import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { classifyDump } from '../../src/ddl/classify.js';
import { applyRules, type TargetFacts } from '../../src/ddl/flexibleServerRules.js';
import { loadParser } from '../../src/ddl/parser.js';
import { moreTargetFacts } from '../../src/engine/catalog/targetFacts.js';
import { opened } from '../support/globals.js';
import { defaultMajors, startServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin } from '../support/postgres/twin.js';

before(() => loadParser());

for (const major of defaultMajors) {
  it(`what rules ask of PostgreSQL ${major}`, async () => {
    await using plain = await startServer({
      major,
      settings: { shared_preload_libraries: 'pg_stat_statements, "auto_explain"' },
    });
    await using own = await opened(plain);
    const facts = await moreTargetFacts(own.session);
    assert.deepEqual([facts.isSuperuser, facts.bypassesRowSecurity], [true, true]);
    assert.deepEqual([...(facts.preloadLibraries ?? [])], ['pg_stat_statements', 'auto_explain']);
    assert.deepEqual([...(facts.tableAccessMethods ?? [])], ['heap']);
    assert.ok(facts.collations?.has('C') && facts.collations.has('de-x-icu'));

    await using twin = await startFlexibleServerTwin({ major });
    await using admin = await opened(twin);
    const flexible = await moreTargetFacts(admin.session);
    assert.deepEqual([flexible.isSuperuser, flexible.bypassesRowSecurity], [false, major >= 16]);
    const target: TargetFacts = {
      versionNum: admin.session.versionNum,
      isFlexibleServer: true,
      allowedExtensions: [],
      availableExtensions: new Set(),
      roles: new Set(),
      ...flexible,
    };
    // The rule says what the server does.
    for (const [name, known] of [
      ['de-x-icu', true],
      ['default', true],
      ['no_SUCH.utf8', false],
    ] as const) {
      const sql = `CREATE TABLE "${name}" (a text COLLATE "${name}");`;
      const [statement] = classifyDump(sql);
      assert.ok(statement !== undefined);
      assert.equal(applyRules(statement, target).onFailure?.code, known ? undefined : 'FF450', name);
      const made = twin.query('postgres', sql);
      await (known ? made : assert.rejects(made, { code: '42704' }));
    }
  });
}
