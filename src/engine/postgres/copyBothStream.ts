import type { Socket } from 'node:net';
import { Fault } from '../errors/fault.js';
import {
  type ControlMessage,
  copyDoneMessage,
  type FrameBatch,
  FrameReader,
  queryMessage,
  serverError,
  statusUpdate,
  terminateMessage,
} from './copyBoth.js';
import { type Lsn, laterLsn } from './lsn.js';
import { type ReplicationStep, replicationFault } from './replicationConnectionFaults.js';
import type { Session } from './session.js';
import { defaultTimes, type StreamStart, type StreamTimes, statusEvery } from './streamStart.js';
import { takeOver } from './takeOver.js';
import { terminateBackends } from './terminate.js';

const startLimitMs = 60_000;
const stopLimitMs = 2_000;
/** What may wait for the consumer: enough for the server to go on meanwhile. */
const readAheadBytes = 1 << 20;
/**
 * The walsender sends a packet per change. After a read below this, the kernel is left to gather more: of TCP alone, as
 * the buffer of a Unix socket holds so few small packets that the walsender would wait for us instead.
 */
const smallReadBytes = 32 << 10;
const lullMs = 2;

interface Reader {
  resolve(batch: FrameBatch | undefined): void;
  reject(fault: Fault): void;
}

/**
 * A running START_REPLICATION. Read by one consumer; while it works and enough is read ahead, the socket is paused, and
 * a timer keeps the server informed. Ends with {@link stop}, or by itself with a Fault from {@link read}.
 */
export class CopyBothStream {
  private readonly frames = new FrameReader();
  private readonly queue: FrameBatch[] = [];
  private queuedBytes = 0;
  private reader: Reader | undefined;
  private failure: Fault | undefined;
  private state: 'starting' | 'streaming' | 'stopping' | 'ended' = 'starting';
  private started: { resolve(): void; reject(fault: Fault): void } | undefined;
  private ended: () => void = () => {};
  private stopped: Promise<void> | undefined;
  /** Since when enough is read ahead and nobody takes it. */
  private unreadSince: number | undefined;
  private lull: NodeJS.Timeout | undefined;
  private ticker: NodeJS.Timeout | undefined;
  private heardAt = Date.now();
  private lastReceived: Lsn;
  private confirmedLsn: Lsn;
  private lastServerPosition: Lsn = 0n;
  private readonly times: StreamTimes;

  private constructor(
    private readonly session: Session,
    private readonly socket: Socket,
    private readonly options: StreamStart,
  ) {
    this.times = { ...defaultTimes, ...options.times };
    this.lastReceived = options.startLsn;
    this.confirmedLsn = options.startLsn;
  }

  /** @throws Fault of the step `start`. */
  static async start(session: Session, command: string, options: StreamStart): Promise<CopyBothStream> {
    const stream = new CopyBothStream(session, takeOver(session), options);
    await stream.begin(command);
    return stream;
  }

  /** How far the server had read its log when it last said so: the lag of the consumer is measured against it. */
  get serverPosition(): Lsn {
    return this.lastServerPosition;
  }

  /**
   * The next frames, one caller at a time; undefined after {@link stop}.
   * @throws Fault FF115 when the connection is lost, FF802, FF807, FF808, and what else the server says.
   */
  read(): Promise<FrameBatch | undefined> {
    const batch = this.queue.shift();
    if (batch !== undefined) {
      this.queuedBytes -= batch.bytes.length;
      this.unreadSince = undefined;
      this.flow();
      return Promise.resolve(batch);
    }
    if (this.failure !== undefined) return Promise.reject(this.failure);
    if (this.state === 'stopping' || this.state === 'ended') return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.reader = { resolve, reject };
      this.flow();
    });
  }

  /** Everything that ends at or before `lsn` is durable elsewhere: the server may forget it. Told at the next status. */
  confirm(lsn: Lsn): void {
    this.confirmedLsn = laterLsn(lsn, this.confirmedLsn);
  }

  /** Milliseconds for which nothing was taken although the socket is paused; undefined while it is not. */
  get unreadMs(): number | undefined {
    return this.unreadSince === undefined ? undefined : Date.now() - this.unreadSince;
  }

  /** Drops the connection, whatever the server still has to say. What has come is read before the fault. */
  giveUp(fault: Fault): void {
    if (this.state === 'streaming') this.fail(fault);
  }

  /** Tells the last confirmed position, ends the session within 2 s, by force if need be. Never rejects. */
  stop(): Promise<void> {
    if (this.state !== 'ended') this.stopped ??= this.endPolitely();
    return this.stopped ?? Promise.resolve();
  }

  private async endPolitely(): Promise<void> {
    this.state = 'stopping';
    clearInterval(this.ticker);
    clearTimeout(this.lull);
    this.queue.length = 0;
    this.reader?.resolve(undefined);
    this.reader = undefined;
    const polite = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), stopLimitMs);
      this.ended = () => {
        clearTimeout(timer);
        resolve(true);
      };
      this.sendStatus(false);
      this.socket.write(copyDoneMessage);
      this.socket.resume();
    });
    this.end();
    // In the midst of a large transaction the server sends on until it sees the closed connection.
    if (!polite) await terminateBackends(this.session.spec, [this.session.backendPid]);
  }

  private begin(command: string): Promise<void> {
    const { socket } = this;
    socket.on('data', (chunk: Buffer) => this.take(chunk));
    socket.on('error', (error) => this.fail(error));
    socket.on('close', () => this.fail(this.lost('was lost')));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.fail(this.lost('did not begin to stream in time')), startLimitMs);
      this.started = {
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
        reject: (fault) => {
          clearTimeout(timer);
          reject(fault);
        },
      };
      socket.write(queryMessage(command));
      socket.resume();
    });
  }

  private take(chunk: Buffer): void {
    this.heardAt = Date.now();
    try {
      const batch = this.frames.push(chunk);
      for (const message of batch.controls) this.control(message);
      if (this.state === 'streaming') this.deliver(batch);
    } catch (error) {
      this.fail(error);
    }
    if (chunk.length < smallReadBytes && this.mayGather) {
      this.lull = setTimeout(() => {
        this.lull = undefined;
        this.flow();
      }, lullMs);
    }
    this.flow();
  }

  private deliver(batch: FrameBatch): void {
    if (batch.received !== undefined) this.lastReceived = laterLsn(batch.received, this.lastReceived);
    if (batch.serverPosition !== undefined) this.lastServerPosition = batch.serverPosition;
    if (batch.replyRequested) this.sendStatus(false);
    if (batch.payloads.length === 0 && batch.serverPosition === undefined) return;
    const { reader } = this;
    this.reader = undefined;
    if (reader !== undefined) {
      reader.resolve(batch);
      return;
    }
    this.queue.push(batch);
    this.queuedBytes += batch.bytes.length;
  }

  private control({ type, body }: ControlMessage): void {
    switch (type) {
      case 'W': // CopyBothResponse
        this.state = 'streaming';
        this.startTicker();
        this.started?.resolve();
        this.started = undefined;
        return;
      case 'E':
        throw serverError(body);
      case 'N':
        this.notice(serverError(body) as Error & { code: string; routine?: string });
        return;
      case 'c': // CopyDone, CommandComplete, ReadyForQuery: the end that was asked for, or a shutdown of the server
      case 'C':
      case 'Z':
        if (this.state === 'streaming') throw this.lost('was ended by the server');
        if (type === 'Z' && this.state === 'stopping') {
          this.state = 'ended';
          this.ended();
        }
    }
  }

  /** 18 only warns, and leaves the changes out. */
  private notice(notice: Error & { code: string; routine?: string }): void {
    if (notice.routine !== 'LoadPublications') return;
    throw new Fault('FF807', `${this.options.what}: ${notice.message}`, { sqlstate: notice.code });
  }

  private startTicker(): void {
    this.sendStatus(true);
    this.ticker = setInterval(() => this.tick(), statusEvery(this.times));
  }

  private tick(): void {
    const now = Date.now();
    // While the consumer works, we do not listen.
    if (this.full) this.heardAt = now;
    if (now - this.heardAt > this.times.silenceMs) {
      const seconds = Math.round(this.times.silenceMs / 1000);
      this.fail(this.lost(`was silent for ${seconds} s`));
      return;
    }
    this.sendStatus(true);
  }

  private sendStatus(replyRequested: boolean): void {
    if (this.socket.destroyed || this.socket.writableEnded) return;
    this.socket.write(statusUpdate(this.lastReceived, this.confirmedLsn, Date.now(), replyRequested));
  }

  private get full(): boolean {
    return this.queuedBytes >= readAheadBytes;
  }

  private get mayGather(): boolean {
    const isTcp = this.socket.remoteAddress !== undefined;
    return isTcp && this.state === 'streaming' && this.lull === undefined;
  }

  /** Pauses or resumes the socket. */
  private flow(): void {
    if (this.state !== 'streaming') return;
    if (this.full) this.unreadSince ??= Date.now();
    if (this.full || this.lull !== undefined) this.socket.pause();
    else if (this.socket.isPaused()) this.socket.resume();
  }

  private fail(error: unknown): void {
    if (this.state === 'ended') return;
    if (this.state === 'stopping') {
      this.state = 'ended';
      this.ended();
      return;
    }
    const step: ReplicationStep = this.state === 'starting' ? 'start' : 'stream';
    this.failure = replicationFault(error, step, this.options.what);
    this.state = 'ended';
    this.end();
    this.started?.reject(this.failure);
    this.reader?.reject(this.failure);
    this.reader = undefined;
  }

  private end(): void {
    clearInterval(this.ticker);
    clearTimeout(this.lull);
    this.state = 'ended';
    if (this.socket.writable) this.socket.write(terminateMessage);
    this.session.destroy();
  }

  private lost(how: string): Fault {
    return new Fault('FF115', `the replication connection to the source ${how}`);
  }
}
