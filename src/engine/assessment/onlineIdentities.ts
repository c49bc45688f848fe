import { plural } from '../../base/format.js';
import type { TableReplicationFacts } from '../catalog/replicaIdentities.js';
import { Fault } from '../errors/fault.js';
import { enumerate, type Finding, finding, nameOf } from './finding.js';
import { identityFix } from './onlineAdvice.js';

/** How the tables without a usable replica identity are followed. Oids. */
export interface IdentityDecision {
  readonly withoutIdentity: readonly string[];
  /** Only their inserts and truncations. */
  readonly insertOnly: readonly string[];
  /** To be made REPLICA IDENTITY FULL before they are published. */
  readonly madeFull: readonly string[];
  readonly findings: readonly Finding[];
}

/**
 * Updates and deletes of a table whose rows cannot be told apart are not in the log. Where there were any, the start is
 * refused (FF824), unless the tables become REPLICA IDENTITY FULL; then all of them do, as statistics only know the past.
 */
export function decideIdentities(
  tables: readonly TableReplicationFacts[],
  choice: { readonly identityFull?: boolean; readonly statisticsSince?: number },
): IdentityDecision {
  const without = tables.filter((table) => table.publishing === 'insert');
  const madeFull = choice.identityFull === true ? without.filter((table) => table.fullIsPossible) : [];
  const full = new Set(madeFull.map((table) => table.oid));
  const insertOnly = without.filter((table) => !full.has(table.oid));
  const changing = insertOnly.filter((table) => table.updates + table.deletes > 0);
  if (changing.length > 0) throw refusal(changing);
  const findings: Finding[] = [];
  if (insertOnly.length > 0)
    findings.push(
      finding(
        'FF825',
        'note',
        `${plural(insertOnly.length, 'table')} without a replica identity, where no row was updated or deleted since ${since(choice.statisticsSince)}: ${names(insertOnly)}.`,
        'replica identity',
        `Only inserts and TRUNCATE of them are followed. If rows may be updated or deleted until the cutover, run this first:\n${identityFix(insertOnly)}`,
      ),
    );
  if (madeFull.length > 0)
    findings.push(
      finding(
        'FF826',
        'note',
        `${plural(madeFull.length, 'table')} of the source without a replica identity ${madeFull.length === 1 ? 'becomes' : 'become'} REPLICA IDENTITY FULL: ${names(madeFull)}.`,
        'REPLICA IDENTITY FULL',
      ),
    );
  const oids = (list: readonly TableReplicationFacts[]) => list.map((table) => table.oid);
  return {
    withoutIdentity: oids(without),
    insertOnly: oids(insertOnly),
    madeFull: oids(madeFull),
    findings,
  };
}

function refusal(tables: readonly TableReplicationFacts[]): Fault {
  const [first] = tables;
  return new Fault(
    'FF824',
    `Rows of ${plural(tables.length, 'table')} without a replica identity are updated or deleted: ${names(tables)}.`,
    {
      object: first === undefined ? '' : `table ${nameOf(first)}`,
      fix: `Run this on the source, or let Flexferry set REPLICA IDENTITY FULL for the time of the migration (--identity-full), or leave the tables out:\n${identityFix(tables)}`,
    },
  );
}

const names = (tables: readonly TableReplicationFacts[]): string => enumerate(tables.map(nameOf));

const since = (ms: number | undefined): string =>
  ms === undefined ? 'the statistics began' : new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
