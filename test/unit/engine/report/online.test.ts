import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onlineSection } from '../../../../src/engine/report/online.js';
import { cutover, follow, stoppedTable } from '../../../support/followed.js';

/** Text of the section without markup. */
const textOf = (html: string): string =>
  html
    .replace(/<wbr>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');

test('an offline database has no such section', () => {
  assert.equal(onlineSection(undefined), '');
});

test('what was applied, and how far it was behind when the run ended', () => {
  const text = textOf(onlineSection(follow()));
  assert.match(text, /no cutover was done/);
  assert.match(text, /480 changes of 120 transactions applied, up to 16\/B374D848/);
  assert.match(text, /Behind by 0\.4 s, 12\.4 kB of log/);
});

test('the evidence of a cutover: measured downtime, each step with its time, where to connect, what to do', () => {
  const text = textOf(
    onlineSection(
      follow({
        state: 'finished',
        cutover: cutover(8, {
          downtimeMs: 1740,
          checks: [
            { check: 'lag', verdict: 'go', message: 'The target is 0.4 s behind.' },
            { check: 'newTables', verdict: 'warn', message: '1 table is new.', fix: 'Add it.' },
          ],
          handOver: { connection: 'host=two dbname=shop', todo: ['Tell the applications.'] },
        }),
      }),
    ),
  );
  assert.match(text, /Write downtime, measured: 1\.7 s, from the fence of the source to the hand-over/);
  assert.match(text, /Fence the source done did fence 1970-01-01 00:00:01 UTC 0\.5 s/);
  assert.match(text, /warning 1 table is new\. Add it\./);
  assert.match(text, /Applications connect to host=two dbname=shop Tell the applications\./);
  assert.doesNotMatch(text, /Behind by/);
});

test('a cutover that was refused or taken back says so', () => {
  const base = cutover(2);
  const steps = base.steps.map((step) =>
    step.state === 'done' ? { ...step, state: 'undone' as const } : step,
  );
  const fault = { code: 'FF814', message: 'no <go>', fix: 'Look at the list.' } as const;
  const html = onlineSection(follow({ cutover: { ...base, steps, fault } }));
  assert.match(html, /no &lt;go&gt;/);
  assert.match(textOf(html), /Check taken back/);
});

test('a cutover back says which way it went', () => {
  const back = cutover(8, { downtimeMs: 900, handOver: { connection: 'host=one', todo: [] } });
  const went = textOf(
    onlineSection(follow({ state: 'finished', isWayBack: true, wentBack: true, cutover: back })),
  );
  assert.match(went, /Applications are on the source again/);
  assert.match(went, /from the fence of the target to the hand-back/);
  assert.match(went, /Cutover back to the source .* Fence the target done .* Hand back done/);
  const forward = cutover(8, { downtimeMs: 1700, handOver: { connection: 'host=two', todo: [] } });
  const both = textOf(
    onlineSection(follow({ state: 'finished', isWayBack: true, wentBack: true, cutover: back, forward })),
  );
  assert.match(
    both,
    /measured: 1\.7 s, from the fence of the source to the hand-over\. .*measured: 0\.9 s, from the fence of the target/,
  );
  assert.match(both, /Cutover Step .* Hand over done .* Cutover back to the source .* Hand back done/);
  assert.doesNotMatch(both, /host=two/);
  const followed = textOf(onlineSection(follow({ state: 'wayBack', isWayBack: true, cutover: back })));
  assert.match(followed, /from the fence of the source to the hand-over/);
});

test('tables whose changes wait are named with their reason', () => {
  const text = textOf(onlineSection(follow({ stopped: [stoppedTable('orders <x>')] })));
  assert.match(
    text,
    /public\.orders &lt;x&gt; 1970-01-01 00:00:01 UTC 3 FF814: A row of orders &lt;x&gt; differs/,
  );
});

test('DDL that was seen on the source, and what to do about it', () => {
  const last = [{ command: 'DROP TABLE', object: 'public."<x>"', at: 0, lsn: '0/1' }];
  const html = onlineSection(follow({ ddlSeen: { total: 120, last, done: 7 } }));
  assert.match(html, /public\."?(&quot;)?&lt;x&gt;/);
  assert.match(
    textOf(html),
    /120 commands since the start; the last 1; 7 marked as dealt with\. It is not followed: run the same on/,
  );
});
