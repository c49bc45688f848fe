import { errorCodes } from '../../protocol/errorCodes.js';
import { formatRelation } from '../../protocol/mapping.js';
import type { RelationName } from '../../protocol/model.js';
import { changesOf, newTables } from '../catalog/newTables.js';
import { isFollowed } from '../catalog/replicaIdentities.js';
import type { SourceTable } from '../catalog/tables.js';
import type { Session } from '../postgres/session.js';
import type { FollowParts } from './followParts.js';
import { tablesOnSource, tellOnSource } from './tablesOnSource.js';

/** What of a followed database does not come in the stream: what became of its tables, changes without an identity. */
export class Unfollowed {
  /** Tables that came to be since. */
  fresh: readonly RelationName[] = [];
  private changesBefore: Map<string, number> | undefined;

  constructor(
    private readonly parts: Pick<FollowParts, 'job' | 'base' | 'insertOnly' | 'row'> & {
      /** Whatever comes is followed. */
      readonly takesAll: boolean;
    },
  ) {}

  async look(source: Session): Promise<void> {
    const { base, insertOnly, takesAll, row, job } = this.parts;
    if (!takesAll) await this.lookForTables(source);
    const onSource = await tablesOnSource(source, base.planned.tables.filter(isFollowed), row);
    tellOnSource(job.tracker, onSource, row.wayBack ? 'target' : 'source');
    const changes = await changesOf(source, [...insertOnly]);
    for (const [oid, count] of changes) {
      const before = this.changesBefore?.get(oid) ?? count;
      const table = base.planned.tables.find((one) => one.oid === oid);
      if (count > before && table) this.tellChanged(table);
    }
    this.changesBefore ??= changes;
  }

  private async lookForTables(source: Session): Promise<void> {
    const { job, base, row } = this.parts;
    const { filter, tables } = base.planned;
    const known = tables.map((table) => table.oid);
    this.fresh = await newTables(source, filter, job.mapping, known);
    const left = new Set(this.fresh.map((table) => `table ${formatRelation(table)}`));
    const code = row.wayBack ? 'FF897' : 'FF890';
    const side = row.wayBack ? 'target' : 'source';
    job.tracker.withdraw((finding) => finding.code === code && !left.has(finding.object ?? ''), new Set());
    for (const table of this.fresh)
      job.tracker.finding({
        code,
        severity: 'warning',
        object: `table ${formatRelation(table)}`,
        message: `The table ${formatRelation(table)} came to be on the ${side} and is not followed.`,
        fix: errorCodes[code].help,
      });
  }

  private tellChanged(table: SourceTable): void {
    const object = `table ${table.schema}.${table.name}`;
    this.parts.job.tracker.finding({
      code: 'FF818',
      severity: 'error',
      object,
      message: `Rows of ${object} were updated or deleted, which cannot be followed.`,
      fix: errorCodes.FF818.help,
    });
  }
}
