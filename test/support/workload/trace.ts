import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Place, rowsThatDiffer } from '../compare.js';
import { describeDisturbance } from './disturbances.js';
import type { Running } from './seed.js';

const defaultTraces = resolve(__dirname, '../../../out/online');

/** What failed, and how to see it again. */
export function replay({ pair, options, ending, plan }: Running): string {
  const majors = `${pair.source.major}-${pair.target.major}`;
  const disturbed = plan.map(describeDisturbance).join(', ') || 'undisturbed';
  return [
    `seed ${options.seed} failed, PostgreSQL ${majors}, ends by ${ending}; ${disturbed}`,
    `again: FLEXFERRY_SEED=${options.seed} FLEXFERRY_PAIR=${majors} node test/run.mjs test/postgres/online.test.ts`,
  ].join('\n');
}

/** What the workload's own mistakes make a server say is not. */
const isOfInterest = (line: string): boolean =>
  !/ERROR: +(duplicate key|conflicting key|could not serialize|canceling statement|deadlock)/.test(line);

/** Everything that was said and done, for whoever looks for the reason; the folder where it is. */
export async function writeTrace(running: Running, error: unknown): Promise<string> {
  const { pair, options, database, copy, run, workload } = running;
  const majors = `${pair.source.major}-${pair.target.major}`;
  const folder = join(options.traces ?? defaultTraces, `seed-${options.seed}-${majors}`);
  mkdirSync(folder, { recursive: true });
  const write = (name: string, lines: readonly string[]): void =>
    writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
  const statements = workload.log.map(({ at, session, sql, failed }) => {
    const outcome = failed === undefined ? '' : ` -- ${failed}`;
    return `/* ${new Date(at).toISOString()} [${session}] */ ${sql};${outcome}`;
  });
  write('statements.sql', statements);
  write('setup.sql', [`${workload.schema.setup.join(';\n')};`]);
  write(
    'events.jsonl',
    run.events.map((event) => JSON.stringify(event)),
  );
  write('failure.txt', [replay(running), String(error), ...run.said]);
  for (const [name, server] of [
    ['source', pair.source],
    ['target', pair.target],
  ] as const)
    write(`${name}.log`, readFileSync(server.logFile, 'utf8').split('\n').filter(isOfInterest).slice(-500));
  const places: [Place, Place] = [
    { server: pair.source, database },
    { server: pair.target, database: copy },
  ];
  write('rows.txt', await rowsThatDiffer(...places).catch((failure: unknown) => [String(failure)]));
  return folder;
}
