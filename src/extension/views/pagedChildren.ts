import type { FaultData } from '../../protocol/connection.js';

export interface Page<Item> {
  readonly items: readonly Item[];
  /** Cursor of the next page; absent at the end. */
  readonly next?: string;
}

interface Level<Item> {
  items: readonly Item[];
  next?: string;
  fault?: FaultData;
  cancelled: boolean;
  complete: boolean;
  pending?: { readonly abort: AbortController; readonly done: Promise<void> };
}

/** What is known of one level of a tree right now. */
export interface LevelView<Item> {
  readonly items: readonly Item[];
  readonly tail?: 'more' | 'loading' | 'empty' | 'fault';
  readonly fault?: FaultData;
}

/** How long an expanded node may wait before it shows a "Loading…" child that can be cancelled. */
const patienceMs = 300;

/**
 * The children of a lazily loaded tree, one entry a level, page by page. A level that takes long is shown as it is,
 * with a loading node, and `changed` is called when there is more to show: a slow server never blocks the tree.
 */
export class PagedChildren<Item> {
  readonly #levels = new Map<string, Level<Item>>();

  constructor(
    private readonly changed: (id: string) => void,
    private readonly toFault: (error: unknown) => FaultData,
  ) {}

  /** Children of level `id`; the first call loads its first page. */
  async view(
    id: string,
    load: (after: string | undefined, signal: AbortSignal) => Promise<Page<Item>>,
  ): Promise<LevelView<Item>> {
    const level = this.#levels.get(id) ?? this.#begin(id, load);
    if (level.pending) {
      const late = await Promise.race([
        level.pending.done.then(() => false),
        new Promise<boolean>((resolve) => setTimeout(() => resolve(true), patienceMs)),
      ]);
      // The owner is told once the page is here, but only if it was shown without it.
      if (late && level.pending) void level.pending.done.then(() => this.changed(id));
    }
    return this.#show(level);
  }

  /** Loads the next page of a level, or the failed one again. */
  more(id: string, load: (after: string | undefined, signal: AbortSignal) => Promise<Page<Item>>): void {
    const level = this.#levels.get(id);
    if (!level || level.pending) return;
    this.#load(level, load);
    this.changed(id);
  }

  cancel(id: string): void {
    this.#levels.get(id)?.pending?.abort.abort();
  }

  /** Forgets a level and everything below it. */
  forget(id: string): void {
    for (const [key, level] of this.#levels) {
      if (key !== id && !key.startsWith(`${id}/`)) continue;
      level.pending?.abort.abort();
      this.#levels.delete(key);
    }
  }

  forgetAll(): void {
    for (const level of this.#levels.values()) level.pending?.abort.abort();
    this.#levels.clear();
  }

  #begin(
    id: string,
    load: (after: string | undefined, signal: AbortSignal) => Promise<Page<Item>>,
  ): Level<Item> {
    const level: Level<Item> = { items: [], cancelled: false, complete: false };
    this.#levels.set(id, level);
    this.#load(level, load);
    return level;
  }

  #load(
    level: Level<Item>,
    load: (after: string | undefined, signal: AbortSignal) => Promise<Page<Item>>,
  ): void {
    const abort = new AbortController();
    delete level.fault;
    level.cancelled = false;
    const cancelled = new Promise<never>((_, reject) => {
      abort.signal.addEventListener('abort', () => reject(new Error('cancelled')), { once: true });
    });
    const run = async (): Promise<void> => {
      try {
        const page = await Promise.race([load(level.next, abort.signal), cancelled]);
        level.items = [...level.items, ...page.items];
        level.complete = page.next === undefined;
        if (page.next === undefined) delete level.next;
        else level.next = page.next;
      } catch (error) {
        if (abort.signal.aborted) level.cancelled = true;
        else level.fault = this.toFault(error);
      } finally {
        delete level.pending;
      }
    };
    level.pending = { abort, done: run() };
  }

  #show(level: Level<Item>): LevelView<Item> {
    if (level.pending) return { items: level.items, tail: 'loading' };
    if (level.fault) return { items: level.items, tail: 'fault', fault: level.fault };
    if (level.cancelled) return { items: level.items, tail: 'fault' };
    if (!level.complete) return { items: level.items, tail: 'more' };
    return level.items.length === 0 ? { items: [], tail: 'empty' } : { items: level.items };
  }
}
