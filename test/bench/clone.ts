/**
 * Clones about 1 GB (pgbench at scale 50 and a wide table) from PostgreSQL 13 to 17 with Flexferry and with
 * `pg_dump -Fd -j2 | pg_restore -j2`, in turns in one run, and prints the ratio. Needs pg_dump and pg_restore of
 * version 13 or newer on PATH; the data are made in SQL. `npm run bench [-- --runs N --scale N]`
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startServer, type TestServer } from '../support/postgres/embedded.js';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    scale: { type: 'string', default: '50' },
    jobs: { type: 'string', default: '2' },
  },
});
const runs = Number(values.runs);
const scale = Number(values.scale);
const cli = join(__dirname, '../../dist/cli.js');

/** The tables of pgbench -i, and one with wide rows of which some go to TOAST. */
const data = `
CREATE TABLE pgbench_branches (bid int NOT NULL, bbalance int, filler char(88));
CREATE TABLE pgbench_tellers (tid int NOT NULL, bid int, tbalance int, filler char(84));
CREATE TABLE pgbench_accounts (aid int NOT NULL, bid int, abalance int, filler char(84));
CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
CREATE TABLE wide (id bigint NOT NULL, name text, tags text[], document jsonb, body text, made timestamptz);
INSERT INTO pgbench_branches SELECT b, 0, '' FROM generate_series(1, ${scale}) b;
INSERT INTO pgbench_tellers SELECT t, (t - 1) / 10 + 1, 0, '' FROM generate_series(1, ${scale * 10}) t;
INSERT INTO pgbench_accounts SELECT a, (a - 1) / 100000 + 1, 0, '' FROM generate_series(1, ${scale * 100_000}) a;
INSERT INTO wide SELECT i, 'name ' || i, ARRAY['a' || i % 7, 'b' || i % 11], jsonb_build_object('i', i, 'text', repeat('x', i % 200)),
  repeat(md5(i::text), 4 + i % 30 + CASE WHEN i % 500 = 0 THEN 400 ELSE 0 END), '2024-01-01Z'::timestamptz + i * interval '1 s'
  FROM generate_series(1, ${scale * 8000}) i;
ALTER TABLE pgbench_branches ADD PRIMARY KEY (bid);
ALTER TABLE pgbench_tellers ADD PRIMARY KEY (tid);
ALTER TABLE pgbench_accounts ADD PRIMARY KEY (aid);
ALTER TABLE wide ADD PRIMARY KEY (id);
CREATE INDEX ON wide (name);
CREATE INDEX ON wide (made);
VACUUM ANALYZE`;

interface Measure {
  readonly seconds: number;
  /** Of the client processes together. */
  readonly cpuSeconds: number;
  readonly peakMegabytes: number;
}

/** Runs a command and measures it; rejects where it does not end with 0. */
function measure(command: string, args: readonly string[]): Promise<Measure> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(command, args, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, PGSSLMODE: 'disable' },
    });
    let peak = 0;
    let ticks = 0;
    const timer = setInterval(() => {
      try {
        const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
        peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
        const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
        ticks = [11, 12, 13, 14].reduce((sum, i) => sum + Number(stat[i] ?? 0), 0);
      } catch {
        // It has ended between two looks.
      }
    }, 50);
    child.on('error', reject);
    child.on('exit', (code) => {
      clearInterval(timer);
      const seconds = (performance.now() - began) / 1000;
      if (code === 0) resolve({ seconds, cpuSeconds: ticks / 100, peakMegabytes: peak });
      else reject(new Error(`${command} ended with ${code}`));
    });
  });
}

async function freshDatabase(target: TestServer, name: string): Promise<void> {
  await target.query('postgres', `DROP DATABASE IF EXISTS ${name}`);
  await target.query('postgres', `CREATE DATABASE ${name}`);
  await target.query('postgres', 'CHECKPOINT');
}

async function flexferry(source: TestServer, target: TestServer, folder: string): Promise<Measure> {
  await freshDatabase(target, 'flexferry_copy');
  return measure(process.execPath, [
    cli,
    'clone',
    '--source',
    source.uri('bench'),
    '--target',
    target.uri('flexferry_copy'),
    '--jobs',
    values.jobs,
    '--index-jobs',
    values.jobs,
    '--report',
    join(folder, 'report'),
  ]);
}

async function dumpAndRestore(source: TestServer, target: TestServer, folder: string): Promise<Measure> {
  await freshDatabase(target, 'dump_copy');
  const dump = join(folder, 'dump');
  rmSync(dump, { recursive: true, force: true });
  const out = await measure('pg_dump', ['-Fd', '-Z0', `-j${values.jobs}`, '-f', dump, source.uri('bench')]);
  const back = await measure('pg_restore', [`-j${values.jobs}`, '-d', target.uri('dump_copy'), dump]);
  return {
    seconds: out.seconds + back.seconds,
    cpuSeconds: out.cpuSeconds + back.cpuSeconds,
    peakMegabytes: Math.max(out.peakMegabytes, back.peakMegabytes),
  };
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'flexferry-bench-'));
  const settings = { shared_buffers: '256MB', max_wal_size: '4GB', maintenance_work_mem: '256MB' };
  const source = await startServer({ major: 13, settings });
  const target = await startServer({ major: 17, settings });
  try {
    await source.createDatabase('bench');
    for (const statement of data.split(';\n')) await source.query('bench', statement);
    const size = await source.query<{ size: string }>(
      'bench',
      'SELECT pg_size_pretty(pg_database_size(current_database())) AS size',
    );
    console.log(`database: ${size[0]?.size}, ${values.jobs} jobs, ${runs} runs each in turns`);
    const ours: Measure[] = [];
    const theirs: Measure[] = [];
    for (let run = 0; run < runs; run++) {
      for (const [name, list, job] of [
        ['flexferry clone (verified)', ours, flexferry],
        ['pg_dump | pg_restore (not verified)', theirs, dumpAndRestore],
      ] as const) {
        const result = await job(source, target, folder);
        list.push(result);
        console.log(
          `${name}: ${result.seconds.toFixed(2)} s, own CPU ${result.cpuSeconds.toFixed(2)} s, peak ${result.peakMegabytes.toFixed(0)} MB`,
        );
      }
      const report = JSON.parse(readFileSync(join(folder, 'report/report.json'), 'utf8')) as {
        snapshot: { databases: { phases: { phase: string; startedAt?: number; endedAt?: number }[] }[] };
      };
      const phases = report.snapshot.databases[0]?.phases ?? [];
      console.log(
        `  ${phases.map((p) => `${p.phase} ${(((p.endedAt ?? 0) - (p.startedAt ?? 0)) / 1000).toFixed(2)}`).join(', ')}`,
      );
    }
    const ratios = ours.map((o, i) => o.seconds / (theirs[i]?.seconds ?? 1));
    console.log(
      `median: flexferry ${median(ours.map((m) => m.seconds)).toFixed(2)} s, pg_dump | pg_restore ${median(theirs.map((m) => m.seconds)).toFixed(2)} s; ratio of pairs ${median(ratios).toFixed(2)}`,
    );
  } finally {
    await source.stop();
    await target.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
