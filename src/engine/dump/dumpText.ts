/**
 * What has to be done to pg_dump's text before it is SQL for any server. Nothing here may touch what stands inside of
 * a function body or a literal.
 */

/** Comments and empty lines, then psql's `\restrict <key>`. */
const restrictLine = /^(?:--[^\n]*\n|[ \t]*\n)*\\restrict ([A-Za-z0-9]+)\n/;

/**
 * Removes exactly pg_dump's `\restrict K` and `\unrestrict K`, commands of psql that no SQL parser accepts. K is a
 * random key made for this dump, so nothing in the database can look like them; versions without it are left alone.
 */
export function removeRestrict(sql: string): string {
  const found = restrictLine.exec(sql);
  const key = found?.[1];
  if (found === null || key === undefined) return sql;
  const first = `\\restrict ${key}\n`;
  const head = sql.slice(0, found[0].length - first.length);
  const tail = sql.slice(found[0].length);
  const last = `\n\\unrestrict ${key}\n`;
  const at = tail.lastIndexOf(last);
  return head + (at < 0 ? tail : tail.slice(0, at + 1) + tail.slice(at + last.length));
}

/** As pg_dump writes column options: one statement, one line. */
const columnOptions =
  /^(ALTER (?:FOREIGN )?TABLE (?:ONLY )?.+ ALTER COLUMN .+ SET \()(.*\bpg_attver=\d+.*)\);\n/gm;

/**
 * Server minors of late 2026 keep `pg_attver=<n>` among the column options; a native pg_dump that does not know it
 * writes it out, and other servers reject it. The built-in one is never told (frontendFilter.ts).
 */
export function removeAttver(sql: string): string {
  if (!sql.includes('pg_attver=')) return sql;
  return sql.replace(columnOptions, (_line, head: string, list: string) => {
    const kept = list.split(', ').filter((option) => !/^pg_attver=\d+$/.test(option));
    return kept.length === 0 ? '' : `${head}${kept.join(', ')});\n`;
  });
}

const createExtension = /^CREATE EXTENSION IF NOT EXISTS .+ WITH SCHEMA (.+);$/gm;

/**
 * With schemas filtered, an extension may belong into a schema that is not part of the dump. It is created first, as
 * the extension cannot exist without it.
 */
export function addExtensionSchemas(sql: string): string {
  const created = new Set(['pg_catalog', 'public']);
  for (const [, schema] of sql.matchAll(/^CREATE SCHEMA (.+);$/gm)) if (schema) created.add(schema);
  return sql.replace(createExtension, (statement, schema: string) => {
    if (created.has(schema)) return statement;
    created.add(schema);
    return `CREATE SCHEMA IF NOT EXISTS ${schema};\n\n${statement}`;
  });
}

/**
 * A pattern of pg_dump's -n, -N and --extension that matches exactly this name, whatever is in it: between double
 * quotes nothing but the quote itself has a meaning.
 */
export function exactPattern(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
