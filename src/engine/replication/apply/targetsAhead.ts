import type { RelationName } from '../../../protocol/model.js';
import { readTargetTables, type TargetTable } from '../../catalog/applyTargets.js';
import type { Session } from '../../postgres/session.js';

interface Followed {
  readonly oid: number;
  readonly target: RelationName;
}

/** What was read ahead is taken for true so long, milliseconds. */
const freshMs = 2_000;
/** Tables that are read in one query. */
const most = 512;

/**
 * Looks at tables of the target, together with those that will be asked for next: a query for each would take longer than
 * their changes.
 */
export class TargetsAhead {
  /** By oid of the source. */
  private readonly found = new Map<number, TargetTable | undefined>();
  private readAt = Number.NEGATIVE_INFINITY;

  /** `next`: tables that will be asked for soon. */
  async read(
    target: Session,
    table: Followed,
    next: () => Iterable<Followed>,
  ): Promise<TargetTable | undefined> {
    if (performance.now() - this.readAt < freshMs && this.found.has(table.oid)) {
      const known = this.found.get(table.oid);
      this.found.delete(table.oid);
      return known;
    }
    const tables = new Map([[table.oid, table]]);
    for (const one of next()) {
      if (tables.size >= most) break;
      tables.set(one.oid, one);
    }
    const read = await readTargetTables(
      target,
      [...tables.values()].map((one) => one.target),
    );
    this.readAt = performance.now();
    this.found.clear();
    for (const [i, oid] of [...tables.keys()].entries()) if (i > 0) this.found.set(oid, read[i]);
    return read[0];
  }
}
