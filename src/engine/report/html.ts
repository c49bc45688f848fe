import { formatBytes, formatCount, formatSeconds, plural } from '../../base/format.js';
import { forwardDowntime, measuredDowntime, wentBack } from '../../protocol/followView.js';
import type { RunState } from '../../protocol/model.js';
import type { Report } from '../../protocol/report.js';
import { databaseSection } from './database.js';
import { findingsSection } from './findings.js';
import { escapeHtml, formatTime } from './markup.js';
import { style } from './style.js';

const titles: Readonly<Record<RunState, { title: string; tone: 'good' | 'warn' | 'bad' }>> = {
  succeeded: { title: 'Migrated and verified', tone: 'good' },
  incomplete: { title: 'Finished, but not complete', tone: 'bad' },
  interrupted: { title: 'Interrupted', tone: 'warn' },
  refused: { title: 'Not started', tone: 'warn' },
  running: { title: 'Running', tone: 'warn' },
  stopping: { title: 'Stopping', tone: 'warn' },
};

const footer =
  '<footer>Checksums are sums of a hash of every row, computed by each server for itself: equal sums and counts mean equal rows, whatever their order. All figures are in report.json as well.</footer>';

/** The report as one page without scripts or outside references: it prints, and it opens anywhere. */
export function renderReport(report: Report): string {
  const { snapshot } = report;
  const { tone } = titles[snapshot.state];
  const isBack = snapshot.state === 'succeeded' && wentBack(snapshot);
  const title = isBack ? 'Applications are back on the source' : titles[snapshot.state].title;
  const snapshotOf = (d: Report['databases'][number]) =>
    snapshot.databases.find((s) => s.source === d.source && s.target === d.target) ?? {};
  const { fault } = snapshot;
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Flexferry report: ${escapeHtml(snapshot.name)}</title><style>${style}</style></head><body><main>
<header class="${tone}"><p class="kind">Flexferry migration report</p><h1>${title}</h1><p>${escapeHtml(verdict(report))}</p></header>
${fault ? `<p class="fault"><b>${fault.code}</b> ${escapeHtml(fault.message)}<small>${escapeHtml(fault.fix)}</small></p>` : ''}
<dl class="facts">${facts(report)
    .map(([name, value]) => `<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`)
    .join('\n')}</dl>
${snapshot.state === 'refused' ? '' : figures(report)}
${findingsSection(snapshot.findings)}
${report.databases.map((d) => databaseSection(d, snapshotOf(d))).join('\n')}
${snapshot.state === 'refused' ? '' : footer}
</main></body></html>
`;
}

/** What can be said for sure about the data, in one or two sentences. */
function verdict(report: Report): string {
  const tables = report.databases.flatMap((d) => d.tables);
  const equal = tables.filter((t) => t.verification?.equal).length;
  const all = tables.length > 0 && equal === tables.length;
  const data =
    tables.length === 0
      ? 'There were no tables.'
      : all
        ? tables.length === 1
          ? 'The table holds the same rows on both servers.'
          : `All ${formatCount(tables.length)} tables hold the same rows on both servers.`
        : `${formatCount(equal)} of ${plural(tables.length, 'table')} are proven to hold the same rows on both servers.`;
  switch (report.snapshot.state) {
    case 'succeeded':
      return data;
    case 'incomplete': {
      const { skipped, failed, different } = report.totals;
      return `${data} But ${formatCount(skipped)} skipped, ${formatCount(failed)} failed, ${formatCount(different)} different: the findings say what.`;
    }
    case 'interrupted':
      return 'Nothing is lost: finished work is kept on the target, and the next run of this project goes on from there.';
    case 'refused':
      return 'The checks before the migration found a reason not to begin. Nothing was changed.';
    default:
      return 'This report was written before the end.';
  }
}

function facts({ snapshot, flexferry, exitCode }: Report): [string, string][] {
  return [
    ['Project', snapshot.name],
    ['Source', snapshot.source],
    ['Target', snapshot.target],
    ['Started', formatTime(snapshot.startedAt)],
    ['Ended', snapshot.endedAt === undefined ? '–' : formatTime(snapshot.endedAt)],
    ['Run', snapshot.run],
    ['Flexferry', `${flexferry}, exit code ${exitCode}`],
  ];
}

function figures(report: Report): string {
  const { snapshot, totals } = report;
  const tables = report.databases.flatMap((d) => d.tables);
  const equal = tables.filter((t) => t.verification?.equal).length;
  const rate = copyRate(report);
  const downtime = measuredDowntime(snapshot);
  const forward = forwardDowntime(snapshot);
  const shown: [label: string, value: string, tone?: string][] = [
    ['Time', formatSeconds(((snapshot.endedAt ?? Date.now()) - snapshot.startedAt) / 1000)],
    ...(forward === undefined ? [] : [['Write downtime, to the target', formatSeconds(forward / 1000)]]),
    ...(downtime === undefined
      ? []
      : [[`Write downtime${forward === undefined ? '' : ', back'}`, formatSeconds(downtime / 1000)]]),
    ['Data', formatBytes(totals.bytes)],
    ['Copy rate', rate === undefined ? '–' : `${formatBytes(rate)}/s`],
    ['Rows', formatCount(totals.rows)],
    ['Tables copied', `${formatCount(totals.tables)} of ${formatCount(tables.length)}`],
    [
      'Verified equal',
      `${formatCount(equal)} of ${formatCount(tables.length)}`,
      equal < tables.length ? 'warn' : 'good',
    ],
    ['Indexes', formatCount(totals.indexes)],
    ['Large objects', formatCount(totals.largeObjects)],
    ['Statements', formatCount(totals.statements)],
    ['Skipped', formatCount(totals.skipped), totals.skipped > 0 ? 'warn' : undefined],
    ['Failed', formatCount(totals.failed), totals.failed > 0 ? 'bad' : undefined],
    ['Different', formatCount(totals.different), totals.different > 0 ? 'bad' : undefined],
  ].map(([label = '', value = '', tone]) => (tone === undefined ? [label, value] : [label, value, tone]));
  const items = shown.map(
    ([label, value, tone]) =>
      `<li${tone === undefined ? '' : ` class="${tone}"`}><b>${escapeHtml(value)}</b><span>${label}</span></li>`,
  );
  return `<ul class="figures">${items.join('\n')}</ul>`;
}

/** Bytes a second of what this run copied itself; tables that an earlier run had finished do not count. */
function copyRate(report: Report): number | undefined {
  let bytes = 0;
  let milliseconds = 0;
  for (const d of report.databases)
    for (const t of d.tables)
      if (t.startedAt !== undefined && t.endedAt !== undefined && t.state === 'done') bytes += t.bytes;
  for (const d of report.snapshot.databases) {
    const copy = d.phases.find((p) => p.phase === 'copy');
    if (copy?.startedAt !== undefined) milliseconds += (copy.endedAt ?? copy.startedAt) - copy.startedAt;
  }
  return bytes > 0 && milliseconds > 0 ? (bytes * 1000) / milliseconds : undefined;
}
