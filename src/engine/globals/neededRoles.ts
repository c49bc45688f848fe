import type { SourceRoles } from './globals.js';

/**
 * The roles that databases mention, the roles that these become by a setting (`ALTER ROLE a SET role = b`), and those in
 * between: where a is a member of b and b of c, and a and c are needed, b is.
 */
export function neededRoles({ roles, memberships, mentioned }: SourceRoles): Set<string> {
  const needed = new Set(mentioned);
  const byName = new Map(roles.map((role) => [role.name, role]));
  const parents = new Map<string, string[]>();
  for (const { role, member } of memberships) parents.set(member, [...(parents.get(member) ?? []), role]);

  for (const name of needed) {
    for (const setting of byName.get(name)?.settings ?? []) {
      if (setting.name === 'role' && byName.has(setting.value)) needed.add(setting.value);
    }
  }
  const ends: ReadonlySet<string> = new Set(needed);
  const leads = new Map<string, boolean>();
  /** Does a chain of memberships lead from here to a needed role? PostgreSQL refuses circles. */
  const leadsToNeeded = (name: string): boolean => {
    const known = leads.get(name);
    if (known !== undefined) return known;
    const does =
      (parents.get(name) ?? []).filter((parent) => leadsToNeeded(parent) || ends.has(parent)).length > 0;
    leads.set(name, does);
    return does;
  };
  const pending = [...needed];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    for (const parent of parents.get(name) ?? []) {
      if (needed.has(parent) || !leadsToNeeded(parent)) continue;
      needed.add(parent);
      pending.push(parent);
    }
  }
  return needed;
}
