/** Roles of a server and what ties them: all of it readable without pg_authid, which a Flexible Server shows to nobody. */
import { endsRun } from '../errors/endsRun.js';
import { Fault } from '../errors/fault.js';
import { ident } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';

export interface Role {
  readonly name: string;
  readonly superuser: boolean;
  readonly inherit: boolean;
  readonly createRole: boolean;
  readonly createDatabase: boolean;
  readonly login: boolean;
  readonly replication: boolean;
  readonly bypassRls: boolean;
  /** -1: no limit. */
  readonly connectionLimit: number;
  /** A timestamp in UTC, or `infinity`; null: for ever. */
  readonly validUntil: string | null;
  readonly comment: string | null;
  readonly settings: readonly RoleSetting[];
}

export interface RoleSetting {
  /** Null: in every database. */
  readonly database: string | null;
  readonly name: string;
  /** As pg_db_role_setting keeps it. */
  readonly value: string;
}

export interface Membership {
  readonly role: string;
  readonly member: string;
  readonly admin: boolean;
  /** Null before PostgreSQL 16, where the attribute of the member decides. */
  readonly inherit: boolean | null;
  readonly set: boolean | null;
}

/** Every role of the server but the predefined ones, with its settings for every or one of these databases. */
export async function readRoles(session: Session, databases: readonly string[]): Promise<Role[]> {
  const { rows } = await session.query<Omit<Role, 'settings'> & { settings: string }>(
    `SELECT r.rolname AS name, r.rolsuper AS superuser, r.rolinherit AS inherit, r.rolcreaterole AS "createRole",
       r.rolcreatedb AS "createDatabase", r.rolcanlogin AS login, r.rolreplication AS replication,
       r.rolbypassrls AS "bypassRls", r.rolconnlimit AS "connectionLimit", r.rolvaliduntil::text AS "validUntil",
       shobj_description(r.oid, 'pg_authid') AS comment,
       coalesce((SELECT json_agg(json_build_object('database', d.datname, 'config', s.setconfig) ORDER BY d.datname NULLS FIRST)::text
         FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase
         WHERE s.setrole = r.oid AND (s.setdatabase = 0 OR d.datname = ANY ($1))), '[]') AS settings
     FROM pg_roles r WHERE r.rolname !~ '^pg_' ORDER BY r.rolname::text COLLATE "C"`,
    [databases],
  );
  return rows.map((row) => ({ ...row, settings: settingsOf(row.settings) }));
}

function settingsOf(json: string): RoleSetting[] {
  const entries = JSON.parse(json) as { database: string | null; config: string[] }[];
  return entries.flatMap(({ database, config }) =>
    config.map((entry) => {
      const at = entry.indexOf('=');
      return { database, name: entry.slice(0, at), value: entry.slice(at + 1) };
    }),
  );
}

/** Several grants of one membership, which PostgreSQL 16 knows, come as one. */
export async function readMemberships(session: Session): Promise<Membership[]> {
  const options =
    session.versionNum >= 160000
      ? 'bool_or(m.inherit_option) AS inherit, bool_or(m.set_option) AS set'
      : 'NULL::bool AS inherit, NULL::bool AS set';
  const { rows } = await session.query<Membership>(
    `SELECT g.rolname AS role, r.rolname AS member, bool_or(m.admin_option) AS admin, ${options}
     FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles r ON r.oid = m.member
     GROUP BY 1, 2 ORDER BY 1, 2`,
  );
  return rows;
}

/**
 * The roles that these databases mention: in privileges, policies, default privileges and user mappings, and, with
 * `owners`, the owners of what is in them. The superuser of initdb is recorded nowhere: it is found as the owner of a
 * database, or of a relation in the session's own.
 */
export async function mentionedRoles(
  session: Session,
  databases: readonly string[],
  { owners }: { readonly owners: boolean },
): Promise<Set<string>> {
  const { rows } = await session.query<{ name: string }>(
    `SELECT r.rolname AS name FROM pg_shdepend s JOIN pg_roles r ON r.oid = s.refobjid
       LEFT JOIN pg_database d ON d.oid = CASE WHEN s.dbid = 0 AND s.classid = 'pg_database'::regclass THEN s.objid ELSE s.dbid END
     WHERE s.refclassid = 'pg_authid'::regclass AND d.datname = ANY ($1)
       AND (s.deptype IN ('a', 'r')
         OR s.deptype = 'o' AND ($2 OR s.classid IN ('pg_default_acl'::regclass, 'pg_user_mapping'::regclass)))
     UNION SELECT r.rolname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE $2 AND d.datname = ANY ($1)
     UNION SELECT r.rolname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
       WHERE $2 AND current_database() = ANY ($1) AND c.relowner = 10 AND c.oid >= 16384`,
    [databases, owners],
  );
  return new Set(rows.map(({ name }) => name));
}

/** What generating and running globals asks of the target. */
export interface RoleTarget {
  readonly versionNum: number;
  readonly isFlexibleServer: boolean;
  readonly roles: ReadonlySet<string>;
  /** Rights of the user of the target. */
  readonly user: Pick<Role, 'superuser' | 'createDatabase' | 'replication' | 'bypassRls'>;
  /** pg_settings. */
  readonly parameters: ReadonlySet<string>;
}

export async function roleTarget(target: Session): Promise<RoleTarget> {
  const { rows } = await target.query<
    RoleTarget['user'] & { flexible: boolean; roles: string; parameters: string }
  >(
    `SELECT rolsuper AS superuser, rolcreatedb AS "createDatabase", rolreplication AS replication, rolbypassrls AS "bypassRls",
       EXISTS (SELECT FROM pg_roles WHERE rolname = 'azure_pg_admin')
         OR current_setting('azure.extensions', true) IS NOT NULL AS flexible,
       (SELECT json_agg(rolname)::text FROM pg_roles) AS roles,
       (SELECT json_agg(lower(name))::text FROM pg_settings) AS parameters
     FROM pg_roles WHERE rolname = current_user`,
  );
  const [row] = rows;
  if (row === undefined) throw new Fault('FF214', 'the user of the target is not in pg_roles');
  const { superuser, createDatabase, replication, bypassRls } = row;
  return {
    versionNum: target.versionNum,
    isFlexibleServer: row.flexible,
    roles: new Set(JSON.parse(row.roles) as string[]),
    user: { superuser, createDatabase, replication, bypassRls },
    parameters: new Set(JSON.parse(row.parameters) as string[]),
  };
}

/**
 * Makes the user of the target a member of roles that own what the run works on, as far as it is none: see
 * Verdict.before in src/ddl/rules/verdict.ts. Gives those that {@link leaveRoles} has to leave at the end; a role that it
 * may not join is left for its statements to say so.
 */
export async function joinRoles(target: Session, roles: Iterable<string>): Promise<string[]> {
  const right = target.versionNum >= 160000 ? 'SET' : 'MEMBER';
  const { rows } = await target.query<{ name: string }>(
    `SELECT rolname AS name FROM pg_roles WHERE rolname = ANY ($1)
       AND NOT (pg_has_role(oid, '${right}') AND pg_has_role(oid, 'USAGE'))`,
    [[...new Set(roles)]],
  );
  const joined: string[] = [];
  for (const { name } of rows) {
    try {
      await target.script(`GRANT ${ident(name)} TO CURRENT_USER`);
      joined.push(name);
    } catch (error) {
      if (!(error instanceof Fault) || endsRun(error)) throw error;
    }
  }
  return joined;
}

export async function leaveRoles(target: Session, joined: readonly string[]): Promise<void> {
  if (joined.length > 0) await target.script(`REVOKE ${joined.map(ident).join(', ')} FROM CURRENT_USER`);
}
