import { readFile } from 'node:fs/promises';
import { loadParser } from '../../ddl/parser.js';
import type { Project } from '../../protocol/project.js';
import { Fault } from '../errors/fault.js';
import { checkProject, notJson } from './checkProject.js';
import { placeInText, placeInWords } from './projectText.js';

/** Reads and checks a project file. Rejects as {@link parseProject} does, or with FF700 where it cannot be read. */
export async function readProjectFile(path: string): Promise<Project> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new Fault('FF700', `The project file ${path} cannot be read.`, { cause: error });
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new Fault('FF700', `${path} is not UTF-8.`, { cause: error });
  }
  await loadParser();
  return parseProject(text, path);
}

/**
 * Throws a Fault that names the first place that is wrong: FF700 and FF701 of the file, FF704 of the mapping, FF705 of a
 * row filter, FF110 of a connection. The parser of src/ddl must be loaded where the project has row filters.
 */
export function parseProject(text: string, path: string): Project {
  const { problems, project } = checkProject(text);
  const errors = problems.filter(({ severity }) => severity === 'error');
  const [first] = errors;
  if (!first) {
    if (project) return project;
    throw new Fault('FF900', `${path} cannot be read.`);
  }
  const more = errors.length === 1 ? '' : ` (and ${errors.length - 1} more)`;
  const { line } = placeInText(text, first.path, first.offset);
  if (first.message.startsWith(notJson))
    throw new Fault(first.code, `${path} is not JSON: ${first.message.slice(notJson.length)}`);
  const place = first.path.length === 0 ? '' : `${placeInWords(first.path)}: `;
  throw new Fault(first.code, `${path}, line ${line}: ${place}${first.message}${more}`);
}
