import { plural } from '../../base/format.js';
import { type ConnectionSpec, describeServer } from '../../protocol/connection.js';
import type { CutoverSnapshot, Fence } from '../../protocol/follow.js';
import { canonicalText } from '../postgres/connectionString.js';
import { ident } from '../postgres/quote.js';
import type { CutoverParts } from './cutoverParts.js';

const place = (spec: ConnectionSpec): string =>
  `${spec.hosts.map((h) => `${h.host}:${h.port}`).join(',')}/${spec.database}`;

/** What is to be done once applications belong to the target. Without any password. */
export function handOverTexts({
  job,
  context,
  request,
  back,
}: CutoverParts): NonNullable<CutoverSnapshot['handOver']> {
  const { source, target } = job;
  if (back) return { connection: canonicalText(target), todo: todoBack(job, request.fence) };
  const problems = context.tracker.findings.filter(({ severity }) => severity !== 'note').length;
  const todo = [
    `Point the applications to ${place(target)} instead of ${place(source)}, and start them.`,
    `Each application logs in with its own role: see that it exists on the target and has a password there, which is never copied.`,
    ...(problems > 0 ? [`See to ${plural(problems, 'finding')} of the report.`] : []),
    `Watch the target: errors of the applications, slow queries, connections.`,
    ...(request.wayBack
      ? [
          'Changes of the target are applied to the source until the way back is finished. Finish it once nobody wants to go back.',
        ]
      : []),
    request.fence === 'readOnly'
      ? `The source database stays read-only for new sessions, so that nothing is written there and lost. To write to it again: ALTER DATABASE ${ident(source.database)} RESET default_transaction_read_only; Cleaning up takes the slot and publications away.`
      : `Nothing keeps applications from the source: see that none connects to it any more. Cleaning up takes the slot and publications away.`,
    `Keep the source (${describeServer(source)}) until the target has proven itself, then retire it.`,
  ];
  return { connection: canonicalText(target), todo };
}

/** `source` is the target of the migration here, and `target` the old source. */
function todoBack({ source, target }: CutoverParts['job'], fence: Fence): string[] {
  return [
    `Point the applications to ${place(target)} again instead of ${place(source)}, and start them.`,
    fence === 'readOnly'
      ? `The database ${place(source)} stays read-only for new sessions, so that nothing is written there and lost. To use it for something else: ALTER DATABASE ${ident(source.database)} RESET default_transaction_read_only;`
      : `Nothing keeps applications from ${place(source)}: see that none connects to it any more.`,
    `What came to be on ${describeServer(source)} only since the first hand-over (tables, users, settings) did not come along.`,
    `To migrate again, begin with an empty database: nothing of this migration goes on.`,
  ];
}
