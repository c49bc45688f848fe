import type { ConnectionSpec } from '../../protocol/connection.js';
import { connect } from '../postgres/connect.js';
import { connectReplication } from '../postgres/replicationConnection.js';
import type { Session } from '../postgres/session.js';
import { terminateBackends } from '../postgres/terminate.js';

export type Side = 'source' | 'target';

/**
 * Every connection of a run, so that a stop leaves none behind. The application_name of each begins with
 * "flexferry " and {@link RunSessions.purposePrefix}, by which a later run finds what a killed one left on the server.
 */
export class RunSessions {
  private readonly opened = new Set<Session>();
  private stopping: Promise<void> | undefined;

  constructor(
    private readonly run: string,
    private readonly specs: Readonly<Record<Side, ConnectionSpec>>,
    private readonly signal: AbortSignal,
  ) {}

  /** The part of application_name that all sessions of this run share. */
  get purposePrefix(): string {
    return `run:${this.run.slice(0, 8)}`;
  }

  /** A new connection; `database` where it is not that of the side. */
  async open(side: Side, purpose: string, database?: string): Promise<Session> {
    this.signal.throwIfAborted();
    const spec = database === undefined ? this.specs[side] : { ...this.specs[side], database };
    const session = await connect(spec, `${this.purposePrefix} ${purpose}`, { signal: this.signal, side });
    this.opened.add(session);
    if (this.signal.aborted) {
      await this.close(session);
      this.signal.throwIfAborted();
    }
    return session;
  }

  /** A walsender session of the source. */
  async openReplication(purpose: string): Promise<Session> {
    this.signal.throwIfAborted();
    const session = await connectReplication(this.specs.source, `${this.purposePrefix} ${purpose}`, {
      signal: this.signal,
    });
    this.opened.add(session);
    return session;
  }

  async close(session: Session): Promise<void> {
    await session.close();
    this.opened.delete(session);
  }

  /**
   * Ends everything at once: drops the sockets and has the servers end the backends, because one that builds an
   * index would not notice. Never rejects; waits at most about five seconds a server.
   */
  stopAll(): Promise<void> {
    this.stopping ??= this.endBackends();
    return this.stopping;
  }

  private async endBackends(): Promise<void> {
    const bySpec = new Map<string, { spec: ConnectionSpec; pids: number[] }>();
    for (const session of this.opened) {
      const key = JSON.stringify([session.spec.hosts, session.spec.database]);
      const entry = bySpec.get(key) ?? { spec: session.spec, pids: [] };
      entry.pids.push(session.backendPid);
      bySpec.set(key, entry);
      session.destroy();
    }
    this.opened.clear();
    await Promise.all(
      [...bySpec.values()].map(({ spec, pids }) => terminateBackends(spec, pids).catch(() => {})),
    );
  }
}
