/** What the end of a text is in the middle of. */
import { blockCommentEnd, dollarQuoteEnd, identifierEnd, isIdentifierStart, stringEnd } from './lexer.js';

/** In a body between dollar quotes the answer is that of the body, which is SQL in most of them. */
export function openElementAt(text: string): 'string' | 'comment' | undefined {
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    const next = text.charCodeAt(at + 1);
    let end = at + 1;
    if (code === 45 && next === 45) {
      end = text.indexOf('\n', at);
      if (end < 0) return 'comment';
    } else if (code === 47 && next === 42) {
      end = blockCommentEnd(text, at);
      if (end < 0) return 'comment';
    } else if (code === 39 || ((code === 69 || code === 101) && next === 39)) {
      end = code === 39 ? stringEnd(text, at, false) : stringEnd(text, at + 1, true);
      if (end < 0) return 'string';
    } else if (code === 34) {
      end = text.indexOf('"', at + 1) + 1;
      // A name that is being typed.
      if (end === 0) return undefined;
    } else if (code === 36) {
      end = dollarQuoteEnd(text, at);
      if (end < 0) return openElementAt(text.slice(text.indexOf('$', at + 1) + 1));
      if (end === at) end++;
    } else if (isIdentifierStart(code)) end = identifierEnd(text, at);
    at = end;
  }
  return undefined;
}
