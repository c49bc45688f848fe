import { errorCodes } from '../../protocol/errorCodes.js';
import type { Finding } from '../../protocol/model.js';
import { Fault } from '../errors/fault.js';
import { ident, literal } from '../postgres/quote.js';
import type { Session } from '../postgres/session.js';

interface Locale {
  readonly encoding: string;
  readonly collate: string;
  readonly ctype: string;
  /** c, i (ICU, from 15) or b (builtin, from 17). */
  readonly provider: string;
  readonly icuLocale: string | null;
}

async function localeOf(session: Session, database: string): Promise<Locale | undefined> {
  const provider = session.versionNum >= 150000 ? 'datlocprovider::text' : `'c'`;
  const icu =
    session.versionNum >= 170000 ? 'datlocale' : session.versionNum >= 150000 ? 'daticulocale' : 'NULL';
  const { rows } = await session.query<Locale>(
    `SELECT pg_encoding_to_char(encoding) AS encoding, datcollate AS collate, datctype AS ctype, ${provider} AS provider, ${icu} AS "icuLocale"
     FROM pg_database WHERE datname = $1`,
    [database],
  );
  return rows[0];
}

/**
 * Creates the target database with the encoding and locale of the source's. Where the target does not know the locale
 * its own default is used and a finding says so. template0 is taken only where the locale asks for it, so that what an
 * administrator put into template1 is kept.
 */
export async function createDatabase(
  source: Session,
  maintenance: Session,
  database: string,
): Promise<Omit<Finding, 'database'>[]> {
  const wanted = await localeOf(source, source.spec.database);
  const standard = await localeOf(maintenance, 'template1');
  const create = `CREATE DATABASE ${ident(database)}`;
  const same = wanted && standard && JSON.stringify(wanted) === JSON.stringify(standard);
  if (!wanted || same) {
    await maintenance.script(create);
    return [];
  }
  try {
    await maintenance.script(`${create} TEMPLATE template0 ${localeClauses(wanted)}`);
    return [];
  } catch (error) {
    // 22023 invalid locale name, 42809 wrong object: the locale is not there; anything else is not about it.
    if (!(error instanceof Fault) || !['22023', '42809', '0A000', '22P05'].includes(error.sqlstate ?? ''))
      throw error;
  }
  const sameEncoding = wanted.encoding === standard?.encoding;
  await maintenance.script(
    sameEncoding
      ? create
      : `${create} TEMPLATE template0 ENCODING ${literal(wanted.encoding)} LC_COLLATE 'C' LC_CTYPE 'C'`,
  );
  return [
    {
      code: 'FF211',
      azureCode: errorCodes.FF211.azure,
      severity: 'warning',
      object: `database ${database}`,
      message: `The locale ${wanted.icuLocale ?? wanted.collate} of the source database does not exist on the target; ${sameEncoding ? (standard?.collate ?? 'its default') : 'C'} is used.`,
      fix: errorCodes.FF211.help,
    },
  ];
}

function localeClauses(locale: Locale): string {
  const base = `ENCODING ${literal(locale.encoding)} LC_COLLATE ${literal(locale.collate)} LC_CTYPE ${literal(locale.ctype)}`;
  if (locale.provider === 'i' && locale.icuLocale !== null)
    return `${base} LOCALE_PROVIDER icu ICU_LOCALE ${literal(locale.icuLocale)}`;
  if (locale.provider === 'b' && locale.icuLocale !== null)
    return `${base} LOCALE_PROVIDER builtin BUILTIN_LOCALE ${literal(locale.icuLocale)}`;
  return base;
}
