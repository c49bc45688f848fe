import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { TestServer } from '../postgres/embedded.js';
import type { Subject } from './model.js';
import { Random } from './random.js';
import { sessionSettings, type WorkloadSchema } from './schema.js';
import { makeScript, type Script } from './transactions.js';

export interface WorkloadOptions {
  readonly seed: string;
  readonly sessions: number;
  /** Pause of a session between two scripts, milliseconds at most. */
  readonly pauseMs: number;
  readonly twoPhase: boolean;
}

export interface WorkloadCounts {
  readonly committed: number;
  readonly rolledBack: number;
  readonly prepared: number;
  readonly lost: number;
  /** Statements that failed, by SQLSTATE. */
  readonly failed: ReadonlyMap<string, number>;
  /** Moves whose transaction was committed, by subject and name. */
  readonly moves: ReadonlyMap<string, number>;
}

/** One line of what was done, for somebody who looks for a reason. */
export interface LogLine {
  readonly at: number;
  readonly session: number;
  readonly sql: string;
  /** SQLSTATE. */
  readonly failed?: string;
  readonly message?: string;
}

/** 25006: the source has become read-only, so a cutover has fenced it. */
const readOnly = '25006';
const isLost = (error: unknown): boolean =>
  !(error instanceof pg.DatabaseError) || ['57P01', '57P02', '57P03'].includes(error.code ?? '');

/** Sessions that change a database until they are told to stop, or find it read-only. */
export class Workload {
  readonly log: LogLine[] = [];
  readonly #failed = new Map<string, number>();
  readonly #moves = new Map<string, number>();
  #committed = 0;
  #rolledBack = 0;
  #prepared = 0;
  #lost = 0;
  #stopping = false;
  /** No transactions are prepared any more; those that are come to an end. */
  #settled: boolean;
  #subjects: readonly Subject[];
  readonly #ended: Promise<void>;

  constructor(
    private readonly source: TestServer,
    private readonly database: string,
    readonly schema: WorkloadSchema,
    private readonly options: WorkloadOptions,
  ) {
    this.#settled = !options.twoPhase;
    this.#subjects = schema.subjects;
    const sessions = Array.from({ length: options.sessions }, (_none, n) => this.#session(n));
    this.#ended = Promise.all(sessions).then(() => undefined);
    this.#ended.catch(() => undefined);
  }

  get counts(): WorkloadCounts {
    return {
      committed: this.#committed,
      rolledBack: this.#rolledBack,
      prepared: this.#prepared,
      lost: this.#lost,
      failed: this.#failed,
      moves: this.#moves,
    };
  }

  /** There is more to be changed. */
  join(subject: Subject): void {
    this.#subjects = [...this.#subjects, subject];
  }

  /** Ends prepared transactions and begins no new ones. */
  async settle(): Promise<void> {
    this.#settled = true;
    await endPrepared(this.source, this.database);
    // One that was being prepared at that moment.
    await sleep(50);
    await endPrepared(this.source, this.database);
  }

  /** Until every session has ended its transaction; rejects where one met what it should not. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#ended;
    await endPrepared(this.source, this.database);
  }

  async #session(number: number): Promise<void> {
    const random = new Random(this.options.seed).fork(`session ${number}`);
    const pauses = random.fork('pauses');
    const waiting: { gid: string; commit: boolean; after: number }[] = [];
    let client: pg.Client | undefined;
    for (let n = 0; !this.#stopping; n++) {
      const script = makeScript(this.#subjects, random, { twoPhase: this.options.twoPhase });
      try {
        client ??= await this.#connect(number, waiting);
        for (const due of waiting.filter((one) => this.#settled || one.after < n)) {
          waiting.splice(waiting.indexOf(due), 1);
          await this.#tryOut(client, number, `${due.commit ? 'COMMIT' : 'ROLLBACK'} PREPARED '${due.gid}'`);
        }
        const gid = `${this.database} ${number} ${n}`;
        if (await this.#perform(client, number, script, gid))
          waiting.push({
            gid,
            commit: script.decision?.commit ?? false,
            after: n + (script.decision?.after ?? 0),
          });
      } catch (error) {
        if (error instanceof pg.DatabaseError && error.code === readOnly) break;
        if (!isLost(error)) throw error;
        this.#lost += 1;
        client?.end().catch(() => undefined);
        client = undefined;
        await sleep(20);
      }
      await sleep(pauses.next() * this.options.pauseMs);
    }
    await client?.end().catch(() => undefined);
  }

  /** What the session prepared when its connection broke has nobody to end it: not what it knows to be waiting. */
  async #connect(number: number, waiting: readonly { gid: string }[]): Promise<pg.Client> {
    const client = await this.source.connect(this.database);
    const { rows } = await client.query<{ gid: string }>(
      'SELECT gid FROM pg_prepared_xacts WHERE database = current_database()',
    );
    const known = new Set(waiting.map(({ gid }) => gid));
    for (const { gid } of rows)
      if (gid.startsWith(`${this.database} ${number} `) && !known.has(gid))
        await client.query(`ROLLBACK PREPARED ${pg.escapeLiteral(gid)}`);
    await client.query(
      `${sessionSettings}; SET lock_timeout = 300; SET deadlock_timeout = 100; SET statement_timeout = 20000; SET synchronous_commit = on`,
    );
    return client;
  }

  /** Runs a script; true where it is left prepared. Rejects with what ends the session. */
  async #perform(client: pg.Client, session: number, script: Script, gid: string): Promise<boolean> {
    if (script.begin === undefined) {
      const [statement = ''] = script.statements;
      this.#note(script, await this.#tryOut(client, session, statement));
      return false;
    }
    await this.#tryOut(client, session, script.begin);
    let depth: string[] = [];
    for (const sql of script.statements) {
      if (await this.#tryOut(client, session, sql)) depth = savepointsAfter(depth, sql);
      else if (depth.length === 0) {
        await this.#tryOut(client, session, 'ROLLBACK');
        this.#note(script, false);
        return false;
      } else await this.#tryOut(client, session, `ROLLBACK TO SAVEPOINT ${depth.at(-1)}`);
    }
    const prepares = script.end === 'prepare' && !this.#settled;
    const end = prepares
      ? `PREPARE TRANSACTION ${pg.escapeLiteral(gid)}`
      : script.end === 'rollback'
        ? 'ROLLBACK'
        : 'COMMIT';
    const did = await this.#tryOut(client, session, end);
    // A failed PREPARE has rolled back already; where it was not allowed, the transaction is still there.
    if (!did) await this.#tryOut(client, session, 'ROLLBACK');
    this.#note(script, did && end !== 'ROLLBACK');
    if (prepares && did) this.#prepared += 1;
    return prepares && did;
  }

  #note(script: Script, committed: boolean): void {
    if (committed) this.#committed += 1;
    else this.#rolledBack += 1;
    if (committed) for (const what of script.what) this.#moves.set(what, (this.#moves.get(what) ?? 0) + 1);
  }

  /** False where the statement failed in a way that statements may. */
  async #tryOut(client: pg.Client, session: number, sql: string): Promise<boolean> {
    const at = Date.now();
    try {
      await client.query(sql);
      this.log.push({ at, session, sql });
      return true;
    } catch (error) {
      const code = error instanceof pg.DatabaseError ? (error.code ?? '') : 'lost';
      this.log.push({ at, session, sql, failed: code, message: String(error) });
      this.#failed.set(code, (this.#failed.get(code) ?? 0) + 1);
      if (code === readOnly || isLost(error)) throw error;
      // A transaction that used a temporary table cannot be prepared.
      if (code.startsWith('42') || (code.startsWith('0A') && !sql.startsWith('PREPARE')))
        throw new Error(`the workload made a statement that no server takes: ${String(error)}\n${sql}`);
      return false;
    }
  }
}

function savepointsAfter(open: readonly string[], sql: string): string[] {
  const [, verb, name = ''] = /^(SAVEPOINT|ROLLBACK TO SAVEPOINT|RELEASE SAVEPOINT) (\w+)$/.exec(sql) ?? [];
  if (verb === 'SAVEPOINT') return [...open, name];
  const index = open.indexOf(name);
  if (verb === undefined || index < 0) return [...open];
  return open.slice(0, verb === 'RELEASE SAVEPOINT' ? index : index + 1);
}

/** Whatever a session that lost its connection left prepared. */
async function endPrepared(source: TestServer, database: string): Promise<void> {
  const all = await insistently(() =>
    source.query<{ gid: string }>(
      database,
      'SELECT gid FROM pg_prepared_xacts WHERE database = current_database() ORDER BY gid',
    ),
  );
  for (const [index, { gid }] of all.entries()) {
    const sql = `${index % 2 === 0 ? 'COMMIT' : 'ROLLBACK'} PREPARED ${pg.escapeLiteral(gid)}`;
    await insistently(() => source.query(database, sql)).catch((error: unknown) => {
      // Its session was quicker.
      if (!(error instanceof pg.DatabaseError && error.code === '42704')) throw error;
    });
  }
}

/** Again when its session was ended, as a fence does with everybody's, or the server is just starting. */
export async function insistently<T>(work: () => Promise<T>): Promise<T> {
  for (const end = Date.now() + 10_000; ; await sleep(50)) {
    try {
      return await work();
    } catch (error) {
      if (!isLost(error) || Date.now() > end) throw error;
    }
  }
}
