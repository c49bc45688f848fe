import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeServer } from '../protocol/connection.js';
import type { RunParams } from '../protocol/engine.js';
import { errorCodes } from '../protocol/errorCodes.js';
import type { DoneEvent, RunEvent, RunSnapshot } from '../protocol/model.js';
import { needsNewBase } from '../protocol/needsNewBase.js';
import { assessDatabase } from './assessDatabase.js';
import { type DatabaseJob, findSiblings, makeJobs, requireRunnable, resolveServers } from './databaseJob.js';
import { Fault } from './errors/fault.js';
import { toFault } from './errors/mapError.js';
import { forgetRun, migrateDatabase } from './migrateDatabase.js';
import { CutoverDesk } from './online/cutoverDesk.js';
import { OnlineDatabase } from './online/onlineDatabase.js';
import { runProjectGlobals } from './projectGlobals.js';
import { buildReport, doneEvent } from './report/buildReport.js';
import { renderReport } from './report/html.js';
import { EventLog } from './run/eventLog.js';
import { LastSnapshot } from './run/lastSnapshot.js';
import { RunTracker } from './run/runTracker.js';
import { flexferryVersion } from './version.js';

export interface RunHooks {
  onSnapshot(snapshot: RunSnapshot): void;
  /** Every event, `done` last. */
  onEvent(event: RunEvent): void;
  /** Called once, before anything else: the state from which tables can be listed. */
  onTracker?(tracker: RunTracker): void;
  /** Aborting stops the run cleanly: no session, lock or process stays; finished work is kept. */
  readonly signal: AbortSignal;
  /** Folder of the bundles. */
  readonly distDir: string;
}

/**
 * Runs a migration project: every database is assessed before the first is touched, then they are moved one after the
 * other. Always ends with a report and a `done` event, whatever happened; rejects only where there is no place to
 * write the report (FF703), the project cannot be run (FF704) or its connections cannot be read (FF110, FF112,
 * FF109).
 */
export async function runMigration(params: RunParams, hooks: RunHooks): Promise<RunSnapshot> {
  const { project } = params;
  requireRunnable(project);
  const servers = resolveServers(params);
  const { source, target } = servers;
  const started = new Date();
  const stamp = started
    .toISOString()
    .replaceAll(':', '-')
    .replace(/\.\d+Z$/, 'Z');
  const reportDirectory = params.reportDirectory ?? join(params.directory, 'runs', stamp);
  const ddlDirectory = join(params.directory, 'ddl');
  const events = await EventLog.open(reportDirectory);
  const figures = new LastSnapshot(reportDirectory);
  const run = randomUUID();
  const tracker = new RunTracker(
    {
      run,
      name: project.name,
      source: describeServer(source),
      target: describeServer(target),
      reportDirectory,
      ddlDirectory,
    },
    {
      now: Date.now,
      onSnapshot: (snapshot) => {
        figures.note(snapshot);
        hooks.onSnapshot(snapshot);
      },
      onEvent: (event) => {
        events.write(event);
        hooks.onEvent(event);
      },
    },
  );
  hooks.onTracker?.(tracker);
  const jobs = makeJobs(run, params, servers, tracker, hooks);
  tracker.emit({
    event: 'start',
    run,
    source: describeServer(source),
    target: describeServer(target),
    databases: project.databases.map((d) => ({ source: d.source, target: d.target })),
  });
  await moveAll(jobs, tracker, hooks.signal);
  let done = await writeReport(tracker, reportDirectory);
  if (tracker.state === 'succeeded' && !(await forgetRuns(jobs, tracker)))
    done = await writeReport(tracker, reportDirectory);
  events.write(done);
  await events.close();
  await figures.remove();
  hooks.onEvent(done);
  return tracker.snapshot();
}

/** Leaves the outcome in the tracker; never rejects. */
async function moveAll(
  jobs: readonly DatabaseJob[],
  tracker: RunTracker,
  signal: AbortSignal,
): Promise<void> {
  const onAbort = (): void => {
    tracker.state = 'stopping';
    tracker.push();
    for (const job of jobs) void job.sessions.stopAll();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  let begun = false;
  const followed: OnlineDatabase[] = [];
  const follow = async (job: DatabaseJob, desk: CutoverDesk): Promise<void> => {
    followed.push(await OnlineDatabase.begin(job, desk));
  };
  try {
    await findSiblings(jobs);
    for (const job of jobs) await assessDatabase(job);
    await runProjectGlobals(jobs, tracker);
    const desk = new CutoverDesk();
    for (const job of jobs) {
      // Who finds the target taken has changed nothing yet.
      await (job.online ? follow(job, desk) : migrateDatabase(job)).catch((error: unknown) => {
        begun ||= !(error instanceof Fault && error.code === 'FF208');
        throw error;
      });
      begun = true;
    }
    await finishAll(followed);
    tracker.state = tracker.findings.some((f) => f.severity !== 'note') ? 'incomplete' : 'succeeded';
  } catch (error) {
    const fault = signal.aborted
      ? new Fault('FF509', 'The migration was stopped.')
      : toFault(error, { side: 'server' });
    tracker.fault = fault.toData();
    tracker.state = stateOf(fault, begun || signal.aborted);
    for (const database of tracker.databases) database.stop();
  } finally {
    signal.removeEventListener('abort', onAbort);
    await Promise.all(followed.map((database) => database.stop()));
    await Promise.all(jobs.map((job) => job.sessions.stopAll()));
    tracker.endedAt = tracker.now();
    tracker.push();
  }
}

/** Only what the same command goes on with is interrupted. */
function stateOf(fault: Fault, begun: boolean): 'interrupted' | 'incomplete' | 'refused' {
  if (!begun) return 'refused';
  return needsNewBase(fault.code) ? 'incomplete' : 'interrupted';
}

/** Each is followed until its own end; what ends one early does not end the others. Rejects with the first failure. */
async function finishAll(followed: readonly OnlineDatabase[]): Promise<void> {
  const ends = await Promise.allSettled(followed.map((database) => database.finish()));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

/**
 * Removes the checkpoints of a run of which all databases succeeded, once its report is written: one that is killed
 * before can be run again, whichever database it was at. False where that did not work.
 */
async function forgetRuns(jobs: readonly DatabaseJob[], tracker: RunTracker): Promise<boolean> {
  try {
    for (const job of jobs) await forgetRun(job);
    return true;
  } catch (error) {
    const stopped = error instanceof Fault ? error : new Fault('FF509', 'The migration was stopped.');
    tracker.fault = stopped.toData();
    tracker.state = 'interrupted';
    tracker.push();
    return false;
  }
}

async function writeReport(tracker: RunTracker, directory: string): Promise<DoneEvent> {
  const report = buildReport(tracker, flexferryVersion);
  const path = join(directory, 'report.html');
  try {
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
    await writeFile(path, renderReport(report));
    return doneEvent(report, path);
  } catch {
    // What was done on the servers stays true: the run ends with its own outcome, but not as a success without proof.
    tracker.finding({
      code: 'FF703',
      severity: 'error',
      database: '',
      object: 'report',
      message: `The report could not be written to ${directory}.`,
      fix: errorCodes.FF703.help,
    });
    if (tracker.state === 'succeeded') tracker.state = 'incomplete';
    return doneEvent(buildReport(tracker, flexferryVersion), path);
  }
}
