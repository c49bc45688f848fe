/** What the server answers, and when it says what is wrong. */
import {
  type CancellationToken,
  CodeActionKind,
  CodeLensRefreshRequest,
  type Connection,
  DidChangeConfigurationNotification,
  type InitializeParams,
  type InitializeResult,
  ResponseError,
  TextDocumentSyncKind,
  TextDocuments,
} from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import {
  type StatementReference,
  type StatementStates,
  sourceMethod,
  statesMethod,
} from '../protocol/ddl.js';
import { completionsAt } from './completion.js';
import { Lenses } from './lenses.js';
import { definitionsAt, hoverAt, referencesAt } from './navigation.js';
import { Publisher } from './publisher.js';
import { actionsFor, fixAllKind } from './quickFixes.js';
import { SqlFile } from './sqlFile.js';
import { foldingOf, symbolsOf } from './symbols.js';
import { defaultSettings, Workspace } from './workspace.js';

const capabilities: InitializeResult['capabilities'] = {
  textDocumentSync: TextDocumentSyncKind.Incremental,
  documentSymbolProvider: true,
  foldingRangeProvider: true,
  definitionProvider: true,
  referencesProvider: true,
  hoverProvider: true,
  completionProvider: { triggerCharacters: ['.', '"'] },
  codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix, fixAllKind] },
  codeLensProvider: { resolveProvider: true },
};

export function serve(connection: Connection): void {
  const documents = new TextDocuments({
    create: (uri, language, version, text) => new SqlFile(TextDocument.create(uri, language, version, text)),
    update: (file: SqlFile, changes, version) => file.update(changes, version),
  });
  const workspace = new Workspace(documents);
  const publisher = new Publisher(connection, workspace, documents);
  let client: InitializeParams['capabilities'] = {};

  connection.onInitialize((params) => {
    client = params.capabilities;
    return { capabilities, serverInfo: { name: 'flexferry-sql' } };
  });
  const refreshLenses = () => {
    if (client.workspace?.codeLens?.refreshSupport !== true) return;
    connection.sendRequest(CodeLensRefreshRequest.type).catch(() => undefined); // the client is gone
  };
  const readSettings = async () => {
    if (client.workspace?.configuration === true) {
      const read: unknown = await connection.workspace.getConfiguration('flexferry');
      workspace.settings = settingsOf(read);
    }
    publisher.allSoon();
    refreshLenses();
  };
  const settingsRead = () =>
    readSettings().catch((error: unknown) => connection.console.error(String(error)));
  connection.onInitialized(() => {
    if (client.workspace?.didChangeConfiguration?.dynamicRegistration === true) {
      connection.client
        .register(DidChangeConfigurationNotification.type, { section: 'flexferry' })
        .catch((error: unknown) => connection.console.error(String(error)));
    }
    void settingsRead();
  });
  connection.onDidChangeConfiguration(() => void settingsRead());
  connection.onDidChangeWatchedFiles(() => {
    publisher.allSoon();
    refreshLenses();
  });
  connection.onNotification(statesMethod, (states: StatementStates) => {
    workspace.setStates(states);
    publisher.allSoon();
    refreshLenses();
  });
  answer(connection, workspace);
  documents.onDidChangeContent(({ document }) => publisher.changed(document));
  documents.onDidClose(({ document }) => publisher.close(document));
  documents.listen(connection);
  connection.listen();
}

/** Requests. What fails is logged and answered with nothing, unless the client is to ask again. */
function answer(connection: Connection, workspace: Workspace): void {
  const about = async <T>(uri: string, empty: T, of: (file: SqlFile) => Promise<T>): Promise<T> => {
    const file = workspace.file(uri);
    if (file === undefined) return empty;
    try {
      return await of(file);
    } catch (error) {
      if (error instanceof ResponseError) throw error;
      connection.console.error(error instanceof Error ? String(error.stack) : String(error));
      return empty;
    }
  };
  const lenses = new Lenses(workspace);
  connection.onDocumentSymbol(({ textDocument }) => about(textDocument.uri, [], symbolsOf));
  connection.onFoldingRanges(({ textDocument }) => about(textDocument.uri, [], foldingOf));
  connection.onDefinition(({ textDocument, position }) =>
    about(textDocument.uri, [], (file) => definitionsAt(workspace, file, position)),
  );
  connection.onReferences(({ textDocument, position, context }, token) =>
    about(textDocument.uri, [], (file) =>
      referencesAt(workspace, file, position, context.includeDeclaration, token),
    ),
  );
  connection.onHover(({ textDocument, position }, token) =>
    about(textDocument.uri, null, (file) => hoverAt(workspace, file, position, token)),
  );
  connection.onCompletion(({ textDocument, position }, token) =>
    about(textDocument.uri, null, (file) => completionsAt(workspace, file, position, token)),
  );
  connection.onCodeAction((params) =>
    about(params.textDocument.uri, [], (file) => actionsFor(workspace, file, params)),
  );
  connection.onCodeLens(({ textDocument }) => about(textDocument.uri, [], (file) => lenses.of(file)));
  connection.onCodeLensResolve((lens) => lenses.resolve(lens));
  connection.onRequest(sourceMethod, ({ uri, key }: StatementReference, _token: CancellationToken) => {
    const sources = workspace.context(uri)?.context.sources;
    return sources !== undefined && Object.hasOwn(sources, key) ? sources[key] : null;
  });
}

function settingsOf(read: unknown): typeof defaultSettings {
  const { maxProblems, codeLens } = (read ?? {}) as { maxProblems?: unknown; codeLens?: unknown };
  return {
    maxProblems:
      typeof maxProblems === 'number' && maxProblems >= 0 ? maxProblems : defaultSettings.maxProblems,
    codeLens: typeof codeLens === 'boolean' ? codeLens : defaultSettings.codeLens,
  };
}
