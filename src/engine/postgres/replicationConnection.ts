import { setTimeout as sleep } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import type pg from 'pg';
import type { ConnectionSpec } from '../../protocol/connection.js';
import { Fault } from '../errors/fault.js';
import { type ConnectOptions, connect, defaultConnectTimeoutSeconds } from './connect.js';
import { dial, driverConnection, makeClient } from './driver.js';
import { type Lsn, lsnFromServer } from './lsn.js';
import { openSession } from './openSession.js';
import { pinQuery, type SessionStart, type SessionStartRow } from './pinnedSettings.js';
import { ident } from './quote.js';
import { replicationFault } from './replicationConnectionFaults.js';
import type { Session } from './session.js';
import { terminateBackends } from './terminate.js';
import { transports } from './tls.js';

/**
 * Opens a walsender session for logical replication: it takes the commands of the streaming replication protocol, and
 * SQL without parameters. https://www.postgresql.org/docs/current/protocol-replication.html
 * Settings are pinned as in any session of ours, as the values of the changes are written under them.
 * @throws Fault FF1xx as `connect`; FF803, FF805.
 */
export async function connectReplication(
  spec: ConnectionSpec,
  purpose: string,
  options: Omit<ConnectOptions, 'replication'> = {},
): Promise<Session> {
  const side = options.side ?? 'source';
  // An ordinary session finds the host and the transport that do, with the right words for whatever fails.
  const scout = await connect(spec, purpose, { ...options, side });
  try {
    const place = placeOf(scout, spec);
    const client = makeClient({
      spec,
      ...place,
      applicationName: `flexferry ${purpose}`,
      password: () => spec.password,
    });
    (
      client as unknown as { connectionParameters: { replication?: string } }
    ).connectionParameters.replication = 'database';
    const seconds = spec.connectTimeout > 0 ? spec.connectTimeout : defaultConnectTimeoutSeconds;
    const start = await dial(client, () => pin(client), seconds * 1000, options.signal);
    return openSession(client, spec, start, side);
  } catch (error) {
    throw replicationFault(error, 'connect', 'replication connection');
  } finally {
    await scout.close();
  }
}

function placeOf(scout: Session, spec: ConnectionSpec) {
  const { host: address, port } = scout.client;
  const host = spec.hosts.find((one) => (one.hostaddr ?? one.host) === address && one.port === port);
  if (host === undefined) throw new Fault('FF900', 'the host of a session is none of its connection');
  const secure = driverConnection(scout.client).stream instanceof TLSSocket;
  const transport = transports(spec, host.host).find((one) => (one !== 'plain') === secure) ?? 'plain';
  return { host, transport };
}

/**
 * As money is printed in every session that reads rows (snapshot.ts); and the warnings that a stream depends on (18 only
 * warns when a publication is gone).
 */
const streamPins = `SELECT pg_catalog.set_config('lc_monetary', 'C', false),
  pg_catalog.set_config('client_min_messages', 'notice', false)`;

/** A walsender takes one statement a message. */
async function pin(client: pg.Client): Promise<SessionStart> {
  const pins = pinQuery(false);
  const cut = pins.indexOf(';');
  await client.query(pins.slice(0, cut));
  await client.query(streamPins);
  const { rows } = await client.query<SessionStartRow>(pins.slice(cut + 1));
  const [row] = rows;
  if (row === undefined) throw new Fault('FF900', 'the server answered nothing to the first query');
  return { versionNum: row.version, backendPid: row.pid, inRecovery: row.recovery, readOnly: row.readonly };
}

export const majorOf = (session: Session): number => Math.floor(session.versionNum / 10_000);

export interface SystemIdentity {
  /** Made by initdb; the same on all replicas. */
  readonly systemId: string;
  /** One more with every promotion of a replica and every recovery to a point in time. */
  readonly timeline: number;
  /** Where the log ends (flushed). */
  readonly position: Lsn;
}

export async function identifySystem(session: Session): Promise<SystemIdentity> {
  const { rows } = await session.query<{ systemid: string; timeline: number | string; xlogpos: string }>(
    'IDENTIFY_SYSTEM',
  );
  const [row] = rows;
  if (row === undefined) throw new Fault('FF808', 'the source server does not say who it is');
  return {
    systemId: row.systemid,
    timeline: Number(row.timeline),
    position: lsnFromServer(row.xlogpos),
  };
}

/** Where a timeline left the one before. */
export interface TimelineSwitch {
  readonly timeline: number;
  /** The last position that `timeline` shares with its successor. */
  readonly position: Lsn;
}

/** The ancestors of a timeline, oldest first. Lines of its history file: `parent TAB position TAB reason`. */
export async function timelineHistory(
  session: Session,
  timeline: number,
): Promise<readonly TimelineSwitch[]> {
  if (timeline <= 1) return [];
  const { rows } = await session.query<{ content: string | Buffer }>(`TIMELINE_HISTORY ${timeline}`);
  // Up to 14 the server calls its text bytea.
  const text = String(rows[0]?.content ?? '');
  return [...text.matchAll(/^(\d+)\s+([0-9A-Fa-f]+\/[0-9A-Fa-f]+)/gm)].map(([, parent, position]) => ({
    timeline: Number(parent),
    position: lsnFromServer(position ?? ''),
  }));
}

export interface SlotRequest {
  /** Lower-case letters, digits and underscores, at most 63. */
  readonly name: string;
  /** Gone with the connection. */
  readonly temporary?: boolean;
  /** Prepared transactions are sent when they are prepared. From 15 on; FF510 before. */
  readonly twoPhase?: boolean;
  /** Kept on replicas for a failover. From 17 on; left out before. */
  readonly failover?: boolean;
  /** Longest wait for each transaction that was open before. Default 30 s. */
  readonly lockTimeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface CreatedSlot {
  readonly name: string;
  /** Every transaction that commits after it is streamed; those before are in the snapshot. */
  readonly consistentPoint: Lsn;
  /** To import while the session that made it does nothing else and stays open. */
  readonly snapshot: string;
}

const defaultLockTimeoutMs = 30_000;

/**
 * Makes a logical slot with the plugin pgoutput and exports its snapshot. The server waits for all transactions that
 * are open, each at most `lockTimeoutMs`.
 * https://www.postgresql.org/docs/current/protocol-replication.html#PROTOCOL-REPLICATION-CREATE-REPLICATION-SLOT
 * @throws Fault FF803, FF804, FF805, FF806, FF813; FF509 when aborted (the session is destroyed then).
 */
export async function createSlot(session: Session, request: SlotRequest): Promise<CreatedSlot> {
  const { name, signal, lockTimeoutMs = defaultLockTimeoutMs } = request;
  const sql = createSlotCommand(majorOf(session), request);
  await session.query(`SET lock_timeout = ${Math.max(1, Math.round(lockTimeoutMs))}`);
  const onAbort = () => session.destroy();
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  try {
    const { rows } = await patiently(() =>
      session.query<{ consistent_point: string; snapshot_name: string | null }>(sql),
    );
    const [row] = rows;
    if (!row?.snapshot_name) throw new Fault('FF900', 'the server exported no snapshot');
    return { name, consistentPoint: lsnFromServer(row.consistent_point), snapshot: row.snapshot_name };
  } catch (error) {
    if (!signal?.aborted) throw replicationFault(error, 'create', `slot "${name}"`);
    // A backend that waits for a lock does not notice that we left, and would make the slot in the end.
    await terminateBackends(session.spec, [session.backendPid]);
    throw new Fault('FF509', `interrupted while slot "${name}" was made`);
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

/** "initial slot snapshot too large" (40001): many subtransactions run at that moment, in the next there may be fewer. */
async function patiently<T>(make: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await make();
    } catch (error) {
      if (!(error instanceof Fault) || error.sqlstate !== '40001' || attempt === mostAttempts) throw error;
      await sleep(betweenAttemptsMs);
    }
  }
}
const mostAttempts = 20;
const betweenAttemptsMs = 250;

/** The grammar changed with 15. */
export function createSlotCommand(major: number, request: SlotRequest): string {
  const { name, temporary = false, twoPhase = false, failover = false } = request;
  if (twoPhase && major < 15) {
    throw new Fault('FF510', `slot "${name}": prepared transactions can be followed from PostgreSQL 15 on`);
  }
  const lead = `CREATE_REPLICATION_SLOT ${ident(name)}${temporary ? ' TEMPORARY' : ''} LOGICAL pgoutput`;
  if (major < 15) return `${lead} EXPORT_SNAPSHOT`;
  const options = [
    "SNAPSHOT 'export'",
    ...(twoPhase ? ['TWO_PHASE true'] : []),
    ...(failover && major >= 17 ? ['FAILOVER true'] : []),
  ];
  return `${lead} (${options.join(', ')})`;
}

/** @throws Fault FF800 if there is none, FF801 if it is in use. */
export async function dropSlot(session: Session, name: string): Promise<void> {
  try {
    await session.query(`DROP_REPLICATION_SLOT ${ident(name)}`);
  } catch (error) {
    throw replicationFault(error, 'drop', `slot "${name}"`);
  }
}
