import type * as vscode from 'vscode';
import {
  type DatabaseState,
  type MappingState,
  mappingPanelVersion,
  type PanelIssue,
} from '../../../protocol/mappingPanel.js';
import { defaultOptions } from '../../../protocol/project.js';
import type { DatabaseView } from './projectData.js';
import type { ProjectIssues } from './projectIssues.js';
import type { ProjectSession } from './projectSession.js';
import { databaseKeyOf } from './rowKey.js';
import { describeConnection } from './sources.js';

/** Longer lists of issues and roles are cut: nobody reads them, and every push carries them. */
const mostIssues = 300;
const mostRoles = 500;
/** vscode.DiagnosticSeverity */
const severities = ['error', 'warning', 'note', 'note'] as const;

function databaseState(view: DatabaseView): DatabaseState {
  const { include = {}, exclude = {} } = view;
  const filters: DatabaseState['filters'] = {
    'include.schemas': include.schemas ?? [],
    'include.tables': include.tables ?? [],
    'exclude.schemas': exclude.schemas ?? [],
    'exclude.tables': exclude.tables ?? [],
    'exclude.tableData': exclude.tableData ?? [],
    'exclude.indexes': exclude.indexes ?? [],
    'exclude.extensions': exclude.extensions ?? [],
  };
  return {
    key: databaseKeyOf(view.id),
    source: view.source,
    target: view.target,
    mode: view.mode ?? 'offline',
    renameOwned: view.renameOwned ?? false,
    filters,
  };
}

/** The whole of what a page shows, except its rows. */
export function panelState(
  session: ProjectSession,
  name: string,
  diagnostics: readonly vscode.Diagnostic[],
  found: ProjectIssues,
  filterProblem: string | undefined,
): MappingState {
  const { view, notice } = session;
  const trees = session.databases().flatMap(({ tree }) => tree ?? []);
  const problems = diagnostics.map(
    ({ message, severity, range }): PanelIssue => ({
      severity: severities[severity] ?? 'error',
      text: message,
      line: range.start.line,
    }),
  );
  const order = { error: 0, warning: 1, note: 2 };
  const issues = [...problems, ...found.list].sort((a, b) => order[a.severity] - order[b.severity]);
  const roles = new Set(view?.databases.flatMap(({ id }) => session.catalogOf(id)?.roles ?? []));
  return {
    type: 'state',
    version: mappingPanelVersion,
    revision: session.revision,
    name,
    source: view ? describeConnection(view.source) : '',
    target: view ? describeConnection(view.target) : '',
    editable: session.editable,
    readable: view !== undefined && (view.version === 'current' || view.version === 'older'),
    ...(notice && { notice }),
    databases: view?.databases.map(databaseState) ?? [],
    options: view?.options ?? defaultOptions,
    roles: [...roles].sort().slice(0, mostRoles),
    issues: issues.slice(0, mostIssues),
    issuesTotal: issues.length,
    totals: {
      taken: trees.reduce((sum, { taken }) => sum + taken, 0),
      tables: trees.reduce((sum, { total }) => sum + total, 0),
      bytes: trees.reduce(
        (sum, { schemas }) =>
          sum +
          schemas.reduce(
            (bytes, { tables }) =>
              bytes +
              tables.reduce(
                (own, e) => own + (e.decision.included && e.decision.data ? e.table.bytes : 0),
                0,
              ),
            0,
          ),
        0,
      ),
    },
    ...(filterProblem !== undefined && { filterProblem }),
  };
}
