/** Tries the row filter of a project on the source: planned, never executed, in a transaction that cannot write. */
import { loadParser } from '../../ddl/parser.js';
import { rowFilterProblem } from '../../ddl/rowFilter.js';
import type { RowFilterParams } from '../../protocol/engine.js';
import { formatRelation } from '../../protocol/mapping.js';
import { Fault } from '../errors/fault.js';
import { qualified } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';

const timeoutMs = 10_000;

export interface RowFilterEstimate {
  /** Planner's estimates. */
  readonly rowsEstimated: number;
  readonly rowsTotal: number;
}

/** Rejects with FF705 where the text can be no row filter, before anything is sent. */
export async function checkRowFilter({
  schema,
  name,
  where,
}: Omit<RowFilterParams, 'connection'>): Promise<void> {
  await loadParser();
  const problem = rowFilterProblem(where, { schema, name });
  if (!problem) return;
  const position = codePoints(where.slice(0, problem.offset)) + 1;
  throw new Fault('FF705', problem.message, {
    object: `table ${formatRelation({ schema, name })}`,
    position,
  });
}

/** The server's view of it. Rejects with FF705 and the server's message, without values of rows. */
export async function estimateRowFilter(
  session: Session,
  { schema, name, where }: Omit<RowFilterParams, 'connection'>,
): Promise<RowFilterEstimate> {
  const relation = { schema, name };
  const object = `table ${formatRelation(relation)}`;
  await session.query(`BEGIN READ ONLY`);
  try {
    await session.query(`SET LOCAL statement_timeout = ${timeoutMs}`);
    const only = await onlyOf(session, relation, object);
    const from = `SELECT FROM ${only}${qualified(relation)}`;
    const lead = `EXPLAIN (FORMAT JSON) ${from} WHERE (\n`;
    const rowsTotal = await plannedRows(session, `EXPLAIN (FORMAT JSON) ${from}`);
    const rowsEstimated = await plannedRows(session, `${lead}${where}\n)`).catch((error: unknown) => {
      throw asRowFilterFault(error, object, codePoints(lead), codePoints(where));
    });
    return { rowsEstimated: Math.min(rowsEstimated, rowsTotal), rowsTotal };
  } finally {
    if (!session.closed) await session.query('ROLLBACK').catch(() => session.destroy());
  }
}

/** The rows of a partitioned table are those of its partitions; of any other table its own alone. */
async function onlyOf(
  session: Session,
  { schema, name }: { schema: string; name: string },
  object: string,
): Promise<string> {
  const { rows } = await session.query<{ kind: string }>(
    `SELECT c.relkind AS kind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = $2`,
    [schema, name],
  );
  const kind = rows[0]?.kind;
  if (kind === undefined) throw new Fault('FF705', `There is no ${object} on the source.`, { object });
  if (kind !== 'r' && kind !== 'p')
    throw new Fault('FF705', `${formatRelation({ schema, name })} is no table: it has no rows to copy.`, {
      object,
    });
  return kind === 'p' ? '' : 'ONLY ';
}

async function plannedRows(session: Session, explain: string): Promise<number> {
  const { rows } = await session.query<{ 'QUERY PLAN': unknown }>(explain);
  const answer = rows[0]?.['QUERY PLAN'];
  const plan = (typeof answer === 'string' ? JSON.parse(answer) : answer) as
    | readonly { readonly Plan?: { readonly 'Plan Rows'?: number } }[]
    | undefined;
  return plan?.[0]?.Plan?.['Plan Rows'] ?? 0;
}

/** Classes of SQLSTATE that say nothing of the filter: the connection, resources, a lock, a shutdown. */
const otherTrouble = /^(08|40|53|55|57|58|XX)/;

function asRowFilterFault(error: unknown, object: string, lead: number, length: number): unknown {
  if (!(error instanceof Fault) || error.sqlstate === undefined) return error;
  if (error.sqlstate === '57014')
    return new Fault('FF705', `The server did not plan the row filter within ${timeoutMs / 1000} s.`, {
      object,
    });
  if (otherTrouble.test(error.sqlstate)) return error;
  const given = (error.cause as { position?: unknown } | undefined)?.position;
  const at = typeof given === 'string' ? Number(given) - lead : Number.NaN;
  const position = at >= 1 && at <= length ? at : undefined;
  return new Fault('FF705', error.message, {
    sqlstate: error.sqlstate,
    object,
    position,
    cause: error.cause,
  });
}

const codePoints = (text: string): number => [...text].length;
