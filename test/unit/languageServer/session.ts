/** The bundled language server as the editor starts it, a process of its own over stdio, and a project on the disk. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import {
  createMessageConnection,
  type MessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import type {
  CodeAction,
  Diagnostic,
  Position,
  PublishDiagnosticsParams,
  Range,
  TextDocumentContentChangeEvent,
  TextEdit,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import type { DdlContext } from '../../../src/protocol/ddl.js';

const root = join(__dirname, '../../..');

async function bundle(folder: string): Promise<string> {
  await build({
    entryPoints: [join(root, 'src/languageServer/main.ts')],
    outfile: join(folder, 'languageServer.js'),
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    logLevel: 'silent',
  });
  const wasm = join(dirname(require.resolve('libpg-query')), 'libpg-query.wasm');
  copyFileSync(wasm, join(folder, 'libpg-query.wasm'));
  return join(folder, 'languageServer.js');
}

export const shopContext: DdlContext = {
  version: 1,
  database: 'shop',
  target: {
    versionNum: 170000,
    isFlexibleServer: true,
    allowedExtensions: ['hstore'],
    availableExtensions: ['hstore', 'citext', 'pg_trgm'],
    installedExtensions: ['plpgsql'],
    roles: ['flexadmin', 'Shop', 'shop_reader', 'pg_monitor', 'azure_pg_admin'],
  },
  relations: [
    { schema: 'app', name: 'orders', kind: 'table', bytes: 5 << 20, rows: 12345 },
    { schema: 'app', name: 'order_totals', kind: 'view', bytes: 0, rows: 0 },
  ],
  sources: {},
};

export interface Options {
  readonly settings?: { readonly maxProblems?: number; readonly codeLens?: boolean };
}

/** One text as the editor has it. */
export class OpenFile {
  readonly #published: PublishDiagnosticsParams[] = [];
  #wake: () => void = () => undefined;
  document: TextDocument;

  constructor(
    private readonly server: MessageConnection,
    readonly uri: string,
    text: string,
  ) {
    this.document = TextDocument.create(uri, 'sql', 1, text);
  }

  published(params: PublishDiagnosticsParams): void {
    this.#published.push(params);
    this.#wake();
  }

  /** What was sent for the newest version, once it is as wanted. */
  async diagnostics(isWanted: (all: Diagnostic[]) => boolean = () => true): Promise<Diagnostic[]> {
    for (;;) {
      const found = this.#published.findLast(({ version }) => version === this.document.version);
      if (found !== undefined && isWanted(found.diagnostics)) return found.diagnostics;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async change(...changes: TextDocumentContentChangeEvent[]): Promise<void> {
    this.document = TextDocument.update(this.document, changes, this.document.version + 1);
    await this.server.sendNotification('textDocument/didChange', {
      textDocument: { uri: this.uri, version: this.document.version },
      contentChanges: changes,
    });
  }

  /** Replaces the first place of a text. */
  async replace(old: string, text: string): Promise<void> {
    await this.change({ range: this.rangeOf(old), text });
  }

  rangeOf(text: string, from = 0): Range {
    const start = this.document.getText().indexOf(text, from);
    assert.notEqual(start, -1, `no ${text}`);
    return { start: this.document.positionAt(start), end: this.document.positionAt(start + text.length) };
  }

  /** The cursor in the middle of a text. */
  at(text: string, within = 1): Position {
    const start = this.document.getText().indexOf(text);
    assert.notEqual(start, -1, `no ${text}`);
    return this.document.positionAt(start + within);
  }

  textAt(range: Range): string {
    return this.document.getText(range);
  }

  request<T>(method: string, more: object = {}): Promise<T> {
    return this.server.sendRequest<T>(method, { textDocument: { uri: this.uri }, ...more });
  }

  async actions(diagnostic: Diagnostic, only?: string[]): Promise<CodeAction[]> {
    const context = { diagnostics: [diagnostic], ...(only && { only }) };
    return this.request('textDocument/codeAction', { range: diagnostic.range, context });
  }

  /** The text after an action. */
  applied(action: CodeAction | undefined): string {
    const edits: TextEdit[] | undefined = action?.edit?.changes?.[this.uri];
    assert.ok(edits, 'an edit');
    return TextDocument.applyEdits(this.document, edits);
  }
}

export class Session {
  readonly #files = new Map<string, OpenFile>();

  constructor(
    readonly server: MessageConnection,
    readonly folder: string,
    readonly pid: number,
  ) {
    server.onNotification('textDocument/publishDiagnostics', (params: PublishDiagnosticsParams) =>
      this.#files.get(params.uri)?.published(params),
    );
  }

  uri(path: string): string {
    return pathToFileURL(join(this.folder, path)).href;
  }

  write(path: string, text: string): void {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  writeContext(change: Partial<DdlContext> = {}): void {
    this.write('shop.flexferry/generated/shop/context.json', JSON.stringify({ ...shopContext, ...change }));
  }

  async open(text: string, path = 'shop.flexferry/ddl/shop/pre-data.sql'): Promise<OpenFile> {
    const uri = this.uri(path);
    const file = new OpenFile(this.server, uri, text);
    this.#files.set(uri, file);
    await this.server.sendNotification('textDocument/didOpen', {
      textDocument: { uri, languageId: 'sql', version: 1, text },
    });
    return file;
  }

  /** Peak resident memory of the server, MB. */
  peakMemory(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
  }
}

export async function withBundle(use: (module: string, folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'flexferry-'));
  try {
    await use(await bundle(folder), folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Ends the server after use and demands that it ends well. */
export function withServer(
  use: (session: Session) => Promise<void>,
  { settings = {} }: Options = {},
): Promise<void> {
  return withBundle(async (module, folder) => {
    const child = spawn(process.execPath, [module, '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    const server = createMessageConnection(
      new StreamMessageReader(child.stdout),
      new StreamMessageWriter(child.stdin),
    );
    server.onRequest('workspace/configuration', ({ items }: { items: unknown[] }) =>
      items.map(() => settings),
    );
    server.onRequest('workspace/codeLens/refresh', () => null);
    server.onRequest('client/registerCapability', () => null);
    const errors: string[] = [];
    server.onNotification('window/logMessage', ({ type, message }: { type: number; message: string }) => {
      if (type === 1) errors.push(message);
    });
    server.listen();
    try {
      const capabilities = {
        workspace: { configuration: true, codeLens: { refreshSupport: true } },
        textDocument: { publishDiagnostics: { relatedInformation: true, codeDescriptionSupport: true } },
      };
      await server.sendRequest('initialize', { processId: process.pid, rootUri: null, capabilities });
      await server.sendNotification('initialized', {});
      await use(new Session(server, folder, child.pid ?? 0));
      await server.sendRequest('shutdown');
      await server.sendNotification('exit');
      const [code] = await ended;
      assert.equal(code, 0);
      assert.deepEqual(errors, []);
    } finally {
      server.dispose();
      child.kill();
    }
  });
}
