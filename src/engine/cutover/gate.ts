import { formatBytes, formatSeconds, plural } from '../../base/format.js';
import { displayRelation } from '../../ddl/identifier.js';
import type { Fence, FollowSnapshot, GateCheck } from '../../protocol/follow.js';
import type { Finding, RelationName } from '../../protocol/model.js';
import { canFence, type FenceFacts } from './fenceFacts.js';
import type { WayBackFacts } from './wayBack.js';

/** What the go/no-go list is made of. */
export interface GateInput {
  readonly snapshot: FollowSnapshot;
  /** Of the base copy: what failed, and what is left out. */
  readonly findings: readonly Pick<Finding, 'severity' | 'object' | 'message'>[];
  /** Constraints that are valid on the source and not (yet) on the target. */
  readonly notValid: readonly string[];
  /** Constraints, triggers and rules that come with the cutover. */
  readonly deferred: number;
  /** Tables that were not equal when they were compared last. */
  readonly different: readonly RelationName[];
  /** Tables that were dropped on the source since. */
  readonly gone: readonly RelationName[];
  /** Tables that have another name on the source now. */
  readonly renamed: readonly { readonly table: RelationName; readonly now: RelationName }[];
  /** Tables that somebody took out of the publication. */
  readonly unpublished: readonly RelationName[];
  /** Tables whose changes cannot be followed. */
  readonly notFollowed: readonly RelationName[];
  readonly unreadableSequences: readonly string[];
  /** On the source, but not on the target. */
  readonly missingSequences: readonly string[];
  readonly fence: Fence;
  readonly fenceFacts: FenceFacts;
  /** Absent where none is wanted. */
  readonly wayBack?: WayBackFacts;
}

/** Seconds. Above the first the drain would take too long, above the second it is worth saying. */
const mostLag = 60;
const noticedLag = 5;
/** A slot that may be lost within so many seconds. */
const soon = 3600;

type Verdict = Omit<GateCheck, 'check'>;
const go = (message: string): Verdict => ({ verdict: 'go', message });
const warn = (message: string, fix?: string): Verdict => ({
  verdict: 'warn',
  message,
  ...(fix !== undefined && { fix }),
});
const noGo = (message: string, fix: string): Verdict => ({ verdict: 'noGo', message, fix });

/** `a, b, c and 4 more`. */
function listed(names: readonly string[], most = 5): string {
  const shown = names.slice(0, most).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
const relations = (names: readonly RelationName[]): string => listed(names.map(displayRelation));

/** Every check, also those that are fine, in the order of {@link GateCheck.check}. Pure. */
export function gateChecks(input: GateInput): GateCheck[] {
  return [
    { check: 'lag', ...lag(input.snapshot) },
    { check: 'slot', ...slot(input.snapshot) },
    { check: 'stoppedTables', ...stoppedTables(input) },
    { check: 'newTables', ...newTables(input.snapshot) },
    { check: 'errors', ...errors(input) },
    { check: 'constraints', ...constraints(input) },
    { check: 'differences', ...differences(input) },
    { check: 'sequences', ...sequences(input) },
    { check: 'fence', ...fence(input) },
    ...(input.wayBack ? [{ check: 'wayBack', ...wayBack(input.wayBack) } as const] : []),
  ];
}

/** What keeps the cutover from going on; empty where nothing does. */
export function refusals(checks: readonly GateCheck[]): readonly GateCheck[] {
  return checks.filter(({ verdict }) => verdict === 'noGo');
}

function lag({ lagSeconds, lagBytes, fallingBehind, reconnecting, catchUpSeconds }: FollowSnapshot): Verdict {
  const behind = `${formatSeconds(lagSeconds)} (${formatBytes(lagBytes)}) behind the source`;
  if (reconnecting)
    return noGo(
      `The connection is being made again: ${reconnecting.message}`,
      'Wait until changes are applied again.',
    );
  if (fallingBehind)
    return noGo(
      `The target is ${behind}, and the source writes faster than the target takes.`,
      'Wait for a quieter time, or stop what writes most.',
    );
  if (lagSeconds > mostLag) {
    const when = catchUpSeconds === undefined ? '' : ` (about ${formatSeconds(catchUpSeconds)})`;
    return noGo(`The target is ${behind}.`, `Wait until it has caught up${when}.`);
  }
  if (lagSeconds > noticedLag)
    return warn(`The target is ${behind}, which the write downtime takes longer by.`);
  return go(lagSeconds === 0 ? 'Everything that came is applied.' : `The target is ${behind}.`);
}

function slot({ slot: { walStatus, lostInSeconds, retainedBytes } }: FollowSnapshot): Verdict {
  if (walStatus === 'lost' || walStatus === 'missing')
    return noGo('The replication slot is lost.', 'Start again with a new base copy.');
  const fix = 'Cut over soon, or raise max_slot_wal_keep_size on the source.';
  if (walStatus === 'unreserved')
    return warn('The source may remove log that the replication slot needs at any moment.', fix);
  if (lostInSeconds !== undefined && lostInSeconds < soon)
    return warn(
      `The replication slot would be lost within ${formatSeconds(lostInSeconds)} if it goes on like this.`,
      fix,
    );
  return go(`The replication slot keeps ${formatBytes(retainedBytes)} of log.`);
}

function stoppedTables({ snapshot: { stopped }, unpublished }: GateInput): Verdict {
  if (unpublished.length > 0)
    return noGo(
      `${plural(unpublished.length, 'table')} taken out of the publication: changes of ${relations(unpublished)} are missing.`,
      'Begin anew with a new base copy.',
    );
  if (stopped.length === 0) return go('Changes of all tables are applied.');
  return noGo(
    `${plural(stopped.length, 'table')} stopped: ${relations(stopped)}.`,
    'Correct the cause and retry, or skip the change.',
  );
}

function newTables({ newTables: found }: FollowSnapshot): Verdict {
  if (found.length === 0) return go('No table came to be on the source since.');
  return warn(
    `${plural(found.length, 'table')} came to be on the source and will be missing: ${relations(found)}.`,
    'Take them in before (add tables), or leave them.',
  );
}

function errors({ findings }: GateInput): Verdict {
  const texts = (severity: Finding['severity']): string[] =>
    findings.filter((f) => f.severity === severity).map((f) => f.object ?? f.message);
  const [failed, leftOut] = [texts('error'), texts('warning')];
  if (failed.length > 0)
    return noGo(
      `${plural(failed.length, 'object')} failed: ${listed(failed)}.`,
      'Correct them on the target or in the saved DDL and resume.',
    );
  if (leftOut.length > 0)
    return warn(`${plural(leftOut.length, 'object')} left out or different: ${listed(leftOut)}.`);
  return go('Everything of the base copy succeeded.');
}

function constraints({ notValid, deferred }: GateInput): Verdict {
  const come = deferred === 0 ? '' : ` ${plural(deferred, 'object')} come with the cutover.`;
  if (notValid.length === 0) return go(`Every constraint of the target is valid.${come}`);
  return warn(
    `${plural(notValid.length, 'constraint')} not validated yet: ${listed(notValid)}.${come}`,
    'They are validated in the cutover, which makes the write downtime longer.',
  );
}

function differences({ different, gone, renamed, notFollowed }: GateInput): Verdict {
  if (different.length > 0)
    return warn(
      `${plural(different.length, 'table')} differed when they were compared last: ${relations(different)}.`,
      'They are compared again in the cutover.',
    );
  if (gone.length > 0 || renamed.length > 0) {
    const names = renamed.map(({ table, now }) => `${displayRelation(table)} is ${displayRelation(now)} now`);
    const told = [
      ...(gone.length === 0 ? [] : [`dropped: ${relations(gone)}`]),
      ...(names.length === 0 ? [] : [`renamed: ${listed(names)}`]),
    ];
    return warn(
      `Tables of the source were ${told.join('; ')}. The target has them as they were.`,
      'Do the same on the target once it is handed over.',
    );
  }
  if (notFollowed.length > 0)
    return warn(
      `Changes of ${relations(notFollowed)} are not in the log of the source: the rows on the target are those of the base copy.`,
      'Copy them again after the cutover if they were changed since.',
    );
  return go('No difference is known.');
}

function sequences({ unreadableSequences, missingSequences }: GateInput): Verdict {
  if (unreadableSequences.length > 0)
    return warn(
      `${plural(unreadableSequences.length, 'sequence')} cannot be read and will not be set: ${listed(unreadableSequences)}.`,
      'Grant SELECT on them to the source user, or set them by hand.',
    );
  if (missingSequences.length > 0)
    return warn(
      `${plural(missingSequences.length, 'sequence')} of the source not on the target: ${listed(missingSequences)}.`,
      'Create them on the target if they are used.',
    );
  return go('All sequences can be read and set.');
}

function fence({ fence: wanted, fenceFacts: facts }: GateInput): Verdict {
  const { sessions, unendable, prepared, subscriptions } = facts;
  const others = sessions + unendable.reduce((sum, { count }) => sum + count, 0);
  if (prepared > 0)
    return noGo(
      `${plural(prepared, 'prepared transaction')} of the source can be committed at any time.`,
      'Commit or roll them back: SELECT gid FROM pg_prepared_xacts.',
    );
  if (wanted === 'none')
    return others === 0
      ? go('Nobody else is connected to the source.')
      : warn(
          `${plural(others, 'session')} of others in the source: what they write after the drain makes the cutover fail.`,
          'Stop the applications now.',
        );
  if (!facts.isOwner)
    return noGo(
      'The source user may not make the database read-only.',
      'Connect as its owner, or stop the applications yourself (no fence).',
    );
  if (!canFence(facts))
    return noGo(
      `Roles with a setting of their own stay able to write: ${listed(facts.untouchableRoles)}.`,
      'ALTER ROLE … IN DATABASE … SET default_transaction_read_only = on by an administrator.',
    );
  if (subscriptions.length > 0)
    return noGo(
      `The source receives changes itself: subscription ${listed(subscriptions)}.`,
      'ALTER SUBSCRIPTION … DISABLE before the cutover.',
    );
  const applications = unendable.filter(({ isSuperuser }) => !isSuperuser);
  if (applications.length > 0)
    return noGo(
      `Sessions of ${listed(applications.map(({ role }) => role))} cannot be ended by the source user.`,
      'GRANT pg_signal_backend TO the source user, or end them yourself.',
    );
  if (unendable.length > 0)
    return warn(
      `Sessions of superusers cannot be ended and may still write: ${listed(unendable.map(({ role }) => role))}.`,
    );
  return go(`The source becomes read-only, and ${plural(sessions, 'session')} of others will be ended.`);
}

function wayBack({ refusals: found }: WayBackFacts): Verdict {
  const [first] = found;
  if (first === undefined) return go('Changes of the target can be applied to the source afterwards.');
  return noGo(`There is no way back: ${found.map(({ message }) => message).join(' ')}`, first.fix);
}
