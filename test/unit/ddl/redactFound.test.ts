/** What cannot be parsed is told by its first words and the server's message: neither may repeat a password. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { classify } from '../../../src/ddl/classify.js';
import { loadParser } from '../../../src/ddl/parser.js';
import { redactSyntaxError } from '../../../src/ddl/redact.js';
import { splitStatements } from '../../../src/ddl/split.js';

before(loadParser);

test('the name of a broken statement ends before its first string', () => {
  for (const text of [
    "ALTER ROLE a PASSWORD 'S3cret",
    "CREAT USER MAPPING FOR a SERVER s OPTIONS (password 'S3cret');",
    'ALTER ROLE a PASSWORD $$S3cret$$ LOGI;',
    "SELECT dblink_connect(  E'S3cret' ,, 'x');",
  ]) {
    const [raw] = splitStatements(text);
    assert.ok(raw);
    const { object } = classify(raw);
    assert.match(object, /^statement "\w+/);
    assert.doesNotMatch(object, /S3c/);
  }
});

test('a syntax error does not repeat what may be a password', () => {
  for (const message of [
    `unterminated quoted string at or near "'S3cret);\n"`,
    `syntax error at or near "'S3cret'"`,
  ])
    assert.doesNotMatch(redactSyntaxError(message, "ALTER ROLE a PASSWORD 'S3cret'"), /S3cret| at or near/);
  const harmless = 'syntax error at or near "TABEL"';
  assert.equal(redactSyntaxError(harmless, 'CREATE TABEL t (id int)'), harmless);
});
