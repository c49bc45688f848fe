import { formatBytes, plural } from '../../base/format.js';
import { displayRelation } from '../../ddl/identifier.js';
import type { GateCheck } from '../../protocol/follow.js';
import type { Finding } from '../../protocol/model.js';
import { isFollowed } from '../catalog/replicaIdentities.js';
import { sourceFeatures } from '../catalog/server.js';
import type { SourceTable } from '../catalog/tables.js';
import { tablesOfNow } from '../catalog/tablesNow.js';
import { notValidOnTarget } from '../cutover/constraints.js';
import { fenceFacts } from '../cutover/fenceFacts.js';
import { gateChecks } from '../cutover/gate.js';
import { wayBackFacts } from '../cutover/wayBack.js';
import type { Session } from '../postgres/session.js';
import { exportSnapshot } from '../postgres/snapshot.js';
import { readFollow } from '../run/followState.js';
import { missingSequences } from '../schema/sequences.js';
import { verifyLargeObjects } from '../verification/largeObjects.js';
import { verifyTables } from '../verification/verify.js';
import type { CutoverParts } from './cutoverParts.js';
import { tablesOnSource, tellOnSource } from './tablesOnSource.js';

/** A sample has all tables below so many heap bytes, and every n-th of those above. */
const sampleBytes = 8 << 20;
const sampleEvery = 10;

/** What the base copy found (FF2xx to FF5xx): what stops while changes are followed has checks of its own. */
const isOfBase = ({ code }: Finding): boolean => code >= 'FF200' && code < 'FF600';

export async function goOrNoGo(parts: CutoverParts, source: Session): Promise<GateCheck[]> {
  const { context, follower, target, tables, filter, sequenceTargets, deferred, request, back } = parts;
  const { tracker } = context;
  const followed = tables.filter(isFollowed);
  const { foreignKeys, statements, last } = deferred;
  const features = await sourceFeatures(source, filter);
  const taken = new Set(tables.map(({ oid }) => oid));
  const row = await readFollow(target, context.checkpoint.run.source);
  const onSource = await tablesOnSource(source, followed, row ?? { publications: [], ownsSlot: false });
  tellOnSource(tracker, onSource, back ? 'target' : 'source');
  return gateChecks({
    snapshot: follower.snapshot(),
    findings: tracker.findings.filter((finding) => isOfBase(finding) && !back?.former.has(finding)),
    notValid: await notValidOnTarget(source, target, tables),
    deferred: foreignKeys.length + statements.length + last.length,
    different: back ? [] : followed.filter((table) => tracker.table(table)?.verification?.equal === false),
    ...onSource,
    notFollowed: tables.filter((t) => t.relkind === 'r' && t.withData && !isFollowed(t)),
    unreadableSequences: features.unreadableSequences
      .filter(({ owner }) => owner === null || taken.has(owner))
      .map(({ name }) => name),
    missingSequences: await missingSequences(context, source, target, {
      filter,
      tables,
      targets: sequenceTargets,
      ...(back && { namedOnly: true }),
    }),
    fence: request.fence,
    fenceFacts: await fenceFacts(source),
    ...(request.wayBack && { wayBack: await wayBackFacts(source, target, followed) }),
  });
}

/**
 * What the cutover finds out anew, so that an attempt that was undone does not stand against the next one: also what
 * the base copy could not add, and will be tried again.
 */
export function withdrawFindings({ context, deferred, refreshes }: CutoverParts): void {
  const items = [
    ...[...deferred.early, ...deferred.foreignKeys].map(({ item }) => item),
    ...deferred.statements,
    ...deferred.last,
    ...refreshes,
  ].filter(({ skip }) => !skip);
  const objects = new Set<string | undefined>(items.map(({ statement }) => statement.object));
  const codes: ReadonlySet<string> = new Set(['FF505', 'FF600', 'FF601']);
  context.tracker.withdraw(
    ({ code, object }) => codes.has(code) || objects.has(object),
    new Set(items.map(({ textKey }) => textKey)),
  );
}

export interface Verified {
  /** What is not equal, in the words of the findings. */
  readonly different: readonly string[];
  /** What was compared. */
  readonly said: string;
}

/** Compares what is followed, as it is on the source now and on the target when it is read. */
export async function verifyCutover(parts: CutoverParts): Promise<Verified> {
  const { context, target, tables, request, job } = parts;
  const { tracker } = context;
  if (request.verify === 'none') return { different: [], said: 'Nothing was compared, as asked.' };
  const source = await job.sessions.open('source', 'cutover snapshot');
  try {
    const snapshot = await exportSnapshot(source);
    // The gate has told of those that are gone.
    const followed = await tablesOfNow(source, tables.filter(isFollowed));
    const chosen = request.verify === 'full' ? followed : sampleOf(followed);
    tracker.begin('verify', chosen.length);
    const tablesDifferent = await verifyTables({ ...context, snapshot }, chosen);
    if (request.verify === 'full') await verifyLargeObjects(context, source, target);
    tracker.end('verify');
    const different = tablesDifferent.map((table) => `table ${displayRelation(table)}`);
    if (request.verify === 'full' && tracker.largeObjects.equal === false) different.push('large objects');
    return { different, said: compared(chosen, followed) };
  } finally {
    await job.sessions.close(source);
  }
}

/** Small ones cost little; of the large ones every tenth, the largest among them. */
function sampleOf(tables: readonly SourceTable[]): SourceTable[] {
  const large = tables.filter(({ bytes }) => bytes >= sampleBytes).sort((a, b) => b.bytes - a.bytes);
  const taken = new Set(large.filter((_, index) => index % sampleEvery === 0));
  return tables.filter((table) => table.bytes < sampleBytes || taken.has(table));
}

function compared(chosen: readonly SourceTable[], followed: readonly SourceTable[]): string {
  if (followed.length === 0) return 'There is no table to be compared.';
  const bytes = formatBytes(chosen.reduce((sum, table) => sum + table.bytes, 0));
  if (chosen.length === followed.length)
    return `All ${plural(chosen.length, 'table')} (${bytes}) compared by count and checksum.`;
  return `${chosen.length} of ${plural(followed.length, 'table')} (${bytes}) compared by count and checksum: all below ${formatBytes(sampleBytes)} and every ${sampleEvery}th of the larger ones.`;
}
