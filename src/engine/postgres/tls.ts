import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import * as tls from 'node:tls';
import type { ConnectionSpec } from '../../protocol/connection.js';
import { Fault } from '../errors/fault.js';

/** One try at one host: with these TLS options, or in plain text. */
export type Transport = ConnectionOptions | 'plain';

/** libpq's folder for certificates and .pgpass: ~/.postgresql, or %APPDATA%\postgresql. */
export function userPostgresFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (process.platform === 'win32') return join(env['APPDATA'] ?? homedir(), 'postgresql');
  return join(homedir(), '.postgresql');
}

/**
 * The transports to try in turn for one host, as libpq's sslmode says.
 *
 * | sslmode     | tries        | certificate                                    |
 * |-------------|--------------|------------------------------------------------|
 * | disable     | plain        |                                                |
 * | allow       | plain, TLS   | checked if a root file exists, name not        |
 * | prefer      | TLS, plain   | checked if a root file exists, name not        |
 * | require     | TLS          | checked if a root file exists, name not        |
 * | verify-ca   | TLS          | checked, name not                              |
 * | verify-full | TLS          | checked, name too                              |
 *
 * Unix sockets carry no TLS. https://www.postgresql.org/docs/current/libpq-ssl.html
 * @throws Fault FF106 when a root file is needed and missing, FF117 when the client certificate cannot be read.
 */
export function transports(spec: ConnectionSpec, host: string): readonly Transport[] {
  if (spec.sslmode === 'disable' || host.startsWith('/')) return ['plain'];
  const secure = tlsOptions(spec, host);
  if (spec.sslmode === 'allow') return ['plain', secure];
  return spec.sslmode === 'prefer' ? [secure, 'plain'] : [secure];
}

function tlsOptions(spec: ConnectionSpec, host: string): ConnectionOptions {
  const authorities = rootCertificates(spec);
  const named = isIP(host) === 0 ? { servername: host } : {};
  return {
    minVersion: 'TLSv1.2',
    // The name to be checked, also where hostaddr says which address to call.
    host,
    ...named,
    ...clientCertificate(spec),
    ...(authorities === undefined ? { rejectUnauthorized: false } : { rejectUnauthorized: true }),
    ...(Array.isArray(authorities) && { ca: authorities }),
    ...(spec.sslmode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
  };
}

/** PEM texts; `system` for those of Node and the system; undefined for no check. */
function rootCertificates(spec: ConnectionSpec): string[] | 'system' | undefined {
  if (spec.sslrootcert === 'system') return systemCertificates() ?? 'system';
  const file = spec.sslrootcert ?? join(userPostgresFolder(), 'root.crt');
  const required = spec.sslmode === 'verify-ca' || spec.sslmode === 'verify-full';
  if (!existsSync(file)) {
    if (!required) return undefined;
    throw new Fault('FF106', `the root certificate file ${file} does not exist`, {
      fix: 'Set sslrootcert to the file of the certificate authority, or sslrootcert=system with sslmode=verify-full for the authorities this machine trusts.',
    });
  }
  return [readPem(file, 'FF106')];
}

/** Node 22.15 and newer can name the system's own authorities; older ones have those of Mozilla built in. */
function systemCertificates(): string[] | undefined {
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default' | 'system') => string[] };
  return getCACertificates && [...getCACertificates('default'), ...getCACertificates('system')];
}

function clientCertificate(spec: ConnectionSpec): ConnectionOptions {
  const cert = spec.sslcert ?? join(userPostgresFolder(), 'postgresql.crt');
  const key = spec.sslkey ?? join(userPostgresFolder(), 'postgresql.key');
  if (spec.sslcert === undefined && !(existsSync(cert) && existsSync(key))) return {};
  return { cert: readPem(cert, 'FF117'), key: readPem(key, 'FF117') };
}

function readPem(file: string, code: 'FF106' | 'FF117'): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Fault(code, `the certificate or key file ${file} cannot be read`, { cause: error });
  }
}
