import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { CutoverRecord } from '../../src/engine/cutover/steps.js';
import { dropRun } from '../../src/engine/run/checkpoint.js';
import { noteSaid, noteState } from '../../src/engine/run/followState.js';
import {
  type CutoverSnapshot,
  type CutoverStepSnapshot,
  cutoverSteps,
  type FollowRequest,
  type FollowState,
  type FollowStatus,
} from '../../src/protocol/follow.js';
import { CliRun, doneOf, poll, runCli } from '../support/flexferry.js';
import { FollowedPair, quiet, takeRequests } from '../support/followRows.js';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { flushedCommits } from '../support/replication.js';

const secret = 'S3cret-7f3a';
let server: TestServer;
before(async () => {
  server = await startServer({ major: 17, settings: flushedCommits });
});
after(() => server?.stop());

/** Both on one server. */
const pairOf = () => FollowedPair.create(server, server);
/** With a password that nobody asks for, but that must not be repeated. */
const ends = (pair: FollowedPair): string[] => [
  '--source',
  pair.sourceUri.replace('postgres@', `postgres:${secret}@`),
  '--target',
  pair.targetUri.replace('postgres@', `postgres:${secret}@`),
];
async function call(pair: FollowedPair, command: string, ...args: string[]) {
  const result = await runCli([command, ...ends(pair), ...args], { json: false });
  assert.ok(!`${result.stdout}${result.stderr}`.includes(secret), 'repeats a password');
  return result;
}

/** Plays the part of the run: holds the target, takes requests, says how far it is. */
class PlayedRun implements AsyncDisposable {
  private constructor(
    private readonly pair: FollowedPair,
    private readonly session: Awaited<ReturnType<FollowedPair['run']>>,
  ) {}
  static async begin(pair: FollowedPair): Promise<PlayedRun> {
    return new PlayedRun(pair, await pair.run());
  }
  async asked<C extends FollowRequest['command']>(
    command: C,
  ): Promise<Extract<FollowRequest, { command: C }>> {
    let found: FollowRequest[] = [];
    await poll(async () => {
      found = await takeRequests(this.session, this.pair.source);
      return found.length > 0;
    }, 'a request');
    assert.deepEqual(
      found.map((request) => request.command),
      [command],
    );
    return found[0] as Extract<FollowRequest, { command: C }>;
  }
  async say(state: FollowState, cutover?: CutoverSnapshot): Promise<void> {
    await noteState(this.session, this.pair.source, { state });
    await noteSaid(this.session, this.pair.source, { ...quiet, state, ...(cutover && { cutover }) });
  }
  /** Writes down how the cutover stands; what is said of it once a second comes later. */
  async record(state: FollowState, cutover: CutoverRecord): Promise<void> {
    await noteState(this.session, this.pair.source, { state, cutover });
  }
  /** As a run that succeeded. */
  async succeed(): Promise<void> {
    await dropRun(this.session);
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.session.close();
  }
}

const at = (
  id: string,
  done: number,
  last: CutoverStepSnapshot['state'],
  more: Partial<CutoverSnapshot> = {},
): CutoverSnapshot => ({
  id,
  fence: 'none',
  checks: [{ check: 'lag', verdict: 'go', message: 'No lag.' }],
  steps: cutoverSteps.map((step, i) => ({ step, state: i < done ? 'done' : i === done ? last : 'pending' })),
  ...more,
});
const untilSaid = (run: CliRun, words: string): Promise<void> =>
  poll(() => run.stdout.includes(words), `${words} in ${run.stdout}${run.stderr}`);

describe('status', () => {
  test('one JSON object; text for people; nothing is no fault', async () => {
    await using pair = await pairOf();
    const none = await call(pair, 'status', '--json');
    assert.equal(none.code, 0, none.stderr);
    assert.deepEqual(Object.keys(JSON.parse(none.stdout) as object), ['source', 'target', 'running']);
    const slot = await pair.begin();
    await using run = await PlayedRun.begin(pair);
    await run.say('following');
    const json = await call(pair, 'status', '--json');
    assert.equal(json.stdout.trimEnd().split('\n').length, 1);
    const { follow, running } = JSON.parse(json.stdout) as FollowStatus;
    assert.ok(follow);
    assert.equal(running, true);
    for (const figure of [
      follow.lagBytes,
      follow.lagSeconds,
      follow.changesPerSecond,
      follow.transactionsPerSecond,
      follow.sourceBytesPerSecond,
      follow.appliedBytesPerSecond,
      follow.slot.retainedBytes,
    ])
      assert.equal(typeof figure, 'number');
    const text = await call(pair, 'status');
    assert.match(text.stdout, /: following changes\nrun {10}at work/);
    assert.match(text.stdout, /^log kept {5}\S+ \S+ on the source by slot said \(reserved\)/m);
    assert.notEqual(slot, 'said');
  });
});

describe('cutover', () => {
  test('waits until the run has handed over, and tells each step', async () => {
    await using pair = await pairOf();
    await pair.begin();
    await using run = await PlayedRun.begin(pair);
    await run.say('following');
    const command = new CliRun(['cutover', ...ends(pair), '--fence', 'read-only', '--verify=full'], {
      json: false,
    });
    const request = await run.asked('cutover');
    const { id, ...rest } = request;
    assert.deepEqual(rest, {
      command: 'cutover',
      fence: 'readOnly',
      verify: 'full',
      hold: false,
      force: false,
      wayBack: false,
    });
    await run.say('cuttingOver', at(id, 2, 'running'));
    await untilSaid(command, 'apply the last changes: begins');
    assert.match(command.stdout, /^Go or no-go:\n {2}go {5}lag: No lag\.$/m);
    const handOver = { connection: 'host=new dbname=shop', todo: ['Restart the pool.'] };
    await run.say('handedOver', at(id, 8, 'done', { downtimeMs: 900, handOver }));
    const result = await command.result;
    assert.equal(result.code, 0, result.stderr);
    assert.match(
      result.stdout,
      /Handed over\.\nWrite downtime: 0\.9 s\.\nApplications connect to: host=new dbname=shop\n {2}- Restart the pool\.\n$/,
    );
    assert.ok(!result.stdout.includes(secret));
  });

  test('a run that removes all it kept has succeeded', async () => {
    await using pair = await pairOf();
    await pair.begin();
    await using run = await PlayedRun.begin(pair);
    const command = new CliRun(['cutover', ...ends(pair), '--yes'], { json: false });
    const { id, fence } = await run.asked('cutover');
    assert.equal(fence, 'none');
    await run.say('cuttingOver', at(id, 7, 'running'));
    await untilSaid(command, 'hand over: begins');
    await run.succeed();
    assert.equal((await command.result).code, 0);
  });

  test('a no-go is exit 1 with its reason', async () => {
    await using pair = await pairOf();
    await pair.begin();
    await using run = await PlayedRun.begin(pair);
    const command = new CliRun(['cutover', ...ends(pair)], { json: false });
    const { id } = await run.asked('cutover');
    const checks = [
      { check: 'stoppedTables', verdict: 'noGo', message: '1 table is stopped.', fix: 'Retry it.' },
    ] as const;
    await run.say('following', at(id, 0, 'failed', { checks }));
    const result = await command.result;
    assert.equal(result.code, 1);
    assert.match(result.stdout, /NO-GO {2}stoppedTables: 1 table is stopped\.\n {9}Retry it\./);
    assert.match(result.stdout, /Not handed over: the source is as before/);
  });

  test('one that is taken back before the run says anything of it has its reason all the same', async () => {
    await using pair = await pairOf();
    await pair.begin();
    await using run = await PlayedRun.begin(pair);
    await run.say('following');
    const command = new CliRun(['cutover', ...ends(pair)], { json: false });
    const request = await run.asked('cutover');
    await run.record('cuttingOver', { ...at(request.id, 0, 'running'), request });
    const fault = { code: 'FF846', message: 'Source and target differ.', fix: 'Copy again.' } as const;
    await run.record('following', { ...at(request.id, 0, 'undone', { fault }), request });
    const result = await command.result;
    assert.equal(result.code, 1);
    assert.match(result.stdout, /cutover: go or no-go: taken back/);
    assert.match(result.stdout, /^FF846: Source and target differ\.\n {4}Copy again\.\nNot handed over/m);
  });

  test('held, and confirmed or undone by another call', async () => {
    await using pair = await pairOf();
    await pair.begin();
    await using run = await PlayedRun.begin(pair);
    const first = new CliRun(['cutover', ...ends(pair), '--hold'], { json: false });
    const { id, hold } = await run.asked('cutover');
    assert.equal(hold, true);
    await run.say('holding', at(id, 7, 'pending'));
    await untilSaid(first, 'cutover --confirm');
    const undo = new CliRun(['cutover', ...ends(pair), '--undo'], { json: false });
    await run.asked('undo');
    await run.say('undoing', at(id, 6, 'undone'));
    await run.say('following');
    assert.deepEqual([(await first.result).code, (await undo.result).code], [1, 0]);

    const second = new CliRun(['cutover', ...ends(pair), '--hold'], { json: false });
    const again = await run.asked('cutover');
    await run.say('holding', at(again.id, 7, 'pending'));
    await untilSaid(second, 'cutover --confirm');
    const confirm = new CliRun(['cutover', ...ends(pair), '--confirm'], { json: false });
    await run.asked('confirm');
    await run.say('handedOver', at(again.id, 8, 'done'));
    assert.deepEqual([(await second.result).code, (await confirm.result).code], [0, 0]);
  });

  test('Ctrl-C leaves the request in place and says so', async () => {
    await using pair = await pairOf();
    await pair.begin();
    await using run = await PlayedRun.begin(pair);
    const command = new CliRun(['cutover', ...ends(pair)], { json: false });
    await untilSaid(command, 'Asked:');
    command.child.kill('SIGINT');
    const result = await command.result;
    assert.equal(result.code, 4);
    assert.match(result.stdout, /The request stays/);
    await run.asked('cutover');
  });

  test('without a run the request waits for the next one', async () => {
    await using pair = await pairOf();
    await pair.begin();
    const asked = await call(pair, 'cutover');
    assert.equal(asked.code, 1);
    assert.match(asked.stdout, /No run is at work now\. The request stays/);
    const undone = await call(pair, 'cutover', '--undo');
    assert.equal(undone.code, 0, undone.stdout);
    await using run = await PlayedRun.begin(pair);
    await requireNothingAsked(pair);
    void run;
  });
});

test('nothing to be taken back: how it stands, and what can be done', async () => {
  await using pair = await pairOf();
  const undo = () => call(pair, 'cutover', '--undo');
  const nothing = await undo();
  assert.equal(nothing.code, 3);
  assert.match(
    nothing.stderr,
    /^FF860: Nothing of the database .*\n {4}There is nothing to be .* taken back/,
  );
  await pair.begin();
  const run = await PlayedRun.begin(pair);
  await run.say('following');
  const none = await undo();
  assert.equal(none.code, 3);
  assert.match(none.stderr, /^FF863: .* no cutover has begun\.\n {4}Begin a cutover \(.*cutover\)/);
  await run.say('wayBack');
  assert.match((await undo()).stderr, /followed back\.\n {4}Go back by a cutover the other way round/);
  await run.say('following');
  await run[Symbol.asyncDispose]();
  assert.match((await undo()).stderr, /; no run is at work\.\n {4}The same command as before goes on/);
  const session = await pair.open('target');
  await noteState(session, pair.source, { state: 'holding' });
  const alone = await undo();
  assert.equal(alone.code, 1);
  assert.match(alone.stdout, /^The migration: cutover holds before its last step/m);
  assert.match(alone.stdout, /No run is at work now\. .*\ncleanup takes the cutover back as well/);
  assert.equal((await call(pair, 'cleanup')).code, 0);
});

async function requireNothingAsked(pair: FollowedPair): Promise<void> {
  const session = await pair.open('target');
  assert.deepEqual(await takeRequests(session, pair.source), []);
}

test('what else is asked of a run', async () => {
  await using pair = await pairOf();
  await pair.begin();
  await using run = await PlayedRun.begin(pair);
  const added = await call(pair, 'add-tables');
  assert.deepEqual([added.code, added.stdout], [0, 'New tables are taken in: the run was asked to.\n']);
  await run.asked('addTables');
  const stopped = await call(pair, 'retry', '--table', 'public.t');
  assert.equal(stopped.code, 3);
  assert.match(stopped.stderr, /^FF864: The table public\.t is not stopped\.\n {4}\S/);
  await run.say('wayBack');
  assert.equal((await call(pair, 'finish')).code, 0);
  await run.asked('finish');
});

test('cancel waits for the end of the run; cleanup removes what it left, line by line', async () => {
  await using pair = await pairOf();
  const slot = await pair.begin();
  const run = await PlayedRun.begin(pair);
  await run.say('following');
  const refused = await call(pair, 'cleanup');
  assert.deepEqual([refused.code, refused.stderr.slice(0, 6)], [3, 'FF862:']);
  const cancel = new CliRun(['cancel', ...ends(pair)], { json: false });
  await run.asked('cancel');
  await run[Symbol.asyncDispose]();
  const ended = await cancel.result;
  assert.equal(ended.code, 0, ended.stderr);
  assert.match(ended.stdout, /The run has ended\. .*cleanup/);
  const cleaned = await call(pair, 'cleanup');
  assert.equal(cleaned.code, 0, cleaned.stderr);
  assert.equal(
    cleaned.stdout,
    `source: replication slot ${slot}\nsource: publication ${slot}\nsource: publication ${slot}_insert\ntarget: checkpoints, schema flexferry\n`,
  );
  assert.equal((await call(pair, 'cleanup')).stdout, 'Nothing was left.\n');
  assert.equal((await call(pair, 'cancel')).code, 3);
});

test('follow goes on with what is there, or is wrong usage', async () => {
  await using pair = await pairOf();
  const none = await call(pair, 'follow');
  assert.equal(none.code, 2);
  assert.match(none.stderr, /^FF702: There is no online migration/);
  const json = await runCli(['follow', ...ends(pair)]);
  assert.deepEqual([json.code, doneOf(json).fault?.code], [2, 'FF702']);
});
