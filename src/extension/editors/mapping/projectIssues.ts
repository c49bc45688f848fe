import type { PanelIssue, RowIssue } from '../../../protocol/mappingPanel.js';
import type { ProjectSession } from './projectSession.js';

export interface ProjectIssues {
  readonly byKey: ReadonlyMap<string, readonly RowIssue[]>;
  /** Keys with a warning or an error, and of what they are in. */
  readonly serious: ReadonlySet<string>;
  readonly list: readonly PanelIssue[];
}

export function projectIssues(session: ProjectSession): ProjectIssues {
  void session;
  return { byKey: new Map(), serious: new Set(), list: [] };
}
