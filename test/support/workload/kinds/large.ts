import { type Kind, move, newColumns, newName, newNames } from '../model.js';

/** Transactions of thousands of rows, which do not fit into logical_decoding_work_mem of the tests' servers. */
export const large: Kind = {
  name: 'large',
  make: (place) => {
    const { major, random } = place;
    const name = newName(place, 'large');
    const [id, v, filler] = newColumns(place, 'id', 'v', 'filler');
    const rows = (first: number, last: number): string =>
      `INSERT INTO ${name} SELECT i, i % 7, repeat('x', i % 100) FROM generate_series(${first}, ${last}) i`;
    const between = (first: number, count: number): string => `${id} BETWEEN ${first} AND ${first + count}`;
    return {
      kind: 'large',
      ddl: [
        `CREATE TABLE ${name} (${id} int PRIMARY KEY, ${v} int, ${filler} text)`,
        ...(random.chance(0.5) ? [`CREATE INDEX ON ${name} (${v})`] : []),
      ],
      fill: [rows(0, 3000)],
      moves: [
        move('insert many', 1, (r) => {
          const first = r.below(4000);
          return [`${rows(first, first + r.between(200, 1500))} ON CONFLICT DO NOTHING`];
        }),
        move('update many', 1, (r) => [
          `UPDATE ${name} SET ${v} = ${v} + 1 WHERE ${between(r.below(4000), r.between(200, 1500))}`,
        ]),
        move('change many keys', 0.5, (r) => [
          `UPDATE ${name} SET ${id} = -${id} - 1 WHERE ${between(r.below(4000), 500)}`,
          `UPDATE ${name} SET ${id} = -${id} - 1 WHERE ${id} < 0`,
        ]),
        move('delete many', 1, (r) => [`DELETE FROM ${name} WHERE ${between(r.below(4000), 800)}`]),
        // Every row in a subtransaction, of which a third are rolled back.
        move('many subtransactions', 1, (r) => {
          const first = r.below(4000);
          return [
            `DO $do$ BEGIN FOR i IN ${first}..${first + 150} LOOP BEGIN
               UPDATE ${name} SET ${v} = i WHERE ${id} = i;
               INSERT INTO ${name} VALUES (i + 10000, i, 'sub') ON CONFLICT (${id}) DO UPDATE SET ${v} = excluded.${v} + 1;
               IF i % 3 = 0 THEN RAISE EXCEPTION 'back'; END IF;
             EXCEPTION WHEN raise_exception THEN NULL; END; END LOOP; END $do$`,
          ];
        }),
        ...(major >= 11
          ? [
              move('truncate and fill', 0.2, () => [`TRUNCATE ${name}`, rows(0, 2000)]),
              {
                ...move('several commits', 0.7, (r) => [
                  `DO $do$ BEGIN FOR i IN 0..20 LOOP
                     UPDATE ${name} SET ${v} = -i WHERE ${id} = ${r.below(3000)} + i;
                     IF i % 4 = 3 THEN ROLLBACK; ELSE COMMIT; END IF;
                   END LOOP; END $do$`,
                ]),
                alone: true as const,
              },
            ]
          : []),
      ],
    };
  },
};

/** Sequences by themselves: logical replication says nothing of them. */
export const counting: Kind = {
  name: 'counting',
  make: (place) => {
    const [up, down, small] = newNames(place, 'up', 'down', 'small');
    const table = newName(place, 'counted');
    return {
      kind: 'counting',
      ddl: [
        `CREATE SEQUENCE ${up} INCREMENT 7 CACHE 3`,
        `CREATE SEQUENCE ${down} INCREMENT -1 START -5`,
        `CREATE SEQUENCE ${small} AS smallint`,
        `CREATE TABLE ${table} (id bigserial PRIMARY KEY, v int)`,
      ],
      fill: [],
      moves: [
        move('count', 3, (r) => [`SELECT nextval('${r.pick([up, down, small]).replaceAll("'", "''")}')`]),
        move('insert', 4, (r) => [`INSERT INTO ${table} (v) SELECT generate_series(1, ${r.between(1, 5)})`]),
        move('delete', 1, (r) => [`DELETE FROM ${table} WHERE id % 4 = ${r.below(4)}`]),
        move('set', 0.5, (r) => [
          `SELECT setval('${up.replaceAll("'", "''")}', ${r.between(1, 100_000)}, ${r.chance(0.5)})`,
        ]),
      ],
    };
  },
};
