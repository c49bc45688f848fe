/** What is known about one statement of a dump. */
import type { RelationName } from '../protocol/model.js';
import type { ParseError } from './parser.js';
import type { RawStatement } from './split.js';
import type { TocComment } from './tocComment.js';

type None = Readonly<Record<never, never>>;

/** Of a constraint that ALTER TABLE adds. */
export interface ConstraintDetails {
  readonly name: string | undefined;
  /** ALTER TABLE ONLY: not for partitions or children. */
  readonly isOnly: boolean;
  readonly deferrable: boolean;
  readonly notValid: boolean;
  /** NOT ENFORCED, PostgreSQL 18. */
  readonly notEnforced: boolean;
}

/** The kinds of statements, each with what only it has. */
export interface DetailsByKind {
  /** SET name = … or SELECT pg_catalog.set_config(name, …). */
  setting: { readonly name: string; readonly value: string | undefined };
  /** SET SESSION AUTHORIZATION or SET ROLE; without a role it goes back to the own one. */
  sessionAuthorization: { readonly role: string | undefined };
  createSchema: { readonly name: string };
  createExtension: { readonly name: string; readonly schema: string | undefined };
  /** `objectType` in PostgreSQL's words, lower case: `table`, `extension`, `schema` … */
  commentOn: { readonly objectType: string; readonly name: string };
  createTable: {
    readonly columns: readonly string[];
    readonly partitionOf: RelationName | undefined;
    readonly inherits: readonly RelationName[];
    readonly isPartitioned: boolean;
    readonly unlogged: boolean;
    readonly tablespace: string | undefined;
    readonly accessMethod: string | undefined;
  };
  /** `relation` is the partition, `parent` the table it becomes part of. */
  attachPartition: { readonly parent: RelationName };
  alterTable: { readonly actions: readonly string[]; readonly tablespace: string | undefined };
  createSequence: { readonly sequence: RelationName };
  alterSequence: { readonly sequence: RelationName };
  sequenceOwnedBy: { readonly sequence: RelationName; readonly column: string };
  setDefault: { readonly column: string };
  identity: { readonly column: string; readonly sequence: RelationName | undefined };
  createType: { readonly variant: 'shell' | 'base' | 'enum' | 'composite' | 'range' | 'domain' };
  alterType: None;
  createFunction: {
    readonly language: string;
    readonly isC: boolean;
    readonly isProcedure: boolean;
    readonly returnsTrigger: boolean;
  };
  createAggregate: None;
  createOperator: None;
  opClass: None;
  opFamily: None;
  accessMethod: None;
  createCast: { readonly method: 'function' | 'inout' | 'binary' };
  transform: { readonly language: string };
  createConversion: None;
  createCollation: None;
  textSearch: { readonly variant: 'parser' | 'template' | 'dictionary' | 'configuration' };
  /** `replace`: CREATE OR REPLACE VIEW, by which pg_dump completes views of a dependency circle in post-data. */
  createView: { readonly replace: boolean };
  createMaterializedView: { readonly withData: boolean; readonly tablespace: string | undefined };
  refreshMaterializedView: None;
  createIndex: {
    readonly index: RelationName;
    readonly unique: boolean;
    /** ON ONLY: the index of a partitioned table, which the indexes of the partitions are attached to. */
    readonly isOnly: boolean;
    readonly accessMethod: string;
    readonly tablespace: string | undefined;
  };
  primaryKey: ConstraintDetails;
  unique: ConstraintDetails;
  exclusion: ConstraintDetails;
  check: ConstraintDetails;
  notNull: ConstraintDetails;
  foreignKey: ConstraintDetails;
  domainConstraint: { readonly name: string | undefined; readonly notValid: boolean };
  attachIndexPartition: { readonly parent: RelationName; readonly index: RelationName };
  /** n nothing, d default, f full, i index. */
  replicaIdentity: { readonly identity: string; readonly index: string | undefined };
  clusterOn: { readonly index: string | undefined };
  createTrigger: { readonly name: string; readonly isConstraint: boolean };
  /** `firing`: ENABLE [ALWAYS | REPLICA] or DISABLE of a trigger (or rule). */
  enableTrigger: {
    readonly name: string | undefined;
    readonly of: 'trigger' | 'rule';
    readonly firing: Firing;
  };
  createRule: { readonly name: string };
  createPolicy: { readonly name: string; readonly roles: readonly string[] };
  enableRowSecurity: { readonly forced: boolean };
  /** CREATE or ALTER EVENT TRIGGER. */
  eventTrigger: { readonly name: string };
  /** CREATE STATISTICS, ALTER STATISTICS … SET STATISTICS, ALTER INDEX … ALTER COLUMN … SET STATISTICS. */
  statistics: { readonly name: string };
  grant: GrantDetails;
  revoke: GrantDetails;
  defaultPrivileges: { readonly forRoles: readonly string[]; readonly grantees: readonly string[] };
  createServer: { readonly wrapper: string };
  createForeignTable: { readonly server: string; readonly columns: readonly string[] };
  userMapping: { readonly server: string; readonly user: string; readonly hasPassword: boolean };
  fdw: { readonly name: string };
  createLanguage: { readonly name: string };
  publication: { readonly name: string; readonly forAllTables: boolean };
  subscription: { readonly name: string };
  securityLabel: { readonly provider: string | undefined };
  ownerChange: { readonly owner: string };
  alterDatabaseSet: { readonly database: string; readonly name: string | undefined };
  largeObject: { readonly oid: string | undefined };
  other: None;
}

export type Firing = 'origin' | 'always' | 'replica' | 'disabled';

export interface GrantDetails {
  readonly objectType: string;
  /** Role names; `PUBLIC` for everyone. */
  readonly grantees: readonly string[];
  /** Roles that are granted themselves (GRANT role TO role). */
  readonly roles: readonly string[];
}

export type StatementKind = keyof DetailsByKind;

/** `session` statements hold for every connection that runs the others. */
export type Section = 'preData' | 'postData' | 'session';

/** What a DROP needs: `DROP type IF EXISTS identity`, quoted and with argument types. */
export interface Created {
  readonly type: string;
  readonly identity: string;
  /** Of a constraint: the table (quoted) that it is dropped from. */
  readonly table?: string;
}

/** What a classifier finds out; {@link Statement} adds the text. */
export interface Shape<Kind extends StatementKind = StatementKind> {
  readonly kind: Kind;
  /** What the statement is about for a human reader, e.g. `index public.orders_idx on public.orders`. */
  readonly object: string;
  /** The object that a comment, grant, owner or label belongs to, in the same words as its CREATE's `object`. */
  readonly about?: string;
  /** The table or materialized view that is made, or that an index, constraint, trigger … belongs to. */
  readonly relation?: RelationName;
  /** Other tables that must be there: the target of a foreign key, parents. */
  readonly references?: readonly RelationName[];
  readonly creates?: Created;
  readonly details: DetailsByKind[Kind];
}

interface Text extends Omit<RawStatement, 'tocComment'> {
  readonly section: Section;
  readonly tocComment?: TocComment;
  readonly parseError?: ParseError;
}

/** Narrow on `kind` to get the type of `details`. */
export type Statement<Kind extends StatementKind = StatementKind> = Kind extends StatementKind
  ? Shape<Kind> & Text
  : never;
/** A {@link Shape} that narrows on its kind. */
export type AnyShape = { [Kind in StatementKind]: Shape<Kind> }[StatementKind];
