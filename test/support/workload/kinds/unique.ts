import { type Kind, move, newColumns, newName, type Place } from '../model.js';
import type { Random } from '../random.js';

const space = 30;

/** Secondary unique keys whose values wander between rows. */
export const swapped: Kind = {
  name: 'swapped',
  make: (place) => {
    const { major, names, random } = place;
    const name = newName(place, 'swapped');
    const [id, u, d, a, b, t] = newColumns(place, 'id', 'u', 'd', 'a', 'b', 't');
    const deferred = random.chance(0.5) ? 'DEFERRED' : 'IMMEDIATE';
    const nulls = major >= 15 && random.chance(0.5) ? 'NULLS NOT DISTINCT' : '';
    const ddl = [
      `CREATE TABLE ${name} (${id} int PRIMARY KEY, ${u} int UNIQUE, ${d} numeric UNIQUE DEFERRABLE INITIALLY ${deferred},
         ${a} int, ${b} text, ${t} text, UNIQUE ${nulls} (${a}, ${b}))`,
      `CREATE UNIQUE INDEX ${names.next('lower')} ON ${name} (lower(${t}))`,
      `CREATE UNIQUE INDEX ${names.next('partial')} ON ${name} (${a}) WHERE ${b} = 'one'`,
      ...(random.chance(0.3) ? [`ALTER TABLE ${name} REPLICA IDENTITY FULL`] : []),
    ];
    const row = (n: number, r: Random, pair = r.chance(0.3) ? 'NULL' : `${r.below(9)}`): string =>
      `(${n}, ${r.chance(0.2) ? 'NULL' : n * 10}, ${n}.50, ${pair}, ${r.pick(["'one'", "'two'", 'NULL'])}, '${r.pick(['T', 't'])}${n}')`;
    const insert = (n: number, r: Random, pair?: string): string =>
      `INSERT INTO ${name} (${id}, ${u}, ${d}, ${a}, ${b}, ${t}) VALUES ${row(n, r, pair)} ON CONFLICT (${id}) DO NOTHING`;
    const set = (r: Random, assign: string): string =>
      `UPDATE ${name} SET ${assign} WHERE ${id} = ${r.below(space)}`;
    const deferredSet = `SET CONSTRAINTS ALL DEFERRED`;
    const swapOf = (column: string | undefined, x: number, y: number): string =>
      `UPDATE ${name} SET ${column} = CASE ${id} WHEN ${x} THEN (SELECT ${column} FROM ${name} WHERE ${id} = ${y})
         ELSE (SELECT ${column} FROM ${name} WHERE ${id} = ${x}) END WHERE ${id} IN (${x}, ${y})`;
    return {
      kind: 'swapped',
      ddl,
      fill: Array.from({ length: space }, (_none, n) => insert(n, random.fork(`${n}`), `${n}`)),
      moves: [
        move('insert', 4, (r) => [insert(r.below(space), r)]),
        move('delete', 2, (r) => [`DELETE FROM ${name} WHERE ${id} = ${r.below(space)}`]),
        move('swap at once', 4, (r) => [swapOf(d, r.below(space), r.below(space))]),
        move('swap through NULL', 4, (r) => {
          const [x, y] = [r.below(space), r.below(space)];
          const of = (n: number): string => `(SELECT ${d} * 20 FROM ${name} WHERE ${id} = ${n})::int`;
          return [
            `UPDATE ${name} SET ${u} = NULL WHERE ${id} IN (${x}, ${y})`,
            `UPDATE ${name} SET ${u} = ${of(y)} WHERE ${id} = ${x} AND NOT EXISTS (SELECT FROM ${name} o WHERE o.${u} = ${of(y)})`,
            `UPDATE ${name} SET ${u} = ${of(x)} WHERE ${id} = ${y} AND NOT EXISTS (SELECT FROM ${name} o WHERE o.${u} = ${of(x)})`,
          ];
        }),
        move('swap through a third', 4, (r) => {
          const [x = 0, y = 1] = r.shuffle([...Array(space).keys()]);
          const take = (from: string, where: string): string =>
            `UPDATE ${name} SET ${u} = ${from} WHERE ${u} = ${where}`;
          return [take('-1', `${x * 10}`), take(`${x * 10}`, `${y * 10}`), take(`${y * 10}`, '-1')];
        }),
        move('rotate', 2, (r) => [
          deferredSet,
          `UPDATE ${name} SET ${d} = ${d} + ${r.pick([1, -1])} WHERE ${id} < ${r.below(space)}`,
        ]),
        move('take over', 3, (r) => {
          const [x, y] = [r.below(space), r.below(space)];
          return [
            `DELETE FROM ${name} WHERE ${u} = ${x * 10} AND ${id} <> ${y}`,
            `UPDATE ${name} SET ${u} = ${x * 10} WHERE ${id} = ${y}`,
          ];
        }),
        move('pair', 3, (r) => [
          set(r, `${a} = ${r.below(9)}, ${b} = ${r.pick(["'one'", "'two'", 'NULL'])}`),
        ]),
        move('text', 2, (r) => [set(r, `${t} = '${r.pick(['T', 't'])}${r.below(space)}'`)]),
        move('swap keys at once', 2, (r) => {
          const [x = 0, y = 1] = r.shuffle([...Array(space).keys()]);
          const to = (from: number, id2: number): string =>
            `UPDATE ${name} SET ${id} = ${id2} WHERE ${id} = ${from}`;
          return [to(x, -1), to(y, x), to(-1, y)];
        }),
        move('mirror all keys', 0.3, () => [
          `UPDATE ${name} SET ${id} = -${id} - 1`,
          `UPDATE ${name} SET ${id} = -${id} - 1`,
        ]),
        ...truncations(place, name),
      ],
    };
  },
};

function truncations(place: Place, name: string) {
  return place.major >= 11 ? [move('truncate', 0.1, () => [`TRUNCATE ${name}`])] : [];
}

/** An exclusion constraint: what may be there depends on what is gone. */
export const booked: Kind = {
  name: 'booked',
  make: (place) => {
    const name = newName(place, 'booked');
    const [id, during, note] = newColumns(place, 'id', 'during', 'note');
    const deferrable = place.random.chance(0.5) ? ' DEFERRABLE INITIALLY IMMEDIATE' : '';
    const span = (r: Random): string => {
      const from = r.below(100);
      return `'[${from},${from + r.between(1, 10)})'`;
    };
    return {
      kind: 'booked',
      ddl: [
        `CREATE TABLE ${name} (${id} bigint PRIMARY KEY, ${during} int4range NOT NULL, ${note} text,
           EXCLUDE USING gist (${during} WITH &&)${deferrable})`,
      ],
      fill: Array.from(
        { length: 10 },
        (_none, n) => `INSERT INTO ${name} VALUES (${n}, '[${n * 10},${n * 10 + 5})', 'first')`,
      ),
      moves: [
        move('insert', 3, (r) => [
          `INSERT INTO ${name} VALUES (${r.below(40)}, ${span(r)}, 'n') ON CONFLICT (${id}) DO NOTHING`,
        ]),
        move('take the place of', 5, (r) => {
          const where = span(r);
          return [
            `DELETE FROM ${name} WHERE ${during} && ${where}`,
            `INSERT INTO ${name} VALUES (${r.below(40)}, ${where}, 'place')`,
          ];
        }),
        move('shift all', 1, (r) => {
          const by = r.pick([1, 200, -200]);
          const all = `UPDATE ${name} SET ${during} = int4range(lower(${during}) + ${by}, upper(${during}) + ${by})`;
          return deferrable === '' ? [all] : ['SET CONSTRAINTS ALL DEFERRED', all];
        }),
        move('update', 2, (r) => [`UPDATE ${name} SET ${during} = ${span(r)} WHERE ${id} = ${r.below(40)}`]),
        move('swap', 3, (r) => {
          const [x, y] = [r.below(40), r.below(40)];
          return [
            `UPDATE ${name} SET ${id} = -1 WHERE ${id} = ${x}`,
            `UPDATE ${name} SET ${id} = ${x} WHERE ${id} = ${y}`,
            `UPDATE ${name} SET ${id} = ${y} WHERE ${id} = -1`,
          ];
        }),
        move('delete', 2, (r) => [`DELETE FROM ${name} WHERE ${id} = ${r.below(40)}`]),
      ],
    };
  },
};
