import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunEvent } from '../../protocol/model.js';
import { Fault } from '../errors/fault.js';

/** events.jsonl of a run: every event but `progress`, one JSON object a line. */
export class EventLog {
  private broken = false;

  private constructor(private readonly stream: WriteStream) {
    // A full disk must not end a migration: the report says what counts.
    stream.on('error', () => {
      this.broken = true;
    });
  }

  static async open(directory: string): Promise<EventLog> {
    try {
      await mkdir(directory, { recursive: true });
      const stream = createWriteStream(join(directory, 'events.jsonl'), { flags: 'a' });
      await once(stream, 'open');
      return new EventLog(stream);
    } catch (error) {
      throw new Fault('FF703', `The folder ${directory} cannot be written to.`, { cause: error });
    }
  }

  write(event: RunEvent): void {
    if (!this.broken && event.event !== 'progress') this.stream.write(`${JSON.stringify(event)}\n`);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.broken) resolve();
      else this.stream.end(resolve);
    });
  }
}
