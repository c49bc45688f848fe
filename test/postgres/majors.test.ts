import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertSame } from '../support/compare.js';
import { assertClean, assertSucceeded, clone, createSampleRoles } from '../support/migrate.js';
import {
  defaultMajors,
  ensureMajor,
  type Major,
  majors,
  startServer,
  type TestServer,
} from '../support/postgres/embedded.js';
import { startFlexibleServerTwin, type TestTwin } from '../support/postgres/twin.js';
import { loadSample } from '../support/sample/sample.js';

/** Kinds of rows whose checksum is easily computed differently by two majors. */
const delicate = `
  CREATE TABLE public.delicate (id int PRIMARY KEY, f float8, r real, fs float8[], rs real[], c record_like, j jsonb, t text, ts timestamptz, i interval, m money);
  INSERT INTO public.delicate VALUES
    (1, 0.1, 0.1, '{0.1,1e300,-0,NaN}', '{0.1,3.4e38}', ROW(0.1, 0.1, 'x'), '{"a": 0.1}', 'ü', 'infinity', '-1 day', 12.34),
    (2, 'NaN', '-Infinity', '{}', NULL, ROW(1e-300, NULL, ''), 'null', '', '0044-03-15 12:00:00+00 BC', '1 year 2 mons', -0.01),
    (3, 5e-324, 1e-45, '{{1.5,2.5},{3.5,NULL}}', '{Infinity}', NULL, '[]', E'a\\\\b\\tc\\nd', '294276-12-31 23:59:59.999999+00', '178000000 years', NULL);
  INSERT INTO public.delicate (id, f, r, fs) SELECT i, i / 3.0, i / 7.0, ARRAY[i / 3.0, 1e15 / i] FROM generate_series(10, 2000) i;`;

const wanted: readonly Major[] = process.env['FLEXFERRY_MAJORS'] === 'all' ? majors : defaultMajors;

describe('a smoke clone of every source major', () => {
  const targets = new Map<Major, TestTwin>();
  before(async () => {
    for (const major of wanted.filter((m) => m >= 13)) {
      await ensureMajor(major);
      const twin = await startFlexibleServerTwin({ major });
      targets.set(major, twin);
      await createSampleRoles(twin);
    }
  });
  after(() => Promise.all([...targets.values()].map((t) => t.stop())));

  /** Clones and looks for itself. */
  async function move(source: TestServer, database: string, target: TestTwin | undefined, name: string) {
    assert.ok(target);
    assertSucceeded(await clone(source.uri(database), target.uri(name)));
    await assertSame({ server: source, database }, { server: target, database: name });
    await assertClean(source, database);
    await assertClean(target, name);
  }

  for (const major of wanted) {
    test(`PostgreSQL ${major}`, async () => {
      await ensureMajor(major);
      const source: TestServer = await startServer({ major });
      try {
        const database = `from_${major}`;
        await source.createDatabase(database);
        await loadSample(source, database);
        await source.query(
          database,
          `CREATE TYPE public.record_like AS (f float8, r real, t text);
           SET search_path = public; ${delicate}`,
        );
        const target = targets.get(major > 17 ? 18 : 17);
        await move(source, database, target, database);
        // Into the same major, and on from one Flexible Server to the next.
        const same = targets.get(major);
        if (same && same !== target) await move(source, database, same, database);
        else if (same) await move(same, database, same, `${database}_on`);
      } finally {
        await source.stop();
      }
    });
  }
});
