/** The engine as the extension starts it: a process that ends with the channel to whoever started it. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import {
  createMessageConnection,
  IPCMessageReader,
  IPCMessageWriter,
  type MessageConnection,
} from 'vscode-jsonrpc/node';
import { distDir } from './distDir.js';
import type { CliFolder } from './flexferry.js';

export interface EngineProcess {
  readonly engine: ChildProcess;
  /** Not listening yet. */
  readonly connection: MessageConnection;
  readonly ended: Promise<void>;
}

export function startEngine(folder: CliFolder): EngineProcess {
  const engine = fork(join(distDir, 'engine.js'), {
    env: { PATH: process.env['PATH'], HOME: folder.home, TMPDIR: folder.temporary },
    execArgv: [],
  });
  const connection = createMessageConnection(new IPCMessageReader(engine), new IPCMessageWriter(engine));
  connection.onError(() => undefined);
  const ended = new Promise<void>((resolve) => engine.once('exit', () => resolve()));
  return { engine, connection, ended };
}
