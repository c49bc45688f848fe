import * as vscode from 'vscode';
import { CancellationTokenSource } from 'vscode-jsonrpc/node';
import type { FaultData } from '../../protocol/connection.js';
import type { BrowsingEngine } from '../engine/browsingEngine.js';
import { toFault } from '../faults.js';
import type { ServerDraft } from '../servers/serverDraft.js';
import type { Outcome, Step, StepPosition } from './steps.js';

const t = vscode.l10n.t;

type Choice = 'retry' | 'edit' | 'save';
type ChoiceItem = vscode.QuickPickItem & { choice?: Choice };

function choices(fault: FaultData): ChoiceItem[] {
  return [
    { label: `$(error) ${fault.message}`, detail: `${fault.fix} (${fault.code})`, choice: 'edit' },
    { label: '', kind: vscode.QuickPickItemKind.Separator },
    { label: `$(refresh) ${t('Try again')}`, choice: 'retry' },
    { label: `$(edit) ${t('Edit the connection')}`, choice: 'edit' },
    { label: `$(save) ${t('Save it all the same')}`, choice: 'save' },
  ];
}

async function test(
  engine: BrowsingEngine,
  draft: ServerDraft,
  password: string | undefined,
  signal: CancellationTokenSource,
) {
  const facts = await engine.test(
    { text: draft.connection, ...(password !== undefined && { password }) },
    signal.token,
  );
  draft.facts = facts;
  draft.tested = { connection: draft.connection, password };
  if (!draft.editing) draft.role = facts.isFlexibleServer ? 'target' : 'source';
}

/** One busy quick pick: tries the connection, passes by itself where it works, offers what to do where it does not. */
async function showTest(
  engine: BrowsingEngine,
  draft: ServerDraft,
  password: string | undefined,
  at: StepPosition,
): Promise<Outcome> {
  const pick = vscode.window.createQuickPick<ChoiceItem>();
  pick.title = at.title;
  pick.step = at.step;
  pick.totalSteps = at.total;
  pick.ignoreFocusOut = true;
  pick.buttons = [vscode.QuickInputButtons.Back];
  const signal = new CancellationTokenSource();
  try {
    return await new Promise<Outcome>((resolve) => {
      const attempt = () => {
        pick.busy = true;
        pick.items = [];
        pick.placeholder = t('Testing the connection…');
        test(engine, draft, password, signal).then(
          () => resolve('next'),
          (error: unknown) => {
            pick.busy = false;
            pick.placeholder = t('The connection does not work yet');
            pick.items = choices(toFault(error));
          },
        );
      };
      pick.onDidTriggerButton(() => resolve('back'));
      pick.onDidHide(() => resolve('cancel'));
      pick.onDidAccept(() => {
        const choice = pick.selectedItems[0]?.choice;
        if (choice === 'retry') attempt();
        else if (choice === 'edit') resolve('back');
        else if (choice === 'save') resolve('next');
      });
      pick.show();
      attempt();
    });
  } finally {
    signal.cancel();
    pick.dispose();
  }
}

/** Tests the connection before it is saved; skipped where exactly this one was tested already. */
export function testStep(
  engine: BrowsingEngine,
  stored: () => Promise<string | undefined>,
): Step<ServerDraft> {
  const password = (draft: ServerDraft) => draft.pastedPassword ?? draft.password;
  return {
    when: (draft) => {
      const { tested } = draft;
      return tested?.connection !== draft.connection || tested.password !== password(draft);
    },
    run: async (draft, at) => {
      const entered = password(draft);
      const outcome = await showTest(
        engine,
        draft,
        entered ?? (draft.editing ? await stored() : undefined),
        at,
      );
      if (outcome === 'next') draft.tested = { connection: draft.connection, password: entered };
      return outcome;
    },
  };
}
