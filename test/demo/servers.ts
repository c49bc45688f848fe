import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startServer, type TestServer } from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';
import { loadSample, sampleRoles } from '../support/sample/sample.js';

/** The sample's database, on both servers. */
export const database = 'harbour';

export interface DemoServers {
  /** URIs without a password. */
  readonly source: string;
  readonly target: string;
  /** One for both servers, as PGPASSWORD holds only one. */
  readonly password: string;
  stop(): Promise<void>;
}

/** PostgreSQL 13 with the sample, and a Flexible Server twin on 17 with the sample's roles. About 5 s. */
export async function startDemoServers(): Promise<DemoServers> {
  const password = randomBytes(12).toString('base64url');
  const [source, target] = await Promise.all([startSource(password), startTarget(password)]);
  const tls = `sslmode=verify-full&sslrootcert=${encodeURIComponent(target.caFile)}`;
  return {
    source: `postgresql://postgres@127.0.0.1:${source.port}/${database}`,
    target: `postgresql://${target.admin.user}@127.0.0.1:${target.port}/postgres?${tls}`,
    password,
    stop: async () => {
      await Promise.allSettled([source.stop(), target.stop()]);
    },
  };
}

async function startSource(password: string): Promise<TestServer> {
  const server = await startServer({ major: 13 });
  await server.createDatabase(database);
  await loadSample(server, database);
  // Until now everyone on this machine was let in: the demo's servers ask for a password, as real ones do.
  const encrypt = "SET password_encryption = 'scram-sha-256'";
  await server.query('postgres', `${encrypt}; ALTER ROLE postgres PASSWORD '${password}'`);
  const rules = 'host all,replication all 127.0.0.1/32 scram-sha-256\n';
  writeFileSync(join(server.dataDir, 'pg_hba.conf'), rules);
  await server.query('postgres', 'SELECT pg_reload_conf()');
  return server;
}

async function startTarget(password: string): Promise<TestTwin> {
  const twin = await startFlexibleServerTwin({ major: 17, adminPassword: password });
  for (const role of sampleRoles) await twin.query('postgres', `CREATE ROLE ${role} NOLOGIN`);
  return twin;
}
