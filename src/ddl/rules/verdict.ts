/** What the rules know of a target and what they say about a statement. */
import { type ErrorCode, type ErrorCodeEntry, errorCodes } from '../../protocol/errorCodes.js';
import type { Finding } from '../../protocol/model.js';

/**
 * The target as the rules need it. What is optional is not asked of every server: rules that need it stay silent, or
 * fall back on what is documented.
 */
export interface TargetFacts {
  /** server_version_num. */
  readonly versionNum: number;
  readonly isFlexibleServer: boolean;
  /** azure.extensions; null where the target has no such setting or was not asked. */
  readonly allowedExtensions: readonly string[] | null;
  /** pg_available_extensions. Empty: not asked, then the dated allow-list of Microsoft's documentation counts. */
  readonly availableExtensions: ReadonlySet<string>;
  readonly installedExtensions?: ReadonlySet<string>;
  /** pg_roles. */
  readonly roles: ReadonlySet<string>;
  /** Is the user of the target a superuser? */
  readonly isSuperuser?: boolean;
  /** Does row-level security leave the user of the target alone? */
  readonly bypassesRowSecurity?: boolean;
  /** shared_preload_libraries. */
  readonly preloadLibraries?: ReadonlySet<string>;
  /** Names in pg_collation. */
  readonly collations?: ReadonlySet<string>;
  /** pg_am of tables. Only heap where absent. */
  readonly tableAccessMethods?: ReadonlySet<string>;
  /** Publications are carried over. */
  readonly publications?: boolean;
  /** `keep`: owners as in the statements; then roles are made members for it. */
  readonly owners?: 'target' | 'keep';
}

export type StatementFinding = Omit<Finding, 'database'>;

/** UTF-16 offsets in the text of the statement. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

export interface TextEdit extends TextRange {
  readonly text: string;
}

export type FixKind =
  | 'commentOut'
  | 'dropClause'
  | 'replaceOwner'
  | 'replaceText'
  | 'allowExtension'
  | 'createRole'
  | 'mapRole';

/** A small edit of the statement, or something to do elsewhere (no edits). */
export interface Fix {
  /** What it does, in the imperative. */
  readonly title: string;
  readonly kind: FixKind;
  /** In order, without overlaps. */
  readonly edits: readonly TextEdit[];
  /** True: the finding is gone with it. False: it helps only together with something outside of the file. */
  readonly resolves: boolean;
  /** Applied when the DDL is generated; the user sees it in the diff and can take it back. */
  readonly isDefault: boolean;
  /** The extension or role of `allowExtension`, `createRole` and `mapRole`. */
  readonly argument?: string;
}

/** A finding with its place in the statement and its ways out. */
export interface PlacedFinding {
  readonly finding: StatementFinding;
  readonly place?: TextRange;
  readonly fixes: readonly Fix[];
}

export interface Verdict {
  readonly action: 'run' | 'skip';
  /** To report whatever happens. A skip without one loses nothing worth a word. */
  readonly finding?: StatementFinding;
  /** To report instead of the server's refusal: then the statement counts as skipped, not as failed. */
  readonly onFailure?: StatementFinding;
  /** What to run instead of the original text: the default fixes applied. */
  readonly text?: string;
  /** Where the words stand that `finding`, or else `onFailure`, is about; absent for the whole statement. */
  readonly place?: TextRange;
  /** Ways out of `finding`, or else of `onFailure`. */
  readonly fixes?: readonly Fix[];
  /** More to report whatever happens, each at its own place. */
  readonly also?: readonly PlacedFinding[];
  /**
   * SQL for the same transaction, before and behind the statement. `before` makes the user of the target a member of
   * the role that is to own something, which lasts until {@link leaveRoles}: who owns no more needs it to go on.
   */
  readonly before?: string;
  readonly after?: string;
}

export function findingFor(
  code: ErrorCode,
  severity: Finding['severity'],
  object: string,
  message: string,
): StatementFinding {
  const entry: ErrorCodeEntry = errorCodes[code];
  const azure = entry.azure === undefined ? {} : { azureCode: entry.azure };
  return { code, ...azure, severity, object, message, fix: entry.help };
}
