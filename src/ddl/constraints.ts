/**
 * Constraints in two steps, so that the long one runs beside others: a unique index first, then the constraint USING
 * INDEX (https://www.postgresql.org/docs/current/sql-altertable.html); a foreign key NOT VALID, then VALIDATE.
 * The text of the dump is cut and joined, never written anew.
 */
import { ident, relationIdent } from './identifier.js';
import type { Statement } from './statement.js';
import { behindParentheses, type Token, tokensOf } from './tokens.js';

export interface IndexAndConstraint {
  readonly createIndex: string;
  readonly addConstraint: string;
}

/**
 * Undefined for everything that is not a primary key or unique constraint that an index of its own can carry:
 * WITHOUT OVERLAPS, USING INDEX, several actions, no name. A partitioned table refuses USING INDEX: the caller knows
 * whether the table is one and runs the original.
 */
export function asIndexAndConstraint(statement: Statement): IndexAndConstraint | undefined {
  if (statement.kind !== 'primaryKey' && statement.kind !== 'unique') return undefined;
  const { relation, details, text } = statement;
  if (relation === undefined || details.name === undefined || statement.unterminated) return undefined;
  const tokens = tokensOf(text);
  const at = tokens.findIndex(
    ({ word }, index) => word === 'CONSTRAINT' && tokens[index - 1]?.word === 'ADD',
  );
  const parts = at < 0 ? undefined : constraintParts(text, tokens, at + 2);
  if (parts === undefined) return undefined;
  const only = details.isOnly ? 'ONLY ' : '';
  const table = relationIdent(relation);
  const name = ident(details.name);
  const join = (...words: string[]): string => words.filter((word) => word !== '').join(' ');
  return {
    createIndex: `${join(
      `CREATE UNIQUE INDEX ${name} ON ${only}${table} USING btree ${parts.columns}`,
      parts.include,
      parts.nulls,
      parts.storage,
      parts.tablespace,
    )};`,
    addConstraint: `${join(
      `ALTER TABLE ${only}${table} ADD CONSTRAINT ${name} ${statement.kind === 'unique' ? 'UNIQUE' : 'PRIMARY KEY'}`,
      `USING INDEX ${name}`,
      parts.timing,
    )};`,
  };
}

interface Parts {
  readonly columns: string;
  readonly include: string;
  readonly nulls: string;
  readonly storage: string;
  readonly tablespace: string;
  readonly timing: string;
}

/**
 * `from` is at UNIQUE or PRIMARY. The grammar behind it:
 * `(columns) [INCLUDE (columns)] [WITH (…)] [USING INDEX TABLESPACE name] [[NOT] DEFERRABLE] [INITIALLY …]`,
 * with NULLS [NOT] DISTINCT between UNIQUE and the columns.
 */
function constraintParts(text: string, tokens: readonly Token[], from: number): Parts | undefined {
  let at = from;
  const cut = (start: number, end: number): string =>
    text.slice(tokens[start]?.start ?? 0, tokens[end - 1]?.end ?? 0);
  const parenthesized = (): string | undefined => {
    const end = tokens[at]?.word === '(' ? behindParentheses(tokens, at) : undefined;
    if (end === undefined) return undefined;
    const slice = cut(at, end);
    at = end;
    return slice;
  };
  const accept = (...words: string[]): boolean => {
    if (!words.every((word, index) => tokens[at + index]?.word === word)) return false;
    at += words.length;
    return true;
  };
  if (!accept('UNIQUE') && !accept('PRIMARY', 'KEY')) return undefined;
  const nulls = accept('NULLS', 'NOT', 'DISTINCT') ? 'NULLS NOT DISTINCT' : '';
  if (nulls === '') accept('NULLS', 'DISTINCT');
  const columns = parenthesized();
  if (columns === undefined || /\bWITHOUT\s+OVERLAPS\b/i.test(columns)) return undefined;
  const include = accept('INCLUDE') ? parenthesized() : '';
  const storage = accept('WITH') ? parenthesized() : '';
  if (include === undefined || storage === undefined) return undefined;
  let tablespace = '';
  if (accept('USING', 'INDEX', 'TABLESPACE')) tablespace = `TABLESPACE ${tokens[at++]?.text ?? ''}`;
  const end = tokens.at(-1)?.word === ';' ? tokens.length - 1 : tokens.length;
  const timing = at < end ? cut(at, end) : '';
  // A comma here would be another action of the same ALTER TABLE.
  if (timing !== '' && !/^(NOT\s+)?(DEFERRABLE|INITIALLY)[\sA-Z]*$/i.test(timing)) return undefined;
  return {
    columns,
    include: include === '' ? '' : `INCLUDE ${include}`,
    nulls,
    storage: storage === '' ? '' : `WITH ${storage}`,
    tablespace,
    timing,
  };
}

/** Undefined where the foreign key is NOT VALID or NOT ENFORCED already, or has no name to validate it by. */
export function asNotValid(statement: Statement): { add: string; validate: string } | undefined {
  if (statement.kind !== 'foreignKey' || statement.relation === undefined) return undefined;
  const { name, notValid, notEnforced } = statement.details;
  if (name === undefined || notValid || notEnforced || statement.unterminated) return undefined;
  const tokens = tokensOf(statement.text);
  const last = tokens.at(-1);
  const end = last?.word === ';' ? tokens.at(-2)?.end : last?.end;
  if (end === undefined) return undefined;
  return {
    add: `${statement.text.slice(0, end)} NOT VALID;`,
    validate: `ALTER TABLE ${relationIdent(statement.relation)} VALIDATE CONSTRAINT ${ident(name)};`,
  };
}
