import type { FollowRequest, FollowSnapshot, FollowState } from '../../protocol/follow.js';
import type { RelationName } from '../../protocol/model.js';
import { formatLsn, type Lsn, lsnFromServer } from '../postgres/lsn.js';
import { literal } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';

/**
 * What the target keeps of an online migration, beside the checkpoints of the base copy (checkpoint.ts), in the same
 * schema. `source` is the identity of the source database, as in flexferry.run.
 *
 * - follow: one row a source: slot, state, and what the run last said of itself.
 * - lane: how far each connection of the apply has got; written in the transaction of the changes themselves.
 * - followed: the tables, with the position from which each takes changes, and why one is stopped.
 * - parked: the changes of stopped tables, in their order.
 * - request: what the run is asked to do from elsewhere.
 */
export const followDdl = `
CREATE TABLE flexferry.follow (
  source text PRIMARY KEY, slot text NOT NULL, publications text[] NOT NULL, system_id text, timeline int,
  start_lsn pg_lsn, lanes int NOT NULL, state text NOT NULL DEFAULT 'copying', said json, said_at timestamptz,
  cutover json, undo json, owns_slot boolean NOT NULL DEFAULT true, way_back boolean NOT NULL DEFAULT false);
CREATE TABLE flexferry.lane (
  source text, lane int, applied pg_lsn NOT NULL, PRIMARY KEY (source, lane)) WITH (fillfactor = 10);
CREATE TABLE flexferry.followed (
  source text, oid oid, schema text NOT NULL, name text NOT NULL, since pg_lsn NOT NULL, columns json,
  relations json, fault json, stopped_at timestamptz, ddl text, PRIMARY KEY (source, oid));
CREATE TABLE flexferry.parked (
  source text, oid oid, position bigint GENERATED ALWAYS AS IDENTITY, commit_lsn pg_lsn NOT NULL, change text NOT NULL,
  PRIMARY KEY (source, oid, position));
CREATE TABLE flexferry.request (
  source text, position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, request json NOT NULL,
  at timestamptz NOT NULL DEFAULT now())`;

/** Everything that {@link followDdl} makes, to be dropped. */
export const followTables = ['request', 'parked', 'followed', 'lane', 'follow'] as const;

export interface FollowRow {
  readonly source: string;
  readonly slot: string;
  readonly publications: readonly string[];
  /** Of the source, once the slot is there. */
  readonly systemId?: string;
  readonly timeline?: number;
  /** Consistent point of the slot; undefined until it is made. */
  readonly startLsn?: Lsn;
  /** Connections of the apply: fixed, because each keeps its own position. */
  readonly lanes: number;
  readonly state: FollowState;
  /** Slot and publications were made by the migration, and go with it. */
  readonly ownsSlot: boolean;
  /** The followed "source" is the target of the migration. */
  readonly wayBack: boolean;
  /** Steps of a cutover that was begun: as the cutover wrote it. */
  readonly cutover?: unknown;
  /** What has to be put back on the source (fence, replica identities): as its owners wrote it. */
  readonly undo?: unknown;
  readonly said?: FollowSnapshot;
  /** Milliseconds since the epoch. */
  readonly saidAt?: number;
}

interface RawRow {
  source: string;
  slot: string;
  publications: string;
  system_id: string | null;
  timeline: number | null;
  start_lsn: string | null;
  lanes: number;
  state: FollowState;
  owns_slot: boolean;
  way_back: boolean;
  cutover: string | null;
  undo: string | null;
  said: string | null;
  said_ms: string | null;
}

/** True where the tables of {@link followDdl} are there. */
export async function hasFollowTables(target: Session): Promise<boolean> {
  const { rows } = await target.query<{ there: boolean }>(
    `SELECT pg_catalog.to_regclass('flexferry.follow') IS NOT NULL AS there`,
  );
  return rows[0]?.there ?? false;
}

/** All that is followed into this target. */
export async function readFollows(target: Session): Promise<FollowRow[]> {
  if (!(await hasFollowTables(target))) return [];
  const { rows } = await target.query<RawRow>(
    `SELECT source, slot, pg_catalog.to_json(publications)::text AS publications, system_id, timeline,
       start_lsn::text, lanes, state, owns_slot, way_back, cutover::text, undo::text, said::text,
       (extract(epoch FROM said_at) * 1000)::bigint::text AS said_ms
     FROM flexferry.follow ORDER BY source`,
  );
  return rows.map(followRow);
}

export async function readFollow(target: Session, source: string): Promise<FollowRow | undefined> {
  return (await readFollows(target)).find((row) => row.source === source);
}

function followRow(row: RawRow): FollowRow {
  return {
    source: row.source,
    slot: row.slot,
    publications: JSON.parse(row.publications) as string[],
    ...(row.system_id !== null && { systemId: row.system_id }),
    ...(row.timeline !== null && { timeline: row.timeline }),
    ...(row.start_lsn !== null && { startLsn: lsnFromServer(row.start_lsn) }),
    lanes: row.lanes,
    state: row.state,
    ownsSlot: row.owns_slot,
    wayBack: row.way_back,
    ...(row.cutover !== null && { cutover: JSON.parse(row.cutover) as unknown }),
    ...(row.undo !== null && { undo: JSON.parse(row.undo) as unknown }),
    ...(row.said !== null && { said: JSON.parse(row.said) as FollowSnapshot }),
    ...(row.said_ms !== null && { saidAt: Number(row.said_ms) }),
  };
}

/** Applications belong to the target. What was cancelled is finished, too, but was never handed over. */
export const isHandedOver = ({ state, said }: FollowRow): boolean =>
  state === 'handedOver' ||
  state === 'wayBack' ||
  (state === 'finished' &&
    said?.cutover?.steps.some(({ step, state: done }) => step === 'handOver' && done === 'done') === true);

/** A new row; the tables are made if they are not there yet. The schema is (createRun). */
export async function createFollow(
  target: Session,
  row: Pick<FollowRow, 'source' | 'slot' | 'publications' | 'lanes' | 'ownsSlot' | 'wayBack'>,
): Promise<void> {
  const publications = row.publications.map(literal).join(', ');
  const tables = (await hasFollowTables(target)) ? '' : `${followDdl};`;
  await target.script(`${tables}
    INSERT INTO flexferry.follow (source, slot, publications, lanes, owns_slot, way_back)
    VALUES (${literal(row.source)}, ${literal(row.slot)}, ARRAY[${publications}]::text[], ${row.lanes}, ${row.ownsSlot}, ${row.wayBack})`);
}

/** Once the slot is there: from where on changes come, and of which server. All lanes begin there. */
export async function noteSlot(
  target: Session,
  source: string,
  slot: { readonly systemId: string; readonly timeline: number; readonly startLsn: Lsn },
): Promise<void> {
  const start = literal(formatLsn(slot.startLsn));
  await target.script(`
    UPDATE flexferry.follow SET system_id = ${literal(slot.systemId)}, timeline = ${slot.timeline}, start_lsn = ${start}
      WHERE source = ${literal(source)};
    DELETE FROM flexferry.lane WHERE source = ${literal(source)};
    INSERT INTO flexferry.lane SELECT source, n, ${start} FROM flexferry.follow, generate_series(0, lanes - 1) n
      WHERE source = ${literal(source)}`);
}

/** All of them, for START_REPLICATION. */
export async function notePublications(
  target: Session,
  source: string,
  names: readonly string[],
): Promise<void> {
  await target.query('UPDATE flexferry.follow SET publications = $2::text[] WHERE source = $1', [
    source,
    [...names],
  ]);
}

/** `cutover` and `undo` are kept where they are undefined, and forgotten where they are null. */
export async function noteState(
  target: Session,
  source: string,
  change: { readonly state?: FollowState; readonly cutover?: unknown; readonly undo?: unknown },
): Promise<void> {
  const json = (value: unknown): string => (value === null ? 'NULL' : literal(JSON.stringify(value)));
  const set = [
    ...(change.state === undefined ? [] : [`state = ${literal(change.state)}`]),
    ...(change.cutover === undefined ? [] : [`cutover = ${json(change.cutover)}`]),
    ...(change.undo === undefined ? [] : [`undo = ${json(change.undo)}`]),
  ];
  if (set.length === 0) return;
  await target.script(`UPDATE flexferry.follow SET ${set.join(', ')} WHERE source = ${literal(source)}`);
}

/** One part of `undo`, by the name of who has to put something back; null takes it out. */
export async function noteUndo(
  target: Session,
  source: string,
  part: string,
  value: object | null,
): Promise<void> {
  await target.query(
    `UPDATE flexferry.follow SET undo = nullif(CASE WHEN $3::text IS NULL THEN coalesce(undo::jsonb, '{}') - $2::text
       ELSE coalesce(undo::jsonb, '{}') || jsonb_build_object($2::text, $3::jsonb) END, '{}')::json WHERE source = $1`,
    [source, part, value === null ? null : JSON.stringify(value)],
  );
}

/** What {@link noteUndo} wrote. */
export function undoOf(row: FollowRow, part: string): unknown {
  return (row.undo as Readonly<Record<string, unknown>> | undefined)?.[part];
}

/** What `flexferry status` reads while the run goes on. */
export async function noteSaid(target: Session, source: string, said: FollowSnapshot): Promise<void> {
  // The next run follows again.
  const { ended: _, ...kept } = said;
  await target.query('UPDATE flexferry.follow SET said = $2::json, said_at = now() WHERE source = $1', [
    source,
    JSON.stringify(kept),
  ]);
}

/** How far each lane has got. */
export async function readLanes(target: Session, source: string): Promise<Lsn[]> {
  const { rows } = await target.query<{ applied: string }>(
    'SELECT applied::text FROM flexferry.lane WHERE source = $1 ORDER BY lane',
    [source],
  );
  return rows.map((row) => lsnFromServer(row.applied));
}

/** For the run that follows `source` into this target. */
export async function writeRequest(target: Session, source: string, request: FollowRequest): Promise<void> {
  await target.query('INSERT INTO flexferry.request (source, request) VALUES ($1, $2::json)', [
    source,
    JSON.stringify(request),
  ]);
}

/** The requests that no run has taken yet, oldest first; they stay. */
export async function waitingRequests(target: Session, source: string): Promise<FollowRequest[]> {
  const { rows } = await target.query<{ request: string }>(
    'SELECT request::text FROM flexferry.request WHERE source = $1 ORDER BY position',
    [source],
  );
  return rows.map((row) => JSON.parse(row.request) as FollowRequest);
}

/** Takes back what no run has taken yet. @returns whether there was something. */
export async function withdrawRequests(
  target: Session,
  source: string,
  command: FollowRequest['command'],
): Promise<boolean> {
  const { rowCount } = await target.query(
    `DELETE FROM flexferry.request WHERE source = $1 AND request->>'command' = $2`,
    [source, command],
  );
  return rowCount > 0;
}

/** Is this table of the source stopped: do its changes wait? */
export async function isStopped(target: Session, source: string, table: RelationName): Promise<boolean> {
  const { rowCount } = await target.query(
    `SELECT FROM flexferry.followed WHERE source = $1 AND schema = $2 AND name = $3
       AND (fault IS NOT NULL OR stopped_at IS NOT NULL)`,
    [source, table.schema, table.name],
  );
  return rowCount > 0;
}

/** Nothing is followed from this source any more; the checkpoints of the base copy stay. */
export async function forgetFollow(target: Session, source: string): Promise<void> {
  await target.script(
    followTables.map((name) => `DELETE FROM flexferry.${name} WHERE source = ${literal(source)}`).join('; '),
  );
}
