/** A project with generated DDL as it stands after "Review DDL", written by hand: nothing of it needs a server. */
import * as vscode from 'vscode';
import type { DdlContext } from '../../src/protocol/ddl.js';
import { defaultOptions, type Project, projectVersion } from '../../src/protocol/project.js';
import { statementTextKey } from '../../src/protocol/statementKey.js';

/** What the target has: no role `app`, no extension but citext. */
const context: DdlContext = {
  version: 1,
  database: 'shop',
  target: {
    versionNum: 170000,
    isFlexibleServer: true,
    allowedExtensions: ['citext'],
    availableExtensions: ['citext', 'hstore', 'plpgsql'],
    installedExtensions: ['plpgsql'],
    roles: ['admin', 'sales'],
  },
  relations: [
    { schema: 'shop', name: 'customers', kind: 'table', bytes: 81920, rows: 1200 },
    { schema: 'shop', name: 'orders', kind: 'table', bytes: 163840, rows: 5000 },
  ],
  sources: {},
};

export const ordersSource = 'CREATE TABLE old.orders (\n    id integer\n) TABLESPACE fast;';
export const ordersTable = `CREATE TABLE shop.orders (
    id integer NOT NULL,
    customer integer NOT NULL,
    note text DEFAULT '🙂'
);`;

export const preData = `SET statement_timeout = 0;

CREATE SCHEMA shop;

CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA shop;

CREATE TABLE shop.customers (
    id integer NOT NULL,
    name text
) TABLESPACE fast;

ALTER TABLE shop.customers OWNER TO app;

${ordersTable}

CREATE VIEW shop.big_orders AS
 SELECT o.id
   FROM shop.orders o;

CREATE FUNCTION shop.note() RETURNS text
    LANGUAGE plpgsql
    AS $$
begin
  return 'a';
end
$$;
`;

export const postData = `ALTER TABLE ONLY shop.customers
    ADD CONSTRAINT customers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY shop.orders
    ADD CONSTRAINT orders_customer_fkey FOREIGN KEY (customer) REFERENCES shop.customers(id);
`;

export interface DdlFixture {
  readonly project: vscode.Uri;
  readonly preData: vscode.Uri;
  readonly postData: vscode.Uri;
  readonly generated: vscode.Uri;
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

export const writeText = async (uri: vscode.Uri, text: string): Promise<void> => {
  await vscode.workspace.fs.createDirectory(vscode.Uri.joinPath(uri, '..'));
  await vscode.workspace.fs.writeFile(uri, encode(text));
};

/** Writes it into the first workspace folder. */
export async function writeFixture(
  name: string,
  project: Partial<Project> = {},
  sql: { readonly preData?: string; readonly postData?: string } = {},
): Promise<DdlFixture> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  if (!folder) throw new Error('no folder is open');
  const uri = vscode.Uri.joinPath(folder, `${name}.flexferry.json`);
  const directory = vscode.Uri.joinPath(folder, `${name}.flexferry`);
  const text: Project = {
    version: projectVersion,
    name,
    source: { connection: 'postgresql://postgres@127.0.0.1:1/shop' },
    target: { connection: 'postgresql://admin@127.0.0.1:1/postgres' },
    databases: [{ source: 'shop', target: 'shop' }],
    options: defaultOptions,
    ...project,
  };
  const ddl = vscode.Uri.joinPath(directory, 'ddl', 'shop');
  const generated = vscode.Uri.joinPath(directory, 'generated', 'shop');
  const sources = { [statementTextKey(ordersTable)]: ordersSource };
  await writeText(uri, `${JSON.stringify(text, null, 2)}\n`);
  await writeText(vscode.Uri.joinPath(ddl, 'pre-data.sql'), sql.preData ?? preData);
  await writeText(vscode.Uri.joinPath(ddl, 'post-data.sql'), sql.postData ?? postData);
  await writeText(vscode.Uri.joinPath(generated, 'source', 'pre-data.sql'), `${ordersSource}\n`);
  await writeText(vscode.Uri.joinPath(generated, 'context.json'), JSON.stringify({ ...context, sources }));
  return {
    project: uri,
    preData: vscode.Uri.joinPath(ddl, 'pre-data.sql'),
    postData: vscode.Uri.joinPath(ddl, 'post-data.sql'),
    generated,
  };
}

/** Asks until the answer is there; fails with what it was last. */
export async function eventually<T>(
  ask: () => T | Promise<T>,
  wanted: (answer: T) => boolean,
  what: string,
  milliseconds = 20_000,
): Promise<T> {
  for (const until = Date.now() + milliseconds; ; ) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    if (Date.now() > until) throw new Error(`${what}: ${JSON.stringify(answer)?.slice(0, 1000)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
