import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { redact } from '../../ddl/redact.js';
import type { PlannedStatement } from './planStatements.js';

/** A name that is one folder on every file system: the escape keeps different databases apart. */
export function folderName(database: string): string {
  return (
    [...database]
      .map((c) => (/[\p{L}\p{N}_.-]/u.test(c) ? c : `%${(c.codePointAt(0) ?? 0).toString(16)}`))
      .join('')
      .replace(/^\./, '%2e') || '%'
  );
}

/**
 * Writes `<directory>/<database>/pre-data.sql` and `post-data.sql`: what runs, in order, with what does not run as a
 * comment that says why. Passwords are masked.
 */
export async function writeDdlFiles(
  directory: string,
  database: string,
  plan: { preData: readonly PlannedStatement[]; postData: readonly PlannedStatement[] },
): Promise<void> {
  const folder = join(directory, folderName(database));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'pre-data.sql'), render(plan.preData));
  await writeFile(join(folder, 'post-data.sql'), render(plan.postData));
}

function render(statements: readonly PlannedStatement[]): string {
  return statements
    .map((item) => {
      const text = redact(item.sql);
      const why = item.finding
        ? `-- ${item.finding.code}: ${item.finding.message.replaceAll('\n', ' ')}\n`
        : item.skip
          ? '-- It is there already.\n'
          : '';
      return item.skip ? `${why}${text.replace(/^/gm, '-- ')}\n` : `${why}${text}\n`;
    })
    .join('\n');
}
