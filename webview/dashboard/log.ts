import type { LogLine } from '../../src/protocol/webview.js';
import { h, icon } from '../shared/dom.js';
import { t } from '../shared/l10n.js';

const looks: Record<LogLine['level'], [glyph: string, tone: string]> = {
  error: ['error', 'bad'],
  warning: ['warning', 'warn'],
  info: ['info', 'dim'],
  debug: ['circle-small', 'dim'],
};

/** The last lines of the log; follows the end unless the user scrolled up. */
export class Log {
  readonly element: HTMLElement;
  readonly #lines = h('div', { class: 'log', role: 'log', tabindex: '0', 'aria-label': t('Log') });
  #shown: readonly LogLine[] = [];
  #following = true;

  constructor(openLog: () => void) {
    const button = h('vscode-button', { appearance: 'secondary' }, t('Show Whole Log'));
    button.addEventListener('click', openLog);
    this.#lines.addEventListener('scroll', () => {
      const { scrollTop, scrollHeight, clientHeight } = this.#lines;
      // A hidden tab has no height: that is no wish of the user's.
      if (clientHeight > 0) this.#following = scrollTop + clientHeight >= scrollHeight - 8;
    });
    new ResizeObserver(() => this.#follow()).observe(this.#lines);
    this.element = h('div', { class: 'log-panel' }, this.#lines, h('div', { class: 'filters' }, button));
  }

  show(log: readonly LogLine[]): void {
    const last = log.at(-1);
    const shownLast = this.#shown.at(-1);
    if (log.length === this.#shown.length && last?.at === shownLast?.at && last?.text === shownLast?.text)
      return;
    this.#shown = log;
    this.#lines.replaceChildren(
      ...(log.length === 0 ? [h('p', { class: 'empty' }, t('Nothing has happened yet.'))] : log.map(line)),
    );
    this.#follow();
  }

  #follow(): void {
    if (this.#following) this.#lines.scrollTop = this.#lines.scrollHeight;
  }
}

function line({ at, level, text }: LogLine): HTMLElement {
  const [glyph, tone] = looks[level];
  const time = new Date(at).toLocaleTimeString([], { hour12: false });
  return h('div', { class: `line ${level}` }, h('time', {}, time), icon(glyph, tone), h('span', {}, text));
}
