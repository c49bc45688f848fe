/**
 * The entry point inside the extension host: runs every suite with mocha and appends one JSON line for each result,
 * synchronously, so that what was seen survives a crash of the host. The last line tells that the end was reached.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import Mocha from 'mocha';
import { results, write } from './results.js';

class LinesReporter extends Mocha.reporters.Base {
  constructor(runner: Mocha.Runner) {
    super(runner);
    write({ event: 'start', total: runner.total });
    runner.on('pass', (test) =>
      write({ event: 'pass', title: test.fullTitle(), milliseconds: test.duration ?? 0 }),
    );
    runner.on('pending', (test) => write({ event: 'skip', title: test.fullTitle() }));
    runner.on('fail', (test, error: Error) =>
      write({ event: 'fail', title: test.fullTitle(), error: error.stack ?? String(error) }),
    );
    runner.on('end', () => {
      const { passes = 0, failures = 0 } = runner.stats ?? {};
      write({ event: 'end', passes, failures });
    });
  }
}

/** VS Code calls this; a rejection makes the run fail. */
export function run(): Promise<void> {
  const grep = process.env['FLEXFERRY_TEST_GREP'];
  const mocha = new Mocha({
    ui: 'bdd',
    timeout: 30_000,
    color: false,
    ...(grep ? { grep: new RegExp(grep) } : {}),
    reporter: results === undefined ? 'spec' : LinesReporter,
  });
  const suites = readdirSync(join(__dirname, 'suite')).filter((file) => file.endsWith('.test.js'));
  for (const file of suites.sort()) mocha.addFile(join(__dirname, 'suite', file));
  return new Promise((resolve, reject) => {
    mocha.run((failures) => (failures > 0 ? reject(new Error(`${failures} tests failed`)) : resolve()));
  });
}
