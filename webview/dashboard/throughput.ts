import '../shared/locale.js';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { formatBytes, formatSeconds } from '../../src/base/format.js';
import type { ThroughputPoint } from '../../src/protocol/webview.js';
import { h, setText } from '../shared/dom.js';
import { t } from '../shared/l10n.js';

function themeColour(name: string, fallback: string): string {
  return getComputedStyle(document.body).getPropertyValue(name).trim() || fallback;
}

/** The same colour at another opacity, for the area below the line: canvas takes any CSS colour. */
function faded(colour: string): string {
  return `color-mix(in srgb, ${colour} 18%, transparent)`;
}

/** Bytes per second over the seconds since the start. Colours follow the theme. */
export class Throughput {
  readonly element = h('div', { class: 'chart', role: 'img', 'aria-label': t('Throughput') });
  readonly #nothing = h('p', { class: 'empty' }, t('Throughput is shown here while data is copied.'));
  #plot: uPlot | undefined;
  #data: [number[], number[]] = [[], []];

  constructor() {
    this.element.append(this.#nothing);
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(this.element);
    // VS Code changes the classes of the body with the theme.
    new MutationObserver(() => this.#rebuild()).observe(document.body, { attributeFilter: ['class'] });
  }

  show(history: readonly ThroughputPoint[], startedAt: number | undefined): void {
    const start = startedAt ?? history[0]?.[0] ?? 0;
    this.#data = [
      history.map(([at]) => Math.max(0, at - start) / 1000),
      history.map(([, bytesPerSecond]) => bytesPerSecond),
    ];
    const enough = history.length > 1;
    this.#nothing.hidden = enough;
    const peak = Math.max(0, ...this.#data[1]);
    this.element.setAttribute('aria-label', t('Throughput, at most {0} a second', formatBytes(peak)));
    if (!enough) {
      this.#plot?.destroy();
      this.#plot = undefined;
    } else if (this.#plot) this.#plot.setData(this.#data);
    else this.#rebuild();
  }

  #size(): { width: number; height: number } {
    return {
      width: Math.max(200, this.element.clientWidth),
      height: Math.max(120, this.element.clientHeight),
    };
  }

  #rebuild(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
    if (this.#data[0].length < 2) return;
    const line = themeColour('--vscode-charts-blue', '#3794ff');
    const text = themeColour('--vscode-descriptionForeground', '#888');
    const grid = themeColour('--vscode-editorIndentGuide-background1', 'rgba(128,128,128,.2)');
    const font = `11px ${themeColour('--vscode-font-family', 'sans-serif')}`;
    const axis = { stroke: text, font, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
    const reading = h('span', { class: 'reading' });
    this.#plot = new uPlot(
      {
        ...this.#size(),
        legend: { show: false },
        cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
        scales: { x: { time: false }, y: { range: (_, __, max) => [0, Math.max(1000, max * 1.1)] } },
        series: [{}, { stroke: line, width: 2, fill: faded(line), points: { show: false } }],
        axes: [
          {
            ...axis,
            size: 26,
            space: 70,
            values: (_, ticks) => ticks.map((tick) => (tick === 0 ? '0' : formatSeconds(tick))),
          },
          {
            ...axis,
            size: 68,
            space: 36,
            values: (_, ticks) => ticks.map((tick) => (tick === 0 ? '0' : `${formatBytes(tick)}/s`)),
          },
        ],
        hooks: {
          setCursor: [
            (plot) => {
              const index = plot.cursor.idx;
              const value = index === null || index === undefined ? undefined : this.#data[1][index];
              setText(reading, value === undefined ? '' : `${formatBytes(value)}/s`);
            },
          ],
        },
      },
      this.#data,
      this.element,
    );
    this.#plot.root.append(reading);
  }
}
