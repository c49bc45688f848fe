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
  private readonly opened: Set<Session>;
  private stopping: Promise<void> | undefined;

  constructor(
    private readonly run: string,
    private readonly specs: Readonly<Record<Side, ConnectionSpec>>,
    private readonly signal: AbortSignal,
    /** Those that these are the reverse of. */
    private readonly forward?: RunSessions,
  ) {
    this.opened = forward?.opened ?? new Set();
  }

  /**
   * With source and target exchanged, for the way back; stopped with these. Each of them may write, since either side
   * may be fenced.
   */
  reversed(): RunSessions {
    const { source, target } = this.specs;
    return new RunSessions(this.run, { source: target, target: source }, this.signal, this);
  }

  /** The part of application_name that all sessions of this run share. */
  get purposePrefix(): string {
    return `run:${this.run.slice(0, 8)}`;
  }

  /** A new connection; `database` where it is not that of the side. */
  async open(side: Side, purpose: string, database?: string): Promise<Session> {
    this.signal.throwIfAborted();
    const spec = database === undefined ? this.specs[side] : { ...this.specs[side], database };
    const session = await connect(spec, `${this.purposePrefix} ${purpose}`, {
      signal: this.signal,
      side: this.called(side),
    });
    this.opened.add(session);
    if (this.signal.aborted) {
      await this.close(session);
      this.signal.throwIfAborted();
    }
    if (this.forward) await session.script('SET default_transaction_read_only = off');
    return session;
  }

  /** A walsender session of the source. */
  async openReplication(purpose: string): Promise<Session> {
    this.signal.throwIfAborted();
    const session = await connectReplication(this.specs.source, `${this.purposePrefix} ${purpose}`, {
      signal: this.signal,
      side: this.called('source'),
    });
    this.opened.add(session);
    return session;
  }

  /** What the user calls it, for the words of faults. */
  private called(side: Side): Side {
    if (!this.forward) return side;
    return side === 'source' ? 'target' : 'source';
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
    if (this.forward) return this.forward.stopAll();
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
