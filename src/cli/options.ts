import { defaultOptions } from '../protocol/project.js';

/** How an option is written; `help` is what the usage says. */
interface OptionEntry {
  readonly type: 'string' | 'boolean';
  readonly multiple?: true;
  readonly short?: string;
  /** Placeholder of its value. */
  readonly value?: string;
  readonly help: string;
}

/** Every option of every command. */
export const options = {
  source: {
    type: 'string',
    value: 'URI',
    help: 'where it comes from: a connection URI or keyword string as libpq reads it; passwords may also come from PGPASSWORD, FLEXFERRY_SOURCE_PASSWORD, FLEXFERRY_TARGET_PASSWORD or .pgpass',
  },
  target: { type: 'string', value: 'URI', help: 'where it goes, written in the same way' },
  jobs: {
    type: 'string',
    value: 'N',
    help: `tables copied at the same time (default ${defaultOptions.jobs})`,
  },
  'index-jobs': {
    type: 'string',
    value: 'N',
    help: `indexes built at the same time (default ${defaultOptions.indexJobs})`,
  },
  schema: { type: 'string', multiple: true, value: 'S', help: 'only this schema; may be repeated' },
  'exclude-schema': {
    type: 'string',
    multiple: true,
    value: 'S',
    help: 'all schemas but this one; may be repeated',
  },
  'dump-tool': { type: 'string', value: 'TOOL', help: 'auto, native or builtin (default auto)' },
  restart: {
    type: 'boolean',
    help: 'take back what an earlier run made on the target and begin anew',
  },
  report: { type: 'string', value: 'DIR', help: 'folder of report.html, report.json and events.jsonl' },
  json: {
    type: 'boolean',
    help: 'one JSON event a line, the last with "event":"done"; of status: one JSON object',
  },
  yes: {
    type: 'boolean',
    help: 'work beside what the target database already holds, nothing in it is overwritten; of cutover: begin without a question',
  },
  online: {
    type: 'boolean',
    help: 'of clone: copy while applications go on writing to the source, then follow their changes; for run it stands in the project',
  },
  endpos: {
    type: 'string',
    value: 'LSN',
    help: "end by itself once everything up to this position of the source's log is applied; current: up to now. Without it changes are followed until a cutover or cancel",
  },
  'way-back': {
    type: 'boolean',
    help: 'after the hand-over apply changes of the target to the source, until finish; also of cutover',
  },
  'on-failure': {
    type: 'string',
    value: 'WHAT',
    help: 'what a change that cannot be applied stops: its table or the whole run (default table)',
  },
  'identity-full': {
    type: 'boolean',
    help: 'set REPLICA IDENTITY FULL for tables without a key on the source, until cleanup, and on the target for the way back',
  },
  'ddl-trigger': {
    type: 'boolean',
    help: 'make event triggers on the source, until cleanup, that tell of its DDL, to be run on the target, too; takes PostgreSQL 14 and the right to make them, goes on without',
  },
  'skip-copy': {
    type: 'boolean',
    help: 'follow an existing slot and publication into tables that are there already',
  },
  slot: { type: 'string', value: 'NAME', help: 'the replication slot, with --skip-copy' },
  publication: {
    type: 'string',
    multiple: true,
    value: 'NAME',
    help: 'a publication of it, with --skip-copy; may be repeated',
  },
  fence: {
    type: 'string',
    value: 'HOW',
    help: 'read-only: the source database becomes read-only and other sessions in it are ended; none: you stop your application yourself. Without it you are asked at a terminal, elsewhere and with --yes it is none',
  },
  verify: {
    type: 'string',
    value: 'HOW',
    help: 'compare the data before the hand-over: full, sample or none (default sample)',
  },
  hold: {
    type: 'boolean',
    help: 'stop before the last step, until cutover --confirm or cutover --undo is called',
  },
  force: { type: 'boolean', help: 'go on in spite of a no-go and of differences' },
  confirm: { type: 'boolean', help: 'take the last step of a cutover that holds' },
  undo: { type: 'boolean', help: 'take a cutover back that is not handed over yet, and follow again' },
  table: {
    type: 'string',
    value: 'S.T',
    help: 'schema and name of the stopped table, as SQL writes them',
  },
  cancel: { type: 'boolean', help: 'end the run first that is at work' },
  help: { type: 'boolean', short: 'h', help: 'this text' },
  version: { type: 'boolean', short: 'v', help: 'the version' },
} as const satisfies Record<string, OptionEntry>;

export type OptionName = keyof typeof options;

const pair = ['source', 'target'] as const;
const copying = ['jobs', 'index-jobs', 'schema', 'exclude-schema', 'dump-tool'] as const;
const running = ['report', 'json', 'yes'] as const;
const following = ['endpos', 'way-back', 'on-failure', 'identity-full', 'ddl-trigger'] as const;

/** Which options go with which command. */
export const commandOptions = {
  clone: [...pair, ...copying, 'restart', ...running, 'online', ...following],
  run: ['restart', ...running, ...following],
  ddl: ['json'],
  follow: [...pair, ...copying, ...running, ...following, 'skip-copy', 'slot', 'publication'],
  cutover: [...pair, 'fence', 'verify', 'way-back', 'hold', 'force', 'yes', 'confirm', 'undo'],
  cancel: pair,
  finish: pair,
  'add-tables': pair,
  'ddl-done': pair,
  retry: [...pair, 'table'],
  skip: [...pair, 'table'],
  status: [...pair, 'json'],
  cleanup: [...pair, 'cancel'],
} as const satisfies Record<string, readonly OptionName[]>;

export type CommandName = keyof typeof commandOptions;
export const isCommandName = (name: string): name is CommandName => Object.hasOwn(commandOptions, name);

/** Those that stand in the project file for `run` and `ddl`. */
export const inProjectFile: ReadonlySet<OptionName> = new Set([...pair, ...copying]);

/** How the usage groups them. */
export const optionGroups: readonly { readonly title: string; readonly names: readonly OptionName[] }[] = [
  { title: 'Connections, of all but run and ddl', names: pair },
  { title: 'Options of clone and follow', names: copying },
  { title: 'Options of clone, follow and run', names: ['restart', ...running] },
  { title: 'Online migration: options of clone, follow and run', names: ['online', ...following] },
  { title: 'Options of follow', names: ['skip-copy', 'slot', 'publication'] },
  { title: 'Options of cutover', names: ['fence', 'verify', 'hold', 'force', 'confirm', 'undo'] },
  { title: 'Options of retry, skip and cleanup', names: ['table', 'cancel'] },
];
