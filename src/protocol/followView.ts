/**
 * What an online migration looks like and what may be done with it, decided in one place for dashboard, tree, status
 * bar and commands. Pure; words are found by whoever shows them.
 */
import type { CutoverSnapshot, DdlSeen, FollowSnapshot, FollowState, GateCheck } from './follow.js';
import type { DatabaseSnapshot, RunSnapshot } from './model.js';

/** A database that is followed, or was. */
export type FollowedDatabase = DatabaseSnapshot & { readonly follow: FollowSnapshot };

export function followedDatabases(snapshot: RunSnapshot | undefined): FollowedDatabase[] {
  return (snapshot?.databases ?? []).filter(
    (database): database is FollowedDatabase => database.follow !== undefined,
  );
}

/**
 * Nothing but following, cutting over or the way back goes on: a run in this state has no end of its own, so progress
 * that promises one is over.
 */
export function onlyFollows(snapshot: RunSnapshot | undefined): boolean {
  if (snapshot === undefined || snapshot.state === 'stopping') return false;
  let follows = false;
  for (const { state, follow } of snapshot.databases) {
    if (follow === undefined ? state === 'pending' || state === 'running' : follow.state === 'copying')
      return false;
    follows ||= follow !== undefined && follow.state !== 'finished';
  }
  return follows;
}

/** Where a cutover of all databases of a migration stands: the one that needs most decides. */
export type CutoverStage = 'before' | 'running' | 'holding' | 'undoing' | 'after';

export function cutoverStage(databases: readonly FollowedDatabase[]): CutoverStage {
  const has = (...states: readonly FollowState[]) =>
    databases.some(({ follow }) => states.includes(follow.state));
  if (has('undoing')) return 'undoing';
  if (has('cuttingOver')) return 'running';
  if (has('holding')) return 'holding';
  return has('copying', 'following') || databases.length === 0 ? 'before' : 'after';
}

/** What may be asked of a run that follows. */
export interface FollowCan {
  /** At least one database is followed and not yet cut over. */
  readonly cutOver: boolean;
  /** The same from the target to the source, on the way back. */
  readonly goBack: boolean;
  /** All databases of the group wait for the last step. */
  readonly confirm: boolean;
  readonly undo: boolean;
  readonly finish: boolean;
  readonly addTables: boolean;
}

export function followCan(all: readonly FollowedDatabase[], running: boolean): FollowCan {
  const databases = all.filter(({ follow }) => !follow.ended);
  const some = (...states: readonly FollowState[]) =>
    running && databases.some(({ follow }) => states.includes(follow.state));
  const isBack = databases.some(({ follow }) => follow.state === 'holding' && follow.isWayBack);
  const early = some(
    'copying',
    'following',
    'cuttingOver',
    'undoing',
    ...(isBack ? ['wayBack' as const] : []),
  );
  return {
    cutOver: some('following'),
    goBack: some('wayBack'),
    confirm: some('holding') && !early,
    undo: some('cuttingOver', 'holding'),
    finish: some('wayBack'),
    addTables: running && databases.some(({ follow }) => canAddTables(follow)),
  };
}

export const canAddTables = (follow: FollowSnapshot): boolean =>
  follow.state === 'following' && !follow.ended && follow.newTables.length > 0;

/** The write downtime of a group is that of its slowest member. Milliseconds; undefined before it begins. */
export function groupDowntime(databases: readonly FollowedDatabase[]): number | undefined {
  const times = databases.flatMap(({ follow }) => follow.cutover?.downtimeMs ?? []);
  return times.length === 0 ? undefined : Math.max(...times);
}

/** That of databases that were handed over, not of a cutover that was taken back. */
export function measuredDowntime(snapshot: RunSnapshot): number | undefined {
  return groupDowntime(
    followedDatabases(snapshot).filter(({ follow }) => follow.cutover?.handOver !== undefined),
  );
}

/** That of the cutover which handed the target over, where applications went back since. */
export function forwardDowntime(snapshot: RunSnapshot): number | undefined {
  const times = followedDatabases(snapshot).flatMap(({ follow }) => follow.forward?.downtimeMs ?? []);
  return times.length === 0 ? undefined : Math.max(...times);
}

export type Forecast = 'reconnecting' | 'fallingBehind' | 'stalled' | 'catchingUp' | 'upToDate';

/** Lag below which a stream counts as caught up, seconds: one batch and one look at the source. */
const freshSeconds = 2;
/** Lag from which on a target that takes nothing is worth a word, seconds: one transaction may take a while. */
const stalledSeconds = 10;

export function forecastOf(follow: FollowSnapshot): Forecast {
  if (follow.reconnecting) return 'reconnecting';
  // What grows from nothing to a second is a burst, whatever it looks like.
  if (follow.fallingBehind && follow.lagSeconds >= freshSeconds) return 'fallingBehind';
  if (follow.lagSeconds < freshSeconds) return 'upToDate';
  return follow.appliedBytesPerSecond === 0 && follow.lagSeconds >= stalledSeconds ? 'stalled' : 'catchingUp';
}

const hour = 3600;
/** Share of what the source may keep for a slot from which on it is worth a warning. */
const tightShare = 0.7;

/** How near the log that a slot needs is to being removed. */
export type SlotDanger = 'fine' | 'tight' | 'urgent' | 'lost';

export function slotDanger({ retainedBytes, ...slot }: FollowSnapshot['slot']): SlotDanger {
  if (slot.walStatus === 'lost') return 'lost';
  const left = slot.lostInSeconds ?? Number.POSITIVE_INFINITY;
  if (slot.walStatus === 'unreserved' || left < hour) return 'urgent';
  return left < 24 * hour || slotShare({ retainedBytes, ...slot }) > tightShare ? 'tight' : 'fine';
}

/** How much of what the source may keep for the slot it keeps, 0 to 1; 0 where it has no bound. */
export function slotShare({ retainedBytes, safeBytes }: FollowSnapshot['slot']): number {
  if (safeBytes === undefined) return 0;
  const all = retainedBytes + Math.max(0, safeBytes);
  return all === 0 ? 0 : retainedBytes / all;
}

/** What waits for the user: stopped tables, new ones while they can be added, and a follow that has ended. */
export function attentionCount(follow: FollowSnapshot): number {
  const ended = follow.ended ? 1 : 0;
  return ended + follow.stopped.length + (canAddTables(follow) ? follow.newTables.length : 0);
}

/** What can be told before a cutover is asked for; the cutover itself looks at more. */
export type EarlyCheck = Pick<GateCheck, 'verdict'> & {
  readonly check: 'base' | 'lag' | 'slot' | 'stoppedTables' | 'newTables' | 'errors';
};

/** Lag that does not lengthen a cutover noticeably, seconds. */
const shortLagSeconds = 10;

export function earlyChecks(follow: FollowSnapshot): EarlyCheck[] {
  if (follow.ended) return [{ check: 'errors', verdict: 'noGo' }];
  const danger = slotDanger(follow.slot);
  const slot = { fine: 'go', tight: 'go', urgent: 'warn', lost: 'noGo' } as const;
  return [
    ...(follow.state === 'copying' ? [{ check: 'base', verdict: 'noGo' } as const] : []),
    // How far it is behind nobody knows while the server cannot be asked.
    ...(follow.reconnecting
      ? []
      : [
          {
            check: 'lag',
            verdict:
              follow.lagSeconds <= shortLagSeconds && forecastOf(follow) !== 'fallingBehind' ? 'go' : 'warn',
          } as const,
        ]),
    { check: 'stoppedTables', verdict: follow.stopped.length === 0 ? 'go' : 'noGo' },
    // Tables are not added on the way back.
    ...(follow.isWayBack
      ? []
      : [{ check: 'newTables', verdict: follow.newTables.length === 0 ? 'go' : 'warn' } as const]),
    { check: 'slot', verdict: slot[danger] },
    { check: 'errors', verdict: follow.reconnecting ? 'noGo' : 'go' },
  ];
}

/** Checks of which the follow itself says how they stand now. */
const watched: ReadonlySet<string> = new Set(['lag', 'stoppedTables', 'newTables', 'slot']);

/** What the last cutover was refused for, less what can be seen to stand otherwise by now. */
export function standingRefusals(follow: FollowSnapshot): CutoverSnapshot['checks'] {
  const isSaid = earlyChecks(follow).some(({ check, verdict }) => check === 'errors' && verdict === 'noGo');
  return (follow.cutover?.checks ?? []).filter(
    ({ check, verdict }) => verdict === 'noGo' && !watched.has(check) && !(isSaid && check === 'errors'),
  );
}

/** Applications are back on the source: nothing of the migration goes on. */
export const wentBack = (snapshot: RunSnapshot | undefined): boolean =>
  followedDatabases(snapshot).some(({ follow }) => follow.wentBack);

/** The database whose state says most about the whole: one in a cutover, else the one that lags most. */
export function leadingDatabase(databases: readonly FollowedDatabase[]): FollowedDatabase | undefined {
  const rank: Record<FollowState, number> = {
    undoing: 0,
    cuttingOver: 1,
    holding: 2,
    copying: 3,
    following: 4,
    wayBack: 5,
    handedOver: 6,
    finished: 7,
  };
  const isEnded = ({ follow }: FollowedDatabase): number => (follow.ended ? 0 : 1);
  return [...databases].sort(
    (a, b) =>
      isEnded(a) - isEnded(b) ||
      rank[a.follow.state] - rank[b.follow.state] ||
      b.follow.lagSeconds - a.follow.lagSeconds,
  )[0];
}

/** What to do about DDL that was seen on the source. */
export const ddlAdvice =
  'run the same on the target; for columns the DDL that is shown for the stopped table, for new tables add them';

/** The DDL that was seen and that nobody has said to be dealt with. */
export function openDdl(seen: DdlSeen | undefined): DdlSeen | undefined {
  if (seen === undefined) return undefined;
  const total = seen.total - (seen.done ?? 0);
  return total > 0 ? { total, last: seen.last.slice(-total) } : undefined;
}
