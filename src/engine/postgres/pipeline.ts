import type { Socket } from 'node:net';
import type pg from 'pg';
import { Fault } from '../errors/fault.js';
import { toFault } from '../errors/mapError.js';
import type { DriverConnection } from './driver.js';
import { copyMessages, FrontendMessages, fitsInMessage, type ValueEncoding } from './frontendMessages.js';
import { type NamedStep, type NamedSteps, PreparedStatements } from './preparedStatements.js';
import type { Session } from './session.js';

export interface PipelineStep {
  readonly sql: string;
  /**
   * Text format; strings are written in the encoding of the pipeline, Buffers as they are: not to be changed before
   * the run ends.
   */
  readonly values?: readonly (string | Buffer | null)[];
  /** Rows for COPY … FROM STDIN in text format, which `sql` is then: sent behind it without waiting. */
  readonly copy?: readonly Buffer[];
  /** The statement is prepared once on this connection and kept (LRU of bounded size, evicted ones are closed on the server). */
  readonly prepared?: boolean;
}

export interface PipelineOutcome {
  /** Rows that each completed step touched (from its command tag; 0 for those without), in order. */
  readonly rows: readonly number[];
  /**
   * Of the first step that failed, which is rows.length; nothing after it was run. It is steps.length where all steps
   * ran and the commit behind them failed, which there is only outside of a transaction block.
   */
  readonly fault?: Fault;
}

/** How many statements the server keeps for one pipeline. */
export const preparedLimit = 1_000;

/** Messages are handed to the socket when there are so many bytes of them. */
const flushBytes = 64 << 10;
/** Large values go to the socket piece by piece: TLS makes a copy of all that it is given. */
const pieceBytes = 1 << 20;
/** What may wait in the socket before we go on. */
const backlogBytes = 256 << 10;

/**
 * Sends many statements without waiting for answers in between: a run costs one round trip. It is one implicit
 * transaction unless its steps say BEGIN. After an error within a transaction block, ROLLBACK is the caller's, by
 * another run. The session may be used as ever between the runs.
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
 */
export class Pipeline {
  readonly #session: Session;
  readonly #encoding: ValueEncoding;
  readonly #side: 'source' | 'target';
  readonly #prepared = new PreparedStatements(preparedLimit);
  readonly #messages: FrontendMessages;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(session: Session, options: { encoding?: 'utf8' | 'latin1'; side?: 'source' | 'target' } = {}) {
    this.#session = session;
    this.#encoding = options.encoding ?? 'utf8';
    this.#side = options.side ?? 'target';
    this.#messages = new FrontendMessages(this.#encoding);
  }

  /** Rejects only where the connection is lost (Fault FF115 …); an error of a statement is in the outcome. One run at a time: further calls wait. */
  run(steps: readonly PipelineStep[]): Promise<PipelineOutcome> {
    const outcome = this.#turn.then(() => this.#run(steps));
    this.#turn = outcome.catch(() => {});
    return outcome;
  }

  /** The statement did what it should not, without an error: it is prepared anew when it comes again. */
  forget(sql: string): void {
    this.#prepared.forget(sql);
  }

  async #run(steps: readonly PipelineStep[]): Promise<PipelineOutcome> {
    if (this.#session.closed) throw new Fault('FF115', `the connection to the ${this.#side} is closed`);
    const named = this.#prepared.use(steps);
    const exchange = new Exchange(named, this.#messages, this.#encoding);
    try {
      this.#session.client.query(exchange);
      const error = await exchange.ended;
      const { rows } = exchange;
      if (error === undefined) return { rows };
      this.#prepared.failed(named.steps, rows.length);
      return { rows, fault: this.#faultOf(error) };
    } catch (error) {
      this.#session.destroy();
      throw this.#loss(error);
    }
  }

  /** The server went on, so an SQLSTATE of connections (raised by a function, a foreign server) is not about ours. */
  #faultOf(error: Error): Fault {
    const fault = toFault(error, { side: this.#side });
    if (fault.code !== 'FF115') return fault;
    const { message, sqlstate, position, table, cause } = fault;
    const code = this.#side === 'source' ? 'FF510' : 'FF500';
    return new Fault(code, message, { sqlstate, position, table, cause });
  }

  #loss(error: unknown): Fault {
    const fault = toFault(error, { side: this.#side });
    if (fault.code === 'FF115' || fault === error) return fault;
    return new Fault('FF115', `the connection to the ${this.#side} was lost`, { cause: fault.cause });
  }
}

/** Never prepared, so that binding it is an error. */
const noStatement = 'flexferry_none';
const tooLarge = {
  message: 'a statement has more values than a message can carry (65,535, and 1 GB together)',
  code: '54000', // program_limit_exceeded
};

const rowsOfTag = / (\d+)$/;

/**
 * All steps, then one Sync: behind it the server is ready again, whatever happened. Has the connection as the driver's
 * active query.
 */
class Exchange implements pg.Submittable {
  readonly rows: number[] = [];
  /** The server's error if something failed. Rejects where the connection is lost. */
  readonly ended: Promise<Error | undefined>;
  private resolve!: (error: Error | undefined) => void;
  private reject!: (error: unknown) => void;
  private connection: DriverConnection | undefined;
  private error: Error | undefined;
  private over = false;

  constructor(
    private readonly named: NamedSteps<PipelineStep>,
    private readonly messages: FrontendMessages,
    private readonly encoding: ValueEncoding,
  ) {
    this.ended = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  submit(connection: pg.Connection): void {
    this.connection = connection as unknown as DriverConnection;
    this.send(this.connection.stream).catch((error: unknown) => this.lose(error));
  }

  private async send(stream: Socket): Promise<void> {
    const { messages } = this;
    for (const name of this.named.closes) messages.close(name);
    for (const named of this.named.steps) {
      if (this.needless) break;
      this.write(named);
      if (messages.bytes >= flushBytes) await this.flush(stream);
      if (named.step.copy !== undefined) await this.sendRows(named.step.copy, stream);
    }
    messages.sync();
    await this.flush(stream);
  }

  /** After an error the server reads over everything up to the Sync. */
  private get needless(): boolean {
    return this.error !== undefined || this.over;
  }

  private write({ step, name, fresh }: NamedStep<PipelineStep>): void {
    const { values = [] } = step;
    if (!fitsInMessage(values, this.encoding)) {
      // Must fail in its turn, and nothing behind it may run.
      this.messages.bind(noStatement, []);
      return;
    }
    if (fresh) this.messages.parse(name, step.sql);
    this.messages.bind(name, values);
    this.messages.execute();
  }

  private async sendRows(rows: readonly Buffer[], stream: Socket): Promise<void> {
    for (const parts of copyMessages(rows)) {
      if (this.needless) return;
      this.messages.copyData(parts);
      if (this.messages.bytes >= flushBytes) await this.flush(stream);
    }
    this.messages.copyDone();
  }

  private async flush(stream: Socket): Promise<void> {
    for (const chunk of this.messages.take()) {
      for (let at = 0; at < chunk.length; at += pieceBytes) {
        if (this.over || !stream.writable) return;
        stream.write(chunk.length <= pieceBytes ? chunk : chunk.subarray(at, at + pieceBytes));
        if (stream.writableNeedDrain && stream.writableLength > backlogBytes) await drained(stream);
      }
    }
  }

  handleCommandComplete({ text }: { text: string }): void {
    this.rows.push(Number(rowsOfTag.exec(text)?.[1] ?? 0));
  }
  handleEmptyQuery(): void {
    this.rows.push(0);
  }
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handlePortalSuspended(): void {}
  handleCopyData(): void {}
  handleCopyInResponse(): void {
    if (this.named.steps[this.rows.length]?.step.copy !== undefined) return;
    // The server would take the Sync for a part of the data, and wait for ever.
    this.lose(new Fault('FF900', 'a COPY FROM STDIN was sent without rows'));
  }
  handleReadyForQuery(): void {
    this.over = true;
    this.resolve(undefined);
  }

  /**
   * An error of a step (or of the commit behind them), or the last words of the backend: its severity would tell, but
   * may be translated, so what comes next tells. The driver takes its query for done here.
   */
  handleError(error: Error): void {
    const { connection } = this;
    // What the driver says of itself has no severity; what comes before our turn is about the connection.
    if (connection === undefined || !('severity' in error)) {
      this.lose(error);
      return;
    }
    this.error = this.sentTooLarge(error) ? Object.assign(error, tooLarge) : error;
    const stopListening = (): void => {
      connection.off('readyForQuery', ready);
      connection.off('end', gone);
    };
    const ready = (): void => {
      stopListening();
      this.over = true;
      this.resolve(this.error);
    };
    const gone = (): void => {
      stopListening();
      this.lose(error);
    };
    connection.on('readyForQuery', ready);
    connection.on('end', gone);
  }

  private sentTooLarge(error: Error & { code?: string }): boolean {
    const values = this.named.steps[this.rows.length]?.step.values ?? [];
    return error.code === '26000' && !fitsInMessage(values, this.encoding);
  }

  private lose(error: unknown): void {
    this.over = true;
    this.reject(error);
  }
}

/** Until the socket took everything, or is gone. */
function drained(stream: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.on('drain', done);
    stream.on('close', done);
  });
}
