/** Where a broken statement should have ended: an open quote swallows whatever follows, up to the next quote. */
import { isTocComment } from './tocComment.js';

/** The beginning of a statement behind one that ended its line. */
const nextStatement = new RegExp(
  ';[ \\t]*\\r?\\n(?:[ \\t]*\\r?\\n|--[^\\n]*\\n)*(?=(?:CREATE|ALTER|COMMENT|GRANT|REVOKE|DROP|SET|SELECT|WITH' +
    '|INSERT|UPDATE|DELETE|TRUNCATE|REFRESH|DO|CALL|BEGIN|COMMIT|ANALYZE|COPY)[ \\t;])',
  'i',
);

/**
 * The length of what belongs to the statement that the text begins with, where it seems to hold several; undefined
 * where it does not. Only to be asked for a text that cannot be parsed.
 */
export function brokenStatementEnd(text: string): number | undefined {
  const ends = [beforeHeader(text), behindStatement(text)].filter((end) => end !== undefined);
  return ends.length === 0 ? undefined : Math.min(...ends);
}

function beforeHeader(text: string): number | undefined {
  for (let at = text.indexOf('\n-- Name: '); at >= 0; at = text.indexOf('\n-- Name: ', at + 1)) {
    if (!isTocComment(text, at + 1)) continue;
    const length = text
      .slice(0, at + 1)
      .replace(/\n--\r?\n$/, '')
      .trimEnd().length;
    return length === 0 ? undefined : length;
  }
  return undefined;
}

/** Bodies between dollar quotes, and those of SQL, hold such lines of their own. */
function behindStatement(text: string): number | undefined {
  const found = nextStatement.exec(text);
  if (found === null || /\$\w*\$|\bBEGIN\s+ATOMIC\b/i.test(text.slice(0, found.index))) return undefined;
  const length = found.index + 1;
  return length < text.trimEnd().length ? length : undefined;
}
