/**
 * A SQL file that is being edited: its statements, classified, of which an edit costs only those that it touches.
 * Holds no text and no parse tree for a statement, so that memory is bounded by their number.
 */
import type { StatementKey } from '../protocol/ddl.js';
import { classifyAll } from './classify.js';
import { conflictMarkerEnd } from './documentConflicts.js';
import { brokenStatementEnd } from './documentRecovery.js';
import { nextStatement, type RawStatement } from './split.js';
import type { Statement } from './statement.js';
import { statementTextKey } from './statementKey.js';

/** A statement without its text. The object stays the same while the text does; only its offsets move. */
export interface Entry {
  /** UTF-16 offsets in {@link DdlDocument.text}. */
  start: number;
  end: number;
  /** Everything of the statement but text and offsets. Absent: not looked at, see {@link DdlDocument.isLarge}. */
  readonly known?: Omit<Statement, 'text' | 'start' | 'end'>;
  /** It is too long to be parsed. */
  readonly tooLong?: true;
  /** How many characters from its start decided where it ends, where those are more than its own. */
  reach?: number;
  key?: StatementKey;
}

/** Above this (UTF-16 units) only statements that are edited are looked at. */
export const largeDocument = 24 << 20;
/** Parsing takes about fifty times the memory of the text. UTF-16 units. */
export const longestStatement = 2 << 20;
/** How many statements behind an edit of a large document are looked at, at least. */
const editedStatements = 1000;
/** How much text may be read again because of broken statements, in lengths of the document. */
const rereads = 4;

export class DdlDocument {
  text = '';
  entries: readonly Entry[] = [];
  /** Counts the changes that were taken in. */
  revision = 0;
  /** Characters at both ends that are as they were when the text was last taken in. */
  #prefix = 0;
  #suffix = 0;
  #length = 0;
  #begun = false;

  get isLarge(): boolean {
    return this.text.length > largeDocument;
  }

  /** Notes that `inserted` characters replaced those from `start` to `end`; {@link update} takes the text in. */
  changed(start: number, end: number, inserted: number): void {
    if (!this.#begun) return;
    this.#prefix = Math.min(this.#prefix, start);
    this.#suffix = Math.min(this.#suffix, this.#length - end);
    this.#length += inserted - (end - start);
  }

  /**
   * Takes in the text that all noted changes led to. To be called to its end: it yields after every few dozen
   * statements, so that others have their turn; changes noted meanwhile belong to the next call.
   */
  *update(text: string): Generator<void> {
    const old = this.entries;
    const isNew = !this.#begun;
    const prefix = Math.min(this.#prefix, text.length);
    const suffix = Math.min(this.#suffix, text.length - prefix, this.text.length - prefix);
    this.#begun = true;
    this.#prefix = this.#suffix = this.#length = text.length;
    const delta = text.length - this.text.length;
    const work = new Splitting(text, isNew);
    // One before the first that is touched: its end may have been found by what follows it.
    const touched = Math.max(0, firstEndingAt(old, prefix) - 1);
    const changed = old.findIndex(
      (entry, index) =>
        index < touched &&
        entry.reach !== undefined &&
        entry.start + entry.reach >= prefix &&
        !work.stillEnds(entry, old[index - 1]?.end ?? 0),
    );
    const first = changed < 0 ? touched : changed;
    work.from(old[first - 1]?.end ?? 0, new Reuse(this.text, old, first));
    // What stands behind the edit is the same once a statement ends where one ended before.
    const behind = firstStartingAt(old, this.text.length - suffix);
    let synchronised = old.length;
    const reached = (end: number): boolean => {
      const index = firstEndingAt(old, end - delta);
      if (index < behind || old[index]?.end !== end - delta) return false;
      synchronised = index + 1;
      return true;
    };
    while (work.next(reached)) yield;
    const tail = old.slice(synchronised);
    for (const entry of tail) {
      entry.start += delta;
      entry.end += delta;
    }
    this.entries = [...old.slice(0, first), ...work.entries, ...tail];
    this.text = text;
    this.revision++;
  }

  textOf(entry: Entry): string {
    return this.text.slice(entry.start, entry.end);
  }

  keyOf(entry: Entry): StatementKey {
    entry.key ??= statementTextKey(this.textOf(entry));
    return entry.key;
  }

  /** Undefined where it was not looked at. */
  statementOf(entry: Entry): Statement | undefined {
    const { known, start, end } = entry;
    return known && ({ ...known, start, end, text: this.textOf(entry) } as Statement);
  }

  /** The statement at an offset, or the one that ends there. */
  entryAt(offset: number): Entry | undefined {
    const entry = this.entries[firstEndingAt(this.entries, offset)];
    const next = this.entries[firstStartingAt(this.entries, offset)];
    if (next !== undefined && next.start === offset) return next;
    return entry !== undefined && entry.start <= offset ? entry : undefined;
  }

  /** Entries that share at least one place with a range. */
  *entriesIn(start: number, end: number): Generator<Entry> {
    for (let index = firstEndingAt(this.entries, start); index < this.entries.length; index++) {
      const entry = this.entries[index];
      if (entry === undefined || entry.start > end) return;
      yield entry;
    }
  }
}

/** Splits and classifies from one place on. */
class Splitting {
  readonly entries: Entry[] = [];
  #group = 1;
  #budget: number;
  /** How many statements are looked at. */
  readonly #checked: number;

  #at = 0;
  #reuse: Reuse | undefined;

  constructor(
    private readonly text: string,
    isNew: boolean,
  ) {
    this.#budget = rereads * text.length + longestStatement;
    this.#checked = text.length <= largeDocument ? Number.POSITIVE_INFINITY : isNew ? 0 : editedStatements;
  }

  from(at: number, reuse: Reuse): void {
    this.#at = at;
    this.#reuse = reuse;
  }

  /** Is a broken statement, whose end was found by what follows it, to be cut at the same place again? */
  stillEnds(entry: Entry, from: number): boolean {
    const raw = this.#raw(from);
    const [again] = raw === undefined ? [] : this.#entriesFor([raw]);
    if (raw === undefined || again === undefined || raw.start !== entry.start) return false;
    if (this.#brokenEnd(raw, again) !== entry.end) return false;
    entry.reach = raw.text.length;
    return true;
  }

  /** Some more statements; false at the end, or where `reached` says that the rest is known. */
  next(reached: (end: number) => boolean): boolean {
    const raws: RawStatement[] = [];
    for (let length = 0, at = this.#at; raws.length < this.#group && length < 64 * 1024; ) {
      const raw = this.#raw(at);
      if (raw === undefined) break;
      raws.push(raw);
      at = raw.end;
      length += raw.text.length;
    }
    // The first statements after an edit are few, those of a new file many.
    this.#group = Math.min(64, this.#group * 2);
    for (const [index, entry] of this.#entriesFor(raws).entries()) {
      const raw = raws[index];
      const end = raw === undefined ? undefined : this.#brokenEnd(raw, entry);
      if (raw !== undefined && end !== undefined) {
        this.#budget -= raw.text.length;
        const cut = { ...raw, text: this.text.slice(raw.start, end), end, unterminated: true as const };
        for (const part of this.#entriesFor([cut])) this.entries.push({ ...part, reach: raw.text.length });
        this.#at = end;
        return true;
      }
      this.entries.push(entry);
      this.#at = entry.end;
      if (reached(entry.end)) return false;
    }
    return raws.length > 0;
  }

  /** Lines of merge conflicts stand between statements as comments do. */
  #raw(start: number): RawStatement | undefined {
    for (let at = start; ; ) {
      const raw = nextStatement(this.text, at);
      const marker = raw === undefined ? undefined : conflictMarkerEnd(this.text, raw.start);
      if (marker === undefined) return raw;
      at = marker;
    }
  }

  /** Where a statement should have ended whose quote or parenthesis swallows those behind it. */
  #brokenEnd(raw: RawStatement, entry: Entry): number | undefined {
    const isBroken =
      raw.unterminated === true || entry.tooLong === true || entry.known?.parseError !== undefined;
    if (!isBroken || raw.text.length > this.#budget) return undefined;
    const length = brokenStatementEnd(raw.text);
    return length === undefined ? undefined : raw.start + length;
  }

  #entriesFor(raws: readonly RawStatement[]): Entry[] {
    if (this.entries.length >= this.#checked) return raws.map(({ start, end }) => ({ start, end }));
    const reused = raws.map((raw) => this.#reuse?.take(raw));
    const fresh = raws.filter(
      (raw, index) => reused[index] === undefined && raw.text.length <= longestStatement,
    );
    const statements = classifyAll(fresh).values();
    return raws.map((raw, index) => {
      const { start, end } = raw;
      const same = reused[index];
      if (same !== undefined) return { ...same, start, end };
      if (raw.text.length > longestStatement) return { start, end, tooLong: true };
      const statement = statements.next().value;
      return statement === undefined ? { start, end } : { start, end, known: withoutText(statement) };
    });
  }
}

/** Statements whose text is as it was need not be parsed again, wherever they went. */
class Reuse {
  #byText: Map<string, Entry> | undefined;
  #asked = 0;

  constructor(
    private readonly before: string,
    private readonly old: readonly Entry[],
    private readonly first: number,
  ) {}

  take({ text, tocComment, unterminated }: RawStatement): Omit<Entry, 'start' | 'end'> | undefined {
    // Parsing a few again is faster than looking for them.
    if (this.old.length === 0 || ++this.#asked < 16) return undefined;
    this.#byText ??= new Map(
      this.old.slice(this.first).map((entry) => [this.before.slice(entry.start, entry.end), entry]),
    );
    const found = this.#byText.get(text);
    if (found?.known === undefined) return undefined;
    const { known, key } = found;
    if (known.tocComment?.name !== tocComment?.name || known.tocComment?.type !== tocComment?.type)
      return undefined;
    if (known.unterminated !== unterminated) return undefined;
    return { known, ...(key !== undefined && { key }) };
  }
}

function withoutText(statement: Statement): Omit<Statement, 'text' | 'start' | 'end'> {
  const { text: _text, start: _start, end: _end, ...known } = statement;
  // Pieces cut out of the file keep the whole file in memory: those of headers and of what nobody knows are such.
  if (known.tocComment === undefined && known.kind !== 'other') return known;
  return structuredClone(known);
}

/** The index of the first entry that ends at an offset or behind it. */
function firstEndingAt(entries: readonly Entry[], offset: number): number {
  return lowerBound(entries, (entry) => entry.end >= offset);
}

/** The index of the first entry that starts at an offset or behind it. */
function firstStartingAt(entries: readonly Entry[], offset: number): number {
  return lowerBound(entries, (entry) => entry.start >= offset);
}

function lowerBound(entries: readonly Entry[], holds: (entry: Entry) => boolean): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const entry = entries[middle];
    if (entry !== undefined && holds(entry)) high = middle;
    else low = middle + 1;
  }
  return low;
}
