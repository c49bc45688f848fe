import type { ConnectionInput } from '../../protocol/engine.js';
import type { Project, ProjectServer } from '../../protocol/project.js';
import type { ServerRecord } from '../servers/serverRecord.js';
import type { ServerRegistry } from '../servers/serverRegistry.js';

export interface ProjectPasswords {
  readonly source?: string;
  readonly target?: string;
}

/** The registered server of a project's connection; one that the project does not name is found by its connection. */
export function recordOf(registry: ServerRegistry, server: ProjectServer): ServerRecord | undefined {
  const byId = server.server === undefined ? undefined : registry.get(server.server);
  // A project file decides where the connection goes; a stored password goes only where it was stored for.
  if (byId && byId.connection === server.connection) return byId;
  return registry.list().find((record) => record.connection === server.connection);
}

async function passwordOf(registry: ServerRegistry, server: ProjectServer): Promise<string | undefined> {
  const known = recordOf(registry, server);
  return known && registry.password(known.id);
}

/** The stored passwords of both servers, as far as they are known. */
export async function passwordsOf(registry: ServerRegistry, project: Project): Promise<ProjectPasswords> {
  const [source, target] = await Promise.all([
    passwordOf(registry, project.source),
    passwordOf(registry, project.target),
  ]);
  return { ...(source !== undefined && { source }), ...(target !== undefined && { target }) };
}

/** A server of a project with its stored password, connected to one of its databases. */
export async function connectionOf(
  registry: ServerRegistry,
  server: ProjectServer,
  database: string,
): Promise<ConnectionInput> {
  const password = await passwordOf(registry, server);
  return { text: server.connection, database, ...(password !== undefined && { password }) };
}
