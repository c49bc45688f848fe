import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { classifyDump } from '../../../src/ddl/classify.js';
import { applyRules, type TargetFacts } from '../../../src/ddl/flexibleServerRules.js';
import { loadParser } from '../../../src/ddl/parser.js';
import { defaultExtensions } from '../../support/postgres/twin.js';
import { permitted, refusals } from '../../support/postgres/twinRules.js';

const twin: TargetFacts = {
  versionNum: 170004,
  isFlexibleServer: true,
  allowedExtensions: defaultExtensions,
  availableExtensions: new Set([...defaultExtensions, 'file_fdw', 'lo']),
  roles: Object.assign(new Set<string>(), { has: () => true }),
};

/** Not of the kind that a file of DDL holds: who one is, what one sets for oneself, who one is a member of. */
const elsewhere = /^(becoming azuresu|an unlisted extension created inside DO|handing public)/;

before(() => loadParser());

describe('what the twin refuses', () => {
  for (const { what, sql } of refusals) {
    if (elsewhere.test(what)) continue;
    it(`the rules know: ${what}`, () => {
      const verdicts = classifyDump(sql).map((statement) => applyRules(statement, twin));
      assert.ok(verdicts.some(({ finding, onFailure }) => (finding ?? onFailure) !== undefined));
    });
  }
});

describe('what the twin permits', () => {
  for (const { what, sql } of permitted) {
    it(`the rules let run: ${what}`, () => {
      const left = classifyDump(sql).filter((statement) => {
        const { action, text } = applyRules(statement, { ...twin, publications: true });
        return action === 'skip' || text !== undefined;
      });
      assert.deepEqual(
        left.map(({ text }) => text),
        [],
      );
    });
  }
});
