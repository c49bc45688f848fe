import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DoneEvent, RunEvent } from '../../../src/protocol/model.js';
import { type Disturbance, disturb } from './disturbances.js';
import { LateSubject } from './late.js';
import type { Ended } from './onlineRun.js';
import type { Ending, Running } from './seed.js';

const limitMs = 180_000;

/** Makes the disturbances of a plan happen, one after the other. */
class Trouble {
  /** Since the run was last started: what may have ended it. */
  excuses = 0;
  readonly #left: Disturbance[];
  #events = 0;
  #now: Promise<void> = Promise.resolve();

  constructor(private readonly running: Running) {
    this.#left = [...running.plan];
  }

  get isOver(): boolean {
    return this.#left.length === 0;
  }

  /** Until what happens now is over. */
  settled(): Promise<void> {
    return this.#now;
  }

  /** No more of them. */
  end(): void {
    this.#left.length = 0;
  }

  onEvent(event: RunEvent): void {
    if (event.event === 'progress') return;
    this.#events += 1;
    this.#begin(this.#left.find(({ when }) => 'events' in when && when.events <= this.#events));
  }

  /** Also what was to come in a base copy that was too short for it. */
  onFollowing(sinceMs: number): void {
    this.#begin(this.#left.find(({ when }) => !('followingMs' in when) || when.followingMs <= sinceMs));
  }

  #begin(due: Disturbance | undefined): void {
    if (due === undefined) return;
    this.excuses += 1;
    this.#left.splice(this.#left.indexOf(due), 1);
    const { pair, database, copy, run, proxies } = this.running;
    const [sourceProxy, targetProxy] = proxies;
    const around = { source: pair.source, target: pair.target, sourceProxy, targetProxy };
    const kill = (signal: 'SIGKILL' | 'SIGINT'): void => run.kill(signal);
    this.#now = this.#now.then(() =>
      disturb(due, { ...around, sourceDatabase: database, targetDatabase: copy, kill }),
    );
    this.#now.catch(() => undefined);
  }
}

/** Keeps a migration going through its disturbances, and ends it. Whatever comes of it, nothing happens any more then. */
export async function drive(running: Running): Promise<void> {
  const trouble = new Trouble(running);
  try {
    await untilQuiet(running, trouble);
    await endWith[running.ending](running);
    await running.workload.stop();
  } finally {
    trouble.end();
    await trouble.settled();
  }
}

/** Until every disturbance is over and changes were followed for a while since. */
async function untilQuiet(running: Running, trouble: Trouble): Promise<void> {
  const { run, options } = running;
  const late = new LateSubject(running);
  const start = (): void => run.start(['clone', '--online'], (event) => trouble.onEvent(event));
  start();
  let followingSince: number | undefined;
  for (const end = Date.now() + limitMs; ; await sleep(10)) {
    if (run.stopped !== undefined) throw new Error(run.stopped);
    if (Date.now() > end) throw new Error('it does not get to follow');
    if (run.hasEnded) {
      await trouble.settled();
      assertExcused(await run.ended(), trouble.excuses);
      trouble.excuses = 0;
      followingSince = undefined;
      start();
    } else if (run.isFollowing) {
      followingSince ??= Date.now();
      const sinceMs = Date.now() - followingSince;
      trouble.onFollowing(sinceMs);
      await Promise.all([trouble.settled(), late.begin()]);
      // What has just happened may have been its end.
      if (trouble.isOver && late.isTaken && run.isFollowing && sinceMs >= (options.followMs ?? 700)) return;
    } else followingSince = undefined;
  }
}

/** Only what happened to it may end it, and only so that the same command resumes or, early on, begins. */
function assertExcused(ended: Ended, excuses: number): void {
  if (excuses > 0 && (ended.signal === 'SIGKILL' || ended.code === 4 || ended.code === 3)) return;
  throw new Error(`it ended by itself: code ${ended.code}, signal ${ended.signal}\n${lastWords(ended)}`);
}

/** Its errors, and of the line with which it ended what tells why. */
function lastWords({ stdout, stderr }: Ended): string {
  const line = stdout.trimEnd().split('\n').at(-1) ?? '';
  if (!line.startsWith('{"event":"done"')) return `${stderr}\n${line.slice(0, 2000)}`;
  const { state, fault, findings, tables } = JSON.parse(line) as DoneEvent;
  const problems = findings.filter(({ severity }) => severity !== 'note');
  const unequal = tables.filter(({ equal }) => equal === false);
  return `${stderr}\n${JSON.stringify({ state, fault, problems, unequal }, undefined, 1)}`;
}

const endWith: Readonly<Record<Ending, (running: Running) => Promise<void>>> = {
  cutover: async (running) => {
    await running.workload.stop();
    await cutOver(running, 'none');
  },
  // While the sessions go on: it is the cutover that stops them.
  'fenced cutover': async (running) => {
    await running.workload.settle();
    await cutOver(running, 'read-only');
  },
  endpos: async ({ run, workload, pair, database, options: { seed } }) => {
    await workload.stop();
    run.kill('SIGINT');
    const interrupted = await run.ended(limitMs);
    assert.equal(interrupted.code, 4, lastWords(interrupted));
    const [row] = await pair.source.query<{ lsn: string }>(
      database,
      'SELECT pg_current_wal_flush_lsn()::text AS lsn',
    );
    const endpos = seed % 2 === 0 ? 'current' : (row?.lsn ?? '');
    run.start(
      [...(seed % 3 === 0 ? ['follow'] : ['clone', '--online']), '--endpos', endpos],
      () => undefined,
    );
    assertSuccess(await run.ended(limitMs));
  },
};

async function cutOver({ run }: Running, fence: 'none' | 'read-only'): Promise<void> {
  const cutover = await run.command('cutover', ['--fence', fence, '--yes'], limitMs);
  assert.equal(cutover.code, 0, `cutover: ${cutover.stdout}\n${cutover.stderr}\n${run.stopped ?? ''}`);
  assertSuccess(await run.ended(limitMs));
}

function assertSuccess(ended: Ended): void {
  assert.equal(ended.code, 0, `code ${ended.code}, signal ${ended.signal}\n${lastWords(ended)}`);
}
