/** The project file, `<name>.flexferry.json`: what is migrated, where to, and how. It never holds a password. */

export const projectVersion = 1;

export interface ProjectServer {
  /** A URI or keyword string as libpq reads it, without password. */
  readonly connection: string;
  /** Id of the registered server whose password SecretStorage keeps; the command line ignores it. */
  readonly server?: string;
}

export interface ProjectDatabase {
  readonly source: string;
  readonly target: string;
  readonly includeSchemas?: readonly string[];
  readonly excludeSchemas?: readonly string[];
}

export interface ProjectOptions {
  /** Tables copied at the same time. */
  readonly jobs: number;
  /** Indexes built at the same time. */
  readonly indexJobs: number;
  readonly dumpTool: 'auto' | 'native' | 'builtin';
  /** Consent to create what is missing beside what a target database already holds. Nothing is overwritten. */
  readonly acceptNonEmptyTarget: boolean;
}

export interface Project {
  readonly version: typeof projectVersion;
  readonly name: string;
  readonly source: ProjectServer;
  readonly target: ProjectServer;
  readonly databases: readonly ProjectDatabase[];
  readonly options: ProjectOptions;
}

export const defaultOptions: ProjectOptions = {
  jobs: 4,
  indexJobs: 4,
  dumpTool: 'auto',
  acceptNonEmptyTarget: false,
};
