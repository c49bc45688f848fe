/** Checks the text of a project file whole: all that is wrong, each at its place. */
import {
  type Project,
  type ProjectPath,
  type ProjectProblem,
  projectVersion,
  upgradeProject,
} from '../../protocol/project.js';
import { checkMeaning } from './checkMeaning.js';
import { checkShape } from './checkShape.js';
import { lineAndColumn, readProjectText } from './projectText.js';

export interface CheckedProject {
  /** In the order of the checks; errors and warnings. Empty where all is well. */
  readonly problems: readonly ProjectProblem[];
  /** Upgraded to this version; there as soon as the shape is right, even where problems remain. */
  readonly project?: Project;
}

/** The parser of src/ddl must be loaded where the project has row filters. */
export function checkProject(text: string): CheckedProject {
  const read = readProjectText(text);
  if ('message' in read) return { problems: [jsonProblem(text, read.message, read.offset)] };
  const { data } = read;
  const version = versionOf(data);
  if (typeof version === 'number' && version > projectVersion) return { problems: [newer(version)] };
  const inFile = version === 1 ? placeInVersion1 : (path: ProjectPath) => path;
  const duplicates = read.duplicates.map(
    ({ path, key }): ProjectProblem => ({
      path,
      severity: 'error',
      code: 'FF700',
      message: `The key ${JSON.stringify(key)} stands here twice.`,
    }),
  );
  const upgraded = upgradeProject(data);
  const { shape, problems } = checkShape(upgraded);
  if (!shape) return { problems: [...duplicates, ...problems.map((p) => ({ ...p, path: inFile(p.path) }))] };
  const { $schema: _, ...rest } = shape;
  const project = rest as Project;
  const meaning = checkMeaning(project).map((p) => ({ ...p, path: inFile(p.path) }));
  return { problems: [...duplicates, ...meaning], project };
}

/** Begins the message of a text that is no JSON at all. */
export const notJson = 'Not JSON: ';

function jsonProblem(text: string, message: string, offset: number): ProjectProblem {
  const { line, column } = lineAndColumn(text, offset);
  const place = `line ${line}, column ${column}`;
  return { path: [], offset, severity: 'error', code: 'FF700', message: `${notJson}${place}: ${message}.` };
}

function versionOf(data: unknown): unknown {
  return typeof data === 'object' && data !== null && 'version' in data ? data.version : undefined;
}

function newer(version: number): ProjectProblem {
  return {
    path: ['version'],
    severity: 'error',
    code: 'FF701',
    message: `The file has version ${version}; this Flexferry knows ${projectVersion}. Update the extension.`,
  };
}

/** Where version 1 has what stands in `include` and `exclude` now. */
function placeInVersion1(path: ProjectPath): ProjectPath {
  const [list, index, filter, what, ...rest] = path;
  if (list !== 'databases' || what !== 'schemas' || (filter !== 'include' && filter !== 'exclude'))
    return path;
  return [list, index ?? 0, filter === 'include' ? 'includeSchemas' : 'excludeSchemas', ...rest];
}
