/** May an extension be created on this target? */
import { allowListDate, offeredExtensions, offeredOnlyElsewhere } from './rules/allowList.js';

export interface ExtensionTarget {
  /** The server parameter azure.extensions; null where there is none (not a Flexible Server). */
  readonly allowList: readonly string[] | null;
  /** pg_available_extensions. */
  readonly available: Iterable<string>;
  readonly installed: Iterable<string>;
  /** Major version, where it is a Flexible Server: for what its documentation says. */
  readonly flexibleMajor?: number;
}

export type ExtensionCheck =
  | { readonly usable: true }
  | { readonly usable: false; readonly code: 'FF207' | 'FF401' | 'FF435'; readonly message: string };

const usable = { usable: true } as const;

/**
 * FF401: the target has no such extension at all; FF435: not for its major version; FF207: it has, and only
 * azure.extensions does not name it.
 */
export function checkExtension(name: string, target: ExtensionTarget): ExtensionCheck {
  // plpgsql is part of every database and needs no entry.
  if (name === 'plpgsql' || new Set(target.installed).has(name)) return usable;
  const available = target.available instanceof Set ? target.available : new Set(target.available);
  const absent = available.size === 0 ? undocumented(name, target) : !available.has(name);
  if (absent !== false) return absent === undefined ? usable : notThere(name, target, available.size === 0);
  const allowed = target.allowList?.some((entry) => entry.trim().toLowerCase() === name.toLowerCase());
  if (target.allowList === null || allowed === true) return usable;
  return {
    usable: false,
    code: 'FF207',
    message: `The extension "${name}" is not named in the server parameter azure.extensions of the target.`,
  };
}

/** Where the target was not asked: undefined where nothing is known, as on a plain PostgreSQL. */
function undocumented(name: string, { flexibleMajor, allowList }: ExtensionTarget): boolean | undefined {
  if (flexibleMajor === undefined) return allowList === null ? undefined : true;
  return !offeredExtensions.has(name) || offeredOnlyElsewhere(name, flexibleMajor) !== undefined;
}

function notThere(name: string, { flexibleMajor }: ExtensionTarget, byTable: boolean): ExtensionCheck {
  const elsewhere = flexibleMajor === undefined ? undefined : offeredOnlyElsewhere(name, flexibleMajor);
  const source = byTable ? ` (list of ${allowListDate})` : '';
  if (elsewhere !== undefined) {
    const message = `The extension "${name}" is not there for PostgreSQL ${flexibleMajor}, only for ${elsewhere}${source}.`;
    return { usable: false, code: 'FF435', message };
  }
  return { usable: false, code: 'FF401', message: `The target has no extension "${name}"${source}.` };
}
