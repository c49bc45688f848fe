import { basename, dirname, join, resolve } from 'node:path';
import { Fault } from '../engine/errors/fault.js';
import { toFault } from '../engine/errors/mapError.js';
import { generateDdl } from '../engine/generateDdl.js';
import { runMigration } from '../engine/migration.js';
import { resolveConnectionInput } from '../engine/postgres/connectionString.js';
import { readProjectFile } from '../engine/project/projectFile.js';
import { exitCodeOf } from '../engine/run/migrationState.js';
import { flexferryVersion } from '../engine/version.js';
import { folderName } from '../protocol/ddlFolder.js';
import type { RunParams } from '../protocol/engine.js';
import { projectVersion } from '../protocol/project.js';
import { type CloneCommand, type DdlCommand, parseCommand, type RunCommand, usage } from './args.js';
import { ddlSummary } from './ddlSummary.js';
import { failedBeforeStart, failureCode } from './failure.js';
import { JsonReporter, type Output, TextReporter } from './progress.js';

/** Time after which a second signal, or a stop that hangs, ends the process the hard way, milliseconds. */
const stopLimit = 15_000;
const readerGone = new AbortController();

async function main(args: readonly string[]): Promise<number> {
  const command = parseCommand(args);
  if (command.command === 'help' || command.command === 'version') {
    process.stdout.write(command.command === 'help' ? usage : `flexferry ${flexferryVersion}\n`);
    return 0;
  }
  if (command.command === 'ddl') return writeDdl(command);
  const params = await paramsOf(command);
  const out: Output = {
    isTTY: process.stdout.isTTY === true,
    // A terminal that does not know its size says 0.
    columns: process.stdout.columns || 80,
    write: (text) => process.stdout.write(text),
  };
  const reporter = command.json ? new JsonReporter(out) : new TextReporter(out);
  const snapshot = await runMigration(params, {
    onSnapshot: (s) => reporter.snapshot(s),
    onEvent: (e) => reporter.event(e),
    signal: stopSignal(),
    distDir: __dirname,
  });
  return exitCodeOf(snapshot.state);
}

/** Names the files, and what stands in them for a reason. 1 where edits and what is new contradict each other. */
async function writeDdl(command: DdlCommand): Promise<number> {
  const path = resolve(command.project);
  const project = await readProjectFile(path);
  const result = await generateDdl(
    { project, directory: directoryOf(path), ...passwords() },
    { signal: stopSignal(), distDir: __dirname, onMessage: () => {} },
  );
  const conflicts = result.files.reduce((sum, file) => sum + file.conflicts, 0);
  process.stdout.write(command.json ? `${JSON.stringify(result)}\n` : ddlSummary(result));
  return conflicts > 0 ? 1 : 0;
}

const directoryOf = (project: string): string =>
  join(dirname(project), basename(project).replace(/\.json$/, ''));

function passwords(): Pick<RunParams, 'sourcePassword' | 'targetPassword'> {
  return {
    ...(process.env['FLEXFERRY_SOURCE_PASSWORD'] !== undefined && {
      sourcePassword: process.env['FLEXFERRY_SOURCE_PASSWORD'],
    }),
    ...(process.env['FLEXFERRY_TARGET_PASSWORD'] !== undefined && {
      targetPassword: process.env['FLEXFERRY_TARGET_PASSWORD'],
    }),
  };
}

async function paramsOf(command: CloneCommand | RunCommand): Promise<RunParams> {
  const common = {
    restart: command.restart,
    ...passwords(),
    ...(command.report !== undefined && { reportDirectory: resolve(command.report) }),
  };
  if (command.command === 'run') {
    const path = resolve(command.project);
    const project = await readProjectFile(path);
    const options = command.yes ? { ...project.options, acceptNonEmptyTarget: true } : project.options;
    return {
      project: { ...project, options },
      directory: directoryOf(path),
      ...common,
    };
  }
  const source = resolveConnectionInput({ text: command.source }).spec.database;
  const target = resolveConnectionInput({ text: command.target }).spec.database;
  const directory =
    command.report !== undefined ? resolve(command.report) : resolve(`${folderName(source)}.flexferry`);
  return {
    project: {
      version: projectVersion,
      name: source,
      source: { connection: command.source },
      target: { connection: command.target },
      databases: [
        {
          source,
          target,
          include: { schemas: command.schemas },
          exclude: { schemas: command.excludeSchemas },
        },
      ],
      options: command.options,
    },
    directory,
    ...common,
  };
}

/** The first signal stops cleanly, so that nothing stays on the servers; a second one, or a stop that hangs, ends at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(4);
    process.stderr.write('Stopping… finished work is kept.\n');
    controller.abort();
    setTimeout(() => process.exit(4), stopLimit).unref();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  readerGone.signal.addEventListener('abort', () => {
    if (!controller.signal.aborted) stop();
  });
  return controller.signal;
}

/** What can no longer be told is let go; a run whose reader went away (`| head`) stops as on a signal. */
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => readerGone.abort());

const args = process.argv.slice(2);
main(args).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const fault = error instanceof Fault ? error : toFault(error, { side: 'server' });
    process.stderr.write(`${fault.code}: ${fault.message}\n    ${fault.fix}\n`);
    if (args.includes('--json'))
      process.stdout.write(`${JSON.stringify(failedBeforeStart(fault, new Date()))}\n`);
    process.exitCode = failureCode(fault.code);
  },
);
