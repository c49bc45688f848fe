import { type OptionName, optionGroups, options } from './options.js';

const width = 108;
const indent = 26;

const commands: readonly (readonly [call: string, what: string])[] = [
  ['clone --source URI --target URI', 'migrate one database; with --online while it is in use'],
  ['run PROJECT.flexferry.json', 'run a migration project, with the DDL as it is saved'],
  [
    'ddl PROJECT.flexferry.json',
    'write the DDL of a project for review; nothing is changed on either server',
  ],
];

/** Each is called with --source and --target of the migration, from any machine, while or after it runs. */
const onlineCommands: readonly (readonly [call: string, what: string])[] = [
  ['follow', 'go on with an online migration that was interrupted'],
  ['status', 'how far it is: lag, rates, log that the source keeps for it'],
  ['cutover', 'go/no-go list, fence, last changes, sequences, verification, hand-over; the run ends then'],
  ['finish', 'end the way back: the old source gets no more changes'],
  ['cancel', 'end the run without a cutover'],
  ['add-tables', 'take in the tables that were made on the source since'],
  ['ddl-done', 'say that the DDL of the source that status tells of is dealt with'],
  ['retry --table S.T', 'try the change again that a table stopped at'],
  ['skip --table S.T', 'leave that change out'],
  ['cleanup', 'remove slot, publications, event triggers and checkpoints, and say what was removed'],
];

/** Words in lines; the first begins at column `at`, the others are indented. */
function wrapped(text: string, at: number, left: number): string {
  let column = at;
  let out = '';
  for (const word of text.split(' ')) {
    if (column > left && column + word.length + 1 > width) {
      out += `\n${' '.repeat(left)}`;
      column = left;
    } else if (out !== '') {
      out += ' ';
      column += 1;
    }
    out += word;
    column += word.length;
  }
  return out;
}

function row(name: string, what: string, left = indent): string {
  return `  ${name.padEnd(left - 3)} ${wrapped(what, left, left)}\n`;
}

function optionRow(name: OptionName): string {
  const option = options[name];
  return row(`--${name}${'value' in option ? ` ${option.value}` : ''}`, option.help);
}

export const usage = [
  'Usage: flexferry <command> [options]\n',
  '\nCommands\n',
  ...commands.map(([call, what]) => row(call, what, 36)),
  '\nCommands of an online migration, each with its --source URI --target URI\n',
  ...onlineCommands.map(([call, what]) => row(call, what)),
  ...optionGroups.flatMap(({ title, names }) => [`\n${title}\n`, ...names.map(optionRow)]),
  `
Exit codes
  0  everything was migrated and verified; of the other commands: what was asked for is done
  1  finished, but something was skipped, failed or differs: the report says what; of cutover: not handed over
  2  the command line or the project file is wrong
  3  could not start; nothing was changed
  4  interrupted; the same command resumes
`,
].join('');
