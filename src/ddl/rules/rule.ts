import type { ErrorCode } from '../../protocol/errorCodes.js';
import type { Finding } from '../../protocol/model.js';
import type { StatementKind } from '../statement.js';
import type { Subject } from './subject.js';
import type { Fix, TextRange } from './verdict.js';

/** One restriction as data. Azure's code and what to do stand with the code in src/protocol/errorCodes.ts. */
export interface Rule {
  readonly code: ErrorCode;
  /** The restriction in a few words, for a list of all. */
  readonly title: string;
  /** Why it is so. */
  readonly explanation: string;
  /** `note`: nothing is lost by it. */
  readonly severity: Finding['severity'];
  /**
   * `skip`: can never work. `try`: no source settles it, so it is run, and what it says counts only if it fails.
   * `edit`: works once the default fixes are applied. `tell`: works, but the user should know.
   */
  readonly action: 'skip' | 'try' | 'edit' | 'tell';
  /** Of `edit` and `tell`: if a statement of these kinds fails all the same, then because of this. */
  readonly mayFail?: readonly StatementKind[];
  /** `everywhere`: a decision of ours or of a version. `flexibleServer`: plain PostgreSQL lets a superuser do it. */
  readonly applies: 'flexibleServer' | 'everywhere';
  /** Versions of the target (server_version_num): from this one, and below that. */
  readonly from?: number;
  readonly below?: number;
  /** The statements that are looked at. */
  readonly kinds: readonly StatementKind[];
  /** What their text must hold to be looked at more closely; spares most of them a parse. */
  readonly mentions?: RegExp;
  match(subject: Subject): Match | undefined;
}

export interface Match {
  readonly message: string;
  readonly place?: TextRange | undefined;
  readonly severity?: Finding['severity'];
  readonly fixes?: readonly Fix[];
}
