/**
 * Messages of the extended protocol, written one behind the other into blocks, so that many small ones go out in one
 * write. https://www.postgresql.org/docs/current/protocol-message-formats.html
 */

const blockBytes = 64 << 10;
/** A value of so many bytes is handed on as it is instead of being copied into a block. */
const largeBytes = 16 << 10;
/** UTF-16 code units never take more bytes of UTF-8 than that. */
const bytesPerUnit = 3;

/** More values than that cannot be counted in a Bind. */
export const mostValues = 0xffff;
/** The server ends a connection whose message is larger than its largest allocation; the rest is room for the header. */
export const largestMessageBytes = 0x3fff_0000;

export type ValueEncoding = 'utf8' | 'latin1';
export type Value = string | Buffer | null;

export class FrontendMessages {
  private block = Buffer.allocUnsafeSlow(blockBytes);
  private start = 0;
  private end = 0;
  private sealed: Buffer[] = [];
  private sealedBytes = 0;
  /** Of the message that is being written. */
  private lengthBlock = this.block;
  private lengthAt = 0;
  private bytesBefore = 0;

  constructor(private readonly encoding: ValueEncoding) {}

  /** What {@link take} would give. */
  get bytes(): number {
    return this.sealedBytes + this.end - this.start;
  }

  /** Whole messages, in order. Large values are the callers' own memory. */
  take(): Buffer[] {
    this.seal();
    const taken = this.sealed;
    this.sealed = [];
    this.sealedBytes = 0;
    return taken;
  }

  /** The server finds out the types of the parameters. An empty name is that of the unnamed statement. */
  parse(name: string, sql: string): void {
    this.begin(0x50); // P
    this.nameText(name);
    // Names in it are UTF-8 whatever the encoding of values is, as everywhere.
    this.nameText(sql);
    this.int16(0);
    this.finish();
  }

  /** To the unnamed portal; parameters and results as text. At most {@link mostValues}. */
  bind(name: string, values: readonly Value[]): void {
    this.begin(0x42); // B
    this.byte(0);
    this.nameText(name);
    this.int16(0);
    this.int16(values.length);
    for (const value of values) this.value(value);
    this.int16(0);
    this.finish();
  }

  /** All rows of the unnamed portal. */
  execute(): void {
    this.begin(0x45); // E
    this.byte(0);
    this.int32(0);
    this.finish();
  }

  /** Forgets a prepared statement; no error if there is none. */
  close(name: string): void {
    this.begin(0x43); // C
    this.byte(0x53); // S
    this.nameText(name);
    this.finish();
  }

  copyData(parts: readonly Buffer[]): void {
    this.begin(0x64); // d
    for (const part of parts) this.raw(part);
    this.finish();
  }

  copyDone(): void {
    this.begin(0x63); // c
    this.finish();
  }

  sync(): void {
    this.begin(0x53); // S
    this.finish();
  }

  private begin(type: number): void {
    this.byte(type);
    this.bytesBefore = this.bytes;
    this.reserve(4);
    this.lengthBlock = this.block;
    this.lengthAt = this.end;
    this.end += 4;
  }

  /** The length counts itself, not the type. */
  private finish(): void {
    this.lengthBlock.writeUInt32BE(this.bytes - this.bytesBefore, this.lengthAt);
  }

  private value(value: Value): void {
    if (value === null) {
      this.int32(-1);
      return;
    }
    if (typeof value !== 'string') {
      this.int32(value.length);
      this.raw(value);
      return;
    }
    const most = value.length * bytesPerUnit;
    if (most >= largeBytes) {
      const bytes = Buffer.from(value, this.encoding);
      this.int32(bytes.length);
      this.raw(bytes);
      return;
    }
    this.reserve(4 + most);
    const written = this.block.write(value, this.end + 4, this.encoding);
    this.block.writeInt32BE(written, this.end);
    this.end += 4 + written;
  }

  private nameText(text: string): void {
    const most = text.length * bytesPerUnit;
    if (most >= largeBytes) this.raw(Buffer.from(text));
    else {
      this.reserve(most);
      this.end += this.block.write(text, this.end, 'utf8');
    }
    this.byte(0);
  }

  private raw(bytes: Buffer): void {
    if (bytes.length < largeBytes) {
      this.reserve(bytes.length);
      this.end += bytes.copy(this.block, this.end);
      return;
    }
    this.seal();
    this.sealed.push(bytes);
    this.sealedBytes += bytes.length;
  }

  private byte(value: number): void {
    this.reserve(1);
    this.block[this.end++] = value;
  }

  private int16(value: number): void {
    this.reserve(2);
    this.end = this.block.writeUInt16BE(value, this.end);
  }

  private int32(value: number): void {
    this.reserve(4);
    this.end = this.block.writeInt32BE(value, this.end);
  }

  /** Always less than a block. */
  private reserve(bytes: number): void {
    if (this.end + bytes <= blockBytes) return;
    this.seal();
    // What was taken may still be waiting in the socket: never written over.
    this.block = Buffer.allocUnsafeSlow(blockBytes);
    this.start = 0;
    this.end = 0;
  }

  private seal(): void {
    if (this.end === this.start) return;
    this.sealed.push(this.block.subarray(this.start, this.end));
    this.sealedBytes += this.end - this.start;
    this.start = this.end;
  }
}

/** Of one CopyData: the server holds each in memory as a whole. */
export const copyMessageBytes = 256 << 10;

/** Many small rows in one message, large ones in several; borders of messages mean nothing in a COPY. */
export function* copyMessages(rows: readonly Buffer[]): Generator<Buffer[]> {
  let parts: Buffer[] = [];
  let room = copyMessageBytes;
  for (const row of rows) {
    for (let at = 0; at < row.length; ) {
      const part = at === 0 && row.length <= room ? row : row.subarray(at, at + room);
      parts.push(part);
      at += part.length;
      room -= part.length;
      if (room > 0) continue;
      yield parts;
      parts = [];
      room = copyMessageBytes;
    }
  }
  if (parts.length > 0) yield parts;
}

/** Exact only where it could be too much. */
export function fitsInMessage(values: readonly Value[], encoding: ValueEncoding): boolean {
  if (values.length > mostValues) return false;
  let most = values.length * 4;
  for (const value of values) {
    if (value !== null) most += typeof value === 'string' ? value.length * bytesPerUnit : value.length;
  }
  if (most <= largestMessageBytes) return true;
  let bytes = values.length * 4;
  for (const value of values) {
    if (value !== null)
      bytes += typeof value === 'string' ? Buffer.byteLength(value, encoding) : value.length;
  }
  return bytes <= largestMessageBytes;
}
