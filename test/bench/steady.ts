import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunEvent } from '../../src/protocol/model.js';
import { distDir } from '../support/distDir.js';
import type { TestServer } from '../support/postgres/embedded.js';
import { pgbenchArguments, pgbenchProgram, tpcbSchema } from './backlogs.js';
import type { Servers } from './catchUp.js';
import { median, percentile, type Watched, watchProcess } from './watchProcess.js';

const cli = join(distDir, 'cli.js');
const scale = 10;
const heartbeat = 'CREATE TABLE heartbeat (id bigint PRIMARY KEY, at timestamptz)';

/** TPC-B at a given rate until `stop` is called. */
function load(source: TestServer, database: string, perSecond: number, seconds: number): Watched {
  if (pgbenchProgram === undefined) throw new Error('steady and cutover need pgbench');
  const more = ['-c', '8', '-j', '2', '-R', String(perSecond), '-T', String(seconds)];
  return watchProcess(pgbenchProgram, pgbenchArguments(source, database, scale, more));
}

interface Heart {
  /** Milliseconds from the commit on the source to the first look that saw it on the target, beat by beat. */
  readonly lags: number[];
  /** When the source last took a beat, milliseconds since the epoch. */
  lastBeat: number;
  readonly beats: number;
  stop(): Promise<void>;
}

/** Writes a row 20 times a second and watches for it on the other side, with the clock of this machine. */
async function startHeart(source: TestServer, target: TestServer, from: string, to: string): Promise<Heart> {
  const [writer, reader] = [await source.connect(from), await target.connect(to)];
  const sent = new Map<number, number>();
  let [stopping, beats, seen] = [false, 0, 0];
  const heart = { lags: [] as number[], lastBeat: 0 };
  const write = async (): Promise<void> => {
    for (; !stopping; await sleep(50)) {
      try {
        await writer.query('INSERT INTO heartbeat VALUES ($1, clock_timestamp())', [beats + 1]);
      } catch {
        // The source does not take writes any more.
        return;
      }
      beats += 1;
      heart.lastBeat = Date.now();
      sent.set(beats, heart.lastBeat);
    }
  };
  const read = async (): Promise<void> => {
    for (; !stopping || seen < beats; await sleep(10)) {
      const { rows } = await reader.query<{ last: string | null }>('SELECT max(id) AS last FROM heartbeat');
      const now = Date.now();
      for (const last = Number(rows[0]?.last ?? 0); seen < last; )
        heart.lags.push(now - (sent.get(++seen) ?? now));
    }
  };
  const both = Promise.all([write(), read()]);
  both.catch(() => undefined);
  return Object.assign(heart, {
    get beats() {
      return beats;
    },
    stop: async () => {
      stopping = true;
      await both;
      await Promise.all([writer.end(), reader.end()]);
    },
  });
}

const lagText = ({ lags }: Heart): string =>
  `lag median ${median(lags)} ms, p95 ${percentile(lags, 0.95)} ms, p99 ${percentile(lags, 0.99)} ms, max ${percentile(lags, 1)} ms over ${lags.length} beats`;

async function makeDatabase(source: TestServer, name: string): Promise<void> {
  await source.createDatabase(name);
  await source.query(name, `${tpcbSchema(scale)}; ${heartbeat}`);
  await source.query(name, 'VACUUM ANALYZE');
}

/** Runs `clone --online` and resolves once it follows. */
async function startOnline({ source, target }: Servers, database: string, folder: string) {
  let following = false;
  const events: RunEvent[] = [];
  const pair = ['--source', source.uri(database), '--target', target.uri(database)];
  const args = [cli, 'clone', '--online', ...pair, '--json', '--report', folder];
  const engine = watchProcess(process.execPath, args, (line) => {
    const event = JSON.parse(line) as RunEvent;
    events.push(event);
    if (event.event === 'follow' && event.state === 'following') following = true;
  });
  let failure: unknown;
  engine.ended.catch((error: unknown) => {
    failure = error;
  });
  while (!following) {
    if (failure !== undefined) throw failure;
    await sleep(20);
  }
  const cutOver = (fence: string): Promise<unknown> =>
    watchProcess(process.execPath, [cli, 'cutover', ...pair, '--fence', fence, '--yes']).ended;
  return { engine, events, cutOver };
}

/** A constant load while changes are followed: how old is what the target shows? */
export async function measureSteady(
  servers: Servers,
  perSecond: number,
  seconds: number,
  say: (line: string) => void,
): Promise<void> {
  const { source, target } = servers;
  const folder = mkdtempSync(join(tmpdir(), 'flexferry-bench-'));
  say(`steady: ${perSecond} TPC-B transactions a second for ${seconds} s`);
  const bench = async (database: string, to: string, name: string, more: () => string): Promise<void> => {
    const heart = await startHeart(source, target, database, to);
    const running = load(source, database, perSecond, seconds);
    await running.ended;
    await heart.stop();
    say(`  ${name}: ${lagText(heart)}${more()}`);
  };
  try {
    await makeDatabase(source, 'steady_native');
    await target.createDatabase('steady_native');
    await target.query('steady_native', `${tpcbSchema(scale)}; ${heartbeat}`);
    await source.query('steady_native', 'CREATE PUBLICATION bench FOR ALL TABLES');
    const connection = `host=127.0.0.1 port=${source.port} user=postgres dbname=steady_native`;
    await target.query(
      'steady_native',
      `CREATE SUBSCRIPTION bench CONNECTION '${connection}' PUBLICATION bench WITH (copy_data = false)`,
    );
    await bench('steady_native', 'steady_native', 'native', () => '');
    await target.query('steady_native', 'DROP SUBSCRIPTION bench');

    await makeDatabase(source, 'steady_ours');
    const { engine, cutOver } = await startOnline(servers, 'steady_ours', folder);
    await bench('steady_ours', 'steady_ours', 'flexferry', () => {
      const { cpuSeconds, peakMegabytes } = engine.usage();
      return `; engine ${cpuSeconds.toFixed(1)} s CPU, ${peakMegabytes.toFixed(0)} MB at most`;
    });
    await cutOver('none');
    await engine.ended;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Under load the source is fenced: how long can nobody write? */
export async function measureCutover(
  servers: Servers,
  perSecond: number,
  runs: number,
  say: (line: string) => void,
): Promise<void> {
  const { source, target } = servers;
  say(`cutover: fenced under ${perSecond} TPC-B transactions a second`);
  const measured: number[] = [];
  for (let run = 0; run < runs; run++) {
    const folder = mkdtempSync(join(tmpdir(), 'flexferry-bench-'));
    const database = `cutover_${run}`;
    try {
      await makeDatabase(source, database);
      const { engine, events, cutOver } = await startOnline(servers, database, folder);
      const running = load(source, database, perSecond, 60);
      running.ended.catch(() => undefined);
      const heart = await startHeart(source, target, database, database);
      await sleep(5000);
      await cutOver('read-only');
      await engine.ended;
      running.child.kill('SIGKILL');
      const handedOver = events.find(
        (e) => e.event === 'cutover' && e.step === 'handOver' && e.state === 'done',
      );
      const said = events.findLast((e) => e.event === 'cutover' && e.step === 'handOver');
      const downtime = (handedOver ? Date.parse(handedOver.at) : Number.NaN) - heart.lastBeat;
      measured.push(downtime);
      const steps = events.flatMap((e) =>
        e.event === 'cutover' ? [`${e.step} ${e.state} ${e.at.slice(17, 23)}`] : [],
      );
      say(
        `  ${downtime} ms from the last write on the source to the hand-over (${said?.event === 'cutover' ? (said.detail ?? '') : ''}); ${lagText(heart)}\n    ${steps.join(', ')}`,
      );
      await heart.stop();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  say(`  median: ${median(measured)} ms without writes`);
}
