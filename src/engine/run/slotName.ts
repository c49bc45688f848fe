import { createHash } from 'node:crypto';

/**
 * Name of the slot, and of its publications, of a migration between two databases: always the same, so that what is left
 * of it can be told from other migrations' even where the target forgot about it. Arguments are identities
 * (databaseIdentity); the way back has them exchanged, and so another name.
 */
export function slotNameOf(source: string, target: string): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([source, target]))
    .digest('hex');
  return `flexferry_${hash.slice(0, 12)}`;
}
