import { setTimeout as sleep } from 'node:timers/promises';
import type { CutProxy } from '../postgres/cutProxy.js';
import type { TestServer } from '../postgres/embedded.js';
import type { TestTwin } from '../postgres/twin.js';
import type { Random } from './random.js';

/** What can happen to a migration. */
export const disturbanceKinds = [
  'kill',
  'interrupt',
  'cut source',
  'cut target',
  'restart source',
  'restart target',
  'crash source',
  'crash target',
  'end walsender',
  'end sessions on source',
  'end sessions on target',
] as const;
export type DisturbanceKind = (typeof disturbanceKinds)[number];

export interface Disturbance {
  readonly kind: DisturbanceKind;
  /** In the base copy, after so many events of the run; or while it follows, after so many milliseconds. */
  readonly when: { readonly events: number } | { readonly followingMs: number };
  /** Length of a cut. */
  readonly lastsMs: number;
}

/** Nothing for a third of the seeds, up to three for the others. */
export function planDisturbances(
  random: Random,
  kinds: readonly DisturbanceKind[] = disturbanceKinds,
): Disturbance[] {
  if (kinds.length === 0 || random.chance(1 / 3)) return [];
  const plan = Array.from({ length: random.between(1, 3) }, (): Disturbance => {
    const when = random.chance(0.4) ? { events: random.between(1, 60) } : { followingMs: random.below(700) };
    return { kind: random.pick(kinds), when, lastsMs: random.between(30, 400) };
  });
  // Those of the base copy come first, whatever was drawn.
  return [...plan.filter(({ when }) => 'events' in when), ...plan.filter(({ when }) => !('events' in when))];
}

export function describeDisturbance({ kind, when }: Disturbance): string {
  return 'events' in when
    ? `${kind} at event ${when.events}`
    : `${kind} after ${when.followingMs} ms of following`;
}

export interface Surroundings {
  readonly source: TestServer;
  readonly target: TestServer | TestTwin;
  readonly sourceDatabase: string;
  readonly targetDatabase: string;
  readonly sourceProxy: CutProxy | undefined;
  readonly targetProxy: CutProxy | undefined;
  /** Ends the process of the migration. */
  kill(signal: 'SIGKILL' | 'SIGINT'): void;
}

export const asSuperuser = (server: TestServer | TestTwin): TestServer['query'] =>
  'superQuery' in server ? server.superQuery.bind(server) : server.query.bind(server);

const ours = `pid <> pg_backend_pid() AND application_name LIKE 'flexferry%'`;

async function endSessions(server: TestServer | TestTwin, database: string, which: string): Promise<void> {
  await asSuperuser(server)(
    'postgres',
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND ${which}`,
    [database],
  );
}

async function cut(proxy: CutProxy | undefined, lastsMs: number): Promise<void> {
  proxy?.cut();
  await sleep(lastsMs);
  proxy?.heal();
}

/** Resolves when it is over and the servers can be reached again. */
export async function disturb({ kind, lastsMs }: Disturbance, around: Surroundings): Promise<void> {
  const { source, target, sourceDatabase, targetDatabase } = around;
  switch (kind) {
    case 'kill':
      return around.kill('SIGKILL');
    case 'interrupt':
      return around.kill('SIGINT');
    case 'cut source':
      return cut(around.sourceProxy, lastsMs);
    case 'cut target':
      return cut(around.targetProxy, lastsMs);
    case 'restart source':
      return source.restart();
    case 'restart target':
      return target.restart();
    case 'crash source':
      return source.restart({}, 'immediate');
    case 'crash target':
      return target.restart({}, 'immediate');
    case 'end walsender':
      return endSessions(source, sourceDatabase, `${ours} AND backend_type = 'walsender'`);
    case 'end sessions on source':
      return endSessions(source, sourceDatabase, ours);
    case 'end sessions on target':
      return endSessions(target, targetDatabase, ours);
  }
}
