import { formatCount, formatSeconds } from '../../src/base/format.js';
import type { DatabaseSnapshot, PhaseSnapshot } from '../../src/protocol/model.js';
import { h, icon, setText } from '../shared/dom.js';
import { t } from '../shared/l10n.js';
import { phaseLabel, workLook } from './states.js';

function counts(phase: PhaseSnapshot): string {
  const parts: string[] = [];
  // There is nothing to be counted in following.
  if (phase.total > 0 && phase.phase !== 'follow')
    parts.push(t('{0} of {1}', formatCount(phase.done), formatCount(phase.total)));
  if (phase.failed > 0) parts.push(t('{0} failed', formatCount(phase.failed)));
  if (phase.skipped > 0) parts.push(t('{0} skipped', formatCount(phase.skipped)));
  return parts.join(', ');
}

function duration(phase: PhaseSnapshot): string {
  if (phase.startedAt === undefined || phase.state === 'pending') return '';
  const end = phase.endedAt ?? (phase.state === 'running' ? Date.now() : phase.startedAt);
  return formatSeconds((end - phase.startedAt) / 1000);
}

interface Line {
  readonly row: HTMLElement;
  readonly icon: HTMLElement;
  readonly fill: HTMLElement;
  readonly count: HTMLElement;
  readonly time: HTMLElement;
  readonly state: HTMLElement;
}

/** The phases of one database, in the order in which they begin. */
export class Phases {
  readonly element = h('ol', { class: 'phases', 'aria-label': t('Phases') });
  readonly #lines = new Map<string, Line>();

  show(database: DatabaseSnapshot | undefined): void {
    for (const phase of database?.phases ?? []) this.#show(phase);
    this.element.hidden = !database || database.phases.length === 0;
  }

  #show(phase: PhaseSnapshot): void {
    const line = this.#lines.get(phase.phase) ?? this.#add(phase);
    const look = workLook(phase.state);
    const className = `codicon codicon-${look.icon} ${look.tone}`;
    if (line.icon.className !== className) line.icon.className = className;
    line.row.className = `phase ${phase.state}`;
    setText(line.state, look.label);
    setText(line.count, counts(phase));
    setText(line.time, duration(phase));
    const finished = phase.done + phase.failed + phase.skipped;
    const share = phase.state === 'done' ? 1 : phase.total > 0 ? Math.min(1, finished / phase.total) : 0;
    line.fill.style.width = `${share * 100}%`;
    line.fill.className = `bar-fill ${look.tone}`;
  }

  #add(phase: PhaseSnapshot): Line {
    const line: Line = {
      row: h('li', { class: 'phase' }),
      icon: icon('circle-outline'),
      fill: h('div', { class: 'bar-fill' }),
      count: h('span', { class: 'count' }),
      time: h('span', { class: 'time' }),
      state: h('span', { class: 'for-readers' }),
    };
    const label = h('span', { class: 'phase-label' }, phaseLabel(phase.phase));
    line.row.append(
      line.icon,
      label,
      line.state,
      line.count,
      line.time,
      h('div', { class: 'bar thin' }, line.fill),
    );
    this.element.append(line.row);
    this.#lines.set(phase.phase, line);
    return line;
  }
}
