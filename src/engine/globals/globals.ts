/**
 * globals.sql: the roles that the databases of a project need on the target. Passwords are never read or written. What
 * the target already has is left as it is.
 */
import { displayName } from '../../ddl/identifier.js';
import { applyEdits, commentOut } from '../../ddl/rules/fixes.js';
import { isPlatformRole, notGrantable } from '../../ddl/rules/platformRoles.js';
import { findingFor, type StatementFinding } from '../../ddl/rules/verdict.js';
import type { ErrorCode } from '../../protocol/errorCodes.js';
import {
  type Membership,
  mentionedRoles,
  type Role,
  type RoleTarget,
  readMemberships,
  readRoles,
} from '../catalog/roles.js';
import type { Session } from '../postgres/session.js';
import { neededRoles } from './neededRoles.js';
import { alterRoleSet, commentOnRole, createRole, grantRole, type Naming } from './roleStatements.js';

export interface GlobalsOptions {
  readonly databases: readonly { readonly source: string; readonly target: string }[];
  /** Role on the target by role of the source. */
  readonly roles: Readonly<Record<string, string>>;
  /** False: every statement stands as a comment that says so. */
  readonly createRoles: boolean;
  /** `keep`: owners are needed, too. */
  readonly owners: 'target' | 'keep';
  readonly comments?: boolean;
  /** The name on the target of a schema; without a database: where it is the same in all of them. */
  readonly schema?: (name: string, database: string | undefined) => string;
}

export interface Globals {
  /** Ends with a line break; '' where nothing is needed. */
  readonly sql: string;
  readonly findings: readonly StatementFinding[];
}

/** Asks the source in one of its databases; changes nothing. Needs no parser. Rejects with a Fault. */
export async function generateGlobals(
  source: Session,
  target: RoleTarget,
  options: GlobalsOptions,
): Promise<Globals> {
  const databases = [...new Set(options.databases.map((database) => database.source))];
  const roles = await readRoles(source, databases);
  const memberships = await readMemberships(source);
  const mentioned = await mentionedRoles(source, databases, { owners: options.owners === 'keep' });
  return globalsOf({ roles, memberships, mentioned }, target, options);
}

export interface SourceRoles {
  readonly roles: readonly Role[];
  readonly memberships: readonly Membership[];
  /** By the databases: see {@link mentionedRoles}. */
  readonly mentioned: ReadonlySet<string>;
}

/** A statement, or what stands in its place as a comment. */
interface Line {
  readonly sql: string;
  readonly left?: { readonly code: ErrorCode; readonly message: string };
}

const header = `-- Roles that the chosen databases need and the target does not have. Passwords are not carried over:
-- give each role that logs in one by ALTER ROLE … PASSWORD.
`;

/** Pure: the same roles give the same text. */
export function globalsOf(source: SourceRoles, target: RoleTarget, options: GlobalsOptions): Globals {
  const naming: Naming = {
    role: (name) => (Object.hasOwn(options.roles, name) ? (options.roles[name] ?? name) : name),
    schema: (name, database) => options.schema?.(name, database) ?? name,
    database: (name) => options.databases.find((database) => database.source === name)?.target ?? name,
  };
  const needed = neededRoles(source);
  const made = new Map<string, Role>();
  for (const role of source.roles) {
    const name = naming.role(role.name);
    if (!needed.has(role.name) || isPlatformRole(role.name) || isPlatformRole(name) || target.roles.has(name))
      continue;
    // Of several that become one role the first decides.
    if (!made.has(name)) made.set(name, role);
  }
  const findings: StatementFinding[] = [];
  const lines = [
    ...[...made].map(([name, role]) => creation(name, role, target, findings)),
    ...[...made].flatMap(([name, role]) => settings(name, role, { target, naming, findings })),
    ...(options.comments === false
      ? []
      : [...made].flatMap(([name, { comment }]) =>
          comment === null ? [] : [{ sql: commentOnRole(name, comment) }],
        )),
    ...grants(source, made, { target, naming, findings }, needed),
  ];
  if (lines.length === 0) return { sql: '', findings: [] };
  const left = options.createRoles
    ? undefined
    : { code: 'FF413' as const, message: 'The project does not create roles (option createRoles).' };
  const sql = header + lines.map((line) => `\n${written(line, left)}\n`).join('');
  return { sql, findings: options.createRoles ? [...findings, ...advice(made, source, needed)] : [] };
}

function written({ sql, left }: Line, all: Line['left']): string {
  const reason = left ?? all;
  return reason === undefined ? sql : applyEdits(sql, commentOut(sql, reason).edits);
}

interface Making {
  readonly target: RoleTarget;
  readonly naming: Naming;
  readonly findings: StatementFinding[];
}

function creation(name: string, role: Role, target: RoleTarget, findings: StatementFinding[]): Line {
  const { user, isFlexibleServer, versionNum } = target;
  const all = user.superuser && !isFlexibleServer;
  const attributes: string[] = [];
  const without: string[] = [];
  const attribute = (word: string, wanted: boolean, possible: boolean): void => {
    if (wanted) (possible ? attributes : without).push(word);
  };
  attribute('SUPERUSER', role.superuser, all);
  attribute('LOGIN', role.login, true);
  attribute('NOINHERIT', !role.inherit, true);
  attribute('CREATEDB', role.createDatabase, versionNum < 160000 || user.superuser || user.createDatabase);
  attribute('CREATEROLE', role.createRole, true);
  attribute('REPLICATION', role.replication, all);
  attribute('BYPASSRLS', role.bypassRls, all || (versionNum >= 160000 && user.bypassRls));
  if (role.connectionLimit >= 0) attributes.push(`CONNECTION LIMIT ${role.connectionLimit}`);
  if (role.validUntil !== null) attributes.push(`VALID UNTIL '${role.validUntil}'`);
  if (without.length > 0) {
    const message = `The role ${displayName(name)} is made without ${without.join(', ')}.`;
    findings.push(findingFor('FF430', 'warning', `role ${displayName(name)}`, message));
  }
  return { sql: createRole(name, attributes) };
}

function settings(name: string, role: Role, { target, naming, findings }: Making): Line[] {
  return role.settings.map((setting) => {
    const sql = alterRoleSet(name, setting, naming);
    const object = `role ${displayName(name)}`;
    const leave = (code: ErrorCode, severity: 'note' | 'warning', message: string): Line => {
      findings.push(findingFor(code, severity, object, message));
      return { sql, left: { code, message } };
    };
    if (target.isFlexibleServer && /^(default_tablespace|temp_tablespaces)$/.test(setting.name)) {
      return leave('FF407', 'note', `The setting ${setting.name} of ${object} is left out.`);
    }
    // Settings with a dot belong to extensions and applications; role is the one that pg_settings hides.
    const isKnown =
      setting.name.includes('.') ||
      setting.name === 'role' ||
      target.parameters.has(setting.name.toLowerCase());
    if (!isKnown)
      return leave(
        'FF461',
        'warning',
        `The setting ${setting.name} of ${object} is not known on the target.`,
      );
    return { sql };
  });
}

/** Memberships in which a new role has a part. */
function grants(
  { roles, memberships }: SourceRoles,
  made: ReadonlyMap<string, Role>,
  { target, naming, findings }: Making,
  needed: ReadonlySet<string>,
): Line[] {
  const written = new Set<string>();
  const inherits = new Map(roles.map((role) => [role.name, role.inherit]));
  return memberships.flatMap((membership) => {
    const [role, member] = [naming.role(membership.role), naming.role(membership.member)];
    const isPredefined = /^pg_/.test(role);
    if (!needed.has(membership.member) || !(needed.has(membership.role) || isPlatformRole(membership.role)))
      return [];
    if (!made.has(role) && !made.has(member)) return [];
    if (isPlatformRole(member) || role === member) return [];
    const sql = grantRole(
      role,
      member,
      optionsOf(membership, inherits.get(membership.member) ?? true, target),
    );
    if (written.has(`${role}\0${member}`)) return [];
    written.add(`${role}\0${member}`);
    const leave = (code: ErrorCode, severity: 'note' | 'warning', message: string): Line[] => {
      findings.push(
        findingFor(code, severity, `membership of ${displayName(member)} in ${displayName(role)}`, message),
      );
      return [{ sql, left: { code, message } }];
    };
    if (target.isFlexibleServer && notGrantable.has(role)) {
      return leave('FF432', 'warning', `Membership in ${role} is given to nobody on the target.`);
    }
    if (isPlatformRole(role) && !target.roles.has(role)) {
      const message = `The target has no role ${displayName(role)}, of which ${displayName(member)} is a member on the source.`;
      return leave('FF431', isPredefined ? 'warning' : 'note', message);
    }
    return [{ sql }];
  });
}

/** Options of GRANT that differ from what it does by itself: since 16 it takes INHERIT from the attribute of the member. */
function optionsOf(
  { admin, inherit, set }: Membership,
  memberInherits: boolean,
  target: RoleTarget,
): string[] {
  if (target.versionNum < 160000) return admin ? ['ADMIN OPTION'] : [];
  return [
    ...(admin ? ['ADMIN TRUE'] : []),
    ...(inherit !== null && inherit !== memberInherits ? [`INHERIT ${inherit ? 'TRUE' : 'FALSE'}`] : []),
    ...(set === false ? ['SET FALSE'] : []),
  ];
}

const named = (names: readonly string[]): string => {
  const shown = names.slice(0, 10).map((name) => displayName(name));
  return shown.join(', ') + (names.length > shown.length ? ` and ${names.length - shown.length} more` : '');
};

/** What is left to do by hand. */
function advice(
  made: ReadonlyMap<string, Role>,
  { roles, memberships }: SourceRoles,
  needed: ReadonlySet<string>,
): StatementFinding[] {
  const found: StatementFinding[] = [];
  const logins = [...made].filter(([, role]) => role.login).map(([name]) => name);
  if (logins.length > 0) {
    found.push(
      findingFor('FF460', 'note', 'passwords of roles', `Set a password on the target for ${named(logins)}.`),
    );
  }
  const members = roles
    .filter(({ name, login }) => login && !needed.has(name) && !isPlatformRole(name))
    .filter(({ name }) =>
      memberships.some((m) => m.member === name && needed.has(m.role) && !isPlatformRole(m.role)),
    )
    .map(({ name }) => name);
  if (members.length > 0) {
    const message = `Members of these roles that were not taken along: ${named(members)}.`;
    found.push(findingFor('FF462', 'note', 'members of roles', message));
  }
  return found;
}
