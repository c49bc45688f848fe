/** What CREATE and ALTER ROLE and user mappings may not say. */
import { secretOption } from '../redact.js';
import { optionEdits } from '../rewrite.js';
import { dropClauses } from './fixes.js';
import type { Match, Rule } from './rule.js';
import { rangeOfWords, type Subject, span, tokenAt } from './subject.js';
import type { Fix, TextRange } from './verdict.js';

/** Attributes of CREATE and ALTER ROLE by their names in the tree. */
const attributes: Readonly<Record<string, { readonly word: string; readonly below?: number }>> = {
  superuser: { word: 'SUPERUSER' },
  isreplication: { word: 'REPLICATION' },
  bypassrls: { word: 'BYPASSRLS', below: 160000 },
};

function roleAttributes(subject: Subject): Match | undefined {
  const body = subject.tree('CreateRoleStmt') ?? subject.tree('AlterRoleStmt');
  const found: { word: string; range: TextRange }[] = [];
  for (const node of body?.options ?? []) {
    if (!('DefElem' in node)) continue;
    const { defname = '', arg, location } = node.DefElem;
    const attribute = attributes[defname];
    if (attribute === undefined || subject.target.versionNum >= (attribute.below ?? Number.MAX_SAFE_INTEGER))
      continue;
    const given = arg !== undefined && 'Boolean' in arg && arg.Boolean.boolval === true;
    const at = given ? tokenAt(subject, location) : undefined;
    const range = at === undefined ? undefined : span(subject.tokens(), at, at);
    if (range !== undefined) found.push({ word: attribute.word, range });
  }
  const [first] = found;
  if (first === undefined) return undefined;
  const words = found.map(({ word }) => word).join(', ');
  const fix = dropClauses(
    subject.statement.text,
    found.map(({ range }) => range),
    `Take out ${words}`,
  );
  return { message: `The attribute ${words} of a role is left out.`, place: first.range, fixes: [fix] };
}

/** PASSWORD '…' of CREATE and ALTER ROLE. */
function rolePassword(subject: Subject): Match | undefined {
  const body = subject.tree('CreateRoleStmt') ?? subject.tree('AlterRoleStmt');
  for (const node of body?.options ?? []) {
    if (!('DefElem' in node) || node.DefElem.defname !== 'password' || node.DefElem.arg === undefined)
      continue;
    const first = tokenAt(subject, node.DefElem.location);
    const tokens = subject.tokens();
    const last =
      first === undefined
        ? undefined
        : tokens.findIndex((t, i) => i > first && /^(?:[eEnN]|[uU]&)?'|^\$/.test(t.text));
    const range = first === undefined || last === undefined ? undefined : span(tokens, first, last);
    if (range === undefined) continue;
    return {
      message: 'The password of a role stands in the file.',
      place: range,
      fixes: [dropClauses(subject.statement.text, [range], 'Take out the password')],
    };
  }
  return undefined;
}

/** The option of a user mapping that is a secret, and the way to do without. */
function mappingPassword(subject: Subject): Pick<Match, 'place' | 'fixes'> {
  const found = optionEdits(subject.tokens(), 'OPTIONS', secretOption);
  if (found === undefined) return { place: rangeOfWords(subject, 'OPTIONS') };
  const title = 'Take out the password';
  const fix: Fix =
    found.all === undefined
      ? { title, kind: 'dropClause', edits: found.edits, resolves: true, isDefault: false }
      : dropClauses(subject.statement.text, [found.all], title);
  return { place: found.place, fixes: [fix] };
}

const createOrAlterRole = /^\s*(create|alter)\s+(role|user|group)\b/i;
const skip = { severity: 'warning', action: 'skip', applies: 'flexibleServer' } as const;

export const roleAttributeRules: readonly Rule[] = [
  {
    code: 'FF430',
    ...skip,
    action: 'edit',
    title: 'Attributes of superusers',
    explanation: 'The admin login gives away only what it has.',
    kinds: ['other'],
    mentions: createOrAlterRole,
    match: roleAttributes,
  },
  {
    code: 'FF410',
    ...skip,
    action: 'edit',
    title: 'Passwords of roles',
    explanation: 'Files of a project are shared and committed.',
    applies: 'everywhere',
    kinds: ['other'],
    mentions: createOrAlterRole,
    match: rolePassword,
  },
  {
    code: 'FF410',
    ...skip,
    title: 'Passwords of user mappings',
    explanation: 'Files of a project are shared and committed.',
    applies: 'everywhere',
    kinds: ['userMapping'],
    match: (subject) => {
      const { statement: s } = subject;
      if (s.kind !== 'userMapping' || !s.details.hasPassword) return undefined;
      return { message: `The ${s.object} holds a password.`, ...mappingPassword(subject) };
    },
  },
];
