interface Preparable {
  readonly sql: string;
  readonly prepared?: boolean;
}

/** A step and the name of its statement. */
export interface NamedStep<Step> {
  readonly step: Step;
  /** Empty for the unnamed statement. */
  readonly name: string;
  /** Not on the server yet: to be parsed first. */
  readonly fresh: boolean;
}

export interface NamedSteps<Step> {
  readonly steps: readonly NamedStep<Step>[];
  /** Names to be closed before anything else, where nothing can keep the server from it. */
  readonly closes: readonly string[];
}

/** Of the process, so that two owners of one connection never meet. */
let names = 0;

/** Which statements the server keeps for a connection: those used last, never more than `limit`. */
export class PreparedStatements {
  /** Names by text, least recently used first. */
  private readonly kept = new Map<string, string>();
  private obsolete: string[] = [];

  constructor(private readonly limit: number) {}

  /** Statements of one run do not evict each other: what is more than `limit` of them stays unnamed. */
  use<Step extends Preparable>(steps: readonly Step[]): NamedSteps<Step> {
    const used = new Set<string>();
    const named = steps.map((step) => {
      const { sql } = step;
      const known = this.kept.get(sql);
      if (step.prepared !== true || (known === undefined && !this.makeRoom(used))) {
        return { step, name: '', fresh: true };
      }
      const name = known ?? `flexferry_${++names}`;
      used.add(sql);
      this.kept.delete(sql);
      this.kept.set(sql, name);
      return { step, name, fresh: known === undefined };
    });
    const closes = this.obsolete;
    this.obsolete = [];
    return { steps: named, closes };
  }

  /** The step `index` failed, whatever the reason: its statement may fit the table no more. Those behind did not run. */
  failed(steps: readonly NamedStep<Preparable>[], index: number): void {
    for (const [at, { step, name, fresh }] of steps.entries()) {
      const lost = at === index || (at > index && fresh);
      if (!lost || name === '' || this.kept.get(step.sql) !== name) continue;
      this.kept.delete(step.sql);
      // Those behind were never parsed.
      if (at === index) this.obsolete.push(name);
    }
  }

  /** Is to be prepared anew. A rule that made nothing of a statement keeps its plan from noticing that the rule is gone. */
  forget(sql: string): void {
    const name = this.kept.get(sql);
    if (name === undefined) return;
    this.kept.delete(sql);
    this.obsolete.push(name);
  }

  private makeRoom(used: ReadonlySet<string>): boolean {
    if (this.kept.size < this.limit) return true;
    const [oldest] = this.kept;
    if (oldest === undefined) return false;
    const [sql, name] = oldest;
    if (used.has(sql)) return false;
    this.kept.delete(sql);
    this.obsolete.push(name);
    return true;
  }
}
