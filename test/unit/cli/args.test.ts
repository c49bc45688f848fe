import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseCommand, usage } from '../../../src/cli/args.js';
import { Fault } from '../../../src/engine/errors/fault.js';
import { defaultOptions } from '../../../src/protocol/project.js';

const both = ['--source', 'postgresql://a:geheim@h/d', '--target', 'postgresql://b:geheim@h/d'];

function refusal(...args: string[]): string {
  try {
    parseCommand(args);
  } catch (error) {
    assert.ok(error instanceof Fault && error.code === 'FF702', String(error));
    assert.ok(!error.message.includes('geheim'), 'repeats a value');
    assert.ok(!error.message.includes('\n'), 'one line');
    return error.message;
  }
  assert.fail(`accepted: ${args.join(' ')}`);
}

describe('what is understood', () => {
  test('clone with all its options', () => {
    const command = parseCommand([
      'clone',
      ...both,
      '--jobs=8',
      '--index-jobs',
      '2',
      '--schema',
      'a',
      '--schema=b c',
      '--exclude-schema',
      'c',
      '--dump-tool',
      'builtin',
      '--restart',
      '--report',
      'out',
      '--json',
      '--yes',
    ]);
    assert.deepEqual(command, {
      command: 'clone',
      source: 'postgresql://a:geheim@h/d',
      target: 'postgresql://b:geheim@h/d',
      schemas: ['a', 'b c'],
      excludeSchemas: ['c'],
      options: { ...defaultOptions, jobs: 8, indexJobs: 2, dumpTool: 'builtin', acceptNonEmptyTarget: true },
      restart: true,
      report: 'out',
      json: true,
      yes: true,
    });
  });
  test('defaults', () => {
    const command = parseCommand(['clone', ...both]);
    assert.ok(command.command === 'clone');
    assert.deepEqual(command.options, {
      jobs: 4,
      indexJobs: 4,
      dumpTool: 'auto',
      acceptNonEmptyTarget: false,
      owners: 'target',
      roles: {},
      createRoles: false,
      extensions: true,
      grants: true,
      comments: true,
      publications: false,
      tablespaces: false,
    });
    assert.deepEqual(
      [command.json, command.restart, command.yes, command.report],
      [false, false, false, undefined],
    );
  });
  test('run, help and version, wherever they stand', () => {
    assert.deepEqual(parseCommand(['run', 'x.flexferry.json', '--json']), {
      command: 'run',
      project: 'x.flexferry.json',
      restart: false,
      json: true,
      yes: false,
    });
    assert.deepEqual(parseCommand(['ddl', 'x.flexferry.json']), {
      command: 'ddl',
      project: 'x.flexferry.json',
      json: false,
    });
    for (const args of [[], ['help'], ['--help'], ['-h'], ['clone', '--help'], ['run', '-h']])
      assert.equal(parseCommand(args).command, 'help');
    assert.equal(parseCommand(['--version']).command, 'version');
    assert.equal(parseCommand(['-v']).command, 'version');
  });
  test('the usage names every option and every exit code', () => {
    for (const option of [
      'source',
      'target',
      'jobs',
      'index-jobs',
      'schema',
      'exclude-schema',
      'dump-tool',
      'restart',
      'report',
      'json',
      'yes',
    ])
      assert.ok(usage.includes(`--${option}`), option);
    for (const code of [0, 1, 2, 3, 4]) assert.match(usage, new RegExp(`^ {2}${code} {2}\\S`, 'm'));
    assert.ok(usage.split('\n').every((line) => line.length <= 110));
  });
});

describe('what is not', () => {
  test('commands', () => {
    assert.match(refusal('copy', ...both), /clone, ddl or run/);
    assert.match(refusal('--json'), /A command is missing/);
    assert.match(refusal('clone', 'extra', ...both), /options only/);
    assert.match(refusal('run'), /one project file/);
    assert.match(refusal('run', 'a', 'b'), /one project file/);
    assert.match(refusal('ddl'), /ddl needs one project file/);
  });
  test('options', () => {
    assert.match(refusal('clone', ...both, '--parallel', '4'), /--parallel is not known/);
    assert.match(refusal('clone', ...both, '--jobs'), /--jobs lacks its value/);
    assert.match(refusal('clone', ...both, '--json=geheim'), /--json lacks its value or has one too many/);
    assert.match(refusal('clone', '--source', 'geheim'), /needs --target/);
    assert.match(refusal('clone', '--target', 'geheim'), /needs --source/);
    assert.match(refusal('clone', '--source', '', '--target', ''), /needs --source/);
    assert.match(refusal('run', 'p.json', '--jobs', '2'), /--jobs belongs in the project file/);
    assert.match(refusal('run', 'p.json', '--source', 'geheim'), /--source belongs in the project file/);
    assert.match(refusal('ddl', 'p.json', '--jobs', '2'), /--jobs belongs in the project file/);
    for (const option of ['--restart', '--yes', '--report=x'])
      assert.match(refusal('ddl', 'p.json', option), /does not go with ddl/, option);
  });
  test('values', () => {
    for (const jobs of ['0', '65', '1.5', '-1', 'four', '', '1e9', 'NaN'])
      assert.match(
        refusal('clone', ...both, `--jobs=${jobs}`),
        /--jobs is a whole number from 1 to 64/,
        jobs,
      );
    assert.match(refusal('clone', ...both, '--index-jobs=none'), /--index-jobs is a whole number/);
    assert.match(refusal('clone', ...both, '--dump-tool', 'geheim'), /auto, native or builtin/);
  });
});
