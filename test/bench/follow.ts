/**
 * How fast and how closely changes are followed, beside PostgreSQL's own logical replication on the same servers, in
 * turns in one run:
 *
 *   npm run bench:follow                                    everything, about half an hour
 *   npm run bench:follow -- --cases tpcb,toast --runs 5      only these
 *   npm run bench:follow -- --size 0.1                       a tenth of each backlog
 *
 * Cases: tpcb, insert, update, toast, tables (catch-up of a backlog), large (one transaction of 10 million rows),
 * steady (2,000 tps, how old is what the target shows), cutover (write downtime under 500 tps). Data are made in SQL;
 * TPC-B is pgbench's where Debian's postgresql-15 is installed. fsync is off on both sides.
 */
import { parseArgs } from 'node:util';
import { backlogs } from './backlogs.js';
import { measureCatchUp, startServers } from './catchUp.js';
import { measureCutover, measureSteady } from './steady.js';

const names = [...backlogs.map(({ name }) => name), 'steady', 'cutover'];
const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: names.join(',') },
    runs: { type: 'string', default: '3' },
    /** Multiplies every backlog. */
    size: { type: 'string', default: '1' },
    /** Pairs of runs of the large transaction. */
    'large-runs': { type: 'string', default: '1' },
    seconds: { type: 'string', default: '120' },
    tps: { type: 'string', default: '2000' },
    source: { type: 'string', default: '17' },
    target: { type: 'string', default: '17' },
    storage: { type: 'string' },
  },
});

async function main(): Promise<void> {
  const chosen = values.cases.split(',');
  const unknown = chosen.filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw new Error(`no such case: ${unknown.join(', ')}; there are ${names.join(', ')}`);
  const majors = [Number(values.source), Number(values.target)] as const;
  for (const name of chosen) {
    // A large transaction and what it spills would not fit into memory.
    const storage = values.storage ?? (name === 'large' ? 'disk' : 'memory');
    const servers = await startServers(storage === 'disk' ? 'disk' : 'memory', majors);
    try {
      const backlog = backlogs.find((one) => one.name === name);
      if (backlog !== undefined) {
        const runs = Number(name === 'large' ? values['large-runs'] : values.runs);
        await measureCatchUp(servers, backlog, Number(values.size), runs, console.log);
      } else if (name === 'steady')
        await measureSteady(servers, Number(values.tps), Number(values.seconds), console.log);
      else await measureCutover(servers, 500, Number(values.runs), console.log);
    } finally {
      await servers.source.stop();
      await servers.target.stop();
    }
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
