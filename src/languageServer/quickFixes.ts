/** What can be done about the problems of a file, as edits that are seen and can be taken back. */
import {
  type CodeAction,
  CodeActionKind,
  type CodeActionParams,
  type Diagnostic,
  type TextEdit,
} from 'vscode-languageserver';
import type { Entry } from '../ddl/document.js';
import { conflictsIn } from '../ddl/documentConflicts.js';
import type { Fix } from '../ddl/flexibleServerRules.js';
import { displayName } from '../ddl/identifier.js';
import { mergeEdits } from '../ddl/rules/fixes.js';
import { commands, type ExtensionReference, type RoleReference } from '../protocol/ddl.js';
import { commentedOut } from '../protocol/skippedStatement.js';
import type { FileContext } from './context.js';
import { diagnosticOf, type Placed, problemsIn } from './diagnostics.js';
import { placesOfRole } from './problems.js';
import type { SqlFile } from './sqlFile.js';
import type { Workspace } from './workspace.js';

/** Repairs everything that can be repaired without a question. */
export const fixAllKind = `${CodeActionKind.SourceFixAll}.flexferry`;
/** Roles that are offered in place of one that is missing. */
const offeredRoles = 5;

interface Target {
  readonly file: SqlFile;
  readonly placed: Placed;
  readonly diagnostic: Diagnostic;
  readonly context: FileContext | undefined;
}

export async function actionsFor(
  workspace: Workspace,
  file: SqlFile,
  { range, context: asked }: CodeActionParams,
): Promise<CodeAction[]> {
  const model = await file.statements();
  const context = workspace.context(file.uri);
  const states = workspace.states(file.uri);
  const wants = (kind: string) =>
    asked.only?.some((only) => kind === only || kind.startsWith(`${only}.`)) ?? true;
  const actions: CodeAction[] = [];
  if (wants(CodeActionKind.QuickFix)) {
    const [start, end] = [file.document.offsetAt(range.start), file.document.offsetAt(range.end)];
    const found = problemsIn(model, context, states, { start, end });
    for (const placed of [...found, ...workspace.missingNow(file)]) {
      if (placed.end < start || placed.start > end) continue;
      const computed = diagnosticOf(file, placed);
      const target = { file, placed, diagnostic: same(asked.diagnostics, computed) ?? computed, context };
      actions.push(...actionsOf(target));
      if (placed.problem.code === 'FF217') actions.push(...sides(target));
    }
  }
  // Only where it is asked for by name: it looks at the whole file.
  if (asked.only !== undefined && wants(fixAllKind)) {
    const all = fixAll(file, problemsIn(model, context, undefined));
    if (all !== undefined) actions.push(all);
  }
  return actions;
}

/** The diagnostic that the editor shows, which may have come with data of its own. */
function same(shown: readonly Diagnostic[], { code, range, message }: Diagnostic): Diagnostic | undefined {
  return shown.find(
    (each) =>
      each.code === code &&
      each.message === message &&
      each.range.start.line === range.start.line &&
      each.range.start.character === range.start.character,
  );
}

function actionsOf(target: Target): CodeAction[] {
  const { problem } = target.placed;
  const actions = problem.fixes.flatMap((fix) => actionsOfFix(target, fix));
  if (problem.removable === true) actions.push(edited(target, 'Comment out', [commentOut(target)], false));
  return actions;
}

function actionsOfFix(target: Target, fix: Fix): CodeAction[] {
  const { code } = target.placed.problem;
  const { argument = '' } = fix;
  switch (fix.kind) {
    case 'commentOut':
      return [edited(target, 'Comment out', [commentOut(target)], fix.resolves && fix.isDefault)];
    case 'mapRole':
      return mapRole(target, argument);
    case 'allowExtension':
      return [
        called(target, `Allow-list extension "${argument}"…`, commands.allowExtension, {
          extension: argument,
        }),
      ];
    default: {
      if (fix.edits.length === 0) return [];
      const title = fix.kind === 'dropClause' && code === 'FF407' ? 'Remove tablespace' : fix.title;
      return [edited(target, title, editsOf(target, fix), fix.resolves && fix.isDefault)];
    }
  }
}

function called(
  { file, diagnostic }: Target,
  title: string,
  command: string,
  reference: Omit<RoleReference, 'uri'> | Omit<ExtensionReference, 'uri'>,
): CodeAction {
  return {
    title,
    kind: CodeActionKind.QuickFix,
    diagnostics: [diagnostic],
    command: { title, command, arguments: [{ uri: file.uri, ...reference }] },
  };
}

function edited(
  { file, diagnostic }: Target,
  title: string,
  edits: readonly TextEdit[],
  isPreferred: boolean,
): CodeAction {
  return {
    title,
    kind: CodeActionKind.QuickFix,
    diagnostics: [diagnostic],
    ...(isPreferred && { isPreferred }),
    edit: { changes: { [file.uri]: [...edits] } },
  };
}

/** The whole statement, whatever of it is wrong. */
function commentOut({ file, placed }: Pick<Target, 'file' | 'placed'>): TextEdit {
  const { start, end } = placed.entry ?? placed;
  const newText = commentedOut(file.model.text, start, end, placed.problem.reason);
  return { range: file.range(start, end), newText };
}

function editsOf({ file, placed }: Pick<Target, 'file' | 'placed'>, { edits }: Fix): TextEdit[] {
  const from = placed.entry?.start ?? 0;
  return edits.map(({ start, end, text }) => ({
    range: file.range(from + start, from + end),
    newText: text,
  }));
}

function mapRole(target: Target, role: string): CodeAction[] {
  const { file, placed, context } = target;
  const { entry } = placed;
  if (entry === undefined) return [];
  const isOwner = entry.known?.kind === 'ownerChange';
  const places = placesOfRole(file.model.textOf(entry), role);
  const likely = places.length === 0 ? [] : likelyRoles(role, context?.context.target.roles ?? []);
  const what = isOwner ? 'Map owner' : `Map role ${displayName(role)}`;
  const actions = likely.map((name) => {
    const edits = places.map(({ start, end }) => ({
      range: file.range(entry.start + start, entry.start + end),
      newText: displayName(name),
    }));
    // A guess unless the names differ in nothing but case.
    return edited(
      target,
      `${what} to ${displayName(name)}`,
      edits,
      name.toLowerCase() === role.toLowerCase(),
    );
  });
  return [...actions, called(target, `${what} in the project…`, commands.mapOwner, { role })];
}

/** Roles of the target that people own things by, the most similar names first. */
function likelyRoles(role: string, roles: readonly string[]): string[] {
  const score = (name: string): number => {
    const [a, b] = [role.toLowerCase(), name.toLowerCase()];
    if (a === b) return 0;
    if (a.includes(b) || b.includes(a)) return 1;
    return a[0] === b[0] ? 2 : 3;
  };
  return roles
    .filter((name) => !/^(pg_|azuresu$|azure_pg_admin$|replication$)/.test(name))
    .map((name) => ({ name, score: score(name) }))
    .sort((a, b) => a.score - b.score || (a.name < b.name ? -1 : 1))
    .slice(0, offeredRoles)
    .map(({ name }) => name);
}

/** One side of a conflict in place of both. */
function sides(target: Target): CodeAction[] {
  const { file, placed } = target;
  const conflict = conflictsIn(file.model.text).find(({ start }) => start === placed.start);
  if (conflict === undefined) return [];
  const { start } = conflict;
  const newline = file.model.text.indexOf('\n', conflict.end);
  const range = file.range(start, newline < 0 ? conflict.end : newline + 1);
  if (conflict.sides === undefined) return [edited(target, 'Remove marker', [{ range, newText: '' }], false)];
  return conflict.sides.map(({ name, text }, index) =>
    edited(
      target,
      `Take ${name || ['the first side', 'the second side'][index]}`,
      [{ range, newText: text }],
      false,
    ),
  );
}

/** What generating anew would do: clauses go, and what can never work becomes a comment with the reason. */
function fixAll(file: SqlFile, problems: readonly Placed[]): CodeAction | undefined {
  const edits: TextEdit[] = [];
  const byEntry = new Map<Entry, Placed[]>();
  for (const each of problems) {
    if (each.entry !== undefined) byEntry.set(each.entry, [...(byEntry.get(each.entry) ?? []), each]);
  }
  for (const [entry, placed] of byEntry) {
    const fixes = placed.flatMap(({ problem }) =>
      problem.fixes.filter((fix) => fix.isDefault && fix.resolves),
    );
    const out = placed.find(({ problem }) =>
      problem.fixes.some((fix) => fix.isDefault && fix.kind === 'commentOut'),
    );
    if (out !== undefined) edits.push(commentOut({ file, placed: out }));
    else {
      const merged = mergeEdits(fixes.flatMap((fix) => fix.edits));
      for (const { start, end, text } of merged) {
        edits.push({ range: file.range(entry.start + start, entry.start + end), newText: text });
      }
    }
  }
  if (edits.length === 0) return undefined;
  return {
    title: 'Repair all that the target refuses',
    kind: fixAllKind,
    edit: { changes: { [file.uri]: edits } },
  };
}
