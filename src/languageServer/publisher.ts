/** Sends diagnostics a moment after the last change. */
import { setImmediate } from 'node:timers/promises';
import type { Connection } from 'vscode-languageserver';
import { diagnosticsOf, problemsIn, ruleProblems } from './diagnostics.js';
import { type SqlFile, turnMs } from './sqlFile.js';
import type { Workspace } from './workspace.js';

/** While somebody types, every word would be wrong for a moment. */
const typingPauseMs = 150;

export class Publisher {
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #shown = new Set<string>();

  constructor(
    private readonly connection: Connection,
    private readonly workspace: Workspace,
    private readonly documents: { all(): SqlFile[]; get(uri: string): SqlFile | undefined },
  ) {}

  soon(file: SqlFile): void {
    clearTimeout(this.#timers.get(file.uri));
    const run = () => {
      this.#timers.delete(file.uri);
      this.#publish(file).catch((error: unknown) => this.connection.console.error(String(error)));
    };
    this.#timers.set(file.uri, setTimeout(run, this.#shown.has(file.uri) ? typingPauseMs : 0));
  }

  /** What is known about all files has changed. */
  allSoon(): void {
    for (const file of this.documents.all()) this.soon(file);
  }

  close({ uri }: SqlFile): void {
    clearTimeout(this.#timers.get(uri));
    this.#timers.delete(uri);
    this.#shown.delete(uri);
    void this.connection.sendDiagnostics({ uri, diagnostics: [] });
  }

  async #publish(file: SqlFile): Promise<void> {
    const { uri, version } = file;
    const isStale = () => file.version !== version || this.documents.get(uri) !== file;
    const model = await file.statements();
    const facts = this.workspace.context(uri)?.facts;
    // In turns: of a new file, or for a new target, all statements are judged.
    let until = performance.now() + turnMs;
    for (const entry of model.entries) {
      if (isStale()) return;
      ruleProblems(model, entry, facts);
      if (performance.now() < until) continue;
      await setImmediate();
      until = performance.now() + turnMs;
    }
    // A newer version has its own timer running.
    if (isStale()) return;
    const placed = problemsIn(model, facts, this.workspace.states(uri));
    const diagnostics = diagnosticsOf(file, placed, this.workspace.settings.maxProblems);
    this.#shown.add(uri);
    await this.connection.sendDiagnostics({ uri, version, diagnostics });
  }
}
