import { plural } from '../../base/format.js';
import { classify } from '../../ddl/classify.js';
import { dependsOnSkipped, SkippedObjects } from '../../ddl/dependsOnSkipped.js';
import { applyRules, missingGrantees } from '../../ddl/flexibleServerRules.js';
import { displayName } from '../../ddl/identifier.js';
import { quoteIdentifier } from '../../ddl/rename/quoting.js';
import { renamesOf } from '../../ddl/rename/renamesOf.js';
import { acrossStatements } from '../../ddl/rules/acrossStatements.js';
import type { Statement } from '../../ddl/statement.js';
import type { UndecidedName } from '../../protocol/ddl.js';
import { errorCodes } from '../../protocol/errorCodes.js';
import type { Mapping } from '../../protocol/mapping.js';
import type { ProjectDatabase, ProjectOptions } from '../../protocol/project.js';
import { RelationMap } from '../../protocol/relationMap.js';
import type { ExtensionMember } from '../catalog/outside.js';
import type { TargetState } from '../catalog/server.js';
import { leftOutByProject } from './leftOut.js';
import {
  complete,
  type Decision,
  type PlannedStatement,
  type StatementFinding,
  type StatementPlan,
} from './plannedStatement.js';
import { renameStatements } from './renameStatements.js';

export interface PlanInput {
  readonly mapping: Mapping;
  readonly database: ProjectDatabase;
  readonly options: ProjectOptions;
  readonly target: TargetState;
  /** Objects that were on the target before the run, as `kind name`. */
  readonly preexisting: ReadonlySet<string>;
  /** Objects of the source in schemas that the dump leaves out, as `kind name`: what needs them is left out, too. */
  readonly outside: readonly string[];
  /** What extensions bring that lie in another schema of the target than the mapping says. */
  readonly members?: readonly ExtensionMember[];
}

/** Decides for every statement of a dump whether it runs on this target, as what, and why not. */
export function planStatements(statements: readonly Statement[], input: PlanInput): StatementPlan {
  const preData: PlannedStatement[] = [];
  const postData: PlannedStatement[] = [];
  const settings: string[] = [];
  const findings: StatementFinding[] = [];
  const { decide, renames, missingSchemas } = decider(statements, input, findings);
  const occurrences = new Map<string, number>();
  let section: 'preData' | 'postData' = 'preData';
  let begun = false;
  for (const statement of statements) {
    if (statement.section !== 'session') section = statement.section;
    if (statement.section !== 'session' && !begun) {
      begun = true;
      for (const decision of missingSchemas())
        preData.push(complete(decision, 'preData', preData.length, occurrences, input.preexisting));
    }
    const list = section === 'preData' ? preData : postData;
    const decision = decide(statement);
    const leading = preData.every((p) => p.statement.section === 'session');
    if (statement.section === 'session' && leading && !decision.skip) settings.push(decision.sql);
    list.push(complete(decision, section, list.length, occurrences, input.preexisting));
  }
  return {
    preData,
    postData,
    settings,
    renames,
    findings: [
      ...findings,
      ...[...acrossStatements(statements, input.target).values()].map(({ finding }) => finding),
      ...missingRoles([...preData, ...postData], input.target.roles),
    ],
  };
}

/** Decides about one statement after the other, because what needs a left out one is left out, too. */
function decider(statements: readonly Statement[], input: PlanInput, findings: StatementFinding[]) {
  const { mapping, database, options } = input;
  const leftOutBy = leftOutByProject(statements, mapping, options);
  const roles = new Map(Object.entries(options.roles));
  const members = new RelationMap<string>();
  for (const { schema, name, target } of input.members ?? []) members.set({ schema, name }, target);
  const renames = renamesOf(statements, {
    schema: (name) => mapping.schema(name).target,
    table: (relation) => mapping.table(relation).target,
    role: (name) => roles.get(name) ?? name,
    renameOwned: database.renameOwned === true,
    member: (object) => members.get(object),
    memberSchemas: new Set(input.members?.map(({ schema }) => schema)),
  });
  const renaming = mapping.renames || !members.isEmpty || [...roles].some(([from, to]) => from !== to);
  const renamed = renaming
    ? renameStatements(
        statements.filter((statement) => leftOutBy(statement) === undefined),
        renames,
      )
    : undefined;
  /** In the names of the source. */
  const skipped = SkippedObjects.of(input.outside);
  /** Created so far, in the names of the target. */
  const schemas = new Set<string>();
  const decide = (source: Statement): Decision => {
    const by = leftOutBy(source);
    if (by !== undefined) {
      skipped.add(source.object);
      return { statement: source, skip: true, sql: source.text, finding: choice(source, by) };
    }
    const { statement, undecided } = renamed?.get(source) ?? { statement: source, undecided: [] };
    for (const name of undecided) findings.push(undecidedFinding(source, name));
    const changed = statement.text === source.text ? {} : { sourceText: source.text };
    const byTarget = decideByTarget(statement, input, schemas, findings);
    const decision = (byTarget?.skip ? undefined : decideByNeed(source, statement, skipped)) ??
      byTarget ?? { statement, skip: false, sql: statement.text };
    if (decision.skip && decision.finding !== undefined && decision.finding.severity !== 'note')
      skipped.add(source.object);
    const places = decision.sql === statement.text && undecided.length > 0 ? { undecided } : {};
    return { ...changed, ...places, ...decision };
  };
  /** Schemas that nothing in the dump creates: those that public or single tables are mapped to. */
  const missingSchemas = (): Decision[] => {
    const needed = new Set<string>();
    const created = new Set(['public', 'pg_catalog']);
    for (const statement of statements) {
      if (leftOutBy(statement) !== undefined) continue;
      if (statement.kind === 'createSchema') created.add(renames.schema(statement.details.name));
      const { tocComment, relation } = statement;
      if (tocComment?.schema !== undefined) needed.add(renames.schema(tocComment.schema));
      if (relation !== undefined && relation.schema !== '') needed.add(renames.relation(relation).schema);
    }
    const shared = renames.schema('public');
    if (shared !== 'public' && mapping.schema('public').included) {
      needed.add(shared);
      created.delete(shared);
    }
    const missing = [...needed].filter(
      (name) => !created.has(name) && !input.preexisting.has(`schema ${displayName(name)}`),
    );
    for (const name of missing) schemas.add(name);
    const texts = missing.map((name) => `CREATE SCHEMA ${quoteIdentifier(name)};`);
    // Every server grants this with its own public; a dump only says what differs.
    if (options.grants && shared !== 'public' && missing.includes(shared))
      texts.push(`GRANT USAGE ON SCHEMA ${quoteIdentifier(shared)} TO PUBLIC;`);
    return texts.map((text) => {
      const statement = classify({ text, start: 0, end: text.length });
      return { statement, skip: false, added: true as const, sql: text };
    });
  };
  return { decide, renames, missingSchemas: renaming ? missingSchemas : () => [] };
}

function undecidedFinding(source: Statement, { message }: UndecidedName): StatementFinding {
  return {
    code: 'FF420',
    severity: 'warning',
    object: source.object,
    message: `${source.object}: ${message}`,
    fix: errorCodes.FF420.help,
  };
}

function choice(statement: Statement, by: string): StatementFinding {
  return {
    code: 'FF419',
    severity: 'note',
    object: statement.object,
    message: `${statement.object} is left out by the project: ${by}.`,
    fix: errorCodes.FF419.help,
  };
}

/** Undefined where the target has nothing to say against it. */
function decideByTarget(
  statement: Statement,
  input: PlanInput,
  schemas: Set<string>,
  findings: StatementFinding[],
): Decision | undefined {
  const sql = statement.text;
  if (statement.kind === 'createSchema') {
    const { name } = statement.details;
    // Several schemas may become one.
    if (name === 'public' || input.preexisting.has(statement.object) || schemas.has(name))
      return { statement, skip: true, sql };
    schemas.add(name);
  }
  const { publications, owners } = input.options;
  const rule = applyRules(statement, { ...input.target, publications, owners });
  for (const { finding } of rule.also ?? []) findings.push(finding);
  if (rule.action === 'skip')
    return { statement, skip: true, sql, ...(rule.finding && { finding: rule.finding }) };
  const { before, after = '' } = rule;
  return {
    statement,
    skip: false,
    sql: rule.text ?? sql,
    ...(rule.finding && { finding: rule.finding }),
    ...(rule.onFailure && { onFailure: rule.onFailure }),
    ...(before !== undefined && { around: { before, after } }),
  };
}

function decideByNeed(
  source: Statement,
  statement: Statement,
  skipped: SkippedObjects,
): Decision | undefined {
  const needed = dependsOnSkipped(source, skipped);
  if (needed === undefined) return undefined;
  return {
    statement,
    skip: true,
    sql: statement.text,
    finding: {
      code: 'FF417',
      severity: 'warning',
      object: source.object,
      message: `${source.object} needs ${needed}, which is left out.`,
      fix: errorCodes.FF417.help,
    },
  };
}

/** One finding a role instead of one a grant: hundreds of grants say the same. Each statement still says why it is skipped. */
function missingRoles(planned: readonly PlannedStatement[], roles: ReadonlySet<string>): StatementFinding[] {
  const byRole = new Map<string, { first: PlannedStatement; count: number }>();
  for (const item of planned) {
    if (item.finding?.code !== 'FF413') continue;
    for (const role of missingGrantees(item.statement, roles)) {
      const known = byRole.get(role);
      byRole.set(role, { first: known?.first ?? item, count: (known?.count ?? 0) + 1 });
    }
  }
  return [...byRole].map(([role, { first, count }]) => ({
    code: 'FF413',
    severity: 'warning',
    object: `role ${role}`,
    message: `The role ${role} does not exist on the target: ${plural(count, 'statement')} left out, the first: ${first.statement.object}.`,
    fix: errorCodes.FF413.help,
  }));
}
