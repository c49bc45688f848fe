import { listSourceTables, type SourceTable } from '../../src/engine/catalog/tables.js';
import type { Session } from '../../src/engine/postgres/session.js';
import { compileMapping } from '../../src/protocol/mapping.js';
import type { ProjectDatabase } from '../../src/protocol/project.js';
import type { Major } from './postgres/embedded.js';

/** Tables with every kind of replica identity that a major knows; a column v of each can be updated. */
export function identityTables(major: Major): string {
  const generated = `
    CREATE TABLE stored_key (a int, k int GENERATED ALWAYS AS (a + 1) STORED PRIMARY KEY, v text);
    CREATE TABLE stored_full (a int, k int GENERATED ALWAYS AS (a + 1) STORED, v text);
    ALTER TABLE stored_full REPLICA IDENTITY FULL;
    CREATE TABLE stored_beside (id int PRIMARY KEY, k int GENERATED ALWAYS AS (id + 1) STORED, v text);`;
  const virtual = `
    CREATE TABLE virtual_full (a int, k int GENERATED ALWAYS AS (a + 1) VIRTUAL, v text);
    ALTER TABLE virtual_full REPLICA IDENTITY FULL;
    CREATE TABLE virtual_bare (a int, k int GENERATED ALWAYS AS (a + 1) VIRTUAL, v text);
    CREATE TABLE virtual_beside (id int PRIMARY KEY, k int GENERATED ALWAYS AS (id + 1) VIRTUAL, v text);`;
  return `
    CREATE TABLE with_key (id int PRIMARY KEY, v text);
    CREATE TABLE bare (v text);
    CREATE TABLE put_off (id int PRIMARY KEY DEFERRABLE, v text);
    CREATE TABLE nothing (id int PRIMARY KEY, v text);
    ALTER TABLE nothing REPLICA IDENTITY NOTHING;
    CREATE TABLE by_index (b int NOT NULL, a int NOT NULL, v text);
    CREATE UNIQUE INDEX by_index_ab ON by_index (a, b);
    ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_ab;
    CREATE TABLE index_gone (id int PRIMARY KEY, a int NOT NULL UNIQUE, v text);
    ALTER TABLE index_gone REPLICA IDENTITY USING INDEX index_gone_a_key;
    ALTER TABLE index_gone DROP CONSTRAINT index_gone_a_key;
    CREATE TABLE "Uniqüe only" (a int NOT NULL, b int UNIQUE, c int NOT NULL, d int NOT NULL, v text,
      UNIQUE (d) DEFERRABLE);
    CREATE UNIQUE INDEX part_of_it ON "Uniqüe only" (c) WHERE c > 0;
    CREATE UNIQUE INDEX computed ON "Uniqüe only" ((c + 1));
    CREATE UNIQUE INDEX "Odd Index" ON "Uniqüe only" (a, c);
    CREATE TABLE whole (v text, j json);
    ALTER TABLE whole REPLICA IDENTITY FULL;
    CREATE TABLE parted (id int, v text) PARTITION BY RANGE (id);
    CREATE TABLE part_1 PARTITION OF parted (PRIMARY KEY (id)) FOR VALUES FROM (0) TO (100);
    CREATE TABLE part_2 PARTITION OF parted FOR VALUES FROM (100) TO (200);
    ${major >= 11 ? 'CREATE TABLE included (a int NOT NULL, v text); CREATE UNIQUE INDEX ON included (a) INCLUDE (v);' : ''}
    ${major >= 12 ? generated : ''}
    ${major >= 18 ? virtual : ''}`;
}

/** Whether updates and deletes can be followed, and how; as PostgreSQL has it. */
export function expectedPublishing(major: Major): Record<string, string> {
  return {
    with_key: 'all',
    bare: 'insert',
    put_off: 'insert',
    nothing: 'insert',
    by_index: 'all',
    index_gone: 'insert',
    'Uniqüe only': 'insert',
    whole: 'all',
    part_1: 'all',
    part_2: 'insert',
    ...(major >= 11 && { included: 'insert' }),
    ...(major >= 12 && {
      stored_key: major >= 18 ? 'allWithGenerated' : 'insert',
      stored_full: major >= 18 ? 'allWithGenerated' : 'all',
      stored_beside: 'all',
    }),
    ...(major >= 18 && { virtual_full: 'insert', virtual_bare: 'insert', virtual_beside: 'all' }),
  };
}

/** All that a project takes. */
export function projectTables(
  session: Session,
  database: Omit<ProjectDatabase, 'source' | 'target'> = {},
): Promise<SourceTable[]> {
  return listSourceTables(
    session,
    { include: [], exclude: [] },
    compileMapping({ source: session.spec.database, target: 'target', ...database }),
  );
}
