/** May an extension be created on this target? */
export interface ExtensionTarget {
  /** The server parameter azure.extensions; null where there is none (not a Flexible Server). */
  readonly allowList: readonly string[] | null;
  /** pg_available_extensions. */
  readonly available: Iterable<string>;
  readonly installed: Iterable<string>;
}

export type ExtensionCheck =
  | { readonly usable: true }
  | { readonly usable: false; readonly code: 'FF207' | 'FF401'; readonly message: string };

/** FF401: the target has no such extension at all; FF207: it has, and only azure.extensions does not name it. */
export function checkExtension(name: string, target: ExtensionTarget): ExtensionCheck {
  if (new Set(target.installed).has(name)) return { usable: true };
  const available = target.available instanceof Set ? target.available : new Set(target.available);
  if (!available.has(name)) {
    return { usable: false, code: 'FF401', message: `The target has no extension "${name}".` };
  }
  const allowed = target.allowList?.some((entry) => entry.trim().toLowerCase() === name.toLowerCase());
  // plpgsql is part of every database and needs no entry.
  if (target.allowList === null || allowed === true || name === 'plpgsql') return { usable: true };
  return {
    usable: false,
    code: 'FF207',
    message: `The extension "${name}" is not named in the server parameter azure.extensions of the target.`,
  };
}
