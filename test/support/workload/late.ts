import { sessionSettings } from './schema.js';
import type { Running } from './seed.js';
import { insistently } from './sessions.js';

/** The table of a seed that comes to be while changes are followed. */
export class LateSubject {
  #made = false;
  /** Events of the run, and processes, when it was asked to take the table in. */
  #asked: { readonly events: number; readonly starts: number } | undefined;

  constructor(private readonly running: Running) {}

  /** The run has taken it in, or there is none. */
  get isTaken(): boolean {
    if (this.running.workload.schema.late === undefined) return true;
    const asked = this.#asked;
    if (asked === undefined) return false;
    const { events, starts } = this.running.run;
    const isCopying = events
      .slice(asked.events)
      .some((event) => event.event === 'follow' && event.state === 'copying');
    return isCopying || starts > asked.starts;
  }

  /** Makes it, and asks for it, if that is not done; a run that is just ended does not hear. */
  async begin(): Promise<void> {
    const { pair, database, workload, run } = this.running;
    const { late } = workload.schema;
    if (late === undefined || this.#asked !== undefined) return;
    const setup = [sessionSettings, ...late.ddl, ...late.fill].join(';\n');
    if (!this.#made) {
      await insistently(() => pair.source.query(database, setup));
      this.#made = true;
      workload.join(late);
    }
    const before = { events: run.events.length, starts: run.starts };
    if ((await run.command('add-tables', [])).code === 0) this.#asked = before;
  }
}
