import * as vscode from 'vscode';
import type { FaultData } from '../../../protocol/connection.js';
import { type ConnectionInput, runSql } from '../../../protocol/engine.js';
import type { Project } from '../../../protocol/project.js';
import { EngineProcess } from '../../engine/engineProcess.js';
import { toFault } from '../../faults.js';

const t = vscode.l10n.t;

export interface SqlTarget {
  readonly project: Project;
  readonly connection: ConnectionInput;
  /** `user@host:port/database`, for the user to read. */
  readonly name: string;
}

export type SqlOutcome =
  | { readonly state: 'done'; readonly milliseconds: number }
  | { readonly state: 'failed'; readonly fault: FaultData }
  /** The user said no, or stopped it. */
  | { readonly state: 'cancelled' };

/** Runs SQL on a target by the user's hand: asks once a session and target, shows progress, can be stopped. */
export class TargetRunner {
  readonly #agreed = new Set<string>();

  constructor(
    private readonly script: string,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  async run(target: SqlTarget, sql: string, what: string): Promise<SqlOutcome> {
    if (!(await this.#agree(target, what))) return { state: 'cancelled' };
    const engine = new EngineProcess(this.script, this.log, 'running SQL');
    const options = {
      location: vscode.ProgressLocation.Notification,
      title: t('Running {0} on {1}', what, target.name),
      cancellable: true,
    };
    try {
      return await vscode.window.withProgress(options, async (_, token) => {
        const cancelled = new Promise<SqlOutcome>((resolve) =>
          token.onCancellationRequested(() => resolve({ state: 'cancelled' })),
        );
        const answer = engine
          .request(runSql, { connection: target.connection, sql }, token)
          .then(({ milliseconds }): SqlOutcome => ({ state: 'done', milliseconds }));
        return Promise.race([answer, cancelled]);
      });
    } catch (error) {
      return { state: 'failed', fault: toFault(error) };
    } finally {
      engine.dispose();
    }
  }

  /** A target is written to only after the user has said so, once for all statements of this session. */
  async #agree(target: SqlTarget, what: string): Promise<boolean> {
    if (this.#agreed.has(target.name)) return true;
    const run = t('Run');
    const detail = t(
      '{0} runs in one transaction of its own. You are asked once for this target until the window closes.',
      what,
    );
    const message = t('Run on {0}?', target.name);
    const chosen = await vscode.window.showWarningMessage(message, { modal: true, detail }, run);
    if (chosen === run) this.#agreed.add(target.name);
    return chosen === run;
  }
}
