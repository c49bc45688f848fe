import type pg from 'pg';
import type { ConnectionSpec } from '../../protocol/connection.js';
import { Fault } from '../errors/fault.js';
import { type Side, toFault } from '../errors/mapError.js';
import { backendKey, dial, driverConnection, makeClient } from './driver.js';
import { openSession } from './openSession.js';
import { pinQuery, type SessionStart, type SessionStartRow } from './pinnedSettings.js';
import type { Session } from './session.js';
import { type Transport, transports } from './tls.js';

/** What connect_timeout is raised or lowered to where the user gave none. */
export const defaultConnectTimeoutSeconds = 15;

const poolerPorts: ReadonlySet<number> = new Set([6432, 8432]);

export interface ConnectOptions {
  readonly signal?: AbortSignal;
  /** For the words of its faults. */
  readonly side?: Side;
  readonly replication?: never;
}

type Host = ConnectionSpec['hosts'][number];

interface Attempt {
  readonly spec: ConnectionSpec;
  readonly host: Host;
  readonly applicationName: string;
  readonly side: Side;
  readonly signal?: AbortSignal;
}

/**
 * Opens one dedicated connection as libpq would (hosts in turn, sslmode, time limit per host) and pins the session
 * settings of pinnedSettings.ts. Shows up as application_name `flexferry <purpose>`.
 * @throws Fault FF1xx; FF509 when aborted.
 */
export async function connect(
  spec: ConnectionSpec,
  purpose: string,
  options: ConnectOptions = {},
): Promise<Session> {
  const { signal, side = 'server' } = options;
  const applicationName = `flexferry ${purpose}`;
  let last: Fault | undefined;
  for (const host of spec.hosts) {
    try {
      return await connectHost({ spec, host, applicationName, side, ...(signal && { signal }) });
    } catch (error) {
      last = describe(error, host, side, spec);
      // As libpq: a server that answered with a refusal is the answer; one that is away or not ready is not.
      if (!['FF100', 'FF101', 'FF109', 'FF111', 'FF114', 'FF115'].includes(last.code)) throw last;
    }
  }
  throw last ?? new Fault('FF110', 'no host was given');
}

async function connectHost(attempt: Attempt): Promise<Session> {
  const { spec, host, side } = attempt;
  const ways = transports(spec, host.host);
  for (const [index, transport] of ways.entries()) {
    try {
      return await connectOnce(attempt, transport);
    } catch (error) {
      const fault = toFault(error, { side });
      const next = ways[index + 1];
      if (next !== undefined && otherTransportMayDo(fault, transport)) continue;
      if (transport === 'plain' && fault.code === 'FF107' && (await tlsIsDemanded(attempt))) {
        throw new Fault('FF105', 'the server lets this user in over TLS only', { sqlstate: fault.sqlstate });
      }
      throw error;
    }
  }
  throw new Fault('FF900', 'no transport to try');
}

/** libpq's rule for `prefer` and `allow`, without sending a refused password a second time. */
function otherTransportMayDo(fault: Fault, transport: Transport): boolean {
  if (fault.code === 'FF107' || fault.code === 'FF116') return true;
  return transport !== 'plain' && ['FF104', 'FF106', 'FF117'].includes(fault.code);
}

async function connectOnce(attempt: Attempt, transport: Transport): Promise<Session> {
  const { spec, host, applicationName, side, signal } = attempt;
  const seconds = spec.connectTimeout > 0 ? spec.connectTimeout : defaultConnectTimeoutSeconds;
  const client = makeClient({ spec, host, transport, applicationName, password: () => spec.password });
  const started = await dial(client, () => pin(client), seconds * 1000, signal);
  const session = openSession(client, spec, started, side);
  const unfit = poolerAnswers(client, host, started)
    ? new Fault('FF109', `a connection pooler answers at ${host.host}:${host.port}`)
    : wrongKind(spec, started);
  if (unfit === undefined) return session;
  session.destroy();
  throw unfit;
}

/** True if a login over TLS gets as far as the question for a password, where one in plain text is not let in. */
async function tlsIsDemanded(attempt: Attempt): Promise<boolean> {
  const { spec, host, applicationName, signal } = attempt;
  if (host.host.startsWith('/') || spec.sslmode !== 'disable') return false;
  let asked = false;
  const client = makeClient({
    spec,
    host,
    applicationName,
    transport: { rejectUnauthorized: false, minVersion: 'TLSv1.2' },
    password: () => {
      asked = true;
      return undefined; // the user forbade TLS: nothing secret goes this way
    },
  });
  try {
    await dial(client, async () => {}, 5_000, signal);
    driverConnection(client).stream.destroy();
    return true;
  } catch {
    return asked;
  }
}

async function pin(client: pg.Client): Promise<SessionStart> {
  const run = async (withDeathWatch: boolean) => {
    const results: unknown = await client.query(pinQuery(withDeathWatch));
    return (results as pg.QueryResult<SessionStartRow>[]).at(-1)?.rows[0];
  };
  // 22023: the platform of the server cannot watch its clients.
  const row = await run(true).catch((error: unknown) => {
    if ((error as { code?: unknown }).code === '22023') return run(false);
    throw error;
  });
  if (row === undefined) throw new Fault('FF900', 'the server answered nothing to the first query');
  return { versionNum: row.version, backendPid: row.pid, inRecovery: row.recovery, readOnly: row.readonly };
}

/** A pooler invents the process id it reports at login, since it may change the backend at any time. */
function poolerAnswers(client: pg.Client, host: Host, started: SessionStart): boolean {
  return poolerPorts.has(host.port) && backendKey(client).processID !== started.backendPid;
}

/** target_session_attrs: with FF114 the next host is tried. */
function wrongKind(spec: ConnectionSpec, started: SessionStart): Fault | undefined {
  const { inRecovery } = started;
  const readOnly = inRecovery || started.readOnly;
  const fits = { 'read-write': !readOnly, 'read-only': readOnly, primary: !inRecovery, standby: inRecovery };
  const wanted = spec.targetSessionAttrs;
  if (wanted === undefined || fits[wanted]) return undefined;
  const fix = 'Name the host that fits, or leave target_session_attrs out.';
  return new Fault('FF114', `the server is not ${wanted} (target_session_attrs)`, { fix });
}

/** The fault of an attempt, in words that name the server and the user, never the password. */
function describe(error: unknown, host: Host, side: Side, spec: ConnectionSpec): Fault {
  const place = host.host.startsWith('/')
    ? `${host.host}/.s.PGSQL.${host.port}`
    : `${host.host}:${host.port}`;
  const mapped = toFault(error, { side });
  // Before there is a session, a lost connection is a server that could not be reached.
  let code = mapped.code === 'FF115' && mapped.sqlstate === undefined ? 'FF100' : mapped.code;
  // No CONNECT privilege, or NOLOGIN by another name.
  if (mapped.sqlstate === '42501') code = 'FF113';
  // PgBouncer is off unless asked for, and then nothing answers at its port: the answer is the other port, too.
  const unpooled = mapped.sqlstate === '08P01' || code === 'FF100' || code === 'FF111';
  if (unpooled && poolerPorts.has(host.port)) code = 'FF109';
  if (code === 'FF509') return mapped;
  const message = `${place}, user "${spec.user}", database "${spec.database}": ${mapped.message}`;
  return new Fault(code, message, {
    sqlstate: mapped.sqlstate,
    cause: mapped.cause,
    ...(code === mapped.code && { fix: mapped.fix }),
  });
}
