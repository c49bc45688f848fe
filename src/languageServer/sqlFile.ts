/** A SQL file of the editor or of the disk, and what is known of its statements. */
import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Range, TextDocumentContentChangeEvent } from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { DdlDocument } from '../ddl/document.js';
import { loadParser } from '../ddl/parser.js';

/** How long the server may work at a stretch before it looks for messages. */
export const turnMs = 25;

export class SqlFile {
  readonly model = new DdlDocument();
  #taken: number | undefined;
  #taking: Promise<void> | undefined;

  constructor(public document: TextDocument) {}

  get uri(): string {
    return this.document.uri;
  }

  get version(): number {
    return this.document.version;
  }

  update(changes: readonly TextDocumentContentChangeEvent[], version: number): this {
    for (const change of changes) {
      const { document, model } = this;
      const length = document.getText().length;
      const [start, end] =
        'range' in change
          ? [document.offsetAt(change.range.start), document.offsetAt(change.range.end)]
          : [0, length];
      this.document = TextDocument.update(document, [change], version);
      // By the lengths, for a range may be given backwards.
      const from = Math.min(start, end);
      const inserted = this.document.getText().length - length + Math.abs(end - start);
      model.changed(from, Math.max(start, end), inserted);
    }
    return this;
  }

  /** The statements of the newest version. Offsets are good until the next await. */
  async statements(): Promise<DdlDocument> {
    await loadParser();
    while (this.#taken !== this.document.version) {
      this.#taking ??= this.#takeIn().finally(() => {
        this.#taking = undefined;
      });
      await this.#taking;
    }
    return this.model;
  }

  range(start: number, end: number): Range {
    return { start: this.document.positionAt(start), end: this.document.positionAt(end) };
  }

  async #takeIn(): Promise<void> {
    const { version } = this.document;
    let until = performance.now() + turnMs;
    for (const _ of this.model.update(this.document.getText())) {
      if (performance.now() < until) continue;
      await setImmediate();
      until = performance.now() + turnMs;
    }
    this.#taken = version;
  }
}

/** Files that are read from the disk are kept while they are in use, this many at a time. */
const keptFiles = 4;
/** Bytes. Larger ones are not read beside the one that is open. */
const longestSibling = 32 << 20;

/** Files that are not open in an editor. */
export class DiskFiles {
  readonly #files = new Map<string, { readonly stamp: string; readonly file: SqlFile }>();

  /** Undefined where there is none, or none that can be read. */
  async get(uri: string): Promise<SqlFile | undefined> {
    try {
      const path = fileURLToPath(uri);
      const { mtimeMs, size } = statSync(path);
      const stamp = `${mtimeMs} ${size}`;
      const known = this.#files.get(uri);
      this.#files.delete(uri);
      if (known?.stamp === stamp) {
        this.#files.set(uri, known);
        return known.file;
      }
      if (size > longestSibling) return undefined;
      // Editors do not count the byte order mark.
      const text = (await readFile(path, 'utf8')).replace(/^\uFEFF/, '');
      const file = new SqlFile(TextDocument.create(uri, 'sql', 0, text));
      this.#files.set(uri, { stamp, file });
      for (const oldest of this.#files.keys()) {
        if (this.#files.size <= keptFiles) break;
        this.#files.delete(oldest);
      }
      return file;
    } catch {
      return undefined;
    }
  }
}
