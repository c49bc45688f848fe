import { databaseIdentity } from '../../src/engine/catalog/server.js';
import type { FollowSpecs } from '../../src/engine/online/followPlace.js';
import { connect } from '../../src/engine/postgres/connect.js';
import type { Session } from '../../src/engine/postgres/session.js';
import { ensurePublications } from '../../src/engine/replication/publications.js';
import { createRun } from '../../src/engine/run/checkpoint.js';
import { lockTarget } from '../../src/engine/run/claim.js';
import { createFollow, noteSlot, noteState } from '../../src/engine/run/followState.js';
import { RequestBox } from '../../src/engine/run/requestBox.js';
import { slotNameOf } from '../../src/engine/run/slotName.js';
import type { FollowRequest, FollowSnapshot } from '../../src/protocol/follow.js';
import type { TestServer } from './postgres/embedded.js';
import { makeSlot, specOf } from './replication.js';

/** An online migration of one database as a run leaves it on both servers, made by hand. */
export class FollowedPair implements AsyncDisposable {
  readonly #opened: Session[] = [];
  #source = '';
  #target = '';

  private constructor(
    readonly sourceServer: TestServer,
    readonly targetServer: TestServer,
    readonly sourceDatabase: string,
    readonly targetDatabase: string,
  ) {}

  /** Two databases, the source with a table `t`; nothing is followed yet. */
  static async create(source: TestServer, target: TestServer): Promise<FollowedPair> {
    const pair = new FollowedPair(
      source,
      target,
      await source.createDatabase(),
      await target.createDatabase(),
    );
    await source.query(pair.sourceDatabase, 'CREATE TABLE t (id serial PRIMARY KEY, v text)');
    pair.#source = await pair.#identity('source');
    pair.#target = await pair.#identity('target');
    return pair;
  }

  get specs(): FollowSpecs {
    return { source: specOf(this.sourceUri), target: specOf(this.targetUri) };
  }
  get sourceUri(): string {
    return this.sourceServer.uri(this.sourceDatabase);
  }
  get targetUri(): string {
    return this.targetServer.uri(this.targetDatabase);
  }
  /** Identity of the source: the key of its row. */
  get source(): string {
    return this.#source;
  }
  get target(): string {
    return this.#target;
  }
  get slot(): string {
    return slotNameOf(this.#source, this.#target);
  }

  async open(side: keyof FollowSpecs, purpose = 'test'): Promise<Session> {
    const session = await connect(this.specs[side], purpose);
    this.#opened.push(session);
    return session;
  }

  async #identity(side: keyof FollowSpecs): Promise<string> {
    const session = await this.open(side);
    try {
      return await databaseIdentity(session);
    } finally {
      await session.close();
    }
  }

  /** What a run does up to the point where it follows. */
  async begin(way: { readonly ownsSlot?: boolean; readonly isBack?: boolean } = {}): Promise<string> {
    const { ownsSlot = true, isBack = false } = way;
    const [from, to] = isBack ? (['target', 'source'] as const) : (['source', 'target'] as const);
    const [followed, keeper] = isBack ? [this.#target, this.#source] : [this.#source, this.#target];
    const slot = slotNameOf(followed, keeper);
    const changed = await this.open(from);
    const state = await this.open(to);
    const run = '00000000-0000-4000-8000-000000000000';
    await createRun(state, { run, source: followed, renames: '[]', preexisting: [] });
    await createFollow(state, {
      source: followed,
      slot,
      publications: [slot],
      lanes: 2,
      ownsSlot,
      wayBack: isBack,
    });
    await ensurePublications(changed, slot, await this.#tables(from));
    const [server, database] = isBack
      ? [this.targetServer, this.targetDatabase]
      : [this.sourceServer, this.sourceDatabase];
    const startLsn = await makeSlot(server, database, slot);
    await noteSlot(state, followed, { systemId: '1', timeline: 1, startLsn });
    await noteState(state, followed, { state: 'following' });
    await Promise.all([changed.close(), state.close()]);
    return slot;
  }

  async #tables(side: keyof FollowSpecs) {
    const [server, database] =
      side === 'source' ? [this.sourceServer, this.sourceDatabase] : [this.targetServer, this.targetDatabase];
    return server.query<{ oid: string; schema: string; name: string }>(
      database,
      `SELECT oid::text, 'public' AS schema, relname AS name FROM pg_class
       WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'`,
    );
  }

  /** A run that is at work on the target, as far as others can see. */
  async run(): Promise<Session> {
    const session = await this.open('target', 'run:12345678 control');
    await lockTarget(session, new AbortController().signal);
    return session;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#opened.map((session) => session.close()));
  }
}

/** What a run says of itself while nothing is the matter. */
export const quiet: FollowSnapshot = {
  state: 'following',
  appliedLsn: '0/0',
  sourceLsn: '0/0',
  lagBytes: 0,
  lagSeconds: 0.25,
  transactions: 3,
  changes: 30,
  transactionsPerSecond: 5,
  changesPerSecond: 50,
  appliedBytesPerSecond: 500,
  sourceBytesPerSecond: 600,
  catchUpSeconds: 2,
  fallingBehind: false,
  spooledBytes: 0,
  slot: { name: 'said', retainedBytes: 1, bytesPerSecond: 10 },
  stopped: [],
  newTables: [],
};

/** As a run takes them. */
export const takeRequests = (target: Session, source: string): Promise<FollowRequest[]> =>
  new RequestBox(source).take(target);
