import type { DatabaseSummary } from '../../protocol/engine.js';
import { defaultOptions, type Project, type ProjectOptions, projectVersion } from '../../protocol/project.js';
import type { ServerRecord } from '../servers/serverRecord.js';

/** What "Migrate to Flexible Server…" is about to do, while the user looks at it. */
export interface MigrationPlan {
  readonly source: ServerRecord;
  readonly available: readonly DatabaseSummary[];
  chosen: readonly string[];
  target?: ServerRecord;
  /** Names of the databases that the target has; undefined while unknown. */
  targetDatabases?: ReadonlySet<string>;
  /** Target names that differ from the default, by source name. */
  readonly names: Map<string, string>;
  jobs: number;
  indexJobs: number;
  /** Whether the databases are copied once, or followed until they are cut over. */
  mode: 'offline' | 'online';
  readonly dumpTool: ProjectOptions['dumpTool'];
}

/** Maintenance databases nobody wants moved unless they say so. */
const maintenance = new Set(['postgres', 'azure_sys', 'azure_maintenance', 'rdsadmin', 'cloudsqladmin']);

/** All that can be connected to, without maintenance databases unless there is nothing else. */
export function defaultChoice(available: readonly DatabaseSummary[]): string[] {
  const open = available.filter((database) => database.canConnect).map((database) => database.name);
  const own = open.filter((name) => !maintenance.has(name));
  return own.length > 0 ? own : open;
}

export function targetName(plan: MigrationPlan, source: string): string {
  const sameServer = plan.target !== undefined && plan.target.id === plan.source.id;
  return plan.names.get(source) ?? (sameServer ? `${source}_copy` : source);
}

/** PostgreSQL's limit of an identifier (NAMEDATALEN - 1), in bytes. */
const maximalNameBytes = 63;
const reserved = new Set(['template0', 'template1', 'azure_sys', 'azure_maintenance']);

export type NameProblem = 'empty' | 'long' | 'reserved' | 'same' | 'taken';

/** Why a target name cannot be taken; undefined where it can. */
export function nameProblem(plan: MigrationPlan, source: string, name: string): NameProblem | undefined {
  if (name.trim() === '') return 'empty';
  if (Buffer.byteLength(name) > maximalNameBytes) return 'long';
  if (reserved.has(name)) return 'reserved';
  if (plan.target?.id === plan.source.id && name === source) return 'same';
  const others = plan.chosen.filter((other) => other !== source).map((other) => targetName(plan, other));
  return others.includes(name) ? 'taken' : undefined;
}

export function projectOf(plan: MigrationPlan, target: ServerRecord, name: string): Project {
  return {
    version: projectVersion,
    name,
    source: { connection: plan.source.connection, server: plan.source.id },
    target: { connection: target.connection, server: target.id },
    databases: plan.chosen.map((source) => ({
      source,
      target: targetName(plan, source),
      ...(plan.mode === 'online' && { mode: plan.mode }),
    })),
    options: { ...defaultOptions, jobs: plan.jobs, indexJobs: plan.indexJobs, dumpTool: plan.dumpTool },
  };
}
