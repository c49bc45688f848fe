import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { statementTextKey } from '../../../src/ddl/statementKey.js';

describe('statementTextKey', () => {
  it('is 32 hexadecimal digits and does not change with line ends', () => {
    const unix = "CREATE VIEW v AS\n SELECT '😀'\n;";
    assert.match(statementTextKey(unix), /^[0-9a-f]{32}$/);
    assert.equal(statementTextKey(unix.replaceAll('\n', '\r\n')), statementTextKey(unix));
  });

  it('tells every other difference', () => {
    const keys = ['SELECT 1;', 'SELECT 1 ;', 'select 1;', 'SELECT\n1;', 'SELECT\r1;', ''].map(
      statementTextKey,
    );
    assert.equal(new Set(keys).size, keys.length);
  });
});
