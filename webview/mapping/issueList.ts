import { formatCount } from '../../src/base/format.js';
import type { PanelIssue } from '../../src/protocol/mappingPanel.js';
import { h, icon } from '../shared/dom.js';
import { t } from '../shared/l10n.js';

const looks = { error: ['error', 'bad'], warning: ['warning', 'warn'], note: ['info', 'dim'] } as const;

/** Everything that is wrong, with a way to its row or line. */
export class IssueList {
  readonly element = h('div', { class: 'issues' });

  constructor(
    private readonly reveal: (key: string) => void,
    private readonly openLine: (line: number) => void,
  ) {}

  show(issues: readonly PanelIssue[], total: number): void {
    const key = JSON.stringify([issues, total]);
    if (this.element.dataset['key'] === key) return;
    this.element.dataset['key'] = key;
    if (issues.length === 0) {
      this.element.replaceChildren(h('p', { class: 'empty' }, t('Nothing found that you should know.')));
      return;
    }
    const more =
      total > issues.length
        ? [h('p', { class: 'empty' }, t('{0} more are not listed.', formatCount(total - issues.length)))]
        : [];
    this.element.replaceChildren(h('ul', {}, ...issues.map((issue) => this.#item(issue))), ...more);
  }

  #item(issue: PanelIssue): HTMLElement {
    const [glyph, tone] = looks[issue.severity];
    const labels = { error: t('error'), warning: t('warning'), note: t('note') };
    const { key, line } = issue;
    const where = line === undefined ? (key === undefined ? '' : placeText(key)) : t('line {0}', line + 1);
    const text = h('button', { class: 'issue-link', type: 'button' }, issue.text);
    text.addEventListener('click', () => {
      if (key !== undefined) this.reveal(key);
      else if (line !== undefined) this.openLine(line);
    });
    return h(
      'li',
      {},
      icon(glyph, tone),
      h('span', { class: 'for-readers' }, `${labels[issue.severity]}: `),
      text,
      h('span', { class: 'dim' }, where),
    );
  }
}

/** Where a row is, from its key. */
function placeText(key: string): string {
  const parts: unknown = JSON.parse(key);
  if (!Array.isArray(parts)) return '';
  const [database, ...names] = parts.map((part) => String(part).split('\n')[0]);
  return names.length === 0 ? String(database) : `${database}: ${names.join('.')}`;
}
