import { Socket, type TcpNetConnectOpts } from 'node:net';
import pg from 'pg';
import type { ConnectionSpec } from '../../protocol/connection.js';
import { Fault } from '../errors/fault.js';
import type { Transport } from './tls.js';

/** The parts of pg's client that its types leave out. */
interface DriverClient {
  readonly connection: DriverConnection;
  readonly connectionParameters: { options?: string | undefined; replication?: string | undefined };
  readonly processID: number | null;
  readonly secretKey: number | null;
}

export interface DriverConnection extends NodeJS.EventEmitter {
  readonly stream: Socket;
}

export function driverConnection(client: pg.Client): DriverConnection {
  return (client as unknown as DriverClient).connection;
}

/** What the server sent as BackendKeyData. */
export function backendKey(client: pg.Client): { processID: number; secretKey: number } {
  const { processID, secretKey } = client as unknown as DriverClient;
  return { processID: processID ?? 0, secretKey: secretKey ?? 0 };
}

/** Text stays text: int8, numeric and oid keep all digits, dates and floats keep the server's spelling. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: string) => {
    if (format === 'binary') return (value: unknown) => value;
    switch (oid) {
      case 16: // bool
        return (text: string) => text === 't';
      case 21: // int2
      case 23: // int4
        return Number;
      default:
        return (text: string) => text;
    }
  },
};

/**
 * Node gives each address of a host 250 ms before it tries the next, too little for a distant server; libpq's way is
 * the whole time limit per address.
 */
class PatientSocket extends Socket {
  override connect(...args: unknown[]): this {
    const [port, host] = args;
    if (typeof port !== 'number') return super.connect(String(port));
    const options = { port, host: String(host), autoSelectFamilyAttemptTimeout: 5_000 };
    return super.connect(options as TcpNetConnectOpts);
  }
}

export interface DialOptions {
  readonly spec: ConnectionSpec;
  readonly host: { readonly host: string; readonly hostaddr?: string; readonly port: number };
  readonly transport: Transport;
  readonly applicationName: string;
  /** Called when the server asks for a password; undefined if there is none. */
  readonly password: () => string | undefined;
}

function notBound(): Fault {
  return new Fault('FF116', 'channel_binding=require, but the server does not ask for SCRAM-SHA-256-PLUS');
}

/** A client that is not connected yet. Nothing but the spec counts: pg's own reading of PG* variables is shut out. */
export function makeClient({ spec, host, transport, applicationName, password }: DialOptions): pg.Client {
  const mustBind = spec.channelBinding === 'require';
  let bound = false;
  const client = new pg.Client({
    host: host.hostaddr ?? host.host,
    port: host.port,
    user: spec.user,
    database: spec.database,
    // As a function, or pg would look into PGPASSWORD and .pgpass by itself.
    password: () => {
      if (mustBind && !bound) throw notBound();
      const text = password();
      if (text) return text;
      throw new Fault('FF102', `the server asks for a password of user "${spec.user}" and none was given`);
    },
    application_name: applicationName,
    ssl: transport === 'plain' ? false : { ...transport },
    sslnegotiation: 'postgres',
    enableChannelBinding: transport !== 'plain' && spec.channelBinding !== 'disable',
    scramMaxIterations: 10_000_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 30_000,
    stream: () => new PatientSocket() as Socket,
    types,
  } as pg.ClientConfig);
  const { connectionParameters } = client as unknown as DriverClient;
  connectionParameters.options = spec.options;
  connectionParameters.replication = undefined;
  if (mustBind) {
    const connection = driverConnection(client);
    connection.on('authenticationSASL', (message: { mechanisms: string[] }) => {
      bound = transport !== 'plain' && message.mechanisms.includes('SCRAM-SHA-256-PLUS');
    });
    connection.on('authenticationOk', () => {
      if (!bound) connection.emit('error', notBound());
    });
  }
  return client;
}

/**
 * Connects, authenticates and does the first `work`, all within one time limit; on failure the socket is gone.
 * Rejects with the driver's error.
 */
export async function dial<Result>(
  client: pg.Client,
  work: () => Promise<Result>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Result> {
  const connection = driverConnection(client);
  const release = guardParser(connection);
  // A client must never take the process down with an unhandled 'error', not even after its failure.
  client.on('error', () => {});
  let stop: (fault: Fault) => void = () => {};
  const stopped = new Promise<never>((_resolve, reject) => {
    stop = reject;
  });
  const onAbort = () => stop(new Fault('FF509', 'interrupted while connecting'));
  const timer = setTimeout(
    () => stop(new Fault('FF111', `the server did not answer within ${Math.round(timeoutMs / 1000)} s`)),
    timeoutMs,
  );
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal?.aborted) onAbort();
    return await Promise.race([stopped, client.connect().then(work)]);
  } catch (error) {
    connection.stream.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    release();
  }
}

/**
 * pg's parser throws inside the socket's 'data' event when a server asks for GSS, SSPI or another method it does not
 * know, which would end the process. While authenticating, such a throw fails the connection instead.
 */
function guardParser(connection: DriverConnection): () => void {
  const guarded: Socket[] = [];
  const guard = () => {
    const { stream } = connection;
    const emit = stream.emit;
    stream.emit = function guardedEmit(this: Socket, ...args: [string, ...unknown[]]): boolean {
      try {
        return Reflect.apply(emit, this, args);
      } catch (error) {
        if (args[0] !== 'data') throw error;
        connection.emit('error', error);
        return true;
      }
    } as Socket['emit'];
    guarded.push(stream);
  };
  guard();
  connection.once('sslconnect', guard);
  return () => {
    for (const stream of guarded) Reflect.deleteProperty(stream, 'emit');
  };
}
