import type { RelationName } from '../../../protocol/model.js';
import { readTargetTables, type TargetTable } from '../../catalog/applyTargets.js';
import type { Session } from '../../postgres/session.js';

interface Followed {
  readonly oid: number;
  readonly target: RelationName;
}

/** What was read ahead is taken for true so long, milliseconds. */
const freshMs = 2_000;
/** Each look that comes soon behind another reads so many times as many tables, and never more than `most`. */
const growth = 4;
const most = 512;

/**
 * Looks at tables of the target. Where one look follows the other, as at the beginning of a backlog of many tables, the
 * tables that will be asked for next are read with them: a query for each would take longer than their changes.
 */
export class TargetsAhead {
  /** By oid of the source. */
  private readonly found = new Map<number, TargetTable | undefined>();
  private readAt = Number.NEGATIVE_INFINITY;
  private count = 1;

  /** `next`: tables that may be asked for soon. */
  async read(
    target: Session,
    table: Followed,
    next: () => Iterable<Followed>,
  ): Promise<TargetTable | undefined> {
    const isSoon = performance.now() - this.readAt < freshMs;
    if (isSoon && this.found.has(table.oid)) {
      const known = this.found.get(table.oid);
      this.found.delete(table.oid);
      return known;
    }
    this.found.clear();
    this.count = isSoon ? Math.min(this.count * growth, most) : 1;
    const tables = [table];
    if (this.count > 1)
      for (const one of next()) {
        if (one.oid !== table.oid) tables.push(one);
        if (tables.length >= this.count) break;
      }
    const read = await readTargetTables(
      target,
      tables.map((one) => one.target),
    );
    this.readAt = performance.now();
    for (const [i, { oid }] of tables.entries()) if (i > 0) this.found.set(oid, read[i]);
    return read[0];
  }
}
