/** Identifiers as pg_dump and the server write them. */
import { scanSync } from 'libpg-query';

const keywords = new Map<string, boolean>();

/** quote_identifier() of ruleutils.c and fmtId() of pg_dump: quoted unless safe and no keyword of any use. */
export function quoteIdentifier(name: string): string {
  return needsQuotes(name) ? `"${name.replaceAll('"', '""')}"` : name;
}

export function needsQuotes(name: string): boolean {
  if (!/^[a-z_][a-z0-9_]*$/.test(name)) return true;
  let isKeyword = keywords.get(name);
  if (isKeyword === undefined) {
    // 0 is no keyword, 1 an unreserved one.
    isKeyword = (scanSync(name).tokens[0]?.keywordKind ?? 0) > 1;
    if (keywords.size > 50_000) keywords.clear();
    keywords.set(name, isKeyword);
  }
  return isKeyword;
}
