import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { loadParser } from '../../../src/ddl/parser.js';
import { rowFilterProblem } from '../../../src/ddl/rowFilter.js';

before(loadParser);

const table = { schema: 'public', name: 'orders' };
const good = [
  'id > 5',
  'true',
  'NOT paid',
  'paid',
  "state IN ('open', 'it''s; -- not a comment', E'back\\'slash)')",
  'orders.id > 5 AND public.orders.id < 9',
  '"orders"."Id" = 1',
  "(address).city = 'Köln 😀'",
  "lower(name) LIKE 'a%' OR (a, b) = (1, 2)",
  "created >= now() - interval '1 year'",
  "tags && ARRAY['x'] AND extract(year FROM created) = 2024",
  'coalesce(a, b)::text IS DISTINCT FROM c COLLATE "C"',
  'CASE WHEN a THEN b ELSE c END',
  '$tag$ ) OR ( $tag$ = name',
  '\n id\n=\r\n1\t',
  'own.count(id) > 1',
];
const bad: readonly [where: string, says: RegExp, offset: number][] = [
  ['', /empty/, 0],
  ['  \n', /empty/, 0],
  ['id >', /not complete/, 4],
  ['id > > 5', /Syntax error at or near/, 5],
  ['id = 5 ORDER BY id', /Syntax error at or near "ORDER"/, 7],
  ['id = 5 LIMIT 1', /Syntax error at or near "LIMIT"/, 7],
  ['id = 5 UNION SELECT 1', /Syntax error at or near "UNION"/, 7],
  ['id = 5; DROP TABLE x', /semicolon/, 6],
  ['id = 5;', /semicolon/, 6],
  ['true) OR (true', /never opened/, 4],
  ['(id = 5', /not closed/, 0],
  ['id = 5 -- all', /comment/, 7],
  ['id /* x */ = 5', /comment/, 3],
  ["name = 'x", /does not end/, 7],
  ['"name = 1', /does not end/, 0],
  ['name = $a$ x', /does not end/, 7],
  ['id = 5\0', /NUL/, 6],
  ["name = 'a\0b'", /NUL/, 9],
  ['id = (SELECT 1)', /subquery/, 5],
  ['SELECT 1', /subquery/, 0],
  ['EXISTS (SELECT FROM x)', /subquery/, 0],
  ['id IN (TABLE x)', /subquery/, 3],
  ['id = ANY (VALUES (1))', /subquery/, 3],
  ['customers.id = 5', /own table alone, not customers\.id/, 0],
  ['a = 1 AND other.orders.id = 5', /own table alone/, 10],
  ["name = '😀é' AND customers.id = 5", /own table alone/, 17],
  ['db.public.orders.id = 5', /own table alone/, 0],
  ['orders.*', /asterisk/, 0],
  ['count(*) > 1', /aggregate/, 0],
  ['1 < sum(id)', /aggregate/, 4],
  ['pg_catalog.max(id) = 1', /aggregate/, 0],
  ['own.f(DISTINCT id) = 1', /aggregate/, 0],
  ['rank() OVER (ORDER BY id) = 1', /window/, 0],
  ['json_arrayagg(id)', /aggregate/, 0],
  ['id = $1', /parameter/, 5],
  ['DEFAULT', /DEFAULT/, 0],
  ['a, b', /true or false/, 0],
  ['1', /true or false/, 0],
];

describe('a row filter', () => {
  for (const where of good)
    test(`takes ${JSON.stringify(where)}`, () => assert.equal(rowFilterProblem(where, table), undefined));
  for (const [where, says, offset] of bad)
    test(`refuses ${JSON.stringify(where)}`, () => {
      const problem = rowFilterProblem(where, table);
      assert.match(problem?.message ?? '', says);
      assert.match(problem?.message ?? '', /^\S.*\.$/s);
      assert.ok(Math.abs((problem?.offset ?? -1) - offset) <= 1, `at ${problem?.offset}, not ${offset}`);
    });

  test('places of trouble are counted as an editor counts, after what is longer than a character, too', () => {
    const where = "name = '😀ß€' AND id = = 1";
    assert.equal(rowFilterProblem(where, table)?.offset, where.lastIndexOf('='));
    const other = "name = '😀ß€' AND x.id = 1";
    assert.equal(rowFilterProblem(other, table)?.offset, other.indexOf('x.id'));
  });
  test('without a table nothing is qualified', () => {
    assert.match(rowFilterProblem('orders.id = 1')?.message ?? '', /own table/);
  });
  test('nonsense of any depth and length is answered, and the parser lives on', () => {
    for (const where of [
      '('.repeat(100_000),
      `${'('.repeat(50_000)}a${')'.repeat(50_000)}`,
      `${'NOT '.repeat(100_000)}a`,
      `a = 1${' + 1'.repeat(100_000)}`,
      'a'.repeat(2_000_000),
    ]) {
      const began = performance.now();
      assert.ok(rowFilterProblem(where, table));
      assert.ok(performance.now() - began < 5_000);
    }
    assert.equal(rowFilterProblem('id = 1', table), undefined);
    assert.equal(
      rowFilterProblem(`id IN (${Array.from({ length: 5_000 }, (_, i) => i).join(',')})`),
      undefined,
    );
  });
  test('whatever is cut out of conditions, what is taken closes no parenthesis and hides nothing', () => {
    const pieces = [...good, ...bad.map(([where]) => where)].join(' ');
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48271) % 2147483647;
      return seed % below;
    };
    let taken = 0;
    for (let round = 0; round < 3_000; round++) {
      const start = random(pieces.length);
      const where = pieces.slice(start, start + 1 + random(14));
      if (rowFilterProblem(where, table)) continue;
      taken++;
      // As the engine writes it: what follows must still be seen.
      assert.match(rowFilterProblem(`(\n${where}\n) AND count(*) > 1`, table)?.message ?? '', /aggregate/);
    }
    assert.ok(taken > 20, `${taken} were taken`);
  });
});
