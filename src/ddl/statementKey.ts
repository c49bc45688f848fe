/** What a statement is recognised by in states and context.json; the extension checks references by it, too. */
export { statementTextKey } from '../protocol/statementKey.js';
