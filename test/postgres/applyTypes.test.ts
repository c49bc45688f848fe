import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { TestFollow } from '../support/follow.js';
import {
  defaultMajors,
  type Major,
  majors,
  startServer,
  type TestServer,
} from '../support/postgres/embedded.js';
import { flushedCommits } from '../support/replication.js';
import { type ColumnType, columnTypes, ownTypes } from '../support/workload/columnTypes.js';
import { keyTypes } from '../support/workload/keyTypes.js';
import { Random } from '../support/workload/random.js';
import { sessionSettings } from '../support/workload/schema.js';

const wanted: readonly Major[] = process.env['FLEXFERRY_MAJORS'] === 'all' ? majors : defaultMajors;
const others = `CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext; CREATE EXTENSION hstore SCHEMA ext;
  CREATE SCHEMA own;`;

let target: TestServer;
before(async () => {
  target = await startServer({ major: 17 });
});
after(() => target?.stop());

/** Every type there is, the composite ones also as domains. */
function types(major: Major): ColumnType[] {
  return [...columnTypes(major, 'ext'), ...ownTypes(major, 'own').types];
}

for (const major of wanted)
  describe(`from PostgreSQL ${major}`, () => {
    // Up to 11 floats are printed in another way.
    const printing = `${sessionSettings}; SET extra_float_digits = ${major < 12 ? 0 : 1}`;
    let source: TestServer;
    before(async () => {
      source = await startServer({ major, settings: flushedCommits });
    });
    after(() => source?.stop());

    test('columns of every type, merged and compared as a whole', async () => {
      const all = types(major);
      const random = new Random(`types ${major}`);
      const list = all.map(({ sql }, i) => `"c${i}" ${sql}`).join(', ');
      const values = (): string =>
        all.map((type) => (random.chance(0.2) ? 'NULL' : type.value(random))).join(', ');
      await using f = await TestFollow.start({
        source,
        target,
        database: `types_${major}`,
        schema: `${sessionSettings}; ${others} ${ownTypes(major, 'own').ddl.join('; ')};
          CREATE TABLE t (id int PRIMARY KEY, ${list}); CREATE TABLE f (n int, ${list}); ALTER TABLE f REPLICA IDENTITY FULL`,
      });
      const rows = Array.from({ length: 6 }, (_, i) => `(${i}, ${values()})`);
      const set = all.map((type, i) => `"c${i}" = ${type.value(random)}`).join(', ');
      for (const table of ['t', 'f'])
        await f.change(`${sessionSettings}; INSERT INTO ${table} VALUES ${rows.join(', ')}`);
      assert.equal(f.follower.replans, 0);
      await f.change(
        `${sessionSettings}; UPDATE t SET ${set} WHERE id = 1; UPDATE t SET id = 10 WHERE id = 2; DELETE FROM t WHERE id = 3`,
        `${sessionSettings}; UPDATE f SET n = n + 1; UPDATE f SET ${set} WHERE n = 3; DELETE FROM f WHERE n = 4`,
      );
      assert.equal(f.follower.replans, 0);
      const shown = all.map((_, i) => `format('%L', "c${i}") AS c${i}`).join(', ');
      await f.rows(`${printing}; SELECT id, ${shown} FROM t ORDER BY id`);
      await f.rows(`${printing}; SELECT n, ${shown} FROM f ORDER BY n`);
    });

    test('keys of every type, and what their equality does not tell apart', async () => {
      const caseless = major >= 12 ? { caseless: 'own.caseless' } : {};
      const all = keyTypes(major, { place: 'own', extensions: 'ext', ...caseless });
      const collation = `CREATE COLLATION own.caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);`;
      const literal = (sql: string, text: string): string =>
        `'${text.replaceAll("'", "''")}'::${sql.replace(/ COLLATE.*/, '')}`;
      const tables = all.map(({ sql, keys }, i) => {
        const rows = keys.map((key) => `(${literal(sql, key)}, 0)`).join(', ');
        return {
          ddl: `CREATE TABLE k${i} (v ${sql} PRIMARY KEY, n int, more text)`,
          fill: `INSERT INTO k${i} VALUES ${rows} ON CONFLICT DO NOTHING`,
          equal: keys.map(
            (key) => `UPDATE k${i} SET v = ${literal(sql, key)} WHERE v = ${literal(sql, key)}`,
          ),
        };
      });
      await using f = await TestFollow.start({
        source,
        target,
        database: `keys_${major}`,
        schema: `${sessionSettings}; ${others} ${major >= 12 ? collation : ''} ${ownTypes(major, 'own').ddl.join('; ')}; ${tables.map(({ ddl }) => ddl).join('; ')}`,
      });
      await f.change(`${sessionSettings}; ${tables.map(({ fill }) => fill).join('; ')}`);
      const each = (sql: (table: string) => string): string => tables.map((_, i) => sql(`k${i}`)).join('; ');
      await f.change(
        `${sessionSettings}; ${each((t) => `UPDATE ${t} SET n = n + 1; UPDATE ${t} SET more = 'x' WHERE n = 1`)}`,
        // The same key, written in another way; hstore calls its equality so, too.
        `${sessionSettings}; BEGIN; ${tables.flatMap(({ equal }) => equal).join('; ')}; COMMIT`,
        `${sessionSettings}; BEGIN; ${each((t) => `DELETE FROM ${t} WHERE ctid IN (SELECT ctid FROM ${t} ORDER BY v LIMIT 2)`)}; ${tables.map(({ fill }) => fill).join('; ')}; COMMIT`,
      );
      assert.equal(f.follower.replans, 0);
      const parts = tables.map(
        (_, i) => `SELECT ${i} AS i, format('%L', v) COLLATE "C" AS v, n, more FROM k${i}`,
      );
      await f.rows(`${printing}; ${parts.join(' UNION ALL ')} ORDER BY 1, 2`);
    });
  });
