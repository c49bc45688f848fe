import { formatBytes } from '../../src/base/format.js';
import type { ThroughputPoint } from '../../src/protocol/webview.js';
import { t } from '../shared/l10n.js';
import { LineChart } from '../shared/lineChart.js';

/** Bytes per second over the seconds since the start. */
export class Throughput {
  #history: readonly ThroughputPoint[] = [];
  readonly #chart = new LineChart({
    empty: t('Throughput is shown here while data is copied.'),
    colour: '--vscode-charts-blue',
    least: 1000,
    tick: (value) => `${formatBytes(value)}/s`,
    reading: (index) => `${formatBytes(this.#history[index]?.[1] ?? 0)}/s`,
  });
  readonly element = this.#chart.element;

  show(history: readonly ThroughputPoint[], startedAt: number | undefined): void {
    this.#history = history;
    const start = startedAt ?? history[0]?.[0] ?? 0;
    const values = history.map(([, bytesPerSecond]) => bytesPerSecond);
    this.#chart.show(
      history.map(([at]) => Math.max(0, at - start) / 1000),
      values,
      t('Throughput, at most {0} a second', formatBytes(Math.max(0, ...values))),
    );
  }
}
