import { plural } from '../base/format.js';
import type { GeneratedDdl } from '../protocol/engine.js';

const outcomes = {
  written: 'written',
  kept: 'as before',
  merged: 'merged with your edits',
  conflict: 'your edits and what is new contradict each other',
} as const;

/** What `ddl` prints: findings, then the files, then one line that says it all. */
export function ddlSummary({ files, findings }: GeneratedDdl): string {
  const told = findings
    .filter((f) => f.severity !== 'note')
    .map(
      (f) =>
        `${f.severity} ${f.code}: ${f.database === '' ? '' : `${f.database}: `}${f.message}\n    ${f.fix}\n`,
    );
  const lines = files.map(
    (file) =>
      `${file.path}: ${outcomes[file.outcome]}${file.conflicts > 0 ? ` (${plural(file.conflicts, 'conflict')})` : ''}\n`,
  );
  const conflicts = files.reduce((sum, file) => sum + file.conflicts, 0);
  const end =
    conflicts > 0
      ? `Decide ${plural(conflicts, 'conflict')} in the files, between the markers <<<<<<< and >>>>>>>, and save.\n`
      : `${plural(files.length, 'file')}: review them, edit what you like, then run the project: what is saved is what runs.\n`;
  return [...told, ...lines, end].join('');
}
