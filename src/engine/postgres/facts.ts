import { TLSSocket } from 'node:tls';
import type { ServerFacts } from '../../protocol/connection.js';
import { driverConnection } from './driver.js';
import type { Session } from './session.js';

/** What kind of server this is and who we are there; one round trip. Rejects with a Fault. */
export async function serverFacts(session: Session): Promise<ServerFacts> {
  // pg_stat_ssl says nothing about us behind a proxy that ends TLS; our own socket does.
  const encrypted = driverConnection(session.client).stream instanceof TLSSocket;
  const { rows } = await session.query<{
    version: string;
    user: string;
    superuser: boolean;
    flexible: boolean;
    recovery: boolean;
  }>(`SELECT pg_catalog.current_setting('server_version') AS version, current_user::text AS user,
      (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) AS superuser,
      EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'azure_pg_admin')
        OR pg_catalog.current_setting('azure.extensions', true) IS NOT NULL AS flexible,
      pg_catalog.pg_is_in_recovery() AS recovery`);
  const [row] = rows;
  return {
    versionNum: session.versionNum,
    version: row?.version ?? '',
    user: row?.user ?? session.spec.user,
    isSuperuser: row?.superuser ?? false,
    isFlexibleServer: row?.flexible ?? false,
    encrypted,
    inRecovery: row?.recovery ?? false,
  };
}
