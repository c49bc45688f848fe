import type { Socket } from 'node:net';
import type pg from 'pg';
import { toFault } from '../errors/mapError.js';
import type { CopyResult } from './copyRelay.js';
import type { Session } from './session.js';

/**
 * Several small tables at once: one message with many COPY commands to each server, so that a batch costs two round
 * trips instead of three a table. The data of the batch is held in memory.
 */
export interface CopiedData extends CopyResult {
  readonly data: Buffer;
}

interface Wire {
  readonly stream: Socket;
  query(text: string): void;
}
interface Handlers {
  readonly start: (wire: Wire) => void;
  readonly onData?: (chunk: Buffer) => void;
  /** `rows` of each COPY, in the order of the commands. */
  readonly onCopied: (rows: number) => void;
}

const copyTag = /^COPY (\d+)$/;

/** A query that the driver lets run while we write and read its COPY data. */
class CopyScript implements pg.Submittable {
  readonly done: Promise<void>;
  private resolve!: () => void;
  private reject!: (error: unknown) => void;

  constructor(private readonly handlers: Handlers) {
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
  submit(connection: pg.Connection): void {
    this.handlers.start(connection as unknown as Wire);
  }
  handleCopyInResponse(): void {}
  handleCopyData(message: { chunk: Buffer }): void {
    this.handlers.onData?.(message.chunk);
  }
  handleCommandComplete(message: { text: string }): void {
    const rows = copyTag.exec(message.text)?.[1];
    if (rows !== undefined) this.handlers.onCopied(Number(rows));
  }
  handleReadyForQuery(): void {
    this.resolve();
  }
  handleError(error: unknown): void {
    this.reject(error);
  }
}

async function run(session: Session, side: 'source' | 'target', handlers: Handlers): Promise<void> {
  const script = new CopyScript(handlers);
  session.client.query(script);
  try {
    await script.done;
  } catch (error) {
    throw toFault(error, { side });
  }
}

/** Runs COPY … TO STDOUT commands in one message; answers in their order. Rejects with a Fault. */
export async function readCopies(source: Session, commands: readonly string[]): Promise<CopiedData[]> {
  const copied: CopiedData[] = [];
  let chunks: Buffer[] = [];
  await run(source, 'source', {
    start: (wire) => wire.query(commands.join('; ')),
    // The driver goes on using its buffer.
    onData: (chunk) => chunks.push(Buffer.from(chunk)),
    onCopied: (rows) => {
      const data = Buffer.concat(chunks);
      chunks = [];
      copied.push({ rows, bytes: data.length, data });
    },
  });
  return copied;
}

const copyDoneMessage = Buffer.from([0x63, 0, 0, 0, 4]);

/**
 * Runs a script with as many COPY … FROM STDIN in it as there are data, and sends the data behind it without waiting
 * for the server to ask: it takes each when it comes to its COPY, and ignores what is left after an error.
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY
 */
export async function writeCopies(target: Session, script: string, data: readonly Buffer[]): Promise<void> {
  await run(target, 'target', {
    start: (wire) => {
      wire.query(script);
      for (const payload of data) {
        if (payload.length > 0) {
          const header = Buffer.alloc(5);
          header.writeUInt8(0x64, 0);
          header.writeUInt32BE(payload.length + 4, 1);
          wire.stream.write(header);
          wire.stream.write(payload);
        }
        wire.stream.write(copyDoneMessage);
      }
    },
    onCopied: () => {},
  });
}
