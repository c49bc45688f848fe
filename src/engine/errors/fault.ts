import type { FaultData } from '../../protocol/connection.js';
import { type ErrorCode, errorCodes } from '../../protocol/errorCodes.js';
import type { RelationName } from '../../protocol/model.js';

/**
 * The one error type of the engine. `message` says what happened and to what; `fix` what to do. Neither ever holds
 * a secret or a row value; the driver's own error is kept as `cause` for the debugger only and is never printed.
 */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly fix: string;
  readonly sqlstate: string | undefined;
  readonly object: string | undefined;
  /** Where in the statement: characters (code points) from 1. */
  readonly position: number | undefined;
  /** The table that the server names in its error, such as that of a constraint. */
  readonly table: RelationName | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    detail: {
      fix?: string;
      sqlstate?: string | undefined;
      object?: string;
      position?: number | undefined;
      table?: RelationName | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: detail.cause });
    this.fix = detail.fix ?? errorCodes[code].help;
    this.sqlstate = detail.sqlstate;
    this.object = detail.object;
    this.position = detail.position;
    this.table = detail.table;
  }

  /** What crosses a process boundary or stands in a report. */
  toData(): FaultData {
    return {
      code: this.code,
      message: this.message,
      fix: this.fix,
      ...(this.sqlstate !== undefined && { sqlstate: this.sqlstate }),
      ...(this.object !== undefined && { object: this.object }),
      ...(this.position !== undefined && { position: this.position }),
    };
  }
}
