/** Owners, grants, memberships and attributes of roles. */
import { displayName, strings } from '../identifier.js';
import { replaceText } from './fixes.js';
import { isPlatformRole, isUnreachableRole, notGrantable } from './platformRoles.js';
import { missingGrantees, rolesOf } from './rolesOf.js';
import type { Match, Rule } from './rule.js';
import { rangeOfName, type Subject, wordsAt } from './subject.js';
import type { Fix, TextRange } from './verdict.js';

/** Ways out where a role cannot own something or does not exist. */
function ownerFixes(subject: Subject, role: string): { place: TextRange | undefined; fixes: Fix[] } {
  const tokens = subject.tokens();
  const owner = wordsAt(tokens, ['OWNER', 'TO']) ?? -1;
  const authorization = wordsAt(tokens, ['AUTHORIZATION']) ?? -1;
  const from = owner >= 0 ? owner + 2 : authorization + 1;
  const place = rangeOfName(subject, role, from);
  if (place === undefined || (owner < 0 && authorization < 0)) return { place, fixes: [] };
  const fix = replaceText(place, 'CURRENT_USER', 'Let the user of the target own it', 'replaceOwner');
  return { place, fixes: [{ ...fix, isDefault: false }] };
}

function missingRole(subject: Subject): Match | undefined {
  const { statement, target } = subject;
  const missing = missingGrantees(statement, target.roles);
  const [first] = missing;
  if (first === undefined || missing.every(isPlatformRole)) return undefined;
  const names = missing.map((role) => displayName(role)).join(', ');
  const { place, fixes } = ownerFixes(subject, first);
  const roleFix = (kind: 'createRole' | 'mapRole', title: string, argument: string): Fix => ({
    title,
    kind,
    edits: [],
    resolves: false,
    isDefault: false,
    argument,
  });
  return {
    message: `${statement.object}: the target has no role ${names}.`,
    place: place ?? rangeOfName(subject, first),
    // What is not granted to a role that does not exist need not be revoked from it.
    severity: statement.kind === 'revoke' ? 'note' : 'warning',
    fixes: [
      ...fixes,
      ...missing.flatMap((role) => [
        roleFix('mapRole', `Map the role ${displayName(role)} to another one…`, role),
        roleFix('createRole', `Create the role ${displayName(role)} on the target`, role),
      ]),
    ],
  };
}

const roleKinds = [
  'grant',
  'revoke',
  'defaultPrivileges',
  'createPolicy',
  'ownerChange',
  'userMapping',
  'createSchema',
  'largeObject',
] as const;

/** Relations and their columns that nobody may read: pg_authid … */
export const unreadableCatalogs: ReadonlySet<string> = new Set([
  'pg_authid',
  'pg_largeobject',
  'pg_statistic',
  'pg_subscription',
  'pg_user_mapping',
  'pg_config',
  'pg_file_settings',
  'pg_hba_file_rules',
  'pg_replication_origin_status',
  'pg_shadow',
]);

function catalogGrant({ tree, statement }: Subject): { name: string; unreadable: boolean } | undefined {
  for (const node of tree('GrantStmt')?.objects ?? []) {
    let names: string[] = [];
    if ('RangeVar' in node) names = [node.RangeVar.schemaname ?? '', node.RangeVar.relname ?? ''];
    else if ('ObjectWithArgs' in node) names = strings(node.ObjectWithArgs.objname);
    const [name = '', schema = ''] = [names.at(-1), names.at(-2)];
    if (schema === 'pg_catalog' || (schema === '' && unreadableCatalogs.has(name)))
      return { name, unreadable: unreadableCatalogs.has(name) };
  }
  return statement.kind === 'grant' && statement.details.objectType === 'parameter'
    ? { name: 'a parameter', unreadable: false }
    : undefined;
}

const skip = { severity: 'warning', action: 'skip', applies: 'flexibleServer' } as const;

export const roleRules: readonly Rule[] = [
  {
    code: 'FF431',
    ...skip,
    severity: 'note',
    title: 'Roles of a platform',
    explanation: 'Each platform has administrators of its own.',
    applies: 'everywhere',
    kinds: roleKinds,
    match: (subject) => {
      const { statement: s, target } = subject;
      const missing = missingGrantees(s, target.roles);
      const owns = s.kind === 'ownerChange' || s.kind === 'createSchema';
      const owner = owns ? rolesOf(s).find(isUnreachableRole) : undefined;
      const role = owner ?? (missing.every(isPlatformRole) ? missing[0] : undefined);
      if (role === undefined) return undefined;
      const message = `${s.object}: ${displayName(role)} is a role of the platform.`;
      return { message, ...ownerFixes(subject, role) };
    },
  },
  {
    code: 'FF413',
    ...skip,
    title: 'Roles that are not there',
    explanation: 'Roles belong to the whole server and stand in no dump of a database.',
    applies: 'everywhere',
    kinds: roleKinds,
    match: missingRole,
  },
  {
    code: 'FF432',
    ...skip,
    title: 'Predefined roles that cannot be granted',
    explanation: 'They would reach beyond the database, up to the files of the machine.',
    kinds: ['grant'],
    match: (subject) => {
      const { statement: s } = subject;
      const role = s.kind === 'grant' ? s.details.roles.find((name) => notGrantable.has(name)) : undefined;
      if (role === undefined) return undefined;
      return { message: `Membership in ${role} is given to nobody.`, place: rangeOfName(subject, role) };
    },
  },
  {
    code: 'FF432',
    ...skip,
    action: 'try',
    title: 'Predefined roles',
    explanation: 'Since PostgreSQL 16 only who has ADMIN OPTION on a role grants it.',
    from: 160000,
    kinds: ['grant'],
    match: (subject) => {
      const { statement: s } = subject;
      const role = s.kind === 'grant' ? s.details.roles.find((name) => isPlatformRole(name)) : undefined;
      if (role === undefined) return undefined;
      return {
        message: `Membership in ${role} may not be the admin’s to give.`,
        place: rangeOfName(subject, role),
      };
    },
  },
  {
    code: 'FF433',
    ...skip,
    title: 'Grants on system catalogs',
    explanation: 'They hold passwords or say more than a user of the platform may know.',
    kinds: ['grant', 'revoke'],
    mentions: /\bpg_/i,
    match: (subject) => {
      const found = catalogGrant(subject);
      if (found?.unreadable !== true) return undefined;
      return {
        message: `The privileges on ${found.name} belong to the platform.`,
        place: rangeOfName(subject, found.name),
        severity: subject.statement.kind === 'revoke' ? 'note' : 'warning',
      };
    },
  },
  {
    code: 'FF400',
    ...skip,
    action: 'try',
    title: 'Grants on what belongs to the system',
    explanation: 'Only the owner grants, and what belongs to the system is azuresu’s.',
    kinds: ['grant', 'revoke'],
    mentions: /pg_catalog\b|\bparameter\b/i,
    match: (subject) =>
      catalogGrant(subject) && {
        message: `The statement about ${subject.statement.object} needs rights of a superuser.`,
      },
  },
  {
    code: 'FF431',
    ...skip,
    severity: 'note',
    title: 'Making and changing roles of the platform',
    explanation: 'They are there already, and belong to the platform.',
    kinds: ['other'],
    mentions: /^\s*(create|alter|drop)\s+(role|user|group)\b/i,
    match: (subject) => {
      const dropped = (subject.tree('DropRoleStmt')?.roles ?? []).flatMap((node) =>
        'RoleSpec' in node ? [node.RoleSpec.rolename ?? ''] : [],
      );
      const names = [
        subject.tree('CreateRoleStmt')?.role,
        subject.tree('AlterRoleStmt')?.role?.rolename,
        ...dropped,
      ];
      const role = names.find((name) => name !== undefined && isPlatformRole(name));
      if (role === undefined) return undefined;
      return {
        message: `${displayName(role)} is a role of the platform.`,
        place: rangeOfName(subject, role, 2),
      };
    },
  },
];
