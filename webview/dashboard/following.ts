import { formatBytes, formatCount, formatSeconds } from '../../src/base/format.js';
import type { FollowSnapshot } from '../../src/protocol/follow.js';
import { forecastOf, type SlotDanger, slotDanger, slotShare } from '../../src/protocol/followView.js';
import type { LagPoint } from '../../src/protocol/webview.js';
import { h, icon, setAttribute, setText } from '../shared/dom.js';
import { t } from '../shared/l10n.js';
import { LineChart } from '../shared/lineChart.js';
import type { StateLook } from './states.js';

const figures = ['lag', 'source', 'target', 'changes'] as const;
type Figure = (typeof figures)[number];

function figureTexts(follow: FollowSnapshot): Record<Figure, [value: string, label: string]> {
  const back = follow.isWayBack === true;
  return {
    lag: [formatSeconds(follow.lagSeconds), t('behind, {0}', formatBytes(follow.lagBytes))],
    source: [
      `${formatBytes(follow.sourceBytesPerSecond)}/s`,
      back ? t('the target writes') : t('the source writes'),
    ],
    target: [
      `${formatBytes(follow.appliedBytesPerSecond)}/s`,
      back ? t('the source takes') : t('the target takes'),
    ],
    changes: [`${formatCount(Math.round(follow.changesPerSecond))}/s`, t('changes applied')],
  };
}

/** Whether there is still something that follows. */
export type FollowRun = 'live' | 'ended' | 'stopped' | 'handedOver' | 'cleanedUp';

/** What is to be expected, in a sentence. */
function forecastLook(follow: FollowSnapshot, run: FollowRun): StateLook {
  if (run === 'cleanedUp')
    return { icon: 'circle-slash', tone: 'dim', label: t('Nothing is followed any more.') };
  if (run === 'handedOver')
    return {
      icon: 'pass',
      tone: 'good',
      label: follow.wentBack
        ? t('Everything of the target is applied.')
        : t('Everything of the source is applied.'),
    };
  if (run === 'ended')
    return { icon: 'error', tone: 'bad', label: t('Nothing of this database is applied any more.') };
  if (run === 'stopped' && slotDanger(follow.slot) === 'lost')
    return { icon: 'error', tone: 'bad', label: t('Changes are lost: only a new base copy helps.') };
  if (run === 'stopped')
    return {
      icon: 'debug-pause',
      tone: 'warn',
      label: follow.isWayBack
        ? t('Nothing is applied while the migration is stopped, and the target keeps its log for it.')
        : t('Nothing is applied while the migration is stopped, and the source keeps its log for it.'),
    };
  switch (forecastOf(follow)) {
    case 'reconnecting':
      return { icon: 'debug-disconnect', tone: 'warn', label: t('The connection is being made again.') };
    case 'fallingBehind':
      return { icon: 'warning', tone: 'warn', label: behindText(follow) };
    case 'stalled':
      return {
        icon: 'warning',
        tone: 'warn',
        label: follow.isWayBack
          ? t('The source has completed nothing for a while: a large transaction, or a lock there.')
          : t('The target has completed nothing for a while: a large transaction, or a lock there.'),
      };
    case 'upToDate':
      return follow.stopped.length > 0
        ? { icon: 'warning', tone: 'warn', label: t('Up to date, but for the stopped tables.') }
        : { icon: 'pass', tone: 'good', label: t('Up to date: changes are applied as they come.') };
    case 'catchingUp':
      return {
        icon: 'arrow-up',
        tone: 'busy',
        label:
          follow.catchUpSeconds === undefined
            ? t('Catching up.')
            : t('Caught up in about {0}.', formatSeconds(follow.catchUpSeconds)),
      };
  }
}

function behindText(follow: FollowSnapshot): string {
  const source = `${formatBytes(follow.sourceBytesPerSecond)}/s`;
  const target = `${formatBytes(follow.appliedBytesPerSecond)}/s`;
  return follow.isWayBack
    ? t('The target writes faster than the source takes: {0} against {1}.', source, target)
    : t('The source writes faster than the target takes: {0} against {1}.', source, target);
}

const dangerTones: Record<SlotDanger, StateLook['tone']> = {
  fine: 'dim',
  tight: 'warn',
  urgent: 'bad',
  lost: 'bad',
};

/** "48 MB of log kept on the source, growing by 1.2 MB/s, lost in 2 h 10 min". */
function slotText({ slot, isWayBack }: FollowSnapshot): string {
  const kept = formatBytes(slot.retainedBytes);
  const parts = [
    isWayBack ? t('{0} of log kept on the target', kept) : t('{0} of log kept on the source', kept),
  ];
  if (slot.safeBytes !== undefined && slot.safeBytes > 0)
    parts.push(t('room for {0} more', formatBytes(slot.safeBytes)));
  if (slot.bytesPerSecond !== undefined && slot.bytesPerSecond > 0)
    parts.push(t('growing by {0}', `${formatBytes(slot.bytesPerSecond)}/s`));
  if (slot.walStatus === 'lost') parts.push(t('some of it is lost'));
  else if (slot.walStatus === 'unreserved') parts.push(t('may be removed at any time'));
  else if (slot.lostInSeconds !== undefined) parts.push(t('lost in {0}', formatSeconds(slot.lostInSeconds)));
  const text = parts.join(', ');
  return slotDanger(slot) === 'urgent' ? `${text}. ${t('Raise max_slot_wal_keep_size there.')}` : text;
}

/** An icon and a text; the tone colours the icon alone, the text says the same. */
class Line {
  readonly element = h('div', { class: 'follow-line' });
  readonly #text = h('span', {});

  constructor() {
    this.element.append(icon('blank'), this.#text);
  }

  show(glyph: string, tone: string, text: string): void {
    const first = this.element.firstElementChild;
    if (first) first.className = `codicon codicon-${glyph} ${tone}`;
    this.element.className = `follow-line ${tone}`;
    setText(this.#text, text);
  }
}

/** How far the target is behind, how it goes on, and what the source keeps for it. */
export class FollowingCard {
  readonly element = h('div', { class: 'following' });
  readonly #figures = h('div', { class: 'figures' });
  readonly #values = new Map<Figure, [HTMLElement, HTMLElement]>();
  readonly #forecast = new Line();
  readonly #slot = new Line();
  readonly #spooled = new Line();
  readonly #fault = h('div', { class: 'follow-fault' });
  readonly #fill = h('div', { class: 'bar-fill' });
  readonly #bar = h('div', {
    class: 'bar slot',
    role: 'meter',
    'aria-valuemin': '0',
    'aria-valuemax': '100',
  });
  #points: readonly LagPoint[] = [];
  readonly #chart = new LineChart({
    empty: t('The lag is shown here while changes are followed.'),
    colour: '--vscode-charts-purple',
    least: 1,
    tick: (value) => formatSeconds(value),
    reading: (index) => this.#reading(index),
  });

  constructor() {
    const row = this.#figures;
    for (const figure of figures) {
      const pair: [HTMLElement, HTMLElement] = [h('div', { class: 'value' }), h('div', { class: 'label' })];
      this.#values.set(figure, pair);
      row.append(h('div', { class: 'figure', id: `follow-${figure}` }, ...pair));
    }
    this.#bar.append(this.#fill);
    this.#bar.setAttribute('aria-label', t('Share of the log that the source may keep'));
    this.element.append(
      row,
      this.#chart.element,
      this.#forecast.element,
      this.#fault,
      this.#slot.element,
      this.#bar,
      this.#spooled.element,
    );
  }

  show(follow: FollowSnapshot, points: readonly LagPoint[], run: FollowRun): void {
    const texts = figureTexts(follow);
    // Once nothing follows, nobody knows them.
    this.#figures.hidden = run !== 'live';
    for (const [figure, [value, label]] of this.#values) {
      setText(value, texts[figure][0]);
      setText(label, texts[figure][1]);
    }
    const forecast = forecastLook(follow, run);
    this.#forecast.show(forecast.icon, forecast.tone, forecast.label);
    const faults = { live: follow.reconnecting, ended: follow.ended } as const;
    const fault = run === 'live' || run === 'ended' ? faults[run] : undefined;
    this.#fault.hidden = fault === undefined;
    const stop = /[.!?]$/.test(fault?.message ?? '') ? '' : '.';
    if (fault) setText(this.#fault, `${fault.message}${stop} ${fault.fix} (${fault.code})`);
    this.#showSlot(follow, run === 'live' || run === 'stopped');
    this.#spooled.element.hidden = follow.spooledBytes === 0 || run !== 'live';
    this.#spooled.show(
      'save',
      'dim',
      t('{0} of open transactions wait on the disk of this machine', formatBytes(follow.spooledBytes)),
    );
    this.#points = points;
    const start = points[0]?.[0] ?? 0;
    const lags = points.map(([, lagSeconds]) => lagSeconds);
    this.#chart.show(
      points.map(([at]) => (at - start) / 1000),
      lags,
      t('Lag, now {0}, at most {1}', texts.lag[0], formatSeconds(Math.max(0, ...lags))),
    );
  }

  #showSlot(follow: FollowSnapshot, isThere: boolean): void {
    // Of a run that was killed nobody knows what its slot keeps.
    this.#slot.element.hidden = !isThere || follow.slot.name === '';
    const danger = slotDanger(follow.slot);
    const tone = dangerTones[danger];
    this.#slot.show(danger === 'fine' ? 'history' : 'warning', tone, slotText(follow));
    this.#slot.element.title = [follow.slot.name, follow.slot.walStatus ?? ''].join(' ').trim();
    const share = slotShare(follow.slot);
    this.#bar.hidden = share === 0 || !isThere;
    this.#fill.style.width = `${share * 100}%`;
    this.#fill.className = `bar-fill ${tone === 'dim' ? '' : tone}`;
    setAttribute(this.#bar, 'aria-valuenow', String(Math.round(share * 100)));
  }

  #reading(index: number): string {
    const point = this.#points[index];
    return point ? `${formatSeconds(point[1])}, ${formatBytes(point[2])}` : '';
  }
}
