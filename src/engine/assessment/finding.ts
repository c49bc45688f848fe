import { type ErrorCode, type ErrorCodeEntry, errorCodes } from '../../protocol/errorCodes.js';
import type { Finding as FindingOfRun, RelationName } from '../../protocol/model.js';

/** What an assessment of one database finds. */
export type Finding = Omit<FindingOfRun, 'database'>;

/** `fix` where there is a better one than the help of the code. */
export function finding(
  code: ErrorCode,
  severity: Finding['severity'],
  message: string,
  object?: string,
  fix?: string,
): Finding {
  const entry: ErrorCodeEntry = errorCodes[code];
  return {
    code,
    severity,
    message,
    fix: fix ?? entry.help,
    ...(entry.azure !== undefined && { azureCode: entry.azure }),
    ...(object !== undefined && { object }),
  };
}

/** "a, b, c and 7 more". */
export function enumerate(names: readonly string[], most = 10): string {
  const shown = names.slice(0, most).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}

export const nameOf = ({ schema, name }: RelationName): string => `${schema}.${name}`;
