import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asciiJson } from '../../../../src/engine/replication/apply/asciiJson.js';
import { bytesOfChange } from '../../../../src/engine/replication/apply/batch.js';
import { arrayLiteral, copyLines } from '../../../../src/engine/replication/apply/encodeRows.js';
import {
  changeOf,
  storedText,
  type TableChange,
} from '../../../../src/engine/replication/apply/parkedChanges.js';
import {
  type Relation,
  type Row,
  unchangedToast,
} from '../../../../src/engine/replication/pgoutputMessages.js';
import { applyTable } from './applyTables.js';

const odd: Row = [
  '',
  'NULL',
  null,
  '\\N',
  '\\.',
  '{}',
  '"',
  "'",
  'a,b;c:d',
  '\\',
  '\n',
  '\r',
  '\t',
  '\u0001',
  ' x ',
  'é日🚢',
];
const column = odd.map((value): Row => [value]);

describe('values as the server reads them', () => {
  test('one column as an array', () => {
    const literal = arrayLiteral(column, 0);
    assert.equal(
      literal,
      `{"","NULL",NULL,"\\\\N","\\\\.","{}","\\"","'","a,b;c:d","\\\\","\n","\r","\t","\u0001"," x ","é日🚢"}`,
    );
    assert.equal(arrayLiteral([['a'], [null], ['b']], 0, ';'), '{"a";NULL;"b"}');
    assert.equal(arrayLiteral([], 0), '{}');
  });

  test('rows of COPY, of all places or of some', () => {
    const text = (rows: readonly Row[], places?: readonly number[]): string =>
      Buffer.concat(copyLines(rows, 'utf8', places)).toString();
    assert.equal(
      text([odd]),
      [
        '',
        'NULL',
        '\\N',
        '\\\\N',
        '\\\\.',
        '{}',
        '"',
        "'",
        'a,b;c:d',
        '\\\\',
        '\\n',
        '\\r',
        '\\t',
        '\u0001',
        ' x ',
        'é日🚢',
      ]
        .join('\t')
        .concat('\n'),
    );
    assert.equal(text([['a', 'b', null]], [2, 0]), '\\N\ta\n');
    assert.equal(text([['']]), '\n');
    assert.equal(text([]), '');
    assert.deepEqual(copyLines([['\u00ff\u0080']], 'latin1'), [Buffer.from('ff800a', 'hex')]);
    const many = Array.from({ length: 300 }, (): Row => ['x'.repeat(2_000)]);
    const pieces = copyLines(many, 'utf8');
    assert.ok(pieces.length > 1 && pieces.every((piece) => piece.length < 300_000));
    assert.equal(Buffer.concat(pieces).length, 300 * 2_001);
  });

  test('a large value in several pieces, no character in two of them', () => {
    for (const [value, encoding] of [
      [`x${'🚢\t'.repeat(200_000)}`, 'utf8'],
      ['🚢'.repeat(300_000), 'utf8'],
      ['\u00ff'.repeat(600_000), 'latin1'],
    ] as const) {
      const pieces = copyLines([['1', value, null]], encoding);
      assert.ok(pieces.length > 2);
      const escaped = value.replaceAll('\t', '\\t');
      assert.equal(Buffer.concat(pieces).toString(encoding), `1\t${escaped}\t\\N\n`);
    }
  });

  test('JSON in ASCII comes back as it was', () => {
    const value = { é: '日🚢\u0000\u007f\u0080\u2028"\\', list: [null, '\ud800'] };
    const text = asciiJson(value);
    assert.match(text, /^[\x20-\x7f]*$/);
    assert.deepEqual(JSON.parse(text), value);
  });

  test('changes that wait come back as they were, each with its relation once', () => {
    const { relation } = applyTable({ columns: ['id*', 'é'] });
    const other: Relation = { ...relation, columns: relation.columns.slice(0, 1) };
    const changes: TableChange[] = [
      { kind: 'insert', relation, row: ['1', '\u00ff'] },
      { kind: 'update', relation, key: ['1', null], old: undefined, row: ['2', unchangedToast] },
      { kind: 'update', relation, key: undefined, old: ['1', ''], row: ['2', null] },
      { kind: 'delete', relation: other, key: ['1'], old: undefined },
      { kind: 'truncate', relation: { ...relation, columns: [...relation.columns] } },
    ];
    const relations: Relation[] = [];
    const texts = changes.map((change) => storedText(change, relations));
    assert.deepEqual(relations, [relation, other]);
    assert.deepEqual(
      texts.map((text) => changeOf(text, relations)),
      changes,
    );
    assert.equal(changeOf('{"k":"truncate","r":7}', relations), undefined);
  });

  test('all of a change counts for what a batch holds', () => {
    const { relation } = applyTable({ columns: ['id*', 'a'] });
    const large = 'x'.repeat(1_000);
    const insert = bytesOfChange({ kind: 'insert', relation, row: ['1', large] });
    assert.ok(insert > 1_000 && insert < 1_300);
    const update = bytesOfChange({
      kind: 'update',
      relation,
      key: undefined,
      old: ['1', large],
      row: ['1', large],
    });
    assert.ok(update > 2_000 && update < 2_600);
    assert.ok(bytesOfChange({ kind: 'delete', relation, key: undefined, old: ['1', large] }) > 1_000);
    // Many small values are more than their characters.
    const wide: Row = Array.from({ length: 1_600 }, () => 'f');
    assert.ok(bytesOfChange({ kind: 'insert', relation, row: wide }) > 1_600 * 30);
  });
});
