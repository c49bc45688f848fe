/**
 * The settings that every session pins, so that dumps, copies and comparisons are byte-exact whatever the server, the
 * database or the role sets. A setting that the server does not have is left out by the query itself.
 */
const pinned: Readonly<Record<string, string>> = {
  datestyle: 'ISO',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  extra_float_digits: '3',
  bytea_output: 'hex',
  xmloption: 'content',
  array_nulls: 'on',
  quote_all_identifiers: 'off',
  standard_conforming_strings: 'on',
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  transaction_timeout: '0', // 17
  idle_session_timeout: '0', // 14
  // Not what the database says: two sessions of ours write to the same rows.
  default_transaction_isolation: 'read committed',
  // An error instead of silently fewer rows where row-level security applies.
  row_security: 'off',
  // A scan that begins in the middle would give rows in another order each time.
  synchronize_seqscans: 'off',
  search_path: '',
};

/** The server ends our backend soon after our death instead of finishing a long statement. 14, not on every platform. */
const deathWatch = { client_connection_check_interval: '5s' };

export interface SessionStart {
  readonly versionNum: number;
  readonly backendPid: number;
  readonly inRecovery: boolean;
  readonly readOnly: boolean;
}

/** One message, one round trip; the last result counts: pins everything and answers with {@link SessionStart} as text columns. */
export function pinQuery(withDeathWatch: boolean): string {
  const settings = { ...pinned, ...(withDeathWatch && deathWatch) };
  const rows = Object.entries(settings).map(([name, value]) => `('${name}', '${value}')`);
  // SQL_ASCII means bytes of unknown encoding: they are passed on as they are, in and out.
  rows.push(
    `('client_encoding', CASE pg_catalog.current_setting('server_encoding') WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END)`,
  );
  // First of all, or the role's own limit would count for the query that lifts it.
  return `SET statement_timeout = 0;
SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4 AS version,
  pg_catalog.pg_backend_pid() AS pid, pg_catalog.pg_is_in_recovery() AS recovery,
  pg_catalog.current_setting('transaction_read_only') OPERATOR(pg_catalog.=) 'on' AS readonly,
  (SELECT pg_catalog.count(pg_catalog.set_config(s.name, v.value, false))
     FROM (VALUES ${rows.join(', ')}) AS v(name, value)
     JOIN pg_catalog.pg_settings s ON pg_catalog.lower(s.name) OPERATOR(pg_catalog.=) v.name) AS pinned`;
}

export interface SessionStartRow {
  readonly version: number;
  readonly pid: number;
  readonly recovery: boolean;
  readonly readonly: boolean;
}
