import {
  type MappingHostMessage,
  type MappingMessage,
  type MappingState,
  type MappingView,
  mappingPanelVersion,
  noFilter,
} from '../../src/protocol/mappingPanel.js';
import { defineComponents } from '../shared/components.js';
import { h, setText } from '../shared/dom.js';
import { connectHost } from '../shared/host.js';
import { t } from '../shared/l10n.js';
import './mapping.css';
import { makeGestures } from './gestures.js';
import { Header } from './header.js';
import { IssueList } from './issueList.js';
import { MappingTree } from './mappingTree.js';
import { Options } from './options.js';

/** What outlives hiding and reloading; everything else comes from the host again. */
interface PageState {
  readonly view: MappingView;
  readonly tab: string;
  readonly active: string;
  readonly scrollTop: number;
}

defineComponents();
const host = connectHost<MappingMessage, MappingHostMessage, PageState>((message) => {
  if (message.type === 'state') {
    if (message.version === mappingPanelVersion) show(message);
  } else if (message.type === 'rows') tree.take(message);
  else if (message.type === 'done') gestures.done(message);
  else {
    setView(message.view);
    tree.reveal(message.key, message.index);
  }
});

const startView: MappingView = host.state().view ?? {
  filter: noFilter,
  base: 'standard',
  toggled: [],
  toggledFiltered: [],
};
const gestures = makeGestures(host.post, (problem) => header.fail(problem));
const header = new Header(
  (action, line) => host.post({ type: 'action', action, ...(line !== undefined && { line }) }),
  () => void gestures.send({ kind: 'upgrade' }),
);
const tree = new MappingTree({
  post: host.post,
  send: gestures.send,
  view: startView,
  changed: (view) => {
    host.keep({ view });
    host.post({ type: 'view', view });
  },
  moved: (active, scrollTop) => host.keep({ active, scrollTop }),
});
tree.restore(host.state().active, host.state().scrollTop ?? 0);
const options = new Options(gestures.send);
const issues = new IssueList(
  (key) => {
    panels.setAttribute('activeid', 'tab-tables');
    host.post({ type: 'reveal', key });
  },
  (line) => host.post({ type: 'action', action: 'openAsText', line }),
);
const badge = h('span', { class: 'badge' });

function setView(view: MappingView): void {
  host.keep({ view });
  tree.setView(view);
}

function show(state: MappingState): void {
  header.show(state);
  main.hidden = !state.readable;
  tree.show(state);
  options.show(state);
  issues.show(state.issues, state.issuesTotal);
  const serious = state.issues.filter(({ severity }) => severity !== 'note').length;
  setText(badge, String(serious));
  badge.hidden = serious === 0;
}

const panels = h(
  'vscode-panels',
  { activeid: host.state().tab ?? 'tab-tables', 'aria-label': t('Mapping') },
  h('vscode-panel-tab', { id: 'tab-tables' }, t('Tables')),
  h('vscode-panel-tab', { id: 'tab-options' }, t('Options')),
  h('vscode-panel-tab', { id: 'tab-issues' }, t('Findings'), badge),
  h('vscode-panel-view', { id: 'view-tables' }, tree.element),
  h('vscode-panel-view', { id: 'view-options' }, options.element),
  h('vscode-panel-view', { id: 'view-issues' }, issues.element),
);
panels.addEventListener('change', () => host.keep({ tab: panels.getAttribute('activeid') ?? 'tab-tables' }));
const main = h('main', {}, panels);
main.hidden = true;

document.body.append(header.element, main);
/** Tabs and their paddings. */
const belowHeader = 60;
new ResizeObserver(() => {
  document.body.style.setProperty('--above', `${header.element.offsetHeight + belowHeader}px`);
}).observe(header.element);
document.addEventListener('keydown', (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'f') return;
  event.preventDefault();
  event.stopPropagation();
  panels.setAttribute('activeid', 'tab-tables');
  tree.focusFilter();
});
host.post({ type: 'ready', version: mappingPanelVersion, view: startView });
