/** What a row filter of a project may be: one condition over the columns of its own table, as after WHERE. */
import type { RelationName } from '../protocol/model.js';
import { dollarQuoteEnd, identifierEnd, isIdentifierStart, quotedIdentifierEnd, stringEnd } from './lexer.js';
import { fromBytes, parseStatement } from './parser.js';

export interface RowFilterProblem {
  readonly message: string;
  /** UTF-16 offset in the condition. */
  readonly offset: number;
}

/** A line break, so that nothing of the condition can swallow what stands behind it. */
const before = 'SELECT FROM t WHERE (\n';
const behind = '\n)';
/** The parser's own limits are those of its stack: this many are never meant. */
const deepest = 200;
const longest = 1_000_000;

/**
 * Why a text cannot be the row filter of `table`; undefined where it can, as far as that is known without the server.
 * The parser must be loaded. Columns may be qualified with the name of the table, and with its schema, too.
 */
export function rowFilterProblem(where: string, table?: RelationName): RowFilterProblem | undefined {
  if (where.trim() === '') return { message: 'The condition is empty.', offset: 0 };
  if (where.length > longest)
    return { message: `The condition is longer than ${longest} characters.`, offset: longest };
  const lexical = lexicalProblem(where);
  if (lexical) return lexical;
  const { node, error } = parseStatement(`${before}${where}${behind}`);
  if (error) return syntaxProblem(where, error.message, error.offset - before.length);
  const condition = conditionOf(node);
  if (condition === undefined) return { message: 'More than one condition stands here.', offset: 0 };
  const found = treeProblem(condition, table) ?? shapeProblem(condition);
  if (!found) return undefined;
  const offset = fromBytes(`${before}${where}`, found.location) - before.length;
  return { message: found.message, offset: Math.min(Math.max(offset, 0), where.length) };
}

function syntaxProblem(where: string, message: string, offset: number): RowFilterProblem {
  if (offset >= where.length) return { message: 'The condition is not complete.', offset: where.length };
  // The parser gives up where its stack or ours ends.
  if (/memory exhausted|call stack|out of bounds|unreachable/i.test(message))
    return { message: 'The condition is too deeply nested.', offset: Math.max(offset, 0) };
  return { message: `${message.charAt(0).toUpperCase()}${message.slice(1)}.`, offset: Math.max(offset, 0) };
}

/** What could end the condition early or hide what follows it, found before anything is parsed. */
function lexicalProblem(where: string): RowFilterProblem | undefined {
  const at = (message: string, offset: number) => ({ message, offset });
  const open: number[] = [];
  for (let offset = 0; offset < where.length; ) {
    const char = where.charAt(offset);
    const two = where.slice(offset, offset + 2);
    if (char === '\0') return at('The condition holds a NUL character.', offset);
    if (two === '--' || two === '/*') return at('A comment cannot stand in a row filter.', offset);
    if (char === ';')
      return at('A row filter is one condition, not a statement: remove the semicolon.', offset);
    if (char === '(' && open.push(offset) > deepest) return at('The condition is too deeply nested.', offset);
    if (char === ')' && open.pop() === undefined)
      return at('This parenthesis closes one that was never opened.', offset);
    const end = elementEnd(where, offset);
    if (end < 0) return at('What is quoted here does not end.', offset);
    const nul = where.slice(offset, end).indexOf('\0');
    if (nul >= 0) return at('The condition holds a NUL character.', offset + nul);
    offset = end;
  }
  const unclosed = open.at(-1);
  return unclosed === undefined ? undefined : at('This parenthesis is not closed.', unclosed);
}

/** Where the quoted text or name that begins here ends; one character further for anything else; -1 if it does not end. */
function elementEnd(text: string, start: number): number {
  const char = text.charAt(start);
  if (char === "'") return stringEnd(text, start, false);
  if (char === '"') return quotedIdentifierEnd(text, start);
  if (char === '$') {
    const end = dollarQuoteEnd(text, start);
    return end === start ? start + 1 : end;
  }
  if (!isIdentifierStart(text.charCodeAt(start))) return start + 1;
  const end = identifierEnd(text, start);
  const escapes = end === start + 1 && /e/i.test(char) && text.charAt(end) === "'";
  return escapes ? stringEnd(text, end, true) : end;
}

type Tree = Readonly<Record<string, unknown>>;
interface Found {
  readonly message: string;
  /** In UTF-8 bytes of the whole statement. */
  readonly location: number;
}

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null;
const field = (value: unknown, key: string): unknown => (isTree(value) ? value[key] : undefined);

/** The condition, where the statement has that and nothing else. */
function conditionOf(statement: unknown): Tree | undefined {
  const select = field(statement, 'SelectStmt');
  if (!isTree(select)) return undefined;
  const known = ['fromClause', 'whereClause', 'limitOption', 'op'];
  if (Object.keys(select).some((key) => !known.includes(key))) return undefined;
  if (select['op'] !== 'SETOP_NONE' || select['limitOption'] !== 'LIMIT_OPTION_DEFAULT') return undefined;
  const { whereClause } = select;
  return isTree(whereClause) ? whereClause : undefined;
}

/** Nodes that no row filter may hold, by their kind in the tree. */
const forbidden: Readonly<Record<string, string>> = {
  SubLink: 'A row filter cannot hold a subquery.',
  SelectStmt: 'A row filter cannot hold a subquery.',
  GroupingFunc: 'A row filter cannot hold an aggregate function.',
  JsonObjectAgg: 'A row filter cannot hold an aggregate function.',
  JsonArrayAgg: 'A row filter cannot hold an aggregate function.',
  ParamRef: 'A row filter cannot hold a parameter.',
  SetToDefault: 'A row filter cannot hold DEFAULT.',
  MergeSupportFunc: 'A row filter cannot hold merge_action().',
  CurrentOfExpr: 'A row filter cannot refer to a cursor.',
};

/** Breadth first with a list of its own: a long chain of operators is as deep as it is long. */
function treeProblem(condition: Tree, table: RelationName | undefined): Found | undefined {
  const queue: { readonly value: unknown; readonly location: number }[] = [{ value: condition, location: 0 }];
  for (const { value, location } of queue) {
    if (!isTree(value)) continue;
    for (const [kind, inner] of Object.entries(value)) {
      if (!isTree(inner)) continue;
      const own = inner['location'];
      const place = typeof own === 'number' && own >= 0 ? own : location;
      const message =
        forbidden[kind] ??
        (kind === 'ColumnRef' ? columnProblem(inner, table) : undefined) ??
        (kind === 'FuncCall' ? functionProblem(inner) : undefined);
      if (message !== undefined) return { message, location: place };
      queue.push({ value: inner, location: place });
    }
  }
  return undefined;
}

function columnProblem(column: Tree, table: RelationName | undefined): string | undefined {
  const fields: unknown[] = Array.isArray(column['fields']) ? column['fields'] : [];
  if (fields.some((part) => field(part, 'A_Star') !== undefined))
    return 'A row filter names its columns one by one, not by an asterisk.';
  const names = fields.map((part) => String(field(field(part, 'String'), 'sval') ?? ''));
  if (names.length <= 1) return undefined;
  const qualifier = names.slice(0, -1);
  const own = table && (qualifier.length === 1 ? [table.name] : [table.schema, table.name]);
  if (own && own.length === qualifier.length && own.every((name, index) => name === qualifier[index]))
    return undefined;
  return `A row filter knows the columns of its own table alone, not ${names.join('.')}. A field of a composite column is written (column).field.`;
}

/** Aggregate and window functions of PostgreSQL: the tree does not tell them from others. */
const aggregates: ReadonlySet<string> = new Set(
  `any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp cume_dist dense_rank
  every first_value json_agg json_agg_strict json_object_agg json_object_agg_strict json_object_agg_unique
  json_object_agg_unique_strict jsonb_agg jsonb_agg_strict jsonb_object_agg jsonb_object_agg_strict
  jsonb_object_agg_unique jsonb_object_agg_unique_strict lag last_value lead max min mode nth_value ntile percent_rank
  percentile_cont percentile_disc range_agg range_intersect_agg rank regr_avgx regr_avgy regr_count regr_intercept
  regr_r2 regr_slope regr_sxx regr_sxy regr_syy row_number stddev stddev_pop stddev_samp string_agg sum var_pop var_samp
  variance xmlagg`.split(/\s+/),
);

function functionProblem(call: Tree): string | undefined {
  if (call['over'] !== undefined) return 'A row filter cannot hold a window function.';
  const asAggregate = ['agg_star', 'agg_order', 'agg_filter', 'agg_distinct', 'agg_within_group'];
  const names: unknown[] = Array.isArray(call['funcname']) ? call['funcname'] : [];
  const [name, schema] = names.map((part) => String(field(field(part, 'String'), 'sval') ?? '')).reverse();
  const builtIn = schema === undefined || schema === 'pg_catalog';
  if (asAggregate.some((key) => call[key] !== undefined) || (builtIn && aggregates.has(name ?? '')))
    return 'A row filter cannot hold an aggregate function.';
  return undefined;
}

/** What is certainly no boolean; of most expressions only the server knows. */
function shapeProblem(condition: Tree): Found | undefined {
  const message = 'The condition must be true or false for each row.';
  const row = condition['RowExpr'];
  if (row !== undefined) return { message, location: before.length };
  const constant = condition['A_Const'];
  if (!isTree(constant)) return undefined;
  const known =
    constant['boolval'] !== undefined || constant['sval'] !== undefined || constant['isnull'] === true;
  return known ? undefined : { message, location: before.length };
}
