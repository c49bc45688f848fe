/** Names of the catalog where the cursor is: schemas, what is in them, columns, roles, extensions. */
import type { CancellationToken, CompletionItem, CompletionList, Position } from 'vscode-languageserver';
import type { DdlDocument } from '../ddl/document.js';
import type { DdlIndex } from '../ddl/documentIndex.js';
import { type NameChain, nameChains } from '../ddl/documentNames.js';
import { openElementAt } from '../ddl/documentOpen.js';
import {
  bareItems,
  clauseWords,
  columnItems,
  extensionItems,
  keywords,
  objectItems,
  objectWords,
  type Relation,
  roleItems,
  schemaItems,
  types,
} from './completionItems.js';
import type { FileContext } from './context.js';
import type { SqlFile } from './sqlFile.js';
import type { Workspace } from './workspace.js';

/** More than this nobody reads; typing on narrows them down. */
const mostItems = 1000;

export async function completionsAt(
  workspace: Workspace,
  file: SqlFile,
  position: Position,
  token: CancellationToken,
): Promise<CompletionList> {
  const { index } = await workspace.database(file);
  if (token.isCancellationRequested) return { isIncomplete: false, items: [] };
  const offset = file.document.offsetAt(position);
  const start = statementStart(file.model, offset);
  const before = file.model.text.slice(start, offset);
  const open = openElementAt(before);
  if (open === 'comment' || open === 'string') return { isIncomplete: false, items: [] };
  const entry = file.model.entryAt(offset);
  const whole = entry === undefined ? before : file.model.text.slice(start, Math.max(entry.end, offset));
  const place = placeOf(before, whole);
  const items = itemsFor(place, index, workspace.context(file.uri));
  const from = file.document.positionAt(offset - place.typed.length);
  const matching = items.filter(({ label }) => matches(label, place.typed));
  return {
    isIncomplete: matching.length > mostItems,
    items: matching.slice(0, mostItems).map((item) => ({
      ...item,
      // What is quoted is found by its plain letters, too.
      filterText: place.typed.startsWith('"') ? item.label : item.label.replace(/^"/, ''),
      textEdit: { range: { start: from, end: position }, newText: item.label },
    })),
  };
}

interface Place {
  /** What stands before the cursor of the name that is completed. */
  readonly typed: string;
  /** Names before it and their dots. */
  readonly qualifiers: readonly string[];
  /** Words before, upper case, nearest first. */
  readonly words: readonly string[];
  /** First word of the statement, upper case. */
  readonly verb: string;
  /** All names of the statement. */
  readonly chains: readonly NameChain[];
}

/** Behind a statement that has no semicolon yet, the cursor is still in it. */
function statementStart(model: DdlDocument, offset: number): number {
  const entry = model.entryAt(offset);
  if (
    entry !== undefined &&
    entry.start < offset &&
    !(entry.end === offset && model.text[offset - 1] === ';')
  )
    return entry.start;
  let last: { start: number; end: number } | undefined;
  for (const each of model.entriesIn(Math.max(0, offset - 10_000), offset)) {
    if (each.end <= offset) last = each;
  }
  if (last === undefined)
    return offset - (/\w*$/.exec(model.text.slice(Math.max(0, offset - 100), offset))?.[0].length ?? 0);
  return model.text[last.end - 1] === ';' ? last.end : last.start;
}

const name = '(?:"(?:[^"]|"")*"|[A-Za-z_\\u0080-\\uffff][\\w$\\u0080-\\uffff]*)';
const qualified = new RegExp(
  `((?:${name}\\s*\\.\\s*)*)("(?:[^"]|"")*|[A-Za-z_\\u0080-\\uffff][\\w$\\u0080-\\uffff]*)?$`,
);

function placeOf(before: string, whole: string): Place {
  const tail = before.slice(-400);
  const [all = '', dotted = '', typed = ''] = qualified.exec(tail) ?? [];
  const chains = nameChains(`${before.slice(0, before.length - all.length)} x`);
  return {
    typed,
    qualifiers: nameChains(dotted.replace(/\.\s*$/, ''))[0]?.parts.map((part) => part.name) ?? [],
    words: chains.at(-1)?.before ?? [],
    verb: (chains.length > 1 ? (chains[0]?.parts[0]?.name ?? '') : '').toUpperCase(),
    chains: nameChains(whole),
  };
}

function matches(label: string, typed: string): boolean {
  const plain = (text: string) => text.replace(/^"/, '').toLowerCase();
  return plain(label).startsWith(plain(typed)) || plain(label).includes(plain(typed));
}

function itemsFor(place: Place, index: DdlIndex, context: FileContext | undefined): CompletionItem[] {
  const { qualifiers, words, verb } = place;
  const [schema, table] = qualifiers;
  if (schema !== undefined && table !== undefined) return columnItems(index, [{ schema, name: table }]);
  if (schema !== undefined) {
    if (index.schemas.has(schema)) return objectItems(index, schema);
    return columnItems(index, aliased(place, index, schema));
  }
  const [word = '', second = ''] = words;
  if (verb === '')
    return keywords(['CREATE', 'ALTER', 'COMMENT ON', 'DROP', 'GRANT', 'REVOKE', 'SELECT', 'SET']);
  if (expectsRole(word, second, verb)) return roleItems(context);
  if (word === 'SCHEMA') return schemaItems(index);
  if (word === 'EXTENSION' || (word === 'EXISTS' && verb === 'CREATE' && isExtension(place)))
    return extensionItems(context);
  if (/^(CREATE|ALTER|DROP|ON)$/.test(word) && (word !== 'ON' || verb === 'COMMENT'))
    return keywords(objectWords);
  const names = [...schemaItems(index), ...bareItems(index)];
  if (/^(TABLE|ONLY|FROM|JOIN|INTO|UPDATE|REFERENCES|ON|VIEW|SEQUENCE)$/.test(word)) return names;
  return [...columnItems(index, mentioned(place, index)), ...names, ...types, ...keywords(clauseWords)];
}

function expectsRole(word: string, second: string, verb: string): boolean {
  if (word === 'TO') return second === 'OWNER' || verb === 'GRANT' || verb === 'ALTER' || second === '"';
  if (word === 'FROM') return verb === 'REVOKE';
  return /^(ROLE|USER|AUTHORIZATION)$/.test(word);
}

function isExtension({ chains }: Place): boolean {
  return chains[1]?.parts[0]?.name === 'extension';
}

/** Tables that the statement names. */
function mentioned({ chains }: Place, index: DdlIndex): Relation[] {
  return chains.flatMap((chain) => {
    const id = index.resolve(chain, Math.min(1, chain.parts.length - 1), chains);
    return id?.class === 'relation' ? [id] : [];
  });
}

/** `o` of `FROM app.orders o`, or the table's own name. */
function aliased({ chains }: Place, index: DdlIndex, alias: string): Relation[] {
  return chains.flatMap((chain, at) => {
    const id = index.resolve(chain, Math.min(1, chain.parts.length - 1), chains);
    if (id?.class !== 'relation') return [];
    const next = chains[at + 1]?.parts[0]?.name === 'as' ? chains[at + 2] : chains[at + 1];
    const isAlias = next?.parts.length === 1 && next.parts[0]?.name === alias;
    return id.name === alias || isAlias ? [id] : [];
  });
}
