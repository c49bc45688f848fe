/** What stands in a SQL file beside statements, and the names in them. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { DdlDocument } from '../../../src/ddl/document.js';
import { conflictsIn } from '../../../src/ddl/documentConflicts.js';
import { bodiesOf, nameChains } from '../../../src/ddl/documentNames.js';
import { openElementAt } from '../../../src/ddl/documentOpen.js';
import { skippedIn } from '../../../src/ddl/documentSkipped.js';
import { loadParser } from '../../../src/ddl/parser.js';
import { commentedOut } from '../../../src/protocol/skippedStatement.js';

before(loadParser);

function read(text: string): DdlDocument {
  const model = new DdlDocument();
  for (const _ of model.update(text));
  return model;
}

describe('skipped statements', () => {
  it('come back as they were, in every form', () => {
    const statements = [
      'SELECT 1;',
      "CREATE VIEW v AS\n\n  SELECT '-- 😀'\n;",
      'CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$\n-- flexferry: skipped\n-- inside\n$$;',
      "COMMENT ON SCHEMA s IS '\n-- Name: x; Type: TABLE; Schema: s; Owner: -\n';",
    ];
    for (const statement of statements) {
      for (const lineEnd of ['\n', '\r\n']) {
        const text = `SELECT 0;\n\n${statement}\n\nSELECT 2;\n`.replaceAll('\n', lineEnd);
        const written = statement.replaceAll('\n', lineEnd);
        const start = text.indexOf(written);
        const end = start + written.length;
        const after = text.slice(0, start) + commentedOut(text, start, end, 'FF404: why') + text.slice(end);
        const model = read(after);
        assert.equal(model.entries.length, 2, after);
        const [block, ...others] = skippedIn(model);
        assert.deepEqual(others, []);
        assert.equal(block?.text, written);
        assert.equal(block?.reason, 'FF404: why');
      }
    }
  });

  it('are none inside of statements, and nothing without lines', () => {
    const model = read(
      "SELECT '\n-- flexferry: skipped\n-- SELECT 1;\n';\n-- flexferry: skipped\n\n-- flexferry: skipped",
    );
    assert.deepEqual(skippedIn(model), []);
  });
});

describe('conflicts', () => {
  it('are found whole, with a base, alone, and in great number', () => {
    const text = '<<<<<<< yours\na\n||||||| base\nb\n=======\nc\n>>>>>>> generated\n>>>>>>> x\n=======\n';
    const [whole, alone, ...others] = conflictsIn(text);
    assert.deepEqual(whole?.sides, [
      { name: 'yours', text: 'a\n' },
      { name: 'generated', text: 'c\n' },
    ]);
    assert.equal(text.slice(alone?.start, alone?.end), '>>>>>>> x');
    assert.deepEqual(others, []);
    assert.equal(conflictsIn('<<<<<<< a\n'.repeat(100_000)).length, 100_000);
    assert.equal(conflictsIn(`${'<<<<<<< a\n'.repeat(50_000)}=======\n>>>>>>> b`).length, 50_000);
    assert.deepEqual(conflictsIn(' <<<<<<< a\n<<<<<<<<\nSELECT 1 <<<<<<< 2;'), []);
  });
});

describe('names in a text', () => {
  const namesIn = (text: string) =>
    nameChains(text).map(({ parts }) => parts.map(({ name, start, end }) => [name, text.slice(start, end)]));

  it('are folded, quoted, dotted, in strings and bodies, and never in comments', () => {
    assert.deepEqual(namesIn(`App . "T""1 😀".c`), [
      [
        ['app', 'App'],
        ['T"1 😀', '"T""1 😀"'],
        ['c', 'c'],
      ],
    ]);
    assert.deepEqual(namesIn(`'a."B c"' 'no name' 'x.y.z.w' E'a.b' 1e5 -- a.b`), [
      [
        ['a', 'a'],
        ['B c', '"B c"'],
      ],
    ]);
    assert.deepEqual(namesIn('$f$ x.y $$ z $$ $f$ /* a /* b */ c */ d'), [
      [
        ['x', 'x'],
        ['y', 'y'],
      ],
      [['z', 'z']],
      [['d', 'd']],
    ]);
    for (const open of ["'a", '"a', '$$a', '/* a', "E'a\\", 'a.', 'a."', '$']) namesIn(open);
  });

  it('know bodies and what is open', () => {
    const text = "AS $a$ ' $$ $a$ '$$' \"$$\" a$$b$$";
    assert.deepEqual(
      bodiesOf(text).map(({ start, end }) => text.slice(start, end)),
      [" ' $$ "],
    );
    const open = ["'a", "'a'", '-- a', '-- a\n', '/* a', "E'\\'", '$$ a', "$$ 'a", '$$ -- a', '"a', "'a'''"];
    assert.deepEqual(open.map(openElementAt), [
      ...['string', undefined, 'comment', undefined, 'comment', 'string', undefined, 'string', 'comment'],
      ...[undefined, undefined],
    ]);
  });
});
