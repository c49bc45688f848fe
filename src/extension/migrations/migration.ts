import * as vscode from 'vscode';
import { CancellationTokenSource } from 'vscode-jsonrpc/node';
import type { StatementKey, StatementStatus } from '../../protocol/ddl.js';
import { listTables, type OnlineParams, runEvent, runMigration, runSnapshot } from '../../protocol/engine.js';
import { onlyFollows, wentBack } from '../../protocol/followView.js';
import type { RunSnapshot, TableSnapshot } from '../../protocol/model.js';
import type { Project } from '../../protocol/project.js';
import type { LogLine, ThroughputPoint } from '../../protocol/webview.js';
import { EngineProcess } from '../engine/engineProcess.js';
import { Following } from './following.js';
import { interruptedSnapshot } from './lostRun.js';
import { projectDirectory, projectName } from './projectFiles.js';
import { RunStatements, readRunStatements } from './runStatements.js';
import { eventLine } from './runText.js';
import { readSavedRun, type SavedRun, savedTables, type TablesQuery } from './savedRun.js';

const maximalLogLines = 500;
const maximalPoints = 1800;
/** How long a run whose window went away may still be writing its report. */
const reportWaitMs = 20_000;

export interface RunPasswords {
  readonly source?: string;
  readonly target?: string;
}

/** One project and its run: live while it goes on, from its files otherwise. Holds what the dashboard shows. */
export class Migration {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.#changed.event;
  snapshot: RunSnapshot | undefined;
  history: ThroughputPoint[] = [];
  log: LogLine[] = [];
  readonly following = new Following();
  readonly #statementsChanged = new vscode.EventEmitter<string | undefined>();
  /** Fires the database where something became of a statement; undefined where all of them are others now. */
  readonly onDidChangeStatements = this.#statementsChanged.event;
  statements = new RunStatements();
  #saved: SavedRun | undefined;
  #engine: EngineProcess | undefined;
  #stop: CancellationTokenSource | undefined;
  #reading: Promise<void> | undefined;

  constructor(
    readonly uri: vscode.Uri,
    private readonly script: string,
    private readonly output: vscode.LogOutputChannel,
  ) {}

  get name(): string {
    return projectName(this.uri);
  }

  get running(): boolean {
    return this.#engine !== undefined;
  }

  /** Whether an online migration was given up, or gone back on: nothing of it goes on. */
  get isOver(): boolean {
    return wentBack(this.snapshot) || this.following.cleanUp !== undefined;
  }

  /** Whether there is work of a run that can be taken up again. */
  get resumable(): boolean {
    const state = this.snapshot?.state;
    const left = state === 'interrupted' || state === 'incomplete';
    return !this.running && left && !this.isOver;
  }

  /** Whether nothing has been done yet: it never ran, or was refused before anything was changed. */
  get startable(): boolean {
    return !this.running && (this.snapshot === undefined || this.snapshot.state === 'refused');
  }

  /** Reads the last run from its files, once; again after `forget`. */
  async read(forget = false): Promise<void> {
    if (this.running) return;
    if (forget) this.#reading = undefined;
    this.#reading ??= this.#readSaved();
    await this.#reading;
  }

  /** Runs the project; resolves with its last snapshot, also when it was stopped. Rejects with what the engine said. */
  async run(
    project: Project,
    passwords: RunPasswords,
    restart: boolean,
    online?: OnlineParams,
  ): Promise<RunSnapshot> {
    const engine = new EngineProcess(this.script, this.output, `migration ${this.name}`);
    this.#engine = engine;
    this.#stop = new CancellationTokenSource();
    this.history = [];
    this.log = [];
    this.following.reset();
    this.snapshot = undefined;
    this.statements = new RunStatements();
    this.#statementsChanged.fire(undefined);
    this.#changed.fire();
    try {
      engine.onNotification(runSnapshot, (snapshot) => this.#take(snapshot));
      engine.onNotification(runEvent, (event) => {
        const line = eventLine(event);
        if (line) this.#addLine(line);
        const database = this.statements.take(event);
        if (database !== undefined) this.#statementsChanged.fire(database);
      });
      const params = {
        project,
        directory: projectDirectory(this.uri),
        restart,
        ...(online && { online }),
        ...(passwords.source !== undefined && { sourcePassword: passwords.source }),
        ...(passwords.target !== undefined && { targetPassword: passwords.target }),
      };
      const last = await engine.request(runMigration, params, this.#stop.token);
      this.snapshot = last;
      return last;
    } catch (error) {
      // The last that was heard of it says that it goes on.
      if (this.snapshot) this.snapshot = interruptedSnapshot(this.snapshot, Date.now());
      throw error;
    } finally {
      this.#engine = undefined;
      this.#stop = undefined;
      engine.dispose();
      this.#reading = this.#readSaved(true);
      await this.#reading;
      this.#changed.fire();
    }
  }

  /** Asks the engine to stop cleanly; the run then ends as interrupted. */
  stop(): void {
    if (this.snapshot?.state === 'running') this.snapshot = { ...this.snapshot, state: 'stopping' };
    this.#stop?.cancel();
    this.#changed.fire();
  }

  /** Resolves once no run is going on. */
  async whenEnded(): Promise<void> {
    if (!this.running) return;
    await new Promise<void>((resolve) => {
      const listener = this.onDidChange(() => {
        if (this.running) return;
        listener.dispose();
        resolve();
      });
    });
  }

  /** Something about it changed that no message of the engine tells. */
  touch(): void {
    this.#changed.fire();
  }

  /** Says of a statement what happened outside of a run. */
  setStatement(database: string, key: StatementKey, status: StatementStatus): void {
    this.statements.set(database, key, status);
    this.#statementsChanged.fire(database);
  }

  async tables(query: TablesQuery): Promise<{ total: number; tables: TableSnapshot[] }> {
    const engine = this.#engine;
    return engine ? engine.request(listTables, query) : savedTables(this.#saved, query);
  }

  dispose(): void {
    this.#engine?.dispose();
    this.#changed.dispose();
    this.#statementsChanged.dispose();
  }

  #take(snapshot: RunSnapshot): void {
    const stopping = this.snapshot?.state === 'stopping' && snapshot.state === 'running';
    this.snapshot = stopping ? { ...snapshot, state: 'stopping' } : snapshot;
    const now = Date.now();
    this.following.take(snapshot, now);
    const last = this.history.at(-1);
    // Nothing is copied while changes are followed, which may go on for weeks.
    if ((!last || now - last[0] >= 250) && !onlyFollows(snapshot))
      this.history.push([now, snapshot.bytesPerSecond]);
    // A long run keeps its whole history at half the resolution instead of losing its beginning.
    if (this.history.length > maximalPoints)
      this.history = this.history.filter((_, index) => index % 2 === 0);
    this.#changed.fire();
  }

  #addLine(line: LogLine): void {
    this.log.push(line);
    if (this.log.length > maximalLogLines) this.log.splice(0, this.log.length - maximalLogLines);
    const text = `${this.name}: ${line.text}`;
    if (line.level === 'error') this.output.error(text);
    else if (line.level === 'warning') this.output.warn(text);
    else if (line.level === 'debug') this.output.debug(text);
    else this.output.info(text);
    this.#changed.fire();
  }

  /** `ended`: this window saw the run, so its own log and history are the better ones. */
  async #readSaved(ended = false): Promise<void> {
    const until = Date.now() + reportWaitMs;
    for (;;) {
      const saved = await readSavedRun(projectDirectory(this.uri));
      if (this.running) return;
      const writing = saved && !saved.complete && Date.now() - lastSign(saved) < reportWaitMs;
      this.#saved = saved;
      if (!ended || this.snapshot === undefined) this.snapshot = saved?.snapshot ?? this.snapshot;
      if (!ended && saved) {
        this.statements = await readRunStatements(saved.folder);
        this.#statementsChanged.fire(undefined);
        this.history = [];
        this.log = [...saved.log];
        this.following.reset();
        this.following.cleanUp = saved.cleanUp;
      }
      this.#changed.fire();
      if (ended || !writing || Date.now() > until) return;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

/** When a run that has written no report last wrote an event. */
function lastSign(saved: SavedRun): number {
  return saved.log.at(-1)?.at ?? saved.snapshot.startedAt;
}
