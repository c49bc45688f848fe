import type { TargetFacts } from '../../ddl/rules/verdict.js';
import type { Session } from '../postgres/session.js';

/** What only some rules ask of a target; one round trip. Absent: the user may not see it. Rejects with a Fault. */
export type MoreTargetFacts = Pick<
  TargetFacts,
  'isSuperuser' | 'bypassesRowSecurity' | 'preloadLibraries' | 'collations' | 'tableAccessMethods'
>;

export async function moreTargetFacts(target: Session): Promise<MoreTargetFacts> {
  // pg_am tells tables from indexes since 9.6, and tables have one since 12.
  const { rows } = await target.query<{
    superuser: boolean;
    bypasses: boolean;
    preload: string | null;
    collations: string;
    methods: string;
  }>(`SELECT rolsuper AS superuser, rolsuper OR rolbypassrls AS bypasses,
        (SELECT setting FROM pg_settings WHERE name = 'shared_preload_libraries') AS preload,
        (SELECT json_agg(DISTINCT collname)::text FROM pg_collation WHERE collnamespace = 'pg_catalog'::regnamespace) AS collations,
        (SELECT coalesce(json_agg(amname), '[]')::text FROM pg_am WHERE amtype = 't') AS methods
      FROM pg_roles WHERE rolname = current_user`);
  const [row] = rows;
  if (row === undefined) return {};
  return {
    isSuperuser: row.superuser,
    bypassesRowSecurity: row.bypasses,
    ...(row.preload !== null && {
      preloadLibraries: new Set(
        row.preload
          .split(/[\s,]+/)
          .map((name) => name.replaceAll('"', ''))
          .filter(Boolean),
      ),
    }),
    collations: new Set(JSON.parse(row.collations) as string[]),
    tableAccessMethods: new Set([...(JSON.parse(row.methods) as string[]), 'heap']),
  };
}
