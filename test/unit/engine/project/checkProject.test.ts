import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { loadParser } from '../../../../src/ddl/parser.js';
import { checkProject } from '../../../../src/engine/project/checkProject.js';
import type { Project, ProjectDatabase, ProjectProblem } from '../../../../src/protocol/project.js';
import { growth, linear } from '../../../support/growth.js';

before(loadParser);

const base = {
  version: 2,
  name: 'p',
  source: { connection: 'host=h dbname=d' },
  target: { connection: 'host=t dbname=d' },
  databases: [{ source: 'd', target: 'd' }],
};
const check = (change: object) => checkProject(JSON.stringify({ ...base, ...change }));
const short = (problems: readonly ProjectProblem[]) =>
  problems.map(({ code, severity, path }) => `${code} ${severity} ${path.join('/')}`);
const ofDatabase = (database: Partial<ProjectDatabase> | object) =>
  check({ databases: [{ source: 'd', target: 'd', ...database }] }).problems;
const long = 'ä'.repeat(32);
const longest = `${'ä'.repeat(31)}x`;

test('all problems at once, each at its place', () => {
  const { problems, project } = check({
    source: { connection: 'postgresql://a:geheim@h/d' },
    databases: [
      { source: 'a', target: 'template1', exclude: { schemas: ['~/(/'], tables: ['a', 'a.b.c'] } },
      { source: 'b', target: 'x', schemas: { s: 'pg_x', t: long }, tables: { nonsense: {} } },
      { source: 'b', target: 'x' },
    ],
    options: { roles: { a: '' } },
  });
  assert.deepEqual(short(problems), ['FF700 error options/roles/a']);
  assert.equal(project, undefined);
  const shaped = check({
    source: { connection: 'postgresql://a:geheim@h/d' },
    databases: [
      { source: 'a', target: 'template1', exclude: { schemas: ['~/(/'], tables: ['a', 'a.b.c'] } },
      { source: 'b', target: 'x', schemas: { s: 'pg_x', t: long }, tables: { nonsense: {} } },
      { source: 'b', target: 'x' },
    ],
    options: { roles: { a: 'public' } },
  });
  assert.deepEqual(short(shaped.problems), [
    'FF700 warning source/connection',
    'FF704 error databases/0/target',
    'FF704 error databases/0/exclude/schemas/0',
    'FF704 error databases/0/exclude/tables/0',
    'FF704 error databases/0/exclude/tables/1',
    'FF704 error databases/1/schemas/s',
    'FF704 error databases/1/schemas/t',
    'FF704 error databases/1/tables/nonsense',
    'FF704 error databases/2',
    'FF704 error options/roles/a',
  ]);
  // A panel goes on showing what can be read.
  assert.equal((shaped.project as Project).databases.length, 3);
  for (const { message } of [...problems, ...shaped.problems]) assert.match(message, /^\S.*[^.]\.$/s);
});

test('what is not JSON has a line, a column and an offset', () => {
  const text = '{\n  "name": "😀",\n  oops\n}';
  const [problem] = checkProject(text).problems;
  assert.deepEqual(problem?.path, []);
  assert.equal(problem?.offset, text.indexOf('oops'));
  assert.match(problem?.message ?? '', /line 3, column 3/);
  assert.equal(checkProject(`\uFEFF${text}`).problems[0]?.offset, text.indexOf('oops') + 1);
});

test('a key that stands twice', () => {
  const text = JSON.stringify(base).replace('"name":"p"', '"name":"p","name":"q"');
  assert.deepEqual(short(checkProject(text).problems), ['FF700 error name']);
});

test('keys that JavaScript objects have of themselves', () => {
  assert.deepEqual(short(ofDatabase({ constructor: 1 })), ['FF700 error databases/0/constructor']);
  const text = JSON.stringify(base).replace('"name":"p"', '"name":"p","__proto__":{"name":"q"}');
  assert.deepEqual(short(checkProject(text).problems), ['FF700 error __proto__']);
});

test('online is a mode; the engine decides whether it can', () => {
  assert.deepEqual(ofDatabase({ mode: 'online' }), []);
  assert.equal(ofDatabase({ mode: 'later' }).length, 1);
});

describe('a secret in a connection is told and never repeated', () => {
  for (const connection of [
    'postgresql://a:geheim@h/d',
    'postgresql://a@h/d?password=geheim',
    'host=h password=geheim',
    "host=h password = 'geheim'",
    'host=h sslpassword=geheim',
    'Host=h;Username=a;Password=geheim',
    'jdbc:postgresql://h/d?user=a&password=geheim',
    'PGPASSWORD=geheim psql -h h d',
    'nonsense password=geheim',
  ])
    test(connection, () => {
      for (const side of ['source', 'target']) {
        const { problems } = check({ [side]: { connection } });
        assert.equal(problems.length, 1);
        assert.equal(problems[0]?.severity, connection.startsWith('nonsense') ? 'error' : 'warning');
        assert.deepEqual(problems[0]?.path, [side, 'connection']);
        assert.ok(!JSON.stringify(problems).includes('geheim'));
      }
    });
  test('where there is none, nothing is told', () => {
    for (const connection of [
      'host=h passfile=/x',
      'postgresql://a@h/d',
      'postgresql://a:{your_password}@h/d',
    ])
      assert.deepEqual(check({ source: { connection } }).problems, [], connection);
  });
});

describe('names on the target', () => {
  const cases: readonly [object, string | undefined][] = [
    [{ schemas: { s: longest } }, undefined],
    [{ schemas: { s: long } }, 'databases/0/schemas/s'],
    [{ schemas: { s: 'pg_mine' } }, 'databases/0/schemas/s'],
    [{ schemas: { s: 'information_schema' } }, 'databases/0/schemas/s'],
    [{ schemas: { s: 'flexferry' } }, 'databases/0/schemas/s'],
    [{ schemas: { s: 'a\0b' } }, 'databases/0/schemas/s'],
    [{ schemas: { s: '' } }, 'databases/0/schemas/s'],
    [{ schemas: { a: 'x', b: 'x' } }, undefined],
    [{ schemas: { s: 'Ü "x".y 😀' } }, undefined],
    [{ tables: { 'a.b': { name: long } } }, 'databases/0/tables/a.b/name'],
    [{ tables: { 'a.b': { name: 'pg_class' } } }, undefined],
    [{ tables: { 'a.b': { schema: 'pg_catalog' } } }, 'databases/0/tables/a.b/schema'],
    [{ tables: { 'a.b': { name: '' } } }, 'databases/0/tables/a.b/name'],
    [{ tables: { '"A".b': { name: 'select' } } }, undefined],
    [{ tables: { 'a.b': { naem: 'x' } } }, 'databases/0/tables/a.b/naem'],
    [{ tables: { b: { name: 'x' } } }, 'databases/0/tables/b'],
    [{ tables: { 'a.b.c': { name: 'x' } } }, 'databases/0/tables/a.b.c'],
    [{ tables: { 'a."b': { name: 'x' } } }, 'databases/0/tables/a."b'],
    [{ target: long }, 'databases/0/target'],
    [{ target: 'azure_maintenance' }, 'databases/0/target'],
    [{ target: 'postgres' }, undefined],
    [{ target: 'a\0' }, 'databases/0/target'],
    [{ target: 'Ziel "DB" 😀' }, undefined],
  ];
  for (const [database, place] of cases)
    test(JSON.stringify(database), () => {
      const problems = ofDatabase(database);
      assert.deepEqual(
        problems.map(({ path }) => path.join('/')),
        place === undefined ? [] : [place],
      );
    });
});

describe('filters', () => {
  for (const entry of ['public', 'Öffentlich x', '~/^a.*$/', '~/(?i)x/', '~/a\\/b/', '~/(a+)+$/'])
    test(`a schema may be ${entry}`, () => {
      assert.deepEqual(ofDatabase({ include: { schemas: [entry] } }), []);
      assert.deepEqual(ofDatabase({ exclude: { schemas: [entry], extensions: [entry] } }), []);
    });
  for (const entry of ['a.b', '"A b"."c.d"', 'a.~/x$/', '"A".~/x/', '~/^a\\.b$/', 'über.maß'])
    test(`a table may be ${entry}`, () => {
      const lists = { tables: [entry], tableData: [entry], indexes: [entry] };
      assert.deepEqual(ofDatabase({ exclude: lists, include: { tables: [entry] } }), []);
    });
  const bad: readonly [string, RegExp][] = [
    ['~/(?=a)b/', /look-around/],
    ['~/(a)\\1/', /back-references/],
    ['~/a(/', /regular expression/],
    ['~/a', /slash at its end/],
    ['~/[z-a]/', /regular expression/],
    ['~/a{1001}/', /regular expression/],
  ];
  for (const [entry, says] of bad)
    test(`${entry} cannot be one`, () => {
      const problems = [
        ...ofDatabase({ exclude: { schemas: [entry] } }),
        ...ofDatabase({ exclude: { tables: [entry] } }),
        ...ofDatabase({ include: { tables: [`a.${entry}`] } }),
      ];
      assert.equal(problems.length, 3);
      for (const { message, code } of problems) {
        assert.equal(code, 'FF704');
        assert.match(message, says);
      }
    });
  test('an empty entry, and one of the wrong type', () => {
    assert.deepEqual(short(ofDatabase({ exclude: { tables: ['', 1] } })), [
      'FF700 error databases/0/exclude/tables/0',
      'FF700 error databases/0/exclude/tables/1',
    ]);
  });
});

describe('two sources into one target, as far as the file tells', () => {
  const messages = (databases: readonly object[]) =>
    check({ databases }).problems.map(({ path, message }) => `${path.join('/')}: ${message}`);
  test('two entries', () => {
    const tables = {
      'a.x': { schema: 'c', name: 'y' },
      'b.x': { schema: 'c', name: 'y' },
      'c.z': { name: 'y' },
    };
    assert.deepEqual(messages([{ source: 'd', target: 'd', tables }]), [
      'databases/0/tables/b.x/name: b.x goes to c.y in d, and so does a.x.',
      'databases/0/tables/c.z/name: c.z goes to c.y in d, and so does a.x.',
    ]);
  });
  test('by the mapping of their schemas', () => {
    const database = {
      source: 'd',
      target: 'd',
      schemas: { a: 'c' },
      tables: { 'a.x': { where: 'true' }, 'b.x': { schema: 'c' } },
    };
    assert.deepEqual(messages([database]), [
      'databases/0/tables/b.x/schema: b.x goes to c.x in d, and so does a.x.',
    ]);
  });
  test('over databases that share a target', () => {
    const tables = { 'a.x': { name: 'y' } };
    const one = { source: 'one', target: 'd', tables };
    assert.deepEqual(messages([one, { source: 'two', target: 'd', tables }]), [
      'databases/1/tables/a.x/name: a.x goes to a.y in d, and so does a.x of one.',
    ]);
    assert.deepEqual(messages([one, { source: 'two', target: 'other', tables }]), []);
  });
  test('one that is left out takes no name, which is worth a warning', () => {
    const tables = { 'a.x': { name: 'y' }, 'a.z': { name: 'y' } };
    const { problems } = check({
      databases: [{ source: 'd', target: 'd', tables, exclude: { tables: ['a.x'] } }],
    });
    assert.deepEqual(short(problems), ['FF704 warning databases/0/tables/a.x']);
  });
  test('one table under two spellings', () => {
    const tables = { 'a.x': { name: 'y' }, '"a"."x"': { name: 'z' }, 'A.X': { where: 'true' } };
    assert.deepEqual(short(ofDatabase({ tables })), [
      'FF704 error databases/0/tables/"a"."x"',
      'FF704 error databases/0/tables/A.X',
    ]);
  });
});

test('row filters, with the offset in the filter', () => {
  const where = "name = '😀' AND x.id = 1";
  const [problem, ...more] = ofDatabase({
    tables: { 'a.b': { where }, 'a.c': { where: ' ' }, 'a.x': { where: 'x.id = 1' } },
  });
  assert.deepEqual(more, []);
  assert.equal(problem?.code, 'FF705');
  assert.deepEqual(problem?.path, ['databases', 0, 'tables', 'a.b', 'where']);
  assert.equal(problem?.offset, where.indexOf('x.id'));
});

test('20,000 entries cost ten times as much as 2,000', () => {
  const times = growth((count) => {
    const tables = Object.fromEntries(
      Array.from({ length: count }, (_, i) => [
        `s.t${i}`,
        { name: `u${i}`, ...(i % 10 === 0 && { where: 'id > 1' }) },
      ]),
    );
    return () => assert.deepEqual(ofDatabase({ tables }), []);
  }, 20_000);
  assert.ok(times < linear, String(times));
});
