import { existsSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { ConnectionSpec, SslMode } from '../../protocol/connection.js';
import { Fault } from '../errors/fault.js';
import { parseConnectionText } from './connectionPastes.js';
import { keywordText, type Parameters, unreadable } from './connectionSyntax.js';
import { defaultPasswordFile, passwordFromFile } from './passwordFile.js';
import { serviceParameters } from './serviceFile.js';

export interface ConnectionText {
  /** URI, keyword string, or one of the other forms of connectionPastes.ts; empty for libpq's defaults. */
  readonly text: string;
  /** Goes before one in `text`. */
  readonly password?: string;
  /** Goes before the one in `text`. */
  readonly database?: string;
}

export interface ResolvedConnection {
  readonly spec: ConnectionSpec;
  /** Set where a host has the port of a pooler, which cannot carry a migration: offer 5432. */
  readonly poolerPort?: number;
  /** The same connection as a keyword string, without the password. */
  readonly canonical: string;
}

/** https://www.postgresql.org/docs/current/libpq-envars.html */
const environment: Readonly<Record<string, string>> = {
  host: 'PGHOST',
  hostaddr: 'PGHOSTADDR',
  port: 'PGPORT',
  dbname: 'PGDATABASE',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  passfile: 'PGPASSFILE',
  options: 'PGOPTIONS',
  sslmode: 'PGSSLMODE',
  requiressl: 'PGREQUIRESSL',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  sslrootcert: 'PGSSLROOTCERT',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  channel_binding: 'PGCHANNELBINDING',
  target_session_attrs: 'PGTARGETSESSIONATTRS',
};

const sslModes: readonly SslMode[] = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'];
const poolerPorts: readonly number[] = [6432, 8432];
const defaultPort = 5432;

/**
 * Reads a connection as libpq does: what the text says, then the service file, then PG* variables, then defaults; and
 * the password, if there is still none, from .pgpass.
 * @throws Fault FF110 (text), FF112 (service or password file). Neither says anything of a password.
 */
export function resolveConnectionInput(
  input: ConnectionText,
  env: NodeJS.ProcessEnv = process.env,
): ResolvedConnection {
  const given = parseConnectionText(input.text);
  if (input.database) given.set('dbname', input.database);
  if (input.password) given.set('password', input.password);
  const all = withFallbacks(given, env);
  const hosts = resolveHosts(all);
  const user = all.get('user') || systemUser();
  const database = all.get('dbname') || user;
  const password = all.get('password') || passwordOf(all, hosts, database, user, env);
  const { sslmode, sslrootcert } = resolveTls(all);
  const [sslcert, sslkey, options] = ['sslcert', 'sslkey', 'options'].map((key) => all.get(key) || undefined);
  const spec: ConnectionSpec = {
    hosts,
    user,
    database,
    sslmode,
    connectTimeout: resolveTimeout(all.get('connect_timeout')),
    ...(password && { password }),
    ...(sslrootcert && { sslrootcert: expandHome(sslrootcert, env) }),
    ...(sslcert && { sslcert: expandHome(sslcert, env) }),
    ...(sslkey && { sslkey: expandHome(sslkey, env) }),
    ...(options && { options }),
    ...resolveDemands(all),
  };
  const poolerPort = hosts.find((host) => poolerPorts.includes(host.port))?.port;
  return { spec, canonical: canonicalText(spec), ...(poolerPort !== undefined && { poolerPort }) };
}

/** A connection as a keyword string that resolves to the same again, without the password. */
export function canonicalText(spec: ConnectionSpec): string {
  const { hosts } = spec;
  const ports = new Set(hosts.map((host) => host.port));
  const pairs: (readonly [string, string | undefined])[] = [
    ['host', hosts.map((host) => host.host).join(',')],
    hosts.some((host) => host.hostaddr !== undefined)
      ? ['hostaddr', hosts.map((host) => host.hostaddr ?? '').join(',')]
      : ['hostaddr', undefined],
    ['port', ports.size === 1 ? String(hosts[0]?.port) : hosts.map((host) => host.port).join(',')],
    ['dbname', spec.database],
    ['user', spec.user],
    ['sslmode', spec.sslmode],
    ['sslrootcert', spec.sslrootcert],
    ['sslcert', spec.sslcert],
    ['sslkey', spec.sslkey],
    ['connect_timeout', spec.connectTimeout === 0 ? undefined : String(spec.connectTimeout)],
    ['options', spec.options],
    ['channel_binding', spec.channelBinding],
    ['target_session_attrs', spec.targetSessionAttrs],
  ];
  return keywordText(pairs.filter((pair): pair is readonly [string, string] => pair[1] !== undefined));
}

/** Text before service file before environment. */
function withFallbacks(given: Parameters, env: NodeJS.ProcessEnv): Parameters {
  const service = given.get('service') || env['PGSERVICE'];
  const fromService = service ? serviceParameters(service, env, given.get('servicefile') || undefined) : [];
  const all: Parameters = new Map([...fromService, ...given]);
  for (const [key, variable] of Object.entries(environment)) {
    const value = env[variable];
    if (value !== undefined && !all.has(key)) all.set(key, value);
  }
  return all;
}

/** Hosts and addresses pair up; ports pair up or one serves all. */
function resolveHosts(all: Parameters): ConnectionSpec['hosts'] {
  const list = (key: string) => (all.get(key) ? String(all.get(key)).split(',') : []);
  const [names, addresses, ports] = [list('host'), list('hostaddr'), list('port')];
  const count = Math.max(names.length, addresses.length, 1);
  if (names.length > 0 && addresses.length > 0 && names.length !== addresses.length) {
    throw unreadable(`there are ${names.length} hosts and ${addresses.length} values of hostaddr`);
  }
  if (ports.length > 1 && ports.length !== count) {
    throw unreadable(`there are ${count} hosts and ${ports.length} ports`);
  }
  return Array.from({ length: count }, (_none, index) => {
    const port = resolvePort(ports.length === 1 ? ports[0] : ports[index]);
    const hostaddr = addresses[index]?.trim();
    const host = names[index]?.trim() || hostaddr || defaultHost(port);
    return { host, port, ...(hostaddr && hostaddr !== host && { hostaddr }) };
  });
}

function resolvePort(text: string | undefined): number {
  if (text === undefined || text.trim() === '') return defaultPort;
  const port = /^\s*\d{1,5}\s*$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw unreadable('the port must be a number from 1 to 65535');
  return port;
}

/** The folders that packages of libpq are compiled with. */
const socketFolders = ['/var/run/postgresql', '/tmp'];

/** libpq's default is the local socket; over TCP where there is none. */
function defaultHost(port: number): string {
  if (process.platform === 'win32') return 'localhost';
  return socketFolders.find((folder) => existsSync(`${folder}/.s.PGSQL.${port}`)) ?? 'localhost';
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch (error) {
    throw new Fault('FF110', 'no user was given and the system does not name one', { cause: error });
  }
}

function passwordOf(
  all: Parameters,
  hosts: ConnectionSpec['hosts'],
  database: string,
  user: string,
  env: NodeJS.ProcessEnv,
): string | undefined {
  const file = all.get('passfile') || defaultPasswordFile(env);
  const queries = hosts.map(({ host, port }) => ({
    host: socketFolders.includes(host) ? 'localhost' : host,
    port,
    database,
    user,
  }));
  return passwordFromFile(file, queries);
}

function resolveTls(all: Parameters): { sslmode: SslMode; sslrootcert: string | undefined } {
  const sslrootcert = all.get('sslrootcert') || undefined;
  const given = all.get('sslmode') || undefined;
  const fallback = all.get('requiressl')?.startsWith('1') ? 'require' : 'prefer';
  if (sslrootcert === 'system') {
    // Any authority of the world vouches for some name: without a look at the name that says nothing.
    if (given !== undefined && given !== 'verify-full') {
      throw unreadable('sslrootcert=system needs sslmode=verify-full');
    }
    return { sslmode: 'verify-full', sslrootcert };
  }
  const sslmode = sslModes.find((mode) => mode === (given ?? fallback));
  if (sslmode === undefined) throw unreadable(`sslmode must be one of ${sslModes.join(', ')}`);
  return { sslmode, sslrootcert };
}

const sessionAttrs = ['read-write', 'read-only', 'primary', 'standby'] as const;

/** What the server has to be or do. `prefer-standby` is a wish that any server meets here. */
function resolveDemands(all: Parameters): Pick<ConnectionSpec, 'channelBinding' | 'targetSessionAttrs'> {
  const binding = all.get('channel_binding') || 'prefer';
  const attrs = all.get('target_session_attrs') || 'any';
  const targetSessionAttrs = sessionAttrs.find((known) => known === attrs);
  if (targetSessionAttrs === undefined && !['any', 'prefer-standby'].includes(attrs)) {
    throw unreadable(`target_session_attrs must be any, prefer-standby or one of ${sessionAttrs.join(', ')}`);
  }
  if (binding !== 'prefer' && binding !== 'disable' && binding !== 'require') {
    throw unreadable('channel_binding must be disable, prefer or require');
  }
  return {
    ...(binding !== 'prefer' && { channelBinding: binding }),
    ...(targetSessionAttrs && { targetSessionAttrs }),
  };
}

/** Seconds; zero and less mean no limit. */
function resolveTimeout(text: string | undefined): number {
  if (text === undefined || text.trim() === '') return 0;
  if (!/^\s*-?\d{1,6}\s*$/.test(text)) throw unreadable('connect_timeout must be a number of seconds');
  return Math.max(0, Number(text));
}

/** People write ~, which a shell would have replaced. */
function expandHome(path: string, env: NodeJS.ProcessEnv): string {
  return path.startsWith('~/') ? join(env['HOME'] ?? homedir(), path.slice(2)) : path;
}
