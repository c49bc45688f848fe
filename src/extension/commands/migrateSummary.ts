import * as vscode from 'vscode';
import { formatBytes } from '../../base/format.js';
import { type MigrationPlan, targetName } from '../migrations/migrationPlan.js';

const t = vscode.l10n.t;

/** What the user does on the summary. `name` changes the target name of one database. */
export type SummaryChoice =
  | { readonly action: 'start' | 'databases' | 'target' | 'jobs' | 'addTarget' }
  | { readonly action: 'name'; readonly source: string };

type Row = vscode.QuickPickItem & { choice?: SummaryChoice };

const separator = (label: string): Row => ({ label, kind: vscode.QuickPickItemKind.Separator });

function sizeOf(plan: MigrationPlan, name: string): number {
  return plan.available.find((database) => database.name === name)?.bytes ?? 0;
}

function databaseRow(plan: MigrationPlan, source: string, server: string): Row {
  const target = targetName(plan, source);
  const there = plan.targetDatabases?.has(target);
  const size = sizeOf(plan, source);
  const what = there
    ? t('→ into the existing database "{0}" of {1}', target, server)
    : t('→ new database "{0}" on {1}', target, server);
  return {
    label: `$(${there ? 'info' : 'new-folder'}) ${source}`,
    description: size > 0 ? `${formatBytes(size)} ${what}` : what,
    choice: { action: 'name', source },
    ...(there && {
      detail: t('It has to be empty, or you are asked again. Nothing in it is dropped or overwritten.'),
    }),
  };
}

/** The rows of the summary: start first, then what will be created, then what can be changed. */
export function summaryRows(plan: MigrationPlan, projectFile: string): Row[] {
  const { target, chosen } = plan;
  const bytes = chosen.reduce((sum, name) => sum + sizeOf(plan, name), 0);
  const databases = t('{0} of {1}', chosen.length, plan.available.length);
  const change: Row[] = [
    separator(t('Change')),
    { label: `$(checklist) ${t('Databases…')}`, description: databases, choice: { action: 'databases' } },
    {
      label: `$(azure) ${t('Target server…')}`,
      description: target ? target.name : t('none yet'),
      choice: { action: target ? 'target' : 'addTarget' },
    },
    {
      label: `$(settings-gear) ${t('Jobs…')}`,
      description: t('{0} tables and {1} indexes at a time', plan.jobs, plan.indexJobs),
      choice: { action: 'jobs' },
    },
  ];
  if (!target)
    return [
      {
        label: `$(add) ${t('Add the target server…')}`,
        detail: t('The Flexible Server that the databases go to'),
        choice: { action: 'addTarget' },
      },
      ...change,
    ];
  if (chosen.length === 0) return change;
  return [
    {
      label: `$(rocket) ${t('Start migration')}`,
      description: t('{0} to {1}, about {2}', plan.source.name, target.name, formatBytes(bytes)),
      detail: t(
        'Copies schema and data, compares every table, and writes {0}. The source is only read.',
        projectFile,
      ),
      choice: { action: 'start' },
    },
    separator(t('What will be created (choose one to rename it)')),
    ...chosen.map((source) => databaseRow(plan, source, target.name)),
    ...change,
  ];
}

/** Shows the summary once; undefined when the user leaves. `pending` fills in what is still being asked of the target. */
export async function showSummary(
  plan: MigrationPlan,
  projectFile: string,
  pending: Promise<unknown> | undefined,
): Promise<SummaryChoice | undefined> {
  const pick = vscode.window.createQuickPick<Row>();
  pick.title = t('Migrate {0} to Flexible Server', plan.source.name);
  pick.placeholder = t('Enter starts the migration; choose a line to change it');
  pick.ignoreFocusOut = true;
  pick.matchOnDescription = true;
  pick.items = summaryRows(plan, projectFile);
  if (pending !== undefined) {
    pick.busy = true;
    const done = () => {
      pick.busy = false;
      pick.items = summaryRows(plan, projectFile);
    };
    pending.catch(() => undefined).finally(done);
  }
  try {
    return await new Promise((resolve) => {
      pick.onDidAccept(() => resolve(pick.selectedItems[0]?.choice));
      pick.onDidHide(() => resolve(undefined));
      pick.show();
    });
  } finally {
    pick.dispose();
  }
}
