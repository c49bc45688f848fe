/** What a statement is recognised by in states, references and context.json. */
import { createHash } from 'node:crypto';
import type { StatementKey } from './ddl.js';

/**
 * SHA-256 of the text of a statement (from its first token to its semicolon, as `splitStatements` gives it), the
 * first 32 hexadecimal digits. Line ends are normalised: git and editors change them, which changes no statement.
 */
export function statementTextKey(text: string): StatementKey {
  const normalised = text.includes('\r') ? text.replaceAll('\r\n', '\n') : text;
  return createHash('sha256').update(normalised).digest('hex').slice(0, 32);
}
