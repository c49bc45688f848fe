import './locale.js';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { formatSeconds } from '../../src/base/format.js';
import { h, setAttribute, setText } from './dom.js';

function themeColour(name: string, fallback: string): string {
  return getComputedStyle(document.body).getPropertyValue(name).trim() || fallback;
}

/** The same colour at another opacity, for the area below the line: canvas takes any CSS colour. */
function faded(colour: string): string {
  return `color-mix(in srgb, ${colour} 18%, transparent)`;
}

export interface LineChartOptions {
  /** Shown while there are less than two points. */
  readonly empty: string;
  /** Theme variable of the line. */
  readonly colour: string;
  /** The scale shows at least up to here. */
  readonly least: number;
  /** Values of the scale, but for 0. */
  readonly tick: (value: number) => string;
  /** What is under the pointer. */
  readonly reading: (index: number) => string;
}

/** Values over the seconds since a start. Colours follow the theme. */
export class LineChart {
  readonly element = h('div', { class: 'chart', role: 'img' });
  readonly #nothing: HTMLElement;
  #plot: uPlot | undefined;
  #data: [number[], number[]] = [[], []];

  constructor(private readonly options: LineChartOptions) {
    this.#nothing = h('p', { class: 'empty' }, options.empty);
    this.element.append(this.#nothing);
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(this.element);
    // VS Code changes the classes of the body with the theme.
    new MutationObserver(() => this.#rebuild()).observe(document.body, { attributeFilter: ['class'] });
  }

  /** `label` says to readers what is to be seen. */
  show(seconds: number[], values: number[], label: string): void {
    this.#data = [seconds, values];
    const enough = values.length > 1;
    this.#nothing.hidden = enough;
    setAttribute(this.element, 'aria-label', label);
    if (!enough) {
      this.#plot?.destroy();
      this.#plot = undefined;
    } else if (this.#plot) this.#plot.setData(this.#data);
    else this.#rebuild();
  }

  #size(): { width: number; height: number } {
    return {
      width: Math.max(200, this.element.clientWidth),
      height: Math.max(90, this.element.clientHeight),
    };
  }

  #rebuild(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
    if (this.#data[0].length < 2) return;
    const { colour, least, tick, reading } = this.options;
    const line = themeColour(colour, '#3794ff');
    const text = themeColour('--vscode-descriptionForeground', '#888');
    const grid = themeColour('--vscode-editorIndentGuide-background1', 'rgba(128,128,128,.2)');
    const font = `11px ${themeColour('--vscode-font-family', 'sans-serif')}`;
    const axis = { stroke: text, font, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
    const pointed = h('span', { class: 'reading' });
    this.#plot = new uPlot(
      {
        ...this.#size(),
        legend: { show: false },
        cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
        scales: { x: { time: false }, y: { range: (_, __, max) => [0, Math.max(least, max * 1.1)] } },
        series: [{}, { stroke: line, width: 2, fill: faded(line), points: { show: false } }],
        axes: [
          {
            ...axis,
            size: 26,
            space: 70,
            values: (_, ticks) => ticks.map((value) => (value === 0 ? '0' : formatSeconds(value))),
          },
          {
            ...axis,
            size: 68,
            space: 36,
            values: (_, ticks) => ticks.map((value) => (value === 0 ? '0' : tick(value))),
          },
        ],
        hooks: {
          setCursor: [
            ({ cursor: { idx } }) => setText(pointed, idx === null || idx === undefined ? '' : reading(idx)),
          ],
        },
      },
      this.#data,
      this.element,
    );
    this.#plot.root.append(pointed);
  }
}
