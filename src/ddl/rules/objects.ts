/** Objects that only a superuser makes. */
import { strings } from '../identifier.js';
import type { Statement } from '../statement.js';
import type { Rule } from './rule.js';
import { rangeOfName, rangeOfWords, type Subject } from './subject.js';

/** By the name of a slot of ours. */
const ownPublication = /^publication flexferry_[0-9a-f]{12}(_insert|_generated)?$/;

const usableLanguages: ReadonlySet<string> = new Set(['sql', 'plpgsql', 'plv8']);

/** The language that a statement needs, if it needs one. */
function languageOf(subject: Subject): string | undefined {
  const s: Statement = subject.statement;
  switch (s.kind) {
    case 'createLanguage':
      return s.details.name;
    case 'createFunction':
      // Empty: the statement could not be parsed.
      return s.details.isC || s.details.language === '' ? undefined : s.details.language;
    case 'transform':
      return s.details.language;
    case 'other': {
      for (const node of subject.tree('DoStmt')?.args ?? []) {
        if (!('DefElem' in node) || node.DefElem.defname !== 'language') continue;
        const { arg } = node.DefElem;
        return arg !== undefined && 'String' in arg ? arg.String.sval : undefined;
      }
      return undefined;
    }
    default:
      return undefined;
  }
}

const skip = { severity: 'warning', action: 'skip', applies: 'flexibleServer' } as const;
const attempt = { severity: 'warning', action: 'try', applies: 'flexibleServer' } as const;

export const objectRules: readonly Rule[] = [
  {
    code: 'FF414',
    title: 'Schema public',
    explanation: 'Schema public belongs to azure_pg_admin in every version.',
    severity: 'note',
    action: 'skip',
    applies: 'flexibleServer',
    kinds: ['ownerChange', 'commentOn', 'createSchema'],
    match: ({ statement: s }) => {
      const isPublic = s.kind === 'createSchema' ? s.details.name === 'public' : s.about === 'schema public';
      if (!isPublic) return undefined;
      const message =
        s.kind === 'commentOn'
          ? 'The comment on schema public is left as it is on the target.'
          : 'Schema public and its owner are left as they are on the target.';
      return { message };
    },
  },
  {
    code: 'FF404',
    ...skip,
    title: 'Base types',
    explanation: 'The functions of a base type are written in C.',
    kinds: ['createType'],
    match: ({ statement: s }) =>
      s.kind === 'createType' && (s.details.variant === 'base' || s.details.variant === 'shell')
        ? { message: `The ${s.object} is a base type.` }
        : undefined,
  },
  {
    code: 'FF405',
    ...skip,
    title: 'Text search parsers and templates',
    explanation: 'Their functions are written in C.',
    kinds: ['textSearch'],
    match: ({ statement: s }) =>
      s.kind === 'textSearch' && (s.details.variant === 'parser' || s.details.variant === 'template')
        ? { message: `The ${s.object} cannot be created.` }
        : undefined,
  },
  {
    code: 'FF403',
    ...skip,
    title: 'Functions in C or internal',
    explanation: 'They need files on the machine or the rights of a superuser.',
    kinds: ['createFunction'],
    match: (subject) => {
      const { statement: s } = subject;
      if (s.kind !== 'createFunction' || !s.details.isC) return undefined;
      const isInternal = s.details.language === 'internal';
      return {
        message: `The ${s.object} is written in ${isInternal ? 'the internal language' : 'C'}.`,
        place: rangeOfWords(subject, 'LANGUAGE', s.details.language.toUpperCase()),
      };
    },
  },
  {
    code: 'FF402',
    ...skip,
    title: 'Procedural languages',
    explanation: 'Only sql, plpgsql and plv8 are installed.',
    kinds: ['createLanguage', 'createFunction', 'transform', 'other'],
    mentions: /language/i,
    match: (subject) => {
      const language = languageOf(subject);
      if (language === undefined || usableLanguages.has(language)) return undefined;
      const { statement: s } = subject;
      const what = s.kind === 'other' ? 'block of code' : s.object;
      return {
        message:
          s.kind === 'createLanguage'
            ? `The ${s.object} cannot be installed.`
            : `The ${what} needs the language ${language}.`,
        place: rangeOfWords(subject, 'LANGUAGE', language.toUpperCase()) ?? rangeOfName(subject, language),
      };
    },
  },
  {
    code: 'FF406',
    ...attempt,
    title: 'Binary-coercible casts',
    explanation: 'A wrong one could bring the server down, so only superusers make them.',
    kinds: ['createCast'],
    match: (subject) => {
      const { statement: s } = subject;
      if (s.kind !== 'createCast' || s.details.method !== 'binary') return undefined;
      const place = rangeOfWords(subject, 'WITHOUT', 'FUNCTION');
      return { message: `The ${s.object} is binary-coercible (WITHOUT FUNCTION).`, place };
    },
  },
  {
    code: 'FF443',
    ...attempt,
    severity: 'note',
    title: 'Casts of users',
    explanation: 'Documentation and servers do not agree whether they are allowed.',
    kinds: ['createCast'],
    match: ({ statement: s }) =>
      s.kind === 'createCast' && s.details.method !== 'binary'
        ? { message: `The ${s.object} is a cast of a user.` }
        : undefined,
  },
  {
    code: 'FF408',
    ...skip,
    title: 'Operator classes, operator families, access methods',
    explanation: 'A wrong one could bring the server down, so only superusers make them.',
    kinds: ['opClass', 'opFamily', 'accessMethod'],
    match: ({ statement: s }) => ({ message: `The ${s.object} cannot be created without a superuser.` }),
  },
  {
    code: 'FF449',
    ...attempt,
    title: 'Collations of users',
    explanation: 'Locales of libc and ICU differ from machine to machine.',
    kinds: ['createCollation'],
    match: ({ statement: s }) => ({ message: `The ${s.object} is a collation of a user.` }),
  },
  {
    code: 'FF411',
    ...attempt,
    title: 'Security labels',
    explanation: 'A label needs its provider, which is a loaded library.',
    kinds: ['securityLabel'],
    match: ({ statement: s }) => ({ message: `The ${s.object} needs its provider on the target.` }),
  },
  {
    code: 'FF400',
    ...attempt,
    title: 'Event triggers',
    explanation: 'On plain PostgreSQL only superusers make them.',
    kinds: ['eventTrigger'],
    match: ({ statement: s }) => ({ message: `The ${s.object} belongs to superusers on plain PostgreSQL.` }),
  },
  {
    code: 'FF412',
    ...skip,
    title: 'Subscriptions',
    explanation: 'A copied subscription would at once begin to draw data from its publisher.',
    applies: 'everywhere',
    kinds: ['subscription'],
    match: ({ statement: s }) => ({ message: `The ${s.object} is not carried over.` }),
  },
  {
    code: 'FF412',
    ...skip,
    severity: 'note',
    title: 'Publications of an online migration',
    explanation: 'They are of the migration itself, and go with it.',
    applies: 'everywhere',
    kinds: ['publication'],
    match: ({ statement: s }) =>
      ownPublication.test(s.object) ? { message: `The ${s.object} is of the migration itself.` } : undefined,
  },
  {
    code: 'FF412',
    ...skip,
    title: 'Publications',
    explanation: 'Who subscribes to the source does not subscribe to the target by that.',
    applies: 'everywhere',
    kinds: ['publication'],
    match: ({ statement: s, target }) =>
      target.publications === true || ownPublication.test(s.object)
        ? undefined
        : { message: `The ${s.object} is not carried over.` },
  },
  {
    code: 'FF400',
    ...attempt,
    title: 'Publications of all tables',
    explanation: 'On plain PostgreSQL only superusers publish all tables or all of a schema.',
    kinds: ['publication'],
    mentions: /\b(all\s+tables|tables\s+in\s+schema)\b/i,
    match: (subject) => ({
      message: `The ${subject.statement.object} is for all tables.`,
      place: rangeOfWords(subject, 'ALL', 'TABLES') ?? rangeOfWords(subject, 'TABLES', 'IN', 'SCHEMA'),
    }),
  },
  {
    code: 'FF450',
    ...attempt,
    title: 'Collations that are not there',
    explanation: 'The locales of the operating system become collations when the server is set up.',
    applies: 'everywhere',
    kinds: ['createTable', 'createIndex', 'createView', 'createMaterializedView', 'createType', 'alterTable'],
    mentions: /\bcollate\b/i,
    match: (subject) => {
      const { collations } = subject.target;
      if (collations === undefined) return undefined;
      for (const name of collationsOf(subject)) {
        if (collations.has(name)) continue;
        const message = `The target has no collation "${name}".`;
        return { message, place: rangeOfName(subject, name) };
      }
      return undefined;
    },
  },
];

/** Collations of the server that a statement names; those of users come with their own statement. */
function collationsOf(subject: Subject): string[] {
  const found: string[] = [];
  const pending: unknown[] = [subject.node()];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    for (const [key, inner] of Object.entries(value)) {
      if (typeof inner !== 'object' || inner === null) continue;
      pending.push(inner);
      if (key !== 'collClause' && key !== 'CollateClause' && key !== 'collation') continue;
      const clause = inner as { collname?: Parameters<typeof strings>[0] };
      const names = strings(Array.isArray(inner) ? inner : clause.collname);
      if (names.length === 1 || names[0] === 'pg_catalog') found.push(names.at(-1) ?? '');
    }
  }
  return found;
}
