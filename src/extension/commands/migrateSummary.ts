import * as vscode from 'vscode';
import { formatBytes } from '../../base/format.js';
import { type MigrationPlan, targetName } from '../migrations/migrationPlan.js';

const t = vscode.l10n.t;

/** What the user does on the summary. `name` changes the target name of one database. */
export type SummaryChoice =
  | { readonly action: 'start' | 'map' | 'databases' | 'mode' | 'target' | 'jobs' | 'addTarget' | 'none' }
  | { readonly action: 'name'; readonly source: string };

type Row = vscode.QuickPickItem & { choice?: SummaryChoice };

const separator = (label: string): Row => ({ label, kind: vscode.QuickPickItemKind.Separator });

function sizeOf(plan: MigrationPlan, name: string): number {
  return plan.available.find((database) => database.name === name)?.bytes ?? 0;
}

function databaseRow(plan: MigrationPlan, source: string): Row {
  const target = targetName(plan, source);
  const there = plan.targetDatabases?.has(target);
  const size = sizeOf(plan, source);
  const what = there ? t('into the existing database "{0}"', target) : t('new database "{0}"', target);
  return {
    label: `$(${there ? 'info' : 'database'}) ${source}`,
    description: size > 0 ? `→ ${what}, ${formatBytes(size)}` : `→ ${what}`,
    choice: { action: 'name', source },
    ...(there && {
      detail: t('It has to be empty, or you are asked again. Nothing in it is dropped or overwritten.'),
    }),
  };
}

/** What an online migration needs on the source: said before it is made. */
function sourceRows(chosen: readonly string[]): Row[] {
  return [
    separator(t('will be created on the source')),
    {
      label: `$(sync) ${t('Replication slot and publications')}`,
      description: chosen.join(', '),
      detail: t('Until the cutover or a clean-up removes them, the source keeps its log.'),
      choice: { action: 'none' },
    },
  ];
}

/** The rows of the summary: start first, then what will be created, then what can be changed. */
export function summaryRows(plan: MigrationPlan, projectFile: string): Row[] {
  const { target, chosen } = plan;
  const online = plan.mode === 'online';
  const bytes = chosen.reduce((sum, name) => sum + sizeOf(plan, name), 0);
  const databases = t('{0} of {1}', chosen.length, plan.available.length);
  const change: Row[] = [
    separator(t('change')),
    { label: `$(checklist) ${t('Databases…')}`, description: databases, choice: { action: 'databases' } },
    {
      label: `$(sync) ${t('Mode…')}`,
      description: online
        ? t('online: changes are followed until the cutover')
        : t('offline: one consistent copy'),
      choice: { action: 'mode' },
    },
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
      detail: online
        ? t('Copies schema and data, then follows the changes of the source until you cut over.')
        : t('Copies schema and data, then compares every table. The source is only read.'),
      choice: { action: 'start' },
    },
    {
      label: `$(list-tree) ${t('Map and review first…')}`,
      description: t('choose schemas and tables, rename, filter rows, read the DDL'),
      detail: t('Saves the project and opens it. Nothing is started.'),
      choice: { action: 'map' },
    },
    ...(online ? sourceRows(chosen) : []),
    separator(t('will be created on the target')),
    ...chosen.map((source) => databaseRow(plan, source)),
    {
      label: `$(file) ${projectFile}`,
      description: t('→ project file, with the report beside it'),
      choice: { action: 'none' },
    },
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
