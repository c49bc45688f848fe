import { dropStatement } from '../../ddl/drops.js';
import { ident, relationIdent } from '../../ddl/identifier.js';
import type { Statement } from '../../ddl/statement.js';
import type { SourceTable } from '../catalog/tables.js';
import { tableKey } from '../run/databaseTracker.js';
import { validationItem } from './foreignKeys.js';
import type { PlannedStatement } from './plannedStatement.js';
import type { ForeignKeyWork, PostDataPlan } from './postData.js';

/**
 * What an online migration keeps back while changes are applied: it would act on rows that the source has acted on
 * already. In the order in which it is run.
 */
export interface Deferred {
  /** Added before; those that could not be added or validated then are now. Never taken back. */
  readonly early: readonly ForeignKeyWork[];
  readonly foreignKeys: readonly ForeignKeyWork[];
  /** Triggers and rules of tables, made switched off, and what is said about them and the keys. */
  readonly statements: readonly PlannedStatement[];
  /** Run with the hand-over, when nothing is applied any more: it acts at once, or cannot be switched off. */
  readonly last: readonly PlannedStatement[];
}

export const nothingDeferred: Deferred = { early: [], foreignKeys: [], statements: [], last: [] };

export interface DeferralFacts {
  /** The apply may set session_replication_role: ordinary foreign keys, triggers and rules take no notice of it then. */
  readonly replicaRole: boolean;
  readonly tables: readonly SourceTable[];
}

/** `now` is safe while changes are applied. What is skipped stays there, so that it is told with the rest. */
export function splitDeferred(
  plan: PostDataPlan,
  facts: DeferralFacts,
): { readonly now: PostDataPlan; readonly later: Deferred } {
  const wanted = plan.foreignKeys.filter(({ item }) => !item.skip);
  const foreignKeys = facts.replicaRole ? [] : wanted;
  const { now, statements, last } = splitStatements(plan.rest, facts, foreignKeys);
  return {
    now: {
      ...plan,
      foreignKeys: facts.replicaRole ? plan.foreignKeys : plan.foreignKeys.filter(({ item }) => item.skip),
      rest: now,
    },
    later: { early: facts.replicaRole ? wanted : [], foreignKeys, statements, last },
  };
}

/** FORCE ROW LEVEL SECURITY stands in pre-data, with its table: `later` goes in front of {@link Deferred.last}. */
export function splitForced(preData: readonly PlannedStatement[]): {
  readonly now: readonly PlannedStatement[];
  readonly later: readonly PlannedStatement[];
} {
  const isLater = (item: PlannedStatement): boolean => !item.skip && isForced(item.statement);
  return { now: preData.filter((item) => !isLater(item)), later: preData.filter(isLater) };
}

const isForced = (statement: Statement): boolean =>
  statement.kind === 'enableRowSecurity' && statement.details.forced;

function splitStatements(
  rest: readonly PlannedStatement[],
  { replicaRole, tables }: DeferralFacts,
  foreignKeys: readonly ForeignKeyWork[],
) {
  const onTables = new Set(tables.filter((t) => t.relkind !== 'm').map((t) => tableKey(t.target)));
  const now: PlannedStatement[] = [];
  const statements: PlannedStatement[] = [];
  const last: PlannedStatement[] = [];
  /** Objects that are kept back, in the words of the DDL: a comment comes after what it is about. */
  const made = new Set(foreignKeys.map(({ item }) => item.statement.object));
  const madeLast = new Set<string>();
  /** Names of triggers and rules whose state is said in `last`; that of a partition's comes from its parent's. */
  const switched = new Set<string | undefined>();
  const listOf = (item: PlannedStatement): PlannedStatement[] => {
    const { statement } = item;
    if (item.skip || statement.section === 'session') return now;
    if (statement.kind === 'enableTrigger') {
      const { firing, name } = statement.details;
      if (firing !== 'always' && firing !== 'replica' && !switched.has(name)) return now;
      switched.add(name);
      return last;
    }
    if (isForced(statement)) return last;
    if (statement.kind === 'eventTrigger') {
      // It would act on what the migration itself does.
      madeLast.add(statement.about ?? statement.object);
      return last;
    }
    if (statement.kind === 'createTrigger' || statement.kind === 'createRule') {
      if (replicaRole || !statement.relation || !onTables.has(tableKey(statement.relation))) return now;
      made.add(statement.object);
      switched.add(statement.details.name);
      return statements;
    }
    if (statement.about === undefined) return now;
    return made.has(statement.about) ? statements : madeLast.has(statement.about) ? last : now;
  };
  for (const item of rest) {
    const list = listOf(item);
    list.push(list === statements ? switchedOff(item) : item);
  }
  return { now, statements, last };
}

/** `ALTER TABLE … ENABLE TRIGGER t`; undefined for what is no trigger or rule. */
export function switching(statement: Statement, word: 'ENABLE' | 'DISABLE'): string | undefined {
  if (statement.kind !== 'createTrigger' && statement.kind !== 'createRule') return undefined;
  if (statement.relation === undefined) return undefined;
  const what = statement.kind === 'createTrigger' ? 'TRIGGER' : 'RULE';
  return `ALTER TABLE ${relationIdent(statement.relation)} ${word} ${what} ${ident(statement.details.name)};`;
}

/** In the same transaction, so that nothing ever sees it act. */
function switchedOff(item: PlannedStatement): PlannedStatement {
  const off = switching(item.statement, 'DISABLE');
  if (off === undefined) return item;
  const { before = '', after = '' } = item.around ?? {};
  return { ...item, around: { before, after: `${after}${off}` } };
}

/** A piece of work with what takes it back, and its checkpoints. */
export interface TakenBack {
  readonly object: string;
  readonly sql?: string;
  readonly checkpoints: readonly (readonly ['statement' | 'index', string])[];
}

/** What an undone cutover takes back, last first. What was only said about an object goes with it. */
export function takenBack({ foreignKeys, statements }: Deferred): TakenBack[] {
  const ofStatement = ({ statement, undo, key }: PlannedStatement): TakenBack => {
    const sql = undo ?? dropStatement(statement);
    return { object: statement.object, ...(sql !== undefined && { sql }), checkpoints: [['statement', key]] };
  };
  const ofKey = (work: ForeignKeyWork): TakenBack => {
    const back = ofStatement(work.item);
    return { ...back, checkpoints: [...back.checkpoints, ['index', validationItem(work)]] };
  };
  return [...foreignKeys.map(ofKey), ...statements.map(ofStatement)].reverse();
}
