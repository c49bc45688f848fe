import type { FollowPair } from '../../protocol/engine.js';
import type { FollowRequest } from '../../protocol/follow.js';
import { followedDatabases } from '../../protocol/followView.js';
import { databaseKey, type Project, type ProjectDatabase } from '../../protocol/project.js';
import type { CleanUp } from '../../protocol/webview.js';
import type { BrowsingEngine } from '../engine/browsingEngine.js';
import type { ServerRegistry } from '../servers/serverRegistry.js';
import type { Migration } from './migration.js';
import { readProject } from './projectFiles.js';
import { connectionOf } from './projectPasswords.js';

/** Asks a run that follows to do something, by way of the target; and takes away what such a run left. Throws faults. */
export class FollowRequests {
  constructor(
    private readonly registry: ServerRegistry,
    private readonly engine: BrowsingEngine,
  ) {}

  /** Leaves a request for the run of each of these databases; they are asked at the same time. */
  async send(
    migration: Migration,
    databases: readonly string[],
    request: (database: string) => FollowRequest,
  ): Promise<void> {
    const project = await readProject(migration.uri);
    const asked = new Set(databases);
    const back = new Set(
      followedDatabases(migration.snapshot).flatMap(({ source, follow }) =>
        follow.isWayBack ? [source] : [],
      ),
    );
    migration.following.ask(migration.snapshot, Date.now());
    migration.touch();
    try {
      await Promise.all(
        online(project)
          .filter(({ key }) => asked.has(key))
          .map(async ({ key, database }) => {
            const wanted = request(key);
            const { source, target } = await this.#pair(project, database);
            // A cutover back is one of the way back itself, whose target is the source.
            const isReversed = back.has(key) && cutoverCommands.has(wanted.command);
            const pair = isReversed ? { source: target, target: source } : { source, target };
            await this.engine.requestFollow(pair, wanted);
          }),
      );
    } catch (error) {
      migration.following.answered();
      migration.touch();
      throw error;
    }
  }

  /** Removes what following needed on both servers, of every online database. */
  async cleanUp(migration: Migration): Promise<CleanUp['removed']> {
    const project = await readProject(migration.uri);
    const removed: { database: string; what: readonly string[] }[] = [];
    for (const { key, database } of online(project)) {
      const answer = await this.engine.cleanUpFollow(await this.#pair(project, database));
      removed.push({ database: key, what: answer.removed });
    }
    return removed;
  }

  async #pair(project: Project, database: ProjectDatabase): Promise<FollowPair> {
    const [source, target] = await Promise.all([
      connectionOf(this.registry, project.source, database.source),
      connectionOf(this.registry, project.target, database.target),
    ]);
    return { source, target };
  }
}

const cutoverCommands: ReadonlySet<FollowRequest['command']> = new Set(['cutover', 'confirm', 'undo']);

/** The online databases of a project, by what they are called in snapshots. */
function online(project: Project): { readonly key: string; readonly database: ProjectDatabase }[] {
  return project.databases
    .map((database, index) => ({ key: databaseKey(project.databases, index), database }))
    .filter(({ database }) => database.mode === 'online');
}
