/** What has to be opened so that a row is shown. No import of `vscode`. */
import { type MappingView, noFilter } from '../../../protocol/mappingPanel.js';
import { databaseKeyOf, extensionsKeyOf, readKey, schemaKeyOf, tableKeyOf } from './rowKey.js';
import { isFiltered, openness, type ShownDatabase, type VisibleRow } from './visibleRows.js';

function ancestors(key: string): string[] {
  const place = readKey(key);
  if (!place) return [];
  const { database } = place;
  const above = [databaseKeyOf(database)];
  if (place.at === 'extension') above.push(extensionsKeyOf(database));
  if (place.at === 'table' || place.at === 'index') above.push(schemaKeyOf(database, place.relation.schema));
  if (place.at === 'index') above.push(tableKeyOf(database, place.relation));
  return above;
}

/** The view with a row's ancestors opened; a filter that hides the row is cleared. */
export function revealing(
  view: MappingView,
  key: string,
  databases: readonly ShownDatabase[],
  rows: readonly VisibleRow[],
): MappingView {
  if (rows.some((row) => row.key === key)) return view;
  const unfiltered = isFiltered(view.filter) ? { ...view, filter: noFilter } : view;
  const open = openness(unfiltered);
  const small = new Map(databases.map((shown) => [shown.view.id, (shown.tree?.total ?? 0) <= 150]));
  const closed = ancestors(key).filter((above) => {
    const place = readKey(above);
    if (place?.at === 'database') return !open.ofGroups(above, true);
    if (place?.at === 'schema') return !open.ofGroups(above, small.get(place.database) ?? false);
    return !open.ofTables(above, false);
  });
  const toggled = new Set(unfiltered.toggled);
  for (const above of closed) if (!toggled.delete(above)) toggled.add(above);
  return { ...unfiltered, toggled: [...toggled] };
}
