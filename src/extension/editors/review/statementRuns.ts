import * as vscode from 'vscode';
import type { FaultData } from '../../../protocol/connection.js';
import { type StatementStatus, skipMarker } from '../../../protocol/ddl.js';
import { databaseKey, type Project } from '../../../protocol/project.js';
import { commands } from '../../contributions.js';
import { faultText, showFault } from '../../faults.js';
import type { Migration } from '../../migrations/migration.js';
import type { Migrations } from '../../migrations/migrations.js';
import { readProject } from '../../migrations/projectFiles.js';
import { workStateLabel } from '../../migrations/runText.js';
import { databaseOf, ddlFileOf } from '../ddlFile.js';
import type { RunDiagnostics } from './runDiagnostics.js';
import type { SqlOutcome, SqlTarget, TargetRunner } from './runOnTarget.js';
import { asReference, findStatement } from './statementCommands.js';
import { offsetOfPosition, restore } from './statementText.js';
import { goesOn, type TableDdl, type TableDdlDocument } from './tableDdl.js';

const t = vscode.l10n.t;

/** How long a run may take to see what was changed on its target. */
const retryMs = 10_000;

export interface StatementRuns {
  readonly runner: TargetRunner;
  readonly migrations: Migrations;
  readonly diagnostics: RunDiagnostics;
  readonly tables: TableDdl;
  targetOf(uri: vscode.Uri): Promise<SqlTarget | undefined>;
}

/** Runs one statement of a generated file on its target, as it stands in the editor. */
export async function runStatement(given: unknown, runs: StatementRuns): Promise<void> {
  const found = await findStatement(given);
  const target = found && (await runs.targetOf(found.document.uri));
  if (!found || !target) return;
  const { document, reference, text } = found;
  const sql = restore(text, 0, text.length)?.text ?? text;
  const outcome = await runs.runner.run(target, sql, reference.object);
  tell(outcome, reference.object, target.name);
  if (outcome.state === 'cancelled') return;
  const place = await stateOf(document.uri, runs.migrations, target.project);
  // The language server shows states at their statements. It has none of globals.
  if (place) place.migration.setStatement(place.database, reference.key, statusOf(outcome));
  else if (outcome.state === 'failed')
    runs.diagnostics.show(
      document,
      reference.start + offsetIn(text, outcome.fault),
      reference.end,
      outcome.fault,
    );
}

const statusOf = (outcome: SqlOutcome): StatementStatus =>
  outcome.state === 'failed' ? { state: 'failed', error: outcome.fault } : { state: 'done' };

const offsetIn = (text: string, { position }: FaultData): number =>
  position === undefined ? 0 : offsetOfPosition(text, position);

/** Errors of a run name their object themselves. */
const named = (object: string, message: string): string =>
  message.startsWith(object) ? message : `${object}: ${message}`;

function tell(outcome: SqlOutcome, what: string, target: string): void {
  if (outcome.state === 'failed')
    void showFault({ ...outcome.fault, message: named(what, outcome.fault.message) });
  else if (outcome.state === 'done')
    vscode.window.setStatusBarMessage(
      `$(pass) ${t('{0} ran on {1} in {2} ms', what, target, Math.round(outcome.milliseconds))}`,
      10_000,
    );
}

/** Runs what is selected in the editor in front, as one transaction; all of it where it is the DDL of a table. */
export async function runSelection(runs: StatementRuns): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  const table = editor && runs.tables.of(editor.document.uri);
  const whole = editor?.selection.isEmpty && table !== undefined;
  const range = whole ? undefined : editor?.selection;
  const sql = editor?.document.getText(range) ?? '';
  if (!editor || sql.trim() === '') {
    void vscode.window.showInformationMessage(t('Select the SQL to run in a generated SQL file.'));
    return;
  }
  const { document } = editor;
  const target = await runs.targetOf(document.uri);
  if (!target) return;
  const what = table ? t('The DDL of {0}', `${table.schema}.${table.name}`) : t('The selection');
  const outcome = await runs.runner.run(target, sql, what);
  tell(outcome, what, target.name);
  if (outcome.state === 'done' && table) void offerRetry(table, what);
  if (outcome.state !== 'failed') return;
  const [from, to] = range ? [document.offsetAt(range.start), document.offsetAt(range.end)] : [0, sql.length];
  runs.diagnostics.show(document, from + offsetIn(sql, outcome.fault), to, outcome.fault);
}

/** Where the run does not find out by itself that the table fits its source again, it can be told to try. */
async function offerRetry(table: TableDdlDocument, what: string): Promise<void> {
  if (await goesOn(table, retryMs)) return;
  const { migration, source, schema, name } = table;
  const retry = t('Retry table');
  const message = t('{0} ran. Apply the changes that wait for the table now?', what);
  if ((await vscode.window.showInformationMessage(message, retry)) === retry)
    await vscode.commands.executeCommand(commands.retryTable, { migration, source, schema, name });
}

async function stateOf(
  uri: vscode.Uri,
  migrations: Migrations,
  project: Project,
): Promise<{ migration: Migration; database: string } | undefined> {
  const file = ddlFileOf(uri);
  const database = databaseOf(project, file?.folder);
  const migration = file && (await migrations.known(file.project));
  if (!migration || !database) return undefined;
  return { migration, database: databaseKey(project.databases, project.databases.indexOf(database)) };
}

/** Says in words what became of a statement, with what to do next where it failed. */
export async function showStatementState(given: unknown, migrations: Migrations): Promise<void> {
  const reference = asReference(given);
  const uri = reference && vscode.Uri.parse(reference.uri);
  const file = uri && ddlFileOf(uri);
  const place = uri && file && (await stateOf(uri, migrations, await readProject(file.project)));
  if (!reference || !place) return;
  const status = place.migration.statements.of(place.database).get(reference.key);
  const { object } = reference;
  if (status?.state !== 'failed') {
    const document = await vscode.workspace.openTextDocument(uri);
    const skipped = document.getText().slice(reference.start, reference.end).startsWith(skipMarker);
    const state = status ? workStateLabel(status.state) : t('will run');
    const why = skipped
      ? (skipReason(document.lineAt(document.positionAt(reference.start))) ?? t('by you'))
      : '';
    const text = skipped ? t('{0} does not run: {1}', object, why) : `${object}: ${state}`;
    void vscode.window.showInformationMessage(text);
    return;
  }
  const { error } = status;
  const message = named(object, error ? faultText(error) : workStateLabel('failed'));
  const go = t('Continue');
  const offered = place.migration.resumable ? [go] : [];
  if ((await vscode.window.showErrorMessage(message, ...offered)) === go)
    await vscode.commands.executeCommand(commands.continueMigration, file.project);
}

/** What stands behind the marker: `FF404: The type public.t is a base type.` */
function skipReason({ text }: vscode.TextLine): string | undefined {
  const reason = text.trim().slice(skipMarker.length).replace(/^:/, '').trim();
  return reason === '' ? undefined : reason;
}
