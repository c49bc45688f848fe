import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  defaultMajors,
  ensureMajor,
  type Major,
  majors,
  startServer,
  type TestServer,
} from '../support/postgres/embedded.js';
import { startFlexibleServerTwin } from '../support/postgres/twin.js';
import { type DisturbanceKind, disturbanceKinds } from '../support/workload/disturbances.js';
import { Random } from '../support/workload/random.js';
import { runSeed } from '../support/workload/run.js';
import { makeSchema } from '../support/workload/schema.js';
import {
  type Ending,
  endings,
  type Pair,
  type SeedOptions,
  sourceSettings,
} from '../support/workload/seed.js';
import { makeScript } from '../support/workload/transactions.js';

/**
 * Random changes while a database is migrated online, with kills, cuts and restarts: 30 seeds, or FLEXFERRY_SEEDS from
 * FLEXFERRY_FIRST_SEED on. FLEXFERRY_SEED=7 runs one again, FLEXFERRY_PAIR=13-17 between these majors only; what a
 * seed chooses is replaced by FLEXFERRY_KINDS, FLEXFERRY_WITHOUT (moves), FLEXFERRY_DISTURBANCES (none, or comma-separated), FLEXFERRY_ENDING,
 * FLEXFERRY_SESSIONS, FLEXFERRY_SIZE and FLEXFERRY_LATE (1 or 0: a table is added), to find out what a failure needs; FLEXFERRY_DECODE=1 adds the log of the source
 * to the trace.
 */
const environment = (name: string): string | undefined => process.env[`FLEXFERRY_${name}`];
const number = (name: string): number | undefined => {
  const text = environment(name);
  return text === undefined ? undefined : Number(text);
};
const list = (name: string): string[] | undefined => environment(name)?.split(',');

const all = environment('MAJORS') === 'all';
const targets: readonly Major[] = all ? [15, 16, 17, 18] : [17];
const sources: readonly Major[] = all ? majors : defaultMajors;
const pairs = sources
  .flatMap((source) => targets.filter((target) => target >= source).map((target) => ({ source, target })))
  // Every second target is a Flexible Server, the others let a superuser and an ordinary role in.
  .map((pair, index) => ({ ...pair, isFlexible: index % 2 === 0 }))
  .filter(({ source, target }) => [undefined, `${source}-${target}`].includes(environment('PAIR')));
const first = number('FIRST_SEED') ?? 1;
const one = number('SEED');
const seeds =
  one === undefined ? Array.from({ length: number('SEEDS') ?? 30 }, (_none, n) => first + n) : [one];

const isDisturbance = (text: string): text is DisturbanceKind =>
  (disturbanceKinds as readonly string[]).includes(text);

function optionsOf(seed: number): SeedOptions {
  const [only, without, wanted] = [list('KINDS'), list('WITHOUT'), list('DISTURBANCES')];
  const [size, sessions] = [number('SIZE'), number('SESSIONS')];
  const ending: Ending | undefined = endings.find((name) => name === environment('ENDING'));
  return {
    seed,
    ...(only && { only }),
    ...(without && { without }),
    ...(wanted && { disturbances: wanted.filter(isDisturbance) }),
    ...(ending && { ending }),
    ...(size && { size }),
    ...(sessions && { sessions }),
    ...(environment('LATE') !== undefined && { late: environment('LATE') === '1' }),
    ...(environment('DECODE') !== undefined && { decode: true }),
  };
}

async function startPair({ source, target, isFlexible }: (typeof pairs)[number]): Promise<Pair> {
  await ensureMajor(source);
  await ensureMajor(target);
  const from = await startServer({ major: source, settings: sourceSettings(source) });
  if (isFlexible) return { source: from, target: await startFlexibleServerTwin({ major: target }) };
  const to: TestServer = await startServer({ major: target });
  await to.query('postgres', 'CREATE ROLE mover LOGIN CREATEDB');
  return { source: from, target: to, plainRole: 'mover' };
}

describe('random changes', () => {
  test('are the same for the same seed', () => {
    for (const seed of ['1', '2', '3']) {
      const [schema, again] = [makeSchema(seed, 17), makeSchema(seed, 17)];
      assert.deepEqual(schema.setup, again.setup);
      assert.notDeepEqual(schema.setup, makeSchema(`${seed}1`, 17).setup);
      const scripts = [schema, again].map(({ subjects }) => {
        const random = new Random(seed);
        return Array.from({ length: 200 }, () => makeScript(subjects, random, { twoPhase: true }));
      });
      assert.deepEqual(scripts[0], scripts[1]);
    }
  });
});

describe('online migration under random changes', { concurrency: 2 }, () => {
  for (const [index, wanted] of pairs.entries()) {
    const { source, target } = wanted;
    const own = one === undefined ? seeds.filter((_seed, n) => n % pairs.length === index) : seeds;
    // One after the other: what disturbs one seed would disturb the others on the same servers.
    describe(`PostgreSQL ${source} to ${target}`, { concurrency: 1 }, () => {
      let pair: Pair;
      before(async () => {
        pair = await startPair(wanted);
      });
      after(() => Promise.all([pair?.source.stop(), pair?.target.stop()]));
      for (const seed of own)
        test(`seed ${seed}`, async () => {
          const { seconds, ending, plan, starts, counts } = await runSeed(pair, optionsOf(seed));
          console.log(
            `  seed ${seed}, ${source}-${target}: ${seconds.toFixed(1)} s, ${ending}, ${counts.committed} committed, ${counts.rolledBack} rolled back, ${starts} starts${plan.map((what) => `; ${what}`).join('')}`,
          );
        });
    });
  }
});
