import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  forReadOnly,
  inWordsOfMigration,
  stepInWordsOfMigration,
} from '../../../../src/engine/online/wayBackWords.js';
import { cutover, follow, stoppedTable } from '../../../support/followed.js';

test('source and target are exchanged in what is said, not in names', () => {
  const detail = (text: string) =>
    stepInWordsOfMigration({ step: 'fence', state: 'done', detail: text }).detail;
  assert.equal(detail('The source is read-only.'), 'The target is read-only.');
  assert.equal(
    detail('Applications belong to the target again.'),
    'Applications belong to the source again.',
  );
  assert.equal(
    detail('Source and target differ in table the.source.'),
    'Source and target differ in table the.source.',
  );
  assert.equal(
    detail('The source and the target of shop.target'),
    'The target and the source of shop.target',
  );
  const step = { step: 'gate', state: 'running' } as const;
  assert.equal(stepInWordsOfMigration(step), step);
});

test('a way back tells of the cutover before it until there is one back', () => {
  const forward = cutover(8, { downtimeMs: 700 });
  assert.deepEqual(inWordsOfMigration(follow(), forward).cutover, forward);
  const back = cutover(1, {
    checks: [{ check: 'lag', verdict: 'noGo', message: 'The target is late.', fix: 'Look at the source.' }],
    fault: { code: 'FF840', message: 'The target is late.', fix: 'Wait for the source.' },
  });
  const told = inWordsOfMigration(follow({ cutover: back }), forward).cutover;
  const { fault: _, ...takenBack } = back;
  assert.deepEqual(
    inWordsOfMigration(follow({ state: 'wayBack', cutover: takenBack }), forward).cutover,
    forward,
  );
  assert.ok(inWordsOfMigration(follow({ state: 'wayBack', cutover: back }), forward).cutover?.fault);
  assert.notDeepEqual(
    inWordsOfMigration(follow({ state: 'holding', cutover: takenBack }), forward).cutover,
    forward,
  );
  assert.deepEqual(told?.checks, [
    { check: 'lag', verdict: 'noGo', message: 'The source is late.', fix: 'Look at the target.' },
  ]);
  assert.deepEqual(told?.fault, {
    code: 'FF840',
    message: 'The source is late.',
    fix: 'Wait for the target.',
  });
});

test('faults of tables and of connections', () => {
  const fault = { code: 'FF115', message: 'the connection to the source was lost', fix: '' } as const;
  const said = follow({
    reconnecting: fault,
    stopped: [
      stoppedTable('t', {
        fault: { code: 'FF816', message: 'changed on the source', fix: 'run it on the target' },
      }),
    ],
  });
  const { reconnecting, stopped } = inWordsOfMigration(said);
  assert.equal(reconnecting?.message, 'the connection to the target was lost');
  assert.deepEqual(
    stopped.map((table) => [table.fault.message, table.fault.fix]),
    [['changed on the target', 'run it on the source']],
  );
});

test('DDL for an old source makes its transaction read-write first', () => {
  assert.equal(forReadOnly(stoppedTable('t')).ddl, undefined);
  assert.match(
    forReadOnly(stoppedTable('t', { ddl: 'ALTER TABLE t ADD c int;\n' })).ddl ?? '',
    /^SET default_transaction_read_only = off;\nSET TRANSACTION READ WRITE;\nALTER TABLE t ADD c int;\n$/,
  );
});
