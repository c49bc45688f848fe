import type { ConnectionSpec } from '../../protocol/connection.js';
import { databaseIdentity } from '../catalog/server.js';
import { Fault } from '../errors/fault.js';
import { toFault } from '../errors/mapError.js';
import { connect } from '../postgres/connect.js';
import type { Session } from '../postgres/session.js';
import { type FollowRow, readFollows } from '../run/followState.js';

/** Both databases of an online migration. */
export interface FollowSpecs {
  readonly source: ConnectionSpec;
  readonly target: ConnectionSpec;
}

/** What can be reached of an online migration, seen from outside of its run. */
export interface FollowPlace {
  readonly target: Session;
  readonly source?: Session;
  /** Why there is no session to the source. */
  readonly sourceFault?: Fault;
  /** Identity of the source; undefined where neither the source nor the target knows it. */
  readonly identity?: string;
  /** What the target says about the source; undefined where nothing of it is followed into this target. */
  readonly row?: FollowRow;
}

/** Rejects where the target cannot be reached; the source may be down. */
export async function withFollowPlace<T>(
  specs: FollowSpecs,
  signal: AbortSignal | undefined,
  use: (place: FollowPlace) => Promise<T>,
): Promise<T> {
  const options = { ...(signal && { signal }) };
  const [target, source] = await Promise.allSettled([
    connect(specs.target, 'control', { ...options, side: 'target' }),
    connect(specs.source, 'control', { ...options, side: 'source' }),
  ]);
  const sessions = [target, source].flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const stop = (): void => {
    for (const session of sessions) session.destroy();
  };
  signal?.addEventListener('abort', stop, { once: true });
  try {
    signal?.throwIfAborted();
    if (target.status === 'rejected') throw target.reason;
    // An old source keeps the state of the way back, and may be fenced.
    // What is said to have been asked outlives a crash of the target.
    await target.value.script('SET default_transaction_read_only = off; SET synchronous_commit = on');
    return await use(
      await findFollow(
        target.value,
        source.status === 'fulfilled' ? source.value : toFault(source.reason, { side: 'source' }),
        specs,
      ),
    );
  } catch (error) {
    if (signal?.aborted)
      throw new Fault('FF509', 'It was interrupted.', { fix: 'Call it again: nothing else is to be done.' });
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
    await Promise.all(sessions.map((session) => session.close()));
  }
}

/** A source that is down cannot say who it is: then the only one of its name in the target will do. */
async function findFollow(
  target: Session,
  source: Session | Fault,
  specs: FollowSpecs,
): Promise<FollowPlace> {
  const rows = await readFollows(target);
  if (source instanceof Fault) {
    const alike = rows.filter((row) => row.source.endsWith(`/${specs.source.database}`));
    const [row] = alike.length === 1 ? alike : [];
    return { target, sourceFault: source, ...(row && { row, identity: row.source }) };
  }
  const identity = await databaseIdentity(source);
  const row = rows.find((one) => one.source === identity);
  return { target, source, identity, ...(row && { row }) };
}
