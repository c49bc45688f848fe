import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseCommand, usage } from '../../../src/cli/args.js';
import { commandOptions, options } from '../../../src/cli/options.js';
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
    for (const option of Object.keys(options).filter((name) => name !== 'help' && name !== 'version'))
      assert.ok(usage.includes(`--${option}`), option);
    for (const command of Object.keys(commandOptions))
      assert.match(usage, new RegExp(`^  ${command}\\b`, 'm'));
    for (const code of [0, 1, 2, 3, 4]) assert.match(usage, new RegExp(`^ {2}${code} {2}\\S`, 'm'));
    assert.ok(usage.split('\n').every((line) => line.length <= 110));
  });
});

describe('an online migration', () => {
  const pair = { source: 'postgresql://a:geheim@h/d', target: 'postgresql://b:geheim@h/d' };
  test('clone and run take what is about following', () => {
    const given = [
      '--endpos',
      '16/b374d848',
      '--way-back',
      '--on-failure=run',
      '--identity-full',
      '--ddl-trigger',
    ];
    const online = {
      endpos: '16/B374D848',
      wayBack: true,
      onFailure: 'run',
      identityFull: true,
      ddlTrigger: true,
    };
    const clone = parseCommand(['clone', ...both, '--online', ...given]);
    assert.ok(clone.command === 'clone');
    assert.deepEqual(clone.online, online);
    assert.deepEqual(parseCommand(['clone', ...both, '--online']), {
      ...parseCommand(['clone', ...both]),
      online: {},
    });
    const run = parseCommand(['run', 'p.json', ...given]);
    assert.ok(run.command === 'run');
    assert.deepEqual(run.online, online);
    const current = parseCommand(['clone', ...both, '--online', '--endpos', 'current']);
    assert.ok(current.command === 'clone');
    assert.deepEqual(current.online, { endpos: 'current' });
  });
  test('follow goes on with what there is, or takes a slot and publications', () => {
    const follow = parseCommand(['follow', ...both, '--endpos=0/1', '--schema', 'a', '--jobs', '2']);
    assert.ok(follow.command === 'follow');
    assert.deepEqual([follow.online, follow.schemas, follow.options.jobs], [{ endpos: '0/1' }, ['a'], 2]);
    const own = parseCommand([
      'follow',
      ...both,
      '--skip-copy',
      '--slot',
      's',
      '--publication',
      'p',
      '--publication',
      'q',
    ]);
    assert.ok(own.command === 'follow');
    assert.deepEqual(own.online, { skipCopy: { slot: 's', publications: ['p', 'q'] } });
    assert.match(refusal('follow', ...both, '--skip-copy', '--publication', 'p'), /--skip-copy needs --slot/);
    assert.match(refusal('follow', ...both, '--skip-copy', '--slot', 's'), /--skip-copy needs --publication/);
    assert.match(refusal('follow', ...both, '--slot', 's'), /--slot needs --skip-copy/);
    assert.match(refusal('follow', ...both, '--publication', 's'), /--publication needs --skip-copy/);
    assert.match(refusal('follow', ...both, '--restart'), /--restart does not go with follow/);
  });
  test('cutover', () => {
    const plain = {
      command: 'cutover',
      ...pair,
      verify: 'sample',
      hold: false,
      force: false,
      wayBack: false,
      yes: false,
    };
    assert.deepEqual(parseCommand(['cutover', ...both]), plain);
    assert.deepEqual(
      parseCommand([
        'cutover',
        ...both,
        '--fence',
        'read-only',
        '--verify=full',
        '--hold',
        '--force',
        '--way-back',
        '--yes',
      ]),
      { ...plain, fence: 'readOnly', verify: 'full', hold: true, force: true, wayBack: true, yes: true },
    );
    assert.deepEqual(parseCommand(['cutover', ...both, '--fence=none']), { ...plain, fence: 'none' });
    for (const answer of ['confirm', 'undo'] as const)
      assert.deepEqual(parseCommand(['cutover', ...both, `--${answer}`]), { ...plain, answer });
    assert.match(refusal('cutover', ...both, '--undo', '--confirm'), /--confirm does not go with --undo/);
    assert.match(refusal('cutover', ...both, '--undo', '--force'), /--undo does not go with --force/);
    assert.match(refusal('cutover', ...both, '--fence', 'readOnly'), /--fence is none or read-only/);
    assert.match(refusal('cutover', ...both, '--verify', 'geheim'), /--verify is full, sample or none/);
    assert.match(refusal('cutover', '--source', 'geheim'), /cutover needs --target/);
  });
  test('what else is asked of a run', () => {
    for (const command of ['cancel', 'finish'] as const)
      assert.deepEqual(parseCommand([command, ...both]), {
        command: 'request',
        ...pair,
        request: { command },
      });
    assert.deepEqual(parseCommand(['add-tables', ...both]), {
      command: 'request',
      ...pair,
      request: { command: 'addTables' },
    });
    for (const command of ['retry', 'skip'] as const) {
      const request = { command, schema: 'public', name: 'Odd.name' };
      assert.deepEqual(parseCommand([command, ...both, '--table', 'public."Odd.name"']), {
        command: 'request',
        ...pair,
        request,
      });
      for (const table of [[], ['--table', ''], ['--table', 'geheim'], ['--table', 'a.b.c']])
        assert.match(refusal(command, ...both, ...table), /needs --table schema.name/);
    }
    assert.deepEqual(parseCommand(['status', ...both, '--json']), { command: 'status', ...pair, json: true });
    assert.deepEqual(parseCommand(['cleanup', ...both]), { command: 'cleanup', ...pair, cancel: false });
    assert.deepEqual(parseCommand(['cleanup', '--cancel', ...both]), {
      command: 'cleanup',
      ...pair,
      cancel: true,
    });
  });
  test('options that have nothing to do with the command', () => {
    assert.match(refusal('clone', ...both, '--endpos', '0/1'), /--endpos needs --online/);
    assert.match(refusal('clone', ...both, '--way-back'), /--way-back needs --online/);
    assert.match(refusal('clone', ...both, '--online', '--endpos', 'now'), /--endpos is a position such as/);
    assert.match(
      refusal('clone', ...both, '--online', '--on-failure', 'geheim'),
      /--on-failure is table or run/,
    );
    assert.match(refusal('clone', ...both, '--skip-copy'), /--skip-copy does not go with clone/);
    assert.match(refusal('run', 'p.json', '--online'), /stands in the project file/);
    assert.match(refusal('status', ...both, '--yes'), /--yes does not go with status/);
    assert.match(refusal('cleanup', ...both, '--table', 'geheim'), /--table does not go with cleanup/);
    assert.match(refusal('cancel', 'extra', ...both), /cancel takes options only/);
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
