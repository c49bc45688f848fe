import { formatBytes, formatCount, formatSeconds, plural } from '../../base/format.js';
import type { DatabaseSnapshot, Phase, PhaseSnapshot, TableSnapshot } from '../../protocol/model.js';
import type { ReportDatabase, ReportStatement } from '../../protocol/report.js';
import { escapeHtml, markupTable } from './markup.js';
import { onlineSection } from './online.js';

/** Tables shown in the page; all of them are in report.json. */
const mostTables = 5000;
const mostStatements = 1000;

const phaseTitles: Readonly<Record<Phase, string>> = {
  assess: 'Assess',
  dump: 'Read the schema (pg_dump)',
  preData: 'Create the schema (pre-data)',
  copy: 'Copy the data',
  indexes: 'Build indexes',
  constraints: 'Add constraints',
  postData: 'Finish the schema (post-data)',
  sequences: 'Set sequences',
  analyze: 'Analyze',
  follow: 'Follow the changes',
  cutover: 'Cut over',
  verify: 'Verify',
};

/** One database: what was used, its phases, its cutover, its tables, and the statements that did not run. */
export function databaseSection(
  d: ReportDatabase,
  { phases, follow }: Partial<Pick<DatabaseSnapshot, 'phases' | 'follow'>>,
): string {
  const parts = [
    `<h2>Database ${escapeHtml(d.source)}${d.target === d.source ? '' : ` → ${escapeHtml(d.target)}`}</h2>`,
    `<p>${facts(d).map(escapeHtml).join('<br>')}</p>`,
    phaseTable(phases ?? []),
    onlineSection(follow),
  ];
  if (d.tables.length > 0) parts.push(tableSection(d.tables));
  const statements = d.statements.filter((s) => s.state !== 'done');
  if (statements.length > 0) parts.push(statementSection(statements));
  return parts.filter((p) => p !== '').join('\n');
}

function facts(d: ReportDatabase): string[] {
  const lines: string[] = [];
  if (d.sourceVersion !== '')
    lines.push(
      `PostgreSQL ${d.sourceVersion} → ${d.targetVersion}${d.dumpTool === '' ? '' : `, ${d.dumpTool}`}.`,
    );
  if (d.sequences.total > 0)
    lines.push(
      `Sequences: ${formatCount(d.sequences.equal)} of ${formatCount(d.sequences.total)} set and equal.`,
    );
  const { total, copied, bytes, equal } = d.largeObjects;
  if (total > 0) {
    const compared = equal === null ? 'not compared' : equal ? 'equal' : 'different';
    lines.push(
      `Large objects: ${formatCount(copied)} of ${formatCount(total)} copied (${formatBytes(bytes)}), ${compared}.`,
    );
  }
  return lines;
}

function duration(part: { readonly startedAt?: number; readonly endedAt?: number }): string {
  return part.startedAt === undefined || part.endedAt === undefined
    ? '–'
    : formatSeconds((part.endedAt - part.startedAt) / 1000);
}

function phaseTable(phases: readonly PhaseSnapshot[]): string {
  if (phases.every((p) => p.phase === 'assess' || p.startedAt === undefined)) return '';
  const rows = phases.map((p) => ({
    tone: p.failed > 0 ? 'error' : p.skipped > 0 ? 'warning' : p.state,
    cells: [
      phaseTitles[p.phase],
      p.state,
      p.total === 0 && p.done === 0 ? '–' : `${formatCount(p.done)} / ${formatCount(p.total)}`,
      formatCount(p.skipped),
      formatCount(p.failed),
      duration(p),
    ],
  }));
  return markupTable(
    [
      { title: 'Phase', kind: 'text' },
      { title: 'State', kind: 'word' },
      { title: 'Done', kind: 'number' },
      { title: 'Skipped', kind: 'number' },
      { title: 'Failed', kind: 'number' },
      { title: 'Time', kind: 'number' },
    ],
    rows,
  );
}

/** What needs attention first, then the largest. */
function rank(t: TableSnapshot): number {
  if (t.state === 'failed' || t.verification?.equal === false) return 0;
  return t.state === 'done' && t.verification ? 2 : 1;
}

function tableSection(all: readonly TableSnapshot[]): string {
  const tables = [...all].sort((a, b) => rank(a) - rank(b) || b.bytes - a.bytes);
  const equal = tables.filter((t) => t.verification?.equal).length;
  const markup = markupTable(
    [
      { title: 'Table', kind: 'name' },
      { title: 'State', kind: 'word' },
      { title: 'Rows', kind: 'number' },
      { title: 'Size', kind: 'number' },
      { title: 'Time', kind: 'number' },
      { title: 'Verified', kind: 'text' },
      { title: 'Checksum', kind: 'sum' },
    ],
    tables.slice(0, mostTables).map(tableRow),
  );
  const rest = tables.length - mostTables;
  return `<h3>Tables</h3><p>${formatCount(equal)} of ${plural(tables.length, 'table')} verified equal. Time is that of the copy.</p>
${markup}${rest > 0 ? `<p>${plural(rest, 'more table')} ${rest === 1 ? 'is' : 'are'} in report.json.</p>` : ''}`;
}

function tableRow(t: TableSnapshot): { tone: string; cells: string[] } {
  const v = t.verification;
  const name = `${escapeHtml(t.schema)}.<wbr>${escapeHtml(t.name)}`;
  return {
    tone: rank(t) === 0 ? 'error' : t.state === 'skipped' ? 'warning' : t.state,
    cells: [
      t.error ? `${name}<small>${escapeHtml(t.error.message)}</small>` : name,
      t.state,
      formatCount(t.rows),
      formatBytes(t.bytes),
      duration(t),
      v === undefined
        ? 'not compared'
        : v.equal
          ? 'equal'
          : `different: ${formatCount(v.sourceRows)} rows on the source, ${formatCount(v.targetRows)} on the target`,
      v === undefined
        ? ''
        : v.equal
          ? escapeHtml(v.sourceChecksum)
          : `${escapeHtml(v.sourceChecksum)}<br>${escapeHtml(v.targetChecksum)}`,
    ],
  };
}

function statementSection(statements: readonly ReportStatement[]): string {
  const order = [...statements].sort((a, b) => Number(b.state === 'failed') - Number(a.state === 'failed'));
  const markup = markupTable(
    [
      { title: 'State', kind: 'word' },
      { title: 'Object', kind: 'name' },
      { title: 'Why', kind: 'name' },
    ],
    order.slice(0, mostStatements).map((s) => ({
      tone: s.state === 'failed' ? 'error' : s.state,
      cells: [s.state, escapeHtml(s.object), escapeHtml(s.error?.message ?? s.reason ?? '')],
    })),
  );
  const rest = order.length - mostStatements;
  return `<h3>Statements that did not run</h3>
${markup}${rest > 0 ? `<p>${plural(rest, 'more statement')} ${rest === 1 ? 'is' : 'are'} in report.json.</p>` : ''}`;
}
