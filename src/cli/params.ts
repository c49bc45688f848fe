import { basename, dirname, join, resolve } from 'node:path';
import { Fault } from '../engine/errors/fault.js';
import type { FollowSpecs } from '../engine/online/followPlace.js';
import { resolveConnectionInput } from '../engine/postgres/connectionString.js';
import { readProjectFile } from '../engine/project/projectFile.js';
import { folderName } from '../protocol/ddlFolder.js';
import type { RunParams } from '../protocol/engine.js';
import { projectVersion } from '../protocol/project.js';
import type { CloneCommand, FollowCommand, Pair, RunCommand } from './commands.js';

/** The folder beside a project file. */
export const directoryOf = (project: string): string =>
  join(dirname(project), basename(project).replace(/\.json$/, ''));

/** Those of the environment that are ours; .pgpass and PGPASSWORD are read with the connection. */
export function passwords(): Pick<RunParams, 'sourcePassword' | 'targetPassword'> {
  const source = process.env['FLEXFERRY_SOURCE_PASSWORD'];
  const target = process.env['FLEXFERRY_TARGET_PASSWORD'];
  return {
    ...(source !== undefined && { sourcePassword: source }),
    ...(target !== undefined && { targetPassword: target }),
  };
}

/** Both connections of a command that looks at an online migration from outside. Throws FF110, FF112 or FF109. */
export function specsOf({ source, target }: Pair): FollowSpecs {
  const { sourcePassword, targetPassword } = passwords();
  const resolved = (text: string, password: string | undefined) =>
    resolveConnectionInput({ text, ...(password !== undefined && { password }) }).spec;
  return { source: resolved(source, sourcePassword), target: resolved(target, targetPassword) };
}

export async function paramsOf(command: CloneCommand | FollowCommand | RunCommand): Promise<RunParams> {
  const common = {
    restart: command.restart,
    ...passwords(),
    ...(command.report !== undefined && { reportDirectory: resolve(command.report) }),
    ...(command.online && { online: command.online }),
  };
  if (command.command === 'run') return { ...(await projectOf(command)), ...common };
  const source = resolveConnectionInput({ text: command.source }).spec.database;
  const target = resolveConnectionInput({ text: command.target }).spec.database;
  const directory =
    command.report !== undefined ? resolve(command.report) : resolve(`${folderName(source)}.flexferry`);
  return {
    project: {
      version: projectVersion,
      name: source,
      source: { connection: command.source },
      target: { connection: command.target },
      databases: [
        {
          source,
          target,
          ...(command.online && { mode: 'online' as const }),
          include: { schemas: command.schemas },
          exclude: { schemas: command.excludeSchemas },
        },
      ],
      options: command.options,
    },
    directory,
    ...common,
  };
}

async function projectOf(command: RunCommand): Promise<Pick<RunParams, 'project' | 'directory'>> {
  const path = resolve(command.project);
  const project = await readProjectFile(path);
  if (command.online && !project.databases.some(({ mode }) => mode === 'online'))
    throw new Fault(
      'FF702',
      'No database of the project is online: the options of an online migration do not go with it.',
    );
  const options = command.yes ? { ...project.options, acceptNonEmptyTarget: true } : project.options;
  return { project: { ...project, options }, directory: directoryOf(path) };
}
