/** What the panel can show of a project file's data, however wrong the rest of it is. No import of `vscode`. */
import { filterProblem } from '../../../protocol/mapping.js';
import {
  defaultOptions,
  type ProjectDatabase,
  type ProjectOptions,
  type ProjectServer,
  projectVersion,
  type TableMapping,
  upgradeProject,
} from '../../../protocol/project.js';
import { isObject, type Json, type JsonObject } from './projectText.js';

export interface ProjectView {
  readonly version: 'current' | 'older' | 'newer' | 'unknown';
  /** As the file says. */
  readonly versionText: string;
  readonly name: string | undefined;
  readonly source: ProjectServer;
  readonly target: ProjectServer;
  readonly databases: readonly DatabaseView[];
  readonly options: ProjectOptions;
}

export interface DatabaseView extends ProjectDatabase {
  /** Index in the file. */
  readonly index: number;
  /** Tells databases apart while others come and go; see {@link databaseId}. */
  readonly id: string;
  /** Why entries of filters cannot be used; they are left out of the filters above. */
  readonly filterProblems: readonly string[];
}

const text = (value: Json): string | undefined => (typeof value === 'string' ? value : undefined);
const texts = (value: Json): string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
const textRecord = (value: Json): Record<string, string> =>
  Object.fromEntries(
    Object.entries(isObject(value) ? value : {}).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );

/** The source name, numbered from the second time on. */
function databaseId(source: string, earlier: readonly { readonly source: string }[]): string {
  const n = earlier.filter((database) => database.source === source).length;
  return n === 0 ? source : `${source}\n${n + 1}`;
}

function tableMapping(value: Json): TableMapping {
  const { schema, name, where } = isObject(value) ? value : {};
  return {
    ...(typeof schema === 'string' && { schema }),
    ...(typeof name === 'string' && { name }),
    ...(typeof where === 'string' && { where }),
  };
}

function databaseView(value: JsonObject, index: number, earlier: readonly DatabaseView[]): DatabaseView {
  const source = text(value['source']) ?? '';
  const problems: string[] = [];
  const usable = (entries: Json, of: 'name' | 'relation') =>
    texts(entries).filter((entry) => {
      const problem = filterProblem(entry, of);
      if (problem !== undefined) problems.push(problem);
      return problem === undefined;
    });
  const include = isObject(value['include']) ? value['include'] : {};
  const exclude = isObject(value['exclude']) ? value['exclude'] : {};
  const tables = isObject(value['tables']) ? value['tables'] : {};
  return {
    index,
    id: databaseId(source, earlier),
    source,
    target: text(value['target']) ?? source,
    mode: value['mode'] === 'online' ? 'online' : 'offline',
    include: {
      schemas: usable(include['schemas'], 'name'),
      tables: usable(include['tables'], 'relation'),
    },
    exclude: {
      schemas: usable(exclude['schemas'], 'name'),
      tables: usable(exclude['tables'], 'relation'),
      tableData: usable(exclude['tableData'], 'relation'),
      indexes: usable(exclude['indexes'], 'relation'),
      extensions: usable(exclude['extensions'], 'name'),
    },
    schemas: textRecord(value['schemas']),
    tables: Object.fromEntries(Object.entries(tables).map(([name, own]) => [name, tableMapping(own)])),
    renameOwned: value['renameOwned'] === true,
    filterProblems: problems,
  };
}

function optionsOf(value: Json): ProjectOptions {
  const given = isObject(value) ? value : {};
  const known = Object.entries(defaultOptions).filter(
    ([name, standard]) => name !== 'roles' && typeof given[name] === typeof standard,
  );
  const read = Object.fromEntries(known.map(([name]) => [name, given[name]]));
  return { ...defaultOptions, ...(read as Partial<ProjectOptions>), roles: textRecord(given['roles']) };
}

const server = (value: Json): ProjectServer => {
  const given = isObject(value) ? value : {};
  const id = text(given['server']);
  return { connection: text(given['connection']) ?? '', ...(id !== undefined && { server: id }) };
};

export function readData(data: JsonObject): ProjectView {
  const { version } = data;
  const upgraded = upgradeProject(data);
  const given = isObject(upgraded) ? upgraded : data;
  const databases: DatabaseView[] = [];
  const listed = Array.isArray(given['databases']) ? given['databases'] : [];
  for (const [index, value] of listed.entries())
    if (isObject(value)) databases.push(databaseView(value, index, databases));
  return {
    version:
      version === projectVersion
        ? 'current'
        : typeof version !== 'number'
          ? 'unknown'
          : version > projectVersion
            ? 'newer'
            : given === data
              ? 'unknown'
              : 'older',
    versionText: String(version),
    name: text(given['name']),
    source: server(given['source']),
    target: server(given['target']),
    databases,
    options: optionsOf(given['options']),
  };
}
