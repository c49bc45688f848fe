import { formatBytes, formatCount, formatSeconds } from '../../src/base/format.js';
import type { FaultData } from '../../src/protocol/connection.js';
import {
  type FollowedDatabase,
  followedDatabases,
  leadingDatabase,
  onlyFollows,
  wentBack,
} from '../../src/protocol/followView.js';
import type { RunSnapshot } from '../../src/protocol/model.js';
import type { DashboardAction, DashboardState } from '../../src/protocol/webview.js';
import { h, icon, setAttribute, setText } from '../shared/dom.js';
import { t } from '../shared/l10n.js';
import { followLook } from './followStates.js';
import { runLook, type StateLook } from './states.js';

type Can = keyof DashboardState['can'];

/** The database that says most about a run, once it is followed. */
function followedOf(snapshot: RunSnapshot | undefined): FollowedDatabase | undefined {
  const leading = leadingDatabase(followedDatabases(snapshot));
  return leading?.follow.state === 'copying' ? undefined : leading;
}

function lookOf(snapshot: RunSnapshot, isCleanedUp: boolean): StateLook {
  if (isCleanedUp) return { icon: 'circle-slash', tone: 'dim', label: t('cancelled and cleaned up') };
  if (snapshot.state === 'succeeded' && wentBack(snapshot))
    return { ...runLook(snapshot.state), label: t('back on the source') };
  const followed = snapshot.state === 'running' ? followedOf(snapshot) : undefined;
  // While one is followed others may still be copied.
  const isPart = followed?.follow.state === 'following' && !onlyFollows(snapshot);
  return followed && !isPart ? followLook(followed.follow) : runLook(snapshot.state);
}

interface ActionButton {
  readonly action: DashboardAction;
  readonly can?: Can;
  readonly element: HTMLElement;
}

function makeButtons(act: (action: DashboardAction) => void): ActionButton[] {
  const make = (
    action: DashboardAction,
    glyph: string,
    label: string,
    appearance: string,
    can?: Can,
  ): ActionButton => {
    const element = h('vscode-button', { appearance, id: `action-${action}` }, label);
    const start = icon(glyph);
    start.slot = 'start';
    element.append(start);
    element.addEventListener('click', () => act(action));
    return { action, element, ...(can && { can }) };
  };
  return [
    make('start', 'play', t('Start'), 'primary', 'start'),
    make('resume', 'debug-continue', t('Resume'), 'primary', 'resume'),
    make('restart', 'debug-restart', t('Start Anew…'), 'primary', 'restart'),
    make('cutOver', 'arrow-swap', t('Cut Over…'), 'primary', 'cutOver'),
    make('stop', 'debug-stop', t('Stop'), 'secondary', 'stop'),
    make('openReport', 'output', t('Open Report'), 'secondary', 'openReport'),
    make('openDdl', 'file-code', t('Open DDL'), 'secondary', 'openDdl'),
    make('openProject', 'go-to-file', t('Project File'), 'secondary'),
    make('cleanUp', 'clear-all', t('Cancel and Clean Up…'), 'secondary', 'cleanUp'),
  ];
}

const metrics = ['data', 'rate', 'rows', 'tables', 'time'] as const;
type Metric = (typeof metrics)[number];

function metricValues(snapshot: RunSnapshot | undefined): Record<Metric, [value: string, label: string]> {
  const sum = (key: 'tablesDone' | 'tablesTotal') =>
    snapshot?.databases.reduce((total, database) => total + database[key], 0) ?? 0;
  const running = snapshot?.state === 'running' || snapshot?.state === 'stopping';
  const elapsed = snapshot ? ((snapshot.endedAt ?? Date.now()) - snapshot.startedAt) / 1000 : 0;
  const average = snapshot && elapsed > 0 ? snapshot.bytes / elapsed : 0;
  const rate = running ? (snapshot?.bytesPerSecond ?? 0) : average;
  const left = snapshot?.etaSeconds;
  const followed = running ? followedOf(snapshot)?.follow : undefined;
  // Of a run that was killed early nobody has counted anything: that is no 0.
  const isCounted = snapshot === undefined || running || sum('tablesTotal') > 0;
  const counted = (text: string): string => (isCounted ? text : '–');
  return {
    data: [
      counted(formatBytes(snapshot?.bytes ?? 0)),
      t('of about {0}', counted(formatBytes(snapshot?.bytesTotal ?? 0))),
    ],
    rate: followed
      ? [formatSeconds(followed.lagSeconds), t('behind, {0}', formatBytes(followed.lagBytes))]
      : [counted(`${formatBytes(rate)}/s`), running ? t('now') : t('on average')],
    rows: [counted(formatCount(snapshot?.rows ?? 0)), t('rows copied')],
    tables: [
      counted(formatCount(sum('tablesDone'))),
      t('of {0} tables', counted(formatCount(sum('tablesTotal')))),
    ],
    time:
      running && left !== undefined
        ? [formatSeconds(left), t('left, {0} so far', formatSeconds(elapsed))]
        : [formatSeconds(elapsed), running ? t('so far') : t('in all')],
  };
}

/** Title, state, actions, progress bar, figures, and the fault that ended a run. */
export class Header {
  readonly element: HTMLElement;
  readonly #title = h('h1');
  readonly #route = h('p', { class: 'route' });
  readonly #state = h('span', { class: 'pill', role: 'status' });
  readonly #bar = h('div', { class: 'bar-fill' });
  readonly #track: HTMLElement;
  readonly #buttons: ActionButton[];
  readonly #values = new Map<Metric, [HTMLElement, HTMLElement]>();
  readonly #fault = h('div', { class: 'fault', role: 'alert' });

  constructor(act: (action: DashboardAction) => void) {
    this.#buttons = makeButtons(act);
    this.#track = h(
      'div',
      {
        class: 'bar',
        role: 'progressbar',
        'aria-label': t('Progress'),
        'aria-valuemin': '0',
        'aria-valuemax': '100',
      },
      this.#bar,
    );
    const cards = h('div', { class: 'metrics' });
    for (const metric of metrics) {
      const pair: [HTMLElement, HTMLElement] = [h('div', { class: 'value' }), h('div', { class: 'label' })];
      this.#values.set(metric, pair);
      cards.append(h('div', { class: 'metric', id: `metric-${metric}` }, ...pair));
    }
    const actions = h('div', { class: 'actions', role: 'toolbar', 'aria-label': t('Actions') });
    actions.append(...this.#buttons.map((button) => button.element));
    this.element = h(
      'header',
      {},
      h(
        'div',
        { class: 'top' },
        h('div', { class: 'titles' }, h('div', { class: 'name' }, this.#title, this.#state), this.#route),
        actions,
      ),
      this.#track,
      cards,
      this.#fault,
    );
  }

  show(state: DashboardState): void {
    const { snapshot, can } = state;
    setText(this.#title, state.name);
    setText(this.#route, snapshot ? `${snapshot.source} → ${snapshot.target}` : t('Not started yet'));
    const look = snapshot ? lookOf(snapshot, state.cleanUp !== undefined) : undefined;
    const key = look?.label ?? '';
    if (this.#state.dataset['key'] !== key) {
      this.#state.dataset['key'] = key;
      this.#state.className = `pill ${look?.tone ?? 'dim'}`;
      this.#state.replaceChildren(...(look ? [icon(look.icon), look.label] : []));
      this.#state.hidden = look === undefined;
    }
    const percent = Math.round((snapshot?.fraction ?? 0) * 1000) / 10;
    this.#bar.style.width = `${percent}%`;
    this.#bar.className = `bar-fill ${look?.tone ?? ''}`;
    setAttribute(this.#track, 'aria-valuenow', String(Math.round(percent)));
    for (const button of this.#buttons) button.element.hidden = button.can !== undefined && !can[button.can];
    this.#showCutOver(state);
    const values = metricValues(snapshot);
    for (const [metric, [value, label]] of this.#values) {
      setText(value, values[metric][0]);
      setText(label, values[metric][1]);
    }
    // What ended a run that was cleaned up afterwards is no news, and cannot be resumed.
    this.#showFault(state.cleanUp ? undefined : snapshot?.fault);
  }

  /** Its own card takes its place while that is open. */
  #showCutOver({ cutoverOpen }: DashboardState): void {
    const button = this.#buttons.find(({ action }) => action === 'cutOver');
    if (button && cutoverOpen) button.element.hidden = true;
  }

  #showFault(fault: FaultData | undefined): void {
    this.#fault.hidden = fault === undefined;
    if (!fault || this.#fault.dataset['text'] === fault.message) return;
    this.#fault.dataset['text'] = fault.message;
    const texts = h('div', {}, h('strong', {}, fault.message), h('div', {}, `${fault.fix} (${fault.code})`));
    // Who stopped it wants no alarm.
    const isStopped = fault.code === 'FF509';
    this.#fault.className = isStopped ? 'fault stopped' : 'fault';
    this.#fault.replaceChildren(icon(isStopped ? 'debug-pause' : 'error'), texts);
  }
}
