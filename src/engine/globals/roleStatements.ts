/** The text of the statements of globals.sql. */
import type { RoleSetting } from '../catalog/roles.js';
import { ident, literal } from '../postgres/quote.js';

/** GUC_LIST_QUOTE in guc_tables.c: their value is a list of names, each of which is quoted by itself. */
const listSettings: ReadonlySet<string> = new Set([
  'local_preload_libraries',
  'search_path',
  'session_preload_libraries',
  'temp_tablespaces',
]);

/** The elements of a list as pg_db_role_setting keeps it: names in double quotes where they need some. */
function listElements(value: string): string[] {
  return [...value.matchAll(/"((?:[^"]|"")*)"|[^,\s]+/g)].map(([all, quoted]) =>
    quoted === undefined ? all : quoted.replaceAll('""', '"'),
  );
}

export interface Naming {
  /** The name of a role on the target. */
  role(name: string): string;
  /** The name of a schema on the target; without a database: in all of them. */
  schema(name: string, database: string | undefined): string;
  /** The name of a database on the target. */
  database(name: string): string;
}

/** `ALTER ROLE r [IN DATABASE d] SET name TO value` */
export function alterRoleSet(role: string, setting: RoleSetting, naming: Naming): string {
  const { database, name, value } = setting;
  const where = database === null ? '' : ` IN DATABASE ${ident(naming.database(database))}`;
  // Names of settings with a dot are two identifiers.
  const parameter = name.split('.').map(ident).join('.');
  return `ALTER ROLE ${ident(role)}${where} SET ${parameter} TO ${settingValue(setting, naming, value)};`;
}

function settingValue({ name, database }: RoleSetting, naming: Naming, value: string): string {
  if (name === 'role') return literal(naming.role(value));
  if (!listSettings.has(name)) return literal(value);
  const elements = listElements(value).map((element) =>
    name === 'search_path' ? naming.schema(element, database ?? undefined) : element,
  );
  return elements.length === 0 ? "''" : elements.map((element) => literal(element).trim()).join(', ');
}

export function commentOnRole(role: string, comment: string): string {
  return `COMMENT ON ROLE ${ident(role)} IS ${literal(comment).trim()};`;
}

/** The attributes that differ from what CREATE ROLE gives by itself. */
export function createRole(role: string, attributes: readonly string[]): string {
  return `CREATE ROLE ${[ident(role), ...attributes].join(' ')};`;
}

export function grantRole(role: string, member: string, options: readonly string[]): string {
  const suffix = options.length === 0 ? '' : ` WITH ${options.join(', ')}`;
  return `GRANT ${ident(role)} TO ${ident(member)}${suffix};`;
}
