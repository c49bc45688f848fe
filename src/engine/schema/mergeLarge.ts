/** Three-way merge of lists too long for one that compares everything with everything. */

export interface Parts {
  readonly a: readonly string[];
  readonly o: readonly string[];
  readonly b: readonly string[];
}

/**
 * Cuts what was merged into parts: those of `decided` are as they stay, the others are to be merged by themselves. Both
 * sides are compared with their origin `o`; where one has as many pieces as that but all of them differ (as after the
 * rename of a schema), they are taken for the same pieces in their order.
 */
export function* cutLarge(whole: Parts): Generator<{ decided: readonly string[] } | { open: Parts }> {
  for (const part of betweenStable(whole)) {
    if ('decided' in part || part.open.o.length + part.open.a.length < atOnce) yield part;
    else yield* pieceByPiece(part.open);
  }
}

/** Pieces of a part that is small enough to be merged as a whole. */
const atOnce = 1000;

function* betweenStable({ a, o, b }: Parts): ReturnType<typeof cutLarge> {
  const [inA, inB] = [align(o, a), align(o, b)];
  let [fromA, fromO, fromB] = [0, 0, 0];
  let stable: string[] = [];
  for (let at = 0; at <= o.length; at++) {
    const [toA, toB] = at < o.length ? [inA[at] ?? -1, inB[at] ?? -1] : [a.length, b.length];
    if (toA < 0 || toB < 0) continue;
    if (toA > fromA || at > fromO || toB > fromB) {
      if (stable.length > 0) yield { decided: stable };
      stable = [];
      yield decide({ a: a.slice(fromA, toA), o: o.slice(fromO, at), b: b.slice(fromB, toB) });
    }
    const piece = o[at];
    if (piece !== undefined) stable.push(piece);
    [fromA, fromO, fromB] = [toA + 1, at + 1, toB + 1];
  }
  if (stable.length > 0) yield { decided: stable };
}

function decide(open: Parts): { decided: readonly string[] } | { open: Parts } {
  const { a, o, b } = open;
  if (isEqual(a, o) || isEqual(a, b)) return { decided: b };
  return isEqual(b, o) ? { decided: a } : { open };
}

const isEqual = (x: readonly string[], y: readonly string[]): boolean =>
  x.length === y.length && x.every((piece, at) => piece === y[at]);

function* pieceByPiece(open: Parts): ReturnType<typeof cutLarge> {
  const { a, o, b } = open;
  const [inA, inB] = [align(o, a), align(o, b)];
  const kept = (matches: Int32Array): number => matches.reduce((n, place) => n + (place < 0 ? 0 : 1), 0);
  const swapped = kept(inB) > kept(inA);
  const [edited, parallel, matches] = swapped ? [b, a, inB] : [a, b, inA];
  if (parallel.length !== o.length) {
    yield { open };
    return;
  }
  let [from, fromO] = [0, 0];
  for (let at = 0; at <= o.length; at++) {
    const to = at < o.length ? (matches[at] ?? -1) : edited.length;
    if (to < 0) continue;
    if (to > from || at > fromO) {
      const mine = edited.slice(from, to);
      const other = parallel.slice(fromO, at);
      const part = { o: o.slice(fromO, at), ...(swapped ? { a: other, b: mine } : { a: mine, b: other }) };
      yield decide(part);
    }
    const piece = parallel[at];
    if (piece !== undefined) yield { decided: [piece] };
    [from, fromO] = [to + 1, at + 1];
  }
}

/**
 * For each piece of `o` the place of the same one in `x`, or -1; ascending. What begins or ends alike, then what occurs
 * once on each side, and so on between those: linear but for the sorting.
 */
export function align(o: readonly string[], x: readonly string[]): Int32Array {
  const places = new Int32Array(o.length).fill(-1);
  const open = [{ o0: 0, o1: o.length, x0: 0, x1: x.length }];
  for (let region = open.pop(); region !== undefined; region = open.pop()) {
    let { o0, o1, x0, x1 } = region;
    while (o0 < o1 && x0 < x1 && o[o0] === x[x0]) places[o0++] = x0++;
    while (o0 < o1 && x0 < x1 && o[o1 - 1] === x[x1 - 1]) places[--o1] = --x1;
    const anchors = commonOnce(o, x, { o0, o1, x0, x1 });
    if (anchors.length === 0) continue;
    for (const [atO, atX] of anchors) {
      places[atO] = atX;
      open.push({ o0, o1: atO, x0, x1: atX });
      [o0, x0] = [atO + 1, atX + 1];
    }
    open.push({ o0, o1, x0, x1 });
  }
  return places;
}

interface Region {
  readonly o0: number;
  readonly o1: number;
  readonly x0: number;
  readonly x1: number;
}

/** The longest ascending chain of pieces that occur once on each side. */
function commonOnce(
  o: readonly string[],
  x: readonly string[],
  { o0, o1, x0, x1 }: Region,
): [number, number][] {
  const inX = new Map<string, number>();
  for (let at = x0; at < x1; at++) {
    const piece = x[at] ?? '';
    inX.set(piece, inX.has(piece) ? -1 : at);
  }
  const inO = new Map<string, number>();
  for (let at = o0; at < o1; at++) {
    const piece = o[at] ?? '';
    inO.set(piece, inO.has(piece) ? -1 : at);
  }
  const pairs: [number, number][] = [];
  for (const [piece, atO] of inO) {
    const atX = inX.get(piece) ?? -1;
    if (atO >= 0 && atX >= 0) pairs.push([atO, atX]);
  }
  return longestChain(pairs);
}

/** Pairs ascend in their first number; gives a longest selection that ascends in the second, too. */
function longestChain(pairs: readonly [number, number][]): [number, number][] {
  const ends: number[] = [];
  const before = new Int32Array(pairs.length).fill(-1);
  const second = (at: number | undefined): number => pairs[at ?? -1]?.[1] ?? -1;
  for (let at = 0; at < pairs.length; at++) {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (second(ends[middle]) < second(at)) low = middle + 1;
      else high = middle;
    }
    before[at] = ends[low - 1] ?? -1;
    ends[low] = at;
  }
  const chain: [number, number][] = [];
  for (let at = ends.at(-1) ?? -1; at >= 0; at = before[at] ?? -1) {
    const pair = pairs[at];
    if (pair) chain.push(pair);
  }
  return chain.reverse();
}
