/** A value as libpq's keyword strings quote it. https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING */
function quoted(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

export interface ConnectionForm {
  readonly host: string;
  readonly port: string;
  readonly user: string;
  readonly database: string;
  readonly sslmode: string;
}

/** The short form as keyword text. */
export function keywordText(form: ConnectionForm): string {
  return [
    `host=${quoted(form.host)}`,
    `port=${quoted(form.port)}`,
    `dbname=${quoted(form.database)}`,
    `user=${quoted(form.user)}`,
    `sslmode=${quoted(form.sslmode)}`,
  ].join(' ');
}

/** Canonical keyword text with a pooler's port (6432, 8432) replaced by the server's own. */
export function withDirectPort(canonical: string): string {
  return canonical.replace(/\bport='?[\d,]+'?/, (port) => port.replace(/\b[68]432\b/g, '5432'));
}
