import { publicationMark } from '../catalog/replicationFacts.js';
import { ident, literal } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';
import { suffixed } from './publicationCatalog.js';

/** Of the messages that {@link makeDdlTrigger} lets the source write. */
export const ddlPrefix = 'flexferry_ddl';

/** Statements of ours in a session with this setting are nobody's DDL. */
export const ownDdlSetting = `SET flexferry.own = 'on'`;

interface Names {
  readonly schema: string;
  /** By the event that each is for. */
  readonly triggers: { readonly ddl_command_end: string; readonly sql_drop: string };
}

const namesOf = (slot: string): Names => ({
  schema: suffixed(slot, '_ddl'),
  triggers: { ddl_command_end: suffixed(slot, '_ddl'), sql_drop: suffixed(slot, '_drop') },
});

const commentOf = (slot: string): string =>
  `${publicationMark}tells DDL to the online migration of replication slot ${slot}. Its clean-up drops it.`;

/** What is there, and whether it was made by this migration. */
interface Found {
  kind: 'event trigger' | 'schema';
  name: string;
  ours: boolean;
}

async function find(source: Session, slot: string): Promise<Found[]> {
  const { schema, triggers } = namesOf(slot);
  const { rows } = await source.query<Found>(
    `SELECT 'event trigger' AS kind, evtname::text AS name,
       coalesce(obj_description(oid, 'pg_event_trigger'), '') = $1 AS ours
     FROM pg_catalog.pg_event_trigger WHERE evtname = ANY ($2::name[])
     UNION ALL SELECT 'schema', nspname::text, coalesce(obj_description(oid, 'pg_namespace'), '') = $1
     FROM pg_catalog.pg_namespace WHERE nspname = $3 ORDER BY 1, 2`,
    [commentOf(slot), Object.values(triggers), schema],
  );
  return rows;
}

/** Both triggers of the slot are there. */
export async function hasDdlTrigger(source: Session, slot: string): Promise<boolean> {
  const found = await find(source, slot);
  return found.filter(({ kind, ours }) => kind === 'event trigger' && ours).length === 2;
}

/** Something of such a name is there that this migration did not make: it is not touched. */
export async function foreignDdlTrigger(source: Session, slot: string): Promise<string | undefined> {
  const foreign = (await find(source, slot)).find(({ ours }) => !ours);
  return foreign && `${foreign.kind} ${foreign.name}`;
}

/**
 * A function in a schema of its own, and two event triggers that call it: DDL of this database writes what it did into
 * the log, in its own transaction. May be repeated. From 14 on, where such messages come with the changes.
 */
export async function makeDdlTrigger(source: Session, slot: string): Promise<void> {
  const { schema, triggers } = namesOf(slot);
  const there = new Set((await find(source, slot)).map(({ kind, name }) => `${kind} ${name}`));
  const comment = literal(commentOf(slot));
  const call = `${ident(schema)}.tell()`;
  const statements = [
    ...(there.has(`schema ${schema}`)
      ? []
      : [`CREATE SCHEMA ${ident(schema)}; COMMENT ON SCHEMA ${ident(schema)} IS ${comment}`]),
    `CREATE OR REPLACE FUNCTION ${call} ${tellBody}`,
    ...Object.entries(triggers)
      .filter(([, name]) => !there.has(`event trigger ${name}`))
      .map(
        ([event, name]) =>
          `CREATE EVENT TRIGGER ${ident(name)} ON ${event} EXECUTE FUNCTION ${call};
           COMMENT ON EVENT TRIGGER ${ident(name)} IS ${comment}`,
      ),
  ];
  await source.script(statements.join(';\n'));
}

/** Drops what {@link makeDdlTrigger} made; gives what that was. None there is fine. */
export async function dropDdlTrigger(source: Session, slot: string): Promise<readonly string[]> {
  const ours = (await find(source, slot)).filter((found) => found.ours);
  if (ours.length === 0) return [];
  await source.script(
    ours
      .map(({ kind, name }) =>
        kind === 'schema'
          ? `DROP FUNCTION IF EXISTS ${ident(name)}.tell(); DROP SCHEMA IF EXISTS ${ident(name)}`
          : `DROP EVENT TRIGGER IF EXISTS ${ident(name)}`,
      )
      .join(';\n'),
  );
  return ours.map(({ kind, name }) => `${kind} ${name}`);
}

/**
 * It runs as whoever runs the DDL, with names of pg_catalog alone, and whatever fails in it is nothing to that DDL. Never
 * the text of the statement, which may hold a secret. Left out: what is temporary, of an extension (CREATE EXTENSION is
 * told), or of a migration; REFRESH, which changes rows alone; of a drop, what goes with something else or is part of
 * an ALTER. In UTF-8, whatever the encoding of the database.
 */
const tellBody = `RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $tell$
DECLARE
  seen record;
BEGIN
  IF current_setting('flexferry.own', true) = 'on' OR tg_tag = 'REFRESH MATERIALIZED VIEW' THEN RETURN; END IF;
  IF tg_event = 'sql_drop' AND tg_tag !~ '^DROP' THEN RETURN; END IF;
  FOR seen IN EXECUTE CASE tg_event
    WHEN 'sql_drop' THEN
      'SELECT $1 AS command_tag, object_type, schema_name, object_identity FROM pg_event_trigger_dropped_objects()
       WHERE original AND NOT is_temporary'
    ELSE
      'SELECT command_tag, object_type, schema_name, object_identity FROM pg_event_trigger_ddl_commands()
       WHERE NOT in_extension'
    END USING tg_tag
  LOOP
    CONTINUE WHEN seen.schema_name ~ '^(pg_temp|pg_toast)' OR seen.object_identity ~ '(^| )pg_temp[.]'
      OR seen.schema_name = 'flexferry' OR seen.object_identity ~ '(^flexferry$|\\mflexferry_[0-9a-f]{12})';
    PERFORM pg_logical_emit_message(true, '${ddlPrefix}', convert_to(json_build_object(
      'command', seen.command_tag, 'type', seen.object_type, 'schema', seen.schema_name, 'object', seen.object_identity,
      'at', floor(extract(epoch FROM clock_timestamp()) * 1000))::text, 'UTF8'));
  END LOOP;
EXCEPTION WHEN OTHERS THEN
  NULL;
END
$tell$`;
