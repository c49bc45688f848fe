import { type ChildProcess, fork } from 'node:child_process';
import * as vscode from 'vscode';
import {
  type CancellationToken,
  createMessageConnection,
  IPCMessageReader,
  IPCMessageWriter,
  type MessageConnection,
  type NotificationHandler,
  type NotificationType,
  type RequestType,
} from 'vscode-jsonrpc/node';
import { ExtensionFault } from '../faults.js';

const exitGraceMs = 15_000;

/**
 * One forked engine. Started by the first request, ended by {@link dispose}; it also ends by itself when its channel
 * closes, so that it never outlives the extension host. Nothing secret goes into argv or the environment: passwords
 * travel in messages over the IPC pipe.
 */
export class EngineProcess implements vscode.Disposable {
  readonly #exited = new vscode.EventEmitter<{ expected: boolean }>();
  readonly onDidExit = this.#exited.event;
  #child: ChildProcess | undefined;
  #connection: MessageConnection | undefined;
  #disposed = false;

  constructor(
    private readonly script: string,
    private readonly log: vscode.LogOutputChannel,
    private readonly purpose: string,
  ) {}

  /** Rejects with a ResponseError that carries FaultData, or with FF900 when the process died. */
  async request<P, R, E>(type: RequestType<P, R, E>, params: P, token?: CancellationToken): Promise<R> {
    const connection = this.#start();
    const answer = connection.sendRequest(type, params, token);
    return new Promise((resolve, reject) => {
      const exit = this.onDidExit(() => {
        exit.dispose();
        reject(
          new ExtensionFault({
            code: 'FF900',
            message: vscode.l10n.t('The engine process ended unexpectedly.'),
            fix: vscode.l10n.t(
              'Try again; finished work of a migration is kept. See the log for its last words.',
            ),
          }),
        );
      });
      answer.then(resolve, reject).finally(() => exit.dispose());
    });
  }

  onNotification<P>(type: NotificationType<P>, handler: NotificationHandler<P>): void {
    this.#start().onNotification(type, handler);
  }

  #start(): MessageConnection {
    if (this.#connection) return this.#connection;
    const child = fork(this.script, [], {
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // In a desktop VS Code the executable is Electron, which runs scripts only when asked to.
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', ELECTRON_NO_ASAR: '1' },
    });
    this.log.debug(`engine for ${this.purpose}: process ${child.pid ?? '?'} started`);
    child.stdout?.on('data', (data: Buffer) => this.log.debug(`engine: ${String(data).trimEnd()}`));
    child.stderr?.on('data', (data: Buffer) => this.log.warn(`engine: ${String(data).trimEnd()}`));
    const connection = createMessageConnection(new IPCMessageReader(child), new IPCMessageWriter(child));
    connection.onError(([error]) => this.log.warn(`engine channel: ${error.message}`));
    child.once('error', (error) => this.log.error(`engine could not be started: ${error.message}`));
    child.once('exit', (code, signal) => {
      this.log.debug(`engine for ${this.purpose}: process ended (${signal ?? code ?? '?'})`);
      connection.dispose();
      if (this.#child === child) {
        this.#child = undefined;
        this.#connection = undefined;
      }
      this.#exited.fire({ expected: this.#disposed });
    });
    connection.listen();
    this.#child = child;
    this.#connection = connection;
    return connection;
  }

  /** Closes the channel: the engine stops what it does, cleans up and exits; by force if it does not in time. */
  dispose(): void {
    this.#disposed = true;
    const child = this.#child;
    if (!child) return;
    const timer = setTimeout(() => child.kill('SIGKILL'), exitGraceMs);
    timer.unref();
    child.once('exit', () => clearTimeout(timer));
    if (child.connected) child.disconnect();
  }
}
