/** Language server of the generated SQL files: a thin shell over src/ddl. Talks IPC or stdio, as it was started. */
import {
  createConnection,
  type Diagnostic,
  DiagnosticSeverity,
  DocumentSymbol,
  ProposedFeatures,
  SymbolKind,
  TextDocumentSyncKind,
  TextDocuments,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { loadParser } from '../ddl/parser.js';
import type { Statement } from '../ddl/statement.js';
import { analyze, type OutlineEntry, type OutlineKind, outlineOf, problemsOf } from './analyze.js';

/** Above this a keystroke would cost seconds; such a file is checked when it is run. UTF-16 units. */
const longestText = 8 << 20;
const typingPauseMs = 250;

const severities = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  note: DiagnosticSeverity.Information,
} as const;

const symbolKinds: Readonly<Record<OutlineKind, SymbolKind>> = {
  schema: SymbolKind.Namespace,
  table: SymbolKind.Class,
  view: SymbolKind.Interface,
  routine: SymbolKind.Function,
  type: SymbolKind.Struct,
  index: SymbolKind.Key,
  constraint: SymbolKind.Property,
  trigger: SymbolKind.Event,
  other: SymbolKind.Object,
};

interface Analysis {
  readonly version: number;
  readonly statements: readonly Statement[];
}

function serve(): void {
  const connection = createConnection(ProposedFeatures.all);
  const documents = new TextDocuments(TextDocument);
  const analyses = new Map<string, Analysis>();
  const timers = new Map<string, NodeJS.Timeout>();
  const parser = loadParser();

  const statementsOf = async (document: TextDocument): Promise<readonly Statement[]> => {
    await parser;
    const known = analyses.get(document.uri);
    if (known?.version === document.version) return known.statements;
    const text = document.getText();
    const statements = text.length > longestText ? [] : analyze(text);
    analyses.set(document.uri, { version: document.version, statements });
    return statements;
  };

  const publish = async (document: TextDocument): Promise<void> => {
    const { uri, version } = document;
    const diagnostics = problemsOf(await statementsOf(document)).map(
      ({ start, end, severity, code, message }): Diagnostic => ({
        range: { start: document.positionAt(start), end: document.positionAt(end) },
        severity: severities[severity],
        source: code.startsWith('FF') ? 'flexferry' : 'postgresql',
        code,
        message,
      }),
    );
    // A newer version may have come meanwhile: its own timer is running.
    if (documents.get(uri)?.version === version)
      await connection.sendDiagnostics({ uri, version, diagnostics });
  };

  connection.onInitialize(() => ({
    capabilities: { textDocumentSync: TextDocumentSyncKind.Incremental, documentSymbolProvider: true },
    serverInfo: { name: 'flexferry-sql' },
  }));
  connection.onDocumentSymbol(async ({ textDocument }) => {
    const document = documents.get(textDocument.uri);
    return document === undefined
      ? []
      : outlineOf(await statementsOf(document)).map((entry) => symbol(document, entry));
  });
  documents.onDidChangeContent(({ document }) => {
    clearTimeout(timers.get(document.uri));
    const known = analyses.has(document.uri);
    const run = () => {
      publish(document).catch((error: unknown) => connection.console.error(String(error)));
    };
    timers.set(document.uri, setTimeout(run, known ? typingPauseMs : 0));
  });
  documents.onDidClose(({ document }) => {
    clearTimeout(timers.get(document.uri));
    timers.delete(document.uri);
    analyses.delete(document.uri);
    void connection.sendDiagnostics({ uri: document.uri, diagnostics: [] });
  });
  documents.listen(connection);
  connection.listen();
}

function symbol(document: TextDocument, entry: OutlineEntry): DocumentSymbol {
  const range = (start: number, end: number) => ({
    start: document.positionAt(start),
    end: document.positionAt(end),
  });
  return DocumentSymbol.create(
    entry.name,
    entry.detail,
    symbolKinds[entry.kind],
    range(entry.start, entry.end),
    range(entry.nameStart, entry.nameEnd),
    entry.children.map((child) => symbol(document, child)),
  );
}

serve();
