import { readFile, rm } from 'node:fs/promises';
import { demoServersVariable } from '../contributions.js';
import type { ServerRegistry } from './serverRegistry.js';

interface DemoServer {
  readonly name: string;
  readonly role: 'source' | 'target';
  readonly connection: string;
  readonly password: string;
}

function isDemoServer(value: unknown): value is DemoServer {
  if (typeof value !== 'object' || value === null) return false;
  const { name, role, connection, password } = value as Record<string, unknown>;
  return (
    typeof name === 'string' &&
    (role === 'source' || role === 'target') &&
    typeof connection === 'string' &&
    typeof password === 'string'
  );
}

/**
 * Registers the servers of the demo, once: the file that FLEXFERRY_DEMO_SERVERS names is deleted after it was read,
 * because it holds passwords. A server of the same name is updated, so that a restarted demo does not fill the list.
 */
export async function importDemoServers(registry: ServerRegistry): Promise<number> {
  const file = process.env[demoServersVariable];
  if (!file) return 0;
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return 0; // imported by an earlier window
  }
  await rm(file, { force: true });
  const parsed: unknown = JSON.parse(text);
  const servers = Array.isArray(parsed) ? parsed.filter(isDemoServer) : [];
  for (const { name, role, connection, password } of servers) {
    const known = registry.list().find((record) => record.name === name);
    if (known) await registry.update({ ...known, role, connection }, password);
    else await registry.add({ name, role, connection }, password);
  }
  return servers.length;
}
