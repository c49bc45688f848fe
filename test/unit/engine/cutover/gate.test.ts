import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type GateInput, gateChecks, refusals } from '../../../../src/engine/cutover/gate.js';
import type { FollowSnapshot, GateCheck } from '../../../../src/protocol/follow.js';

const snapshot: FollowSnapshot = {
  state: 'following',
  appliedLsn: '0/1',
  sourceLsn: '0/1',
  lagBytes: 0,
  lagSeconds: 0,
  transactions: 1,
  changes: 1,
  transactionsPerSecond: 0,
  changesPerSecond: 0,
  appliedBytesPerSecond: 0,
  sourceBytesPerSecond: 0,
  fallingBehind: false,
  spooledBytes: 0,
  slot: { name: 'flexferry_1', retainedBytes: 100, walStatus: 'reserved' },
  stopped: [],
  newTables: [],
};
const fine: GateInput = {
  snapshot,
  findings: [],
  notValid: [],
  deferred: 0,
  different: [],
  gone: [],
  renamed: [],
  unpublished: [],
  notFollowed: [],
  unreadableSequences: [],
  missingSequences: [],
  fence: 'readOnly',
  fenceFacts: {
    isOwner: true,
    untouchableRoles: [],
    sessions: 3,
    unendable: [],
    prepared: 0,
    subscriptions: [],
  },
  wayBack: { refusals: [] },
};
const fault = { code: 'FF814', message: 'm', fix: 'f' } as const;
const table = { schema: 'shop', name: 'orders' };

function verdicts(change: Partial<GateInput>): Record<string, string> {
  return Object.fromEntries(gateChecks({ ...fine, ...change }).map(({ check, verdict }) => [check, verdict]));
}
const one = (check: GateCheck['check'], change: Partial<GateInput>): GateCheck => {
  const found = gateChecks({ ...fine, ...change }).find((c) => c.check === check);
  assert.ok(found);
  return found;
};

describe('the go/no-go list', () => {
  test('says go to everything where nothing is wrong', () => {
    assert.deepEqual(
      gateChecks(fine).map(({ check, verdict }) => `${check} ${verdict}`),
      [
        'lag go',
        'slot go',
        'stoppedTables go',
        'newTables go',
        'errors go',
        'constraints go',
        'differences go',
        'sequences go',
        'fence go',
        'wayBack go',
      ],
    );
    const { wayBack: _, ...without } = fine;
    assert.ok(!gateChecks(without).some(({ check }) => check === 'wayBack'));
  });

  const follow = (change: Partial<FollowSnapshot>): Partial<GateInput> => ({
    snapshot: { ...snapshot, ...change },
  });
  const facts = (change: Partial<GateInput['fenceFacts']>): Partial<GateInput> => ({
    fenceFacts: { ...fine.fenceFacts, ...change },
  });
  const cases: readonly [GateCheck['check'], Partial<GateInput>, GateCheck['verdict'], RegExp][] = [
    ['lag', follow({ lagSeconds: 61 }), 'noGo', /1 min 01 s .* behind/],
    ['lag', follow({ lagSeconds: 60 }), 'warn', /write downtime/],
    ['lag', follow({ lagSeconds: 3, fallingBehind: true }), 'noGo', /faster than the target/],
    ['lag', follow({ reconnecting: fault }), 'noGo', /made again/],
    [
      'slot',
      follow({ slot: { name: 's', retainedBytes: 1, walStatus: 'unreserved' } }),
      'warn',
      /may remove/,
    ],
    [
      'slot',
      follow({ slot: { name: 's', retainedBytes: 1, lostInSeconds: 100 } }),
      'warn',
      /within 1 min 40 s/,
    ],
    ['slot', follow({ slot: { name: 's', retainedBytes: 1, walStatus: 'lost' } }), 'noGo', /lost/],
    [
      'stoppedTables',
      follow({ stopped: [{ ...table, fault, waiting: 1, since: 1 }] }),
      'noGo',
      /shop\.orders/,
    ],
    ['newTables', follow({ newTables: [table] }), 'warn', /shop\.orders/],
    ['errors', { findings: [{ severity: 'error', object: 'view v', message: 'm' }] }, 'noGo', /view v/],
    ['errors', { findings: [{ severity: 'warning', message: 'left out' }] }, 'warn', /left out/],
    ['errors', { findings: [{ severity: 'note', message: 'm' }] }, 'go', /succeeded/],
    ['constraints', { notValid: ['constraint c on t'], deferred: 2 }, 'warn', /c on t\. 2 objects come/],
    ['differences', { different: [table] }, 'warn', /differed/],
    ['differences', { notFollowed: [table] }, 'warn', /not in the log/],
    [
      'sequences',
      { unreadableSequences: ['a', 'b', 'c', 'd', 'e', 'f', 'g'] },
      'warn',
      /a, b, c, d, e and 2 more/,
    ],
    ['sequences', { missingSequences: ['s.new'] }, 'warn', /not on the target: s\.new/],
    ['fence', facts({ isOwner: false }), 'noGo', /may not make/],
    ['fence', facts({ untouchableRoles: ['app'] }), 'noGo', /app/],
    ['fence', facts({ prepared: 1 }), 'noGo', /1 prepared transaction/],
    ['fence', { fence: 'none', ...facts({ prepared: 1 }) }, 'noGo', /prepared/],
    ['fence', facts({ subscriptions: ['sub'] }), 'noGo', /sub/],
    [
      'fence',
      facts({ unendable: [{ role: 'app', isSuperuser: false, count: 1 }] }),
      'noGo',
      /app cannot be ended/,
    ],
    ['fence', facts({ unendable: [{ role: 'root', isSuperuser: true, count: 1 }] }), 'warn', /root/],
    ['fence', { fence: 'none', ...facts({ isOwner: false }) }, 'warn', /3 sessions of others/],
    ['fence', { fence: 'none', ...facts({ sessions: 0 }) }, 'go', /Nobody else/],
    ['wayBack', { wayBack: { refusals: [{ message: 'No slot.', fix: 'Drop one.' }] } }, 'noGo', /No slot/],
  ];
  for (const [check, change, verdict, message] of cases)
    test(`${check}: ${verdict} ${message.source}`, () => {
      const found = one(check, change);
      assert.equal(found.verdict, verdict);
      assert.match(found.message, message);
      if (verdict === 'noGo') assert.ok(found.fix, 'what forbids says what to do');
      const others = Object.entries(verdicts(change)).filter(([name]) => name !== check);
      assert.ok(
        others.every(([, other]) => other === 'go'),
        'and no other check minds',
      );
    });

  test('only what forbids is a refusal', () => {
    const checks = gateChecks({ ...fine, ...follow({ lagSeconds: 100, newTables: [table] }) });
    assert.deepEqual(
      refusals(checks).map(({ check }) => check),
      ['lag'],
    );
  });
});
