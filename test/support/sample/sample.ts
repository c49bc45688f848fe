import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import type { Major, TestServer } from '../postgres/embedded.js';

export interface SampleOptions {
  /** Adds harbour.buoy_readings with 1,000 partitions (20,000 more rows, about a second more). */
  readonly partitions1000?: boolean;
}

/** The roles that the sample grants to; they belong to the server, not to the database. */
export const sampleRoles = ['harbour_reader', 'harbour_clerk', 'harbour_master'] as const;

/**
 * Loads the harbour into an empty database as the superuser (`server.connect`), in about 3 s: all of it or nothing.
 * The result depends on nothing but the server's major.
 */
export async function loadSample(
  server: TestServer,
  database: string,
  options: SampleOptions = {},
): Promise<void> {
  const client = await server.connect(database);
  try {
    const xml = await supportsXml(client);
    const files = ['harbour.sql', 'harbourData.sql', 'harbourRules.sql'];
    if (options.partitions1000 === true) files.push('harbourPartitions.sql');
    await client.query("BEGIN; SET LOCAL timezone = 'UTC'; SET LOCAL client_min_messages = warning");
    for (const file of files) {
      const text = readFileSync(join(__dirname, file), 'utf8');
      await client.query(forServer(text, server.major, xml));
      // Deferred checks of the rows just made would refuse the ALTER TABLEs of the next file.
      await client.query('SET CONSTRAINTS ALL IMMEDIATE');
    }
    await client.query('COMMIT; ANALYZE');
  } finally {
    await client.end();
  }
}

/** XML is a build option of PostgreSQL. */
async function supportsXml(client: pg.Client): Promise<boolean> {
  return client.query("SELECT xmlparse(CONTENT 'x')").then(
    () => true,
    () => false,
  );
}

/** Leaves out the lines that are not for this server: `-- @from N`, `-- @before N` or `-- @xml`, up to `-- @end`. */
export function forServer(text: string, major: Major, xml: boolean): string {
  let wanted = true;
  const lines = text.split('\n').filter((line) => {
    const [, word, number] = /^\s*-- @(from|before|xml|end)(?: (\d+))?$/.exec(line) ?? [];
    if (word === undefined) return wanted;
    if (word === 'from') wanted = major >= Number(number);
    else if (word === 'before') wanted = major < Number(number);
    else wanted = word === 'end' || xml;
    return false;
  });
  return lines.join('\n');
}
