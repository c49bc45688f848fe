import * as vscode from 'vscode';
import { formatSeconds } from '../../base/format.js';
import type { FaultData } from '../../protocol/connection.js';
import type { OnlineParams } from '../../protocol/engine.js';
import { followedDatabases, measuredDowntime, wentBack } from '../../protocol/followView.js';
import type { RunSnapshot } from '../../protocol/model.js';
import { needsNewBase } from '../../protocol/needsNewBase.js';
import type { Project } from '../../protocol/project.js';
import { offerPassword } from '../commands/offerPassword.js';
import { commands, settings } from '../contributions.js';
import { openFailedStatement } from '../editors/review/failedStatement.js';
import { showLeftConflict } from '../editors/review/generate.js';
import { offerToSave } from '../editors/review/unsavedDdl.js';
import { faultText, showFault, toFault } from '../faults.js';
import type { ServerRegistry } from '../servers/serverRegistry.js';
import { showRunProgress } from '../views/runProgress.js';
import type { Migration } from './migration.js';
import { readProject, writeProject } from './projectFiles.js';
import { passwordsOf } from './projectPasswords.js';
import { totalsText, workStateLabel } from './runText.js';

const t = vscode.l10n.t;

/** Whether a project file may be run here: one that came with an untrusted workspace may not. */
export function mayRun(uri: vscode.Uri): boolean {
  return vscode.workspace.isTrusted || vscode.workspace.getWorkspaceFolder(uri) === undefined;
}

/** Says why a project is not run, and where trust is given. */
export async function refuseUntrusted(): Promise<void> {
  const manage = t('Manage Workspace Trust');
  const message = t(
    'Project files of an untrusted workspace are not run, because they decide which server data is sent to.',
  );
  if ((await vscode.window.showWarningMessage(message, manage)) === manage)
    await vscode.commands.executeCommand('workbench.trust.manage');
}

/** Runs projects and says how they ended. */
export class MigrationStarter {
  /** `tell`: hands the states of a run to the language server, before a failed statement is shown. */
  constructor(
    private readonly registry: ServerRegistry,
    private readonly tell: (migration: Migration) => Promise<void>,
  ) {}

  /** Starts or resumes; returns at once, the run goes on. `restart` begins anew instead of resuming. */
  async start(migration: Migration, restart = false, online?: OnlineParams): Promise<void> {
    if (migration.running) return;
    if (!mayRun(migration.uri)) return refuseUntrusted();
    let project: Project;
    try {
      project = await readProject(migration.uri);
      if (!(await offerToSave(migration.uri)) || migration.running) return;
      project = await readProject(migration.uri);
    } catch (error) {
      void showFault(toFault(error));
      return;
    }
    const ended = this.#run(migration, project, restart, online);
    showRunProgress(migration, ended);
    void ended.then(
      (snapshot) => this.#tell(migration, snapshot),
      (error: unknown) => this.#tellFault(migration, toFault(error)),
    );
  }

  async #run(
    migration: Migration,
    project: Project,
    restart: boolean,
    online?: OnlineParams,
  ): Promise<RunSnapshot> {
    const noticeDdl = vscode.workspace.getConfiguration().get(settings.noticeDdl, false);
    const params = noticeDdl ? { ...online, ddlTrigger: true } : online;
    return migration.run(project, await passwordsOf(this.registry, project), restart, params);
  }

  async #tell(migration: Migration, snapshot: RunSnapshot): Promise<void> {
    if (migration.following.isCleaningUp) return;
    const report = t('Open Report');
    const resume = t('Resume');
    const go = t('Continue');
    const { name } = migration;
    let chosen: string | undefined;
    if (snapshot.state === 'succeeded') {
      chosen = await vscode.window.showInformationMessage(successText(name, snapshot), report);
    } else if (snapshot.fault && snapshot.fault.code !== 'FF509') {
      return this.#tellFault(migration, snapshot.fault);
    } else if (canCorrect(migration, snapshot)) {
      return this.#tellFailed(migration);
    } else if (snapshot.findings.some(({ code }) => code === 'FF424')) {
      const message = t(
        'Generated SQL of {0} was saved while it ran: that edit has not run. Continue to run it.',
        name,
      );
      chosen = await vscode.window.showWarningMessage(message, go, report);
    } else if (snapshot.state === 'incomplete') {
      const found = snapshot.findings.filter((finding) => finding.severity !== 'note').length;
      const message = t(
        '{0} is finished, but {1} findings need your attention. The report names them.',
        name,
        found,
      );
      chosen = await vscode.window.showWarningMessage(message, report);
    } else if (followedDatabases(snapshot).length > 0) return this.#tellStopped(migration);
    else {
      const message = t('{0} was stopped. Finished work is kept: resume it at any time.', name);
      chosen = await vscode.window.showInformationMessage(message, resume);
    }
    if (chosen === report)
      await vscode.commands.executeCommand(commands.openReport, migration.uri.toString());
    if (chosen === resume || chosen === go) await this.start(migration);
  }

  /** An online migration that is stopped still costs its source something: the log that the slot needs is kept. */
  async #tellStopped(migration: Migration): Promise<void> {
    const resume = t('Resume');
    const cleanUp = t('Clean Up…');
    const message = t(
      '{0} was stopped. Finished work is kept, and the source keeps its log for it from now on: resume it soon, or clean it up.',
      migration.name,
    );
    const chosen = await vscode.window.showWarningMessage(message, resume, cleanUp);
    // It may have been cleaned up before this was answered.
    if (chosen === resume && migration.resumable) await this.start(migration);
    if (chosen === cleanUp) await vscode.commands.executeCommand(commands.cleanUpFollow, { migration });
  }

  /** Shows the first statement that failed at the place of its error. Corrected and saved, the run goes on from there. */
  async #tellFailed(migration: Migration): Promise<void> {
    const all = migration.statements.failed();
    const [failed] = all;
    if (!failed) return;
    void openFailedStatement(migration, failed, this.tell).catch(() => undefined); // its file may be gone
    const open = t('Open');
    const go = t('Continue');
    const report = t('Open Report');
    const said = failed.error?.message ?? workStateLabel('failed');
    const what = said.startsWith(failed.object) ? said : `${failed.object}: ${said}`;
    const stop = /[.!?]$/.test(what) ? '' : '.';
    const more = all.length > 1 ? ` ${t('{0} more statements failed.', all.length - 1)}` : '';
    const message = `${migration.name}: ${what}${stop}${more} ${t('Correct and save it, then continue.')}`;
    const chosen = await vscode.window.showErrorMessage(message, open, go, report);
    if (chosen === open) await openFailedStatement(migration, failed, this.tell, true);
    if (chosen === go) await this.start(migration);
    if (chosen === report)
      await vscode.commands.executeCommand(commands.openReport, migration.uri.toString());
  }

  /** Says what happened and offers the remedy that fits the code. */
  async #tellFault(migration: Migration, fault: FaultData): Promise<void> {
    const named = { ...fault, message: `${migration.name}: ${fault.message}` };
    if (fault.code === 'FF202') return this.#offerNonEmpty(migration, fault);
    if (migration.following.isCleaningUp) return;
    if (fault.code === 'FF824') return this.#offerIdentity(migration, fault);
    if (fault.code === 'FF210') return this.#offerRestart(migration, fault);
    if (fault.code === 'FF102') return this.#offerPassword(migration, named);
    if (fault.code === 'FF217' && (await showLeftConflict(migration.uri).catch(() => false))) {
      await showFault(named);
      return;
    }
    if (needsNewBase(fault.code)) return this.#offerNewBase(migration, named);
    const resume = migration.startable ? t('Try Again') : t('Resume');
    const report = t('Open Report');
    const chosen = await showFault(named, resume, ...(migration.snapshot ? [report] : []));
    if (chosen === resume) await this.start(migration);
    if (chosen === report)
      await vscode.commands.executeCommand(commands.openReport, migration.uri.toString());
  }

  async #offerNonEmpty(migration: Migration, fault: FaultData): Promise<void> {
    const go = t('Create Beside It');
    const detail = `${fault.message}\n\n${t('Nothing that is there is dropped, truncated or overwritten.')}`;
    const message = t(
      'The target of {0} is not empty. Create what is missing beside what it holds?',
      migration.name,
    );
    if ((await vscode.window.showWarningMessage(message, { modal: true, detail }, go)) !== go) return;
    const project = await readProject(migration.uri);
    await writeProject(migration.uri, {
      ...project,
      options: { ...project.options, acceptNonEmptyTarget: true },
    });
    await this.start(migration);
  }

  /** Tables whose rows cannot be told apart: something on the source has to change, which takes consent. */
  async #offerIdentity(migration: Migration, fault: FaultData): Promise<void> {
    const full = t('Set REPLICA IDENTITY FULL');
    const detail = `${fault.message}\n\n${t(
      'ALTER TABLE … REPLICA IDENTITY FULL lets their changes be followed. The log of the source grows by the old rows until the migration ends; then it is put back.',
    )}`;
    const message = t(
      'Tables of {0} have no key. Change their replica identity on the source?',
      migration.name,
    );
    const chosen = await vscode.window.showWarningMessage(message, { modal: true, detail }, full);
    if (chosen === full) await this.start(migration, false, { identityFull: true });
  }

  async #offerRestart(migration: Migration, fault: FaultData): Promise<void> {
    const anew = t('Start Anew');
    const message = t('Forget the finished work of the other migration and start {0} anew?', migration.name);
    const chosen = await vscode.window.showWarningMessage(
      message,
      { modal: true, detail: faultText(fault) },
      anew,
    );
    if (chosen === anew) await this.start(migration, true);
  }

  /** The same run would only end like this again. */
  async #offerNewBase(migration: Migration, fault: FaultData): Promise<void> {
    const anew = t('Start Anew…');
    const report = t('Open Report');
    const chosen = await showFault(fault, anew, report);
    if (chosen === anew) await vscode.commands.executeCommand(commands.restartMigration, { migration });
    if (chosen === report)
      await vscode.commands.executeCommand(commands.openReport, migration.uri.toString());
  }

  async #offerPassword(migration: Migration, fault: FaultData): Promise<void> {
    const project = await readProject(migration.uri);
    if (await offerPassword(this.registry, project, fault)) await this.start(migration);
  }
}

/** A statement failed that runs of the generated SQL: none of that runs on the way back. */
function canCorrect({ statements }: Migration, snapshot: RunSnapshot): boolean {
  return snapshot.state === 'incomplete' && !wentBack(snapshot) && statements.failed().length > 0;
}

function successText(name: string, snapshot: RunSnapshot): string {
  const downtime = measuredDowntime(snapshot);
  if (wentBack(snapshot)) return t('{0} is back on its source, and verified.', name);
  return downtime === undefined
    ? t('{0} is migrated and verified: {1}.', name, totalsText(snapshot))
    : t('{0} is handed over and verified. Write downtime: {1}.', name, formatSeconds(downtime / 1000));
}
