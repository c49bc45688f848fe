import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '../errors/fault.js';
import { isKeyword, type Parameters } from './connectionSyntax.js';
import { userPostgresFolder } from './tls.js';

/**
 * The parameters of a service: from the user's file (PGSERVICEFILE, or ~/.pg_service.conf), else from the system's.
 * https://www.postgresql.org/docs/current/libpq-pgservice.html
 * @throws Fault FF112 if it is defined nowhere or a file cannot be read.
 */
export function serviceParameters(
  service: string,
  env: NodeJS.ProcessEnv,
  explicitFile?: string,
): Parameters {
  const given = explicitFile ?? env['PGSERVICEFILE'];
  const files = [given ?? userServiceFile(env), ...systemServiceFiles(env)];
  for (const file of files) {
    const text = readText(file, file === given);
    const parameters = text === undefined ? undefined : parseServiceFile(text, service, file);
    if (parameters !== undefined) return parameters;
  }
  throw new Fault('FF112', `the service "${service}" is not defined in ${files.join(' or ')}`);
}

function userServiceFile(env: NodeJS.ProcessEnv): string {
  if (process.platform === 'win32') return join(userPostgresFolder(env), '.pg_service.conf');
  return join(env['HOME'] ?? homedir(), '.pg_service.conf');
}

/** PGSYSCONFDIR, or what the usual packages were compiled with. */
function systemServiceFiles(env: NodeJS.ProcessEnv): string[] {
  const folder = env['PGSYSCONFDIR'];
  const folders =
    folder === undefined ? ['/etc/postgresql-common', '/etc/sysconfig/pgsql', '/etc'] : [folder];
  return folders.map((name) => join(name, 'pg_service.conf'));
}

function readText(file: string, required: boolean): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (!required) return undefined;
    throw new Fault('FF112', `the service file ${file} cannot be read`, { cause: error });
  }
}

/** INI: `[name]`, then `key=value` to the end of the line; the first section of the name counts. */
function parseServiceFile(text: string, service: string, file: string): Parameters | undefined {
  let found: Parameters | undefined;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const section = /^\[(.*)\]/.exec(line)?.[1];
    if (section !== undefined) {
      if (found !== undefined) return found;
      if (section === service) found = new Map();
      continue;
    }
    if (found === undefined) continue;
    const [, key = '', value] = /^([^=]*)=([\s\S]*)$/.exec(line) ?? [];
    if (value === undefined || !isKeyword(key) || key === 'service') {
      throw new Fault('FF112', `line ${index + 1} of the service file ${file} cannot be read`);
    }
    // As libpq: what came first stays.
    if (!found.has(key)) found.set(key, value);
  }
  return found;
}
