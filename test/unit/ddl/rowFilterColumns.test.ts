import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { loadParser } from '../../../src/ddl/parser.js';
import { bareRowFilter } from '../../../src/ddl/rowFilterColumns.js';

before(loadParser);

describe('a row filter without the name of its table', () => {
  const cases: readonly [where: string, condition: string, columns: readonly string[]][] = [
    ['id > 5', 'id > 5', ['id']],
    ['true', 'true', []],
    ['orders.id > 5 AND public.orders.id < "B"', 'id > 5 AND id < "B"', ['id', 'B']],
    ['"Or""ders" . "Id" = \'é😀\' OR s.t.x = y', '"Id" = \'é😀\' OR x = y', ['Id', 'x', 'y']],
    ["'é' = orders.name", "'é' = name", ['name']],
    ["(orders.address).city = 'x'", "(address).city = 'x'", ['address']],
    ['(a > 1\n) AND (public.b.c\n)', '(a > 1\n) AND (c\n)', ['a', 'c']],
    ["lower(t.a) LIKE 't.a%' AND own.f(b) > 1", "lower(a) LIKE 't.a%' AND own.f(b) > 1", ['a', 'b']],
    [
      'CASE WHEN t.a THEN t.b ELSE c END COLLATE "C" > d::text',
      'CASE WHEN a THEN b ELSE c END COLLATE "C" > d::text',
      ['a', 'b', 'c', 'd'],
    ],
  ];
  for (const [where, condition, columns] of cases)
    test(where, () => {
      const bare = bareRowFilter(where);
      assert.equal(bare?.condition, condition);
      assert.deepEqual([...(bare?.columns ?? [])].sort(), [...columns].sort());
    });

  test('one that cannot be read', () => {
    assert.equal(bareRowFilter('id >'), undefined);
  });
});
