/** What a user who is no superuser has to do before he may give something to another role. */
import { ident } from '../identifier.js';
import { pseudoRoles } from './platformRoles.js';
import type { Subject } from './subject.js';

const literal = (text: string): string => {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted;
};

/**
 * `ALTER … OWNER TO r` needs membership in r (since PostgreSQL 16 with SET, which CREATEROLE does not bring by itself)
 * and CREATE for r on the schema: https://www.postgresql.org/docs/current/sql-altertable.html. The membership stays,
 * because what follows in the run is about objects of r; the privilege on the schema goes with the statement.
 */
export function aroundOwner(subject: Subject): { before: string; after?: string } | undefined {
  const { statement, target } = subject;
  const role = ownerOf(subject);
  if (role === undefined || pseudoRoles.has(role) || !target.roles.has(role)) return undefined;
  if (target.isSuperuser ?? !target.isFlexibleServer) return undefined;
  const right = target.versionNum >= 160000 ? 'SET' : 'MEMBER';
  const join = `IF NOT pg_catalog.pg_has_role(${literal(role)}, '${right}') THEN GRANT ${ident(role)} TO CURRENT_USER; END IF;`;
  const schema = statement.kind === 'ownerChange' ? schemaOf(subject) : undefined;
  if (schema === undefined) return { before: block(join) };
  const name = literal(schema);
  return {
    before: block(`${join}
  PERFORM pg_catalog.set_config('flexferry.lent', '', true);
  IF NOT pg_catalog.has_schema_privilege(${literal(role)}, ${name}, 'CREATE') THEN
    GRANT CREATE ON SCHEMA ${ident(schema)} TO ${ident(role)};
    PERFORM pg_catalog.set_config('flexferry.lent', 'yes', true);
  END IF;`),
    after: block(`IF pg_catalog.current_setting('flexferry.lent', true) = 'yes' THEN
    REVOKE CREATE ON SCHEMA ${ident(schema)} FROM ${ident(role)};
  END IF;`),
  };
}

/** Names may hold anything, so the quote is one that they do not. */
function block(body: string): string {
  let tag = 'flexferry';
  while (body.includes(`$${tag}$`)) tag += '_';
  return `DO $${tag}$ BEGIN\n  ${body}\nEND $${tag}$;`;
}

function ownerOf(subject: Subject): string | undefined {
  const { statement: s } = subject;
  if (s.kind === 'ownerChange') return s.details.owner;
  if (s.kind === 'createSchema' && /\bauthorization\b/i.test(s.text))
    return subject.tree('CreateSchemaStmt')?.authrole?.rolename;
  return undefined;
}

/** The schema in which the new owner needs CREATE. */
function schemaOf(subject: Subject): string | undefined {
  const relation = subject.statement.relation;
  if (relation !== undefined) return relation.schema === '' ? undefined : relation.schema;
  const object = subject.tree('AlterOwnerStmt')?.object as Record<string, unknown> | undefined;
  const [body] = Object.values(object ?? {}) as (
    | { items?: unknown[]; objname?: unknown[]; names?: unknown[] }
    | undefined
  )[];
  const names = (body?.items ?? body?.objname ?? body?.names ?? []).flatMap((node) => {
    const sval = (node as { String?: { sval?: string } }).String?.sval;
    return sval === undefined ? [] : [sval];
  });
  // Operator classes and families come as (method, schema, name).
  return names.length >= 2 ? names.at(-2) : undefined;
}
