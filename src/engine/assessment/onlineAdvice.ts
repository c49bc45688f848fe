/** What the user can run or set for an online migration, as text. */
import type { TableReplicationFacts } from '../catalog/replicaIdentities.js';
import type { Platform } from '../catalog/replicationFacts.js';
import { ident, literal, qualified } from '../postgres/quote.js';

/** Where the platform lets nobody set the parameter itself, another one stands for it. */
const standIns: Readonly<Partial<Record<Platform, Readonly<Record<string, string>>>>> = {
  rds: { wal_level: 'rds.logical_replication = 1' },
  cloudSql: { wal_level: 'cloudsql.logical_decoding = on' },
};

/** How a parameter that takes a restart gets its value there. */
export function parameterFix(platform: Platform, name: string, value: string | number): string {
  const setting = standIns[platform]?.[name] ?? `${name} = ${value}`;
  switch (platform) {
    case 'flexibleServer':
      return `Set the server parameter ${setting} (portal, or az postgres flexible-server parameter set --name ${name} --value ${value}), then restart the server.`;
    case 'rds':
      return `Set ${setting} in the parameter group of the instance or cluster, then reboot it.`;
    case 'cloudSql':
      return `Set the flag ${setting} of the instance, which restarts it.`;
    default:
      return `ALTER SYSTEM SET ${name} = ${literal(String(value)).trim()}; then restart the server.`;
  }
}

export function replicationFix(platform: Platform, user: string): string {
  return platform === 'rds'
    ? `GRANT rds_replication TO ${ident(user)};`
    : `ALTER ROLE ${ident(user)} REPLICATION;`;
}

/** The statement after which updates and deletes of the table can be followed; undefined where only a key helps. */
export function identityStatement(table: TableReplicationFacts): string | undefined {
  const { fittingIndex: index } = table;
  if (index === undefined && !table.fullIsPossible) return undefined;
  const identity =
    index === undefined ? 'FULL' : index.primary ? 'DEFAULT' : `USING INDEX ${ident(index.name)}`;
  return `ALTER TABLE ${qualified(table)} REPLICA IDENTITY ${identity};`;
}

const mostStatements = 20;

/** The statements of several tables, to be run as they are. */
export function identityFix(tables: readonly TableReplicationFacts[]): string {
  const statements = tables.flatMap((table) => identityStatement(table) ?? []);
  const helpless = tables.length - statements.length;
  const more = statements.length - mostStatements;
  return [
    ...statements.slice(0, mostStatements),
    ...(more > 0 ? [`-- and so on for ${more} more`] : []),
    ...(helpless > 0
      ? [
          '-- Virtual generated columns rule out REPLICA IDENTITY FULL: a primary key, or a unique index over NOT NULL columns, is needed.',
        ]
      : []),
  ].join('\n');
}
