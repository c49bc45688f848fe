/**
 * The header that pg_dump prints before each entry of its table of contents:
 * `-- Name: orders; Type: TABLE; Schema: public; Owner: shop` (the owner is "-" with --no-owner, the schema "-" for
 * what has none, and line breaks in names are replaced by blanks).
 */
export interface TocComment {
  readonly name: string;
  readonly type: string;
  readonly schema?: string;
  readonly owner?: string;
}

// Greedy up to the last "; Type: ", because a name may hold anything.
const header = /^-- Name: (.*); Type: ([^;]*); Schema: (.*); Owner: (.*)$/;

export function parseTocComment(line: string): TocComment | undefined {
  const match = header.exec(line.trimEnd());
  if (match === null) return undefined;
  const [, name = '', type = '', schema = '-', owner = '-'] = match;
  return { name, type, ...(schema !== '-' && { schema }), ...(owner !== '-' && owner !== '' && { owner }) };
}

/** Is there such a header at this offset, alone on its line? */
export function isTocComment(sql: string, at: number): boolean {
  if (!sql.startsWith('-- Name: ', at)) return false;
  if (at > 0 && sql.charCodeAt(at - 1) !== 10) return false;
  const end = sql.indexOf('\n', at);
  return parseTocComment(sql.slice(at, end < 0 ? sql.length : end)) !== undefined;
}
