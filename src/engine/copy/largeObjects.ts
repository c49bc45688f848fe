import { chunks } from '../../base/pool.js';
import { errorCodes } from '../../protocol/errorCodes.js';
import type { ProjectOptions } from '../../protocol/project.js';
import { endsRun } from '../errors/endsRun.js';
import { Fault } from '../errors/fault.js';
import { ident, literal } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';
import { importSnapshot } from '../postgres/snapshot.js';
import type { DatabaseContext } from '../run/context.js';

/**
 * Large objects are read in pieces by lo_get and written by lo_put, because a Flexible Server keeps pg_largeobject to
 * itself. Small batches: each object made in a transaction takes a lock (pgcopydb issue 1057).
 */
const batchSize = 200;
const pieceBytes = 1 << 20;
const firstBytes = 1 << 15;

export interface LargeObject {
  readonly oid: string;
  readonly comment: string | null;
  /** GRANT statements for roles other than the owner; `grantee` is null for PUBLIC. */
  readonly grants: readonly {
    readonly grantee: string | null;
    readonly privilege: 'SELECT' | 'UPDATE';
    readonly grantable: boolean;
  }[];
}

/** Large objects of the database, as of the session's snapshot. */
export async function listLargeObjects(source: Session): Promise<LargeObject[]> {
  const { rows } = await source.query<{ oid: string; comment: string | null; grants: string | null }>(`
    SELECT m.oid::text, obj_description(m.oid, 'pg_largeobject') AS comment,
      (SELECT json_agg(json_build_object('grantee', r.rolname, 'privilege', a.privilege_type, 'grantable', a.is_grantable))::text
       FROM aclexplode(m.lomacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee WHERE a.grantee <> m.lomowner) AS grants
    FROM pg_largeobject_metadata m ORDER BY m.oid`);
  return rows.map((r) => ({
    oid: r.oid,
    comment: r.comment,
    grants: r.grants === null ? [] : (JSON.parse(r.grants) as LargeObject['grants']),
  }));
}

/**
 * Copies all of them under the run's snapshot, a batch a transaction, with its checkpoint in the same transaction. A
 * batch that fails becomes a finding and the others go on. Where schemas are chosen there is no telling whose a large
 * object is: then none is copied and a finding says so.
 */
export async function copyAllLargeObjects(context: DatabaseContext, filtered: boolean): Promise<void> {
  const { sessions, tracker, snapshot, target: state } = context;
  const source = await sessions.open('source', 'large objects');
  await importSnapshot(source, snapshot);
  const objects = (await listLargeObjects(source)).map((object) => underOptions(object, context.options));
  if (filtered && objects.length > 0) {
    tracker.finding({
      code: 'FF508',
      severity: 'note',
      object: 'large objects',
      message: `${objects.length} large object(s) belong to no schema and are left out, because schemas were chosen.`,
      fix: 'Migrate all schemas to take large objects along.',
    });
  } else if (objects.length > 0) {
    tracker.largeObjects = {
      ...tracker.largeObjects,
      total: objects.length,
      oids: objects.map((o) => o.oid),
    };
    const target = await sessions.open('target', 'large objects');
    await target.script('SET synchronous_commit = off');
    const todo = await grantOnCopied(context, target, objects);
    for (const batch of chunks(todo, batchSize)) await tryBatch(context, source, target, batch);
    reportMissingRoles(context, objects, state.roles);
    await sessions.close(target);
  }
  await sessions.close(source);
}

/** With what the project takes along of it, and its roles. */
function underOptions(object: LargeObject, { comments, grants, roles }: ProjectOptions): LargeObject {
  const names = new Map(Object.entries(roles));
  return {
    ...object,
    comment: comments ? object.comment : null,
    grants: grants
      ? object.grants.map((g) => ({
          ...g,
          grantee: g.grantee === null ? null : (names.get(g.grantee) ?? g.grantee),
        }))
      : [],
  };
}

/**
 * Counts what an earlier run copied and answers with the rest. A checkpoint names all objects of its batch, because the
 * source may have others by now. Roles may be there that were missing when the objects were copied.
 */
async function grantOnCopied(
  context: DatabaseContext,
  target: Session,
  objects: readonly LargeObject[],
): Promise<LargeObject[]> {
  const done = new Set<string>();
  for (const [item, work] of context.checkpoint.items('largeObjects')) {
    for (const oid of item.split(',')) done.add(oid);
    count(context, work.rows, work.bytes);
  }
  for (const batch of chunks(
    objects.filter((o) => done.has(o.oid)),
    batchSize,
  )) {
    const grants = batch.flatMap((o) => grantStatements(o, context.target.roles));
    if (grants.length > 0) await target.script(grants.join('; '));
  }
  return objects.filter((o) => !done.has(o.oid));
}

function count({ tracker }: DatabaseContext, copied: number, bytes: number): void {
  const now = tracker.largeObjects;
  tracker.largeObjects = { ...now, copied: now.copied + copied, bytes: now.bytes + bytes };
}

/** A batch that fails is tried again one by one. */
async function tryBatch(
  context: DatabaseContext,
  source: Session,
  target: Session,
  batch: readonly LargeObject[],
): Promise<void> {
  const { checkpoint, tracker, signal, target: state } = context;
  signal.throwIfAborted();
  const oids = batch.map((o) => o.oid);
  const item = oids.join(',');
  const undo = `SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata WHERE oid IN (${item})`;
  await source.script('SAVEPOINT batch');
  try {
    const bytes = await copyBatch(source, target, batch, state.roles, (size) =>
      checkpoint.record('largeObjects', item, { rows: batch.length, bytes: size }, undo),
    );
    checkpoint.remember('largeObjects', item, { rows: batch.length, bytes });
    count(context, batch.length, bytes);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Fault) || endsRun(error)) throw error;
    await target.script('ROLLBACK');
    // Without it an object that may not be read would end the transaction that holds the snapshot.
    await source.script('ROLLBACK TO batch');
    if (batch.length > 1) {
      for (const object of batch) await tryBatch(context, source, target, [object]);
      return;
    }
    tracker.largeObjects = {
      ...tracker.largeObjects,
      oids: tracker.largeObjects.oids.filter((oid) => oid !== item),
    };
    tracker.finding({
      code: 'FF508',
      severity: 'error',
      object: `large object ${item}`,
      message: `Large object ${item} could not be copied: ${error.message}`,
      fix: errorCodes.FF508.help,
    });
  }
}

function reportMissingRoles(
  context: DatabaseContext,
  objects: readonly LargeObject[],
  roles: ReadonlySet<string>,
): void {
  const missing = new Set(
    objects.flatMap((o) => o.grants.map((g) => g.grantee)).filter((g) => g !== null && !roles.has(g)),
  );
  for (const role of missing) {
    context.tracker.finding({
      code: 'FF413',
      severity: 'warning',
      object: `grants on large objects to ${role}`,
      message: `The role ${role} does not exist on the target: its grants on large objects are left out.`,
      fix: errorCodes.FF413.help,
    });
  }
}

/** Bytes in a bytea as text: \x and two digits each. */
const byteaLength = (text: string): number => (text.length - 2) / 2;

async function copyBatch(
  source: Session,
  target: Session,
  batch: readonly LargeObject[],
  roles: ReadonlySet<string>,
  record: (bytes: number) => string,
): Promise<number> {
  const oids = batch.map((o) => o.oid);
  await target.script('BEGIN');
  let bytes = 0;
  const first = await source.query<{ oid: string; data: string }>(
    `SELECT oid::text, lo_get(oid, 0, ${firstBytes}) AS data FROM unnest($1::oid[]) oid`,
    [oids],
  );
  await target.query('SELECT lo_from_bytea(oid, data) FROM unnest($1::oid[], $2::bytea[]) AS o(oid, data)', [
    first.rows.map((r) => r.oid),
    first.rows.map((r) => r.data),
  ]);
  for (const { oid, data } of first.rows) {
    let offset = byteaLength(data);
    let more = offset === firstBytes;
    bytes += offset;
    while (more) {
      const piece = await source.query<{ data: string }>(
        `SELECT lo_get($1::oid, $2::bigint, ${pieceBytes}) AS data`,
        [oid, offset],
      );
      const part = piece.rows[0]?.data ?? '\\x';
      const length = byteaLength(part);
      if (length > 0)
        await target.query('SELECT lo_put($1::oid, $2::bigint, $3::bytea)', [oid, offset, part]);
      offset += length;
      bytes += length;
      more = length === pieceBytes;
    }
  }
  const attributes = batch.flatMap((o) => attributeStatements(o, roles));
  await target.script([...attributes, record(bytes), 'COMMIT'].join('; '));
  return bytes;
}

function grantStatements(object: LargeObject, roles: ReadonlySet<string>): string[] {
  return object.grants
    .filter((g) => g.grantee === null || roles.has(g.grantee))
    .map(
      (g) =>
        `GRANT ${g.privilege} ON LARGE OBJECT ${object.oid} TO ${g.grantee === null ? 'PUBLIC' : ident(g.grantee)}${g.grantable ? ' WITH GRANT OPTION' : ''}`,
    );
}

function attributeStatements(object: LargeObject, roles: ReadonlySet<string>): string[] {
  const statements = grantStatements(object, roles);
  if (object.comment !== null)
    statements.push(`COMMENT ON LARGE OBJECT ${object.oid} IS ${literal(object.comment)}`);
  return statements;
}
