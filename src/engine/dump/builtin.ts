import type { Socket } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { ConnectionSpec } from '../../protocol/connection.js';
import { Fault } from '../errors/fault.js';
import { connect } from '../postgres/connect.js';
import type { Session } from '../postgres/session.js';
import { takeOver } from '../postgres/takeOver.js';
import { terminateBackends } from '../postgres/terminate.js';
import { dumpFault } from './dumpFault.js';
import { cell, type WorkerInput, type WorkerMessage } from './workerProtocol.js';

/** Server bytes on their way to the worker above which the socket is paused. */
const inFlightLimit = 8 << 20;
const goodbyeMs = 2_000;

export interface BuiltinDump {
  readonly spec: ConnectionSpec;
  /** Of pg_export_snapshot(), by a session that stays open meanwhile. */
  readonly snapshot?: string;
  /** pg_dump's options, without connection and output. */
  readonly args: readonly string[];
  readonly signal: AbortSignal;
  /** Folder of pgDumpWorker.js, pgDumpFactory.mjs and pg_dump.wasm. */
  readonly distDir: string;
  /** Lines of pg_dump's stderr. */
  readonly onMessage: (line: string) => void;
}

/**
 * Runs the built-in pg_dump over a connection of ours and gives its output. Kept in memory: DDL may hold secrets.
 * @throws Fault FF1xx, FF300; FF509 when aborted, after the backend is gone.
 */
export async function dumpBuiltin(options: BuiltinDump): Promise<string> {
  const { spec, signal } = options;
  const session = await connect(spec, 'dump', { signal, side: 'source' });
  try {
    const startupReply = await startupReplyFor(session);
    const socket = takeOver(session);
    const dump = await runWorker(options, socket, startupReply);
    await goodbye(socket);
    return decode(dump);
  } catch (error) {
    session.destroy();
    // It may be waiting for a lock or in the middle of a long query, and would not see the closed socket.
    await terminateBackends(spec, [session.backendPid]);
    throw signal.aborted ? new Fault('FF509', 'the dump was interrupted') : error;
  }
}

async function runWorker(
  options: BuiltinDump,
  socket: Socket,
  startupReply: Uint8Array,
): Promise<Uint8Array> {
  const { signal, distDir, snapshot, onMessage } = options;
  const control = new Int32Array(new SharedArrayBuffer(8));
  const { port1: toWorker, port2: fromServer } = new MessageChannel();
  const input: WorkerInput = {
    factoryUrl: pathToFileURL(join(distDir, 'pgDumpFactory.mjs')).href,
    wasmFile: join(distDir, 'pg_dump.wasm'),
    args: [
      '-d',
      conninfo(options.spec),
      ...options.args,
      ...(snapshot === undefined ? [] : [`--snapshot=${snapshot}`]),
    ],
    startupReply,
    fromServer,
    control: control.buffer as SharedArrayBuffer,
  };
  const worker = new Worker(join(distDir, 'pgDumpWorker.js'), {
    workerData: input,
    transferList: [fromServer],
  });
  const relay = relayToWorker(socket, control, (chunk) => toWorker.postMessage(chunk));
  const stderr: string[] = [];
  const finished = new Promise<Uint8Array>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    worker.on('error', (error) => reject(dumpFault(stderr, options.spec, error)));
    worker.on('exit', () => reject(dumpFault(stderr, options.spec)));
    worker.on('message', (message: WorkerMessage) => {
      switch (message.type) {
        case 'send':
          socket.write(message.bytes);
          break;
        case 'consumed':
          relay.consumed(message.bytes);
          break;
        case 'message':
          stderr.push(message.text);
          onMessage(message.text);
          break;
        case 'done':
          signal.removeEventListener('abort', onAbort);
          if (message.exitCode === 0) resolve(message.dump);
          else if (relay.ended())
            reject(new Fault('FF115', 'the source closed the connection during the dump'));
          else reject(dumpFault(stderr, options.spec));
      }
    });
  });
  try {
    return await finished;
  } finally {
    toWorker.close();
    await worker.terminate();
  }
}

/** Posts what the server sends and wakes the worker; pauses the socket while the worker is behind. */
function relayToWorker(
  socket: Socket,
  control: Int32Array,
  postChunk: (chunk: Uint8Array) => void,
): { consumed: (bytes: number) => void; ended: () => boolean } {
  let inFlight = 0;
  const wake = () => {
    Atomics.add(control, cell.posted, 1);
    Atomics.notify(control, cell.posted);
  };
  const end = () => {
    Atomics.store(control, cell.ended, 1);
    wake();
  };
  socket.on('data', (chunk: Buffer) => {
    inFlight += chunk.length;
    postChunk(chunk);
    wake();
    if (inFlight > inFlightLimit) socket.pause();
  });
  for (const event of ['end', 'close', 'error']) socket.on(event, end);
  if (socket.destroyed) end();
  socket.resume();
  return {
    ended: () => Atomics.load(control, cell.ended) === 1,
    consumed: (bytes) => {
      inFlight -= bytes;
      if (inFlight < inFlightLimit / 2 && socket.isPaused()) socket.resume();
    },
  };
}

/** https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-ASYNC */
const reportedSettings = [
  'server_version',
  'server_encoding',
  'client_encoding',
  'application_name',
  'is_superuser',
  'session_authorization',
  'DateStyle',
  'IntervalStyle',
  'TimeZone',
  'integer_datetimes',
  'standard_conforming_strings',
  'in_hot_standby',
  'default_transaction_read_only',
];

/** What libpq of the worker reads instead of a real start-up: authenticated, these parameters, ready. */
async function startupReplyFor(session: Session): Promise<Uint8Array> {
  const { rows } = await session.query<{ name: string; setting: string }>(
    `SELECT name, setting FROM (SELECT name, pg_catalog.current_setting(name, true) AS setting
       FROM pg_catalog.unnest($1::text[]) name) s WHERE setting IS NOT NULL`,
    [reportedSettings],
  );
  return Buffer.concat([
    message('R', Buffer.alloc(4)),
    ...rows.map(({ name, setting }) => message('S', Buffer.from(`${name}\0${setting}\0`))),
    message('K', Buffer.alloc(8)), // never used: it cannot open a second connection to cancel
    message('Z', Buffer.from('I')),
  ]);
}

function message(type: string, body: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.write(type, 0, 'latin1');
  header.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

/** Only names the session for messages; no connection is made by it. */
function conninfo(spec: ConnectionSpec): string {
  const quote = (text: string) => `'${text.replace(/['\\]/g, '\\$&')}'`;
  return `host=/tmp dbname=${quote(spec.database)} user=${quote(spec.user)} sslmode=disable gssencmode=disable`;
}

/** pg_dump has sent Terminate; the server closes. */
async function goodbye(socket: Socket): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    timer = setTimeout(resolve, goodbyeMs);
    socket.once('close', () => resolve());
    if (socket.closed) resolve();
    socket.resume();
    socket.end();
  });
  clearTimeout(timer);
  socket.destroy();
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Fault('FF300', 'the schema holds text that is not valid UTF-8', {
      fix: 'The database has the encoding SQL_ASCII and names, comments or defaults in another encoding. Write them in UTF-8 on the source.',
      cause: error,
    });
  }
}
