/** A name that is one folder on every file system: the escape keeps different databases apart. */
export function folderName(database: string): string {
  return (
    [...database]
      .map((c) => (/[\p{L}\p{N}_.-]/u.test(c) ? c : `%${(c.codePointAt(0) ?? 0).toString(16)}`))
      .join('')
      .replace(/^\./, '%2e') || '%'
  );
}
