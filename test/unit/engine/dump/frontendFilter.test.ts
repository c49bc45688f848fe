import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frontendFilter } from '../../../../src/engine/dump/frontendFilter.js';

function message(type: string, text: string): Buffer {
  const body = Buffer.from(`${text}\0`, 'utf8');
  const header = Buffer.alloc(5);
  header.write(type, 'latin1');
  header.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

test('rewrites the one query, however the messages are cut, and passes all other bytes on', () => {
  const padding = 'é'.repeat(9_000);
  const sent = Buffer.concat([
    message('Q', 'SELECT 1'),
    message('Q', `SELECT '${padding}', array_to_string(a.attoptions, ', ') AS attoptions`),
    message('P', `array_to_string(a.attoptions, ', ')`),
    message('X', ''),
  ]);
  const results = [1, 3, 8192, sent.length].map((size) => {
    const filter = frontendFilter();
    const out: Uint8Array[] = [];
    for (let at = 0; at < sent.length; at += size) {
      const passed = filter(new Uint8Array(sent.subarray(at, at + size)));
      if (passed !== undefined) out.push(passed);
    }
    return Buffer.concat(out);
  });
  for (const result of results) assert.deepEqual(result, results[0]);
  const expected = Buffer.concat([
    message('Q', 'SELECT 1'),
    message(
      'Q',
      `SELECT '${padding}', array_to_string(ARRAY(SELECT o FROM unnest(a.attoptions) o WHERE substr(o, 1, 10) <> 'pg_attver='), ', ') AS attoptions`,
    ),
    message('P', `array_to_string(a.attoptions, ', ')`),
    message('X', ''),
  ]);
  assert.deepEqual(results[0], expected);
});
