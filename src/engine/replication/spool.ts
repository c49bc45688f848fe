import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../errors/fault.js';
import { type FrameBatch, FrameReader } from '../postgres/copyBoth.js';

const readBytes = 256 << 10;

/** A folder of our own, for this user alone, for what waits for its commit. */
export class SpoolFolder {
  private made = 0;
  private readonly written = new Set<SpoolFile>();
  /** What lies on disk now. */
  bytes = 0;

  private constructor(private readonly path: string) {}

  /** @throws Fault FF810 */
  static async create(parent: string): Promise<SpoolFolder> {
    // mkdtemp makes it with mode 0700.
    return new SpoolFolder(await guarded(() => mkdtemp(join(parent, 'flexferry-spool-'))));
  }

  file(): SpoolFile {
    this.made += 1;
    return new SpoolFile(join(this.path, `${this.made}.stream`), this);
  }

  /** Files that are open for writing, so that none is left open. */
  opened(file: SpoolFile, isOpen: boolean): void {
    if (isOpen) this.written.add(file);
    else this.written.delete(file);
  }

  /** With all files in it. Never rejects. */
  async remove(): Promise<void> {
    this.bytes = 0;
    for (const file of this.written) await file.rest().catch(() => {});
    await rm(this.path, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
  }
}

/** Frames of the replication stream as they came, for one transaction. Open only while it is written or read. */
export class SpoolFile {
  private handle: FileHandle | undefined;
  private size = 0;

  constructor(
    private readonly path: string,
    private readonly folder: SpoolFolder,
  ) {}

  /** Whole frames. @throws Fault FF810 */
  async append(frames: Buffer): Promise<void> {
    await guarded(async () => {
      this.handle ??= await open(this.path, 'a', 0o600);
      this.folder.opened(this, true);
      await this.handle.appendFile(frames);
    });
    this.size += frames.length;
    this.folder.bytes += frames.length;
  }

  /** Lets go of the file until more comes: there may be many transactions. */
  async rest(): Promise<void> {
    const { handle } = this;
    this.handle = undefined;
    this.folder.opened(this, false);
    await guarded(async () => handle?.close());
  }

  /** All frames in order, in pieces of bounded size. @throws Fault FF810 */
  async *frames(): AsyncGenerator<FrameBatch> {
    await this.rest();
    if (this.size === 0) return;
    const reader = new FrameReader();
    const handle = await guarded(() => open(this.path, 'r'));
    try {
      for (let left = this.size; left > 0; ) {
        const buffer = Buffer.allocUnsafeSlow(Math.min(readBytes, left));
        const { bytesRead } = await guarded(() => handle.read(buffer, 0, buffer.length));
        if (bytesRead === 0) throw new Fault('FF810', 'a spool file is shorter than what was written');
        left -= bytesRead;
        yield reader.push(buffer.subarray(0, bytesRead));
      }
    } finally {
      await handle.close().catch(() => {});
    }
  }

  /** Never rejects. */
  async remove(): Promise<void> {
    await this.rest().catch(() => {});
    this.folder.bytes -= this.size;
    this.size = 0;
    await rm(this.path, { force: true, maxRetries: 3 }).catch(() => {});
  }
}

async function guarded<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Fault) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new Fault('FF810', `a transaction of the source cannot be kept on disk (${code})`, {
      cause: error,
    });
  }
}
