import { firstWithMessages, mayMakeEventTriggers } from '../catalog/eventTriggers.js';
import type { DatabaseJob } from '../databaseJob.js';
import type { Session } from '../postgres/session.js';
import {
  foreignDdlTrigger,
  hasDdlTrigger,
  makeDdlTrigger,
  ownDdlSetting,
} from '../replication/ddlTrigger.js';

/**
 * With consent alone (ddlTrigger), before the slot is made: then no DDL behind its snapshot is missed. What an earlier
 * run was allowed to make is used until the clean-up. What cannot be is left, as the assessment told.
 * @returns whether the source tells of its DDL.
 */
export async function tellOfDdl(job: DatabaseJob, slot: string, source: Session): Promise<boolean> {
  if (source.versionNum < firstWithMessages) return false;
  if (job.online?.ddlTrigger !== true) return hasDdlTrigger(source, slot);
  const foreign = await foreignDdlTrigger(source, slot);
  const why =
    foreign === undefined
      ? (await mayMakeEventTriggers(source)) || (await hasDdlTrigger(source, slot))
        ? undefined
        : 'the user may not make event triggers there'
      : `the ${foreign} is there and was not made by this migration`;
  if (why !== undefined) {
    job.tracker.log('warning', `DDL of the source is not noticed: ${why}`);
    return false;
  }
  if (!(await hasDdlTrigger(source, slot))) await makeDdlTrigger(source, slot);
  return true;
}

/** What a run itself does to the source is not to be told. */
export async function quietDdl(source: Session): Promise<void> {
  await source.script(ownDdlSetting);
}
