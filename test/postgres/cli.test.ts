import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { RunEvent } from '../../src/protocol/model.js';
import { assertNothingLeft, cliFolder, doneOf, poll, reportOf, runCli } from '../support/flexferry.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';

const cli = resolve(__dirname, '../../dist/cli.js');
let source: TestServer;
let target: TestTwin;

before(async () => {
  source = await startServer({ major: 13 });
  target = await startFlexibleServerTwin({ major: 17 });
  await source.createDatabase('shop');
  await source.query(
    'shop',
    `CREATE TABLE items (id int PRIMARY KEY, what text); INSERT INTO items SELECT i, 'thing ' || i FROM generate_series(1, 5000) i;
     CREATE INDEX ON items (what); CREATE TABLE empty (id int PRIMARY KEY REFERENCES items);
     SELECT lo_from_bytea(0, 'large')`,
  );
});
after(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
});

const both = (database: string): string[] => [
  'clone',
  '--source',
  source.uri('shop'),
  '--target',
  target.uri(database),
];

describe('without a server', () => {
  test('help and version go to stdout, exit 0', async () => {
    const help = await runCli(['--help'], { json: false });
    assert.deepEqual([help.code, help.stderr], [0, '']);
    assert.match(help.stdout, /^Usage: flexferry/);
    assert.equal((await runCli([], { json: false })).stdout, help.stdout);
    const { version } = JSON.parse(readFileSync(resolve(__dirname, '../../package.json'), 'utf8')) as {
      version: string;
    };
    assert.equal((await runCli(['--version'], { json: false })).stdout, `flexferry ${version}\n`);
  });

  test('usage errors: one clear line and what to do on stderr, nothing on stdout, exit 2', async () => {
    for (const args of [
      ['copy'],
      ['clone'],
      ['clone', '--source', 'x'],
      ['clone', '--jobs', '0', '--source', 'a', '--target', 'b'],
      ['run'],
      ['--no-such'],
      ['run', 'missing.flexferry.json'],
    ]) {
      const result = await runCli(args, { json: false });
      assert.equal(result.code, 2, args.join(' '));
      assert.equal(result.stdout, '');
      assert.match(result.stderr, /^FF70[02]: [^\n]+\n {4}[^\n]+\n$/);
    }
  });

  test('with --json they end with a done line, too', async () => {
    for (const args of [
      ['clone', '--json'],
      ['nonsense', '--json'],
      ['clone', '--json', '--no-such'],
    ]) {
      const result = await runCli(args, { json: false });
      const done = JSON.parse(result.stdout) as RunEvent;
      assert.ok(done.event === 'done');
      assert.deepEqual(
        [result.code, done.exitCode, done.state, done.fault?.code],
        [2, 2, 'refused', 'FF702'],
      );
    }
  });
});

describe('clone', () => {
  test('--json: nothing but JSON lines, in order, done last; the report says the same', async () => {
    using folder = cliFolder();
    const result = await runCli(both('by_json'), { folder });
    assert.equal(result.code, 0, result.stdout);
    assert.equal(result.stderr, '');
    assert.equal(result.events[0]?.event, 'start');
    const done = doneOf(result);
    assert.equal(result.events.filter((e) => e.event === 'done').length, 1);
    const times = result.events.map((e) => e.at);
    assert.deepEqual([...times].sort(), times);
    assert.deepEqual(
      [
        done.totals.databases,
        done.totals.tables,
        done.totals.rows,
        done.totals.largeObjects,
        done.totals.indexes,
      ],
      [1, 2, 5000, 1, 3],
    );
    assert.ok(
      done.tables.every((t) => t.equal && t.sourceChecksum === t.targetChecksum && t.sourceChecksum !== null),
    );
    const report = reportOf(folder);
    assert.deepEqual(report.totals, done.totals);
    assert.equal(report.snapshot.run, done.run);
    assert.equal(report.snapshot.bytes, done.totals.bytes);
    assert.deepEqual(report.snapshot.findings, done.findings);
    assert.equal(done.report, join(folder.report, 'report.html'));
    const log = readFileSync(join(folder.report, 'events.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((l) => JSON.parse(l) as RunEvent);
    assert.deepEqual(
      log,
      result.events.filter((e) => e.event !== 'progress'),
    );
    await assertNothingLeft(source, target, folder);
  });

  test('without a terminal: plain lines, the result, and where the report is', async () => {
    using folder = cliFolder();
    const result = await runCli(both('by_text'), { folder, json: false });
    assert.equal(result.code, 0, result.stderr);
    assert.ok(![...result.stdout].some((c) => c < ' ' && c !== '\n'), 'no control characters');
    assert.match(result.stdout, /^shop: Copying data$/m);
    assert.match(
      result.stdout,
      /^Migrated and verified: 2 tables, 5,000 rows, .* 2 of 2 tables verified equal; 0 skipped, 0 failed, 0 different\.$/m,
    );
    const path = /^Report: (.*)$/m.exec(result.stdout)?.[1] ?? '';
    assert.ok(existsSync(path));
    assert.ok(path.startsWith(join(folder.path, 'shop.flexferry/runs')), path);
  });

  test('on a terminal: a bar that is redrawn in place', async (t) => {
    using folder = cliFolder();
    const command = [process.execPath, cli, ...both('by_terminal')].map((a) => `'${a}'`).join(' ');
    const env = { PATH: process.env['PATH'], HOME: folder.home, TMPDIR: folder.temporary };
    const run = promisify(execFile);
    if (
      !(await run('script', ['--version']).then(
        () => true,
        () => false,
      ))
    )
      return t.skip('no script(1) to make a terminal');
    const { stdout } = await run('script', ['-qec', command, '/dev/null'], { cwd: folder.path, env });
    const bars = stdout.split('\r\u001b[K').filter((piece) => /^\[#*-*\] +\d+ %/.test(piece));
    assert.ok(bars.length > 0, JSON.stringify(stdout));
    assert.ok(bars.every((bar) => bar.length < 80));
    assert.match(stdout, /Migrated and verified: 2 tables/);
  });

  test('--restart after a success takes nothing back', async () => {
    using folder = cliFolder();
    await target.createDatabase('again');
    await target.query('again', 'CREATE TABLE own (id int)');
    const first = await runCli([...both('again'), '--yes'], { folder });
    assert.equal(first.code, 0, doneOf(first).fault?.message);
    // It left no checkpoints: what it made is the user's now.
    const second = await runCli([...both('again'), '--restart'], { folder });
    assert.deepEqual([second.code, doneOf(second).fault?.code], [3, 'FF202']);
  });

  test('a report folder that cannot be: exit 3 before anything is done', async () => {
    using folder = cliFolder();
    writeFileSync(join(folder.path, 'file'), '');
    const result = await runCli([...both('never'), '--json', '--report', join(folder.path, 'file/below')], {
      folder,
      json: false,
    });
    const done = JSON.parse(result.stdout) as RunEvent;
    assert.ok(done.event === 'done');
    assert.deepEqual([result.code, done.fault?.code], [3, 'FF703']);
    assert.deepEqual(
      await target.superQuery('postgres', `SELECT FROM pg_database WHERE datname = 'never'`),
      [],
    );
  });
});

describe('a reader that goes away', () => {
  /** Through a shell, as a user would; the exit code of the first program goes to a file. */
  async function pipe(
    folder: ReturnType<typeof cliFolder>,
    args: readonly string[],
    into: string,
  ): Promise<{ code: number; stderr: string }> {
    const script = `{ "$0" "$@"; echo $? > code.new; mv code.new code; } | ${into}`;
    const child = spawn('sh', ['-c', script, process.execPath, cli, ...args], {
      cwd: folder.path,
      env: { PATH: process.env['PATH'], HOME: folder.home, TMPDIR: folder.temporary },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    await poll(() => readdirSync(folder.path).includes('code'), 'the end', 20_000);
    return { code: Number(readFileSync(join(folder.path, 'code'), 'utf8')), stderr };
  }

  test('of the help', async () => {
    using folder = cliFolder();
    const { code, stderr } = await pipe(folder, ['--help'], 'true');
    assert.deepEqual([code, stderr], [0, '']);
  });

  test('of a run: it stops as on a signal and can be resumed', async () => {
    using folder = cliFolder();
    const { code, stderr } = await pipe(
      folder,
      [...both('piped'), '--json', '--report', folder.report],
      'head -1 > first',
    );
    assert.ok(code === 4 || code === 0, `exit ${code}`);
    assert.ok(!/at .*:\d+:\d+|EPIPE/.test(stderr), stderr);
    assert.match(readFileSync(join(folder.path, 'first'), 'utf8'), /^\{"event":"start"/);
    assert.equal(reportOf(folder).exitCode, code, 'the report is written all the same');
    await assertNothingLeft(source, target, folder);
    if (code === 4) assert.equal((await runCli(both('piped'), { folder })).code, 0);
  });
});
