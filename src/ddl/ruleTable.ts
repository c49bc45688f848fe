/**
 * What a Flexible Server refuses, as data. No superuser, no files of one's own, no tablespaces:
 * https://learn.microsoft.com/azure/postgresql/flexible-server/concepts-limits
 */
import type { ErrorCode } from '../protocol/errorCodes.js';
import type { Finding } from '../protocol/model.js';
import type { Statement } from './statement.js';

export interface Rule {
  readonly code: ErrorCode;
  /** `note`: nothing is lost by it. */
  readonly severity: Finding['severity'];
  /** `skip`: can never work. `try`: no source settles it, so it is run, and what it says counts only if it fails. */
  readonly action: 'skip' | 'try';
  /** `everywhere`: a decision of ours. `flexibleServer`: plain PostgreSQL lets a superuser do it. */
  readonly applies: 'flexibleServer' | 'everywhere';
  matches(statement: Statement): boolean;
  message(statement: Statement): string;
}

const usableLanguages: ReadonlySet<string> = new Set(['sql', 'plpgsql', 'plv8']);

/** The language that a statement needs, if it needs one. */
function languageOf(statement: Statement): string | undefined {
  switch (statement.kind) {
    case 'createLanguage':
      return statement.details.name;
    case 'createFunction':
      // Empty: the statement could not be parsed.
      return statement.details.isC || statement.details.language === ''
        ? undefined
        : statement.details.language;
    case 'transform':
      return statement.details.language;
    default:
      return undefined;
  }
}

const skip = { severity: 'warning', action: 'skip', applies: 'flexibleServer' } as const;
const attempt = { severity: 'warning', action: 'try', applies: 'flexibleServer' } as const;
const note = { severity: 'note', action: 'skip', applies: 'flexibleServer' } as const;

/** The first rule that matches decides. */
export const flexibleServerRules: readonly Rule[] = [
  {
    code: 'FF414',
    ...note,
    matches: (s) =>
      ((s.kind === 'ownerChange' || s.kind === 'commentOn') && s.about === 'schema public') ||
      (s.kind === 'createSchema' && s.details.name === 'public'),
    message: (s) =>
      s.kind === 'commentOn'
        ? 'The comment on schema public is left as it is on the target.'
        : 'Schema public and its owner are left as they are on the target.',
  },
  {
    code: 'FF415',
    ...note,
    matches: (s) => s.kind === 'commentOn' && s.details.objectType === 'extension',
    message: (s) => `The ${s.object} is left to the extension.`,
  },
  {
    code: 'FF407',
    ...note,
    matches: (s) =>
      (s.kind === 'setting' && s.details.name === 'default_tablespace' && (s.details.value ?? '') !== '') ||
      (s.kind === 'alterTable' && s.details.actions.join() === 'AT_SetTableSpace') ||
      (s.kind === 'other' && /^(create|alter) tablespace\b/.test(s.object)) ||
      (s.kind === 'commentOn' && s.details.objectType === 'tablespace'),
    message: (s) => `The tablespace of ${s.object} is left out.`,
  },
  {
    code: 'FF404',
    ...skip,
    matches: (s) =>
      s.kind === 'createType' && (s.details.variant === 'base' || s.details.variant === 'shell'),
    message: (s) => `The ${s.object} is a base type.`,
  },
  {
    code: 'FF405',
    ...skip,
    matches: (s) =>
      s.kind === 'textSearch' && (s.details.variant === 'parser' || s.details.variant === 'template'),
    message: (s) => `The ${s.object} cannot be created.`,
  },
  {
    code: 'FF403',
    ...skip,
    matches: (s) => s.kind === 'createFunction' && s.details.isC,
    message: (s) =>
      `The ${s.object} is written in ${s.kind === 'createFunction' && s.details.language === 'internal' ? 'the internal language' : 'C'}.`,
  },
  {
    code: 'FF402',
    ...skip,
    matches: (s) => {
      const language = languageOf(s);
      return language !== undefined && !usableLanguages.has(language);
    },
    message: (s) =>
      s.kind === 'createLanguage'
        ? `The ${s.object} cannot be installed.`
        : `The ${s.object} needs the language ${languageOf(s) ?? ''}.`,
  },
  {
    code: 'FF406',
    ...attempt,
    matches: (s) => s.kind === 'createCast' && s.details.method === 'binary',
    message: (s) => `The ${s.object} is binary-coercible (WITHOUT FUNCTION).`,
  },
  {
    code: 'FF408',
    ...skip,
    matches: (s) => s.kind === 'opClass' || s.kind === 'opFamily' || s.kind === 'accessMethod',
    message: (s) => `The ${s.object} cannot be created without a superuser.`,
  },
  {
    code: 'FF409',
    ...skip,
    matches: (s) => s.kind === 'fdw',
    message: (s) => `The ${s.object} cannot be created by itself.`,
  },
  {
    code: 'FF410',
    ...skip,
    applies: 'everywhere',
    matches: (s) => s.kind === 'userMapping' && s.details.hasPassword,
    message: (s) => `The ${s.object} holds a password.`,
  },
  {
    code: 'FF412',
    ...skip,
    // A copied subscription would at once begin to draw data from its publisher.
    applies: 'everywhere',
    matches: (s) => s.kind === 'publication' || s.kind === 'subscription',
    message: (s) => `The ${s.object} is not carried over.`,
  },
  {
    code: 'FF411',
    ...attempt,
    matches: (s) => s.kind === 'securityLabel',
    message: (s) => `The ${s.object} needs its provider on the target.`,
  },
  {
    code: 'FF400',
    ...attempt,
    matches: (s) => s.kind === 'eventTrigger',
    message: (s) => `The ${s.object} belongs to superusers on plain PostgreSQL.`,
  },
  {
    code: 'FF400',
    ...attempt,
    matches: (s) =>
      s.kind === 'alterDatabaseSet' ||
      (s.kind === 'createFunction' && /\bLEAKPROOF\b/.test(s.text)) ||
      ((s.kind === 'grant' || s.kind === 'revoke') && / pg_catalog\./.test(s.about ?? '')),
    message: (s) => `The statement about ${s.object} needs rights of a superuser.`,
  },
];
