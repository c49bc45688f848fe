import { parseStatement } from '../parser.js';
import type { Statement } from '../statement.js';
import { pseudoRoles } from './platformRoles.js';

/** The roles that a statement names and the target does not have. */
export function missingGrantees(statement: Statement, roles: ReadonlySet<string>): string[] {
  return [...new Set(rolesOf(statement))].filter((role) => !roles.has(role) && !pseudoRoles.has(role));
}

/** The roles that a statement names, as they are needed on the target. */
export function rolesOf(statement: Statement): readonly string[] {
  switch (statement.kind) {
    case 'grant':
    case 'revoke':
      return [...statement.details.grantees, ...statement.details.roles];
    case 'defaultPrivileges':
      return [...statement.details.forRoles, ...statement.details.grantees];
    case 'createPolicy':
      return statement.details.roles;
    case 'ownerChange':
      return [statement.details.owner];
    case 'userMapping':
      return [statement.details.user];
    case 'createSchema':
      return /\bauthorization\b/i.test(statement.text) ? rolesInTree(statement) : [];
    case 'largeObject':
      return /^\s*(grant|alter)\b/i.test(statement.text) ? rolesInTree(statement) : [];
    default:
      return [];
  }
}

/** For the few statements whose roles are not among their details. */
function rolesInTree(statement: Statement): string[] {
  const [body] = Object.values(parseStatement(statement.text).node ?? {}) as (
    | Record<string, unknown>
    | undefined
  )[];
  const specs = [
    body?.['authrole'],
    body?.['newowner'],
    ...((body?.['grantees'] as unknown[] | undefined) ?? []),
  ];
  return specs.flatMap((spec) => {
    const role = spec as { rolename?: string; RoleSpec?: { rolename?: string } } | undefined;
    return role?.RoleSpec?.rolename ?? role?.rolename ?? [];
  });
}
