import { describeServer } from '../../protocol/connection.js';
import type { FollowRequest, FollowState, FollowStatus } from '../../protocol/follow.js';
import { openDdl } from '../../protocol/followView.js';
import { formatRelation } from '../../protocol/mapping.js';
import { databaseIdentity } from '../catalog/server.js';
import { recordOf, snapshotOf } from '../cutover/steps.js';
import { Fault } from '../errors/fault.js';
import { toFault } from '../errors/mapError.js';
import type { Session } from '../postgres/session.js';
import { followFigures, freshSnapshot } from '../replication/followFigures.js';
import { isRunAtWork } from '../run/claim.js';
import { shownState } from '../run/followLifecycle.js';
import {
  type FollowRow,
  isStopped,
  readFollow,
  readLanes,
  withdrawRequests,
  writeRequest,
} from '../run/followState.js';
import { type FollowPlace, type FollowSpecs, withFollowPlace } from './followPlace.js';
import { inWordsOfMigration } from './wayBackWords.js';

/** In which states of the migration a request has a meaning; in the others it is refused. */
const takenIn: Readonly<Record<FollowRequest['command'], readonly FollowState[]>> = {
  cutover: ['copying', 'following'],
  confirm: ['cuttingOver', 'holding'],
  undo: ['cuttingOver', 'holding', 'undoing'],
  cancel: ['copying', 'following', 'cuttingOver', 'holding', 'undoing', 'handedOver', 'wayBack'],
  finish: ['handedOver', 'wayBack'],
  addTables: ['copying', 'following'],
  ddlDone: ['copying', 'following', 'cuttingOver', 'holding', 'undoing'],
  retry: ['copying', 'following', 'cuttingOver', 'holding', 'undoing', 'wayBack'],
  skip: ['copying', 'following', 'cuttingOver', 'holding', 'undoing', 'wayBack'],
};

const wordsOf: Readonly<Record<FollowState, string>> = {
  copying: 'the base copy is not done yet',
  following: 'changes are followed, no cutover has begun',
  cuttingOver: 'a cutover is under way',
  holding: 'a cutover holds before its last step',
  undoing: 'a cutover is being taken back',
  handedOver: 'the target was handed over to the applications',
  wayBack: 'the target was handed over and its changes are followed back',
  finished: 'the migration is finished',
};

/** What can be done there instead. */
const nextIn: Readonly<Record<FollowState, string>> = {
  copying: 'Wait until changes are followed, then begin a cutover; or cancel.',
  following: 'Begin a cutover (on the command line by cutover), let it go on, or cancel.',
  cuttingOver: 'Wait for its outcome, or take it back (on the command line by cutover --undo).',
  holding: 'Take its last step, or take it back (on the command line by cutover --confirm or --undo).',
  undoing: 'Wait until changes are followed again, then begin another cutover.',
  handedOver:
    'Applications stay on the target: without a way back a cutover is not taken back any more. Clean up what is left.',
  wayBack:
    'Go back by a cutover the other way round (on the command line by cutover with --source and --target exchanged), or end the way back (finish).',
  finished:
    'Clean up what it left on the target, or begin anew with a new base copy (on the command line by --restart).',
};

/** The same command does not go on with it. */
const isOver = (state: FollowState): boolean => state === 'handedOver' || state === 'finished';

/** What became of a request. */
export interface RequestOutcome {
  /** A run is at work and finds it within a second; else the next run does. */
  readonly running: boolean;
}

/**
 * Leaves a request in the target for the run that follows the source, which may be in any process on any machine.
 * @throws Fault FF860 if nothing is followed there, FF861 if only a run that is at work could do it, FF863 if the state
 * of the migration does not allow it, FF864 if the table is not stopped; those of {@link withFollowPlace}.
 */
export function requestFollow(
  specs: FollowSpecs,
  request: FollowRequest,
  signal?: AbortSignal,
): Promise<RequestOutcome> {
  return withFollowPlace(specs, signal, async ({ target, row }) => {
    if (row === undefined) throw nothingFollowed(specs);
    const running = await isRunAtWork(target);
    // What no run has taken yet is taken back without a trace.
    const withdrawn = request.command === 'undo' && (await withdrawRequests(target, row.source, 'cutover'));
    if (withdrawn && !takenIn.undo.includes(row.state)) return { running };
    await requireSensible(target, row, request, running);
    if (request.command === 'cancel' && !running)
      throw new Fault('FF861', 'No run is at work that could be cancelled.');
    // The newest one counts: who asks twice has changed his mind about how.
    if (request.command === 'cutover') await withdrawRequests(target, row.source, 'cutover');
    await writeRequest(target, row.source, asOfNow(row, request));
    return { running };
  });
}

/**
 * What of this source is followed into this target, whether or not a run is at work. Rejects where that cannot be said,
 * because the source does not answer and the target knows of nothing of that name.
 */
export async function whatIsFollowed(
  specs: FollowSpecs,
  signal?: AbortSignal,
): Promise<FollowRow | undefined> {
  const place = await withFollowPlace(specs, signal, ({ row, sourceFault }) =>
    Promise.resolve({ row, sourceFault }),
  ).catch((error: unknown) => {
    // The target database does not exist.
    if (error instanceof Fault && error.code === 'FF103') return { row: undefined, sourceFault: undefined };
    throw error;
  });
  if (place.row === undefined && place.sourceFault !== undefined) throw place.sourceFault;
  return place.row;
}

export function nothingFollowed({ source, target }: FollowSpecs): Fault {
  return new Fault(
    'FF860',
    `Nothing of the database ${source.database} is followed into the database ${target.database}.`,
  );
}

/** What comes until the run takes it up is not meant. */
function asOfNow({ said }: FollowRow, request: FollowRequest): FollowRequest {
  return request.command === 'ddlDone' ? { through: said?.ddlSeen?.total ?? 0, ...request } : request;
}

/** Says how it stands, and what can be done about it. */
function notNow({ state }: FollowRow, running: boolean): Fault {
  const isIdle = !running && !isOver(state);
  return new Fault(
    'FF863',
    `This cannot be done now: ${wordsOf[state]}${isIdle ? '; no run is at work' : ''}.`,
    {
      fix: `${isIdle ? 'The same command as before goes on with it. ' : ''}${nextIn[state]}`,
    },
  );
}

async function requireSensible(
  target: Session,
  row: FollowRow,
  request: FollowRequest,
  running: boolean,
): Promise<void> {
  if (row.wayBack && request.command === 'cutover' && request.wayBack)
    throw new Fault('FF893', 'This is a way back already: there is none from there.');
  if (row.wayBack && request.command === 'addTables')
    throw new Fault('FF863', 'This cannot be done now: tables are not added on the way back.');
  if (!takenIn[request.command].includes(row.state)) throw notNow(row, running);
  if (request.command === 'ddlDone' && openDdl(row.said?.ddlSeen) === undefined)
    throw new Fault('FF863', 'There is no DDL of the source that is to be dealt with.');
  if (request.command !== 'retry' && request.command !== 'skip') return;
  if (row.state === 'wayBack') return; // its tables stand on the other side
  if (!(await isStopped(target, row.source, request)))
    throw new Fault('FF864', `The table ${formatRelation(request)} is not stopped.`);
}

/**
 * How an online migration stands, from what its run last said and from both servers themselves. Says what is known
 * where the source cannot be reached, or where no run is at work.
 */
export function followStatus(specs: FollowSpecs, signal?: AbortSignal): Promise<FollowStatus> {
  return withFollowPlace(specs, signal, async (place) => {
    const running = await isRunAtWork(place.target);
    const head = { source: nameOf(specs.source), target: nameOf(specs.target), running };
    if (place.row === undefined)
      return { ...head, ...(place.sourceFault && { unreachable: place.sourceFault.toData() }) };
    const back = await wayBackOf(place);
    const shown =
      back === undefined
        ? { row: place.row, applied: place.target, changed: place.source }
        : { row: back, applied: place.source ?? place.target, changed: place.target };
    const { figures, fault } = await readFigures(shown.changed, shown.row.slot);
    const row = { ...shown.row, state: shownState(shown.row, shown.row.state) };
    const fresh = freshSnapshot(row, {
      lanes: await readLanes(shown.applied, shown.row.source),
      now: await clockOf(shown.applied),
      running,
      ...(figures && { figures }),
    });
    const record = recordOf(place.row.cutover);
    const follow = back ? inWordsOfMigration(fresh, record && snapshotOf(record, Date.now(), true)) : fresh;
    const unreachable = place.sourceFault ?? fault;
    const { saidAt } = shown.row;
    return {
      ...head,
      follow,
      ...(saidAt !== undefined && { at: saidAt }),
      ...(unreachable && { unreachable: unreachable.toData() }),
    };
  });
}

const nameOf = (spec: FollowSpecs['source']): string => `${describeServer(spec)}/${spec.database}`;

/** After the hand-over the old source keeps the state of the way back. */
async function wayBackOf({ source, target, row }: FollowPlace): Promise<FollowRow | undefined> {
  if (source === undefined || (row?.state !== 'wayBack' && row?.state !== 'handedOver')) return undefined;
  const back = await readFollow(source, await databaseIdentity(target));
  return back?.wayBack && back.startLsn !== undefined ? back : undefined;
}

async function readFigures(changed: Session | undefined, slot: string) {
  if (changed === undefined) return {};
  try {
    return { figures: await followFigures(changed, slot) };
  } catch (error) {
    return { fault: toFault(error, { side: 'source' }) };
  }
}

/** By which `said_at` was written; milliseconds since the epoch. */
async function clockOf(session: Session): Promise<number> {
  const { rows } = await session.query<{ now: string }>(
    `SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000)::bigint::text AS now`,
  );
  return Number(rows[0]?.now ?? 0);
}
