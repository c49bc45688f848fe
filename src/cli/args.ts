import { parseArgs } from 'node:util';
import { Fault } from '../engine/errors/fault.js';
import { formatLsn, parseLsn } from '../engine/postgres/lsn.js';
import type { OnlineParams } from '../protocol/engine.js';
import type { Fence } from '../protocol/follow.js';
import { parseRelation } from '../protocol/mapping.js';
import { defaultOptions, type ProjectOptions } from '../protocol/project.js';
import type { Command, CutoverCommand, Pair } from './commands.js';
import {
  type CommandName,
  commandOptions,
  inProjectFile,
  isCommandName,
  type OptionName,
  options,
} from './options.js';

export { usage } from './usage.js';

const wrong = (message: string): Fault => new Fault('FF702', message);

/** Reads the command line. Throws a Fault FF702 that never repeats a value: it may hold a password. */
export function parseCommand(args: readonly string[]): Command {
  const { values, positionals } = parse(args);
  if (values.version) return { command: 'version' };
  const [name, ...rest] = positionals;
  if (values.help || name === 'help' || args.length === 0) return { command: 'help' };
  if (name === undefined) throw wrong('A command is missing: clone, ddl or run; see flexferry --help.');
  if (!isCommandName(name))
    throw wrong(
      'The command is not known: it is clone, ddl or run; of an online migration follow, status, cutover, finish, cancel, add-tables, ddl-done, retry, skip or cleanup.',
    );
  requireFitting(name, values);
  if (name === 'run' || name === 'ddl') {
    const project = rest[0];
    if (project === undefined || rest.length !== 1) throw wrong(`${name} needs one project file.`);
    if (name === 'ddl') return { command: 'ddl', project, json: values.json === true };
    const online = onlineParams(values);
    return {
      command: 'run',
      project,
      ...common(values),
      ...(Object.keys(online).length > 0 && { online }),
    };
  }
  if (rest.length > 0) throw wrong(`${name} takes options only.`);
  return ofPair(name, values);
}

function ofPair(name: Exclude<CommandName, 'run' | 'ddl'>, values: Values): Command {
  const pair = pairOf(name, values);
  switch (name) {
    case 'clone': {
      const lone = (['endpos', 'way-back', 'on-failure', 'identity-full', 'ddl-trigger'] as const).find(
        (option) => values[option] !== undefined,
      );
      if (lone !== undefined && !values.online) throw wrong(`--${lone} needs --online.`);
      return {
        command: 'clone',
        ...oneDatabase(pair, values),
        ...(values.online && { online: onlineParams(values) }),
      };
    }
    case 'follow':
      return { command: 'follow', ...oneDatabase(pair, values), online: followParams(values) };
    case 'cutover':
      return cutover(pair, values);
    case 'status':
      return { command: 'status', ...pair, json: values.json === true };
    case 'cleanup':
      return { command: 'cleanup', ...pair, cancel: values.cancel === true };
    case 'cancel':
    case 'finish':
      return { command: 'request', ...pair, request: { command: name } };
    case 'add-tables':
      return { command: 'request', ...pair, request: { command: 'addTables' } };
    case 'ddl-done':
      return { command: 'request', ...pair, request: { command: 'ddlDone' } };
    case 'retry':
    case 'skip': {
      const table = values.table === undefined ? undefined : parseRelation(values.table);
      if (table === undefined) throw wrong(`${name} needs --table schema.name.`);
      return { command: 'request', ...pair, request: { command: name, ...table } };
    }
  }
}

function common(values: Values) {
  return {
    restart: values.restart === true,
    json: values.json === true,
    yes: values.yes === true,
    ...(values.report !== undefined && { report: values.report }),
  };
}

function pairOf(name: CommandName, { source, target }: Values): Pair {
  if (!source || !target) throw wrong(`${name} needs --${source ? 'target' : 'source'}.`);
  return { source, target };
}

function oneDatabase(pair: Pair, values: Values) {
  const acceptNonEmptyTarget = values.yes === true;
  const chosen: ProjectOptions = {
    ...defaultOptions,
    jobs: count('--jobs', values.jobs, defaultOptions.jobs),
    indexJobs: count('--index-jobs', values['index-jobs'], defaultOptions.indexJobs),
    dumpTool: oneOf(
      '--dump-tool',
      values['dump-tool'] ?? defaultOptions.dumpTool,
      'auto',
      'native',
      'builtin',
    ),
    acceptNonEmptyTarget,
  };
  return {
    ...pair,
    schemas: values.schema ?? [],
    excludeSchemas: values['exclude-schema'] ?? [],
    options: chosen,
    ...common(values),
  };
}

function onlineParams(values: Values): OnlineParams {
  const failure = values['on-failure'];
  return {
    ...(values.endpos !== undefined && { endpos: endpos(values.endpos) }),
    ...(values['way-back'] && { wayBack: true }),
    ...(failure !== undefined && { onFailure: oneOf('--on-failure', failure, 'table', 'run') }),
    ...(values['identity-full'] && { identityFull: true }),
    ...(values['ddl-trigger'] && { ddlTrigger: true }),
  };
}

function followParams(values: Values): OnlineParams {
  const { slot, publication: publications } = values;
  if (!values['skip-copy']) {
    const lone = slot === undefined ? publications && 'publication' : 'slot';
    if (lone) throw wrong(`--${lone} needs --skip-copy.`);
    return onlineParams(values);
  }
  if (values['ddl-trigger']) throw wrong('--ddl-trigger does not go with --skip-copy.');
  if (!slot) throw wrong('--skip-copy needs --slot.');
  if (!publications?.every((name) => name !== '')) throw wrong('--skip-copy needs --publication.');
  return { ...onlineParams(values), skipCopy: { slot, publications } };
}

const fences = { none: 'none', 'read-only': 'readOnly' } as const satisfies Record<string, Fence>;

function cutover(pair: Pair, values: Values): CutoverCommand {
  const answers = (['confirm', 'undo'] as const).filter((option) => values[option]);
  const [answer] = answers;
  const others = ([...answers.slice(1), 'fence', 'verify', 'hold', 'force', 'way-back'] as const).filter(
    (option) => values[option] !== undefined,
  );
  if (answer !== undefined && others[0] !== undefined)
    throw wrong(`--${answer} does not go with --${others[0]}.`);
  const fence = values.fence;
  return {
    command: 'cutover',
    ...pair,
    ...(answer !== undefined && { answer }),
    ...(fence !== undefined && { fence: fences[oneOf('--fence', fence, 'none', 'read-only')] }),
    verify: oneOf('--verify', values.verify ?? 'sample', 'full', 'sample', 'none'),
    hold: values.hold === true,
    force: values.force === true,
    wayBack: values['way-back'] === true,
    yes: values.yes === true,
  };
}

/** Throws where an option was given that does not go with the command. */
function requireFitting(name: CommandName, values: Values): void {
  const fitting: readonly OptionName[] = commandOptions[name];
  const stray = (Object.keys(values) as OptionName[]).find((option) => !fitting.includes(option));
  if (stray === undefined) return;
  if ((name === 'run' || name === 'ddl') && inProjectFile.has(stray))
    throw wrong(`--${stray} belongs in the project file of ${name}.`);
  if (name === 'run' && stray === 'online')
    throw wrong('Whether a database is online stands in the project file of run.');
  throw wrong(`--${stray} does not go with ${name}${name === 'ddl' ? ', which starts nothing' : ''}.`);
}

type Values = ReturnType<typeof parse>['values'];

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    const option = error instanceof Error ? /'(-{1,2}[a-z-]+)/.exec(error.message)?.[1] : undefined;
    throw wrong(
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
    throw wrong(`${option} is a whole number from 1 to 64.`);
  return value;
}

function oneOf<T extends string>(option: string, text: string, ...words: readonly T[]): T {
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  const last = words.at(-1);
  throw wrong(`${option} is ${words.slice(0, -1).join(', ')} or ${last}.`);
}

/** As the server writes it. */
function endpos(text: string): string {
  if (text === 'current') return text;
  const lsn = parseLsn(text);
  if (lsn === undefined) throw wrong('--endpos is a position such as 16/B374D848, or current.');
  return formatLsn(lsn);
}
