/** A project on disk with a target database of its own, worked on by the command line as a user would. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DoneEvent, Finding, RunEvent } from '../../src/protocol/model.js';
import type { ProjectDatabase, ProjectOptions } from '../../src/protocol/project.js';
import { type CliFolder, CliRun, cliFolder, runCli } from './flexferry.js';
import type { TestServer } from './postgres/embedded.js';
import type { TestTwin } from './postgres/twin.js';

let next = 0;

export interface Ran {
  readonly code: number | null;
  readonly events: readonly RunEvent[];
  readonly done: DoneEvent;
  /** What to show when an assertion fails. */
  readonly shown: string;
  /** Everything that was printed. */
  readonly output: string;
}

export class ReviewPlace implements Disposable {
  readonly folder: CliFolder = cliFolder();
  readonly database = `review_${process.pid}_${++next}`;
  readonly project: string;
  readonly #ddl: string;

  constructor(
    readonly source: TestServer,
    readonly target: TestTwin,
    readonly from: string,
    change: Partial<ProjectDatabase> = {},
    options: Partial<ProjectOptions> = {},
  ) {
    this.project = join(this.folder.path, 'p.flexferry.json');
    this.#ddl = join(this.folder.path, 'p.flexferry', 'ddl');
    const project = {
      version: 2,
      name: 'p',
      source: { connection: source.uri('postgres') },
      target: { connection: target.uri('postgres').replace(/:[^:@]*@/, '@') },
      databases: [{ source: from, target: this.database, ...change }],
      options: { dumpTool: 'builtin', ...options },
    };
    writeFileSync(this.project, JSON.stringify(project));
  }

  get pre(): string {
    return join(this.#ddl, this.from, 'pre-data.sql');
  }
  get post(): string {
    return join(this.#ddl, this.from, 'post-data.sql');
  }
  get globals(): string {
    return join(this.#ddl, 'globals.sql');
  }
  get #env() {
    return { FLEXFERRY_TARGET_PASSWORD: this.target.admin.password };
  }

  /** Another mapping in the project file. */
  map(change: Partial<ProjectDatabase>): void {
    const project = JSON.parse(readFileSync(this.project, 'utf8'));
    Object.assign(project.databases[0], change);
    writeFileSync(this.project, JSON.stringify(project));
  }

  async generate() {
    const result = await runCli(['ddl', 'p.flexferry.json', '--json'], {
      folder: this.folder,
      env: this.#env,
      json: false,
    });
    const text = result.stdout.trim().split('\n').at(-1) || '{}';
    const {
      files = [],
      findings = [],
      ...rest
    } = JSON.parse(text) as {
      files?: { path: string; outcome: string; conflicts: number }[];
      findings?: Finding[];
    };
    const shown = `${result.code} ${JSON.stringify(rest)} ${JSON.stringify(files)} ${result.stderr}`;
    return { code: result.code, files, outcomes: files.map((f) => f.outcome), findings, shown, output: text };
  }

  async run(args: readonly string[] = []): Promise<Ran> {
    return this.ended(await this.start(args).result);
  }

  start(args: readonly string[] = []): CliRun {
    return new CliRun(['run', 'p.flexferry.json', ...args], { folder: this.folder, env: this.#env });
  }

  ended(result: Awaited<CliRun['result']>): Ran {
    const done = result.events.at(-1) as DoneEvent;
    assert.equal(done?.event, 'done', result.stderr);
    const problems = done.findings.filter((f) => f.severity !== 'note');
    return {
      code: result.code,
      events: result.events,
      done,
      shown: `${result.code} ${JSON.stringify(done.fault)} ${JSON.stringify(problems, null, 1)}`,
      output: result.stdout + result.stderr,
    };
  }

  ask<Row>(sql: string): Promise<Row[]> {
    return this.target.superQuery<Row>(this.database, sql);
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }
}

export const read = (path: string): string => readFileSync(path, 'utf8');

/** Replaces what must be there. */
export function edit(path: string, from: string | RegExp, to: string): void {
  const text = read(path);
  const edited = text.replace(from, () => to);
  assert.notEqual(edited, text, `nothing to edit in ${path}`);
  writeFileSync(path, edited);
}
