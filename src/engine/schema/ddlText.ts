/** The text of the generated DDL files: see src/protocol/ddl.ts for what stands in them. */
import { redact } from '../../ddl/redact.js';
import type { Statement } from '../../ddl/statement.js';
import { skipMarker } from '../../protocol/ddl.js';
import type { PlannedStatement } from './plannedStatement.js';

const heads = {
  preData: `-- What Flexferry runs on the target before the rows are copied.
-- Edit it as you like: what is saved is what runs. Generating it again keeps your edits.
`,
  postData: `-- What Flexferry runs on the target once the rows are copied: keys, indexes, constraints, triggers.
-- Edit it as you like: what is saved is what runs. Generating it again keeps your edits.
`,
} as const;

/** In order, with what does not run as a comment that says why. Passwords are masked. */
export function ddlText(section: 'preData' | 'postData', statements: readonly PlannedStatement[]): string {
  const parts = statements.map((item) => {
    const text = redact(item.sql);
    const { finding } = item;
    const why = finding ? `${finding.code}: ${oneLine(finding.message)}` : 'It is there already.';
    const isSetting = item.statement.section === 'session';
    if (item.skip) return { isSetting, text: `${skipMarker} ${why}\n${text.replace(/^/gm, '-- ')}\n` };
    const notes = [
      ...(finding ? [`-- ${why}\n`] : []),
      ...(item.undecided ?? []).map(({ message }) => `-- FF420: ${oneLine(message)}\n`),
    ];
    return { isSetting, text: `${[...new Set(notes)].join('')}${text}\n` };
  });
  return `${heads[section]}\n${layout(parts)}`;
}

/** A blank line between statements, none between settings. */
function layout(parts: readonly { readonly isSetting: boolean; readonly text: string }[]): string {
  return parts
    .map(({ isSetting, text }, index) =>
      index === 0 || (isSetting && parts[index - 1]?.isSetting) ? text : `\n${text}`,
    )
    .join('');
}

/** As the source has it, in the same order, for comparing. */
export function sourceDdl(statements: readonly PlannedStatement[]): string {
  const own = statements.filter((item) => !item.added);
  return plainDdl(
    own.map(({ statement, sourceText }) => ({
      text: sourceText ?? statement.text,
      section: statement.section,
    })),
  );
}

/** Statements in the layout of the generated files. */
export function plainDdl(statements: readonly Pick<Statement, 'text' | 'section'>[]): string {
  return layout(
    statements.map(({ text, section }) => ({ isSetting: section === 'session', text: `${redact(text)}\n` })),
  );
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ');
