/** Clauses of newer versions than the target: met where a user writes them, or a newer pg_dump. */
import type { StatementKind } from '../statement.js';
import type { Rule } from './rule.js';
import { nodesOf, rangeOfWords, type Subject, type Visited } from './subject.js';

interface Novelty {
  readonly what: string;
  /** The major version that knows it first. */
  readonly since: number;
  readonly kinds: readonly StatementKind[];
  readonly mentions: RegExp;
  /** A node of the tree that is it; without, the words decide. */
  readonly node?: (visited: Visited) => boolean;
  readonly words: readonly string[];
}

const tables: readonly StatementKind[] = ['createTable', 'alterTable', 'createForeignTable'];
const keys: readonly StatementKind[] = [
  ...tables,
  'primaryKey',
  'unique',
  'foreignKey',
  'check',
  'notNull',
  'createIndex',
];

const novelties: readonly Novelty[] = [
  {
    what: 'COMPRESSION of a column',
    since: 14,
    kinds: tables,
    mentions: /\bcompression\b/i,
    node: ({ name, body }) =>
      (name === 'ColumnDef' && body['compression'] !== undefined) ||
      (name === 'AlterTableCmd' && body['subtype'] === 'AT_SetCompression'),
    words: ['COMPRESSION'],
  },
  {
    what: 'a body of a function without quotes',
    since: 14,
    kinds: ['createFunction'],
    mentions: /\b(begin\s+atomic|return)\b/i,
    node: ({ name, body }) => name === 'CreateFunctionStmt' && body['sql_body'] !== undefined,
    words: ['BEGIN', 'ATOMIC'],
  },
  {
    what: 'NULLS NOT DISTINCT',
    since: 15,
    kinds: keys,
    mentions: /\bnulls\s+not\s+distinct\b/i,
    words: ['NULLS', 'NOT', 'DISTINCT'],
  },
  {
    what: 'security_invoker of a view',
    since: 15,
    kinds: ['createView'],
    mentions: /\bsecurity_invoker\b/i,
    node: ({ name, body }) => name === 'DefElem' && body['defname'] === 'security_invoker',
    words: ['SECURITY_INVOKER'],
  },
  {
    what: 'MERGE',
    since: 15,
    kinds: ['createFunction', 'createRule', 'other'],
    mentions: /\bmerge\b/i,
    node: ({ name }) => name === 'MergeStmt',
    words: ['MERGE'],
  },
  {
    what: 'WITHOUT OVERLAPS',
    since: 18,
    kinds: keys,
    mentions: /\bwithout\s+overlaps\b/i,
    words: ['WITHOUT', 'OVERLAPS'],
  },
  {
    what: 'NOT ENFORCED',
    since: 18,
    kinds: keys,
    mentions: /\bnot\s+enforced\b/i,
    words: ['NOT', 'ENFORCED'],
  },
  {
    what: 'NOT NULL as a constraint of its own',
    since: 18,
    kinds: ['notNull'],
    mentions: /\bnot\s+null\b/i,
    words: ['NOT', 'NULL'],
  },
  {
    what: 'a virtual generated column',
    since: 18,
    kinds: tables,
    mentions: /\bgenerated\b/i,
    node: ({ name, body }) =>
      name === 'Constraint' && body['contype'] === 'CONSTR_GENERATED' && body['generated_kind'] === 'v',
    words: ['GENERATED'],
  },
];

export const versionRules: readonly Rule[] = novelties.map(
  ({ what, since, kinds, mentions, node, words }) => ({
    code: 'FF458',
    title: `New in PostgreSQL ${since}: ${what}`,
    explanation: `PostgreSQL knows it since version ${since}.`,
    severity: 'warning',
    action: 'try',
    applies: 'everywhere',
    below: since * 10000,
    kinds,
    mentions,
    match: (subject: Subject) => {
      const place = rangeOfWords(subject, ...words);
      if (node === undefined ? place === undefined : ![...nodesOf(subject.node())].some(node))
        return undefined;
      const major = Math.floor(subject.target.versionNum / 10000);
      return { message: `${subject.statement.object}: PostgreSQL ${major} does not know ${what}.`, place };
    },
  }),
);
