import type { ConnectionSpec } from '../../protocol/connection.js';
import { Fault } from '../errors/fault.js';

/** pg_dump's own error lines as a fault, without its prefix and without the password, should it ever stand there. */
export function dumpFault(stderr: readonly string[], spec: ConnectionSpec, cause?: unknown): Fault {
  const lines = stderr.join('\n').split('\n');
  const errors = lines.filter(
    (line) => /\b(error|detail|hint):/i.test(line) || /^(ERROR|FATAL|DETAIL)/.test(line),
  );
  const text = (errors.length > 0 ? errors : lines.slice(-3))
    .map((line) => line.replace(/^pg_dump(\.exe)?: (error: )?/, '').trim())
    .filter((line) => line !== '')
    .join('; ');
  return new Fault('FF300', redact(text === '' ? 'pg_dump ended without a message' : text, spec), { cause });
}

/** Nothing of the password in what another program wrote. */
export function redact(text: string, spec: ConnectionSpec): string {
  return spec.password ? text.replaceAll(spec.password, '***') : text;
}
