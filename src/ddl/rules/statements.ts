/** Statements that no dump holds but files of users do. */
import { displayName } from '../identifier.js';
import type { Match, Rule } from './rule.js';
import { rangeOfName, rangeOfWords, type Subject, span } from './subject.js';

const skip = { severity: 'warning', action: 'skip', applies: 'flexibleServer', kinds: ['other'] } as const;

/** The string that names the file or program of a COPY. */
function copiedFile(subject: Subject): Match | undefined {
  const body = subject.tree('CopyStmt');
  if (body?.filename === undefined) return undefined;
  const tokens = subject.tokens();
  const program = body.is_program === true;
  const at = tokens.findIndex((token, index) => {
    const before = tokens[index - 1]?.word;
    return (
      /^(?:[eEnN]|[uU]&)?'|^\$/.test(token.text) &&
      (before === 'FROM' || before === 'TO' || before === 'PROGRAM')
    );
  });
  return {
    message: `COPY ${body.is_from === true ? 'from' : 'to'} a ${program ? 'program' : 'file'} of the server.`,
    place: at < 0 ? undefined : span(tokens, program ? at - 1 : at, at),
  };
}

function databaseMade(subject: Subject): Match | undefined {
  const made = subject.tree('CreatedbStmt')?.dbname;
  const name = made ?? subject.tree('DropdbStmt')?.dbname;
  if (name === undefined) return undefined;
  return {
    message: `The database ${displayName(name)} is ${made === undefined ? 'dropped' : 'created'} by the statement.`,
    place: rangeOfWords(subject, made === undefined ? 'DROP' : 'CREATE', 'DATABASE'),
  };
}

const serviceDatabases: ReadonlySet<string> = new Set(['azure_maintenance', 'azure_sys']);

export const statementRules: readonly Rule[] = [
  {
    ...skip,
    code: 'FF439',
    title: 'COPY from and to files and programs',
    explanation: 'The files of the machine belong to the platform.',
    mentions: /^\s*copy\b/i,
    match: copiedFile,
  },
  {
    ...skip,
    code: 'FF448',
    title: 'Databases of the platform',
    explanation: 'The platform keeps its own data in them.',
    kinds: ['other', 'alterDatabaseSet', 'grant', 'revoke', 'ownerChange', 'commentOn'],
    mentions: /\bazure_(maintenance|sys)\b/i,
    match: (subject) => {
      const { statement: s } = subject;
      const named =
        s.kind === 'alterDatabaseSet'
          ? s.details.database
          : s.kind === 'other'
            ? (subject.tree('CreatedbStmt')?.dbname ??
              subject.tree('DropdbStmt')?.dbname ??
              subject.tree('AlterDatabaseStmt')?.dbname)
            : /^database (.*)$/.exec(s.about ?? '')?.[1];
      if (named === undefined || !serviceDatabases.has(named)) return undefined;
      return {
        message: `The database ${named} belongs to the platform.`,
        place: rangeOfName(subject, named),
      };
    },
  },
  {
    ...skip,
    code: 'FF407',
    severity: 'note',
    title: 'Tablespaces',
    explanation: 'There is one storage, which the platform grows.',
    kinds: ['other', 'alterTable', 'commentOn', 'grant', 'revoke', 'ownerChange'],
    mentions: /\btablespace\b/i,
    match: (subject) => {
      const { statement: s } = subject;
      const isAbout =
        (s.kind === 'alterTable' && s.details.actions.join() === 'AT_SetTableSpace') ||
        (s.kind === 'commentOn' && s.details.objectType === 'tablespace') ||
        ((s.kind === 'grant' || s.kind === 'revoke') && s.details.objectType === 'tablespace') ||
        (s.kind === 'ownerChange' && s.about?.startsWith('tablespace ') === true) ||
        (s.kind === 'other' && /^(create|alter|drop) tablespace\b/.test(s.object)) ||
        (s.kind === 'other' && (movesAll(subject) || movesDatabase(subject)));
      if (!isAbout) return undefined;
      const object = s.kind === 'other' ? s.object.replace(/^(create|alter|drop) /, '') : s.object;
      return {
        message: `The tablespace of ${object} is left out.`,
        place: rangeOfWords(subject, 'TABLESPACE'),
      };
    },
  },
  {
    ...skip,
    code: 'FF447',
    title: 'Making and dropping databases',
    explanation: 'A run creates its databases itself and drops none.',
    applies: 'everywhere',
    mentions: /^\s*(create|drop)\s+database\b/i,
    match: databaseMade,
  },
  {
    ...skip,
    code: 'FF400',
    action: 'try',
    title: 'LOAD',
    explanation: 'Only superusers load any library.',
    mentions: /^\s*load\b/i,
    match: (subject) => {
      const body = subject.tree('LoadStmt');
      return body && { message: `The library ${body.filename ?? ''} is loaded.` };
    },
  },
];

const movesAll = (subject: Subject): boolean => subject.tree('AlterTableMoveAllStmt') !== undefined;
const movesDatabase = (subject: Subject): boolean =>
  (subject.tree('AlterDatabaseStmt')?.options ?? []).some(
    (node) => 'DefElem' in node && node.DefElem.defname === 'tablespace',
  );
