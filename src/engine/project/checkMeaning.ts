/** What a project of the right shape says that cannot be: names, filters, row filters, contradictions. */
import { rowFilterProblem } from '../../ddl/rowFilter.js';
import type { ErrorCode } from '../../protocol/errorCodes.js';
import {
  compileMapping,
  filterProblem,
  formatRelation,
  type Mapping,
  nameProblem,
  parseRelation,
} from '../../protocol/mapping.js';
import type { RelationName } from '../../protocol/model.js';
import type { Project, ProjectDatabase, ProjectPath, ProjectProblem } from '../../protocol/project.js';
import { Fault } from '../errors/fault.js';
import { parseConnectionText } from '../postgres/connectionPastes.js';

export function checkMeaning(project: Project): ProjectProblem[] {
  return [
    ...connectionProblems(project),
    ...project.databases.flatMap((database, index) => databaseProblems(database, ['databases', index])),
    ...pairProblems(project.databases),
    ...tableTargetProblems(project.databases),
    ...roleProblems(project),
  ];
}

function problem(
  path: ProjectPath,
  message: string,
  code: ErrorCode = 'FF704',
  severity: ProjectProblem['severity'] = 'error',
): ProjectProblem {
  return { path, severity, code, message };
}

/** Connection parameters that are secrets themselves, not places of secrets. */
const secretParameters = [
  'password',
  'sslpassword',
  'oauth_client_secret',
  'scram_client_key',
  'scram_server_key',
];

function connectionProblems(project: Project): ProjectProblem[] {
  return (['source', 'target'] as const).flatMap((side) => {
    const path = [side, 'connection'];
    try {
      const parameters = parseConnectionText(project[side].connection);
      const secret = secretParameters.find((name) => parameters.get(name));
      if (secret === undefined) return [];
      const message = `The connection holds a secret (${secret}), which everyone can read who gets this file. Remove it: the editor asks for it, the command line takes it from the environment or a password file.`;
      return [problem(path, message, 'FF700', 'warning')];
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      const message = error.message.charAt(0).toUpperCase() + error.message.slice(1);
      return [problem(path, `${message}.`, 'FF110')];
    }
  });
}

function databaseProblems(database: ProjectDatabase, path: ProjectPath): ProjectProblem[] {
  const { source, target, include, exclude, schemas = {}, tables = {} } = database;
  const found: ProjectProblem[] = [];
  const check = (name: string, of: 'schema' | 'table', ...place: ProjectPath) => {
    const message = nameProblem(name, of);
    if (message !== undefined) found.push(problem([...path, ...place], message));
  };
  check(source, 'table', 'source');
  check(target, 'table', 'target');
  if (reservedDatabases.has(target))
    found.push(problem([...path, 'target'], `The database ${target} belongs to the server itself.`));
  for (const [from, to] of Object.entries(schemas)) {
    check(from, 'table', 'schemas', from);
    check(to, 'schema', 'schemas', from);
  }
  for (const [key, table] of Object.entries(tables)) {
    const relation = parseRelation(key);
    if (!relation) {
      const message = `${JSON.stringify(key)} is not a table: write schema.name as in SQL, e.g. public.orders or "Public"."Orders".`;
      found.push(problem([...path, 'tables', key], message));
    } else {
      check(relation.schema, 'table', 'tables', key);
      check(relation.name, 'table', 'tables', key);
    }
    if (table.schema !== undefined) check(table.schema, 'schema', 'tables', key, 'schema');
    if (table.name !== undefined) check(table.name, 'table', 'tables', key, 'name');
    found.push(...rowFilterProblems(table.where, relation, [...path, 'tables', key, 'where']));
  }
  const filters = [
    ...filterProblems(include?.schemas, 'name', [...path, 'include', 'schemas']),
    ...filterProblems(include?.tables, 'relation', [...path, 'include', 'tables']),
    ...filterProblems(exclude?.schemas, 'name', [...path, 'exclude', 'schemas']),
    ...filterProblems(exclude?.tables, 'relation', [...path, 'exclude', 'tables']),
    ...filterProblems(exclude?.tableData, 'relation', [...path, 'exclude', 'tableData']),
    ...filterProblems(exclude?.indexes, 'relation', [...path, 'exclude', 'indexes']),
    ...filterProblems(exclude?.extensions, 'name', [...path, 'exclude', 'extensions']),
  ];
  return [...found, ...filters];
}

/** On every server, or a Flexible Server's own. */
const reservedDatabases: ReadonlySet<string> = new Set([
  'template0',
  'template1',
  'azure_maintenance',
  'azure_sys',
]);

function filterProblems(
  entries: readonly string[] | undefined,
  of: 'name' | 'relation',
  path: ProjectPath,
): ProjectProblem[] {
  return (entries ?? []).flatMap((entry, index) => {
    const message = filterProblem(entry, of);
    return message === undefined ? [] : [problem([...path, index], message)];
  });
}

function rowFilterProblems(
  where: string | undefined,
  relation: RelationName | undefined,
  path: ProjectPath,
): ProjectProblem[] {
  if (where === undefined || where.trim() === '') return [];
  const found = rowFilterProblem(where, relation);
  return found ? [{ ...problem(path, found.message, 'FF705'), offset: found.offset }] : [];
}

/** One source may be split over several targets, and several sources may share one, but no pair may occur twice. */
function pairProblems(databases: readonly ProjectDatabase[]): ProjectProblem[] {
  const seen = new Set<string>();
  return databases.flatMap(({ source, target }, index) => {
    const key = JSON.stringify([source, target]);
    if (!seen.has(key)) {
      seen.add(key);
      return [];
    }
    return [
      problem(['databases', index], `The database ${source} goes to ${target} already, further above.`),
    ];
  });
}

interface Claim {
  readonly relation: RelationName;
  readonly database: ProjectDatabase;
}

/** Tables that are named in the file and meet on the target; what only the catalogs tell is found elsewhere. */
function tableTargetProblems(databases: readonly ProjectDatabase[]): ProjectProblem[] {
  const claims = new Map<string, Claim>();
  return databases.flatMap((database, index) => {
    const mapping = mappingOf(database);
    const sources = new Map<string, string>();
    return Object.entries(database.tables ?? {}).flatMap(([key, table]) => {
      const relation = parseRelation(key);
      if (!relation || !mapping) return [];
      const path = ['databases', index, 'tables', key];
      const source = formatRelation(relation);
      const twin = sources.get(source);
      if (twin !== undefined)
        return [problem(path, `${JSON.stringify(key)} and ${JSON.stringify(twin)} are the same table.`)];
      sources.set(source, key);
      const decision = mapping.table(relation);
      if (!decision.included)
        return [problem(path, `${source} is left out by ${decision.leftOutBy}.`, 'FF704', 'warning')];
      const to = `${JSON.stringify(database.target)} ${formatRelation(decision.target)}`;
      const claim = claims.get(to);
      if (!claim) {
        claims.set(to, { relation, database });
        return [];
      }
      const other = `${formatRelation(claim.relation)}${claim.database === database ? '' : ` of ${claim.database.source}`}`;
      const name = table.name === undefined ? (table.schema === undefined ? [] : ['schema']) : ['name'];
      const message = `${source} goes to ${formatRelation(decision.target)} in ${database.target}, and so does ${other}.`;
      return [problem([...path, ...name], message)];
    });
  });
}

/** Undefined where a filter cannot be read, which is a problem of its own. */
function mappingOf(database: ProjectDatabase): Mapping | undefined {
  try {
    return compileMapping(database);
  } catch {
    return undefined;
  }
}

function roleProblems({ options }: Project): ProjectProblem[] {
  return Object.entries(options.roles).flatMap(([from, to]) => {
    const path = ['options', 'roles', from];
    const message = nameProblem(from, 'table') ?? nameProblem(to, 'table');
    if (message !== undefined) return [problem(path, message)];
    return to === 'public' || to === 'none' ? [problem(path, `The role name ${to} is reserved.`)] : [];
  });
}
