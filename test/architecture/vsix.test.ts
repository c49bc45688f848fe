import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { packageExtension, vsixLimit } from '../support/package.mjs';

/** The names and unpacked sizes of a zip file's entries, from its central directory (PKWARE APPNOTE 4.3.12). */
function zipEntries(file: string): Map<string, number> {
  const bytes = readFileSync(file);
  const end = bytes.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  const entries = new Map<string, number>();
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left--) {
    const nameLength = bytes.readUInt16LE(at + 28);
    const name = bytes.toString('utf8', at + 46, at + 46 + nameLength);
    entries.set(name, bytes.readUInt32LE(at + 24));
    at += 46 + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return entries;
}

describe('the packaged extension', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ff-vsix-'));
  let file = process.env['FLEXFERRY_TEST_VSIX'] ?? '';
  let entries = new Map<string, number>();
  before(async () => {
    if (file === '') file = (await packageExtension(join(directory, 'flexferry.vsix'))).path;
    entries = zipEntries(file);
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  it(`is smaller than ${vsixLimit} MB`, () => {
    assert.ok(statSync(file).size < vsixLimit * 1e6, `${statSync(file).size} bytes`);
  });

  it('holds everything that runs', () => {
    const programs = [
      'extension.js',
      'engine.js',
      'cli.js',
      'languageClient.js',
      'languageServer.js',
      'pgDumpWorker.js',
      'pgDumpFactory.mjs',
    ];
    const needed = [...programs, 'pg_dump.wasm', 'libpg-query.wasm', 'webview/dashboard.js'];
    for (const name of needed)
      assert.ok((entries.get(`extension/dist/${name}`) ?? 0) > 500, `${name} is missing`);
    for (const name of ['package.json', 'package.nls.json', 'media/icon.png'])
      assert.ok(entries.has(`extension/${name}`), name);
    const texts = [...entries.keys()].map((name) => name.toLowerCase());
    for (const name of ['readme.md', 'changelog.md', 'license']) {
      assert.ok(
        texts.some((text) => text.startsWith(`extension/${name}`)),
        name,
      );
    }
  });

  it('holds neither sources, tests, source maps nor packages', () => {
    const others = /^extension\/(src|test|webview|node_modules|out|\.)|\.(ts|map|tsx)$|\.test\./;
    assert.deepEqual(
      [...entries.keys()].filter((name) => others.test(name)),
      [],
    );
  });
});
