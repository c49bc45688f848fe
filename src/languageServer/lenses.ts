/** CodeLenses over statements: what became or will become of each, and what can be done with it. */
import type { CodeLens, Command } from 'vscode-languageserver';
import type { Entry } from '../ddl/document.js';
import { type SkippedBlock, skippedIn } from '../ddl/documentSkipped.js';
import { statementTextKey } from '../ddl/statementKey.js';
import { commands, type StatementReference, type StatementStatus } from '../protocol/ddl.js';
import { isGenerated } from './context.js';
import type { SqlFile } from './sqlFile.js';
import type { Workspace } from './workspace.js';

const actions = ['state', 'skip', 'run', 'source', 'blockState', 'unskip'] as const;
type Action = (typeof actions)[number];

/** Short, for there are thousands: number of the file, its version, offset, index of the action. */
type LensData = readonly [number, number, number, number];

/** Settings of the session concern no object and are not worth a line each. */
const quiet: ReadonlySet<string> = new Set(['setting', 'sessionAuthorization']);

export class Lenses {
  readonly #numbers = new Map<string, number>();

  constructor(private readonly workspace: Workspace) {}

  /** Places alone: the words come once a lens is looked at. */
  async of(file: SqlFile): Promise<CodeLens[]> {
    if (!this.workspace.settings.codeLens || !isGenerated(file.uri)) return [];
    const model = await file.statements();
    const sources = this.workspace.context(file.uri)?.context.sources;
    const number = this.#number(file.uri);
    const lenses: CodeLens[] = [];
    const add = (start: number, end: number, ...wanted: readonly Action[]) => {
      const place = file.document.positionAt(start);
      const line = file.document.positionAt(Math.min(end, start + 1));
      for (const action of wanted) {
        const data: LensData = [number, file.version, start, actions.indexOf(action)];
        lenses.push({ range: { start: place, end: line }, data });
      }
    };
    for (const entry of model.entries) {
      if (entry.known === undefined || quiet.has(entry.known.kind)) continue;
      const differs = sources !== undefined && Object.hasOwn(sources, model.keyOf(entry));
      add(entry.start, entry.end, 'state', 'skip', 'run', ...(differs ? (['source'] as const) : []));
    }
    for (const { start, end } of skippedIn(file.model)) add(start, end, 'blockState', 'unskip');
    return lenses;
  }

  async resolve(lens: CodeLens): Promise<CodeLens> {
    const [number, version, start, index] = lens.data as LensData;
    const uri = [...this.#numbers].find(([, each]) => each === number)?.[0];
    const file = uri === undefined ? undefined : this.workspace.file(uri);
    const action = actions[index];
    // A newer version has lenses of its own on the way.
    if (file === undefined || action === undefined || file.version !== version)
      return { ...lens, command: none };
    const model = await file.statements();
    const blocks = action === 'blockState' || action === 'unskip';
    if (blocks) {
      const block = skippedIn(file.model).find((each) => each.start === start);
      return { ...lens, command: block === undefined ? none : blockCommand(file.uri, block, action) };
    }
    const entry = model.entryAt(start);
    if (entry === undefined) return { ...lens, command: none };
    const reference = referenceTo(file, entry);
    const status = this.workspace.states(file.uri)?.get(reference.key);
    return { ...lens, command: statementCommand(reference, status, action) };
  }

  #number(uri: string): number {
    const known = this.#numbers.get(uri);
    if (known !== undefined) return known;
    this.#numbers.set(uri, this.#numbers.size);
    return this.#numbers.size - 1;
  }
}

const none: Command = { title: '', command: '' };

export function referenceTo({ uri, model }: SqlFile, entry: Entry): StatementReference {
  const { start, end, known } = entry;
  return { uri, start, end, key: model.keyOf(entry), object: known?.object ?? 'statement' };
}

function statementCommand(
  reference: StatementReference,
  status: StatementStatus | undefined,
  action: Action,
): Command {
  const to = (title: string, command: string): Command => ({ title, command, arguments: [reference] });
  switch (action) {
    case 'skip':
      return to('Skip', commands.skip);
    case 'run':
      return to('Run now on target', commands.run);
    case 'source':
      return to('Show source DDL', commands.showSource);
    default:
      return to(stateTitle(status), commands.showState);
  }
}

function stateTitle(status: StatementStatus | undefined): string {
  switch (status?.state) {
    case 'done':
      return '$(pass) Done';
    case 'failed':
      return `$(error) Failed${status.error === undefined ? '' : `: ${short(status.error.message)}`}`;
    case 'skipped':
      return `$(circle-slash) Skipped${status.error === undefined ? '' : `: ${short(status.error.message)}`}`;
    default:
      return '$(circle-outline) Will run';
  }
}

function blockCommand(uri: string, block: SkippedBlock, action: Action): Command {
  const { start, end, text, reason } = block;
  const [object = ''] = text.split('\n', 1);
  const reference: StatementReference = {
    ...{ uri, start, end },
    key: statementTextKey(text),
    object: short(object),
  };
  return action === 'unskip'
    ? { title: 'Run it after all', command: commands.unskip, arguments: [reference] }
    : {
        title: `$(circle-slash) Skipped: ${short(reason ?? 'by you')}`,
        command: commands.showState,
        arguments: [reference],
      };
}

/** Fits on a line; what the editor takes for an icon is only text. */
function short(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').replaceAll('$(', '$\u200b(').trim();
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
}
