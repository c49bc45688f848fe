import type { ConnectionSpec } from '../../protocol/connection.js';
import { Fault } from '../errors/fault.js';
import { connect } from '../postgres/connect.js';
import type { Session } from '../postgres/session.js';
import { terminateBackends } from '../postgres/terminate.js';

/** Bounds every question of the tree: a server that is busy or locked gives an error node, not a spinner. */
const statementTimeoutMs = 45_000;
/** Sizes need a lock on each table; a table that somebody holds is not waited for. */
const lockTimeoutMs = 2_000;
const idleMs = 30_000;
const maximalIdle = 4;

interface Idle {
  readonly key: string;
  readonly session: Session;
  readonly timer: NodeJS.Timeout;
}

/** Read-only sessions for browsing, kept for half a minute so that expanding a tree does not log in for every node. */
export class BrowseSessions {
  #idle: Idle[] = [];

  /** Runs `work` in a session of its own. Rejects with a Fault; an abort also ends the statement on the server. */
  async use<T>(
    spec: ConnectionSpec,
    signal: AbortSignal,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    const key = JSON.stringify(spec);
    const session = this.#take(key) ?? (await open(spec, signal));
    const abort = () => {
      session.destroy();
      void terminateBackends(spec, [session.backendPid]);
    };
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await work(session);
    } catch (error) {
      if (signal.aborted) throw new Fault('FF509', 'loading was cancelled', { cause: error });
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
      if (!session.closed && !signal.aborted) this.#keep(key, session);
    }
  }

  /** Closes what is idle. */
  async close(): Promise<void> {
    const idle = this.#idle;
    this.#idle = [];
    for (const { timer } of idle) clearTimeout(timer);
    await Promise.all(idle.map(({ session }) => session.close()));
  }

  #take(key: string): Session | undefined {
    for (;;) {
      const index = this.#idle.findIndex((idle) => idle.key === key);
      const [found] = index < 0 ? [] : this.#idle.splice(index, 1);
      if (!found) return undefined;
      clearTimeout(found.timer);
      if (!found.session.closed) return found.session;
    }
  }

  #keep(key: string, session: Session): void {
    const timer = setTimeout(() => {
      this.#idle = this.#idle.filter((idle) => idle.session !== session);
      void session.close();
    }, idleMs);
    timer.unref();
    this.#idle.push({ key, session, timer });
    const surplus = this.#idle.length > maximalIdle ? this.#idle.shift() : undefined;
    if (!surplus) return;
    clearTimeout(surplus.timer);
    void surplus.session.close();
  }
}

async function open(spec: ConnectionSpec, signal: AbortSignal): Promise<Session> {
  const session = await connect(spec, 'browse', { signal });
  try {
    await session.script(
      `SET statement_timeout = ${statementTimeoutMs}; SET lock_timeout = ${lockTimeoutMs}; SET default_transaction_read_only = on`,
    );
    return session;
  } catch (error) {
    session.destroy();
    throw error;
  }
}
