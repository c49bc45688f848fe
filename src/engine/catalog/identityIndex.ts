/** A condition over `pg_index i`: PostgreSQL takes it for an identity (RelationGetIndexList in its relcache.c). */
export const fitsIdentity = 'i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL';

/** A condition over `pg_index i` and `pg_class c`: it is what the replica identity of the table means. */
export const isIdentityIndex = `i.indrelid = c.oid AND ${fitsIdentity}
      AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END`;
