import { Fault } from '../errors/fault.js';
import { CopyBothStream } from './copyBothStream.js';
import { formatLsn, type Lsn } from './lsn.js';
import { ident, literal } from './quote.js';
import { majorOf } from './replicationConnection.js';
import { replicationFault } from './replicationConnectionFaults.js';
import type { Session } from './session.js';
import type { StreamTimes } from './streamStart.js';

export interface StreamRequest {
  readonly slot: string;
  readonly publications: readonly string[];
  /** The server begins here or where the slot was confirmed, whatever is later. 0 for the latter. */
  readonly startLsn: Lsn;
  /** Prepared transactions are sent when they are prepared, from now on always for this slot. From 15 on. */
  readonly twoPhase?: boolean;
  /**
   * Large transactions come while they are in progress, from 14 on: default. Without, the server keeps them on its own
   * disk until their commit, and then knows all of their DDL.
   */
  readonly streaming?: boolean;
  /** Also what pg_logical_emit_message() wrote. From 14 on. */
  readonly messages?: boolean;
  /** `none`: only what was written on the source itself, not what it got by replication. From 16 on. */
  readonly origin?: 'any' | 'none';
  readonly times?: Partial<StreamTimes>;
}

/** The newest version of the protocol of pgoutput that a server speaks. */
export function protocolVersion(major: number): 1 | 2 | 3 | 4 {
  if (major >= 16) return 4;
  if (major >= 15) return 3;
  return major >= 14 ? 2 : 1;
}

/**
 * Options of START_REPLICATION by version.
 * https://www.postgresql.org/docs/current/protocol-logical-replication.html#PROTOCOL-LOGICAL-REPLICATION-PARAMS
 */
export function startCommand(major: number, request: StreamRequest): string {
  const {
    slot,
    publications,
    startLsn,
    twoPhase = false,
    messages = false,
    origin,
    streaming = true,
  } = request;
  const options = [
    `proto_version '${protocolVersion(major)}'`,
    `publication_names ${quoted(publications.map(ident).join(','))}`,
    ...(major >= 14 && streaming ? ["streaming 'on'"] : []),
    ...(major >= 14 && messages ? ["messages 'true'"] : []),
    ...(major >= 15 && twoPhase ? ["two_phase 'on'"] : []),
    ...(major >= 16 && origin !== undefined ? [`origin '${origin}'`] : []),
  ];
  return `START_REPLICATION SLOT ${ident(slot)} LOGICAL ${formatLsn(startLsn)} (${options.join(', ')})`;
}

/** Replication commands know no escapes but the doubled quote. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * Begins to stream. The session belongs to the stream from here on, and ends with it, also on failure.
 * @throws Fault FF800, FF801, FF802, FF804, FF805, FF807, FF115.
 */
export async function startReplication(session: Session, request: StreamRequest): Promise<CopyBothStream> {
  const what = `slot "${request.slot}"`;
  try {
    await requirePublications(session, request.publications);
    const times = { ...request.times, senderTimeoutMs: await senderTimeout(session) };
    const command = startCommand(majorOf(session), request);
    return await CopyBothStream.start(session, command, { ...request, times, what });
  } catch (error) {
    session.destroy();
    throw replicationFault(error, 'start', what);
  }
}

/** The server itself complains at the first change only, or (18) never, and leaves the changes out. */
async function requirePublications(session: Session, names: readonly string[]): Promise<void> {
  const wanted = names.map(literal).join(', ');
  const { rows } = await session.query<{ pubname: string }>(
    `SELECT pubname FROM pg_catalog.pg_publication WHERE pubname IN (${wanted || 'NULL'})`,
  );
  const found = new Set(rows.map((row) => row.pubname));
  const missing = names.filter((name) => !found.has(name));
  if (missing.length > 0 || names.length === 0) {
    throw new Fault('FF807', `publication ${missing.map((name) => `"${name}"`).join(', ')} is missing`);
  }
}

/** Milliseconds after which the server gives up a client that says nothing; 0 for never. */
async function senderTimeout(session: Session): Promise<number> {
  const { rows } = await session.query<{ setting: string }>(
    "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'",
  );
  return Number(rows[0]?.setting ?? 60_000);
}
