import { Fault } from '../errors/fault.js';
import { retryable } from '../errors/mapError.js';
import type { Session } from '../postgres/session.js';

/** A session that is used from time to time, and made again where it was lost meanwhile. One use at a time. */
export class KeptSession {
  private session: Session | undefined;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly open: () => Promise<Session>,
    private readonly close: (session: Session) => Promise<void>,
    session?: Session,
  ) {
    this.session = session;
  }

  /** Undefined where the server cannot be reached just now. Rejects with other faults. */
  use<T>(work: (session: Session) => Promise<T>): Promise<T | undefined> {
    const next = this.turn.then(async () => {
      try {
        if (this.session?.closed) await this.end();
        this.session ??= await this.open();
        return await work(this.session);
      } catch (error) {
        if (!(error instanceof Fault) || !retryable(error.code)) throw error;
        await this.end();
        return undefined;
      }
    });
    this.turn = next.catch(() => undefined);
    return next;
  }

  async end(): Promise<void> {
    const { session } = this;
    this.session = undefined;
    if (session) await this.close(session);
  }
}
