import {
  type DatabaseState,
  type FilterList,
  filterLists,
  type MappingState,
} from '../../src/protocol/mappingPanel.js';
import type { ProjectOptions } from '../../src/protocol/project.js';
import { h, icon } from '../shared/dom.js';
import { t } from '../shared/l10n.js';
import { choiceField, type Field, flagField, linesField, numberField } from './fields.js';
import type { Send } from './gestures.js';
import { RoleTable } from './roles.js';

type OptionName = Exclude<keyof ProjectOptions, 'roles'>;

function optionFields(send: Send): ReadonlyMap<OptionName, Field> {
  const set = (name: OptionName) => (value: boolean | number | string) =>
    void send({ kind: 'option', name, value });
  const jobs = { min: 1, max: 64 };
  const flag = (name: OptionName, title: string, description: string): [OptionName, Field] => [
    name,
    flagField(title, description, set(name)),
  ];
  return new Map<OptionName, Field>([
    ['jobs', numberField(t('Jobs'), t('Tables copied at the same time.'), jobs, set('jobs'))],
    ['indexJobs', numberField(t('Index jobs'), t('Indexes built at the same time.'), jobs, set('indexJobs'))],
    [
      'dumpTool',
      choiceField(
        t('Dump tool'),
        t('Which pg_dump reads the schema.'),
        [
          ['auto', t('Automatic')],
          ['native', t('Native pg_dump')],
          ['builtin', t('Built in')],
        ],
        set('dumpTool'),
      ),
    ],
    [
      'owners',
      choiceField(
        t('Owners'),
        t('Who owns the objects on the target.'),
        [
          ['target', t('The user of the target')],
          ['keep', t('Owners as on the source, after the role mapping')],
        ],
        set('owners'),
      ),
    ],
    flag('createRoles', t('Create roles'), t('Create roles that are needed and missing, without passwords.')),
    flag('extensions', t('Extensions'), t('Create the extensions of the source.')),
    flag('grants', t('Grants'), t('Carry over privileges.')),
    flag('comments', t('Comments'), t('Carry over comments.')),
    flag('publications', t('Publications'), t('Carry over publications.')),
    flag(
      'tablespaces',
      t('Tablespaces'),
      t('Keep tablespaces where the target has them. A Flexible Server never does.'),
    ),
    flag(
      'acceptNonEmptyTarget',
      t('Target that is not empty'),
      t('Create what is missing beside what a target database already holds. Nothing is overwritten.'),
    ),
  ]);
}

const listTexts = (): Readonly<Record<FilterList, readonly [title: string, description: string]>> => ({
  'include.schemas': [t('Only these schemas'), t('One a line: exact names or ~/regex/.')],
  'include.tables': [
    t('Only these tables and views'),
    t('One a line: schema.name as in SQL, schema.~/regex/ or ~/regex/.'),
  ],
  'exclude.schemas': [t('Left-out schemas'), t('One a line: exact names or ~/regex/.')],
  'exclude.tables': [
    t('Left-out tables and views'),
    t('One a line: schema.name as in SQL, schema.~/regex/ or ~/regex/.'),
  ],
  'exclude.tableData': [
    t('Tables without their rows'),
    t('They are created empty. One a line: schema.name as in SQL, schema.~/regex/ or ~/regex/.'),
  ],
  'exclude.indexes': [
    t('Left-out indexes'),
    t('One a line: schema.name as in SQL, schema.~/regex/ or ~/regex/.'),
  ],
  'exclude.extensions': [t('Left-out extensions'), t('One a line: exact names or ~/regex/.')],
});

/** Mode, renames and filters of one database. */
class DatabaseSection {
  readonly element: HTMLElement;
  readonly #title = h('h2');
  readonly #mode: Field;
  readonly #owned: Field;
  readonly #lists = new Map<FilterList, Field>();

  constructor(send: Send, key: string) {
    this.#mode = choiceField(
      t('Mode'),
      t('Offline: one consistent copy. Online: changes are followed until the cutover.'),
      [
        ['offline', t('Offline')],
        ['online', t('Online')],
      ],
      (mode) => void send({ kind: 'mode', key, mode: mode === 'online' ? 'online' : 'offline' }),
    );
    this.#owned = flagField(
      t('Rename what tables own'),
      t('Sequences, constraints and indexes that carry the name of a renamed table are renamed with it.'),
      (on) => void send({ kind: 'renameOwned', key, on }),
    );
    for (const list of filterLists) {
      const [title, description] = listTexts()[list];
      this.#lists.set(
        list,
        linesField(title, description, (entries) => void send({ kind: 'filter', key, list, entries })),
      );
    }
    const remove = h('button', { class: 'tool wide', type: 'button' }, icon('trash'), t('Remove Database'));
    remove.addEventListener('click', () => void send({ kind: 'removeDatabase', key }));
    this.element = h(
      'section',
      { class: 'section' },
      h('div', { class: 'section-title' }, this.#title, remove),
      h('div', { class: 'fields' }, this.#mode.element, this.#owned.element),
      h('div', { class: 'fields lists' }, ...[...this.#lists.values()].map(({ element }) => element)),
    );
  }

  show(database: DatabaseState): void {
    const { source, target } = database;
    this.#title.textContent = source === target ? source : `${source} → ${target}`;
    this.#mode.set(database.mode);
    this.#owned.set(String(database.renameOwned));
    for (const [list, field] of this.#lists) field.set(database.filters[list].join('\n'));
  }
}

/** All options of a project. */
export class Options {
  readonly element = h('div', { class: 'options' });
  readonly #fields: ReadonlyMap<OptionName, Field>;
  readonly #roles: RoleTable;
  readonly #databases = h('div', {});
  readonly #sections = new Map<string, DatabaseSection>();

  constructor(private readonly send: Send) {
    this.#fields = optionFields(send);
    this.#roles = new RoleTable(send);
    const fields = [...this.#fields].flatMap(([name, { element }]) =>
      name === 'owners' ? [element, this.#roles.element] : [element],
    );
    this.element.append(
      h(
        'section',
        { class: 'section' },
        h('div', { class: 'section-title' }, h('h2', {}, t('All databases'))),
        h('div', { class: 'fields' }, ...fields),
      ),
      this.#databases,
    );
  }

  show(state: MappingState): void {
    this.element.toggleAttribute('inert', !state.editable);
    for (const [name, field] of this.#fields) field.set(String(state.options[name]));
    this.#roles.show(state.options.roles, state.roles);
    const keys = new Set(state.databases.map(({ key }) => key));
    for (const [key, section] of this.#sections)
      if (!keys.has(key)) {
        section.element.remove();
        this.#sections.delete(key);
      }
    state.databases.forEach((database, index) => {
      let section = this.#sections.get(database.key);
      if (!section) {
        section = new DatabaseSection(this.send, database.key);
        this.#sections.set(database.key, section);
        this.#databases.insertBefore(section.element, this.#databases.children[index] ?? null);
      }
      section.show(database);
    });
  }
}
