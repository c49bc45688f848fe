import type { FollowSnapshot } from '../../src/protocol/follow.js';
import { followedDatabases } from '../../src/protocol/followView.js';
import {
  type CutoverChoices,
  type DashboardMessage,
  type DashboardState,
  type HostMessage,
  webviewProtocolVersion,
} from '../../src/protocol/webview.js';
import { defineComponents } from '../shared/components.js';
import { h, icon, setText } from '../shared/dom.js';
import { connectHost } from '../shared/host.js';
import { t } from '../shared/l10n.js';
import './dashboard.css';
import './online.css';
import { Attention } from './attention.js';
import { CleanUpCard } from './cleanUp.js';
import { Cutover } from './cutover.js';
import { Findings } from './findings.js';
import { FollowingCard, type FollowRun } from './following.js';
import { followLook } from './followStates.js';
import { Header } from './header.js';
import { Log } from './log.js';
import { Phases } from './phases.js';
import { Tables, type TablesFilter } from './tables.js';
import { Throughput } from './throughput.js';

/** What outlives hiding and reloading; everything else comes from the host again. */
interface PageState {
  readonly project: string;
  readonly database: string;
  readonly tab: string;
  readonly filter: TablesFilter;
  readonly cutover: CutoverChoices;
}

defineComponents();
const host = connectHost<DashboardMessage, HostMessage, PageState>((message) => {
  if (message.type === 'tables') tables.take(message);
  else if (message.version === webviewProtocolVersion) show(message);
});

const header = new Header((action) => host.post({ type: 'action', action }));
const phases = new Phases();
const throughput = new Throughput();
const following = new FollowingCard();
const followState = h('span', { class: 'pill' });
const flowTitle = h('h2', {});
const attention = new Attention(host.post);
const cutover = new Cutover(host.post, host.state().cutover, (choices) => host.keep({ cutover: choices }));
const cleanUpCard = new CleanUpCard();
const tables = new Tables(
  host.post,
  (filter) => host.keep({ filter }),
  host.state().filter ?? { text: '', state: '' },
);
const findings = new Findings();
const log = new Log(() => host.post({ type: 'action', action: 'showLog' }));
const databases = h('vscode-dropdown', { 'aria-label': t('Database') });
const findingsBadge = h('span', { class: 'badge' });
let last: DashboardState | undefined;
let lastTables = 0;

/** Tables are pulled again at most this often while a run goes on. */
const tablesMs = 1000;

databases.addEventListener('change', () => {
  host.keep({ database: (databases as unknown as HTMLSelectElement).value });
  lastTables = 0;
  if (last) show(last);
});

function show(state: DashboardState): void {
  if (host.state().project !== state.project) host.keep({ project: state.project });
  const ended = last?.snapshot?.state !== state.snapshot?.state || last?.project !== state.project;
  last = state;
  const { snapshot } = state;
  header.show(state);
  const names = snapshot?.databases.map((database) => database.source) ?? [];
  showDatabases(names);
  const wanted = host.state().database;
  const name = wanted !== undefined && names.includes(wanted) ? wanted : (names[0] ?? '');
  phases.show(snapshot?.databases.find((database) => database.source === name));
  showFlow(state, name);
  cutover.show(state, followedDatabases(snapshot));
  cleanUpCard.show(state.cleanUp);
  findings.show(snapshot?.findings ?? [], names.length);
  log.show(state.log);
  const serious = snapshot?.findings.filter((finding) => finding.severity !== 'note').length ?? 0;
  setText(findingsBadge, String(serious));
  findingsBadge.hidden = serious === 0;
  if (name !== '' && (ended || Date.now() - lastTables >= tablesMs)) {
    lastTables = Date.now();
    tables.show(name);
  }
}

/** The throughput of the base copy; once a database is followed, how it is followed. */
function showFlow(state: DashboardState, name: string): void {
  const { snapshot } = state;
  const database = followedDatabases(snapshot).find(({ source }) => source === name);
  const running = snapshot?.state === 'running' || snapshot?.state === 'stopping';
  const followed = database && database.follow.state !== 'copying' ? database.follow : undefined;
  attention.show(followedDatabases(snapshot), running);
  throughput.element.hidden = followed !== undefined;
  following.element.hidden = followed === undefined;
  setText(flowTitle, followed ? t('Following') : t('Throughput'));
  // With one database the state stands beside the title.
  followState.hidden = followed === undefined || snapshot?.databases.length === 1;
  if (followState.hidden) followState.replaceChildren();
  if (followed) following.show(followed, state.lag[name] ?? [], followRun(state, followed));
  else throughput.show(state.history, snapshot?.startedAt);
  if (followed && !followState.hidden) showFollowState(followed, running);
}

function followRun({ snapshot, cleanUp }: DashboardState, { state, ended }: FollowSnapshot): FollowRun {
  if (cleanUp) return 'cleanedUp';
  if (state === 'handedOver' || state === 'finished') return 'handedOver';
  const running = snapshot?.state === 'running' || snapshot?.state === 'stopping';
  return !running ? 'stopped' : ended ? 'ended' : 'live';
}

function showFollowState(followed: FollowSnapshot, running: boolean): void {
  const look = running ? followLook(followed) : { icon: 'debug-pause', tone: 'dim', label: t('not running') };
  if (followState.textContent === look.label) return;
  followState.className = `pill ${look.tone}`;
  followState.replaceChildren(icon(look.icon), look.label);
}

function showDatabases(names: readonly string[]): void {
  databases.hidden = names.length < 2;
  const key = JSON.stringify(names);
  if (databases.dataset['key'] === key) return;
  databases.dataset['key'] = key;
  databases.replaceChildren(...names.map((name) => h('vscode-option', { value: name }, name)));
}

function tab(id: string, label: string, ...extra: HTMLElement[]): HTMLElement {
  return h('vscode-panel-tab', { id: `tab-${id}` }, label, ...extra);
}

const panels = h(
  'vscode-panels',
  { activeid: host.state().tab ?? 'tab-tables', 'aria-label': t('Details') },
  tab('tables', t('Tables')),
  tab('findings', t('Findings'), findingsBadge),
  tab('log', t('Log')),
  h('vscode-panel-view', { id: 'view-tables' }, tables.element),
  h('vscode-panel-view', { id: 'view-findings' }, findings.element),
  h('vscode-panel-view', { id: 'view-log' }, log.element),
);
panels.addEventListener('change', () => host.keep({ tab: panels.getAttribute('activeid') ?? 'tab-tables' }));

document.body.append(
  header.element,
  h(
    'main',
    {},
    cutover.element,
    cleanUpCard.element,
    h(
      'section',
      { class: 'overview' },
      h(
        'div',
        { class: 'card' },
        h('div', { class: 'card-title' }, h('h2', {}, t('Phases')), databases),
        phases.element,
      ),
      h(
        'div',
        { class: 'card' },
        h('div', { class: 'card-title' }, flowTitle, followState),
        throughput.element,
        following.element,
      ),
    ),
    attention.element,
    h('section', { class: 'details' }, panels),
  ),
);
host.post({ type: 'ready', version: webviewProtocolVersion });
