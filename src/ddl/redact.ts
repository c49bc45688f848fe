import { lineEnd } from './lexer.js';
import { tokensOf } from './tokens.js';

/** Stands in the files in place of a password. */
export const masked = "'********'";
const quickLook = /options|connection|password/i;
/** Options of postgres_fdw, its relatives and CREATE ROLE whose value is a secret. */
export const secretOption =
  /^"?(?:.*_)?(?:password|passcode|passwd|pwd|secret|sslpassword|token|key|apikey|passfile)"?$/i;

/**
 * The statement with every password in it masked: OPTIONS of servers, user mappings and foreign tables, the
 * CONNECTION of a subscription, PASSWORD of a role. Texts without any come back as they are.
 */
export function redact(text: string): string {
  if (
    !quickLook.test(text) ||
    !/^\s*(create|alter|import)\s+(server|user|subscription|role|group|foreign)\b/i.test(text)
  ) {
    return text;
  }
  let tokens: ReturnType<typeof tokensOf>;
  try {
    tokens = tokensOf(text);
  } catch {
    // It cannot be told what is a secret in a text that cannot be read: keep the first line up to any quote.
    const [line = ''] = text.slice(0, lineEnd(text, 0)).split("'", 1);
    return `${line}${masked}`;
  }
  let result = '';
  let from = 0;
  for (const [index, token] of tokens.entries()) {
    if (!/^(?:[eEnN]|[uU]&)?'|^\$/.test(token.text)) continue;
    const before = tokens[index - 1];
    const isSecret = before !== undefined && (secretOption.test(before.text) || before.word === 'CONNECTION');
    if (!isSecret) continue;
    result += `${text.slice(from, token.start)}${masked}`;
    from = token.end;
  }
  return result + text.slice(from);
}

/** The message of a syntax error without the token that it repeats, where that may be a password. */
export function redactSyntaxError(message: string, sql: string): string {
  return /passw|passphrase|passcode|pwd|secret|token|key/i.test(sql)
    ? message.replace(/ at or near "[\s\S]*$/, '')
    : message;
}
