import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { folderName } from '../../protocol/ddlFolder.js';
import { Fault } from '../errors/fault.js';
import { countConflicts, findConflict, mergeDdl } from './mergeDdl.js';

/** Where the files of one database are: see src/protocol/ddl.ts. */
export function ddlPaths(directory: string, database: string) {
  const folder = folderName(database);
  const files = (...parts: readonly string[]) => ({
    preData: join(directory, ...parts, 'pre-data.sql'),
    postData: join(directory, ...parts, 'post-data.sql'),
  });
  return {
    saved: files('ddl', folder),
    base: files('generated', folder),
    source: files('generated', folder, 'source'),
    context: join(directory, 'generated', folder, 'context.json'),
  };
}

export function globalsPaths(directory: string): { saved: string; base: string } {
  return { saved: join(directory, 'ddl', 'globals.sql'), base: join(directory, 'generated', 'globals.sql') };
}

/** Whole or not at all: the file may hold the edits of the user. */
export async function writeText(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const part = `${path}.part`;
  try {
    await writeFile(part, text);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/** Undefined where there is no such file. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new Fault('FF303', `${path} cannot be read.`, { cause: error });
  }
}

/** Without byte order mark; undefined where there is no such file. Rejects with FF303 rather than guess at other bytes. */
async function readUtf8(path: string): Promise<string | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new Fault('FF303', `${path} cannot be read.`, { cause: error });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Fault('FF303', `${path} is not UTF-8 text.`, { cause: error });
  }
}

/**
 * The text of a file that the user may have edited, as it will run: without byte order mark, with the line ends of the
 * generated one. Rejects with FF303 or FF217 where it cannot be run; undefined where there is no such file.
 */
export async function readSaved(path: string): Promise<string | undefined> {
  const text = await readUtf8(path);
  if (text === undefined) return undefined;
  const nul = text.indexOf('\0');
  if (nul >= 0) throw new Fault('FF303', `${path}:${lineOf(text, nul)} holds a NUL character.`);
  const conflict = findConflict(text);
  if (conflict >= 0)
    throw new Fault('FF217', `${path}:${lineOf(text, conflict)} holds a conflict that is not decided.`);
  return withUnixLines(text);
}

/** An editor that changed every line end did not mean to change the text of functions. */
export function withUnixLines(text: string): string {
  return text.includes('\r\n') && !/(?<!\r)\n/.test(text) ? text.replaceAll('\r\n', '\n') : text;
}

export const lineOf = (text: string, offset: number): number => text.slice(0, offset).split('\n').length;

export interface FileOutcome {
  readonly outcome: 'written' | 'kept' | 'merged' | 'conflict';
  readonly conflicts: number;
}

/** Writes what was generated anew without losing what the user edited since the last time. */
export async function writeGenerated(
  paths: { saved: string; base: string },
  generated: string,
): Promise<FileOutcome> {
  const [saved, base] = await Promise.all([readUtf8(paths.saved), readText(paths.base)]);
  if (saved === undefined) {
    await writeText(paths.saved, generated);
    await writeText(paths.base, generated);
    return { outcome: 'written', conflicts: 0 };
  }
  const yours = withUnixLines(saved);
  // A conflict within a conflict could not be read any more; the base stays, so that the next merge brings everything.
  const undecided = countConflicts(yours) - countConflicts(base ?? '');
  if (undecided > 0) return { outcome: 'conflict', conflicts: undecided };
  // Without a base everything that differs is taken for an edit: nothing of the user's is lost.
  const { text, conflicts } = mergeDdl(base ?? '', yours, generated);
  if (text !== yours) await writeText(paths.saved, text);
  if (generated !== base) await writeText(paths.base, generated);
  if (conflicts > 0) return { outcome: 'conflict', conflicts };
  if (text === yours) return { outcome: 'kept', conflicts };
  return { outcome: yours === base ? 'written' : 'merged', conflicts };
}
