import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { classifyDump } from '../../../../src/ddl/classify.js';
import { loadParser } from '../../../../src/ddl/parser.js';
import type { SourceTable } from '../../../../src/engine/catalog/tables.js';
import { splitDeferred, splitForced, switching, takenBack } from '../../../../src/engine/schema/deferred.js';
import { complete, type PlannedStatement } from '../../../../src/engine/schema/plannedStatement.js';
import { planPostData } from '../../../../src/engine/schema/postData.js';

const table = (name: string, relkind: SourceTable['relkind'] = 'r'): SourceTable => ({
  schema: 's',
  name,
  oid: name,
  relkind,
  isPartition: false,
  unlogged: false,
  bytes: 0,
  rowsEstimated: 0,
  readable: true,
  hidesRows: false,
  hasIdentity: true,
  columns: [],
  target: { schema: 's', name },
  withData: true,
});
const tables = [table('t'), table('u'), table('p', 'p'), table('m', 'm')];

const dump = `
ALTER TABLE ONLY s.t ADD CONSTRAINT t_fk FOREIGN KEY (a) REFERENCES s.u(a);
ALTER TABLE s.p ADD CONSTRAINT p_fk FOREIGN KEY (a) REFERENCES s.u(a);
COMMENT ON CONSTRAINT t_fk ON s.t IS 'key';
CREATE TRIGGER plain AFTER INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.f();
COMMENT ON TRIGGER plain ON s.t IS 'plain';
CREATE TRIGGER always AFTER INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.f();
ALTER TABLE s.t ENABLE ALWAYS TRIGGER always;
CREATE TRIGGER off AFTER INSERT ON s.p FOR EACH ROW EXECUTE FUNCTION s.f();
ALTER TABLE s.p DISABLE TRIGGER off;
CREATE TRIGGER on_view INSTEAD OF INSERT ON s.v FOR EACH ROW EXECUTE FUNCTION s.f();
CREATE RULE r AS ON DELETE TO s.u DO ALSO DELETE FROM s.t;
COMMENT ON RULE r ON s.u IS 'rule';
CREATE RULE r2 AS ON DELETE TO s.u DO ALSO DELETE FROM s.t;
ALTER TABLE s.u ENABLE REPLICA RULE r2;
CREATE POLICY few ON s.t USING (a > 0);
ALTER TABLE s.t ENABLE ROW LEVEL SECURITY;
ALTER TABLE ONLY s.t FORCE ROW LEVEL SECURITY;
CREATE EVENT TRIGGER watch ON ddl_command_start EXECUTE FUNCTION s.g();
ALTER EVENT TRIGGER watch ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER watch IS 'watches';
COMMENT ON TABLE s.t IS 'a table';
`;

let items: readonly PlannedStatement[];
before(async () => {
  await loadParser();
  const occurrences = new Map<string, number>();
  items = classifyDump(dump).map((statement, index) =>
    complete({ statement, skip: false, sql: statement.text }, 'postData', index, occurrences, new Set()),
  );
});
const texts = (list: readonly PlannedStatement[]): string[] =>
  list.map(({ sql }) => sql.replace(/ (AFTER|AS ON|INSTEAD|ON ddl).*| IS '.*/s, ''));

describe('what waits for the cutover', () => {
  test('where the apply is a replica: only what acts all the same', () => {
    const { now, later } = splitDeferred(planPostData(items, tables), { replicaRole: true, tables });
    assert.equal(now.foreignKeys.length, 2);
    assert.deepEqual(
      later.early.map(({ item }) => item.statement.object),
      ['constraint t_fk on s.t', 'constraint p_fk on s.p'],
    );
    assert.deepEqual([later.foreignKeys, later.statements], [[], []]);
    assert.deepEqual(texts(later.last), [
      'ALTER TABLE s.t ENABLE ALWAYS TRIGGER always;',
      'ALTER TABLE s.u ENABLE REPLICA RULE r2;',
      'ALTER TABLE ONLY s.t FORCE ROW LEVEL SECURITY;',
      'CREATE EVENT TRIGGER watch',
      'ALTER EVENT TRIGGER watch ENABLE ALWAYS;',
      'COMMENT ON EVENT TRIGGER watch',
    ]);
    assert.equal(now.rest.length + later.last.length, items.length - 2, 'nothing is lost');
    assert.ok(now.rest.every(({ around }) => around === undefined));
  });

  test('where it is not: foreign keys, triggers and rules of tables, and what is said of them', () => {
    const { now, later } = splitDeferred(planPostData(items, tables), { replicaRole: false, tables });
    assert.deepEqual([now.foreignKeys, later.early], [[], []]);
    assert.equal(later.foreignKeys.length, 2);
    assert.deepEqual(texts(later.statements), [
      'COMMENT ON CONSTRAINT t_fk ON s.t',
      'CREATE TRIGGER plain',
      'COMMENT ON TRIGGER plain ON s.t',
      'CREATE TRIGGER always',
      'CREATE TRIGGER off',
      'CREATE RULE r',
      'COMMENT ON RULE r ON s.u',
      'CREATE RULE r2',
    ]);
    assert.equal(later.statements[1]?.around?.after, 'ALTER TABLE "s"."t" DISABLE TRIGGER "plain";');
    assert.equal(later.statements[5]?.around?.after, 'ALTER TABLE "s"."u" DISABLE RULE "r";');
    assert.deepEqual(texts(later.last).slice(0, 3), [
      'ALTER TABLE s.t ENABLE ALWAYS TRIGGER always;',
      'ALTER TABLE s.p DISABLE TRIGGER off;',
      'ALTER TABLE s.u ENABLE REPLICA RULE r2;',
    ]);
    assert.deepEqual(texts(now.rest), [
      'CREATE TRIGGER on_view',
      'CREATE POLICY few ON s.t USING (a > 0);',
      'ALTER TABLE s.t ENABLE ROW LEVEL SECURITY;',
      'COMMENT ON TABLE s.t',
    ]);
  });

  test('the state of a partition is said after that of its parent', () => {
    const sql = `
CREATE TRIGGER a AFTER INSERT ON s.p FOR EACH ROW EXECUTE FUNCTION s.f();
ALTER TABLE s.p ENABLE ALWAYS TRIGGER a;
ALTER TABLE s.t DISABLE TRIGGER a;`;
    const own = classifyDump(sql).map((statement, index) =>
      complete({ statement, skip: false, sql: statement.text }, 'postData', index, new Map(), new Set()),
    );
    const { later } = splitDeferred(planPostData(own, tables), { replicaRole: true, tables });
    assert.deepEqual(texts(later.last), [
      'ALTER TABLE s.p ENABLE ALWAYS TRIGGER a;',
      'ALTER TABLE s.t DISABLE TRIGGER a;',
    ]);
  });

  test('what is skipped is told with the rest', () => {
    const skipped = items.map((item) => ({ ...item, skip: true }));
    const { now, later } = splitDeferred(planPostData(skipped, tables), { replicaRole: false, tables });
    assert.equal(now.rest.length, items.length);
    assert.deepEqual(later, { early: [], foreignKeys: [], statements: [], last: [] });
  });

  test('FORCE ROW LEVEL SECURITY of pre-data', () => {
    const { now, later } = splitForced(items);
    assert.deepEqual(texts(later), ['ALTER TABLE ONLY s.t FORCE ROW LEVEL SECURITY;']);
    assert.equal(now.length, items.length - 1);
  });

  test('is taken back last first, with all its checkpoints', () => {
    const { later } = splitDeferred(planPostData(items, tables), { replicaRole: false, tables });
    const back = takenBack(later);
    assert.deepEqual(
      back.map(({ sql }) => sql),
      [
        'DROP RULE IF EXISTS "r2" ON "s"."u";',
        undefined,
        'DROP RULE IF EXISTS "r" ON "s"."u";',
        'DROP TRIGGER IF EXISTS "off" ON "s"."p";',
        'DROP TRIGGER IF EXISTS "always" ON "s"."t";',
        undefined,
        'DROP TRIGGER IF EXISTS "plain" ON "s"."t";',
        undefined,
        'ALTER TABLE IF EXISTS "s"."p" DROP CONSTRAINT IF EXISTS "p_fk";',
        'ALTER TABLE IF EXISTS "s"."t" DROP CONSTRAINT IF EXISTS "t_fk";',
      ],
    );
    const key = items[0]?.key ?? '';
    assert.deepEqual(back.at(-1)?.checkpoints, [
      ['statement', key],
      ['index', `validate ${key}`],
    ]);
  });

  test('only triggers and rules are switched', () => {
    const statement = (index: number) => items[index]?.statement as PlannedStatement['statement'];
    assert.equal(switching(statement(3), 'ENABLE'), 'ALTER TABLE "s"."t" ENABLE TRIGGER "plain";');
    assert.equal(switching(statement(0), 'ENABLE'), undefined);
  });
});
