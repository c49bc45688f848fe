import { plural } from '../../base/format.js';
import type { Mapping } from '../../protocol/mapping.js';
import type { ProjectOptions } from '../../protocol/project.js';
import type { SchemaFilter } from '../catalog/filter.js';
import { type Extension, listExtensions, sourceFeatures, type TargetState } from '../catalog/server.js';
import type { SourceTable } from '../catalog/tables.js';
import { Fault } from '../errors/fault.js';
import type { Session } from '../postgres/session.js';
import { enumerate, type Finding, finding, nameOf } from './finding.js';

export interface Assessed {
  readonly findings: readonly Finding[];
  readonly extensions: readonly Extension[];
}

/**
 * What must hold before anything on the target is touched. Throws the {@link Fault} that forbids the start; what can
 * be lived with comes back as findings.
 */
export async function assessSource(
  source: Session,
  tables: readonly SourceTable[],
  filter: SchemaFilter,
  choice: {
    readonly mapping: Pick<Mapping, 'extension'>;
    readonly options: Pick<ProjectOptions, 'extensions' | 'publications'>;
  },
): Promise<Assessed> {
  if (source.versionNum < 100000) {
    throw new Fault(
      'FF204',
      `The source runs PostgreSQL ${Math.floor(source.versionNum / 10000)}.${Math.floor(source.versionNum / 100) % 100}.`,
    );
  }
  const unreadable = tables.filter((t) => t.relkind === 'r' && !t.readable);
  const features = await sourceFeatures(source, filter);
  const taken = new Set(tables.map((t) => t.oid));
  const forbidden = [
    ...unreadable.map((t) => `table ${nameOf(t)}`),
    // A sequence goes with the table that owns it.
    ...features.unreadableSequences
      .filter(({ owner }) => owner === null || taken.has(owner))
      .map(({ name }) => `sequence ${name}`),
  ];
  if (forbidden.length > 0) {
    throw new Fault('FF200', `The user ${source.spec.user} may not read ${enumerate(forbidden)}.`, {
      object: forbidden[0] ?? '',
    });
  }
  const hidden = tables.filter((t) => t.relkind === 'r' && t.hidesRows);
  if (hidden.length > 0) {
    throw new Fault(
      'FF201',
      `Row-level security would hide rows of ${enumerate(hidden.map(nameOf))} from the user ${source.spec.user}.`,
      { object: hidden[0] ? nameOf(hidden[0]) : '' },
    );
  }
  const findings: Finding[] = [];
  if (features.publications > 0 && !choice.options.publications)
    findings.push(
      finding(
        'FF412',
        'warning',
        `${plural(features.publications, 'publication')} of the source will be left out.`,
        'publications',
      ),
    );
  if (features.subscriptions > 0)
    findings.push(
      finding(
        'FF412',
        'warning',
        `${plural(features.subscriptions, 'subscription')} of the source will be left out.`,
        'subscriptions',
      ),
    );
  if (features.securityLabels > 0)
    findings.push(
      finding(
        'FF411',
        'warning',
        `${plural(features.securityLabels, 'security label')} of the source will be left out.`,
        'security labels',
      ),
    );
  if (features.inTablespaces > 0)
    findings.push(
      finding(
        'FF407',
        'note',
        `${plural(features.inTablespaces, 'table or index', 'tables and indexes')} of the source in a tablespace of their own: on the target all are in its storage.`,
        'tablespaces',
      ),
    );
  const noIdentity = tables.filter(
    (t) => t.relkind === 'r' && !t.hasIdentity && t.extensionCondition === undefined,
  );
  if (noIdentity.length > 0)
    findings.push(
      finding(
        'FF213',
        'note',
        `${plural(noIdentity.length, 'table')} without primary key or replica identity: ${enumerate(noIdentity.map(nameOf))}.`,
        'replica identity',
      ),
    );
  const extensions = await listExtensions(source);
  return {
    findings,
    extensions: choice.options.extensions ? extensions.filter((e) => choice.mapping.extension(e.name)) : [],
  };
}

/** The same for the target: version, writability, rights, what is in the way, extensions that are needed. */
export function assessTarget(
  source: { versionNum: number; extensions: readonly Extension[] },
  target: { session: Session; state: TargetState },
  plan: { resumed: boolean; acceptNonEmpty: boolean },
): void {
  const { state, session } = target;
  const major = (n: number): number => Math.floor(n / 10000);
  if (major(state.versionNum) < major(source.versionNum)) {
    throw new Fault(
      'FF203',
      `The source runs PostgreSQL ${major(source.versionNum)}, the target ${major(state.versionNum)}.`,
    );
  }
  if (state.readOnly) throw new Fault('FF206', `The target database ${session.spec.database} is read-only.`);
  if (!state.canCreateInDatabase)
    throw new Fault(
      'FF205',
      `The user ${session.spec.user} may not create schemas in the target database ${session.spec.database}.`,
    );
  if (!plan.resumed && !plan.acceptNonEmpty && state.objects.length > 0) {
    throw new Fault(
      'FF202',
      `The target database ${session.spec.database} holds ${plural(state.objects.length, 'object')}: ${enumerate(state.objects, 20)}.`,
    );
  }
  requireExtensions(source.extensions, state);
}

/** Only what a server parameter can mend stops the start; an extension that never works is left out with a finding. */
function requireExtensions(extensions: readonly Extension[], state: TargetState): void {
  const blocked = extensions.filter(
    (e) =>
      e.dependants > 0 &&
      state.availableExtensions.has(e.name) &&
      state.allowedExtensions !== null &&
      !state.allowedExtensions.includes(e.name.toLowerCase()),
  );
  if (blocked.length === 0) return;
  const names = blocked.map((e) => e.name).join(', ');
  throw new Fault(
    'FF207',
    `The source uses ${blocked.length === 1 ? 'an extension' : 'extensions'} that the target does not allow: ${names}.`,
  );
}
