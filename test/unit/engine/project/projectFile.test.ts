import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { Fault } from '../../../../src/engine/errors/fault.js';
import { parseProject, readProjectFile } from '../../../../src/engine/project/projectFile.js';
import { projectSchema } from '../../../../src/engine/project/projectSchema.js';
import { defaultOptions } from '../../../../src/protocol/project.js';

const good = {
  version: 1,
  name: 'harbour',
  source: { connection: 'postgresql://a@h/d' },
  target: { connection: 'host=h dbname=d', server: 'id' },
  databases: [{ source: 'd', target: 'd', includeSchemas: ['s'] }],
};
const parse = (data: unknown) =>
  parseProject(typeof data === 'string' ? data : JSON.stringify(data), 'p.flexferry.json');

function refusal(data: unknown, code = 'FF700'): string {
  try {
    parse(data);
  } catch (error) {
    assert.ok(error instanceof Fault && error.code === code, String(error));
    assert.match(error.message, /^p\.flexferry\.json/);
    return error.message;
  }
  assert.fail('accepted');
}

describe('a project file', () => {
  test('in full and at its shortest', () => {
    assert.deepEqual(parse(good), { ...good, options: defaultOptions });
    const options = { ...defaultOptions, jobs: 64 };
    assert.deepEqual(parse({ ...good, $schema: 'x', options }), { ...good, options });
  });
  test('with a byte order mark, as some editors write it', () => {
    assert.equal(parse(`\uFEFF${JSON.stringify(good)}`).name, 'harbour');
  });
  test('some options given, the others by default', () => {
    assert.deepEqual(parse({ ...good, options: { jobs: 2 } }).options, { ...defaultOptions, jobs: 2 });
  });
  test('malformed: the place is named', () => {
    assert.match(refusal('{"version": 1,'), /is not JSON/);
    assert.match(refusal(''), /is not JSON/);
    assert.match(refusal('[]'), /expected object/i);
    assert.match(refusal('null'), /expected object/i);
  });
  test('unknown keys, at any depth', () => {
    assert.match(refusal({ ...good, pasword: 'x' }), /pasword/);
    assert.match(refusal({ ...good, source: { connection: 'x', password: 'geheim' } }), /source: .*password/);
    assert.ok(!refusal({ ...good, source: { connection: 'x', password: 'geheim' } }).includes('geheim'));
    assert.match(refusal({ ...good, options: { job: 1 } }), /options: .*job/);
  });
  test('wrong types and values', () => {
    assert.match(refusal({ ...good, databases: 'all' }), /databases: .*array/);
    assert.match(refusal({ ...good, databases: [] }), /databases: /);
    assert.match(
      refusal({ ...good, databases: [{ source: 'a', target: 1 }] }),
      /databases\.0\.target: .*string/,
    );
    assert.match(refusal({ ...good, options: { jobs: '4' } }), /options\.jobs: .*number/);
    assert.match(refusal({ ...good, options: { jobs: 1.5 } }), /options\.jobs: .*int/);
    assert.match(refusal({ ...good, options: { jobs: 65 } }), /options\.jobs: .*64/);
    assert.match(refusal({ ...good, options: { dumpTool: 'psql' } }), /options\.dumpTool: /);
    assert.match(refusal({ ...good, name: '' }), /name: /);
    const { target: _, ...noTarget } = good;
    assert.match(refusal(noTarget), /target: /);
  });
  test('versions', () => {
    assert.match(refusal({ ...good, version: 2, novelty: true }, 'FF701'), /version 2.*knows 1/);
    assert.match(refusal({ ...good, version: 0 }), /version: /);
    assert.match(refusal({ ...good, version: '1' }), /version: /);
    const { version: _, ...none } = good;
    assert.match(refusal(none), /version: /);
  });
  test('two databases with one target', () => {
    const databases = [
      { source: 'a', target: 'same' },
      { source: 'b', target: 'same' },
    ];
    assert.match(refusal({ ...good, databases }), /same target same/);
    assert.equal(
      parse({ ...good, databases: [databases[0], { source: 'a', target: 'other' }] }).databases.length,
      2,
    );
  });
});

test('reading one from a folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flexferry-project-'));
  try {
    const path = join(folder, 'p.flexferry.json');
    await assert.rejects(
      readProjectFile(path),
      (e) => e instanceof Fault && e.code === 'FF700' && e.message.includes(path),
    );
    await assert.rejects(readProjectFile(folder), (e) => e instanceof Fault && e.code === 'FF700');
    writeFileSync(path, JSON.stringify(good));
    assert.equal((await readProjectFile(path)).name, 'harbour');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the JSON schema of the editor is that of the engine', () => {
  const file = join(__dirname, '../../../../media/project.schema.json');
  const wanted: unknown = z.toJSONSchema(projectSchema, { target: 'draft-7', io: 'input' });
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), JSON.parse(JSON.stringify(wanted)));
});
