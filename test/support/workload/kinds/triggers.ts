import { type Kind, move, newNames } from '../model.js';

/**
 * Triggers and a rule that write more than they are told: a target where they run again is different. One of them is
 * ENABLE ALWAYS, so session_replication_role alone does not keep it from running.
 */
export const audited: Kind = {
  name: 'audited',
  make: (place) => {
    const { names, random, major } = place;
    const [table, log, statements, ruled] = newNames(place, 'audited', 'log', 'statements', 'ruled');
    const [before, after, each] = newNames(place, 'before', 'after', 'each');
    const [always, rule] = [names.next('always'), names.next('rule')];
    const trigger = (hint: string, when: string, call: string): string =>
      `CREATE TRIGGER ${names.next(hint)} ${when} EXECUTE PROCEDURE ${call}()`;
    const body = (text: string): string =>
      `RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN ${text} END $body$`;
    const enabled = random.pick(['ALWAYS', 'REPLICA', '']);
    const writes = `INSERT INTO ${log} (what, was, now) VALUES (TG_OP, CASE WHEN TG_OP <> 'INSERT' THEN OLD.v END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.v END); RETURN NULL;`;
    const truncation = major >= 11 ? [move('truncate', 0.3, () => [`TRUNCATE ${table}, ${log}`])] : [];
    return {
      kind: 'audited',
      ddl: [
        `CREATE TABLE ${table} (id int PRIMARY KEY, v int, times int NOT NULL DEFAULT 0, note text)`,
        `CREATE TABLE ${log} (id bigserial PRIMARY KEY, what text, was int, now int)`,
        `CREATE TABLE ${statements} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text)`,
        `CREATE TABLE ${ruled} (id serial PRIMARY KEY, v int)`,
        `CREATE FUNCTION ${before}() ${body('NEW.times = NEW.times + 1; RETURN NEW;')}`,
        `CREATE FUNCTION ${after}() ${body(writes)}`,
        `CREATE FUNCTION ${each}() ${body(`INSERT INTO ${statements} (what) VALUES (TG_OP); RETURN NULL;`)}`,
        trigger('before row', `BEFORE INSERT OR UPDATE ON ${table} FOR EACH ROW`, before),
        trigger('after row', `AFTER INSERT OR UPDATE OR DELETE ON ${table} FOR EACH ROW`, after),
        trigger('each', `AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${table}`, each),
        `CREATE CONSTRAINT TRIGGER ${always} AFTER INSERT ON ${table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE PROCEDURE ${after}()`,
        ...(enabled === '' ? [] : [`ALTER TABLE ${table} ENABLE ${enabled} TRIGGER ${always}`]),
        `CREATE RULE ${rule} AS ON DELETE TO ${ruled} DO ALSO INSERT INTO ${log} (what, was) VALUES ('rule', OLD.v)`,
        ...(random.chance(0.3) ? [`ALTER TABLE ${ruled} ENABLE ALWAYS RULE ${rule}`] : []),
        ...(random.chance(0.3)
          ? [
              `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`,
              `ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`,
              `CREATE POLICY few ON ${table} USING (id < 0)`,
            ]
          : []),
      ],
      fill: [`INSERT INTO ${table} SELECT i, i FROM generate_series(1, 20) i`],
      moves: [
        move('insert', 4, (r) => [
          `INSERT INTO ${table} (id, v, note) VALUES (${r.below(40)}, ${r.below(9)}, 'n') ON CONFLICT (id) DO UPDATE SET v = excluded.v`,
        ]),
        move('update', 4, (r) => [`UPDATE ${table} SET v = v + 1 WHERE id % 6 = ${r.below(6)}`]),
        move('delete', 2, (r) => [`DELETE FROM ${table} WHERE id = ${r.below(40)}`]),
        move('ruled', 2, (r) => [
          `INSERT INTO ${ruled} (v) SELECT generate_series(1, ${r.between(1, 4)})`,
          `DELETE FROM ${ruled} WHERE id % 3 = ${r.below(3)}`,
        ]),
        ...truncation,
      ],
    };
  },
};
