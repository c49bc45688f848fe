/** Where a code is explained. */
import type { ErrorCode } from '../protocol/errorCodes.js';

const azure = 'https://learn.microsoft.com/azure/postgresql';
const limits = `${azure}/flexible-server/concepts-limits`;
const extensions = `${azure}/extensions/how-to-allow-extensions`;
const roles = `${azure}/flexible-server/how-to-create-users`;

const pages: Partial<Record<ErrorCode, string>> = {
  FF207: extensions,
  FF400: `${azure}/flexible-server/concepts-security`,
  FF401: `${azure}/extensions/concepts-extensions-versions`,
  FF402: `${azure}/extensions/concepts-extensions-versions`,
  FF403: `${azure}/extensions/concepts-extensions-considerations`,
  FF408: `${azure}/extensions/concepts-extensions-considerations`,
  FF409: `${azure}/extensions/concepts-extensions-considerations`,
  FF411: `${azure}/flexible-server/concepts-security`,
  FF412: `${azure}/flexible-server/concepts-logical`,
  FF413: roles,
  FF414: roles,
  FF415: extensions,
  FF418: roles,
};

/** A page for every rule; of SQLSTATEs the table of PostgreSQL. What only concerns the file has none. */
export function pageOf(code: string): string | undefined {
  if (!code.startsWith('FF')) return 'https://www.postgresql.org/docs/current/errcodes-appendix.html';
  return pages[code as ErrorCode] ?? (code.startsWith('FF4') ? limits : undefined);
}
