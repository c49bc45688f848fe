/** Merging DDL of thousands of statements: nothing of either side is lost, whatever else changed. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findConflict, mergeDdl } from '../../../src/engine/schema/mergeDdl.js';

const count = 20_000;
const table = (at: number, columns = 'id int', schema = 'public'): string =>
  `CREATE TABLE ${schema}.t${at} (${columns});\n\nALTER TABLE ${schema}.t${at} OWNER TO me;\n\n`;
const file = (make: (at: number) => string): string =>
  Array.from({ length: count }, (_, at) => make(at)).join('');
const base = file((at) => table(at));

/** Milliseconds that even a busy machine does not need for what is linear. */
const limit = 5_000;
function merged(yours: string, generated: string): { text: string; conflicts: number } {
  const began = Date.now();
  const result = mergeDdl(base, yours, generated);
  assert.ok(Date.now() - began < limit, `${Date.now() - began} ms`);
  return result;
}

describe('20,000 tables', () => {
  test('edits far apart', () => {
    const both = (mine: boolean, theirs: boolean): string =>
      file((at) =>
        mine && at % 7 === 0
          ? table(at, 'id bigint')
          : theirs && at % 7 === 3
            ? table(at, 'id int, more text')
            : table(at),
      );
    const { text, conflicts } = merged(both(true, false), both(false, true));
    assert.equal(conflicts, 0);
    assert.ok(text === both(true, true));
  });

  test('a schema is renamed: an edit costs its own statement alone', () => {
    const yours = file((at) => table(at, at === 500 || at === 501 || at === 9000 ? 'id bigint' : 'id int'));
    const generated = file((at) => table(at, 'id int', 'other'));
    for (const [mine, theirs] of [
      [yours, generated],
      [generated, yours],
    ] as const) {
      const { text, conflicts } = merged(mine, theirs);
      assert.equal(conflicts, 3);
      assert.equal(text.match(/id bigint/g)?.length, 3);
      assert.equal(text.match(/ALTER TABLE other\./g)?.length, count);
      assert.equal(text.match(/ALTER TABLE public\./g), null);
    }
  });

  test('a schema is renamed, statements were added and taken out', () => {
    const yours = file((at) =>
      at === 700 ? '' : at === 800 ? `CREATE VIEW mine AS SELECT 1;\n\n${table(at)}` : table(at),
    );
    const { text, conflicts } = merged(
      yours,
      file((at) => table(at, 'id int', 'other')),
    );
    assert.ok(conflicts <= 2, String(conflicts));
    assert.match(text, /CREATE VIEW mine/);
    assert.ok((text.match(/CREATE TABLE other\./g)?.length ?? 0) >= count - 1);
  });

  test('everything differs on both sides: one conflict, both stand in it', () => {
    const yours = `${file((at) => table(at, 'id bigint', 'mine'))}SELECT 1;\n`;
    const generated = `${file((at) => table(at, 'id int', 'other'))}SELECT 2;\n\nSELECT 3;\n`;
    const { text, conflicts } = merged(yours, generated);
    assert.ok(conflicts > 0);
    assert.equal(text.match(/CREATE TABLE mine\./g)?.length, count);
    assert.equal(text.match(/CREATE TABLE other\./g)?.length, count);
  });

  test('thousands of conflicts', () => {
    const { conflicts } = merged(
      file((at) => table(at, at % 3 === 0 ? 'id bigint' : 'id int')),
      file((at) => table(at, at % 3 === 0 ? 'id text' : 'id int')),
    );
    assert.equal(conflicts, Math.ceil(count / 3));
  });

  test('thousands of equal statements', () => {
    const equal = (extra: (at: number) => string): string =>
      file((at) => `SET default_tablespace = '';\n\n${table(at, extra(at))}`);
    const began = Date.now();
    const { text, conflicts } = mergeDdl(
      equal(() => 'id int'),
      equal((at) => (at === 5 ? 'id bigint' : 'id int')),
      equal((at) => (at === 6 ? 'id text' : 'id int')),
    );
    assert.ok(Date.now() - began < limit);
    assert.equal(conflicts, 0);
    assert.match(text, /t5 \(id bigint\)/);
    assert.match(text, /t6 \(id text\)/);
  });
});

test('a marker stands at the beginning of its line, so that the conflict is found', () => {
  const { text, conflicts } = mergeDdl(
    'SELECT 1;\n\nSELECT 2;\n',
    'SELECT 1; SELECT 22;\n',
    'SELECT 1;\n\nSELECT 23;\n',
  );
  assert.ok(conflicts > 0);
  assert.ok(findConflict(text) >= 0, text);
  const one = mergeDdl('SELECT 1; SELECT 2;\n', 'SELECT 1; SELECT 22;\n', 'SELECT 1; SELECT 23;\n');
  assert.equal(one.conflicts, 1);
  assert.match(one.text, /^<{7} yours\nSELECT 22;\n={7}\nSELECT 23;\n>{7} generated$/m);
});
