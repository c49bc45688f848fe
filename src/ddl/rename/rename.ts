/** Renames schemas, relations, indexes, constraints and roles in the text of a statement, and nothing else in it. */
import { parseStatement } from '../parser.js';
import { createFunction, doBlock } from './bodies.js';
import { byteOffsets } from './byteOffsets.js';
import {
  claimIndexName,
  claimTrigger,
  definitionHandlers,
  renameOperatorsAndCollations,
} from './definitions.js';
import { expressionHandlers } from './expressions.js';
import { checkNames, checkStrings, findMention } from './mentions.js';
import type { Place } from './place.js';
import { queryHandlers } from './queries.js';
import type { Renamed, Renames } from './renames.js';
import { type RangeItem, Scope, writeQualifiers } from './scope.js';
import { type Edit, SqlText, sortedEdits } from './sqlText.js';
import { type Handlers, type Tree, walk } from './tree.js';

export type { Renamed, Renames } from './renames.js';

const handlers: Handlers = {
  ...expressionHandlers,
  ...definitionHandlers,
  ...queryHandlers,
  CreateFunctionStmt: createFunction,
  DoStmt: doBlock,
  IndexStmt: (body, scope, tree) => {
    claimIndexName(tree, body);
    queryHandlers['IndexStmt']?.(body, scope, tree);
  },
  CreateTrigStmt: (body, scope, tree) => {
    claimTrigger(body, scope, tree);
    queryHandlers['CreateTrigStmt']?.(body, scope, tree);
  },
};

/** In these, strings may name objects; elsewhere they are values. */
const withQueries =
  /^(ViewStmt|CreateTableAsStmt|RuleStmt|CreatePolicyStmt|CreateFunctionStmt|DoStmt|CreateTrigStmt|SelectStmt|CallStmt)$/;

/**
 * Edits one statement in place: the names of what is renamed, wherever its grammar or a body in SQL or PL/pgSQL has
 * them; all else stays as it is, character by character. Needs loadParser() before. A statement that cannot be parsed
 * comes back as it is, with every mention of something renamed as undecided.
 */
export function rename(text: string, renames: Renames): Renamed {
  if (!renames.mentions(text)) return { text, undecided: [] };
  const sql = new SqlText(text);
  const { node } = parseStatement(text);
  const offset = byteOffsets(text);
  const kind = Object.keys(node ?? {})[0] ?? '';
  const place: Place = {
    sql,
    renames,
    surroundings: {
      inBody: false,
      variables: new Set(),
      hasQueries: node === undefined || withQueries.test(kind),
    },
    at: (location = 0) => offset(location),
  };
  if (node === undefined) {
    const found = findMention(place, text);
    if (found)
      sql.undecide(found.start, found.end, 'The statement cannot be parsed; its names stay as they are.');
    return { text, undecided: sql.undecided };
  }
  const tree: Tree = { ...place, handlers };
  const items: RangeItem[] = [];
  renameOperatorsAndCollations(tree);
  walk(node, new Scope(undefined, items), tree);
  writeQualifiers(tree, items);
  checkNames(tree);
  checkStrings(tree);
  return { text: sql.edited(), undecided: behindEdits(sql) };
}

/** Places in the text after its edits. */
function behindEdits({ edits, undecided }: SqlText): Renamed['undecided'] {
  const sorted: readonly Edit[] = sortedEdits(edits);
  const moved = (offset: number): number =>
    sorted.reduce(
      (sum, edit) => (edit.end <= offset ? sum + edit.text.length - (edit.end - edit.start) : sum),
      offset,
    );
  return undecided
    .map(({ start, end, message }) => ({ start: moved(start), end: moved(end), message }))
    .sort((a, b) => a.start - b.start);
}
