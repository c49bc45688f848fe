import * as vscode from 'vscode';
import type { MappingCatalog, MappingTarget } from '../../../protocol/engine.js';
import { dependantMessage, leftOutDependants } from '../../../protocol/leftOutDependants.js';
import { compileMapping, nameProblem } from '../../../protocol/mapping.js';
import { mappingConflicts } from '../../../protocol/mappingConflicts.js';
import type { PanelIssue, RowIssue } from '../../../protocol/mappingPanel.js';
import type { RelationName } from '../../../protocol/model.js';
import type { DatabaseView } from './projectData.js';
import type { ProjectSession } from './projectSession.js';
import { databaseKeyOf, schemaKeyOf, tableKeyOf } from './rowKey.js';

const t = vscode.l10n.t;

export interface ProjectIssues {
  readonly byKey: ReadonlyMap<string, readonly RowIssue[]>;
  /** Keys of rows with a warning or an error. */
  readonly serious: ReadonlySet<string>;
  readonly list: readonly PanelIssue[];
}

/** Names of databases that a Flexible Server keeps for itself. */
const reserved: readonly string[] = ['template0', 'template1', 'azure_sys', 'azure_maintenance'];

class Collection implements ProjectIssues {
  readonly byKey = new Map<string, RowIssue[]>();
  readonly serious = new Set<string>();
  readonly list: PanelIssue[] = [];

  add(key: string, severity: RowIssue['severity'], text: string, listed = severity !== 'note'): void {
    const issue = { severity, text };
    const known = this.byKey.get(key);
    if (known) known.push(issue);
    else this.byKey.set(key, [issue]);
    if (severity !== 'note') this.serious.add(key);
    if (listed) this.list.push({ ...issue, key });
  }
}

const rowOf = (view: DatabaseView, relation: RelationName | undefined, schema: string | undefined) =>
  relation
    ? tableKeyOf(view.id, relation)
    : schema === undefined
      ? databaseKeyOf(view.id)
      : schemaKeyOf(view.id, schema);

function addConflicts(
  all: Collection,
  views: readonly DatabaseView[],
  catalogs: readonly (MappingCatalog | undefined)[],
  targets: ReadonlyMap<string, MappingTarget>,
): void {
  for (const conflict of mappingConflicts(views, catalogs, targets)) {
    const view = views[conflict.database];
    if (view) all.add(rowOf(view, conflict.relation, conflict.schema), conflict.severity, conflict.message);
  }
  for (const view of views) {
    const problem = reserved.includes(view.target)
      ? t('The database name {0} is reserved.', view.target)
      : nameProblem(view.target, 'table');
    if (problem !== undefined) all.add(databaseKeyOf(view.id), 'error', problem);
    for (const text of view.filterProblems) all.add(databaseKeyOf(view.id), 'error', text, false);
  }
}

function addDependants(
  all: Collection,
  view: DatabaseView,
  catalog: MappingCatalog,
  extensions: boolean,
): void {
  const noted = new Set<string>();
  for (const found of leftOutDependants(compileMapping(view), catalog, { extensions })) {
    all.add(rowOf(view, found.on, found.schema), 'warning', dependantMessage(found));
    if (found.because !== 'leftOut' || found.needsKind !== undefined) continue;
    // At the row that would have to be ticked; one of many is enough there.
    const needed = tableKeyOf(view.id, found.needs);
    if (!noted.has(needed)) all.add(needed, 'note', t('needed by {0}', found.object));
    noted.add(needed);
  }
}

/** Whatever the mapping breaks, as far as the servers have answered. */
export function projectIssues(session: ProjectSession): ProjectIssues {
  const all = new Collection();
  const { view } = session;
  if (!view) return all;
  const shown = session.databases();
  const catalogs = shown.map(({ tree, view: own }) => tree && session.catalogOf(own.id));
  const targets = new Map<string, MappingTarget>();
  for (const name of new Set(view.databases.map(({ target }) => target))) {
    const reading = session.targetOf(name);
    if (reading?.state === 'ready') targets.set(name, reading.value);
    if (reading?.state === 'failed') {
      const text = t(
        '{0} could not be read, so what exists there is not known: {1}',
        name,
        reading.fault.message,
      );
      for (const own of view.databases.filter(({ target }) => target === name))
        all.add(databaseKeyOf(own.id), 'note', text, true);
    }
  }
  addConflicts(
    all,
    shown.map((database) => database.view),
    catalogs,
    targets,
  );
  for (const [index, catalog] of catalogs.entries()) {
    const own = shown[index]?.view;
    if (catalog && own) addDependants(all, own, catalog, view.options.extensions);
  }
  for (const { tree } of shown)
    for (const { tables } of tree?.schemas ?? [])
      for (const entry of tables) {
        if (tree === undefined || entry.decision.where === undefined) continue;
        const trial = session.trialOf(tree, entry, false);
        // Told at the row by the trial itself.
        if (trial?.state !== 'failed') continue;
        all.serious.add(entry.key);
        all.list.push({ severity: 'error', text: trial.message, key: entry.key });
      }
  return all;
}
