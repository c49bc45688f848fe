import type { Session } from '../postgres/session.js';

/** What a fence of the source database would come to, for this user and now. Nothing is changed. */
export interface FenceFacts {
  /** May change the settings of the database. */
  readonly isOwner: boolean;
  /** Roles that log in with a setting of their own that lets them write, which this user may not change. */
  readonly untouchableRoles: readonly string[];
  /** Sessions that would be ended, or that have to end by themselves where there is no fence. */
  readonly sessions: number;
  /** Sessions that this user may not end, by role. */
  readonly unendable: readonly {
    readonly role: string;
    readonly isSuperuser: boolean;
    readonly count: number;
  }[];
  /** Prepared transactions: they can be committed in spite of a fence. */
  readonly prepared: number;
  /** Subscriptions that bring changes into the source: they write in spite of a fence. */
  readonly subscriptions: readonly string[];
}

/**
 * Sessions of others in this database, as `a` with `r` for their role: not walsenders, which only read, nor those of a
 * migration. The type is NULL where this user may not see it; background workers have types of their own.
 */
export const otherSessions = `pg_catalog.pg_stat_activity a JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid
  WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()
    AND coalesce(a.backend_type, 'client backend') = 'client backend'
    AND NOT (a.application_name LIKE 'flexferry %' AND a.usename = current_user)
    AND a.pid NOT IN (SELECT w.pid FROM pg_catalog.pg_stat_replication w WHERE w.pid IS NOT NULL)`;

/** As pg_terminate_backend decides. https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SIGNAL */
export const mayEnd = `((SELECT me.rolsuper FROM pg_catalog.pg_roles me WHERE me.rolname = current_user)
  OR NOT r.rolsuper AND (pg_catalog.pg_has_role(r.oid, 'USAGE') OR pg_catalog.pg_has_role('pg_signal_backend', 'USAGE')))`;

/** What the fence sets. */
export const fenceSetting = 'default_transaction_read_only';

/** A setting out of pg_db_role_setting.setconfig, NULL where it is not in it. */
const settingIn = (config: string): string =>
  `(SELECT pg_catalog.substr(c, ${fenceSetting.length + 2}) FROM pg_catalog.unnest(${config}) c
    WHERE pg_catalog.lower(c) LIKE '${fenceSetting.replaceAll('_', '\\_')}=%')`;

export interface RoleSetting {
  readonly role: string;
  /** Of the role in this database; null where it has none there. */
  readonly former: string | null;
  readonly mayChange: boolean;
}

/** The setting of the database itself, and the roles whose own setting would win over it and lets them write. */
export async function writeSettings(
  session: Session,
): Promise<{ readonly former: string | null; readonly roles: readonly RoleSetting[] }> {
  const here = '(SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())';
  const own = await session.query<{ former: string | null }>(
    `SELECT ${settingIn('s.setconfig')} AS former FROM pg_catalog.pg_db_role_setting s
     WHERE s.setdatabase = ${here} AND s.setrole = 0`,
  );
  // From 16 on who has CREATEROLE changes only the roles that it administers.
  const administers =
    session.versionNum >= 160000 ? `AND pg_catalog.pg_has_role(r.oid, 'USAGE WITH ADMIN OPTION')` : '';
  // Role in database, then role, then database: https://www.postgresql.org/docs/current/config-setting.html
  const { rows } = await session.query<{ role: string; former: string | null; may: boolean }>(
    `SELECT r.rolname AS role, s.here AS former,
       me.rolsuper OR r.oid = me.oid OR NOT r.rolsuper AND me.rolcreaterole ${administers} AS may
     FROM pg_catalog.pg_roles r JOIN pg_catalog.pg_roles me ON me.rolname = current_user,
     LATERAL (SELECT
       (SELECT ${settingIn('x.setconfig')} FROM pg_catalog.pg_db_role_setting x WHERE x.setrole = r.oid AND x.setdatabase = ${here}) AS here,
       (SELECT ${settingIn('x.setconfig')} FROM pg_catalog.pg_db_role_setting x WHERE x.setrole = r.oid AND x.setdatabase = 0) AS anywhere) s
     WHERE r.rolcanlogin AND NOT coalesce(s.here, s.anywhere)::pg_catalog.bool ORDER BY 1`,
  );
  return {
    former: own.rows[0]?.former ?? null,
    roles: rows.map(({ role, former, may }) => ({ role, former, mayChange: may })),
  };
}

/** Names of the subscriptions of this database that are at work. */
async function subscriptionsAtWork(session: Session): Promise<string[]> {
  const { rows } = await session.query<{ name: string }>(
    `SELECT DISTINCT s.subname AS name FROM pg_catalog.pg_stat_subscription s
     JOIN pg_catalog.pg_stat_activity a ON a.pid = s.pid WHERE a.datname = pg_catalog.current_database() ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

export async function preparedTransactions(session: Session): Promise<number> {
  const { rows } = await session.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database()',
  );
  return rows[0]?.n ?? 0;
}

export async function fenceFacts(session: Session): Promise<FenceFacts> {
  const owner = await session.query<{ owns: boolean }>(
    `SELECT me.rolsuper OR pg_catalog.pg_has_role(d.datdba, 'USAGE') AS owns
     FROM pg_catalog.pg_database d, pg_catalog.pg_roles me
     WHERE d.datname = pg_catalog.current_database() AND me.rolname = current_user`,
  );
  const { roles } = await writeSettings(session);
  const sessions = await session.query<{ role: string; super: boolean; may: boolean; n: number }>(
    `SELECT r.rolname AS role, r.rolsuper AS super, ${mayEnd} AS may, count(*)::int AS n
     FROM ${otherSessions} GROUP BY r.rolname, r.rolsuper, r.oid ORDER BY 1`,
  );
  return {
    isOwner: owner.rows[0]?.owns ?? false,
    untouchableRoles: roles.filter(({ mayChange }) => !mayChange).map(({ role }) => role),
    sessions: sessions.rows.filter(({ may }) => may).reduce((sum, { n }) => sum + n, 0),
    unendable: sessions.rows
      .filter(({ may }) => !may)
      .map(({ role, super: isSuperuser, n }) => ({ role, isSuperuser, count: n })),
    prepared: await preparedTransactions(session),
    subscriptions: await subscriptionsAtWork(session),
  };
}

/** Whether this user may fence the source database at all. */
export function canFence({ isOwner, untouchableRoles }: FenceFacts): boolean {
  return isOwner && untouchableRoles.length === 0;
}
