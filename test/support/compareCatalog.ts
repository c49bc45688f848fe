import type { Major } from './postgres/embedded.js';

/**
 * What two databases must have in common, as queries over PostgreSQL's own catalogs that know nothing of the engine:
 * each gives rows of an object (`k`) and everything about it (`v`). What differs between majors by itself is left out
 * or written alike here, nowhere else.
 */
export interface Aspect {
  readonly name: string;
  sql(major: Major): string;
  /** Where the two servers print the same thing differently. */
  readonly normalize?: (text: string) => string;
}

const user = `n.nspname NOT IN ('pg_catalog', 'information_schema', 'flexferry') AND n.nspname !~ '^pg_(toast|temp)'`;
const own = (catalog: string, oid: string): string =>
  `NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = '${catalog}'::regclass AND x.objid = ${oid} AND x.deptype = 'e')`;
const relation = `pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND ${user} AND ${own('pg_class', 'c.oid')}`;
const relationName = `format('%I.%I', n.nspname, c.relname)`;
const since = (major: Major, from: number, sql: string, otherwise: string): string =>
  major >= from ? sql : otherwise;
/** Privileges of others than the owner, who differs (--no-owner); MAINTAIN comes with ALL from 17 on. */
const acl = (column: string, owner: string, kind: string): string =>
  `(SELECT string_agg(coalesce(g.rolname, 'PUBLIC') || ':' || a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END, ' ' ORDER BY g.rolname, a.privilege_type, a.is_grantable)
    FROM (SELECT DISTINCT grantee, privilege_type, is_grantable FROM aclexplode(coalesce(${column}, acldefault('${kind}', ${owner})))) a
    LEFT JOIN pg_roles g ON g.oid = a.grantee
    WHERE a.grantee <> ${owner} AND a.privilege_type <> 'MAINTAIN' AND coalesce(g.rolname, '') !~ '^(azure|flexadmin)')`;
const comment = (oid: string, catalog: string): string => `obj_description(${oid}, '${catalog}')`;

const relations: Aspect = {
  name: 'relation',
  sql: (major) => `
    SELECT ${relationName} AS k, concat_ws(' | ', c.relkind, c.relpersistence, c.relreplident, c.relrowsecurity, c.relforcerowsecurity,
      c.relispartition, c.relispopulated, pg_get_expr(c.relpartbound, c.oid), pg_get_partkeydef(c.oid), c.reloptions::text,
      (SELECT t.reloptions::text FROM pg_class t WHERE t.oid = c.reltoastrelid), c.reloftype::regtype, ${comment('c.oid', 'pg_class')},
      (SELECT string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = c.oid),
      ${since(major, 12, `(SELECT amname FROM pg_am WHERE oid = c.relam AND c.relkind IN ('r', 'm'))`, `CASE WHEN c.relkind IN ('r', 'm') THEN 'heap' END`)}) AS v
    FROM ${relation} AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')`,
};

const columns: Aspect = {
  name: 'column',
  // The type name has a collation from 12 on, which nobody chose.
  sql: (major) => `
    SELECT ${relationName} || '.' || a.attname AS k, concat_ws(' | ', row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum),
      format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, ${since(major, 12, 'a.attgenerated', `''`)},
      pg_get_expr(d.adbin, d.adrelid), (SELECT collname FROM pg_collation o WHERE o.oid = a.attcollation AND a.atttypid NOT IN ('name'::regtype, 'name[]'::regtype)), a.attstorage,
      nullif(a.attstattarget, -1), ${since(major, 14, 'a.attcompression', `''`)},
      (SELECT string_agg(o, ',') FROM unnest(a.attoptions) o WHERE o !~ '^pg_attver='), a.attfdwoptions, a.attislocal, a.attinhcount,
      col_description(c.oid, a.attnum), ${acl('a.attacl', 'c.relowner', 'c')}) AS v
    FROM ${relation} AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum`,
  // Bits as older majors write them in a DEFAULT.
  normalize: (text) => text.replace(/\bB'([01]*)'/g, "'$1'"),
};

const constraints: Aspect = {
  name: 'constraint',
  // 18 keeps NOT NULL among them; it is compared as a property of the column.
  sql: () => `
    SELECT coalesce(nullif(k.conrelid, 0)::regclass::text, k.contypid::regtype::text) || ' ' || k.conname AS k,
      concat_ws(' | ', k.contype, pg_get_constraintdef(k.oid), k.convalidated, k.condeferrable, k.condeferred, k.conislocal,
        k.coninhcount, nullif(k.conindid, 0)::regclass, ${comment('k.oid', 'pg_constraint')}) AS v
    FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace AND ${user} AND ${own('pg_constraint', 'k.oid')}
    WHERE k.contype <> 'n'`,
};

const indexes: Aspect = {
  name: 'index',
  sql: () => `
    SELECT ${relationName} AS k, concat_ws(' | ', pg_get_indexdef(c.oid), i.indisvalid, i.indisready, i.indislive, i.indisprimary, i.indisunique,
      i.indisclustered, i.indisreplident, i.indisexclusion, i.indimmediate, ${comment('c.oid', 'pg_class')},
      (SELECT inhparent::regclass FROM pg_inherits WHERE inhrelid = c.oid),
      (SELECT string_agg(a.attnum || ':' || a.attstattarget, ',') FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attstattarget >= 0)) AS v
    FROM ${relation} JOIN pg_index i ON i.indexrelid = c.oid`,
};

const triggers: Aspect = {
  name: 'trigger',
  sql: (major) => `
    SELECT t.tgrelid::regclass || ' ' || t.tgname AS k,
      concat_ws(' | ', replace(pg_get_triggerdef(t.oid), 'EXECUTE PROCEDURE', 'EXECUTE FUNCTION'), t.tgenabled, ${comment('t.oid', 'pg_trigger')}) AS v
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace AND ${user}
    WHERE NOT t.tgisinternal ${since(major, 13, 'AND t.tgparentid = 0', '')}`,
};

const rules: Aspect = {
  name: 'rule',
  sql: () => `
    SELECT r.ev_class::regclass || ' ' || r.rulename AS k, concat_ws(' | ', pg_get_ruledef(r.oid), r.ev_enabled, ${comment('r.oid', 'pg_rewrite')}) AS v
    FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace AND ${user}
    WHERE r.rulename <> '_RETURN'`,
  normalize: (text) => text.toLowerCase().replace(/\s+/g, ' '),
};

const policies: Aspect = {
  name: 'policy',
  sql: () => `
    SELECT p.polrelid::regclass || ' ' || p.polname AS k, concat_ws(' | ', p.polcmd, p.polpermissive,
      (SELECT string_agg(coalesce(r.rolname, 'PUBLIC'), ',' ORDER BY r.rolname) FROM unnest(p.polroles) o LEFT JOIN pg_roles r ON r.oid = o),
      pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid), ${comment('p.oid', 'pg_policy')}) AS v FROM pg_policy p`,
};

const functions: Aspect = {
  name: 'function',
  sql: (major) => `
    SELECT p.oid::regprocedure::text AS k, concat_ws(' | ', regexp_replace(pg_get_function_arguments(p.oid), '^IN ', ''),
      CASE WHEN a.aggfnoid IS NULL THEN replace(pg_get_functiondef(p.oid), '(IN ', '(')
        ELSE concat_ws(' ', a.aggkind, a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggtranstype::regtype, a.agginitval, a.aggsortop) END,
      ${comment('p.oid', 'pg_proc')}, ${acl('p.proacl', 'p.proowner', 'f')}) AS v
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace AND ${user} AND ${own('pg_proc', 'p.oid')} LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid
    WHERE ${since(major, 14, `NOT EXISTS (SELECT FROM pg_depend x WHERE x.objid = p.oid AND x.classid = 'pg_proc'::regclass AND x.deptype = 'i' AND x.refclassid = 'pg_type'::regclass)`, `NOT EXISTS (SELECT FROM pg_depend x WHERE x.objid = p.oid AND x.classid = 'pg_proc'::regclass AND x.deptype = 'i')`)}`,
};

const types: Aspect = {
  name: 'type',
  sql: () => `
    SELECT format('%I.%I', n.nspname, t.typname) AS k, concat_ws(' | ', t.typtype,
      (SELECT string_agg(quote_literal(e.enumlabel), ',' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
      CASE WHEN t.typtype = 'd' THEN concat_ws(' ', format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typdefault,
        (SELECT collname FROM pg_collation o WHERE o.oid = t.typcollation)) END,
      (SELECT concat_ws(' ', r.rngsubtype::regtype, r.rngsubdiff, r.rngcanonical,
        (SELECT opcname FROM pg_opclass o WHERE o.oid = r.rngsubopc)) FROM pg_range r WHERE r.rngtypid = t.oid),
      ${comment('t.oid', 'pg_type')}, ${acl('t.typacl', 't.typowner', 'T')}) AS v
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace AND ${user} AND ${own('pg_type', 't.oid')}
    WHERE t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c')`,
};

const sequences: Aspect = {
  name: 'sequence',
  sql: () => `
    SELECT ${relationName} AS k, concat_ws(' | ', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle,
      (SELECT string_agg(d.deptype::text || ' ' || d.refobjid::regclass || '.' || a.attname, ',') FROM pg_depend d
         JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i'))) AS v
    FROM ${relation} JOIN pg_sequence s ON s.seqrelid = c.oid`,
};

const grants: Aspect = {
  name: 'grant',
  // The schema public has the owner and the privileges that the server gave it.
  sql: () => `
    SELECT ${relationName} AS k, ${acl('c.relacl', 'c.relowner', 'r')} AS v FROM ${relation} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    UNION ALL SELECT ${relationName}, ${acl('c.relacl', 'c.relowner', 's')} FROM ${relation} AND c.relkind = 'S'
    UNION ALL SELECT 'schema ' || n.nspname, concat_ws(' | ', ${comment('n.oid', 'pg_namespace')}, ${acl('n.nspacl', 'n.nspowner', 'n')})
      FROM pg_namespace n WHERE ${user} AND n.nspname <> 'public'
    UNION ALL SELECT 'default ' || coalesce(n.nspname, '') || ' ' || d.defaclobjtype::text || ' ' || pg_get_userbyid(d.defaclrole), ${acl('d.defaclacl', 'd.defaclrole', 'r')}
      FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace`,
};

const others: Aspect = {
  name: 'object',
  sql: (major) => `
    SELECT 'extension ' || e.extname AS k, e.extnamespace::regnamespace::text AS v FROM pg_extension e
    UNION ALL SELECT 'large object ' || m.oid, concat_ws(' | ', md5(lo_get(m.oid)), octet_length(lo_get(m.oid)), ${comment('m.oid', 'pg_largeobject')}, ${acl('m.lomacl', 'm.lomowner', 'L')})
      FROM pg_largeobject_metadata m
    UNION ALL SELECT 'statistics ' || s.stxname, concat_ws(' | ', pg_get_statisticsobjdef(s.oid), ${since(major, 13, `nullif(s.stxstattarget, -1)`, 'NULL')}, ${comment('s.oid', 'pg_statistic_ext')}) FROM pg_statistic_ext s
    UNION ALL SELECT 'operator ' || o.oid::regoperator, concat_ws(' | ', o.oprcode, o.oprcom::regoperator, o.oprnegate::regoperator, o.oprrest, o.oprjoin, ${comment('o.oid', 'pg_operator')})
      FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace AND ${user} AND ${own('pg_operator', 'o.oid')}
    UNION ALL SELECT 'configuration ' || t.oid::regconfig, concat_ws(' | ', ${comment('t.oid', 'pg_ts_config')},
        (SELECT string_agg(m.maptokentype || ':' || m.mapdict::regdictionary, ',' ORDER BY m.maptokentype, m.mapseqno) FROM pg_ts_config_map m WHERE m.mapcfg = t.oid))
      FROM pg_ts_config t JOIN pg_namespace n ON n.oid = t.cfgnamespace AND ${user} AND ${own('pg_ts_config', 't.oid')}
    UNION ALL SELECT 'dictionary ' || t.oid::regdictionary, t.dictinitoption
      FROM pg_ts_dict t JOIN pg_namespace n ON n.oid = t.dictnamespace AND ${user} AND ${own('pg_ts_dict', 't.oid')}
    UNION ALL SELECT 'collation ' || format('%I.%I', n.nspname, o.collname), concat_ws(' ', o.collprovider, o.collencoding, CASE WHEN o.collprovider <> 'i' THEN o.collctype END, ${since(major, 12, 'o.collisdeterministic', 'true')},
        ${since(major, 17, 'coalesce(o.colllocale, o.collcollate)', since(major, 15, 'coalesce(o.colliculocale, o.collcollate)', 'o.collcollate'))})
      FROM pg_collation o JOIN pg_namespace n ON n.oid = o.collnamespace AND ${user} AND ${own('pg_collation', 'o.oid')}
    UNION ALL SELECT 'cast ' || k.castsource::regtype || ' ' || k.casttarget::regtype, concat_ws(' ', k.castfunc::regprocedure, k.castcontext, k.castmethod)
      FROM pg_cast k WHERE k.oid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_cast'::regclass AND x.objid = k.oid AND x.deptype IN ('e', 'i'))
    UNION ALL SELECT 'foreign server ' || s.srvname, concat_ws(' ', s.srvtype, s.srvversion, s.srvoptions) FROM pg_foreign_server s
    UNION ALL SELECT 'foreign table ' || f.ftrelid::regclass, f.ftoptions::text FROM pg_foreign_table f
    UNION ALL SELECT 'setting ' || split_part(u, '=', 1), u FROM pg_db_role_setting s, unnest(s.setconfig) u
      WHERE s.setrole = 0 AND s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION ALL SELECT 'database', concat_ws(' | ', pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, shobj_description(d.oid, 'pg_database'), ${acl('d.datacl', 'd.datdba', 'd')})
      FROM pg_database d WHERE d.datname = current_database()`,
};

export const aspects: readonly Aspect[] = [
  relations,
  columns,
  constraints,
  indexes,
  triggers,
  rules,
  policies,
  functions,
  types,
  sequences,
  grants,
  others,
];

/** Views and materialized views with their queries. */
export const viewQueries = `SELECT ${relationName} AS name, pg_get_viewdef(c.oid) AS definition
  FROM ${relation} AND c.relkind IN ('v', 'm') ORDER BY 1`;

/** Relations that hold rows themselves and sequences, with what to select: floats as bits, generated columns too. */
export const rowQueries = `
  SELECT ${relationName} AS name, c.relkind AS kind, CASE c.relkind WHEN 'S' THEN 'last_value, is_called' ELSE
    (SELECT string_agg(CASE WHEN a.atttypid IN ('float4'::regtype, 'float8'::regtype)
       THEN format('CASE WHEN %1$I = ''NaN'' THEN ''NaN'' ELSE float8send(%1$I)::text END', a.attname) ELSE format('%I', a.attname) END, ', ' ORDER BY a.attnum)
     FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) END AS list
  FROM ${relation} AND (c.relkind IN ('r', 'S') OR c.relkind = 'm' AND c.relispopulated) ORDER BY 1`;
