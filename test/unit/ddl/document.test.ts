/** An edited file is always what it would be if it were read anew. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { DdlDocument, largeDocument, type DdlDocument as Model } from '../../../src/ddl/document.js';
import { loadParser } from '../../../src/ddl/parser.js';

before(loadParser);

function take(model: Model, text: string): number {
  let steps = 0;
  for (const _ of model.update(text)) steps++;
  return steps;
}

function read(text: string): Model {
  const model = new DdlDocument();
  take(model, text);
  return model;
}

const seen = (model: Model) =>
  model.entries.map((entry) => [
    model.textOf(entry),
    entry.start,
    entry.known?.object,
    entry.known?.parseError,
    entry.known?.tocComment?.name,
  ]);

/** Replaces part of the text, as an editor does. */
function edit(model: Model, start: number, end: number, inserted: string): void {
  model.changed(start, end, inserted.length);
  take(model, model.text.slice(0, start) + inserted + model.text.slice(end));
}

/** Small, fast, repeatable. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const statement = (n: number) =>
  `--\n-- Name: t${n}; Type: TABLE; Schema: app; Owner: -\n--\n\nCREATE TABLE app.t${n} (\n  a text DEFAULT 'x''😀',\n  b int\n);\n\n`;
const body = (n: number) =>
  `CREATE FUNCTION app.f${n}() RETURNS text LANGUAGE sql AS $_$ SELECT 'a;'\n$_$;\n/* c; */ COMMENT ON SCHEMA app IS E'\\';';\n`;

describe('DdlDocument', () => {
  it('parses only what an edit touches', () => {
    const text = Array.from({ length: 300 }, (_, n) => statement(n)).join('');
    const model = read(text);
    const entries = [...model.entries];
    const at = text.indexOf('app.t150 (');
    edit(model, at, at + 3, 'application');
    const same = model.entries.filter((entry) => entries.includes(entry)).length;
    assert.ok(same >= 297, `${same} of 300 are the same objects`);
    assert.equal(model.entries[150]?.known?.object, 'table application.t150');
    assert.equal(
      model.textOf(model.entries[299] as (typeof model.entries)[number]).slice(0, 21),
      'CREATE TABLE app.t299',
    );
  });

  it('equals a file read anew after thousands of random edits', () => {
    const pieces = [
      ...[
        "'",
        '"',
        '$$',
        '$_$',
        '/*',
        '*/',
        '--',
        ';',
        '(',
        ')',
        '\n',
        ' ',
        '😀',
        '\r\n',
        '\0',
        '\uFEFF',
        'x',
        'E',
      ],
      ...[
        'BEGIN',
        'END',
        '\n<<<<<<< a\n',
        '\n=======\n',
        '\n>>>>>>> b\n',
        'SELECT 1;\n',
        '\\restrict k\n',
        '\\x',
      ],
      ...[
        statement(1),
        body(1),
        '\n--\n-- Name: z; Type: VIEW; Schema: app; Owner: -\n--\n\n',
        '-- flexferry: skipped\n',
      ],
    ];
    for (let seed = 1; seed <= 25; seed++) {
      const below = random(seed);
      const text = Array.from({ length: 12 }, (_, n) => (n % 2 ? statement(n) : body(n))).join('');
      const model = read(text);
      const history: string[] = [];
      for (let n = 0; n < 80; n++) {
        const start = below(model.text.length + 1);
        const end = Math.min(model.text.length, start + (below(3) === 0 ? below(200) : below(3)));
        const inserted = below(4) === 0 ? '' : (pieces[below(pieces.length)] ?? '');
        history.push(JSON.stringify([start, end, inserted]));
        edit(model, start, end, inserted);
        assert.deepEqual(seen(model), seen(read(model.text)), `seed ${seed}, after ${history.join(' ')}`);
      }
    }
  });

  it('takes several changes in at once, and a whole new text', () => {
    const text = `${statement(1)}${statement(2)}${statement(3)}`;
    const model = read(text);
    const first = text.indexOf('app.t1 ');
    model.changed(first, first + 3, 1);
    let now = `${text.slice(0, first)}a${text.slice(first + 3)}`;
    const last = now.indexOf('app.t3 ');
    model.changed(last, last + 3, 1);
    now = `${now.slice(0, last)}a${now.slice(last + 3)}`;
    take(model, now);
    assert.deepEqual(seen(model), seen(read(now)));
    model.changed(0, now.length, 9);
    take(model, 'SELECT 1;');
    assert.deepEqual(seen(model), seen(read('SELECT 1;')));
    model.changed(0, 9, 0);
    take(model, '');
    assert.equal(model.entries.length, 0);
  });

  it('finds the entry at an offset', () => {
    const model = read('SELECT 1;SELECT 2; \n SELECT 3');
    const at = (offset: number) => {
      const entry = model.entryAt(offset);
      return entry && model.textOf(entry);
    };
    assert.deepEqual([0, 8, 9, 18, 19, 21, 29].map(at), [
      ...['SELECT 1;', 'SELECT 1;', 'SELECT 2;', 'SELECT 2;', undefined, 'SELECT 3', 'SELECT 3'],
    ]);
  });

  it('looks only at what is edited in a very large file, with bounded work for broken ones', () => {
    const line = `SELECT '${'x'.repeat(9000)}';\n`;
    const model = read(line.repeat(Math.ceil(largeDocument / line.length) + 1));
    assert.ok(model.isLarge);
    assert.ok(model.entries.every((entry) => entry.known === undefined));
    edit(model, 0, 0, 'SELEC 1;\n');
    assert.equal(model.entries[0]?.known?.parseError?.offset, 0);
    assert.ok(model.entries.filter((entry) => entry.known !== undefined).length < 50);
  });

  it('gives a statement that is too long no tree', () => {
    const model = read(`SELECT 1;\nSELECT '${'x'.repeat(3 << 20)}';\nSELECT 3;`);
    assert.deepEqual(
      model.entries.map((entry) => [entry.tooLong ?? false, entry.known === undefined]),
      [
        [false, false],
        [true, true],
        [false, false],
      ],
    );
  });
});
