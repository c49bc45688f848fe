import { plural } from '../../base/format.js';
import { Fault } from '../errors/fault.js';
import { ident, literal } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';
import { fenceSetting, preparedTransactions, writeSettings } from './fenceFacts.js';
import { endSessions, type LeftSession, writersLeft } from './fenceSessions.js';

/**
 * How to put the source back as it was: plain JSON, kept in flexferry.follow.undo under `fence` before anything is
 * changed.
 */
export interface FenceRecord {
  readonly database: string;
  /** By the clock of the source, as timestamptz text: sessions that begin from here on are read-only. */
  readonly at: string;
  /** Of the database; null where it had none. */
  readonly setting: string | null;
  /** Roles whose own setting would win, with what they had in this database. */
  readonly roles: readonly { readonly role: string; readonly setting: string | null }[];
}

export interface FenceOptions {
  readonly signal: AbortSignal;
  /** How long others may take to go, milliseconds. */
  readonly limitMs?: number;
}

/** What a session that was told to end may take: it notices at its next step, which is soon unless it waits for a disk. */
const defaultLimitMs = 15_000;
const lockTimeout = `SET LOCAL lock_timeout = '10s'`;

/** Reads what has to be put back later. Rejects with FF841 where this user may not change all of it. */
export async function planFence(session: Session): Promise<FenceRecord> {
  const { former, roles } = await writeSettings(session);
  const untouchable = roles.filter(({ mayChange }) => !mayChange).map(({ role }) => role);
  if (untouchable.length > 0)
    throw new Fault(
      'FF841',
      `The user ${session.spec.user} may not change ${fenceSetting} of the role ${untouchable.join(', ')}.`,
    );
  const { rows } = await session.query<{ database: string; at: string }>(
    'SELECT pg_catalog.current_database() AS database, pg_catalog.clock_timestamp()::text AS at',
  );
  return {
    database: rows[0]?.database ?? session.spec.database,
    at: rows[0]?.at ?? '',
    setting: former,
    roles: roles.map(({ role, former: setting }) => ({ role, setting })),
  };
}

/**
 * Makes every session of the source database that begins from now on read-only, ends those that are there, and proves
 * that nobody is left who is writing. The session itself, and those of a migration, stay and may write. Again costs
 * nothing. A session may still ask for a transaction that is read-write: whether one did is seen after the drain.
 * @returns how many were ended, and who stays because this user may not end it.
 * @throws Fault FF841 where the settings may not be changed, FF842 where somebody is left who writes.
 */
export async function fenceSource(
  session: Session,
  record: FenceRecord,
  { signal, limitMs = defaultLimitMs }: FenceOptions,
): Promise<{ readonly ended: number; readonly stays: readonly LeftSession[] }> {
  await requireNoPrepared(session);
  await allowWriting(session);
  try {
    await session.script(`${lockTimeout}; ${settingSql(record, () => 'on').join('; ')}`);
  } catch (error) {
    if (!(error instanceof Fault) || error.sqlstate !== '42501') throw error;
    throw new Fault('FF841', `The source cannot be made read-only: ${error.message}`, { cause: error });
  }
  const end = Date.now() + limitMs;
  const { ended, left } = await endSessions(session, { from: undefined, end, signal });
  const open = left.filter(({ mayEnd }) => mayEnd);
  if (open.length > 0) throw notFenced(`${describe(open)} did not end`);
  const writers = await writersLeft(session, end, signal);
  if (writers.length > 0) throw notFenced(`${describe(writers)} has a writing transaction open`);
  await requireNoPrepared(session);
  return { ended, stays: left };
}

async function requireNoPrepared(session: Session): Promise<void> {
  const prepared = await preparedTransactions(session);
  if (prepared > 0) throw notFenced(`${plural(prepared, 'prepared transaction')} can still be committed`);
}

const notFenced = (why: string): Fault => new Fault('FF842', `The source could not be fenced: ${why}.`);

/** Roles, programs and process ids: never what they were doing. */
export function describe(sessions: readonly LeftSession[]): string {
  const [first] = sessions;
  const who = first
    ? `${first.role}${first.program === '' ? '' : ` (${first.program})`}, process ${first.pid}`
    : '';
  return sessions.length === 1
    ? `a session of ${who}`
    : `${plural(sessions.length, 'session')}, the first of ${who},`;
}

/** True while every setting of the fence stands: nobody has taken it away meanwhile. */
export async function fenceStands(session: Session, record: FenceRecord): Promise<boolean> {
  const { former, roles } = await writeSettings(session);
  return isOn(former) && !roles.some(({ role }) => record.roles.some((known) => known.role === role));
}

/** True where everything is as it was before, so that nothing is left to be put back. */
export async function isLifted(session: Session, record: FenceRecord): Promise<boolean> {
  const { former, roles } = await writeSettings(session);
  const isBack = ({ role, setting }: FenceRecord['roles'][number]): boolean =>
    roles.some((now) => now.role === role && now.former === setting);
  return former === record.setting && record.roles.every(isBack);
}

const isOn = (setting: string | null): boolean => setting !== null && /^(on|t.*|y.*|1)$/i.test(setting);

/**
 * Puts back exactly what was, and ends the sessions that began behind the fence: they would stay read-only for as long
 * as their pools keep them. Where it is lifted already nobody is disturbed.
 */
export async function liftFence(
  session: Session,
  record: FenceRecord,
  { signal, limitMs = defaultLimitMs }: FenceOptions,
): Promise<{ readonly ended: number }> {
  if (await isLifted(session, record)) return { ended: 0 };
  await allowWriting(session);
  const { rows } = await session.query<{ role: string }>(
    'SELECT r.rolname AS role FROM pg_catalog.pg_roles r WHERE r.rolname = ANY ($1::text[])',
    [record.roles.map(({ role }) => role)],
  );
  const there = new Set(rows.map(({ role }) => role));
  const roles = record.roles.filter(({ role }) => there.has(role));
  await session.script(
    `${lockTimeout}; ${settingSql({ ...record, roles }, (setting) => setting).join('; ')}`,
  );
  const end = Date.now() + limitMs;
  return await endSessions(session, { from: record.at, end, signal });
}

/** What takes the fence away by hand. */
export function liftSql(record: FenceRecord): string {
  return `${settingSql(record, (setting) => setting).join('; ')};`;
}

/** A session that begins behind the fence is read-only itself, and ALTER DATABASE refused there. */
async function allowWriting(session: Session): Promise<void> {
  await session.query(`SET ${fenceSetting} = off`);
}

function settingSql(
  { database, setting, roles }: FenceRecord,
  valueFor: (former: string | null) => string | null,
): string[] {
  const change = (value: string | null): string =>
    value === null ? `RESET ${fenceSetting}` : `SET ${fenceSetting} = ${literal(value)}`;
  return [
    `ALTER DATABASE ${ident(database)} ${change(valueFor(setting))}`,
    ...roles.map(
      ({ role, setting: own }) =>
        `ALTER ROLE ${ident(role)} IN DATABASE ${ident(database)} ${change(valueFor(own))}`,
    ),
  ];
}
