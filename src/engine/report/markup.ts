/** Text as it may stand in HTML, in an element or in a quoted attribute. */
export const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** "2026-11-22 18:18:43 UTC", the same wherever the report is read. */
export const formatTime = (milliseconds: number): string =>
  `${new Date(milliseconds).toISOString().slice(0, 19).replace('T', ' ')} UTC`;

export interface Column {
  readonly title: string;
  /** `number`: right-aligned; `name`: may be long and wraps anywhere; `sum`: digits; `word`: never broken. */
  readonly kind: 'number' | 'name' | 'sum' | 'word' | 'text';
}

/** A table whose head is repeated on every printed page. Cells are markup already. */
export function markupTable(
  columns: readonly Column[],
  rows: readonly { readonly tone?: string; readonly cells: readonly string[] }[],
): string {
  const head = columns.map((c) => `<th scope="col" class="${c.kind}">${escapeHtml(c.title)}</th>`).join('');
  const body = rows.map(({ tone, cells }) => {
    const tds = cells.map((cell, i) => `<td class="${columns[i]?.kind ?? 'text'}">${cell}</td>`).join('');
    return `<tr${tone === undefined ? '' : ` class="${tone}"`}>${tds}</tr>`;
  });
  return `<table><thead><tr>${head}</tr></thead><tbody>\n${body.join('\n')}\n</tbody></table>`;
}
