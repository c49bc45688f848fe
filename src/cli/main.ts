import { resolve } from 'node:path';
import { Fault } from '../engine/errors/fault.js';
import { toFault } from '../engine/errors/mapError.js';
import { generateDdl } from '../engine/generateDdl.js';
import { runMigration } from '../engine/migration.js';
import { readProjectFile } from '../engine/project/projectFile.js';
import { exitCodeOf } from '../engine/run/migrationState.js';
import { flexferryVersion } from '../engine/version.js';
import { parseCommand } from './args.js';
import type { CloneCommand, DdlCommand, FollowCommand, RunCommand } from './commands.js';
import { cutOver } from './cutover.js';
import { ddlSummary } from './ddlSummary.js';
import { failedBeforeStart, failureCode } from './failure.js';
import { asFollowed, cleanUp, sendRequest, showStatus } from './followCommands.js';
import { directoryOf, paramsOf, passwords } from './params.js';
import { JsonReporter, type Output, TextReporter } from './progress.js';
import { usage } from './usage.js';

/** Time after which a second signal, or a stop that hangs, ends the process the hard way, milliseconds. */
const stopLimit = 15_000;
const readerGone = new AbortController();

const out: Output = {
  isTTY: process.stdout.isTTY === true,
  // A terminal that does not know its size says 0.
  columns: process.stdout.columns || 80,
  write: (text) => process.stdout.write(text),
};

async function main(args: readonly string[]): Promise<number> {
  const command = parseCommand(args);
  switch (command.command) {
    case 'help':
      out.write(usage);
      return 0;
    case 'version':
      out.write(`flexferry ${flexferryVersion}\n`);
      return 0;
    case 'ddl':
      return writeDdl(command);
    case 'status':
      return showStatus(command, out, stopSignal());
    case 'cutover':
      return cutOver(command, out, stopSignal('Stopping…\n'));
    case 'cleanup':
      return cleanUp(command, out, stopSignal('Stopping… call it again to remove the rest.\n'));
    case 'request':
      return sendRequest(command, out, stopSignal('Stopping…\n'));
    case 'follow':
    case 'clone':
    case 'run':
      return run(command);
  }
}

async function run(command: CloneCommand | FollowCommand | RunCommand): Promise<number> {
  const signal = stopSignal();
  const params = await paramsOf(command.command === 'follow' ? await asFollowed(command, signal) : command);
  const reporter = command.json ? new JsonReporter(out) : new TextReporter(out);
  const snapshot = await runMigration(params, {
    onSnapshot: (s) => reporter.snapshot(s),
    onEvent: (e) => reporter.event(e),
    signal,
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
  out.write(command.json ? `${JSON.stringify(result)}\n` : ddlSummary(result));
  return conflicts > 0 ? 1 : 0;
}

/** The first signal stops cleanly, so that nothing stays on the servers; a second one, or a stop that hangs, ends at once. */
function stopSignal(words = 'Stopping… finished work is kept.\n'): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(4);
    process.stderr.write(words);
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
