import { classify } from '../../ddl/classify.js';
import { applyRules } from '../../ddl/flexibleServerRules.js';
import { errorCodes } from '../../protocol/errorCodes.js';
import type { Mapping } from '../../protocol/mapping.js';
import { endsRun } from '../errors/endsRun.js';
import { Fault } from '../errors/fault.js';
import { ident, literal } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';
import type { DatabaseContext } from '../run/context.js';

/** Settings whose value is a list of names: each is quoted by itself, as pg_dump does. */
const listSettings = new Set([
  'search_path',
  'temp_tablespaces',
  'session_preload_libraries',
  'local_preload_libraries',
  'unix_socket_directories',
]);

interface Properties {
  readonly comment: string | null;
  readonly settings: readonly string[];
  readonly grants: readonly { grantee: string | null; privilege: string; grantable: boolean }[];
}

/**
 * What belongs to the database itself and stands in no dump without --create: ALTER DATABASE … SET, its comment and
 * its grants. What the target does not accept becomes a finding.
 */
export async function copyDatabaseProperties(
  context: DatabaseContext,
  source: Session,
  target: Session,
  mapping: Pick<Mapping, 'schema'>,
): Promise<void> {
  const { tracker, signal, options } = context;
  const database = ident(target.spec.database);
  const properties = await readProperties(source);
  const statements: { sql: string; object: string }[] = properties.settings.map((setting) => {
    const name = setting.slice(0, setting.indexOf('='));
    return {
      sql: `ALTER DATABASE ${database} SET ${ident(name)} TO ${settingValue(name, setting.slice(name.length + 1), (schema) => mapping.schema(schema).target)}`,
      object: `database setting ${name}`,
    };
  });
  if (properties.comment !== null && options.comments)
    statements.push({
      sql: `COMMENT ON DATABASE ${database} IS ${literal(properties.comment)}`,
      object: 'comment of the database',
    });
  for (const grant of options.grants ? properties.grants : []) {
    const g = {
      ...grant,
      grantee: grant.grantee === null ? null : (options.roles[grant.grantee] ?? grant.grantee),
    };
    if (g.grantee !== null && !context.target.roles.has(g.grantee)) {
      tracker.finding({
        code: 'FF413',
        severity: 'warning',
        object: `grant on the database to ${g.grantee}`,
        message: `The role ${g.grantee} does not exist on the target: ${g.privilege} on the database is not granted to it.`,
        fix: errorCodes.FF413.help,
      });
      continue;
    }
    const to = g.grantee === null ? 'PUBLIC' : ident(g.grantee);
    statements.push({
      sql: `GRANT ${g.privilege} ON DATABASE ${database} TO ${to}${g.grantable ? ' WITH GRANT OPTION' : ''}`,
      object: `grant on the database to ${to}`,
    });
  }
  for (const { sql, object } of statements) {
    // Settings of the source such as a default_transaction_read_only do not belong on the target.
    const { action, finding } = applyRules(
      classify({ text: sql, start: 0, end: sql.length }),
      context.target,
    );
    if (action === 'skip') {
      if (finding) tracker.finding({ ...finding, object });
      continue;
    }
    try {
      await target.script(sql);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Fault) || endsRun(error)) throw error;
      tracker.finding({
        code: 'FF500',
        severity: 'warning',
        object,
        message: `${object}: ${error.message}`,
        fix: errorCodes.FF500.help,
      });
    }
  }
}

async function readProperties(source: Session): Promise<Properties> {
  const { rows } = await source.query<{ comment: string | null; settings: string; grants: string }>(`
    SELECT shobj_description(d.oid, 'pg_database') AS comment,
      coalesce((SELECT to_json(s.setconfig)::text FROM pg_db_role_setting s WHERE s.setdatabase = d.oid AND s.setrole = 0), '[]') AS settings,
      coalesce((SELECT json_agg(json_build_object('grantee', r.rolname, 'privilege', a.privilege_type, 'grantable', a.is_grantable))::text
        FROM aclexplode(d.datacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
        WHERE a.grantee <> d.datdba AND NOT (a.grantee = 0 AND a.privilege_type IN ('CONNECT', 'TEMPORARY'))
          AND (a.grantee = 0 OR r.rolname !~ '^(pg_|azure)')), '[]') AS grants
    FROM pg_database d WHERE d.datname = current_database()`);
  const row = rows[0];
  return {
    comment: row?.comment ?? null,
    settings: JSON.parse(row?.settings ?? '[]') as string[],
    grants: JSON.parse(row?.grants ?? '[]') as Properties['grants'],
  };
}

/** pg_db_role_setting keeps a list as the server printed it, with its own double quotes: each element stays one. */
export function settingValue(
  name: string,
  value: string,
  schemaOn: (source: string) => string = (schema) => schema,
): string {
  if (!listSettings.has(name)) return literal(value);
  const parts = value.match(/"(?:[^"]|"")*"|[^,\s]+/g) ?? [];
  if (parts.length === 0) return `''`;
  const names = parts.map((p) => (p.startsWith('"') ? p.slice(1, -1).replaceAll('""', '"') : p));
  return names.map((n) => literal(name === 'search_path' ? schemaOn(n) : n)).join(', ');
}
