import { errorCodes } from '../../protocol/errorCodes.js';
import type { Finding } from '../../protocol/model.js';
import type { Session } from '../postgres/session.js';
import type { Checkpoint } from '../run/checkpoint.js';
import type { PlannedDdl } from './planDdl.js';
import type { PlannedStatement } from './plannedStatement.js';

/**
 * An earlier attempt may have run what is not in the DDL any more: its work stays on the target, which nobody may take
 * for what was saved. Gives the plan without the claim that such a statement was left out.
 */
export async function tellRanBefore(
  plan: PlannedDdl,
  checkpoint: Checkpoint,
  target: Session,
): Promise<{ plan: PlannedDdl; findings: Omit<Finding, 'database'>[] }> {
  // What waitForRows lets run again with every run stands under a key of that run.
  const keys = checkpoint.items('statement').map(([key]) => key);
  const ran = new Set(keys.filter((key) => !key.includes(' ')));
  if (ran.size === 0) return { plan, findings: [] };
  const objects = new Map(plan.former);
  for (const item of [...plan.preData, ...plan.postData]) {
    if (!item.skip) ran.delete(item.key);
    // What is there without a finding is as it should be.
    else if (item.finding === undefined) ran.delete(item.key);
    else objects.set(item.key, item.statement.object);
  }
  const unnamed = [...ran].filter((key) => !objects.has(key));
  for (const [key, object] of await objectsOf(target, checkpoint, unnamed)) objects.set(key, object);
  const findings = [...ran].map((key) => finding(objects.get(key) ?? 'a statement'));
  const quiet = (items: readonly PlannedStatement[]): PlannedStatement[] =>
    items.map((item) => {
      if (!item.skip || !ran.has(item.key)) return item;
      const { finding: _, ...rest } = item;
      return rest;
    });
  return { plan: { ...plan, preData: quiet(plan.preData), postData: quiet(plan.postData) }, findings };
}

const finding = (object: string): Omit<Finding, 'database'> => ({
  code: 'FF425',
  severity: 'warning',
  object,
  message: `${object} ran before it was edited or taken out: what it made is still on the target.`,
  fix: errorCodes.FF425.help,
});

/** Of statements that neither the source nor the saved files have any more: by what would take them back. */
async function objectsOf(
  target: Session,
  { run }: Checkpoint,
  keys: readonly string[],
): Promise<Map<string, string>> {
  if (keys.length === 0) return new Map();
  const { rows } = await target.query<{ item: string; undo: string | null }>(
    `SELECT item, undo FROM flexferry.work WHERE source = $1 AND kind = 'statement' AND item = ANY ($2::text[])`,
    [run.source, keys],
  );
  return new Map(rows.flatMap(({ item, undo }) => (undo === null ? [] : [[item, dropped(undo)]])));
}

/** `view public.v` of DROP VIEW IF EXISTS "public"."v". */
function dropped(undo: string): string {
  const [, table, type = '', name = ''] =
    /^(?:ALTER TABLE IF EXISTS (.+) )?DROP ([A-Z ]+?) IF EXISTS (.+?);?$/s.exec(undo) ?? [];
  if (name === '') return 'a statement';
  const plain = (sql: string): string => sql.replaceAll(/"([a-z_][a-z0-9_$]*)"/g, '$1');
  return `${type.toLowerCase()} ${plain(name)}${table === undefined ? '' : ` on ${plain(table)}`}`;
}
