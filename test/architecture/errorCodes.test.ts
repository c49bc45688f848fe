import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { type ErrorCodeEntry, errorCodes } from '../../src/protocol/errorCodes.js';

const root = resolve(__dirname, '../..');
const entries: readonly [string, ErrorCodeEntry][] = Object.entries(errorCodes);

test('every code has help that says what to do', () => {
  for (const [code, { help, azure }] of entries) {
    assert.match(code, /^FF[1-9]\d\d$/);
    assert.ok(help.length >= 25 && /[.!]$/.test(help) && /^([A-Z]|pg_dump)/.test(help), `${code}: ${help}`);
    if (azure !== undefined) assert.match(azure, /^603\d{3}$/, code);
  }
});

test('no two codes say the same', () => {
  const texts = entries.map(([, { help }]) => help);
  assert.deepEqual(
    texts.filter((text, index) => texts.indexOf(text) !== index),
    [],
  );
});

test('every code that the source names exists', () => {
  const used = new Map<string, string>();
  for (const file of readdirSync(join(root, 'src'), { recursive: true }).map(String)) {
    if (!file.endsWith('.ts') || file.endsWith('errorCodes.ts')) continue;
    for (const [code] of readFileSync(join(root, 'src', file), 'utf8').matchAll(/\bFF\d{3}\b/g))
      used.set(code, file);
  }
  assert.ok(used.size > 20, `only ${used.size} codes are used`);
  const unknown = [...used].filter(([code]) => !(code in errorCodes));
  assert.deepEqual(unknown, []);
});
