import { join } from 'node:path';
import * as vscode from 'vscode';
import type { LanguageClient, LanguageClientOptions } from 'vscode-languageclient/node';
import {
  type StatementReference,
  type StatementStates,
  sourceMethod,
  statesMethod,
} from '../../../protocol/ddl.js';
import { ddlFileOf, generatedPattern } from '../ddlFile.js';

const t = vscode.l10n.t;

/** How long it may take to end before it is left to itself. */
const stopMs = 2000;

/**
 * The language server of the generated SQL files, in a process of its own. Neither the process nor the client's code is
 * loaded before such a file is opened, or another one is to be checked.
 */
export class LanguageService implements vscode.Disposable {
  readonly #started = new vscode.EventEmitter<void>();
  /** After every start: what the server was told before is to be told again. */
  readonly onDidStart = this.#started.event;
  /** Files that are none of ours and are to be checked all the same. */
  readonly #asked = new Set<string>();
  #client: Promise<LanguageClient> | undefined;
  /** Restarts go one after the other, or a server would be left over. */
  #restarts: Promise<unknown> = Promise.resolve();
  #contexts: vscode.FileSystemWatcher | undefined;
  #output: vscode.OutputChannel | undefined;

  constructor(private readonly dist: vscode.Uri) {}

  register(): vscode.Disposable[] {
    const opened = (document: vscode.TextDocument) => {
      if (!this.#client && isGenerated(document)) void this.start();
    };
    for (const document of vscode.workspace.textDocuments) opened(document);
    return [
      this,
      vscode.workspace.onDidOpenTextDocument(opened),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => this.#asked.delete(uri.toString())),
    ];
  }

  get running(): boolean {
    return this.#client !== undefined;
  }

  start(): Promise<LanguageClient> {
    this.#client ??= this.#launch().catch((error: unknown) => {
      this.#client = undefined;
      this.#channel().appendLine(String(error));
      throw error;
    });
    return this.#client;
  }

  async restart(): Promise<void> {
    const restarted = this.#restarts.then(async () => {
      await this.#stop();
      await this.start();
    });
    this.#restarts = restarted.catch(() => undefined);
    await restarted;
  }

  /** Has a document checked that is no generated file, until it is closed. */
  async check({ uri }: vscode.TextDocument): Promise<void> {
    if (this.#asked.has(uri.toString())) return;
    this.#asked.add(uri.toString());
    // A client's selector is fixed: a server that runs already is started anew with this file, too.
    await this.restart();
  }

  showLog(): void {
    this.#channel().show(true);
  }

  async sendStates(states: StatementStates): Promise<void> {
    const client = await this.#client;
    await client?.sendNotification(statesMethod, states);
  }

  /** The text of a statement on the source; null where it is unknown or the same. */
  async source(reference: StatementReference): Promise<string | null> {
    const client = await this.start();
    return client.sendRequest<string | null>(sourceMethod, reference);
  }

  /** Says that files on disk are others now: those outside of the workspace are not watched. */
  async filesChanged(uris: readonly vscode.Uri[]): Promise<void> {
    const client = await this.#client;
    const changes = uris.map((uri) => ({ uri: uri.toString(), type: 2 }));
    await client?.sendNotification('workspace/didChangeWatchedFiles', { changes });
  }

  dispose(): void {
    this.#stop().catch(() => undefined);
    this.#contexts?.dispose();
    this.#output?.dispose();
    this.#started.dispose();
  }

  async #launch(): Promise<LanguageClient> {
    const { ErrorAction, LanguageClient, State, TransportKind } = await import('./languageClient.js');
    const module = join(this.dist.fsPath, 'languageServer.js');
    const server = { module, transport: TransportKind.ipc, options: { execArgv: [] } };
    const client: LanguageClient = new LanguageClient(
      'flexferry-sql',
      t('Flexferry SQL'),
      { run: server, debug: server },
      {
        ...this.#options(),
        errorHandler: {
          // The client's own handler gives up after a few messages that could not be sent, as they can't where the
          // server has just crashed: it would never be started again. That it has ended is always told by `closed`.
          error: () => ({ action: ErrorAction.Continue, handled: true }),
          closed: () => restarting.closed(),
        },
      },
    );
    const restarting = client.createDefaultErrorHandler();
    // A server that crashed is started again by the client, and has forgotten what it was told.
    client.onDidChangeState(({ newState }) => {
      if (newState === State.Running) setTimeout(() => this.#started.fire(), 0);
    });
    await client.start();
    return client;
  }

  #options(): LanguageClientOptions {
    this.#contexts ??= vscode.workspace.createFileSystemWatcher('**/*.flexferry/generated/**/context.json');
    const asked = [...this.#asked].map((text) => {
      const uri = vscode.Uri.parse(text);
      // No escape is known to every reader of globs, but `?` stands for any character.
      return { scheme: uri.scheme, pattern: uri.fsPath.replace(/[*?{}[\]!]/g, '?') };
    });
    return {
      documentSelector: [{ scheme: 'file', pattern: generatedPattern }, ...asked],
      outputChannel: this.#channel(),
      synchronize: { fileEvents: this.#contexts },
    };
  }

  #channel(): vscode.OutputChannel {
    this.#output ??= vscode.window.createOutputChannel(t('Flexferry SQL'));
    return this.#output;
  }

  async #stop(): Promise<void> {
    const starting = this.#client;
    this.#client = undefined;
    const client = await starting?.catch(() => undefined);
    await client?.dispose(stopMs).catch((error: unknown) => this.#channel().appendLine(String(error)));
  }
}

export function isGenerated({ uri }: vscode.TextDocument): boolean {
  return uri.scheme === 'file' && ddlFileOf(uri) !== undefined;
}
