import { formatBytes, formatCount, formatSeconds } from '../../base/format.js';
import type { Finding, RunState, TableSnapshot } from '../../protocol/model.js';
import type { Report, ReportDatabase } from '../../protocol/report.js';
import { style } from './style.js';

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const verdicts: Readonly<Record<RunState, { title: string; text: string; tone: string }>> = {
  succeeded: {
    title: 'Migrated and verified',
    text: 'Every table holds the same rows on both servers.',
    tone: 'good',
  },
  incomplete: {
    title: 'Finished, but not complete',
    text: 'Something was skipped, failed or differs. The findings below say what.',
    tone: 'bad',
  },
  interrupted: {
    title: 'Interrupted',
    text: 'Nothing is lost: finished work is kept on the target and a next run goes on from there.',
    tone: 'warn',
  },
  refused: {
    title: 'Not started',
    text: 'The checks before the migration found a reason not to begin. Nothing was changed.',
    tone: 'warn',
  },
  running: { title: 'Running', text: 'This report was written before the end.', tone: 'warn' },
  stopping: { title: 'Stopping', text: 'This report was written before the end.', tone: 'warn' },
};

/** Tables shown in the page; all of them are in report.json. */
const mostTables = 5000;

/** The report as one page without scripts or outside references: it prints, and it opens anywhere. */
export function renderReport(report: Report): string {
  const { snapshot, totals } = report;
  const verdict = verdicts[snapshot.state];
  const seconds = ((snapshot.endedAt ?? Date.now()) - snapshot.startedAt) / 1000;
  const rate = seconds > 0 ? snapshot.bytes / seconds : 0;
  const figures: [string, string][] = [
    ['Time', formatSeconds(seconds)],
    ['Data', formatBytes(totals.bytes)],
    ['Rate', `${formatBytes(rate)}/s`],
    ['Rows', formatCount(totals.rows)],
    ['Tables', formatCount(totals.tables)],
    ['Indexes', formatCount(totals.indexes)],
    ['Large objects', formatCount(totals.largeObjects)],
    ['Statements', formatCount(totals.statements)],
    ['Skipped', formatCount(totals.skipped)],
    ['Failed', formatCount(totals.failed)],
    ['Different', formatCount(totals.different)],
  ];
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Flexferry report: ${escapeHtml(snapshot.name)}</title><style>${style}</style></head><body><main>
<header class="${verdict.tone}"><p class="kind">Flexferry migration report</p><h1>${escapeHtml(verdict.title)}</h1><p>${escapeHtml(verdict.text)}</p>
${snapshot.fault ? `<p class="fault"><b>${snapshot.fault.code}</b> ${escapeHtml(snapshot.fault.message)}<br>${escapeHtml(snapshot.fault.fix)}</p>` : ''}</header>
<dl class="facts"><dt>Project</dt><dd>${escapeHtml(snapshot.name)}</dd><dt>Source</dt><dd>${escapeHtml(snapshot.source)}</dd><dt>Target</dt><dd>${escapeHtml(snapshot.target)}</dd>
<dt>Started</dt><dd>${new Date(snapshot.startedAt).toISOString()}</dd><dt>Ended</dt><dd>${snapshot.endedAt === undefined ? '–' : new Date(snapshot.endedAt).toISOString()}</dd>
<dt>Run</dt><dd>${escapeHtml(snapshot.run)}</dd><dt>Flexferry</dt><dd>${escapeHtml(report.flexferry)}</dd></dl>
<ul class="figures">${figures.map(([label, value]) => `<li><b>${escapeHtml(value)}</b><span>${label}</span></li>`).join('')}</ul>
${findingsSection(snapshot.findings)}
${report.databases.map((d) => databaseSection(d, snapshot.databases.find((s) => s.source === d.source && s.target === d.target)?.phases ?? [])).join('\n')}
<footer>Checksums are sums of a hash of every row, computed by each server for itself: equal sums and counts mean equal rows, whatever their order.</footer>
</main></body></html>
`;
}

function findingsSection(findings: readonly Finding[]): string {
  if (findings.length === 0) return '<h2>Findings</h2><p>None.</p>';
  const order = { error: 0, warning: 1, note: 2 };
  const rows = [...findings]
    .sort((a, b) => order[a.severity] - order[b.severity])
    .map(
      (f) =>
        `<tr class="${f.severity}"><td>${f.severity}</td><td>${f.code}${f.azureCode ? `<br><small>Azure ${escapeHtml(f.azureCode)}</small>` : ''}</td><td>${escapeHtml(f.database)}</td><td>${escapeHtml(f.message)}<br><small>${escapeHtml(f.fix)}</small></td></tr>`,
    );
  return `<h2>Findings</h2><table><thead><tr><th>Severity</th><th>Code</th><th>Database</th><th>What was found, and what to do</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function databaseSection(
  d: ReportDatabase,
  phases: readonly {
    phase: string;
    state: string;
    startedAt?: number;
    endedAt?: number;
    done: number;
    total: number;
    skipped: number;
    failed: number;
  }[],
): string {
  const phaseRows = phases.map((p) => {
    const seconds =
      p.startedAt !== undefined && p.endedAt !== undefined
        ? formatSeconds((p.endedAt - p.startedAt) / 1000)
        : '–';
    return `<tr><td>${p.phase}</td><td>${p.state}</td><td class="n">${formatCount(p.done)} / ${formatCount(p.total)}</td><td class="n">${formatCount(p.skipped)}</td><td class="n">${formatCount(p.failed)}</td><td class="n">${seconds}</td></tr>`;
  });
  const statements = d.statements.filter((s) => s.state !== 'done');
  const lob =
    d.largeObjects.total > 0
      ? `<p>Large objects: ${formatCount(d.largeObjects.copied)} of ${formatCount(d.largeObjects.total)} copied (${formatBytes(d.largeObjects.bytes)}), ${d.largeObjects.equal === null ? 'not compared' : d.largeObjects.equal ? 'equal' : 'different'}.</p>`
      : '';
  return `<h2>Database ${escapeHtml(d.source)} → ${escapeHtml(d.target)}</h2>
<p>PostgreSQL ${escapeHtml(d.sourceVersion)} → ${escapeHtml(d.targetVersion)}, ${escapeHtml(d.dumpTool)}. Sequences: ${formatCount(d.sequences.equal)} of ${formatCount(d.sequences.total)} set and equal.</p>${lob}
<table><thead><tr><th>Phase</th><th>State</th><th class="n">Done</th><th class="n">Skipped</th><th class="n">Failed</th><th class="n">Time</th></tr></thead><tbody>${phaseRows.join('')}</tbody></table>
${statements.length > 0 ? `<h3>Statements not run as they were</h3><table><thead><tr><th>State</th><th>Object</th><th>Why</th></tr></thead><tbody>${statements.map((s) => `<tr><td>${s.state}</td><td>${escapeHtml(s.object)}</td><td>${escapeHtml(s.error?.message ?? s.reason ?? '')}</td></tr>`).join('')}</tbody></table>` : ''}
<h3>Tables</h3><table><thead><tr><th>Table</th><th>State</th><th class="n">Rows</th><th class="n">Size</th><th class="n">Time</th><th>Verified</th><th>Checksum</th></tr></thead><tbody>${d.tables.slice(0, mostTables).map(tableRow).join('')}</tbody></table>
${d.tables.length > mostTables ? `<p>${formatCount(d.tables.length - mostTables)} more tables are in report.json.</p>` : ''}`;
}

function tableRow(t: TableSnapshot): string {
  const v = t.verification;
  const seconds =
    t.startedAt !== undefined && t.endedAt !== undefined
      ? formatSeconds((t.endedAt - t.startedAt) / 1000)
      : '–';
  const verified = v
    ? v.equal
      ? 'equal'
      : `different: ${formatCount(v.sourceRows)} / ${formatCount(v.targetRows)} rows`
    : 'not compared';
  const checksum = v
    ? v.equal
      ? escapeHtml(v.sourceChecksum)
      : `${escapeHtml(v.sourceChecksum)}<br>${escapeHtml(v.targetChecksum)}`
    : '';
  return `<tr class="${v && !v.equal ? 'error' : t.state}"><td>${escapeHtml(t.schema)}.${escapeHtml(t.name)}</td><td>${t.state}</td><td class="n">${formatCount(t.rows)}</td><td class="n">${formatBytes(t.bytes)}</td><td class="n">${seconds}</td><td>${verified}</td><td class="sum">${checksum}</td></tr>`;
}
