import type { Finding } from '../../src/protocol/model.js';
import { h, icon } from '../shared/dom.js';
import { t } from '../shared/l10n.js';

const looks: Record<Finding['severity'], [glyph: string, tone: string]> = {
  error: ['error', 'bad'],
  warning: ['warning', 'warn'],
  note: ['info', 'dim'],
};
const order: Record<Finding['severity'], number> = { error: 0, warning: 1, note: 2 };

function item(finding: Finding, withDatabase: boolean): HTMLElement {
  const [glyph, tone] = looks[finding.severity];
  const labels = { error: t('error'), warning: t('warning'), note: t('note') };
  const where = [withDatabase ? finding.database : '', finding.object ?? '']
    .filter((part) => part !== '')
    .join(': ');
  const codes =
    finding.azureCode === undefined ? finding.code : `${finding.code}, Azure ${finding.azureCode}`;
  return h(
    'li',
    { class: `finding ${finding.severity}` },
    icon(glyph, tone),
    h(
      'div',
      {},
      h(
        'div',
        { class: 'what' },
        h('span', { class: 'for-readers' }, `${labels[finding.severity]}: `),
        finding.message,
      ),
      h('div', { class: 'fix' }, finding.fix),
      h('div', { class: 'where' }, where === '' ? codes : `${codes} · ${where}`),
    ),
  );
}

/** What the user should know, the gravest first. */
export class Findings {
  readonly element = h('div', { class: 'findings' });
  #shown: readonly Finding[] | undefined;

  show(findings: readonly Finding[], databases: number): void {
    if (this.#shown?.length === findings.length && this.#shown.at(-1)?.message === findings.at(-1)?.message)
      return;
    this.#shown = findings;
    if (findings.length === 0) {
      this.element.replaceChildren(h('p', { class: 'empty' }, t('Nothing found that you should know.')));
      return;
    }
    const sorted = [...findings].sort((a, b) => order[a.severity] - order[b.severity]);
    this.element.replaceChildren(h('ul', {}, ...sorted.map((finding) => item(finding, databases > 1))));
  }
}
