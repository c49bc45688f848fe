import * as vscode from 'vscode';

/** What a step of a multi-step input ended with. */
export type Outcome = 'next' | 'back' | 'cancel';

export interface StepPosition {
  readonly title: string;
  readonly step: number;
  readonly total: number;
  /** Whether a back button is shown. */
  readonly back: boolean;
}

export interface Step<State> {
  /** Steps that do not apply are neither shown nor counted. */
  when?(state: State): boolean;
  run(state: State, at: StepPosition): Promise<Outcome>;
}

/** Runs steps one after the other, going back where the user asks to. False when the user cancelled. */
export async function runSteps<State>(
  title: string,
  steps: readonly Step<State>[],
  state: State,
): Promise<boolean> {
  let index = 0;
  for (;;) {
    const applies = (step: Step<State>) => step.when?.(state) ?? true;
    const step = steps[index];
    if (!step) return true;
    const before = steps.slice(0, index).filter(applies).length;
    const outcome = await step.run(state, {
      title,
      step: before + 1,
      total: steps.filter(applies).length,
      back: before > 0,
    });
    if (outcome === 'cancel') return false;
    const direction = outcome === 'next' ? 1 : -1;
    do index += direction;
    while (steps[index] !== undefined && !applies(steps[index] as Step<State>));
    if (index < 0) index = 0;
  }
}

export interface InputOptions {
  readonly prompt: string;
  readonly placeholder?: string;
  readonly value?: string;
  readonly password?: boolean;
  readonly toggle?: { readonly on: string; readonly off: string; value: boolean };
  /** Checked on every key: a sentence, or undefined where the text is fine. Must be cheap. */
  validate?(text: string): string | undefined;
  /** Checked on Enter, may connect; a sentence keeps the box open. */
  accept?(text: string): Promise<string | undefined>;
}

function makeInputBox(at: StepPosition, options: InputOptions): vscode.InputBox {
  const box = vscode.window.createInputBox();
  box.title = at.title;
  box.step = at.step;
  box.totalSteps = at.total;
  box.prompt = options.prompt;
  box.value = options.value ?? '';
  box.password = options.password ?? false;
  box.ignoreFocusOut = true;
  if (options.placeholder !== undefined) box.placeholder = options.placeholder;
  return box;
}

function inputButtons(at: StepPosition, { toggle }: InputOptions): vscode.QuickInputButton[] {
  const back = at.back ? [vscode.QuickInputButtons.Back] : [];
  if (!toggle) return back;
  const iconPath = new vscode.ThemeIcon(toggle.value ? 'save' : 'watch');
  return [...back, { iconPath, tooltip: toggle.value ? toggle.on : toggle.off }];
}

/** Why the text in the box cannot be taken; asks `accept` last, with the box busy meanwhile. */
async function refusal(box: vscode.InputBox, options: InputOptions): Promise<string | undefined> {
  const text = box.value;
  const wrong = options.validate?.(text);
  if (wrong !== undefined || !options.accept) return wrong;
  box.busy = true;
  box.enabled = false;
  try {
    return await options.accept(text);
  } finally {
    box.busy = false;
    box.enabled = true;
  }
}

/** An input box as a step. Resolves with the outcome and the text. */
export async function inputStep(
  at: StepPosition,
  options: InputOptions,
): Promise<{ outcome: Outcome; text: string }> {
  const box = makeInputBox(at, options);
  box.buttons = inputButtons(at, options);
  const { toggle } = options;
  return new Promise((resolve) => {
    const end = (outcome: Outcome) => {
      resolve({ outcome, text: box.value });
      box.dispose();
    };
    box.onDidTriggerButton((button) => {
      if (button === vscode.QuickInputButtons.Back) return end('back');
      if (!toggle) return;
      toggle.value = !toggle.value;
      box.prompt = `${options.prompt} ${toggle.value ? toggle.on : toggle.off}`;
      box.buttons = inputButtons(at, options);
    });
    box.onDidChangeValue((text) => {
      box.validationMessage = options.validate?.(text);
    });
    box.onDidAccept(async () => {
      if (box.busy) return;
      const refused = await refusal(box, options);
      if (refused === undefined) end('next');
      else box.validationMessage = refused;
    });
    box.onDidHide(() => end('cancel'));
    box.show();
  });
}

export interface PickItem<T> extends vscode.QuickPickItem {
  readonly value: T;
}

/** A quick pick of one item as a step. */
export async function pickStep<T>(
  at: StepPosition,
  options: { placeholder: string; items: readonly PickItem<T>[]; active?: T },
): Promise<{ outcome: Outcome; value: T | undefined }> {
  const pick = vscode.window.createQuickPick<PickItem<T>>();
  pick.title = at.title;
  pick.step = at.step;
  pick.totalSteps = at.total;
  pick.placeholder = options.placeholder;
  pick.items = options.items;
  pick.ignoreFocusOut = true;
  pick.buttons = at.back ? [vscode.QuickInputButtons.Back] : [];
  const active = options.items.find((item) => item.value === options.active);
  if (active) pick.activeItems = [active];
  return new Promise((resolve) => {
    const end = (outcome: Outcome, value?: T) => {
      resolve({ outcome, value });
      pick.dispose();
    };
    pick.onDidTriggerButton(() => end('back'));
    pick.onDidAccept(() => {
      const [item] = pick.selectedItems;
      if (item) end('next', item.value);
    });
    pick.onDidHide(() => end('cancel'));
    pick.show();
  });
}

/** A busy quick pick while `work` goes on; hiding it cancels. Undefined when it was cancelled. */
export async function busyPick<T>(
  title: string,
  placeholder: string,
  work: (token: vscode.CancellationToken) => Promise<T>,
): Promise<T | undefined> {
  const pick = vscode.window.createQuickPick();
  pick.title = title;
  pick.placeholder = placeholder;
  pick.busy = true;
  pick.ignoreFocusOut = true;
  const cancellation = new vscode.CancellationTokenSource();
  const hidden = new Promise<undefined>((resolve) => pick.onDidHide(() => resolve(undefined)));
  pick.show();
  try {
    return await Promise.race([work(cancellation.token), hidden]);
  } finally {
    cancellation.cancel();
    cancellation.dispose();
    pick.dispose();
  }
}
