/**
 * What generating DDL leaves beside the project file, and what the language server is told. Folders below
 * `<name>.flexferry/`, where `<database>` is {@link databaseKey} as a folder name:
 *
 * - `ddl/globals.sql`, `ddl/<database>/pre-data.sql`, `ddl/<database>/post-data.sql`: what runs, the user's to edit.
 * - `generated/globals.sql`, `generated/<database>/pre-data.sql`, `…/post-data.sql`: as last generated, the base of merges.
 * - `generated/<database>/source/pre-data.sql`, `…/post-data.sql`: as the source has it, before renames and rules.
 * - `generated/<database>/context.json`: {@link DdlContext}.
 *
 * A statement that does not run stands as a comment below a line that says so:
 *
 *     -- flexferry: skipped FF404: The type public.t is a base type.
 *     -- CREATE TYPE public.t ( … );
 *
 * `FF…: ` is absent where the user skipped it. Every line of the statement is commented by `-- `.
 */
import type { FaultData } from './connection.js';
import type { RelationName } from './model.js';
import type { ProjectOptions } from './project.js';

/** Begins the line above a statement that does not run. */
export const skipMarker = '-- flexferry: skipped';

export interface ContextRelation extends RelationName {
  readonly kind: 'table' | 'view' | 'materialized view' | 'foreign table' | 'sequence';
  readonly bytes: number;
  readonly rows: number;
}

/** `context.json`: what is known of both servers where the DDL was generated. Names are those of the target. */
export interface DdlContext {
  readonly version: 1;
  readonly database: string;
  readonly target: {
    /** server_version_num. */
    readonly versionNum: number;
    readonly isFlexibleServer: boolean;
    /** azure.extensions; null where there is none. */
    readonly allowedExtensions: readonly string[] | null;
    readonly availableExtensions: readonly string[];
    readonly installedExtensions: readonly string[];
    readonly roles: readonly string[];
    /** What follows is absent where the user of the target may not see it. */
    readonly isSuperuser?: boolean;
    readonly bypassesRowSecurity?: boolean;
    /** shared_preload_libraries. */
    readonly preloadLibraries?: readonly string[];
    readonly collations?: readonly string[];
    readonly tableAccessMethods?: readonly string[];
  };
  /** Options of the project that the rules know. */
  readonly options?: Pick<ProjectOptions, 'publications' | 'owners'>;
  readonly relations: readonly ContextRelation[];
  /** Text of a statement on the source by {@link StatementKey} of what was generated from it, where they differ. */
  readonly sources: Readonly<Record<string, string>>;
  /** Places (UTF-16 offsets in the statement) that may name something renamed, by {@link StatementKey}. */
  readonly undecided?: Readonly<Record<string, readonly UndecidedName[]>>;
}

export interface UndecidedName {
  readonly start: number;
  readonly end: number;
  readonly message: string;
}

/** Of the text of a statement, line ends normalised: see statementKey in src/ddl. A state follows its text. */
export type StatementKey = string;

export type StatementState = 'done' | 'failed' | 'skipped';

export interface StatementStatus {
  readonly state: StatementState;
  readonly error?: FaultData;
}

/** Files of one database that a run worked through, pushed to the language server by the extension. */
export interface StatementStates {
  /** URIs of pre-data.sql and post-data.sql. */
  readonly uris: readonly string[];
  readonly states: Readonly<Record<StatementKey, StatementStatus>>;
}

/** A statement as the language server names it in commands of CodeLenses and quick fixes. */
export interface StatementReference {
  readonly uri: string;
  /** UTF-16 offsets in the version of the document that the lens was made for. */
  readonly start: number;
  readonly end: number;
  readonly key: StatementKey;
  readonly object: string;
}

/** LSP messages beside the standard ones. */
export const statesMethod = 'flexferry/states';
/** Request: {@link StatementReference} → the text of the statement on the source, or null. */
export const sourceMethod = 'flexferry/source';

/** What CodeLenses and quick fixes call; the extension registers these. */
export const commands = {
  /** {@link StatementReference}: comments the statement out. */
  skip: 'flexferry.skipStatement',
  /** {@link StatementReference} of the whole comment, by the key of what is commented out. */
  unskip: 'flexferry.unskipStatement',
  run: 'flexferry.runStatement',
  showSource: 'flexferry.showSourceStatement',
  /** Tells why it failed or is skipped. */
  showState: 'flexferry.showStatementState',
  /** {@link RoleReference} */
  mapOwner: 'flexferry.mapOwner',
  /** {@link ExtensionReference} */
  allowExtension: 'flexferry.allowExtension',
} as const;

/** A role that the DDL names and the target does not have. */
export interface RoleReference {
  readonly uri: string;
  readonly role: string;
}

/** An extension that the DDL creates and azure.extensions does not name. */
export interface ExtensionReference {
  readonly uri: string;
  readonly extension: string;
}
