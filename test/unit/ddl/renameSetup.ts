/** Renames of a small database, made from its DDL as the product makes them. */

import { classify } from '../../../src/ddl/classify.js';
import { rename } from '../../../src/ddl/rename/rename.js';
import type { Renames } from '../../../src/ddl/rename/renames.js';
import { renamesOf } from '../../../src/ddl/rename/renamesOf.js';
import { splitStatements } from '../../../src/ddl/split.js';
import type { RelationName } from '../../../src/protocol/model.js';

export const ddl = `
  CREATE SCHEMA app; CREATE SCHEMA other; CREATE SCHEMA misc;
  CREATE TABLE app.orders (id integer, customer integer, note text);
  CREATE TABLE app.status (id integer, status text);
  CREATE TABLE app.customers (id integer, name text);
  CREATE TABLE app.moved (id integer);
  CREATE TABLE other.orders (id integer);
  CREATE TABLE misc.kept (id integer, orders text);
  CREATE VIEW app.open_orders AS SELECT orders.id FROM app.orders;
  CREATE SEQUENCE app.orders_id_seq; CREATE SEQUENCE app.free_seq;
  ALTER SEQUENCE app.orders_id_seq OWNED BY app.orders.id;
  ALTER TABLE ONLY app.orders ADD CONSTRAINT orders_pkey PRIMARY KEY (id);
  CREATE INDEX orders_customer_idx ON app.orders (customer);
  CREATE INDEX by_note ON app.moved (id);
  CREATE TYPE app.mood AS ENUM ('ok');
  CREATE FUNCTION app.next_order() RETURNS integer LANGUAGE sql AS 'SELECT 1';
  CREATE FUNCTION misc.free() RETURNS integer LANGUAGE sql AS 'SELECT 1';
  GRANT SELECT ON app.orders TO reader;
`;

export interface Names {
  readonly schemas?: Readonly<Record<string, string>>;
  /** By schema.name. */
  readonly tables?: Readonly<Record<string, RelationName>>;
  readonly roles?: Readonly<Record<string, string>>;
  readonly renameOwned?: boolean;
}

/** app → sales, app.orders → sales.bookings, app.moved → elsewhere.moved, reader → leser. */
export const names: Names = {
  schemas: { app: 'sales' },
  tables: {
    'app.orders': { schema: 'sales', name: 'bookings' },
    'app.moved': { schema: 'elsewhere', name: 'moved' },
  },
  roles: { reader: 'leser' },
};

export function renamesFor(given: Names = names, sql = ddl): Renames {
  const { schemas = {}, tables = {}, roles = {}, renameOwned = false } = given;
  const schema = (name: string): string => schemas[name] ?? name;
  return renamesOf(
    splitStatements(sql).map((raw) => classify(raw)),
    {
      schema,
      table: (relation) =>
        tables[`${relation.schema}.${relation.name}`] ?? { ...relation, schema: schema(relation.schema) },
      role: (name) => roles[name] ?? name,
      renameOwned,
    },
  );
}

/** The renamed text, with each undecided place in «». */
export function renamed(text: string, renames: Renames): string {
  const result = rename(text, renames);
  let marked = result.text;
  for (const { start, end } of result.undecided.toReversed())
    marked = `${marked.slice(0, start)}«${marked.slice(start, end)}»${marked.slice(end)}`;
  return marked;
}
