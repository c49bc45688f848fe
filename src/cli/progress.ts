import { formatBytes, formatCount, formatSeconds, plural } from '../base/format.js';
import type { FollowSnapshot, FollowState } from '../protocol/follow.js';
import type { DoneEvent, Phase, RunEvent, RunSnapshot } from '../protocol/model.js';
import { followLine, stateTitles, stepLine } from './followText.js';

export interface Output {
  readonly isTTY: boolean;
  readonly columns: number;
  write(text: string): void;
}

/** Shows a run while it goes and what came of it. */
export interface Reporter {
  snapshot(snapshot: RunSnapshot): void;
  event(event: RunEvent): void;
}

const phaseTitles: Readonly<Record<Phase, string>> = {
  assess: 'Assessing',
  dump: 'Reading the schema',
  preData: 'Creating the schema',
  copy: 'Copying data',
  indexes: 'Building indexes',
  constraints: 'Adding constraints',
  postData: 'Finishing the schema',
  sequences: 'Setting sequences',
  analyze: 'Analyzing',
  follow: 'Following changes',
  cutover: 'Cutting over',
  verify: 'Verifying',
};

/** The last phase that has begun and not ended: what the user waits for. Following, and more so a cutover, first. */
export function currentPhase(snapshot: RunSnapshot): { phase: Phase; database: string } | undefined {
  const running = snapshot.databases.flatMap((d) =>
    d.phases.filter((p) => p.state === 'running').map((p) => ({ phase: p.phase, database: d.source })),
  );
  const of = (phase: Phase) => running.find((one) => one.phase === phase);
  return of('cutover') ?? of('follow') ?? running[0];
}

/** States in which changes come on their own, so that nothing that happens is news by itself. */
const goesOn: ReadonlySet<FollowState> = new Set<FollowState>([
  'following',
  'cuttingOver',
  'holding',
  'undoing',
  'wayBack',
]);

/** What is followed now, by key of the database; undefined where nothing is. */
export function followed(snapshot: RunSnapshot): Record<string, FollowSnapshot> | undefined {
  const found = snapshot.databases.flatMap(({ source, follow }) =>
    follow === undefined ? [] : [[source, follow] as const],
  );
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

const isFollowing = (snapshot: RunSnapshot): boolean =>
  snapshot.endedAt === undefined &&
  snapshot.databases.some(({ follow }) => follow !== undefined && goesOn.has(follow.state));

/** Until the run has ended: what a hand-over leaves is put away in silence, and another database may be followed yet. */
const isToldByClock = (snapshot: RunSnapshot): boolean =>
  snapshot.endedAt === undefined &&
  snapshot.databases.some(({ follow }) => follow !== undefined && follow.state !== 'copying');

/** Time between two lines while changes are followed, however quiet the source; less than a second. Milliseconds. */
const followEvery = 800;

/** One JSON object a line; `progress` about once a second, and never less often once changes are followed. */
export class JsonReporter implements Reporter {
  private last = 0;
  private latest: RunSnapshot | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly out: Output) {}

  snapshot(snapshot: RunSnapshot): void {
    this.latest = snapshot;
    if (!isToldByClock(snapshot)) {
      this.quiet();
      if (Date.now() - this.last >= 1000) this.progress(snapshot);
    } else if (this.timer === undefined) {
      // Snapshots come when something changes: from here on the clock says when there is a line.
      this.timer = setInterval(() => this.latest && this.progress(this.latest), followEvery).unref();
      this.progress(snapshot);
    }
  }

  event(event: RunEvent): void {
    if (event.event === 'done') this.quiet();
    this.out.write(`${JSON.stringify(event)}\n`);
  }

  private quiet(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private progress(snapshot: RunSnapshot): void {
    const phase = currentPhase(snapshot)?.phase ?? (isToldByClock(snapshot) ? 'follow' : undefined);
    if (phase === undefined) return;
    const now = Date.now();
    this.last = now;
    const sum = (pick: 'tablesDone' | 'tablesTotal'): number =>
      snapshot.databases.reduce((n, d) => n + d[pick], 0);
    const follow = followed(snapshot);
    this.event({
      event: 'progress',
      at: new Date(now).toISOString(),
      phase,
      bytes: snapshot.bytes,
      bytesTotal: snapshot.bytesTotal,
      rows: snapshot.rows,
      bytesPerSecond: Math.round(snapshot.bytesPerSecond),
      etaSeconds: snapshot.etaSeconds === undefined ? null : Math.round(snapshot.etaSeconds),
      tablesDone: sum('tablesDone'),
      tablesTotal: sum('tablesTotal'),
      ...(follow && { follow }),
    });
  }
}

const cutoverHint =
  'To cut over, call "flexferry cutover --source … --target …" from another terminal. Ctrl-C stops here; the same command goes on.';

/** A bar on a terminal, plain lines elsewhere. */
export class TextReporter implements Reporter {
  private lastLine = 0;
  private bar = false;
  private hinted = false;
  private wentBack = false;

  constructor(private readonly out: Output) {}

  snapshot(snapshot: RunSnapshot): void {
    this.wentBack = snapshot.databases.some(({ follow }) => follow?.wentBack === true);
    if (this.out.isTTY) {
      this.out.write(`\r\u001b[K${progressLine(snapshot, this.out.columns - 1)}`);
      this.bar = true;
      return;
    }
    const now = Date.now();
    if (now - this.lastLine < (isFollowing(snapshot) ? 10_000 : 5_000)) return;
    this.lastLine = now;
    this.out.write(`${progressLine(snapshot, 200)}\n`);
  }

  event(event: RunEvent): void {
    // Of following its own event tells more.
    if (event.event === 'phase' && event.state === 'running' && event.phase !== 'follow')
      this.line(`${event.database}: ${phaseTitles[event.phase]}`);
    if (event.event === 'finding') {
      const { severity, code, message, fix } = event.finding;
      this.line(
        `${severity === 'note' ? 'note' : severity.toUpperCase()} ${code}: ${message}${severity === 'note' ? '' : `\n    ${fix}`}`,
      );
    }
    if (event.event === 'table' && event.state === 'failed')
      this.line(`${event.database}: table ${event.schema}.${event.table} failed`);
    if (event.event === 'follow') this.follow(event.database, event.state);
    if (event.event === 'cutover' && event.state !== 'pending')
      this.line(`${event.database}: ${stepLine(event)}`);
    if (event.event === 'log' && event.level !== 'debug') this.line(event.message);
    if (event.event === 'done') this.done(event);
  }

  private follow(database: string, state: FollowState): void {
    this.line(`${database}: ${stateTitles[state]}`);
    if (state !== 'following' || this.hinted) return;
    this.hinted = true;
    this.line(cutoverHint);
  }

  private line(text: string): void {
    if (this.bar) this.out.write('\r\u001b[K');
    this.bar = false;
    this.out.write(`${text}\n`);
  }

  private done(event: DoneEvent): void {
    this.line(summary(event, this.wentBack));
  }
}

/** "[#######-----]  58 %  1.2 GB of 2.1 GB  310 MB/s  3 s left  Copying data"; while changes are followed, their lag. */
export function progressLine(snapshot: RunSnapshot, width: number): string {
  if (isFollowing(snapshot)) return followingLine(snapshot).slice(0, Math.max(20, width));
  const filled = Math.round(snapshot.fraction * 20);
  const current = currentPhase(snapshot);
  const parts = [
    `[${'#'.repeat(filled)}${'-'.repeat(20 - filled)}] ${String(Math.floor(snapshot.fraction * 100)).padStart(3)} %`,
    `${formatBytes(snapshot.bytes)} of ${formatBytes(snapshot.bytesTotal)}`,
    `${formatBytes(snapshot.bytesPerSecond)}/s`,
    ...(snapshot.etaSeconds === undefined ? [] : [`${formatSeconds(snapshot.etaSeconds)} left`]),
    ...(current ? [`${phaseTitles[current.phase]} (${current.database})`] : []),
  ];
  return parts.join('  ').slice(0, Math.max(20, width));
}

/** The database that lags most; how many there are besides. */
function followingLine(snapshot: RunSnapshot): string {
  const all = Object.entries(followed(snapshot) ?? {}).sort(([, a], [, b]) => b.lagSeconds - a.lagSeconds);
  const [first] = all;
  if (first === undefined) return '';
  const [database, follow] = first;
  const more = all.length > 1 ? ` (+${all.length - 1})` : '';
  const what = follow.isWayBack ? 'Way back' : phaseTitles[currentPhase(snapshot)?.phase ?? 'follow'];
  return `${what} (${database})${more}: ${followLine(follow)}`;
}

export function summary(event: DoneEvent, wentBack = false): string {
  const { totals } = event;
  const words: Record<DoneEvent['exitCode'], string> = {
    0: wentBack ? 'Applications are back on the source' : 'Migrated and verified',
    1: 'Finished, but not complete',
    2: 'Wrong usage',
    3: 'Not started',
    4: event.fault?.code === 'FF867' ? 'Cancelled' : 'Interrupted; the same command resumes',
  };
  const equal = event.tables.filter((t) => t.equal).length;
  return [
    ...(event.fault ? [`${event.fault.code}: ${event.fault.message}`, `    ${event.fault.fix}`] : []),
    `${words[event.exitCode]}: ${plural(totals.tables, 'table')}, ${plural(totals.rows, 'row')}, ${formatBytes(totals.bytes)} in ${formatSeconds(event.seconds)}; ` +
      `${formatCount(equal)} of ${formatCount(event.tables.length)} tables verified equal; ${totals.skipped} skipped, ${totals.failed} failed, ${totals.different} different.`,
    `Report: ${event.report}`,
  ].join('\n');
}
