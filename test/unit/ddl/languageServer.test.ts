/** The bundled language server as the editor starts it: a process of its own, over stdio. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { build } from 'esbuild';
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node';
import type { Diagnostic, DocumentSymbol, PublishDiagnosticsParams } from 'vscode-languageserver/node';

const root = join(__dirname, '../../..');
const uri = 'file:///project/shop.flexferry/ddl/shop/pre-data.sql';

async function withServer(
  use: (server: ReturnType<typeof createMessageConnection>) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'flexferry-'));
  try {
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
    const child = spawn(process.execPath, [join(folder, 'languageServer.js'), '--stdio'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    const server = createMessageConnection(
      new StreamMessageReader(child.stdout),
      new StreamMessageWriter(child.stdin),
    );
    server.listen();
    try {
      await server.sendRequest('initialize', { processId: process.pid, rootUri: null, capabilities: {} });
      await server.sendNotification('initialized', {});
      await use(server);
      await server.sendRequest('shutdown');
      await server.sendNotification('exit');
      const [code] = await ended;
      assert.equal(code, 0);
    } finally {
      server.dispose();
      child.kill();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('language server', () => {
  it('underlines syntax errors and findings, and gives an outline', async () => {
    await withServer(async (server) => {
      const published: PublishDiagnosticsParams[] = [];
      let wake: () => void = () => undefined;
      server.onNotification('textDocument/publishDiagnostics', (params: PublishDiagnosticsParams) => {
        published.push(params);
        wake();
      });
      const diagnosticsOf = async (version: number): Promise<Diagnostic[]> => {
        for (;;) {
          const found = published.find((params) => params.version === version);
          if (found !== undefined) return found.diagnostics;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      };
      const text = `CREATE SCHEMA app;
CREATE TABLE app."😀🚚" (a text DEFAULT '😀', b int,, c int);
CREATE TYPE app.t;
CREATE TABLE app.ok (a int);
ALTER TABLE app.ok ALTER COLUMN a SET DEFAULT 1;
`;
      await server.sendNotification('textDocument/didOpen', {
        textDocument: { uri, languageId: 'sql', version: 1, text },
      });
      const [syntax, rule, ...others] = await diagnosticsOf(1);
      assert.deepEqual(others, []);
      assert.equal(syntax?.code, '42601');
      assert.equal(syntax?.severity, 1);
      const column = text.split('\n')[1]?.indexOf(',, c');
      assert.deepEqual(syntax?.range.start, { line: 1, character: (column ?? 0) + 1 });
      assert.equal(rule?.code, 'FF404');
      assert.deepEqual(rule?.range, { start: { line: 2, character: 0 }, end: { line: 2, character: 18 } });
      const symbols = await server.sendRequest<DocumentSymbol[]>('textDocument/documentSymbol', {
        textDocument: { uri },
      });
      assert.deepEqual(
        symbols.map(({ name, children }) => [name, children?.map((child) => child.name)]).slice(-1),
        [['table app.ok', ['default of column app.ok.a']]],
      );
      await server.sendNotification('textDocument/didChange', {
        textDocument: { uri, version: 2 },
        contentChanges: [{ text: 'CREATE TABLE app.ok (a int);\n' }],
      });
      assert.deepEqual(await diagnosticsOf(2), []);
    });
  });
});
