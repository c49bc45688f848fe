import { parseArgs } from 'node:util';
import { Fault } from '../engine/errors/fault.js';
import { defaultOptions, type ProjectOptions } from '../protocol/project.js';

export const usage = `Usage: flexferry <command> [options]

Commands
  clone --source URI --target URI   migrate one database
  ddl PROJECT.flexferry.json        write the DDL of a project for review; nothing is changed on either server
  run PROJECT.flexferry.json        run a migration project, with the DDL as it is saved

Options of clone
  --source, --target URI  a connection URI or keyword string as libpq reads it; passwords may also come
                          from PGPASSWORD, FLEXFERRY_SOURCE_PASSWORD, FLEXFERRY_TARGET_PASSWORD or .pgpass
  --jobs N                tables copied at the same time (default ${defaultOptions.jobs})
  --index-jobs N          indexes built at the same time (default ${defaultOptions.indexJobs})
  --schema S              only this schema; may be repeated
  --exclude-schema S      all schemas but this one; may be repeated
  --dump-tool TOOL        auto, native or builtin (default auto)

Options of clone and run
  --restart               take back what an earlier run made on the target and begin anew
  --report DIR            folder of report.html, report.json and events.jsonl
  --json                  one JSON event a line, the last with "event":"done"
  --yes                   work beside what the target database already holds; nothing in it is overwritten

Exit codes
  0  everything was migrated and verified
  1  finished, but something was skipped, failed or differs: the report says what
  2  the command line or the project file is wrong
  3  could not start; nothing was changed
  4  interrupted; the same command resumes
`;

export interface CloneCommand extends Common {
  readonly command: 'clone';
  readonly source: string;
  readonly target: string;
  readonly schemas: readonly string[];
  readonly excludeSchemas: readonly string[];
  readonly options: ProjectOptions;
}
export interface RunCommand extends Common {
  readonly command: 'run';
  readonly project: string;
}
/** Writes the DDL files. */
export interface DdlCommand {
  readonly command: 'ddl';
  readonly project: string;
  readonly json: boolean;
}
export type Command =
  | { readonly command: 'help' }
  | { readonly command: 'version' }
  | CloneCommand
  | RunCommand
  | DdlCommand;

interface Common {
  readonly restart: boolean;
  readonly report?: string;
  readonly json: boolean;
  readonly yes: boolean;
}

const options = {
  source: { type: 'string' },
  target: { type: 'string' },
  jobs: { type: 'string' },
  'index-jobs': { type: 'string' },
  schema: { type: 'string', multiple: true },
  'exclude-schema': { type: 'string', multiple: true },
  'dump-tool': { type: 'string' },
  restart: { type: 'boolean', default: false },
  report: { type: 'string' },
  json: { type: 'boolean', default: false },
  yes: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  version: { type: 'boolean', short: 'v', default: false },
} as const;

/** Reads the command line. Throws a Fault FF702 that never repeats a value: it may hold a password. */
export function parseCommand(args: readonly string[]): Command {
  const { values, positionals } = parse(args);
  if (values.version) return { command: 'version' };
  const [name, ...rest] = positionals;
  if (values.help || name === 'help' || args.length === 0) return { command: 'help' };
  const common: Common = {
    restart: values.restart,
    json: values.json,
    yes: values.yes,
    ...(values.report !== undefined && { report: values.report }),
  };
  if (name === 'run' || name === 'ddl') {
    const given = Object.keys(values).find((k) =>
      ['source', 'target', 'jobs', 'index-jobs', 'schema', 'exclude-schema', 'dump-tool'].includes(k),
    );
    if (given !== undefined) throw new Fault('FF702', `--${given} belongs in the project file of ${name}.`);
    const ofRun =
      values.report === undefined ? (['restart', 'yes'] as const).find((k) => values[k]) : 'report';
    if (name === 'ddl' && ofRun !== undefined)
      throw new Fault('FF702', `--${ofRun} does not go with ddl, which starts nothing.`);
    const project = rest[0];
    if (project === undefined || rest.length !== 1)
      throw new Fault('FF702', `${name} needs one project file.`);
    return name === 'ddl'
      ? { command: 'ddl', project, json: values.json }
      : { command: 'run', project, ...common };
  }
  if (name !== 'clone')
    throw new Fault(
      'FF702',
      name === undefined
        ? 'A command is missing: clone, ddl or run.'
        : 'The command is not known: it is clone, ddl or run.',
    );
  if (rest.length > 0) throw new Fault('FF702', 'clone takes options only.');
  if (!values.source || !values.target)
    throw new Fault('FF702', `clone needs --${values.source ? 'target' : 'source'}.`);
  const tool = values['dump-tool'] ?? defaultOptions.dumpTool;
  if (tool !== 'auto' && tool !== 'native' && tool !== 'builtin')
    throw new Fault('FF702', '--dump-tool is auto, native or builtin.');
  return {
    command: 'clone',
    source: values.source,
    target: values.target,
    schemas: values.schema ?? [],
    excludeSchemas: values['exclude-schema'] ?? [],
    options: {
      ...defaultOptions,
      jobs: count('--jobs', values.jobs, defaultOptions.jobs),
      indexJobs: count('--index-jobs', values['index-jobs'], defaultOptions.indexJobs),
      dumpTool: tool,
      acceptNonEmptyTarget: values.yes,
    },
    ...common,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    const option = error instanceof Error ? /'(-{1,2}[a-z-]+)/.exec(error.message)?.[1] : undefined;
    throw new Fault(
      'FF702',
      code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION'
        ? `The option ${option ?? ''} is not known.`
        : `The option ${option ?? ''} lacks its value or has one too many.`,
    );
  }
}

function count(option: string, text: string | undefined, standard: number): number {
  if (text === undefined) return standard;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 64)
    throw new Fault('FF702', `${option} is a whole number from 1 to 64.`);
  return value;
}
