/** CREATE FUNCTION, CREATE PROCEDURE and DO: bodies in strings are parsed as the language they are written in. */
import { parseScript } from '../parser.js';
import { byteOffsets } from './byteOffsets.js';
import { renameOperatorsAndCollations } from './definitions.js';
import { withinLiteral } from './literal.js';
import { checkNames, checkStrings, findMention, isAffected } from './mentions.js';
import type { Piece } from './pieceReader.js';
import { affectedSchemas, type Place, renameInSchema, renameRelation, type Surroundings } from './place.js';
import { readBody } from './plpgsql.js';
import { type RangeItem, Scope, writeQualifiers } from './scope.js';
import type { SqlText, SqlToken } from './sqlText.js';
import {
  type Body,
  bodyOf,
  type Handler,
  locationOf,
  nodes,
  stringsOf,
  type Tree,
  text,
  walk,
  walkFields,
} from './tree.js';

function option(body: Body, field: string, name: string): Body | undefined {
  return nodes(body[field])
    .map((node) => bodyOf(node['DefElem']))
    .find((element) => element?.['defname'] === name);
}

/** SET search_path TO … of the function itself. */
function searchPathOf(body: Body): readonly string[] | undefined {
  for (const node of nodes(body['options'])) {
    const setting = bodyOf(bodyOf(bodyOf(node['DefElem'])?.['arg'])?.['VariableSetStmt']);
    if (setting?.['name'] !== 'search_path' || setting['args'] === undefined) continue;
    return nodes(setting['args']).map(
      (arg) => text(bodyOf(bodyOf(arg['A_Const'])?.['sval'])?.['sval']) ?? '',
    );
  }
  return undefined;
}

function parametersOf(body: Body): string[] {
  return nodes(body['parameters']).flatMap((node) => text(bodyOf(node['FunctionParameter'])?.['name']) ?? []);
}

export const createFunction: Handler = (body, scope, tree) => {
  const names = stringsOf(body['funcname']);
  if (names.length > 1) renameInSchema(tree, tree.sql.find(names));
  const { as, surroundings, language } = aboutBody(body, 'options', tree);
  walkFields(body, scope, { ...tree, surroundings }, ['funcname', 'options', 'sql_body']);
  for (const node of nodes(body['options'])) {
    if (bodyOf(node['DefElem'])?.['defname'] !== 'as') walk(node, scope, tree);
  }
  walk(body['sql_body'], scope, { ...tree, surroundings });
  if (as) renameBodyString(as, language, { ...tree, surroundings });
};

export const doBlock: Handler = (body, _scope, tree) => {
  const { as, surroundings, language } = aboutBody(body, 'args', tree);
  if (as) renameBodyString(as, language === 'sql' ? 'plpgsql' : language, { ...tree, surroundings });
};

function aboutBody(body: Body, field: string, tree: Tree) {
  const searchPath = searchPathOf(body);
  const names = stringsOf(body['funcname']);
  const surroundings: Surroundings = {
    ...tree.surroundings,
    variables: new Set([...parametersOf(body), ...names.slice(-1)]),
    ...(searchPath && { searchPath }),
  };
  const [language = 'sql'] = stringsOf(option(body, field, 'language')?.['arg']);
  const element = option(body, field, 'as');
  const as = element && tree.sql.stringFrom(tree.at(locationOf(element)));
  return { as, surroundings, language: language.toLowerCase() };
}

function renameBodyString(token: SqlToken, language: string, tree: Tree): void {
  const { sql } = tree;
  if (language === 'c' || language === 'internal') {
    // The file and the name of a C function, or that of one of the server's own.
    for (const { kind, start } of sql.tokens)
      if (kind === 'string' && start >= token.start) sql.claimedStrings.add(start);
    return;
  }
  const read = withinLiteral(sql, token, (inner) => {
    // A temporary table may stand before any other of its name.
    const { searchPath: _, ...unknownPath } = tree.surroundings;
    const makesTemporary = /\btemp(orary)?\b/i.test(inner.text);
    const surroundings = { ...(makesTemporary ? unknownPath : tree.surroundings), inBody: true };
    renameBody(inner, language, { ...tree, sql: inner, surroundings });
  });
  if (read) sql.claimedStrings.add(token.start);
}

function renameBody(sql: SqlText, language: string, tree: Tree): void {
  if (!tree.renames.mentions(sql.text)) return;
  if (language === 'sql') renameScript(tree, 0, sql.text.length, sql.text, 0);
  else if (language === 'plpgsql') renamePlPgSql(sql, tree);
  else {
    foreignMentions(tree, `A function in ${language} is not read.`);
    return;
  }
  checkNames(tree);
  checkStrings(tree);
}

/** Parses `script`, in which the text from `start` on stands behind `prefix` bytes, and renames what it finds. */
function renameScript(tree: Tree, start: number, end: number, script: string, prefix: number): void {
  const parsed = parseScript(script);
  if (parsed === undefined) {
    everyMention(tree, start, end, 'This part of the function cannot be parsed.');
    return;
  }
  const items: RangeItem[] = [];
  const offset = byteOffsets(script);
  const own: Tree = { ...tree, at: (location = 0) => start + offset(location) - prefix };
  for (const node of parsed) walk(node, new Scope(undefined, items), own);
  writeQualifiers(own, items);
}

const prefixes: Readonly<Record<Piece['kind'], string>> = {
  query: '',
  expression: 'SELECT ',
  arguments: 'SELECT f',
  type: 'SELECT NULL::',
};

function renamePlPgSql(sql: SqlText, tree: Tree): void {
  renameOperatorsAndCollations(tree);
  const { pieces, variables, messages } = readBody(sql.text, sql.tokens);
  for (const start of messages) sql.claimedStrings.add(start);
  const surroundings = {
    ...tree.surroundings,
    variables: new Set([...tree.surroundings.variables, ...variables]),
  };
  const own = { ...tree, surroundings };
  for (const piece of pieces) {
    const { kind, start, end, blank } = piece;
    if (kind === 'type' && renameCopiedType(own, piece)) continue;
    const written = sql.text.slice(start, end);
    const query =
      blank === undefined
        ? written
        : written.slice(0, blank[0] - start) +
          sql.text.slice(blank[0], blank[1]).replaceAll(/[^\n]/g, ' ') +
          sql.text.slice(blank[1], end);
    if (tree.renames.mentions(query))
      renameScript(own, start, end, prefixes[kind] + query, prefixes[kind].length);
  }
}

/** schema.table%ROWTYPE, schema.table.column%TYPE, table.column%TYPE; gives false for other types. */
function renameCopiedType(tree: Tree, { start, end }: Piece): boolean {
  const name = tree.sql.nameAt(start);
  const [percent, word] = tree.sql.tokens.slice(name?.next, (name?.next ?? 0) + 2);
  if (!name || percent?.word !== '%' || percent.start >= end || !/^(ROW)?TYPE$/.test(word?.word ?? ''))
    return false;
  const isRow = word?.word === 'ROWTYPE';
  const isVariable = tree.surroundings.variables.has(name.parts[0]?.name ?? '');
  if (isRow || name.parts.length > 2) renameRelation(tree, name);
  else if (isVariable || name.parts.length === 1) name.claimed = true;
  else renameUnqualifiedColumn(tree, name.start);
  return true;
}

/** table.column%TYPE: the table alone is the name. */
function renameUnqualifiedColumn(tree: Tree, start: number): void {
  const name = tree.sql.nameAt(start);
  const [table] = name?.parts ?? [];
  if (!name || !table) return;
  name.claimed = true;
  renameRelation(tree, { ...name, parts: [table], end: table.end, claimed: false });
}

function everyMention(place: Place, start: number, end: number, why: string): void {
  for (let at = start; at < end; ) {
    const found = findMention(place, place.sql.text.slice(at, end));
    if (!found || found.end === 0) return;
    const mention = place.sql.text.slice(at + found.start, at + found.end);
    place.sql.undecide(at + found.start, at + found.end, `${why} It mentions ${mention}.`);
    at += found.end;
  }
}

const word = '[A-Za-z_\\u0080-\\uffff][A-Za-z0-9_$\\u0080-\\uffff]*';
/** Two words with a dot, each perhaps in quotes, which may be escaped; or one word where SQL wants a table. */
const foreignMention = new RegExp(
  `(${word})(?:\\\\?")?\\s*\\.\\s*(?:\\\\?")?(${word})|(?<=\\b(?:from|join|into|update|table)\\s+(?:only\\s+)?(?:\\\\?")?)(${word})`,
  'gi',
);

/** In a language that is not read, whatever looks like SQL of something renamed. */
function foreignMentions(place: Place, why: string): void {
  const { sql, renames } = place;
  for (const found of sql.text.matchAll(foreignMention)) {
    const [all, schema, name = '', table] = found;
    const isMeant =
      schema !== undefined
        ? isAffected(place, schema, name) || isAffected(place, schema.toLowerCase(), name.toLowerCase())
        : affectedSchemas(renames, table ?? '', 'relation').length > 0;
    if (isMeant) sql.undecide(found.index, found.index + all.length, `${why} It mentions ${all}.`);
  }
}
