import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startCutProxy } from '../support/postgres/cutProxy.js';
import { defaultMajors, majors, startServer } from '../support/postgres/embedded.js';
import { loadSample } from '../support/sample/sample.js';

const everyMajor = process.env['FLEXFERRY_MAJORS'] === 'all' ? majors : defaultMajors;

async function until(what: string, holds: () => boolean, limitMs = 15_000): Promise<void> {
  for (const end = Date.now() + limitMs; !holds(); ) {
    if (Date.now() > end) assert.fail(`not within ${limitMs} ms: ${what}`);
    await sleep(20);
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Starts a server in a Node process of its own; gives that process and where the server is. */
async function serverOfChild(): Promise<{ owner: ChildProcess; pid: number; folder: string }> {
  const program = `
    const { startServer } = require(${JSON.stringify(join(__dirname, '../support/postgres/embedded.ts'))});
    startServer({ major: 17 }).then((server) => {
      process.send({ pid: server.pid, folder: server.socketDir });
      setInterval(() => {}, 1000);
    });`;
  const owner = spawn(process.execPath, ['--import', 'tsx', '-e', program], {
    cwd: join(__dirname, '../..'),
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const started = await new Promise<{ pid: number; folder: string }>((resolve, reject) => {
    owner.once('message', (message) => resolve(message as { pid: number; folder: string }));
    owner.once('exit', (code) => reject(new Error(`the owner ended with ${code}`)));
  });
  return { owner, ...started };
}

describe('embedded servers', () => {
  for (const major of everyMajor) {
    it(`PostgreSQL ${major} starts, answers, and leaves nothing`, async (test) => {
      await (await startServer({ major })).stop(); // the first start prepares the binaries
      const began = performance.now();
      const server = await startServer({ major });
      test.diagnostic(`PostgreSQL ${major} started in ${Math.round(performance.now() - began)} ms`);
      const database = await server.createDatabase();
      const [row] = await server.query<{ version: string }>(database, 'SHOW server_version');
      assert.equal(Number.parseInt(Object.values(row ?? {})[0] ?? '', 10), major);
      await server.stop();
      assert.equal(existsSync(server.socketDir), false);
      assert.equal(alive(server.pid), false);
    });
  }

  it('several run at once, each with its own data', async () => {
    const servers = await Promise.all(
      [13, 17, 13, 17].map((major) => startServer({ major: major as 13 | 17 })),
    );
    try {
      assert.equal(new Set(servers.map((server) => server.port)).size, servers.length);
      for (const server of servers) {
        await server.query('postgres', 'CREATE TABLE mine (port integer)');
        await server.query('postgres', 'INSERT INTO mine VALUES ($1)', [server.port]);
      }
      for (const server of servers) {
        assert.deepEqual(await server.query('postgres', 'SELECT port FROM mine'), [{ port: server.port }]);
      }
    } finally {
      await Promise.all(servers.map((server) => server.stop()));
    }
  });

  it('restarts on the same port with its data and new settings', async () => {
    await using server = await startServer({ major: 17 });
    await server.query('postgres', 'CREATE TABLE kept ()');
    await server.restart({ work_mem: '7MB' });
    assert.deepEqual(await server.query('postgres', 'SHOW work_mem'), [{ work_mem: '7MB' }]);
    assert.deepEqual(await server.query('postgres', 'SELECT count(*) FROM kept'), [{ count: '0' }]);
  });

  it('says why a server did not start', async () => {
    await assert.rejects(
      startServer({ major: 17, settings: { shared_buffers: 'plenty' } }),
      /shared_buffers/,
    );
  });

  it('a killed owner leaves no server behind, and its folder goes at the next start', async () => {
    const { owner, pid, folder } = await serverOfChild();
    assert.equal(alive(pid), true);
    owner.kill('SIGKILL');
    await until('the postmaster ended', () => !alive(pid));
    await (await startServer({ major: 17 })).stop();
    assert.equal(existsSync(folder), false);
    const left = readdirSync(dirname(folder)).filter((name) => name.startsWith(`${owner.pid}-`));
    assert.deepEqual(left, []);
  });

  it('a terminated owner leaves no server behind', async () => {
    const { owner, pid } = await serverOfChild();
    owner.kill('SIGTERM');
    await until('the postmaster ended', () => !alive(pid));
  });
});

describe('the sample database', () => {
  for (const major of everyMajor) {
    it(`loads into PostgreSQL ${major}, the same each time`, async (test) => {
      await using server = await startServer({ major });
      const sums: string[] = [];
      for (const options of [{}, { partitions1000: major === 17 }]) {
        const database = await server.createDatabase();
        const began = performance.now();
        await loadSample(server, database, options);
        const seconds = ((performance.now() - began) / 1000).toFixed(1);
        test.diagnostic(`the sample loaded into PostgreSQL ${major} in ${seconds} s`);
        const [row] = await server.query<{ rows: string; sum: string }>(database, checksum);
        assert.ok(Number(row?.rows) > 150_000, `${row?.rows} rows`);
        sums.push(row?.sum ?? '');
      }
      assert.equal(sums[0], sums[1]);
    });
  }
});

/** Over the larger tables, as text: enough to notice a load that depends on the clock or on chance. */
const checksum = `
  SELECT sum(n)::text AS rows, string_agg(digest, ',' ORDER BY digest) AS sum FROM (
    ${[
      'ships',
      'crew',
      'reservations',
      'voyages',
      'containers',
      'container_contents',
      'movements',
      'inspections',
      'billing.invoices',
      'billing.invoice_lines',
      'documents',
      '"Archive.old ⚓".extremes',
    ]
      .map(
        (table) =>
          `SELECT count(*) AS n, md5(string_agg(t::text, '|' ORDER BY t::text)) AS digest FROM ${table} t`,
      )
      .join(' UNION ALL ')}
  ) AS tables`;

describe('the proxy that cuts', () => {
  const clientOf = async (port: number): Promise<pg.Client> => {
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };

  it('passes, cuts, refuses, and heals', async () => {
    await using server = await startServer({ major: 17 });
    await using proxy = await startCutProxy(server.port);
    const client = await clientOf(proxy.port);
    assert.equal((await client.query('SELECT 1 AS one')).rows[0].one, 1);
    const sleeping = assert.rejects(client.query('SELECT pg_sleep(60)'));
    proxy.cut();
    await sleeping;
    await assert.rejects(clientOf(proxy.port));
    assert.equal(proxy.connections, 0);
    proxy.heal();
    await (await clientOf(proxy.port)).end();
  });

  it('goes silent after so many bytes and passes the rest when released', async () => {
    await using server = await startServer({ major: 17 });
    await using proxy = await startCutProxy(server.port, { holdAfterBytes: { toClient: 10_000 } });
    const client = await clientOf(proxy.port);
    let arrived = false;
    const answer = client.query("SELECT repeat('x', 1000000) AS text").then((result) => {
      arrived = true;
      return String(result.rows[0].text).length;
    });
    await until('the hold', () => proxy.bytesToClient === 10_000);
    await sleep(50);
    assert.equal(arrived, false);
    proxy.release();
    assert.equal(await answer, 1_000_000);
    await client.end();
  });

  it('delays', async () => {
    await using server = await startServer({ major: 17 });
    await using proxy = await startCutProxy(server.port, { delayMs: { toServer: 30, toClient: 30 } });
    const client = await clientOf(proxy.port);
    const began = performance.now();
    await client.query('SELECT 1');
    assert.ok(performance.now() - began >= 59);
    await client.end();
  });
});
