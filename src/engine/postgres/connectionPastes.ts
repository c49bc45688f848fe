/** Strings that people have at hand and that are not libpq's own: each becomes libpq's parameters. */
import {
  isKeyword,
  isUri,
  type Parameters,
  parseKeywords,
  parseUri,
  unreadable,
} from './connectionSyntax.js';

/** Reads any form. @throws Fault FF110 */
export function parseConnectionText(given: string): Parameters {
  return withoutPlaceholders(parseAny(given.trim()));
}

function parseAny(text: string): Parameters {
  if (isUri(text)) return parseUri(text);
  // SQLAlchemy names its driver in the scheme.
  if (/^postgres(ql)?\+\w+:\/\//.test(text)) return parseUri(text.replace(/^[^:]*/, 'postgresql'));
  if (text.startsWith('jdbc:postgresql:')) return parseJdbc(text);
  const environment = parseEnvironment(text);
  if (environment !== undefined) return environment;
  const command = /^(?:[$#>]\s*)?((?:PG[A-Z]+=\S*\s+)*)psql(?:\.exe)?\s+([\s\S]*)$/.exec(text);
  if (command !== null) return parsePsql(command[1] ?? '', command[2] ?? '');
  return parseAdo(text) ?? parseKeywords(text);
}

const placeholder = /^[{<[](your|my|user|admin|login|host|server|database|db|password)[^{}<>]*[}>\]]$/i;

/** The Azure portal shows `{your_password}` where the user has to fill in. */
function withoutPlaceholders(parameters: Parameters): Parameters {
  return new Map([...parameters].filter(([, value]) => !placeholder.test(value)));
}

/** `jdbc:postgresql://host:port/database?user=…&ssl=true`; the driver's own parameters are left out. */
function parseJdbc(text: string): Parameters {
  const uri = text.replace(/^jdbc:postgresql:(?!\/\/)/, 'postgresql:///').replace(/^jdbc:/, '');
  const [start = '', query = ''] = uri.split(/\?([\s\S]*)/);
  const known = query.split('&').filter((part) => {
    const [key = '', value] = part.split('=');
    return value !== undefined && (key === 'ssl' ? value === 'true' : isKeyword(key));
  });
  return parseUri(known.length === 0 ? start : `${start}?${known.join('&')}`);
}

const adoKeys: Readonly<Record<string, string>> = {
  host: 'host',
  server: 'host',
  'data source': 'host',
  port: 'port',
  database: 'dbname',
  'initial catalog': 'dbname',
  username: 'user',
  'user name': 'user',
  'user id': 'user',
  userid: 'user',
  uid: 'user',
  user: 'user',
  password: 'password',
  pwd: 'password',
  passfile: 'passfile',
  'ssl mode': 'sslmode',
  sslmode: 'sslmode',
  'root certificate': 'sslrootcert',
  'ssl certificate': 'sslcert',
  'ssl key': 'sslkey',
  timeout: 'connect_timeout',
};
/** Known to Npgsql, of no meaning here. */
const adoIgnored =
  /^(trust server certificate|pooling|(min|max)imum pool size|(min|max) pool size|command ?timeout|internal command timeout|keepalive|tcp keepalive|application name|search path|include error detail|encoding|client encoding|timezone|enlist|multiplexing|no reset on close|connection lifetime|connection idle lifetime|persist security info|integrated security|options|target session attributes)$/;
const adoSslModes: Readonly<Record<string, string>> = { verifyca: 'verify-ca', verifyfull: 'verify-full' };

/** `Host=…;Username=…;Password="a;b";Ssl Mode=Require` (Npgsql); undefined if the text is not of that kind. */
function parseAdo(text: string): Parameters | undefined {
  if (!text.includes(';')) return undefined;
  const pair = /\s*([A-Za-z][A-Za-z ]*?)\s*=\s*(?:"((?:[^"]|"")*)"|'((?:[^']|'')*)'|([^;]*?))\s*(?:;|$)/y;
  const parameters: Parameters = new Map();
  while (pair.lastIndex < text.length) {
    const found = pair.exec(text);
    if (found === null) return undefined;
    const name = (found[1] ?? '').toLowerCase();
    const key = adoKeys[name];
    if (key === undefined && !adoIgnored.test(name)) return undefined;
    const value = found[2]?.replaceAll('""', '"') ?? found[3]?.replaceAll("''", "'") ?? found[4] ?? '';
    if (key === 'sslmode') {
      const mode = value.toLowerCase();
      parameters.set(key, adoSslModes[mode] ?? mode);
    } else if (key !== undefined) parameters.set(key, value);
  }
  return parameters;
}

const environmentKeys: Readonly<Record<string, string>> = {
  PGHOST: 'host',
  PGHOSTADDR: 'hostaddr',
  PGPORT: 'port',
  PGDATABASE: 'dbname',
  PGUSER: 'user',
  PGPASSWORD: 'password',
  PGSSLMODE: 'sslmode',
  PGSSLROOTCERT: 'sslrootcert',
  PGSERVICE: 'service',
  PGOPTIONS: 'options',
};

/** Lines of `export PGHOST=…`, `set PGHOST=…` or `$env:PGHOST="…"`, as the Azure portal offers them. */
function parseEnvironment(text: string): Parameters | undefined {
  const parameters: Parameters = new Map();
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '') continue;
    const found = /^\s*(?:export\s+|set\s+|\$env:)?(PG[A-Z]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|(\S*))\s*$/.exec(
      line,
    );
    if (found === null) return undefined;
    const key = environmentKeys[found[1] ?? ''];
    if (key !== undefined) parameters.set(key, found[2] ?? found[3] ?? found[4] ?? '');
  }
  return parameters;
}

const psqlOptions: Readonly<Record<string, string>> = {
  h: 'host',
  host: 'host',
  p: 'port',
  port: 'port',
  U: 'user',
  username: 'user',
  d: 'dbname',
  dbname: 'dbname',
};

/** `PGPASSWORD=x psql -h host -U user -d db`, `psql "host=…"`, `psql postgresql://… user`. */
function parsePsql(assignments: string, command: string): Parameters {
  const parameters = parseEnvironment(assignments.trim().split(/\s+/).join('\n')) ?? new Map();
  const words = shellWords(command);
  const positional: string[] = [];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const option =
      /^-([hpUd])([\s\S]+)?$/.exec(word) ?? /^--(host|port|username|dbname)(?:=([\s\S]*))?$/.exec(word);
    const key = psqlOptions[option?.[1] ?? ''];
    if (key !== undefined) setFromWord(key, option?.[2] ?? words.shift() ?? '', parameters);
    else if (/^-[WwXqAtn1]+$|^--(password|no-password|no-psqlrc|set=.*)$/.test(word)) continue;
    else if (word.startsWith('-')) throw unreadable('of psql only -h, -p, -U and -d are understood');
    else positional.push(word);
  }
  const [database, user] = positional;
  if (database !== undefined) setFromWord('dbname', database, parameters);
  if (user !== undefined) parameters.set('user', user);
  return parameters;
}

/** psql takes a whole connection string in the place of the database name. */
function setFromWord(key: string, word: string, parameters: Parameters): void {
  if (key !== 'dbname' || !(isUri(word) || word.includes('='))) {
    parameters.set(key, word);
    return;
  }
  const whole = isUri(word) ? parseUri(word) : parseKeywords(word);
  for (const [name, value] of whole) parameters.set(name, value);
}

function shellWords(text: string): string[] {
  return [...text.matchAll(/(?:"(?:[^"\\]|\\[\s\S])*"|'[^']*'|\\[\s\S]|[^\s"'\\])+/g)].map(([word]) =>
    word.replace(
      /"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'|\\([\s\S])/g,
      (_whole, double?: string, single?: string, escaped?: string) =>
        double?.replace(/\\(["\\$`])/g, '$1') ?? single ?? escaped ?? '',
    ),
  );
}
