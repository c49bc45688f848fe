/** The files the server knows, and what it was told about them. */

import { setImmediate } from 'node:timers/promises';
import { type CancellationToken, LSPErrorCodes, ResponseError } from 'vscode-languageserver';
import { DdlIndex, type Place } from '../ddl/documentIndex.js';
import type { StatementStates } from '../protocol/ddl.js';
import { Contexts, type FileContext, siblingOf } from './context.js';
import type { Placed, States } from './diagnostics.js';
import { DiskFiles, type SqlFile, turnMs } from './sqlFile.js';

export interface Settings {
  /** Diagnostics of one file at most. */
  readonly maxProblems: number;
  readonly codeLens: boolean;
}
export const defaultSettings: Settings = { maxProblems: 1000, codeLens: true };

/** The files of one database, and what their names mean. The first is the one that was asked about. */
export interface Database {
  readonly files: readonly SqlFile[];
  readonly index: DdlIndex;
}

export class Workspace {
  settings: Settings = defaultSettings;
  readonly #disk = new DiskFiles();
  readonly #contexts = new Contexts();
  readonly #states = new Map<string, States>();
  readonly #missing = new WeakMap<
    SqlFile,
    { readonly version: number; readonly placed: readonly Placed[] }
  >();
  #index: { readonly revisions: readonly number[]; readonly database: Database } | undefined;

  constructor(private readonly open: { get(uri: string): SqlFile | undefined }) {}

  file(uri: string): SqlFile | undefined {
    return this.open.get(uri);
  }

  context(uri: string): FileContext | undefined {
    return this.#contexts.of(uri);
  }

  states(uri: string): States | undefined {
    return this.#states.get(uri);
  }

  /** Problems with what is skipped, as last found, perhaps of an older version. */
  missing(file: SqlFile): readonly Placed[] {
    return this.#missing.get(file)?.placed ?? [];
  }

  /** The same where their offsets are still good. */
  missingNow(file: SqlFile): readonly Placed[] {
    const known = this.#missing.get(file);
    return known?.version === file.version ? known.placed : [];
  }

  setMissing(file: SqlFile, placed: readonly Placed[]): void {
    this.#missing.set(file, { version: file.version, placed });
  }

  setStates({ uris, states }: StatementStates): void {
    const map: States = new Map(Object.entries(states));
    for (const uri of uris) this.#states.set(uri, map);
  }

  /** With pre-data.sql goes post-data.sql of the same folder, as it is in the editor or else on the disk. */
  async database(file: SqlFile): Promise<Database> {
    const uri = siblingOf(file.uri);
    const sibling = uri === undefined ? undefined : (this.open.get(uri) ?? (await this.#disk.get(uri)));
    const files = sibling === undefined ? [file] : [file, sibling];
    for (const each of files) await each.statements();
    // A file may have changed while the other was read.
    await file.statements();
    const revisions = files.map(({ model }) => model.revision);
    const known = this.#index;
    const isSame =
      known?.database.files.length === files.length &&
      files.every((each, i) => known.database.files[i] === each && known.revisions[i] === revisions[i]);
    if (known !== undefined && isSame) return known.database;
    const database = { files, index: new DdlIndex(files.map(({ model }) => model)) };
    this.#index = { revisions, database };
    return database;
  }
}

/**
 * Runs what pauses with `undefined` to its end, in turns, unless it is cancelled or a file changes meanwhile: then
 * offsets mean nothing any more. `most` ends it early.
 */
export async function collect<T>(
  steps: Generator<T | undefined>,
  files: readonly SqlFile[],
  token: CancellationToken,
  most = Number.POSITIVE_INFINITY,
): Promise<T[]> {
  const versions = files.map(({ version }) => version);
  const found: T[] = [];
  let until = performance.now() + turnMs;
  for (const step of steps) {
    if (step !== undefined) found.push(step);
    if (found.length >= most) break;
    if (performance.now() < until) continue;
    await setImmediate();
    if (token.isCancellationRequested) {
      throw new ResponseError(LSPErrorCodes.RequestCancelled, 'cancelled');
    }
    if (files.some(({ version }, index) => version !== versions[index])) {
      throw new ResponseError(LSPErrorCodes.ContentModified, 'the file was changed');
    }
    until = performance.now() + turnMs;
  }
  return found;
}

/** A place and the file it is in. */
export interface FilePlace extends Place {
  readonly file: SqlFile;
}
