import pg from 'pg';
import type { Random } from './random.js';

const odd = [
  'plain',
  'Select',
  'two words',
  'quo"te',
  "apos'trophe",
  'back\\slash',
  'dot.ted',
  'semi;colon',
  '$1',
  '%s %I',
  '?',
  ':x',
  '{brace}',
  '(paren)',
  'ünïcode',
  '名前',
  '🚚 lorry',
  'tab\tbed',
  'new\nline',
  '--comment',
  '/*',
  'null',
  'x'.repeat(60),
  '名'.repeat(20),
];

/** Makes names that nobody should have, each once: quoted, 63 bytes at most. */
export class Names {
  #made = 0;

  constructor(private readonly random: Random) {}

  next(hint: string): string {
    this.#made += 1;
    const name = this.random.chance(0.4) ? hint : this.random.pick(odd);
    const suffix = String(this.#made);
    const room = 63 - suffix.length;
    let cut = name;
    while (Buffer.byteLength(cut) > room) cut = [...cut].slice(0, -1).join('');
    // The longest names fill all 63 bytes.
    const filler = name.length >= 20 ? '_'.repeat(room - Buffer.byteLength(cut)) : '';
    return pg.escapeIdentifier(`${cut}${filler}${suffix}`);
  }
}
