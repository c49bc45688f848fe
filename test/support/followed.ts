/** Snapshots of followed databases, as a run pushes them, for tests of what is made of them. */
import { type CutoverSnapshot, cutoverSteps, type FollowSnapshot } from '../../src/protocol/follow.js';
import type { FollowedDatabase } from '../../src/protocol/followView.js';
import { type DatabaseSnapshot, phases, type RunSnapshot } from '../../src/protocol/model.js';

export const follow = (change: Partial<FollowSnapshot> = {}): FollowSnapshot => ({
  state: 'following',
  appliedLsn: '16/B374D848',
  sourceLsn: '16/B3751000',
  lagBytes: 12_400,
  lagSeconds: 0.4,
  transactions: 120,
  changes: 480,
  transactionsPerSecond: 4,
  changesPerSecond: 16,
  appliedBytesPerSecond: 1_300_000,
  sourceBytesPerSecond: 1_200_000,
  fallingBehind: false,
  spooledBytes: 0,
  slot: { name: 'flexferry_0123456789ab', retainedBytes: 48_000_000 },
  stopped: [],
  newTables: [],
  ...change,
});

export const stoppedTable = (name: string, change: Partial<FollowSnapshot['stopped'][number]> = {}) => ({
  schema: 'public',
  name,
  fault: { code: 'FF814', message: `A row of ${name} differs.`, fix: 'Correct it.' } as const,
  waiting: 3,
  since: 1_000,
  ...change,
});

/** A cutover whose first `done` steps are done. */
export const cutover = (done: number, change: Partial<CutoverSnapshot> = {}): CutoverSnapshot => ({
  fence: 'readOnly',
  checks: [],
  steps: cutoverSteps.map((step, index) => ({
    step,
    state: index < done ? 'done' : 'pending',
    ...(index < done && { startedAt: index * 1000, endedAt: index * 1000 + 500, detail: `did ${step}` }),
  })),
  ...change,
});

export const database = (source: string, followed?: FollowSnapshot): DatabaseSnapshot => ({
  source,
  target: source,
  state: 'running',
  phases: phases.map((phase) => ({ phase, state: 'done', done: 1, total: 1, failed: 0, skipped: 0 })),
  tablesDone: 1,
  tablesTotal: 1,
  bytes: 1000,
  bytesTotal: 1000,
  rows: 10,
  ...(followed && { follow: followed }),
});

export const followedDatabase = (source: string, change: Partial<FollowSnapshot> = {}): FollowedDatabase => ({
  ...database(source),
  follow: follow(change),
});

export const run = (
  databases: readonly DatabaseSnapshot[],
  change: Partial<RunSnapshot> = {},
): RunSnapshot => ({
  run: 'r',
  name: 'shop',
  source: 'a@one:5432',
  target: 'b@two:5432',
  state: 'running',
  startedAt: 0,
  databases,
  bytes: 1000,
  bytesTotal: 1000,
  rows: 10,
  bytesPerSecond: 0,
  fraction: 0.9,
  findings: [],
  reportDirectory: '/runs/r',
  ddlDirectory: '/ddl',
  ...change,
});
