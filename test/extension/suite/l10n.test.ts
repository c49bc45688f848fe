import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';

/** Sentences that the code hands to `t(…)`: string literals only, or they could not be translated. */
function usedSentences(root: string): Set<string> {
  const used = new Set<string>();
  for (const folder of ['src/extension', 'webview'])
    for (const entry of readdirSync(join(root, folder), { recursive: true })) {
      if (!String(entry).endsWith('.ts')) continue;
      const text = readFileSync(join(root, folder, String(entry)), 'utf8');
      for (const [, single, double] of text.matchAll(/\bt\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")/g))
        used.add((single ?? double ?? '').replaceAll(/\\(.)/g, '$1'));
      assert.doesNotMatch(text, /\bt\(\s*`/, `${String(entry)} translates a template`);
    }
  return used;
}

describe('translation', () => {
  const root = vscode.extensions.getExtension('flexferry.flexferry')?.extensionPath ?? '';
  const read = (file: string): Record<string, string> => JSON.parse(readFileSync(join(root, file), 'utf8'));

  it('the bundle for translators holds every sentence of the code, and no other', () => {
    const bundle = read('l10n/bundle.l10n.json');
    assert.deepEqual(Object.keys(bundle).sort(), [...usedSentences(root)].sort());
  });

  it('the manifest uses every sentence of package.nls.json, and no other', () => {
    const manifest = readFileSync(join(root, 'package.json'), 'utf8');
    const used = new Set([...manifest.matchAll(/"%([\w.]+)%"/g)].map(([, key]) => key));
    assert.deepEqual([...used].sort(), Object.keys(read('package.nls.json')).sort());
  });
});
