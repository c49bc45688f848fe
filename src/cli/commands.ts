import type { OnlineParams } from '../protocol/engine.js';
import type { Fence, FollowRequest } from '../protocol/follow.js';
import type { ProjectOptions } from '../protocol/project.js';

/** What the command line can ask for. */
export type Command =
  | { readonly command: 'help' }
  | { readonly command: 'version' }
  | CloneCommand
  | FollowCommand
  | RunCommand
  | DdlCommand
  | CutoverCommand
  | RequestCommand
  | StatusCommand
  | CleanUpCommand;

/** Of everything that runs a migration. */
interface Common {
  readonly restart: boolean;
  readonly report?: string;
  readonly json: boolean;
  readonly yes: boolean;
}

/** Connection texts as they were typed: they may hold passwords. */
export interface Pair {
  readonly source: string;
  readonly target: string;
}

/** What one database is made of. */
interface OneDatabase extends Common, Pair {
  readonly schemas: readonly string[];
  readonly excludeSchemas: readonly string[];
  readonly options: ProjectOptions;
}

export interface CloneCommand extends OneDatabase {
  readonly command: 'clone';
  /** Absent: offline. */
  readonly online?: OnlineParams;
}
/** Goes on with what is followed already, or follows into tables that are there already. */
export interface FollowCommand extends OneDatabase {
  readonly command: 'follow';
  readonly online: OnlineParams;
}
export interface RunCommand extends Common {
  readonly command: 'run';
  readonly project: string;
  readonly online?: OnlineParams;
}
/** Writes the DDL files. */
export interface DdlCommand {
  readonly command: 'ddl';
  readonly project: string;
  readonly json: boolean;
}

/** Asks the run that follows to cut over, and waits for what comes of it. */
export interface CutoverCommand extends Pair {
  readonly command: 'cutover';
  /** Of a cutover that is under way. */
  readonly answer?: 'confirm' | 'undo';
  /** Absent where it was not said: who sits at a terminal is asked. */
  readonly fence?: Fence;
  readonly verify: 'full' | 'sample' | 'none';
  readonly hold: boolean;
  readonly force: boolean;
  readonly wayBack: boolean;
  readonly yes: boolean;
}
/** Asks something else of the run that follows. */
export interface RequestCommand extends Pair {
  readonly command: 'request';
  readonly request: Exclude<FollowRequest, { command: 'cutover' }>;
}
export interface StatusCommand extends Pair {
  readonly command: 'status';
  readonly json: boolean;
}
export interface CleanUpCommand extends Pair {
  readonly command: 'cleanup';
  /** A run that is at work is cancelled first. */
  readonly cancel: boolean;
}
