import type { CutoverRequest } from '../cutover/steps.js';
import { cutOverGroup } from './cutoverDatabase.js';
import type { CutoverParts } from './cutoverParts.js';

/** Requests of one id come into several target databases one after the other; so long the first waits, milliseconds. */
const gatherMs = 1_000;

interface Waiting {
  readonly parts: CutoverParts[];
  readonly done: Promise<'handedOver' | 'undone'>;
}

/** Cuts the databases of a run over together that were asked for under one id. */
export class CutoverDesk {
  private readonly waiting = new Map<string, Waiting>();

  cutOver(request: CutoverRequest, parts: CutoverParts): Promise<'handedOver' | 'undone'> {
    const known = this.waiting.get(request.id);
    if (known) {
      known.parts.push(parts);
      return known.done;
    }
    const all = [parts];
    const done = this.gathered(request.id, all);
    this.waiting.set(request.id, { parts: all, done });
    return done;
  }

  private async gathered(id: string, all: readonly CutoverParts[]): Promise<'handedOver' | 'undone'> {
    await new Promise((resolve) => setTimeout(resolve, gatherMs));
    this.waiting.delete(id);
    return cutOverGroup(all);
  }
}
