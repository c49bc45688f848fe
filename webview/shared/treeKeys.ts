/** What a tree grid shows and does, and what its keys mean: https://www.w3.org/WAI/ARIA/apg/patterns/treegrid/ */
export interface TreeRow {
  readonly key: string;
  /** From 1. */
  readonly level: number;
  /** Index of the row above it in the tree, -1 at the top. */
  readonly parent: number;
  /** Absent where it cannot be expanded. */
  readonly expanded?: boolean;
}

export interface TreeColumn<Row> {
  readonly title: string;
  readonly className: string;
  /** Fills a cell; called again whenever the row changes, but not while the cell is edited. */
  render(cell: HTMLElement, row: Row): void;
  /** Whether the keyboard stops at the cell; absent: never. */
  stops?(row: Row): boolean;
  /** Enter or F2 on the cell. */
  edit?(cell: HTMLElement, row: Row): void;
  /** Space on the cell. */
  toggle?(cell: HTMLElement, row: Row): void;
}

export interface TreeGridOptions<Row> {
  readonly label: string;
  readonly columns: readonly TreeColumn<Row>[];
  readonly empty: string;
  /** Asks for a window of rows; the answer comes through {@link TreeGrid.setRows}. */
  readonly request: (offset: number, limit: number, active: string | undefined) => void;
  readonly expand: (row: Row, expanded: boolean) => void;
  /** The column that Enter and F2 on a whole row edit, and Space toggles. */
  readonly editColumn: number;
  readonly toggle: (row: Row) => void;
  readonly activated: (key: string) => void;
}

/** The grid as a key finds it. */
export interface KeyTarget<Row> {
  readonly options: TreeGridOptions<Row>;
  /** Index of the active row. */
  readonly active: number;
  /** Column of the focused cell; -1 for the row. */
  readonly cell: number;
  readonly total: number;
  /** Rows of a page. */
  readonly page: number;
  /** The active row, if it is loaded. */
  readonly row: Row | undefined;
  /** The cell of the active row in a column, if that row is mounted. */
  elementOf(column: number): HTMLElement | undefined;
  moveTo(index: number, cell: number): void;
}

/** Does what a key means; false where it means nothing here. */
export function pressKey<Row extends TreeRow>(event: KeyboardEvent, target: KeyTarget<Row>): boolean {
  return move(event, target) || (target.row !== undefined && act(event.key, target.row, target));
}

/** Up and down; Home and End go through the cells when the focus is in one, as the pattern has it. */
function move<Row>({ key, ctrlKey }: KeyboardEvent, target: KeyTarget<Row>): boolean {
  const { active, cell, page, total } = target;
  const whole = cell < 0 || ctrlKey;
  const moves: Readonly<Record<string, number | undefined>> = {
    ArrowDown: active + 1,
    ArrowUp: active - 1,
    PageDown: active + page,
    PageUp: active - page,
    Home: whole ? 0 : undefined,
    End: whole ? total - 1 : undefined,
  };
  const to = moves[key];
  if (to === undefined) return false;
  target.moveTo(to, cell);
  return true;
}

/** Columns that the keyboard stops at. */
const stopsOf = <Row>({ options }: KeyTarget<Row>, row: Row): number[] =>
  options.columns.flatMap(({ stops }, at) => (stops?.(row) ? [at] : []));

function act<Row extends TreeRow>(key: string, row: Row, target: KeyTarget<Row>): boolean {
  const { active, cell, options } = target;
  const stops = stopsOf(target, row);
  switch (key) {
    case 'ArrowRight': {
      const next = stops.find((at) => at > cell);
      if (cell < 0 && row.expanded === false) options.expand(row, true);
      else if (next !== undefined) target.moveTo(active, next);
      return true;
    }
    case 'ArrowLeft':
      if (cell >= 0) target.moveTo(active, stops.findLast((at) => at < cell) ?? -1);
      else if (row.expanded === true) options.expand(row, false);
      else if (row.parent >= 0) target.moveTo(row.parent, -1);
      return true;
    case 'Home':
    case 'End':
      target.moveTo(active, (key === 'Home' ? stops[0] : stops.at(-1)) ?? -1);
      return true;
    case ' ':
      toggle(row, target);
      return true;
    case 'Enter':
    case 'F2':
      return edit(key, row, target);
    case 'Escape':
      if (cell < 0) return false;
      target.moveTo(active, -1);
      return true;
    default:
      return false;
  }
}

function toggle<Row>(row: Row, { options, cell, elementOf }: KeyTarget<Row>): void {
  const column = options.columns[cell];
  const element = elementOf(cell);
  if (column?.toggle && element) column.toggle(element, row);
  else options.toggle(row);
}

function edit<Row extends TreeRow>(
  key: string,
  row: Row,
  { options, cell, elementOf }: KeyTarget<Row>,
): boolean {
  const at = cell < 0 ? options.editColumn : cell;
  const column = options.columns[at];
  const element = elementOf(at);
  if (!element) return false;
  if (column?.edit && column.stops?.(row)) column.edit(element, row);
  else if (column?.toggle && column.stops?.(row)) column.toggle(element, row);
  else if (key === 'Enter' && row.expanded !== undefined) options.expand(row, !row.expanded);
  else return false;
  return true;
}
