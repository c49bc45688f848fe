/** Settings of the session, the database, a role and the server. */
import { displayName } from '../identifier.js';
import type { Match, Rule } from './rule.js';
import { rangeOfName, type Subject } from './subject.js';

interface Change {
  readonly name: string;
  readonly value: string | undefined;
  readonly location: number | undefined;
}

/** What SET, ALTER DATABASE … SET and ALTER ROLE … SET change; nothing for RESET. */
function changeOf(subject: Subject): Change | undefined {
  const set =
    subject.tree('VariableSetStmt') ??
    subject.tree('AlterDatabaseSetStmt')?.setstmt ??
    subject.tree('AlterRoleSetStmt')?.setstmt ??
    subject.tree('AlterSystemStmt')?.setstmt;
  if (set?.kind !== 'VAR_SET_VALUE') return undefined;
  const [arg] = set.args ?? [];
  const constant = arg !== undefined && 'A_Const' in arg ? arg.A_Const : undefined;
  const value =
    constant?.sval?.sval ??
    (constant?.ival === undefined ? undefined : String(constant.ival.ival ?? 0)) ??
    (constant?.boolval === undefined ? undefined : String(constant.boolval.boolval ?? false));
  return { name: set.name ?? '', value, location: set.location };
}

const isOn = (value: string | undefined): boolean => /^(on|true|yes|1|t|y)$/i.test(value ?? '');

/** Parameters of PGC_SUSET that are met in ALTER DATABASE and ALTER ROLE: guc_tables.c. */
const superuserSettings: ReadonlySet<string> = new Set([
  'allow_in_place_tablespaces',
  'allow_system_table_mods',
  'backtrace_functions',
  'commit_delay',
  'compute_query_id',
  'deadlock_timeout',
  'debug_discard_caches',
  'dynamic_library_path',
  'ignore_checksum_failure',
  'ignore_invalid_pages',
  'jit_debugging_support',
  'jit_dump_bitcode',
  'jit_profiling_support',
  'jit_provider',
  'lc_messages',
  'lo_compat_privileges',
  'log_duration',
  'log_error_verbosity',
  'log_executor_stats',
  'log_lock_waits',
  'log_min_duration_sample',
  'log_min_duration_statement',
  'log_min_error_statement',
  'log_min_messages',
  'log_parameter_max_length',
  'log_parser_stats',
  'log_planner_stats',
  'log_replication_commands',
  'log_statement',
  'log_statement_sample_rate',
  'log_statement_stats',
  'log_temp_files',
  'log_transaction_sample_rate',
  'max_stack_depth',
  'password_encryption',
  'restrict_nonsystem_relation_kind',
  'session_preload_libraries',
  'session_replication_role',
  'temp_file_limit',
  'track_activities',
  'track_cost_delay_timing',
  'track_counts',
  'track_functions',
  'track_io_timing',
  'track_wal_io_timing',
  'update_process_title',
  'wal_compression',
  'wal_consistency_checking',
  'wal_init_zero',
  'wal_recycle',
  'zero_damaged_pages',
]);

/** Could only a superuser set it on plain PostgreSQL? */
export function isSuperuserSetting(name: string): boolean {
  // One with a dot that no loaded library knows is refused, too, since it might turn out to be such a setting.
  return superuserSettings.has(name) || name.includes('.');
}

const timeLimits: ReadonlySet<string> = new Set([
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'lock_timeout',
  'statement_timeout',
  'transaction_timeout',
]);

/** `SET default_tablespace` and the like: by what the classifier knows, as dumps are full of settings. */
function tablespaceSetting({ statement: s }: Subject): Match | undefined {
  return s.kind === 'setting' &&
    (s.details.name === 'default_tablespace' || s.details.name === 'temp_tablespaces') &&
    (s.details.value ?? '') !== ''
    ? { message: `The tablespace of ${s.object} is left out.` }
    : undefined;
}

export const settingRules: readonly Rule[] = [
  {
    code: 'FF407',
    title: 'Default tablespaces',
    explanation: 'There is one storage, which the platform grows.',
    severity: 'note',
    action: 'skip',
    applies: 'flexibleServer',
    kinds: ['setting'],
    match: tablespaceSetting,
  },
  {
    code: 'FF444',
    title: 'default_with_oids',
    explanation: 'The hidden column oid of tables went with PostgreSQL 12.',
    severity: 'note',
    action: 'skip',
    applies: 'everywhere',
    from: 120000,
    kinds: ['setting'],
    match: ({ statement: s }) =>
      s.kind === 'setting' && s.details.name === 'default_with_oids' && isOn(s.details.value)
        ? { message: 'Tables behind this setting are made without a hidden column oid.' }
        : undefined,
  },
  {
    code: 'FF451',
    title: 'Default table access method',
    explanation: 'Only heap is part of PostgreSQL.',
    severity: 'warning',
    action: 'skip',
    applies: 'flexibleServer',
    kinds: ['setting'],
    match: ({ statement: s, target }) => {
      if (s.kind !== 'setting' || s.details.name !== 'default_table_access_method') return undefined;
      const method = s.details.value ?? 'heap';
      if (method === '' || method === 'heap' || target.tableAccessMethods?.has(method) === true)
        return undefined;
      return { message: `The target has no table access method ${displayName(method)}.` };
    },
  },
  {
    code: 'FF442',
    title: 'default_transaction_read_only',
    explanation: 'Every session that begins after it, also those of the migration, could only read.',
    severity: 'warning',
    action: 'skip',
    applies: 'everywhere',
    kinds: ['setting', 'alterDatabaseSet'],
    mentions: /default_transaction_read_only/i,
    match: (subject) => {
      const change = changeOf(subject);
      if (change?.name !== 'default_transaction_read_only' || !isOn(change.value)) return undefined;
      // Of a role that only reads it is meant so.
      if (subject.tree('AlterRoleSetStmt')?.role !== undefined) return undefined;
      return {
        message: 'default_transaction_read_only would be on.',
        place: rangeOfName(subject, 'default_transaction_read_only'),
      };
    },
  },
  {
    code: 'FF440',
    title: 'ALTER SYSTEM',
    explanation: 'The configuration belongs to the platform.',
    severity: 'warning',
    action: 'skip',
    applies: 'flexibleServer',
    kinds: ['other'],
    mentions: /^\s*alter\s+system\b/i,
    match: (subject) => {
      const body = subject.tree('AlterSystemStmt');
      if (body === undefined) return undefined;
      const name = body.setstmt?.name ?? 'all parameters';
      return {
        message: `The server parameter ${name} cannot be changed by SQL.`,
        place: rangeOfName(subject, name, 2),
      };
    },
  },
  {
    code: 'FF441',
    title: 'Settings of databases and roles that are reserved to superusers',
    explanation: 'Which of them the platform opens differs from version to version.',
    severity: 'warning',
    action: 'try',
    applies: 'flexibleServer',
    kinds: ['alterDatabaseSet'],
    match: (subject) => {
      const { statement: s } = subject;
      const name = s.kind === 'alterDatabaseSet' ? (s.details.name ?? '') : '';
      if (!isSuperuserSetting(name)) return undefined;
      return {
        message: `The setting ${name} of ${s.object} may need rights of a superuser.`,
        place: rangeOfName(subject, name),
      };
    },
  },
  {
    code: 'FF453',
    title: 'Time limits of databases and roles',
    explanation: 'They end sessions and statements, also those of tools.',
    severity: 'note',
    action: 'tell',
    applies: 'everywhere',
    kinds: ['alterDatabaseSet'],
    mentions: /timeout/i,
    match: (subject) => {
      const change = changeOf(subject);
      if (change === undefined || !timeLimits.has(change.name) || change.value === '0') return undefined;
      return {
        message: `The ${subject.statement.object} gets ${change.name} = ${change.value ?? '?'}.`,
        place: rangeOfName(subject, change.name),
      };
    },
  },
];
