import type { Statement } from './statement.js';

/** Named by a slot of ours: what tells an online migration of DDL on its source. */
const ownEventTrigger = /^event trigger flexferry_[0-9a-f]{12}_(ddl|drop)$/;

/** pg_dump writes event triggers even where the schema of their function is left out. */
export const isOwnEventTrigger = ({ about, object }: Pick<Statement, 'about' | 'object'>): boolean =>
  ownEventTrigger.test(about ?? object);
