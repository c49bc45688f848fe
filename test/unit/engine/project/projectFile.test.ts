import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { z } from 'zod';
import { loadParser } from '../../../../src/ddl/parser.js';
import { Fault } from '../../../../src/engine/errors/fault.js';
import { parseProject, readProjectFile } from '../../../../src/engine/project/projectFile.js';
import { projectSchema } from '../../../../src/engine/project/projectSchema.js';
import { defaultOptions } from '../../../../src/protocol/project.js';

before(loadParser);

const good = {
  version: 2,
  name: 'harbour',
  source: { connection: 'postgresql://a@h/d' },
  target: { connection: 'host=h dbname=d', server: 'id' },
  databases: [{ source: 'd', target: 'd', include: { schemas: ['s'] } }],
};
const parse = (data: unknown) =>
  parseProject(typeof data === 'string' ? data : JSON.stringify(data), 'p.flexferry.json');

function refusal(data: unknown, code = 'FF700'): string {
  try {
    parse(data);
  } catch (error) {
    assert.ok(error instanceof Fault && error.code === code, String(error));
    assert.match(error.message, /^p\.flexferry\.json/);
    assert.ok(!error.message.includes('\n'), 'one line');
    return error.message;
  }
  assert.fail('accepted');
}

describe('a project file', () => {
  test('in full and at its shortest', () => {
    assert.deepEqual(parse(good), { ...good, options: defaultOptions });
    const options = { ...defaultOptions, jobs: 64, roles: { a: 'b' } };
    assert.deepEqual(parse({ ...good, $schema: 'x', options }), { ...good, options });
  });
  test('with a byte order mark and other line ends, as some editors write it', () => {
    assert.equal(parse(`\uFEFF${JSON.stringify(good, null, 2).replaceAll('\n', '\r\n')}`).name, 'harbour');
  });
  test('some options given, the others by default', () => {
    assert.deepEqual(parse({ ...good, options: { jobs: 2 } }).options, { ...defaultOptions, jobs: 2 });
  });
  test('malformed: line and column are named', () => {
    assert.match(refusal('{\n  "version": 2,'), /is not JSON: line 2, column 1\d: /);
    assert.match(
      refusal('{\r\n  "version": 2\r\n  "name": "x"\r\n}'),
      /is not JSON: line 3, column 3: a comma/,
    );
    assert.match(refusal(''), /is not JSON: line 1, column 1/);
    assert.match(refusal('{ // why\n}'), /is not JSON: line 1, column 3: .*comments/);
    assert.match(refusal('[]'), /line 1: An object .* expected, not a list/);
    assert.match(refusal('null'), /line 1: An object .* expected, not null/);
    assert.match(refusal(`{"a":${'['.repeat(100_000)}`), /is not JSON: .*nested too deeply/);
    assert.match(refusal(`{"name": "a\0b"}`), /is not JSON/);
  });
  test('unknown keys, at any depth', () => {
    assert.match(refusal({ ...good, pasword: 'x' }), /pasword/);
    const withPassword = { ...good, source: { connection: 'x=1', password: 'geheim' } };
    assert.match(refusal(withPassword), /source\.password: .*never kept in a project file/);
    assert.ok(!refusal(withPassword).includes('geheim'));
    assert.match(refusal({ ...good, options: { job: 1 } }), /options\.job: .*"job" is unknown/);
    const old = { ...good, databases: [{ source: 'd', target: 'd', includeSchemas: ['s'] }] };
    assert.match(refusal(old), /databases\[0\]\.includeSchemas: .*it is include\.schemas/);
  });
  test('wrong types and values', () => {
    assert.match(refusal({ ...good, databases: 'all' }), /databases: A list .* not a text/);
    assert.match(refusal({ ...good, databases: [] }), /databases: At least one/);
    assert.match(
      refusal({ ...good, databases: [{ source: 'a', target: 1 }] }),
      /databases\[0\]\.target: A text .* not a number/,
    );
    assert.match(refusal({ ...good, options: { jobs: '4' } }), /options\.jobs: A number .* not a text/);
    assert.match(refusal({ ...good, options: { jobs: 1.5 } }), /options\.jobs: A whole number/);
    assert.match(refusal({ ...good, options: { jobs: 65 } }), /options\.jobs: At most 64/);
    assert.match(refusal({ ...good, options: { jobs: 0 } }), /options\.jobs: A number from 1/);
    assert.match(refusal({ ...good, options: { dumpTool: 'psql' } }), /options\.dumpTool: One of "auto", /);
    assert.match(refusal({ ...good, options: { grants: 'yes' } }), /options\.grants: True or false/);
    assert.match(refusal({ ...good, name: '' }), /name: The text is empty/);
    const { target: _, ...noTarget } = good;
    assert.match(refusal(noTarget), /target: This key is missing/);
  });
  test('the line, and how much more is wrong', () => {
    const text = JSON.stringify({ ...good, name: 7, databases: [{ source: 'a', target: 1 }] }, null, 2);
    const line = text.split('\n').findIndex((l) => l.includes('"name"')) + 1;
    assert.match(refusal(text), new RegExp(`, line ${line}: name: .* \\(and 1 more\\)$`));
  });
  test('versions', () => {
    assert.match(refusal({ ...good, version: 3, novelty: true }, 'FF701'), /version 3.*knows 2/);
    assert.match(refusal({ ...good, version: 0 }), /version: 2 is expected/);
    assert.match(refusal({ ...good, version: '2' }), /version: 2 is expected/);
    assert.match(refusal({ ...good, version: 1.5 }), /version: 2 is expected/);
    const { version: _, ...none } = good;
    assert.match(refusal(none), /version: This key is missing/);
  });
  test('several databases into one, and one into several', () => {
    const databases = [
      { source: 'a', target: 'same' },
      { source: 'b', target: 'same' },
      { source: 'a', target: 'other' },
    ];
    assert.equal(parse({ ...good, databases }).databases.length, 3);
    assert.match(
      refusal({ ...good, databases: [...databases, databases[0]] }, 'FF704'),
      /databases\[3\]: .*a goes to same already/,
    );
  });
  test('places inside of the mapping in words', () => {
    const databases = [
      { source: 'a', target: 'b', tables: { 'public.orders': { where: 'id = (SELECT 1)' } } },
    ];
    assert.match(
      refusal({ ...good, databases }, 'FF705'),
      /databases\[0\]\.tables\."public\.orders"\.where: .*subquery/,
    );
  });
});

/** As the release before wrote them. */
const version1 = {
  version: 1,
  name: 'harbour',
  source: { connection: 'host=h dbname=d user=a', server: 'id of source' },
  target: { connection: 'host=t dbname=d user=b', server: 'id of target' },
  databases: [
    { source: 'd', target: 'd', includeSchemas: ['s', 'T x'], excludeSchemas: ['u'] },
    { source: 'e', target: 'f' },
  ],
  options: { jobs: 2, indexJobs: 1, dumpTool: 'builtin', acceptNonEmptyTarget: true },
};

describe('a file of version 1', () => {
  test('says the same in the words of version 2', () => {
    assert.deepEqual(parse(version1), {
      ...version1,
      version: 2,
      databases: [
        { source: 'd', target: 'd', include: { schemas: ['s', 'T x'] }, exclude: { schemas: ['u'] } },
        { source: 'e', target: 'f' },
      ],
      options: { ...defaultOptions, jobs: 2, indexJobs: 1, dumpTool: 'builtin', acceptNonEmptyTarget: true },
    });
    const { options: _, ...short } = version1;
    assert.deepEqual(parse(short).options, defaultOptions);
  });
  test('what is wrong in it is told at its own place', () => {
    const databases = [{ source: 'd', target: 'd', excludeSchemas: ['u', 7] }];
    assert.match(refusal({ ...version1, databases }), /databases\[0\]\.excludeSchemas\[1\]: A text/);
    assert.match(refusal({ ...version1, databases: [{ source: 'd' }] }), /databases\[0\]\.target: .*missing/);
    assert.match(refusal({ ...version1, databases: 'x' }), /databases: A list/);
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
    writeFileSync(path, Buffer.from(JSON.stringify({ ...good, name: 'Köln' }), 'latin1'));
    await assert.rejects(
      readProjectFile(path),
      (e) => e instanceof Fault && e.code === 'FF700' && /not UTF-8/.test(e.message),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the JSON schema of the editor is that of the engine', () => {
  const file = join(__dirname, '../../../../media/project.schema.json');
  const wanted: unknown = z.toJSONSchema(projectSchema, { target: 'draft-7', io: 'input' });
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), JSON.parse(JSON.stringify(wanted)));
});
