import type { Session } from '../postgres/session.js';

/**
 * Extensions that the given schemas need: installed in one of them, or depended on by an object in one of them, and
 * what these require in turn. pg_dump leaves extensions out when schemas are chosen. What a function body only
 * mentions is not recorded by PostgreSQL and not found. `plpgsql` is everywhere and left out.
 */
export async function extensionsOf(session: Session, schemas: readonly string[]): Promise<readonly string[]> {
  const { rows } = await session.query<{ name: string }>(
    `WITH RECURSIVE chosen AS (
       SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ANY ($1::text[])
     ), member AS (
       SELECT classid, objid, refobjid AS extension FROM pg_catalog.pg_depend
       WHERE deptype = 'e' AND refclassid = 'pg_catalog.pg_extension'::regclass
     ), object(classid, objid) AS (
       SELECT 'pg_catalog.pg_class'::regclass::oid, oid FROM pg_catalog.pg_class WHERE relnamespace IN (SELECT oid FROM chosen)
       UNION ALL SELECT 'pg_catalog.pg_proc'::regclass, oid FROM pg_catalog.pg_proc WHERE pronamespace IN (SELECT oid FROM chosen)
       UNION ALL SELECT 'pg_catalog.pg_type'::regclass, oid FROM pg_catalog.pg_type WHERE typnamespace IN (SELECT oid FROM chosen)
       UNION ALL SELECT 'pg_catalog.pg_operator'::regclass, oid FROM pg_catalog.pg_operator WHERE oprnamespace IN (SELECT oid FROM chosen)
       UNION ALL SELECT 'pg_catalog.pg_ts_config'::regclass, oid FROM pg_catalog.pg_ts_config WHERE cfgnamespace IN (SELECT oid FROM chosen)
       UNION ALL SELECT 'pg_catalog.pg_ts_dict'::regclass, oid FROM pg_catalog.pg_ts_dict WHERE dictnamespace IN (SELECT oid FROM chosen)
       UNION ALL SELECT 'pg_catalog.pg_constraint'::regclass, oid FROM pg_catalog.pg_constraint WHERE connamespace IN (SELECT oid FROM chosen)
       UNION ALL SELECT 'pg_catalog.pg_attrdef'::regclass, d.oid FROM pg_catalog.pg_attrdef d
         JOIN pg_catalog.pg_class c ON c.oid = d.adrelid WHERE c.relnamespace IN (SELECT oid FROM chosen)
       UNION ALL SELECT 'pg_catalog.pg_trigger'::regclass, t.oid FROM pg_catalog.pg_trigger t
         JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace IN (SELECT oid FROM chosen)
       UNION ALL SELECT 'pg_catalog.pg_rewrite'::regclass, r.oid FROM pg_catalog.pg_rewrite r
         JOIN pg_catalog.pg_class c ON c.oid = r.ev_class WHERE c.relnamespace IN (SELECT oid FROM chosen)
       UNION ALL SELECT 'pg_catalog.pg_policy'::regclass, p.oid FROM pg_catalog.pg_policy p
         JOIN pg_catalog.pg_class c ON c.oid = p.polrelid WHERE c.relnamespace IN (SELECT oid FROM chosen)
     ), needed(oid) AS (
       SELECT oid FROM pg_catalog.pg_extension WHERE extnamespace IN (SELECT oid FROM chosen)
       UNION
       SELECT m.extension FROM object o
         JOIN pg_catalog.pg_depend d ON d.classid = o.classid AND d.objid = o.objid
         JOIN member m ON m.classid = d.refclassid AND m.objid = d.refobjid
       UNION
       SELECT d.refobjid FROM needed n JOIN pg_catalog.pg_depend d
         ON d.classid = 'pg_catalog.pg_extension'::regclass AND d.objid = n.oid
        AND d.refclassid = 'pg_catalog.pg_extension'::regclass
     )
     SELECT DISTINCT e.extname::text AS name FROM needed n JOIN pg_catalog.pg_extension e ON e.oid = n.oid
     WHERE e.extname <> 'plpgsql' ORDER BY 1`,
    [schemas],
  );
  return rows.map((row) => row.name);
}
