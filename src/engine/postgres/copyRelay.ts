import type { Socket } from 'node:net';
import type pg from 'pg';
import { toFault } from '../errors/mapError.js';
import type { Session } from './session.js';

/** What went through one COPY. `bytes` counts the COPY data itself, without message headers. */
export interface CopyResult {
  readonly rows: number;
  readonly bytes: number;
}

// Message types of the frontend/backend protocol. https://www.postgresql.org/docs/current/protocol-message-formats.html
const copyOutResponse = 0x48; // H
const copyData = 0x64; // d
const noticeResponse = 0x4e; // N
const parameterStatus = 0x53; // S
const copyDoneMessage = Buffer.from([0x63, 0, 0, 0, 4]);
const headerBytes = 5;

/** The parts of the driver that are used here and not in its typings. */
interface Wire {
  readonly stream: Socket;
  query(text: string): void;
  sendCopyFail(message: string): void;
}
interface Submittable extends pg.Submittable {
  handleCommandComplete(message: { text: string }): void;
  handleReadyForQuery(): void;
  handleError(error: unknown): void;
  handleCopyInResponse?(connection: unknown): void;
}
const wire = (connection: unknown): Wire => connection as Wire;
const rowsOf = (tag: string): number => Number(/^COPY (\d+)$/.exec(tag)?.[1] ?? 0);

/** COPY … FROM STDIN on the target: ready once the server asks for data, done once it has committed to a row count. */
class CopyIn implements Submittable {
  readonly ready: Promise<Wire>;
  readonly done: Promise<number>;
  failed = false;
  private rows = 0;
  private isReady!: (wire: Wire) => void;
  private isDone!: (rows: number) => void;
  private fail!: (error: unknown) => void;

  constructor(private readonly sql: string) {
    let failReady!: (error: unknown) => void;
    let failDone!: (error: unknown) => void;
    this.ready = new Promise((resolve, reject) => {
      this.isReady = resolve;
      failReady = reject;
    });
    this.done = new Promise((resolve, reject) => {
      this.isDone = resolve;
      failDone = reject;
    });
    this.fail = (error) => {
      this.failed = true;
      failReady(error);
      failDone(error);
    };
    // Either may be awaited late or never: the reason is taken where it matters.
    this.ready.catch(() => {});
    this.done.catch(() => {});
  }
  submit(connection: pg.Connection): void {
    wire(connection).query(this.sql);
  }
  handleCopyInResponse(connection: unknown): void {
    this.isReady(wire(connection));
  }
  handleCommandComplete(message: { text: string }): void {
    if (message.text.startsWith('COPY')) this.rows = rowsOf(message.text);
  }
  handleReadyForQuery(): void {
    this.isDone(this.rows);
  }
  handleError(error: unknown): void {
    this.fail(error);
  }
}

/**
 * COPY … TO STDOUT on the source. Takes the socket over from the driver while data flows, reads only the five-byte
 * headers to find where the stream ends, and hands every byte of the CopyData messages on as it came; the rest goes
 * back to the driver.
 */
class CopyOut implements Submittable {
  readonly done: Promise<CopyResult>;
  /** True while a message has been handed on in part only. */
  get inMessage(): boolean {
    return this.remaining > 0;
  }
  private bytes = 0;
  private rows = 0;
  private remaining = 0;
  private skipping = 0;
  private started = false;
  private rest: Buffer = Buffer.alloc(0);
  private stream!: Socket;
  private driver!: (chunk: Buffer) => void;
  private isDone!: (result: CopyResult) => void;
  private fail!: (error: unknown) => void;
  private readonly onData = (chunk: Buffer): void => this.consume(chunk);

  constructor(
    private readonly sql: string,
    private readonly sink: (data: Buffer, payload: number) => void,
  ) {
    this.done = new Promise((resolve, reject) => {
      this.isDone = resolve;
      this.fail = reject;
    });
    this.done.catch(() => {});
  }
  submit(connection: pg.Connection): void {
    this.stream = wire(connection).stream;
    this.driver = this.stream.listeners('data')[0] as (chunk: Buffer) => void;
    this.stream.removeListener('data', this.driver);
    this.stream.on('data', this.onData);
    wire(connection).query(this.sql);
  }
  handleCommandComplete(message: { text: string }): void {
    this.rows = rowsOf(message.text);
  }
  handleCopyData(): void {}
  handleReadyForQuery(): void {
    this.isDone({ rows: this.rows, bytes: this.bytes });
  }
  handleError(error: unknown): void {
    this.fail(error);
  }

  private consume(incoming: Buffer): void {
    const chunk = this.rest.length > 0 ? Buffer.concat([this.rest, incoming]) : incoming;
    this.rest = Buffer.alloc(0);
    let offset = 0;
    let from = 0;
    let payload = 0;
    const hand = (to: number): void => {
      if (to > from) {
        this.bytes += payload;
        this.sink(chunk.subarray(from, to), payload);
      }
      payload = 0;
    };
    for (;;) {
      if (this.remaining > 0) {
        const take = Math.min(this.remaining, chunk.length - offset);
        offset += take;
        this.remaining -= take;
        payload += take;
      } else if (this.skipping > 0) {
        const take = Math.min(this.skipping, chunk.length - offset);
        offset += take;
        this.skipping -= take;
        from = offset;
      }
      if (chunk.length - offset < headerBytes) break;
      const type = chunk[offset];
      const length = chunk.readUInt32BE(offset + 1) + 1;
      if (type === copyData) {
        this.remaining = length - headerBytes;
        offset += headerBytes;
      } else if (
        type === noticeResponse ||
        type === parameterStatus ||
        (type === copyOutResponse && !this.started)
      ) {
        hand(offset);
        this.started = true;
        this.skipping = length;
        from = offset;
      } else {
        hand(offset);
        this.giveBack(chunk.subarray(offset));
        return;
      }
    }
    hand(offset);
    if (offset < chunk.length) this.rest = chunk.subarray(offset);
  }

  private giveBack(rest: Buffer): void {
    this.stream.removeListener('data', this.onData);
    this.stream.on('data', this.driver);
    this.driver(rest);
  }
}

/**
 * Copies between two servers: `copyOut` is a COPY … TO STDOUT for the source, `copyIn` ends with a COPY … FROM STDIN
 * for the target and may begin with other statements (BEGIN, TRUNCATE) in the same message. Values stay bytes.
 * On success both sessions are usable and the target is still in the transaction that `copyIn` opened. On failure
 * the promise rejects with the {@link Fault} of the side that failed first; the source session is destroyed (its
 * backend may be stuck sending) and the target may be, too: ask `closed`.
 */
export async function relayCopy(
  source: Session,
  target: Session,
  copyOut: string,
  copyIn: string,
  what: string,
  onBytes: (bytes: number) => void,
): Promise<CopyResult> {
  const sourceStream = wire((source.client as unknown as { connection: unknown }).connection).stream;
  const input = new CopyIn(copyIn);
  let targetWire: Wire | undefined;
  const waiting: Buffer[] = [];
  const output = new CopyOut(copyOut, (data, payload) => {
    onBytes(payload);
    if (!targetWire) {
      waiting.push(data);
      sourceStream.pause();
    } else if (!targetWire.stream.write(data)) {
      sourceStream.pause();
      targetWire.stream.once('drain', () => sourceStream.resume());
    }
  });
  target.client.query(input);
  source.client.query(output);
  try {
    const failure = input.done.then(() => new Promise<never>(() => {}));
    // Nobody waits for it where the target refuses before it asks for data.
    failure.catch(() => {});
    targetWire = await input.ready;
    for (const data of waiting.splice(0)) targetWire.stream.write(data);
    sourceStream.resume();
    const result = await Promise.race([output.done, failure]);
    targetWire.stream.write(copyDoneMessage);
    const rows = await input.done;
    return { rows, bytes: result.bytes };
  } catch (error) {
    const side = input.failed ? 'target' : 'source';
    if (side === 'source' && !target.closed) await failTarget(input, output, target, targetWire);
    source.destroy();
    throw toFault(error, { side, what });
  }
}

/** How long the target may take to answer that its COPY has ended, milliseconds. */
const answerWait = 10_000;

/** The source failed: end the COPY on the target, politely where its message stream is whole. */
async function failTarget(
  input: CopyIn,
  output: CopyOut,
  target: Session,
  targetWire: Wire | undefined,
): Promise<void> {
  if (!targetWire || output.inMessage) {
    target.destroy();
    return;
  }
  targetWire.sendCopyFail('the source failed');
  const silent = setTimeout(() => target.destroy(), answerWait);
  await input.done.catch(() => {});
  clearTimeout(silent);
}
