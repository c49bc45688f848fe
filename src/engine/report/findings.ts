import { plural } from '../../base/format.js';
import type { Finding } from '../../protocol/model.js';
import { escapeHtml, markupTable } from './markup.js';

const order = { error: 0, warning: 1, note: 2 } as const;

interface Group {
  readonly first: Finding;
  readonly messages: string[];
}

/** All findings, gravest first; what to do is said once for those that share it. */
export function findingsSection(findings: readonly Finding[]): string {
  if (findings.length === 0) return '<h2>Findings</h2><p>None.</p>';
  const severalDatabases = new Set(findings.map((f) => f.database)).size > 1;
  const groups = new Map<string, Group>();
  for (const finding of [...findings].sort((a, b) => order[a.severity] - order[b.severity])) {
    const key = `${finding.severity} ${finding.code} ${finding.fix}`;
    const group = groups.get(key) ?? { first: finding, messages: [] };
    groups.set(key, group);
    const place = severalDatabases && finding.database !== '' ? `${finding.database}: ` : '';
    group.messages.push(`${place}${finding.message}`);
  }
  const count = (severity: Finding['severity']): number =>
    findings.filter((f) => f.severity === severity).length;
  const rows = [...groups.values()].map(({ first, messages }) => ({
    tone: first.severity,
    cells: [
      first.severity,
      `${first.code}${first.azureCode === undefined ? '' : `<small>Azure ${escapeHtml(first.azureCode)}</small>`}`,
      `${list(messages)}<small>${escapeHtml(first.fix)}</small>`,
    ],
  }));
  return `<h2>Findings</h2><p>${plural(count('error'), 'error')}, ${plural(count('warning'), 'warning')}, ${plural(count('note'), 'note')}. A note is an adaptation that loses nothing.</p>
${markupTable(
  [
    { title: 'Severity', kind: 'word' },
    { title: 'Code', kind: 'word' },
    { title: 'What was found, and what to do', kind: 'name' },
  ],
  rows,
)}`;
}

function list(messages: readonly string[]): string {
  if (messages.length === 1) return escapeHtml(messages[0] ?? '');
  return `<ul>${messages.map((m) => `<li>${escapeHtml(m)}</li>`).join('')}</ul>`;
}
