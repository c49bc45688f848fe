import type { Major } from './distribution.js';

/**
 * What makes a plain PostgreSQL behave as a Flexible Server, as SQL for its superuser azuresu. Native privileges do
 * most of it (the admin is no superuser); event triggers add Azure's rules for extensions. They are made members of
 * plpgsql and kept in pg_catalog, so that no dump and no list of a database's objects shows them.
 */
export function roleSetup(major: Major, user: string, password: string): string {
  const memberOf = ['pg_monitor', 'pg_signal_backend'];
  if (major >= 15) memberOf.push('pg_checkpoint');
  if (major >= 16) memberOf.push('pg_create_subscription');
  // BYPASSRLS can be had, and passed on, only from 16: older servers leave it to superusers.
  const bypass = major >= 16 ? 'BYPASSRLS' : 'NOBYPASSRLS';
  return `
    CREATE ROLE azure_pg_admin NOLOGIN;
    GRANT ${memberOf.join(', ')} TO azure_pg_admin;
    CREATE ROLE ${user} LOGIN NOSUPERUSER INHERIT CREATEDB CREATEROLE NOREPLICATION ${bypass} PASSWORD '${password}';
    GRANT azure_pg_admin TO ${user};
    GRANT ALL ON DATABASE postgres TO azure_pg_admin;
    ${major >= 15 ? 'GRANT SET ON PARAMETER session_replication_role TO azure_pg_admin;' : ''}
    ALTER DATABASE template0 ALLOW_CONNECTIONS true;`;
}

/** After {@link databaseSetup} ran in template0, template1 and postgres. The databases are Microsoft's own. */
export const serviceDatabases: readonly string[] = ['azure_maintenance', 'azure_sys'].flatMap((name) => [
  `CREATE DATABASE ${name}`,
  `REVOKE ALL ON DATABASE ${name} FROM PUBLIC`,
]);

export const closeTemplate0 = 'ALTER DATABASE template0 ALLOW_CONNECTIONS false';

/** Run in template0, template1 and postgres, so that every database has it, whatever template it is made from. */
export function databaseSetup(): string {
  return `
    SET allow_system_table_mods = on;
    ALTER SCHEMA public OWNER TO azure_pg_admin;
    ${md5Disabled}
    ${allowList}
    ${wrapperGrants}
    ${guardBefore}
    ${guardAfter}
    CREATE EVENT TRIGGER azure_guard_before ON ddl_command_start
      WHEN TAG IN ('CREATE EXTENSION', 'ALTER EXTENSION', 'DROP EXTENSION', 'COMMENT')
      EXECUTE FUNCTION pg_catalog.azure_guard_before();
    CREATE EVENT TRIGGER azure_guard_after ON ddl_command_end
      WHEN TAG IN ('CREATE EXTENSION', 'COMMENT')
      EXECUTE FUNCTION pg_catalog.azure_guard_after();
    ALTER EXTENSION plpgsql ADD FUNCTION pg_catalog.azure_extension_listed(text);
    ALTER EXTENSION plpgsql ADD FUNCTION pg_catalog.azure_grant_wrappers();
    ALTER EXTENSION plpgsql ADD FUNCTION pg_catalog.azure_guard_before();
    ALTER EXTENSION plpgsql ADD FUNCTION pg_catalog.azure_guard_after();
    ALTER EXTENSION plpgsql ADD EVENT TRIGGER azure_guard_before;
    ALTER EXTENSION plpgsql ADD EVENT TRIGGER azure_guard_after;
    RESET allow_system_table_mods;`;
}

/** FIPS switches md5() off there; recorded as an initial privilege, so that pg_dump does not see a change. */
const md5Disabled = `
  REVOKE EXECUTE ON FUNCTION pg_catalog.md5(text), pg_catalog.md5(bytea) FROM PUBLIC;
  INSERT INTO pg_init_privs
    SELECT oid, 'pg_proc'::regclass, 0, 'i', proacl FROM pg_proc
     WHERE proname = 'md5' AND pronamespace = 'pg_catalog'::regnamespace;`;

/**
 * Reads the server's files: azure.extensions is a placeholder here, which a session can set for itself. Only a
 * superuser may, hence SECURITY DEFINER.
 */
const allowList = `
  CREATE FUNCTION pg_catalog.azure_extension_listed(extension text) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $listed$
    SELECT extension = 'plpgsql' OR coalesce(
      (SELECT lower(extension) = ANY (regexp_split_to_array(lower(setting), '\\s*,\\s*'))
         FROM pg_catalog.pg_file_settings WHERE name = 'azure.extensions' ORDER BY seqno DESC LIMIT 1), false)
  $listed$;`;

/** An extension's foreign-data wrapper belongs to azuresu; the admin may use it all the same. */
const wrapperGrants = `
  CREATE FUNCTION pg_catalog.azure_grant_wrappers() RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $wrappers$
  DECLARE
    wrapper name;
  BEGIN
    FOR wrapper IN SELECT fdwname FROM pg_foreign_data_wrapper LOOP
      EXECUTE format('GRANT USAGE ON FOREIGN DATA WRAPPER %I TO azure_pg_admin', wrapper);
    END LOOP;
  END $wrappers$;`;

const refuseUnlisted = `
  RAISE EXCEPTION 'extension "%" is not allow-listed for "azure_pg_admin" users in Azure Database for PostgreSQL', unlisted
    USING ERRCODE = 'feature_not_supported',
          HINT = 'to see the full allow list of extensions, please run: "show azure.extensions;"';`;

/** Reads the names out of the text: the refusal comes before the extension's files are looked for, as on Azure. */
const guardBefore = `
  CREATE FUNCTION pg_catalog.azure_guard_before() RETURNS event_trigger
  LANGUAGE plpgsql SET search_path = pg_catalog AS $guard$
  DECLARE
    unlisted text;
    commented text;
  BEGIN
    IF current_setting('is_superuser')::boolean THEN RETURN; END IF;
    IF tg_tag = 'COMMENT' THEN
      commented := substring(current_query() from '(?i)comment\\s+on\\s+extension\\s+"?([^"\\s]+)');
      IF commented IS NOT NULL THEN
        RAISE EXCEPTION 'must be owner of extension %', commented USING ERRCODE = 'insufficient_privilege';
      END IF;
      RETURN;
    END IF;
    IF NOT pg_has_role('azure_pg_admin', 'member') THEN
      RAISE EXCEPTION 'Only members of "azure_pg_admin" are allowed to use %', tg_tag
        USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT match[1] INTO unlisted FROM regexp_matches(current_query(),
      '(?:create|alter|drop)\\s+extension\\s+(?:if\\s+(?:not\\s+)?exists\\s+)?"?([^"\\s;,]+)', 'gi') match
     WHERE NOT azure_extension_listed(match[1]) LIMIT 1;
    IF unlisted IS NOT NULL THEN ${refuseUnlisted} END IF;
    IF tg_tag = 'ALTER EXTENSION' AND current_query() ~* 'alter\\s+extension\\s+\\S+\\s+set\\s+schema' THEN
      RAISE EXCEPTION 'SET SCHEMA clause for ALTER EXTENSION is not supported.'
        USING ERRCODE = 'feature_not_supported';
    END IF;
  END $guard$;`;

/** Catches what the text did not show: CASCADE, and statements built inside functions and DO blocks. */
const guardAfter = `
  CREATE FUNCTION pg_catalog.azure_guard_after() RETURNS event_trigger
  LANGUAGE plpgsql SET search_path = pg_catalog AS $guard$
  DECLARE
    unlisted text;
    commented text;
  BEGIN
    IF current_setting('is_superuser')::boolean THEN RETURN; END IF;
    SELECT object_identity INTO commented FROM pg_event_trigger_ddl_commands()
     WHERE command_tag = 'COMMENT' AND object_type = 'extension';
    IF FOUND THEN
      RAISE EXCEPTION 'must be owner of extension %', commented USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT extname INTO unlisted FROM pg_extension
     WHERE (xmin::text = (txid_current() % 4294967296)::text
            OR oid IN (SELECT objid FROM pg_event_trigger_ddl_commands() WHERE object_type = 'extension'))
       AND NOT azure_extension_listed(extname) LIMIT 1;
    IF unlisted IS NOT NULL THEN ${refuseUnlisted} END IF;
    IF tg_tag = 'CREATE EXTENSION' THEN PERFORM azure_grant_wrappers(); END IF;
  END $guard$;`;
