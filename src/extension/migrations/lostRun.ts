/** A run that ended without a last word, as far as its events or its last snapshot tell. Pure. */
import { join } from 'node:path';
import type { FollowSnapshot, FollowState } from '../../protocol/follow.js';
import { type PhaseSnapshot, phases, type RunEvent, type RunSnapshot } from '../../protocol/model.js';

/** Nothing but its state is known: no slot, no figures. */
const lostFollow = (state: FollowState, isBack: boolean): FollowSnapshot => ({
  state,
  ...(isBack && { isWayBack: true as const }),
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

/** Undefined where it never began. `events`: in their order, its first and as many of its last as are known. */
export function lostSnapshot(
  directory: string,
  run: string,
  events: readonly RunEvent[],
): RunSnapshot | undefined {
  const start = events.find((event) => event.event === 'start');
  if (start?.event !== 'start') return undefined;
  const states = new Map<string, FollowState>();
  // From there on a cutover is one back.
  const back = new Set<string>();
  const seen = new Map<string, PhaseSnapshot>();
  for (const event of events) {
    if (event.event === 'follow') {
      states.set(event.database, event.state);
      if (event.state === 'wayBack') back.add(event.database);
    }
    if (event.event !== 'phase') continue;
    const state = event.state === 'running' ? 'pending' : event.state;
    const { phase } = event;
    seen.set(`${event.database}/${phase}`, { phase, state, done: 0, total: 0, failed: 0, skipped: 0 });
  }
  return {
    run: start.run,
    name: start.run,
    source: start.source,
    target: start.target,
    state: 'interrupted',
    startedAt: Date.parse(start.at),
    endedAt: Date.parse(events.at(-1)?.at ?? start.at),
    databases: start.databases.map((database) => {
      const followed = states.get(database.source);
      return {
        ...database,
        ...(followed && { follow: lostFollow(followed, back.has(database.source)) }),
        state: 'pending' as const,
        phases: phases.flatMap((phase) => seen.get(`${database.source}/${phase}`) ?? []),
        tablesDone: 0,
        tablesTotal: 0,
        bytes: 0,
        bytesTotal: 0,
        rows: 0,
      };
    }),
    bytes: 0,
    bytesTotal: 0,
    rows: 0,
    bytesPerSecond: 0,
    fraction: 0,
    findings: [],
    reportDirectory: join(directory, 'runs', run),
    ddlDirectory: join(directory, 'ddl'),
  };
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
