/** From a name to what it means: definition, references, and what the editor shows on hovering. */
import type { CancellationToken, Hover, Location, Position } from 'vscode-languageserver';
import type { Entry } from '../ddl/document.js';
import { type Definition, displayObject, type ObjectId } from '../ddl/documentIndex.js';
import { type NameChain, nameChains } from '../ddl/documentNames.js';
import type { FileContext } from './context.js';
import type { SqlFile } from './sqlFile.js';
import { collect, type Database, type FilePlace, type Workspace } from './workspace.js';

interface Named {
  readonly database: Database;
  readonly id: ObjectId;
  /** UTF-16 offsets of the name. */
  readonly start: number;
  readonly end: number;
}

/** What the name at a position means; undefined where there is none or none that the DDL knows. */
async function nameAt(workspace: Workspace, file: SqlFile, position: Position): Promise<Named | undefined> {
  const database = await workspace.database(file);
  const offset = file.document.offsetAt(position);
  const entry = file.model.entryAt(offset);
  if (entry === undefined) return undefined;
  const chains = nameChains(file.model.textOf(entry), entry.start);
  for (const chain of chains) {
    const index = partAt(chain, offset);
    if (index < 0) continue;
    const part = chain.parts[index];
    const id = database.index.resolve(chain, index, chains);
    return part && id && { database, id, start: part.start, end: part.end };
  }
  return undefined;
}

function partAt({ parts }: NameChain, offset: number): number {
  return parts.findIndex(({ start, end }) => start <= offset && offset <= end);
}

/** Where a definition names what it makes. */
function placeOf({ files, index }: Database, definition: Definition): FilePlace | undefined {
  const { document, entry, id } = definition;
  const file = files.find(({ model }) => model === document);
  if (file === undefined) return undefined;
  const text = document.textOf(entry);
  for (const chain of nameChains(text, entry.start)) {
    const last = chain.parts.at(-1);
    if (last?.name !== id.name) continue;
    const found = id.class === 'schema' ? id : index.resolve(chain, chain.parts.length - 1);
    if (found === undefined || found.name !== id.name) continue;
    return { file, entry, start: last.start, end: last.end };
  }
  return { file, entry, start: entry.start, end: entry.start + (/^\S+/.exec(text)?.[0].length ?? 0) };
}

function location({ file, start, end }: FilePlace): Location {
  return { uri: file.uri, range: file.range(start, end) };
}

export async function definitionsAt(
  workspace: Workspace,
  file: SqlFile,
  position: Position,
): Promise<Location[]> {
  const named = await nameAt(workspace, file, position);
  if (named === undefined) return [];
  const { database, id } = named;
  return database.index
    .definitions(id)
    .map((definition) => placeOf(database, definition))
    .filter((place) => place !== undefined)
    .map(location);
}

export async function referencesAt(
  workspace: Workspace,
  file: SqlFile,
  position: Position,
  includeDeclaration: boolean,
  token: CancellationToken,
): Promise<Location[]> {
  const named = await nameAt(workspace, file, position);
  if (named === undefined) return [];
  const { database, id } = named;
  const { index, files } = database;
  const declarations = new Set(
    index.definitions(id).map((definition) => {
      const place = placeOf(database, definition);
      return place && `${place.file.uri}\0${place.start}`;
    }),
  );
  const found: Location[] = [];
  for (const each of files) {
    for (const place of await collect(index.references(each.model, id), files, token)) {
      if (!includeDeclaration && declarations.has(`${each.uri}\0${place.start}`)) continue;
      found.push(location({ ...place, file: each }));
    }
  }
  return found;
}

/** Dependants that a hover names; one more is asked for, to know whether there are. */
const shownDependants = 20;

export async function hoverAt(
  workspace: Workspace,
  file: SqlFile,
  position: Position,
  token: CancellationToken,
): Promise<Hover | null> {
  const named = await nameAt(workspace, file, position);
  if (named === undefined) return null;
  const { database, id, start, end } = named;
  const range = file.range(start, end);
  const definitions = database.index.definitions(id);
  const lines = [heading(id, definitions, workspace.context(file.uri))];
  const columns = definitions.flatMap((definition) => definition.columns);
  if (columns.length > 0) lines.push(`Columns: ${listed(columns, shownDependants)}`);
  if (id.class === 'schema') {
    const inside = [...database.index.all()].filter(([first]) => first?.id.schema === id.name).length;
    lines.push(`${inside} objects in this DDL`);
  } else {
    const needing: Entry[] = [];
    for (const each of database.files) {
      const steps = database.index.dependants(each.model, id);
      needing.push(...(await collect(steps, database.files, token, shownDependants + 1 - needing.length)));
      if (needing.length > shownDependants) break;
    }
    const names = [...new Set(needing.map(({ known }) => known?.object ?? 'statement'))];
    if (names.length > 0) lines.push(`Needed by: ${listed(names, shownDependants)}`);
  }
  return { contents: { kind: 'markdown', value: lines.join('\n\n') }, range };
}

function heading(id: ObjectId, definitions: readonly Definition[], context: FileContext | undefined): string {
  const relation = id.class === 'relation' ? context?.relations.get(`${id.schema}\0${id.name}`) : undefined;
  const kind = definitions[0]?.kind ?? relation?.kind ?? id.class;
  const facts = relation
    ? // Rows below zero: the source was never analyzed.
      [
        relation.rows < 0 ? 'rows unknown' : `${relation.rows.toLocaleString('en')} rows`,
        sizeText(relation.bytes),
      ].filter(() => relation.kind !== 'view' && relation.kind !== 'sequence')
    : [];
  const skipped = definitions[0]?.skipped;
  if (skipped !== undefined) facts.push(`skipped${skipped === '' ? '' : `: ${escaped(skipped)}`}`);
  return [`**${kind}** ${code(displayObject(id))}`, ...facts].join(' · ');
}

/** Names are data: they must not become markup. */
function code(name: string): string {
  const ticks = '`'.repeat(Math.max(0, ...[...name.matchAll(/`+/g)].map(([run]) => run.length)) + 1);
  const pad = name.startsWith('`') || name.endsWith('`') ? ' ' : '';
  return `${ticks}${pad}${name.replaceAll(/\s+/g, ' ')}${pad}${ticks}`;
}

function escaped(text: string): string {
  return text.replaceAll(/[\\`*_{}[\]()#+!|<>~]/g, '\\$&');
}

function listed(names: readonly string[], most: number): string {
  const shown = names.slice(0, most).map(code).join(', ');
  return names.length > most ? `${shown}, …` : shown;
}

function sizeText(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
