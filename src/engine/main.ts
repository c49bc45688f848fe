/** Entry of the engine process: answers the extension over the IPC channel it was forked with, and ends with it. */
import {
  type CancellationToken,
  createMessageConnection,
  ErrorCodes,
  IPCMessageReader,
  IPCMessageWriter,
  type RequestType,
  ResponseError,
} from 'vscode-jsonrpc/node';
import { loadParser } from '../ddl/parser.js';
import type { FaultData, ServerFacts } from '../protocol/connection.js';
import {
  type ConnectionInput,
  checkProject,
  cleanUpFollow,
  type FollowPair,
  followStatus,
  generateDdl,
  listChildren,
  listDatabases,
  listTables,
  mappingCatalog,
  mappingTarget,
  type RunParams,
  readDdl,
  requestFollow,
  resolveConnection,
  runEvent,
  runMigration,
  runSnapshot,
  runSql,
  testConnection,
  tryRowFilter,
} from '../protocol/engine.js';
import type { RunSnapshot } from '../protocol/model.js';
import { browseChildren, browseDatabases, databaseOfPath } from './catalog/browse.js';
import { BrowseSessions } from './catalog/browseSessions.js';
import { readMappingCatalog } from './catalog/mappingCatalog.js';
import { checkRowFilter, estimateRowFilter } from './catalog/mappingRowFilter.js';
import { readMappingTarget } from './catalog/mappingTarget.js';
import { toFault } from './errors/mapError.js';
import { generateDdl as generate } from './generateDdl.js';
import { runMigration as migrate } from './migration.js';
import { cleanUpFollow as cleanUp } from './online/cleanUpFollow.js';
import { requestFollow as request, followStatus as status } from './online/followControl.js';
import type { FollowSpecs } from './online/followPlace.js';
import { connect } from './postgres/connect.js';
import { parseConnectionText } from './postgres/connectionPastes.js';
import { resolveConnectionInput } from './postgres/connectionString.js';
import { serverFacts } from './postgres/facts.js';
import { checkProject as checkProjectText } from './project/checkProject.js';
import type { RunTracker } from './run/runTracker.js';
import { tablesPage } from './runTables.js';
import { readDdlOf, runSqlOn } from './sqlOnServer.js';

/** How long a run may take to stop, write its report and let go of both servers once its window went away. */
const stopWithinMs = 12_000;

const connection = createMessageConnection(new IPCMessageReader(process), new IPCMessageWriter(process));
const sessions = new BrowseSessions();
/** Aborts whatever runs when the extension host goes away. */
const gone = new AbortController();
let tracker: RunTracker | undefined;
let run: Promise<unknown> = Promise.resolve();

/** Answers a request; a Fault crosses as FaultData, anything else as FF900 without its stack. */
function answer<P, R>(
  type: RequestType<P, R, FaultData>,
  handle: (params: P, signal: AbortSignal) => Promise<R> | R,
): void {
  connection.onRequest(type, async (params, token) => {
    try {
      return await handle(params, signalOf(token));
    } catch (error) {
      const fault = toFault(error, { side: 'server' }).toData();
      return new ResponseError<FaultData>(ErrorCodes.InternalError, fault.message, fault);
    }
  });
}

function signalOf(token: CancellationToken): AbortSignal {
  const abort = new AbortController();
  if (token.isCancellationRequested) abort.abort();
  token.onCancellationRequested(() => abort.abort());
  return AbortSignal.any([abort.signal, gone.signal]);
}

answer(resolveConnection, (input) => {
  const { spec, canonical, poolerPort } = resolveConnectionInput(input);
  // The password of the text alone: one from .pgpass or the environment is not ours to keep.
  const given = parseConnectionText(input.text).get('password');
  const { password: _, ...rest } = spec;
  return {
    spec: rest,
    canonical,
    ...(given && { password: given }),
    ...(poolerPort !== undefined && { poolerPort }),
  };
});

answer(testConnection, async (input: ConnectionInput, signal): Promise<ServerFacts> => {
  const session = await connect(resolveConnectionInput(input).spec, 'test', { signal });
  try {
    return await serverFacts(session);
  } finally {
    await session.close();
  }
});

answer(listDatabases, (input, signal) =>
  sessions.use(resolveConnectionInput(input).spec, signal, (session) => browseDatabases(session)),
);

answer(listChildren, ({ connection: input, path, after, limit }, signal) => {
  const database = databaseOfPath(path) ?? input.database;
  const { spec } = resolveConnectionInput({ ...input, ...(database !== undefined && { database }) });
  return sessions.use(spec, signal, (session) => browseChildren(session, path, after, limit));
});

answer(checkProject, async ({ text }) => {
  await loadParser();
  return checkProjectText(text);
});

answer(mappingCatalog, (input, signal) =>
  sessions.use(resolveConnectionInput(input).spec, signal, readMappingCatalog),
);

answer(mappingTarget, (input, signal) =>
  readMappingTarget(sessions, resolveConnectionInput(input).spec, signal),
);

answer(tryRowFilter, async ({ connection: input, ...filter }, signal) => {
  await checkRowFilter(filter);
  return sessions.use(resolveConnectionInput(input).spec, signal, (session) =>
    estimateRowFilter(session, filter),
  );
});

answer(runMigration, (params: RunParams, signal): Promise<RunSnapshot> => {
  const running = migrate(params, {
    onSnapshot: (snapshot) => void send(() => connection.sendNotification(runSnapshot, snapshot)),
    onEvent: (event) => {
      if (event.event !== 'progress') void send(() => connection.sendNotification(runEvent, event));
    },
    onTracker: (started) => {
      tracker = started;
    },
    signal,
    distDir: __dirname,
  });
  run = running.catch(() => undefined);
  return running;
});

answer(generateDdl, (params, signal) =>
  generate(params, {
    signal,
    distDir: __dirname,
    onMessage: (message) => process.stdout.write(`${message}\n`),
  }),
);

answer(runSql, ({ connection: input, sql }, signal) =>
  runSqlOn(resolveConnectionInput(input).spec, sql, signal),
);

answer(readDdl, (input, signal) =>
  readDdlOf(resolveConnectionInput(input).spec, { signal, distDir: __dirname }),
);

const specsOf = ({ source, target }: FollowPair): FollowSpecs => ({
  source: resolveConnectionInput(source).spec,
  target: resolveConnectionInput(target).spec,
});

answer(requestFollow, async (params, signal) => {
  await request(specsOf(params), params.request, signal);
});

answer(followStatus, (pair, signal) => status(specsOf(pair), signal));

answer(cleanUpFollow, async ({ cancel = false, ...pair }, signal) => ({
  removed: await cleanUp(specsOf(pair), { cancel, signal }),
}));

answer(listTables, (params) => (tracker ? tablesPage(tracker, params) : { total: 0, tables: [] }));

/** A message to a host that went away is lost, not an error. */
async function send(post: () => Promise<void>): Promise<void> {
  if (!process.connected) return;
  await post().catch(() => undefined);
}

async function stop(): Promise<void> {
  gone.abort();
  setTimeout(() => process.exit(1), stopWithinMs).unref();
  await run;
  await sessions.close();
  process.exit(0);
}

process.once('disconnect', () => void stop());
process.once('SIGTERM', () => void stop());
process.once('SIGINT', () => void stop());
// The IPC channel of a host that was killed may close between two writes.
process.on('uncaughtException', (error: NodeJS.ErrnoException) => {
  if (error.code === 'ERR_IPC_CHANNEL_CLOSED' || error.code === 'EPIPE') return;
  process.stderr.write(`${error.name}: ${error.message}\n`);
  process.exitCode = 70;
  void stop();
});
connection.listen();
