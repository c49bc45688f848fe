/** Sends diagnostics a moment after the last change. */
import { setImmediate } from 'node:timers/promises';
import { CancellationToken, type Connection, ResponseError } from 'vscode-languageserver';
import { skipMarker } from '../protocol/ddl.js';
import { isGenerated, siblingOf } from './context.js';
import { diagnosticsOf, type Placed, problemsIn, ruleProblems } from './diagnostics.js';
import { needsSkipped } from './missing.js';
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
      this.#publish(file).catch((error: unknown) => {
        // The file was changed meanwhile, which has its own turn.
        if (!(error instanceof ResponseError)) this.connection.console.error(String(error));
      });
    };
    this.#timers.set(file.uri, setTimeout(run, this.#shown.has(file.uri) ? typingPauseMs : 0));
  }

  /** A file changed: what is skipped in it concerns the other file of its database. */
  changed(file: SqlFile): void {
    this.soon(file);
    const uri = siblingOf(file.uri);
    const other = uri === undefined ? undefined : this.documents.get(uri);
    if (other === undefined) return;
    if (this.workspace.missing(other).length > 0 || file.document.getText().includes(skipMarker))
      this.soon(other);
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
    const context = this.workspace.context(uri);
    // In turns: of a new file, or for a new target, all statements are judged.
    let until = performance.now() + turnMs;
    for (const entry of model.entries) {
      if (isStale()) return;
      ruleProblems(model, entry, context?.facts);
      if (performance.now() < until) continue;
      await setImmediate();
      until = performance.now() + turnMs;
    }
    // A newer version has its own timer running.
    if (isStale()) return;
    const placed = problemsIn(model, context, this.workspace.states(uri));
    const send = (all: readonly Placed[]) => {
      const diagnostics = diagnosticsOf(file, all, this.workspace.settings.maxProblems);
      this.#shown.add(uri);
      return this.connection.sendDiagnostics({ uri, version, diagnostics });
    };
    // What other statements and files say about it takes longer: it comes after, unless that would flicker.
    const had = this.workspace.missing(file).length > 0;
    if (!had) await send(placed);
    if (!isGenerated(uri)) return;
    const missing = await needsSkipped(file, await this.workspace.database(file), CancellationToken.None);
    if (isStale()) return;
    this.workspace.setMissing(file, missing);
    if (had || missing.length > 0) await send([...placed, ...missing]);
  }
}
