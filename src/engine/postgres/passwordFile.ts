import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '../errors/fault.js';
import { userPostgresFolder } from './tls.js';

export interface PasswordQuery {
  /** As given; a socket directory that is libpq's default counts as `localhost`. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/** ~/.pgpass, or %APPDATA%\postgresql\pgpass.conf. */
export function defaultPasswordFile(env: NodeJS.ProcessEnv): string {
  if (process.platform === 'win32') return join(userPostgresFolder(env), 'pgpass.conf');
  return join(env['HOME'] ?? homedir(), '.pgpass');
}

/**
 * The password of the first line `hostname:port:database:username:password` that matches; `*` matches anything, `\`
 * escapes `:` and itself. https://www.postgresql.org/docs/current/libpq-pgpass.html
 * @throws Fault FF112 if the file would answer but others may read it: libpq passes over such a file with a warning
 * that nobody would see here.
 */
export function passwordFromFile(file: string, queries: readonly PasswordQuery[]): string | undefined {
  let text: string;
  let mode: number;
  try {
    const stat = statSync(file);
    if (!stat.isFile()) return undefined;
    mode = stat.mode;
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined; // as libpq: no file, no password
  }
  const password = findPassword(text, queries);
  if (password !== undefined && process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new Fault('FF112', `the password file ${file} is ignored because others may read it`);
  }
  return password;
}

function findPassword(text: string, queries: readonly PasswordQuery[]): string | undefined {
  const lines = text.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#'));
  for (const query of queries) {
    const wanted = [query.host, String(query.port), query.database, query.user];
    for (const line of lines) {
      const fields = splitFields(line);
      const password = fields?.[4];
      if (
        password &&
        wanted.every((value, at) => fields[at] === '*' || withoutEscapes(fields[at]) === value)
      ) {
        return withoutEscapes(password);
      }
    }
  }
  return undefined;
}

/** Four fields that end at an unescaped colon; the password is the rest, up to a colon too. */
function splitFields(line: string): string[] | undefined {
  const fields = [...line.matchAll(/((?:[^\\:]|\\[\s\S])*)(?::|$)/g)].map((found) => found[1] ?? '');
  return fields.length < 5 ? undefined : fields;
}

function withoutEscapes(field: string | undefined): string {
  return (field ?? '').replace(/\\([\s\S])/g, '$1');
}
