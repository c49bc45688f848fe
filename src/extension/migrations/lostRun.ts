/** A run that ended without a last word, as far as its events or its last snapshot tell. Pure. */
import { join } from 'node:path';
import type { FollowSnapshot, FollowState } from '../../protocol/follow.js';
import {
  type DatabaseSnapshot,
  type Phase,
  type PhaseSnapshot,
  phases,
  type RunEvent,
  type RunSnapshot,
  type WorkState,
} from '../../protocol/model.js';

/** Nothing but its state is known: no slot, no figures. */
const lostFollow = (state: FollowState): FollowSnapshot => ({
  state,
  appliedLsn: '',
  sourceLsn: '',
  lagBytes: 0,
  lagSeconds: 0,
  transactions: 0,
  changes: 0,
  transactionsPerSecond: 0,
  changesPerSecond: 0,
  appliedBytesPerSecond: 0,
  sourceBytesPerSecond: 0,
  fallingBehind: false,
  spooledBytes: 0,
  slot: { name: '', retainedBytes: 0 },
  stopped: [],
  newTables: [],
});

/**
 * Undefined where it never began. `events`: in their order, its first and as many of its last as are known. `figures`:
 * as it last wrote them down, which may be a few seconds before its last events.
 */
export function lostSnapshot(
  directory: string,
  run: string,
  events: readonly RunEvent[],
  figures?: RunSnapshot,
): RunSnapshot | undefined {
  const start = events.find((event) => event.event === 'start');
  if (start?.event !== 'start') return undefined;
  const lastEvent = Date.parse(events.at(-1)?.at ?? start.at);
  const last = figures ?? withoutFigures(start);
  return interruptedSnapshot(
    {
      ...last,
      state: 'running',
      databases: last.databases.map((database) => ({
        ...database,
        ...followLost(database, events),
        phases: phasesLost(database, events),
      })),
      reportDirectory: join(directory, 'runs', run),
      ddlDirectory: join(directory, 'ddl'),
    },
    Math.max(lastEvent, figures?.endedAt ?? 0),
  );
}

type StartEvent = Extract<RunEvent, { event: 'start' }>;

/** Nothing is counted: who shows it shows no figures. */
const withoutFigures = (start: StartEvent): RunSnapshot => ({
  run: start.run,
  name: start.run,
  source: start.source,
  target: start.target,
  state: 'running',
  startedAt: Date.parse(start.at),
  databases: start.databases.map((database) => ({
    ...database,
    state: 'pending',
    phases: [],
    tablesDone: 0,
    tablesTotal: 0,
    bytes: 0,
    bytesTotal: 0,
    rows: 0,
  })),
  bytes: 0,
  bytesTotal: 0,
  rows: 0,
  bytesPerSecond: 0,
  fraction: 0,
  findings: [],
  reportDirectory: '',
  ddlDirectory: '',
});

/** Events are written down at once: the last of them is the state. */
function followLost(
  { source, follow }: DatabaseSnapshot,
  events: readonly RunEvent[],
): Partial<DatabaseSnapshot> {
  const told = events.flatMap((event) =>
    event.event === 'follow' && event.database === source ? [event.state] : [],
  );
  const state = told.at(-1);
  if (state === undefined) return {};
  // From there on a cutover is one back.
  const isBack = told.includes('wayBack');
  const known = follow ?? lostFollow(state);
  return { follow: { ...known, state, ...(isBack && { isWayBack: true as const }) } };
}

function phasesLost(
  { source, phases: known }: DatabaseSnapshot,
  events: readonly RunEvent[],
): PhaseSnapshot[] {
  const told = new Map<Phase, WorkState>();
  for (const event of events)
    if (event.event === 'phase' && event.database === source) told.set(event.phase, event.state);
  return phases.flatMap((phase) => {
    const counted = known.find((one) => one.phase === phase);
    const state = told.get(phase);
    if (state === undefined) return counted ?? [];
    const one = counted ?? { phase, state, done: 0, total: 0, failed: 0, skipped: 0 };
    return { ...one, state, ...(state === 'done' && one.state !== 'done' && { done: one.total }) };
  });
}

/** What was last seen of a run whose engine has gone: nothing of it goes on. */
export function interruptedSnapshot(last: RunSnapshot, now: number): RunSnapshot {
  if (last.state !== 'running' && last.state !== 'stopping') return last;
  const idle = <Part extends { readonly state: string }>(part: Part): Part =>
    part.state === 'running' ? { ...part, state: 'pending' } : part;
  return {
    ...last,
    state: 'interrupted',
    endedAt: now,
    databases: last.databases.map((database) => ({ ...idle(database), phases: database.phases.map(idle) })),
  };
}
