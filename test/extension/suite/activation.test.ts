import assert from 'node:assert/strict';
import { availableParallelism, loadavg } from 'node:os';
import * as vscode from 'vscode';
import { note } from '../results.js';

/** Milliseconds of processor time that activation may take: it happens while the user waits for a window. */
const bound = 50;

/** Processes that share a core slow each other's processor time down, too: how many there were for each lately. */
const crowding = (): number => Math.max(1, (loadavg()[0] ?? 0) / availableParallelism());

/** Resolves once the host has used under a tenth of a core for a fifth of a second: it starts much of its own, too. */
async function settled(): Promise<void> {
  const end = performance.now() + 15_000;
  for (;;) {
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const { user, system } = process.cpuUsage(before);
    if (user + system < 20_000 || performance.now() > end) return;
  }
}

describe('activation', () => {
  it(`registers every contributed command, within ${bound} ms of processor time`, async () => {
    const extension = vscode.extensions.getExtension('flexferry.flexferry');
    assert.ok(extension, 'the extension is not installed');
    await settled();
    const began = performance.now();
    const before = process.cpuUsage();
    await extension.activate();
    const used = process.cpuUsage(before);
    // The clock on the wall also counts what else the machine does, which a busy test machine does a lot of.
    const milliseconds = (used.user + used.system) / 1000;
    const wall = (performance.now() - began).toFixed(1);
    note(`activation took ${wall} ms, ${milliseconds.toFixed(1)} ms of processor time`);
    const contributed: { command: string }[] = extension.packageJSON.contributes.commands;
    const registered = new Set(await vscode.commands.getCommands(true));
    const missing = contributed.map((entry) => entry.command).filter((id) => !registered.has(id));
    assert.deepEqual(missing, []);
    assert.ok(contributed.length > 0, 'no command is contributed');
    const crowd = crowding();
    assert.ok(
      milliseconds < bound * crowd,
      `activation took ${milliseconds.toFixed(1)} ms of processor time, with ${crowd.toFixed(1)} processes a core`,
    );
  });
});
