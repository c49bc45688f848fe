import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunSnapshot } from '../../protocol/model.js';
import { snapshotFile } from '../../protocol/report.js';

/** At most so often it is written, milliseconds. */
const everyMs = 3_000;

/**
 * The figures of a run as they were a moment ago, beside its events, until the report takes their place: what is known of
 * a run that is killed. What cannot be written is left: it is a convenience.
 */
export class LastSnapshot {
  private latest: RunSnapshot | undefined;
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();
  private readonly path: string;

  constructor(directory: string) {
    this.path = join(directory, snapshotFile);
  }

  note(snapshot: RunSnapshot): void {
    this.latest = { ...snapshot, endedAt: Date.now() };
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.writing = this.writing.then(() => this.write());
    }, everyMs).unref();
  }

  /** The report is written. */
  async remove(): Promise<void> {
    clearTimeout(this.timer);
    this.latest = undefined;
    await this.writing;
    await rm(this.path, { force: true }).catch(() => {});
  }

  /** Whoever reads it finds all of it, whenever this is killed. */
  private async write(): Promise<void> {
    if (this.latest === undefined) return;
    const next = `${this.path}.next`;
    try {
      await writeFile(next, `${JSON.stringify(this.latest)}\n`);
      await rename(next, this.path);
    } catch {
      await rm(next, { force: true }).catch(() => {});
    }
  }
}
