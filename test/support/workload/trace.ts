import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Place, rowsThatDiffer } from '../compare.js';
import { asSuperuser, describeDisturbance } from './disturbances.js';
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
  write('state.txt', await targetState(running).catch((failure: unknown) => [String(failure)]));
  if (options.decode) write('decoded.txt', await decoded(running));
  const places: [Place, Place] = [
    { server: pair.source, database },
    { server: pair.target, database: copy },
  ];
  write('rows.txt', await rowsThatDiffer(...places).catch((failure: unknown) => [String(failure)]));
  return folder;
}

/** What the target keeps of the migration, as far as it is there. */
async function targetState({ pair, copy }: Running): Promise<string[]> {
  const lines: string[] = [];
  for (const table of ['follow', 'lane', 'followed', 'work', 'request', 'parked']) {
    const sql = `SELECT row_to_json(t)::text AS line FROM flexferry.${table} t LIMIT 500`;
    const rows = await asSuperuser(pair.target)<{ line: string }>(copy, sql);
    lines.push(`-- ${table}`, ...rows.map(({ line }) => line.slice(0, 1000)));
  }
  return lines;
}

/** The slot of {@link SeedOptions.decode}. */
export const decodingSlot = (database: string): string => `${database}_decoded`;

/** Every change since the sessions began, as test_decoding writes it. */
async function decoded({ pair, database }: Running): Promise<string[]> {
  const rows = await pair.source.query<{ lsn: string; xid: string; data: string }>(
    database,
    `SELECT lsn::text, xid::text, left(data, 400) AS data FROM pg_logical_slot_get_changes($1, NULL, NULL)`,
    [decodingSlot(database)],
  );
  return rows.map(({ lsn, xid, data }) => `${lsn} ${xid} ${data}`);
}
