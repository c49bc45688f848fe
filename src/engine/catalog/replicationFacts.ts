import type { Session } from '../postgres/session.js';
import { notOfExtension, systemSchemas } from './filter.js';

/** Whose server it is, as its roles show: each has its own way to set a parameter. */
export type Platform = 'plain' | 'flexibleServer' | 'rds' | 'cloudSql';

/** Of something that a server has a fixed number of. */
export interface Room {
  readonly max: number;
  readonly used: number;
}

/** A transaction that is open for long. Never with the text of its query. */
export interface OpenTransaction {
  readonly pid: number;
  readonly seconds: number;
  readonly application: string;
  readonly database: string;
  /** Has an xid: a slot is not made before it ends. */
  readonly wrote: boolean;
}

/** What a server and a database of it have for changes to be followed from there. Plain data. */
export interface ReplicationFacts {
  readonly versionNum: number;
  readonly platform: Platform;
  /** A standby: slots from 16 on, publications never. */
  readonly inRecovery: boolean;
  readonly walLevel: string;
  readonly slots: Room;
  readonly senders: Room;
  readonly maxWorkerProcesses: number;
  readonly user: {
    readonly name: string;
    readonly superuser: boolean;
    /** By attribute, or by membership in the role that stands for it. */
    readonly mayReplicate: boolean;
    /** CREATE on the database, which publications and schemas need. */
    readonly mayCreate: boolean;
  };
  /** max_slot_wal_keep_size (13); undefined without a limit. */
  readonly slotKeepBytes?: number;
  /** idle_replication_slot_timeout (18); undefined without one. */
  readonly idleSlotTimeoutMs?: number;
  /** wal_sender_timeout; undefined without one. */
  readonly walSenderTimeoutMs?: number;
  /** logical_decoding_work_mem (13). */
  readonly decodingWorkMemBytes?: number;
  /** Transactions that are prepared and not ended, in this database and in others. */
  readonly prepared: { readonly here: number; readonly elsewhere: number; readonly oldestSeconds: number };
  /** Oldest first, at most twenty. Only those whose age the user may see (pg_monitor shows all). */
  readonly longTransactions: readonly OpenTransaction[];
  readonly slotNames: readonly string[];
  /** Of this database. */
  readonly publications: readonly string[];
  readonly largeObjects: number;
  readonly sequences: number;
  /** Since when tables are counted in statistics, milliseconds since the epoch; undefined: since ever. */
  readonly statisticsSince?: number;
}

/** Begins the comment of every publication that a migration makes. */
export const publicationMark = 'Flexferry: ';

/** Where the attribute REPLICATION is reserved to the platform, membership in a role gives the right. */
const replicationRoles = ['rds_replication'] as const;

interface FactsRow {
  platform: Platform;
  recovery: boolean;
  settings: string;
  slots: string;
  senders: number;
  name: string;
  superuser: boolean;
  may_replicate: boolean;
  may_create: boolean;
  prepared: string;
  publications: string;
  large_objects: number;
  sequences: number;
  since: string | null;
}

/** Of any server from 10 on, in two round trips; a transaction is long after `longSeconds`. Rejects with a Fault. */
export async function readReplicationFacts(session: Session, longSeconds = 60): Promise<ReplicationFacts> {
  const { rows } = await session.query<FactsRow>(factsQuery);
  const [row] = rows;
  if (row === undefined) throw new Error('no row of a user');
  const settings = settingValues(row.settings);
  const number = (name: string): number => settings.get(name) ?? 0;
  const positive = (name: string): number | undefined => {
    const value = settings.get(name);
    return value === undefined || value <= 0 ? undefined : value;
  };
  const slotNames = JSON.parse(row.slots) as string[];
  const optional = {
    slotKeepBytes: keepBytes(settings.get('max_slot_wal_keep_size')),
    idleSlotTimeoutMs: positive('idle_replication_slot_timeout'),
    walSenderTimeoutMs: positive('wal_sender_timeout'),
    decodingWorkMemBytes: positive('logical_decoding_work_mem'),
    statisticsSince: row.since === null ? undefined : Number(row.since),
  };
  const known = Object.entries(optional).filter(([, value]) => value !== undefined);
  return {
    versionNum: session.versionNum,
    platform: row.platform,
    inRecovery: row.recovery,
    walLevel: (JSON.parse(row.settings) as SettingRow[]).find(([name]) => name === 'wal_level')?.[1] ?? '',
    slots: { max: number('max_replication_slots'), used: slotNames.length },
    senders: { max: number('max_wal_senders'), used: row.senders },
    maxWorkerProcesses: number('max_worker_processes'),
    user: {
      name: row.name,
      superuser: row.superuser,
      mayReplicate: row.may_replicate,
      mayCreate: row.may_create,
    },
    prepared: JSON.parse(row.prepared) as ReplicationFacts['prepared'],
    longTransactions: await longTransactions(session, longSeconds),
    slotNames,
    publications: JSON.parse(row.publications) as string[],
    largeObjects: row.large_objects,
    sequences: row.sequences,
    ...(Object.fromEntries(known) as { [Key in keyof typeof optional]?: number }),
  };
}

const settingNames = [
  'wal_level',
  'max_replication_slots',
  'max_wal_senders',
  'max_worker_processes',
  'max_slot_wal_keep_size',
  'idle_replication_slot_timeout',
  'wal_sender_timeout',
  'logical_decoding_work_mem',
] as const;

const hasRole = (name: string): string => `EXISTS (SELECT FROM pg_roles WHERE rolname = '${name}')`;

/** pg_stat_replication hides what senders do from other users, not that they are there. */
const factsQuery = `
  SELECT CASE WHEN ${hasRole('azure_pg_admin')} THEN 'flexibleServer' WHEN ${hasRole('rds_superuser')} THEN 'rds'
              WHEN ${hasRole('cloudsqlsuperuser')} THEN 'cloudSql' ELSE 'plain' END AS platform,
    pg_is_in_recovery() AS recovery,
    (SELECT json_agg(json_build_array(name, setting, coalesce(unit, '')))::text FROM pg_settings
      WHERE name IN (${settingNames.map((name) => `'${name}'`).join(', ')})) AS settings,
    (SELECT coalesce(json_agg(slot_name ORDER BY slot_name), '[]')::text FROM pg_replication_slots) AS slots,
    (SELECT count(*)::int FROM pg_stat_replication) AS senders,
    r.rolname AS name, r.rolsuper AS superuser,
    r.rolsuper OR r.rolreplication OR EXISTS (SELECT FROM pg_roles m
      WHERE m.rolname IN (${replicationRoles.map((name) => `'${name}'`).join(', ')})
        AND pg_has_role(m.oid, 'MEMBER')) AS may_replicate,
    has_database_privilege(current_database(), 'CREATE') AS may_create,
    (SELECT json_build_object('here', count(*) FILTER (WHERE p.database = current_database()),
       'elsewhere', count(*) FILTER (WHERE p.database <> current_database()),
       'oldestSeconds', coalesce(floor(extract(epoch FROM clock_timestamp() - min(p.prepared))), 0))::text
     FROM pg_prepared_xacts p) AS prepared,
    (SELECT coalesce(json_agg(pubname ORDER BY pubname), '[]')::text FROM pg_publication) AS publications,
    (SELECT count(*)::int FROM pg_largeobject_metadata) AS large_objects,
    (SELECT count(*)::int FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'S' AND ${systemSchemas} AND ${notOfExtension('pg_class', 'c.oid')}) AS sequences,
    (SELECT (extract(epoch FROM stats_reset) * 1000)::bigint::text FROM pg_stat_database
      WHERE datname = current_database()) AS since
  FROM pg_roles r WHERE r.rolname = current_user`;

type SettingRow = [name: string, setting: string, unit: string];

/** Bytes and milliseconds. https://www.postgresql.org/docs/current/config-setting.html#CONFIG-SETTING-NAMES-VALUES */
const units: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1024,
  '8kB': 8192,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
  ms: 1,
  s: 1000,
  min: 60_000,
};

function settingValues(settings: string): Map<string, number> {
  const rows = JSON.parse(settings) as SettingRow[];
  return new Map(
    rows.map(([name, setting, unit]) => {
      const value = Number(setting);
      return [name, value < 0 ? value : value * (units[unit] ?? 1)];
    }),
  );
}

/** -1 is no limit, and 0 is one. */
function keepBytes(value: number | undefined): number | undefined {
  return value === undefined || value < 0 ? undefined : value;
}

async function longTransactions(session: Session, longSeconds: number): Promise<OpenTransaction[]> {
  const { rows } = await session.query<OpenTransaction>(`
    SELECT a.pid, floor(extract(epoch FROM clock_timestamp() - a.xact_start))::int AS seconds,
      coalesce(a.application_name, '') AS application, coalesce(a.datname, '') AS database,
      a.backend_xid IS NOT NULL AS wrote
    FROM pg_stat_activity a
    WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
      AND a.xact_start < clock_timestamp() - interval '${longSeconds} seconds'
    ORDER BY a.xact_start LIMIT 20`);
  return rows;
}

/**
 * Whether the user may keep triggers and foreign keys from firing for its own changes. Tried, since a Flexible Server
 * allows it to users whom no catalog shows to have the right.
 */
export async function canSetReplicaRole(session: Session): Promise<boolean> {
  await session.query('BEGIN');
  try {
    await session.query('SET LOCAL session_replication_role = replica');
    return true;
  } catch (error) {
    if (session.closed) throw error;
    return false;
  } finally {
    if (!session.closed) await session.query('ROLLBACK');
  }
}
