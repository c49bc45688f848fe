/** Clauses that a target does not take, while the statement works without them. */
import { displayName } from '../identifier.js';
import { optionEdits, tablespaceClauses } from '../rewrite.js';
import { dropClauses, offered } from './fixes.js';
import type { Match, Rule } from './rule.js';
import { rangeOfWords, type Subject, span, tokenAt, wordsAt } from './subject.js';
import type { Fix, TextRange } from './verdict.js';

/** LEAKPROOF and SUPPORT f of CREATE and ALTER FUNCTION. */
function functionProperties(subject: Subject): Match | undefined {
  const options =
    subject.tree('CreateFunctionStmt')?.options ?? subject.tree('AlterFunctionStmt')?.actions ?? [];
  const tokens = subject.tokens();
  const ranges: TextRange[] = [];
  const words: string[] = [];
  for (const node of options) {
    if (!('DefElem' in node)) continue;
    const { defname, arg, location } = node.DefElem;
    const isLeakproof =
      defname === 'leakproof' && arg !== undefined && 'Boolean' in arg && arg.Boolean.boolval === true;
    if (!isLeakproof && defname !== 'support') continue;
    const first = tokenAt(subject, location);
    if (first === undefined) continue;
    let last = isLeakproof ? first : first + 1;
    while (!isLeakproof && tokens[last + 1]?.word === '.') last += 2;
    const range = span(tokens, first, last);
    if (range === undefined) continue;
    ranges.push(range);
    words.push(isLeakproof ? 'LEAKPROOF' : 'SUPPORT');
  }
  const [place] = ranges;
  if (place === undefined) return undefined;
  const message = `The ${subject.statement.object} is made without ${words.join(' and ')}.`;
  return {
    message,
    place,
    fixes: [dropClauses(subject.statement.text, ranges, `Take out ${words.join(' and ')}`)],
  };
}

/** WITH OIDS, which the parser does not know any more, and WITH (oids), which it does. */
function withOids(subject: Subject): Match | undefined {
  const { text, object } = subject.statement;
  const tokens = subject.tokens();
  const message = `The ${object} is made without a hidden column oid.`;
  const old = wordsAt(tokens, ['WITH', 'OIDS']);
  const place = old === undefined ? undefined : span(tokens, old, old + 1);
  if (place !== undefined)
    return { message, place, fixes: [dropClauses(text, [place], 'Take out WITH OIDS')] };
  const option = optionEdits(tokens, 'WITH', 'oids');
  if (option === undefined || /\b(false|off)\b/i.test(text.slice(option.place.start, option.place.end)))
    return undefined;
  const title = 'Take out the option oids';
  const fix: Fix =
    option.all === undefined
      ? { title, kind: 'dropClause', edits: option.edits, resolves: true, isDefault: true }
      : dropClauses(text, [option.all], title);
  return { message, place: option.place, fixes: [fix] };
}

export const clauseRules: readonly Rule[] = [
  {
    code: 'FF407',
    title: 'TABLESPACE clauses',
    explanation: 'There is one storage, which the platform grows.',
    severity: 'note',
    action: 'edit',
    applies: 'flexibleServer',
    kinds: [
      'createTable',
      'createIndex',
      'createMaterializedView',
      'primaryKey',
      'unique',
      'exclusion',
      'other',
    ],
    mentions: /\btablespace\b/i,
    match: (subject) => {
      const { statement: s } = subject;
      // Of other statements only CREATE TABLE … AS has such a clause.
      if (s.kind === 'other' && subject.tree('CreateTableAsStmt') === undefined) return undefined;
      const ranges = tablespaceClauses(subject.tokens());
      const [place] = ranges;
      if (place === undefined) return undefined;
      const fix = dropClauses(s.text, ranges, 'Take out the tablespace');
      return { message: `The tablespace of ${s.object} is left out.`, place, fixes: [fix] };
    },
  },
  {
    code: 'FF459',
    title: 'LEAKPROOF and SUPPORT of functions',
    explanation: 'A wrong one could show rows that a policy hides, so only superusers say so.',
    severity: 'note',
    action: 'edit',
    applies: 'flexibleServer',
    kinds: ['createFunction'],
    mentions: /\b(leakproof|support)\b/i,
    match: functionProperties,
  },
  {
    code: 'FF459',
    title: 'LEAKPROOF and SUPPORT of functions, changed',
    explanation: 'A wrong one could show rows that a policy hides, so only superusers say so.',
    severity: 'note',
    action: 'skip',
    applies: 'flexibleServer',
    kinds: ['other'],
    mentions: /^\s*alter\s+(function|procedure|routine)\b[\s\S]*\b(leakproof|support)\b/i,
    match: (subject) => {
      const found = functionProperties(subject);
      // Nothing may be left of it, which were no statement any more.
      return (
        found && {
          message: `${subject.statement.object}: LEAKPROOF and SUPPORT stay as they are.`,
          place: found.place,
        }
      );
    },
  },
  {
    code: 'FF444',
    title: 'Tables WITH OIDS',
    explanation: 'The hidden column oid of tables went with PostgreSQL 12.',
    severity: 'warning',
    action: 'edit',
    applies: 'everywhere',
    from: 120000,
    kinds: ['createTable', 'createMaterializedView', 'other'],
    mentions: /^\s*create\b[\s\S]*\boids\b/i,
    match: withOids,
  },
  {
    code: 'FF451',
    title: 'Table access methods',
    explanation: 'Only heap is part of PostgreSQL.',
    severity: 'warning',
    action: 'edit',
    applies: 'flexibleServer',
    kinds: ['createTable', 'createMaterializedView'],
    mentions: /\busing\b/i,
    match: (subject) => {
      const method =
        subject.tree('CreateStmt')?.accessMethod ?? subject.tree('CreateTableAsStmt')?.into?.accessMethod;
      if (method === undefined || method === 'heap') return undefined;
      if (subject.target.tableAccessMethods?.has(method) === true) return undefined;
      const tokens = subject.tokens();
      const at = tokens.findIndex(
        ({ word }, index) => word === 'USING' && tokens[index + 1]?.text.replaceAll('"', '') === method,
      );
      const place = at < 0 ? undefined : span(tokens, at, at + 1);
      if (place === undefined) return undefined;
      return {
        message: `The ${subject.statement.object} becomes a heap instead of ${displayName(method)}.`,
        place,
        fixes: [dropClauses(subject.statement.text, [place], 'Make it a heap')],
      };
    },
  },
  {
    code: 'FF455',
    title: 'Unlogged tables and sequences',
    explanation:
      'They are not in the write-ahead log, by which a standby and a restart know what was written.',
    severity: 'note',
    action: 'tell',
    applies: 'flexibleServer',
    kinds: ['createTable', 'createSequence'],
    mentions: /^\s*create\s+unlogged\b/i,
    match: (subject) => {
      const place = rangeOfWords(subject, 'UNLOGGED');
      if (place === undefined) return undefined;
      return {
        message: `The ${subject.statement.object} is unlogged.`,
        place,
        fixes: [offered(dropClauses(subject.statement.text, [place], 'Take out UNLOGGED'))],
      };
    },
  },
  {
    code: 'FF454',
    title: 'FORCE ROW LEVEL SECURITY',
    explanation:
      'Policies then hold for the owner, too. Rows are compared with FORCE lifted for that query alone.',
    severity: 'note',
    action: 'tell',
    applies: 'everywhere',
    kinds: ['enableRowSecurity'],
    match: (subject) => {
      const { statement: s, target } = subject;
      if (s.kind !== 'enableRowSecurity' || !s.details.forced || target.bypassesRowSecurity !== false)
        return undefined;
      return {
        message: `The policies of ${s.about ?? s.object} hide rows from the user of the target.`,
        place: rangeOfWords(subject, 'FORCE'),
      };
    },
  },
];
