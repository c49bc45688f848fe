import { formatCount } from '../../src/base/format.js';
import type { FaultData } from '../../src/protocol/connection.js';
import type { DdlSeen, StoppedTable } from '../../src/protocol/follow.js';
import { canAddTables, type FollowedDatabase, openDdl } from '../../src/protocol/followView.js';
import type { DashboardMessage, StoppedTableAction } from '../../src/protocol/webview.js';
import { button, h, icon, setText } from '../shared/dom.js';
import { t } from '../shared/l10n.js';

type Post = (message: DashboardMessage) => void;

/** New tables that are named; the others are counted. */
const mostNames = 12;

/** A table or the new tables, and what is still counting. */
interface Row {
  readonly element: HTMLElement;
  readonly counting: HTMLElement;
}

function makeRow(
  look: readonly [glyph: string, tone: string],
  texts: readonly [what: string, message: string, fix: string],
  buttons: HTMLElement,
): Row {
  const counting = h('div', { class: 'where' });
  const body = h(
    'div',
    {},
    h('div', { class: 'what' }, texts[0]),
    h('div', {}, texts[1]),
    h('div', { class: 'fix' }, texts[2]),
    counting,
  );
  return { element: h('li', { class: 'attention-row' }, icon(...look), body, buttons), counting };
}

function named(database: string | undefined, row: Row): Row {
  if (database !== undefined) row.element.querySelector('.what')?.prepend(`${database}: `);
  return row;
}

function stoppedRow(database: string, table: StoppedTable, post: Post): Row {
  const { schema, name, fault } = table;
  const full = `${schema}.${name}`;
  const act = (action: StoppedTableAction) => () =>
    post({ type: 'stoppedTable', action, database, schema, name });
  const buttons = h('div', { class: 'buttons', role: 'group', 'aria-label': full });
  if (table.ddl !== undefined) buttons.append(button(t('Review DDL'), 'file-code', act('reviewDdl')));
  buttons.append(
    button(t('Retry'), 'refresh', act('retry')),
    button(t('Skip Change…'), 'debug-step-over', act('skip')),
  );
  return makeRow(['warning', 'warn'], [t('{0} is stopped', full), fault.message, fault.fix], buttons);
}

function newRow({ source, follow }: FollowedDatabase, post: Post): Row {
  const names = follow.newTables.slice(0, mostNames).map(({ schema, name }) => `${schema}.${name}`);
  const more = follow.newTables.length - names.length;
  const list = more > 0 ? t('{0} and {1} more', names.join(', '), formatCount(more)) : names.join(', ');
  const add = button(t('Add'), 'add', () => post({ type: 'addTables', database: source }));
  return makeRow(
    ['new-file', 'busy'],
    [
      t('New on the source: {0}', formatCount(follow.newTables.length)),
      list,
      t('They are not migrated until they are added: copied, and followed from then on.'),
    ],
    h('div', { class: 'buttons' }, add),
  );
}

/** For the user to know, until he says that it is done: nobody sees whether the target has it by now. */
function ddlRow({ total, last }: DdlSeen, done: () => void): Row {
  const shown = last.slice(-mostNames).map(({ command, object }) => `${command} ${object ?? ''}`.trim());
  const more = total - shown.length;
  const list = more > 0 ? t('{0} and {1} more', shown.join(', '), formatCount(more)) : shown.join(', ');
  return makeRow(
    ['symbol-structure', 'busy'],
    [
      t('DDL on the source: {0}', formatCount(total)),
      list,
      t(
        'It is not followed. Run the same on the target; for columns the DDL that is shown for the stopped table, for new tables add them.',
      ),
    ],
    h('div', { class: 'buttons' }, button(t('Done'), 'check', done)),
  );
}

/** Tables of a followed database that wait for the user: stopped ones and new ones; and DDL that was seen. */
export class Attention {
  readonly #list = h('ul', {});
  readonly element = h(
    'section',
    { class: 'card attention', 'aria-label': t('Needs attention') },
    h('div', { class: 'card-title' }, h('h2', {}, t('Needs attention'))),
    this.#list,
  );
  readonly #rows = new Map<string, Row>();
  #several = false;

  constructor(private readonly post: Post) {
    this.element.hidden = true;
  }

  /** All of them: what waits in one is as urgent while another is looked at. */
  show(databases: readonly FollowedDatabase[], running: boolean): void {
    this.#several = databases.length > 1;
    const wanted = new Set<string>();
    for (const database of running ? databases : []) {
      if (database.follow.ended) wanted.add(this.#showEnded(database.source, database.follow.ended));
      for (const table of database.follow.stopped) wanted.add(this.#showStopped(database.source, table));
      if (canAddTables(database.follow)) wanted.add(this.#showNew(database));
      const open = openDdl(database.follow.ddlSeen);
      if (open) wanted.add(this.#showDdl(database, open));
    }
    this.element.hidden = wanted.size === 0;
    const focused = this.#list.contains(document.activeElement);
    for (const [key, row] of this.#rows)
      if (!wanted.has(key)) {
        row.element.remove();
        this.#rows.delete(key);
      }
    // What had the focus is gone: the next thing to press is near.
    if (focused && !this.#list.contains(document.activeElement))
      this.#list.querySelector<HTMLElement>('vscode-button')?.focus();
  }

  #showEnded(database: string, { message, fix, code }: FaultData): string {
    const key = JSON.stringify([database, 'ended']);
    const what = t('Nothing of this database is applied any more.');
    const row = this.#row(key, () =>
      named(
        this.#of(database),
        makeRow(['error', 'bad'], [what, message, fix], h('div', { class: 'buttons' })),
      ),
    );
    setText(row.counting, code);
    return key;
  }

  #showStopped(database: string, table: StoppedTable): string {
    const { waiting, ...kept } = table;
    const row = this.#row(JSON.stringify([database, kept]), () =>
      named(this.#of(database), stoppedRow(database, table, this.post)),
    );
    const since = new Date(table.since).toLocaleTimeString([], { hour12: false });
    const waits = t('Waiting changes: {0}, since {1}', formatCount(waiting), since);
    setText(row.counting, `${table.fault.code} · ${waits}`);
    return JSON.stringify([database, kept]);
  }

  #showNew(database: FollowedDatabase): string {
    const key = JSON.stringify([database.source, database.follow.newTables]);
    this.#row(key, () => named(this.#of(database.source), newRow(database, this.post)));
    return key;
  }

  #showDdl({ source: database, follow }: FollowedDatabase, open: DdlSeen): string {
    const through = follow.ddlSeen?.total ?? 0;
    const key = JSON.stringify([database, 'DDL', through, open.total]);
    const done = (): void => this.post({ type: 'ddlDone', database, through });
    this.#row(key, () => named(this.#of(database), ddlRow(open, done)));
    return key;
  }

  /** Where there are several, a row says of which it is. */
  #of(database: string): string | undefined {
    return this.#several ? database : undefined;
  }

  #row(key: string, make: () => Row): Row {
    const row = this.#rows.get(key) ?? make();
    if (!this.#rows.has(key)) this.#list.append(row.element);
    this.#rows.set(key, row);
    return row;
  }
}
