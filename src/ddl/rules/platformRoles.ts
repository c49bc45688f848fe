/** Roles that no user made. */

/** Made by PostgreSQL or by the platform that runs a server: Azure, Amazon RDS and Aurora, Google Cloud SQL and AlloyDB. */
export function isPlatformRole(name: string): boolean {
  return /^(pg_|azure|cloudsql|alloydb|rds(_|admin$|proxyadmin$|repladmin$|topmgr$|writeforwarduser$))/.test(
    name,
  );
}

/** Roles of the platform whose place nobody else can take, so that nothing can be handed to them. */
export function isUnreachableRole(name: string): boolean {
  return name === 'azuresu' || name === 'rdsadmin' || name === 'cloudsqladmin' || name === 'alloydbadmin';
}

/** Predefined roles that a Flexible Server gives to nobody. */
export const notGrantable: ReadonlySet<string> = new Set([
  'pg_write_all_data',
  'pg_read_server_files',
  'pg_write_server_files',
  'pg_execute_server_program',
  'azuresu',
]);

/** Words in place of a role that are no names of roles. */
export const pseudoRoles: ReadonlySet<string> = new Set([
  '',
  'PUBLIC',
  'CURRENT_USER',
  'CURRENT_ROLE',
  'SESSION_USER',
]);
