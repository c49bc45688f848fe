import * as vscode from 'vscode';
import type { FaultData } from '../../../protocol/connection.js';
import { toFault } from '../../faults.js';

export type Reading<Value> =
  | { readonly state: 'waiting' | 'loading' }
  | { readonly state: 'ready'; readonly value: Value }
  | { readonly state: 'failed'; readonly fault: FaultData };

type Work<Value> = (token: vscode.CancellationToken) => Promise<Value>;

/** Answers of the engine by key: each is asked for once, a few at a time, and again only when the user wants it. */
export class Readings<Value> implements vscode.Disposable {
  readonly #all = new Map<string, Reading<Value>>();
  readonly #running = new Map<string, vscode.CancellationTokenSource>();
  readonly #queue: (readonly [key: string, work: Work<Value>])[] = [];
  #disposed = false;

  constructor(
    private readonly limit: number,
    private readonly changed: (key: string) => void,
  ) {}

  get(key: string): Reading<Value> | undefined {
    return this.#all.get(key);
  }

  values(): Value[] {
    return [...this.#all.values()].flatMap((reading) => (reading.state === 'ready' ? [reading.value] : []));
  }

  /** Asks unless it was asked before. */
  ensure(key: string, work: Work<Value>): void {
    if (this.#disposed || this.#all.has(key)) return;
    this.#all.set(key, { state: 'waiting' });
    this.#queue.push([key, work]);
    this.#next();
  }

  /** Forgets answers, so that the next {@link ensure} asks again. */
  forget(key: string): void {
    this.cancel(key);
    this.#all.delete(key);
  }

  forgetAll(): void {
    for (const key of [...this.#all.keys()]) this.forget(key);
  }

  cancel(key: string): void {
    const waiting = this.#queue.findIndex(([queued]) => queued === key);
    if (waiting >= 0) this.#queue.splice(waiting, 1);
    const running = this.#running.get(key);
    running?.cancel();
    if (waiting < 0 && !running) return;
    const fault = {
      code: 'FF509',
      message: vscode.l10n.t('Cancelled.'),
      fix: vscode.l10n.t('Retry when you like.'),
    } as const;
    this.#all.set(key, { state: 'failed', fault });
    this.changed(key);
  }

  dispose(): void {
    this.#disposed = true;
    this.#queue.length = 0;
    for (const source of this.#running.values()) source.cancel();
  }

  #next(): void {
    while (this.#running.size < this.limit) {
      const [key, work] = this.#queue.shift() ?? [];
      if (key === undefined || !work) return;
      const source = new vscode.CancellationTokenSource();
      this.#running.set(key, source);
      this.#all.set(key, { state: 'loading' });
      this.changed(key);
      void this.#run(key, work, source);
    }
  }

  async #run(key: string, work: Work<Value>, source: vscode.CancellationTokenSource): Promise<void> {
    let reading: Reading<Value>;
    try {
      reading = { state: 'ready', value: await work(source.token) };
    } catch (error) {
      reading = { state: 'failed', fault: toFault(error) };
    }
    const current = this.#running.get(key) === source;
    if (current) this.#running.delete(key);
    const wanted = current && !source.token.isCancellationRequested && !this.#disposed;
    source.dispose();
    if (wanted) {
      this.#all.set(key, reading);
      this.changed(key);
    }
    if (!this.#disposed) this.#next();
  }
}
