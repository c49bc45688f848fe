import { Fault } from '../errors/fault.js';

/** Keyword → value as given, not interpreted. */
export type Parameters = Map<string, string>;

/**
 * libpq's connection parameters. https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
 * Those that mean nothing to us are known, so that a string that psql takes is taken here too.
 */
const keywords: ReadonlySet<string> = new Set(
  `application_name channel_binding client_encoding connect_timeout dbname fallback_application_name gssdelegation
  gssencmode gsslib host hostaddr keepalives keepalives_count keepalives_idle keepalives_interval krbsrvname
  load_balance_hosts max_protocol_version min_protocol_version oauth_client_id oauth_client_secret oauth_issuer
  oauth_scope options passfile password port replication require_auth requirepeer requiressl scram_client_key
  scram_server_key service servicefile ssl_max_protocol_version ssl_min_protocol_version sslcert sslcertmode
  sslcompression sslcrl sslcrldir sslkey sslkeylogfile sslmode sslnegotiation sslpassword sslrootcert sslsni
  target_session_attrs tcp_user_timeout user`.split(/\s+/),
);

export function isKeyword(name: string): boolean {
  return keywords.has(name);
}

/** Never names a piece of the text: it may be a part of a password that was not quoted. */
export function unreadable(reason: string): Fault {
  return new Fault('FF110', `the connection string cannot be read: ${reason}`);
}

/** `key = 'value with \' and \\' key2=value2`, as conninfo_parse of libpq. @throws Fault FF110 */
export function parseKeywords(text: string): Parameters {
  const parameters: Parameters = new Map();
  const pair = /\s*([^\s=]+)\s*=\s*(?:'((?:[^'\\]|\\[\s\S])*)'|((?:[^\s\\]|\\[\s\S])*))(?=\s|$)/y;
  const end = text.trimEnd().length;
  while (pair.lastIndex < end) {
    const at = pair.lastIndex;
    const found = pair.exec(text);
    if (found === null) throw unreadable(`key=value was expected at character ${at + 1}`);
    const [, key = '', quoted, plain = ''] = found;
    if (!isKeyword(key))
      throw unreadable(`there is no connection parameter of the name at character ${at + 1}`);
    if (quoted === undefined && plain.startsWith("'")) {
      throw unreadable(`the quoted value of ${key} does not end`);
    }
    parameters.set(key, (quoted ?? plain).replace(/\\([\s\S])/g, '$1'));
  }
  return parameters;
}

/** What a value needs to stand in a keyword string. */
export function keywordText(parameters: Iterable<readonly [string, string]>): string {
  return [...parameters]
    .map(([key, value]) => {
      const plain = value !== '' && !/[\s'\\]/.test(value);
      return `${key}=${plain ? value : `'${value.replace(/['\\]/g, '\\$&')}'`}`;
    })
    .join(' ');
}

const scheme = /^postgres(?:ql)?:\/\//;

export function isUri(text: string): boolean {
  return scheme.test(text);
}

/**
 * `postgresql://[user[:password]@][host[:port][,…]][/dbname][?key=value[&…]]`. Beyond libpq, a password may hold an
 * "@" that was not encoded: the last one before the path ends it. @throws Fault FF110
 */
export function parseUri(text: string): Parameters {
  const parameters: Parameters = new Map();
  const rest = text.replace(scheme, '');
  const [, authority = '', path = '', query = ''] =
    /^([^/?]*)(?:\/([^?]*))?(?:\?([\s\S]*))?$/.exec(rest) ?? [];
  const at = authority.lastIndexOf('@');
  if (at < 0 && path.includes('@')) throw unreadable('in a password of a URI "/" is written %2F and "?" %3F');
  if (at >= 0) {
    const [, user = '', password] = /^([^:]*)(?::([\s\S]*))?$/.exec(authority.slice(0, at)) ?? [];
    if (user !== '') parameters.set('user', decode(user));
    if (password) parameters.set('password', decode(password));
  }
  parseHosts(authority.slice(at + 1), parameters);
  if (path !== '') parameters.set('dbname', decode(path));
  for (const part of query.split('&')) {
    if (part !== '') setQueryParameter(part, parameters);
  }
  return parameters;
}

/** `host:port,[::1]:port`; every host has its port, maybe empty. */
function parseHosts(text: string, parameters: Parameters): void {
  if (text === '') return;
  const hosts: string[] = [];
  const ports: string[] = [];
  for (const part of text.split(',')) {
    const found = /^(?:\[([^\]]+)\]|([^:[\]]*))(?::([^:]*))?$/.exec(part);
    if (found === null) throw unreadable('host or port of the URI; an IPv6 address stands in [ ]');
    hosts.push(decode(found[1] ?? found[2] ?? ''));
    ports.push(decode(found[3] ?? ''));
  }
  if (hosts.some((host) => host !== '')) parameters.set('host', hosts.join(','));
  if (ports.some((port) => port !== '')) parameters.set('port', ports.join(','));
}

function setQueryParameter(part: string, parameters: Parameters): void {
  const [, rawKey = '', rawValue] = /^([^=]*)(?:=([^=]*))?$/.exec(part) ?? [];
  if (rawValue === undefined) throw unreadable('a parameter after "?" lacks its value');
  const key = decode(rawKey);
  const value = decode(rawValue);
  if (key === 'ssl' && value === 'true') parameters.set('sslmode', 'require');
  else if (isKeyword(key)) parameters.set(key, value);
  else throw unreadable('there is no connection parameter of a name that stands after "?"');
}

function decode(text: string): string {
  try {
    const decoded = decodeURIComponent(text);
    if (!decoded.includes('\0')) return decoded;
  } catch {
    // the same answer as to a zero byte
  }
  throw unreadable('a "%" in a URI must begin a percent-encoded character, as %25 for "%" itself');
}
