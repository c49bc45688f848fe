import { systemSchemas } from './filter.js';

/** One dependency of an object, over all its columns. */
export interface SourceRow {
  /**
   * `relation`: the table or view `on_oid` itself; `composite` and `function` are `oid`; all else is a part of `on_oid`.
   */
  readonly kind:
    | 'relation'
    | 'composite'
    | 'function'
    | 'rule'
    | 'policy'
    | 'trigger'
    | 'default'
    | 'constraint'
    | 'foreign key'
    | 'index';
  readonly oid: string;
  readonly name: string;
  readonly on_oid: string | null;
  readonly ref_class: 'class' | 'proc' | 'type' | 'constraint' | 'other';
  readonly ref_oid: string;
  /** Of what `other` is a member. */
  readonly extension: string | null;
}

/**
 * Dependencies on relations, functions, types, and whatever belongs to an extension. Those on what initdb made, and of
 * parts on their own relation alone, are left out in SQL, where they are many.
 */
export const dependencySources = `
  WITH ext AS (
    SELECT d.classid, d.objid, e.extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass AND e.oid >= 16384),
  refs AS (
    SELECT DISTINCT d.classid, d.objid,
      CASE d.refclassid WHEN 'pg_class'::regclass THEN 'class' WHEN 'pg_proc'::regclass THEN 'proc'
        WHEN 'pg_type'::regclass THEN 'type' WHEN 'pg_constraint'::regclass THEN 'constraint' ELSE 'other' END AS ref_class,
      d.refobjid::text AS ref_oid, x.extname AS extension
    FROM pg_depend d LEFT JOIN ext x ON x.classid = d.refclassid AND x.objid = d.refobjid
    WHERE d.refobjid >= 16384 AND d.deptype <> 'e'
      AND d.classid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_rewrite'::regclass, 'pg_policy'::regclass,
                        'pg_trigger'::regclass, 'pg_attrdef'::regclass, 'pg_constraint'::regclass)
      AND (d.refclassid IN ('pg_proc'::regclass, 'pg_type'::regclass)
        OR d.refclassid = 'pg_class'::regclass AND (d.deptype = 'n' AND d.classid = 'pg_attrdef'::regclass
          OR d.classid IN ('pg_proc'::regclass, 'pg_rewrite'::regclass, 'pg_policy'::regclass, 'pg_trigger'::regclass))
        OR d.refclassid = 'pg_constraint'::regclass AND d.classid = 'pg_rewrite'::regclass
        OR x.extname IS NOT NULL AND d.refclassid <> 'pg_class'::regclass))
  SELECT CASE c.relkind WHEN 'c' THEN 'composite' WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' ELSE 'relation' END AS kind,
    c.oid::text, c.relname AS name, coalesce(i.indrelid, c.oid)::text AS on_oid, r.ref_class, r.ref_oid, r.extension
  FROM refs r JOIN pg_class c ON r.classid = 'pg_class'::regclass AND c.oid = r.objid AND c.relkind IN ('r','p','f','v','m','c','i','I')
    LEFT JOIN pg_index i ON i.indexrelid = c.oid
  UNION ALL SELECT 'function', r.objid::text, '', NULL, r.ref_class, r.ref_oid, r.extension
  FROM refs r WHERE r.classid = 'pg_proc'::regclass
  UNION ALL SELECT CASE w.rulename WHEN '_RETURN' THEN 'relation' ELSE 'rule' END,
    CASE w.rulename WHEN '_RETURN' THEN w.ev_class ELSE w.oid END::text, w.rulename, w.ev_class::text,
    r.ref_class, r.ref_oid, r.extension
  FROM refs r JOIN pg_rewrite w ON r.classid = 'pg_rewrite'::regclass AND w.oid = r.objid
  UNION ALL SELECT 'policy', p.oid::text, p.polname, p.polrelid::text, r.ref_class, r.ref_oid, r.extension
  FROM refs r JOIN pg_policy p ON r.classid = 'pg_policy'::regclass AND p.oid = r.objid
  UNION ALL SELECT 'trigger', t.oid::text, t.tgname, t.tgrelid::text, r.ref_class, r.ref_oid, r.extension
  FROM refs r JOIN pg_trigger t ON r.classid = 'pg_trigger'::regclass AND t.oid = r.objid AND NOT t.tgisinternal
  UNION ALL SELECT 'default', f.oid::text, a.attname, f.adrelid::text, r.ref_class, r.ref_oid, r.extension
  FROM refs r JOIN pg_attrdef f ON r.classid = 'pg_attrdef'::regclass AND f.oid = r.objid
    JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
  UNION ALL SELECT CASE k.contype WHEN 'f' THEN 'foreign key' ELSE 'constraint' END, k.oid::text, k.conname, k.conrelid::text,
    r.ref_class, r.ref_oid, r.extension
  FROM refs r JOIN pg_constraint k ON r.classid = 'pg_constraint'::regclass AND k.oid = r.objid AND k.conrelid <> 0
  ORDER BY 1, 4, 3, 2, 5, 6`;

export interface ReferenceRow {
  readonly name: string;
  readonly schema: string;
  readonly relation: string;
  readonly needs_schema: string;
  readonly needs: string;
  readonly index_schema: string | null;
  readonly index: string | null;
}

/** Foreign keys as declared: those that partitions inherit, or that a partitioned table's partitions are owed, come with them. */
export function foreignKeySql(versionNum: number): string {
  const declared = versionNum >= 110000 ? 'k.conparentid = 0' : 'true';
  return `
    SELECT k.conname AS name, n.nspname AS schema, c.relname AS relation, fn.nspname AS needs_schema, f.relname AS needs,
      xn.nspname AS index_schema, x.relname AS index
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
    LEFT JOIN pg_class x ON x.oid = k.conindid LEFT JOIN pg_namespace xn ON xn.oid = x.relnamespace
    WHERE k.contype = 'f' AND ${declared} AND ${systemSchemas}
    ORDER BY 2, 3, 1`;
}

export interface InheritanceRow {
  readonly schema: string;
  readonly name: string;
  readonly is_partition: boolean;
  readonly needs_schema: string;
  readonly needs: string;
}

export const inheritanceSql = `
  SELECT n.nspname AS schema, c.relname AS name, c.relispartition AS is_partition, pn.nspname AS needs_schema, p.relname AS needs
  FROM pg_inherits h
  JOIN pg_class c ON c.oid = h.inhrelid AND c.relkind IN ('r', 'p', 'f') JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class p ON p.oid = h.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace
  WHERE ${systemSchemas} ORDER BY 1, 2, 4, 5`;
