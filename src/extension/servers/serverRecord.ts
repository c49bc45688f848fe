export type ServerRole = 'source' | 'target' | 'both';

/** A registered server as it is kept in globalState: no secret in it. */
export interface ServerRecord {
  readonly id: string;
  readonly name: string;
  /** Path of nested groups, "/" between them; absent at the top. */
  readonly group?: string;
  readonly role: ServerRole;
  /** URI or keyword text as libpq reads it, without password. */
  readonly connection: string;
}

export function isServerRecord(value: unknown): value is ServerRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { id, name, role, connection } = value as Record<string, unknown>;
  return (
    typeof id === 'string' &&
    typeof name === 'string' &&
    typeof connection === 'string' &&
    (role === 'source' || role === 'target' || role === 'both')
  );
}

export function canBe(record: ServerRecord, role: 'source' | 'target'): boolean {
  return record.role === 'both' || record.role === role;
}

/** Trimmed parts of a group path, empty ones left out. */
export function groupParts(group: string | undefined): string[] {
  return (group ?? '')
    .split('/')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** A name that no other server has: "name", "name 2", … */
export function freeName(wanted: string, taken: readonly string[]): string {
  if (!taken.includes(wanted)) return wanted;
  for (let n = 2; ; n += 1) {
    const name = `${wanted} ${n}`;
    if (!taken.includes(name)) return name;
  }
}
