import type { Move, Subject } from './model.js';
import type { Random } from './random.js';

/** What a session does in one go. */
export interface Script {
  /** Absent where its one statement commits by itself. */
  readonly begin?: string;
  readonly statements: readonly string[];
  readonly end: 'commit' | 'rollback' | 'prepare';
  /** For a prepared one: how it ends, and after how many other scripts of the session. */
  readonly decision?: { readonly commit: boolean; readonly after: number };
  /** The moves, for a log. */
  readonly what: readonly string[];
}

export interface ScriptOptions {
  readonly twoPhase: boolean;
}

interface Chosen {
  readonly what: string;
  readonly statements: readonly string[];
  readonly alone: boolean;
}

function chooseMove(subject: Subject, random: Random): Chosen {
  let left = random.next() * subject.moves.reduce((sum, { weight }) => sum + weight, 0);
  const found: Move | undefined = subject.moves.find(({ weight }) => {
    left -= weight;
    return left < 0;
  });
  const chosen = found ?? random.pick(subject.moves);
  return {
    what: `${subject.kind}: ${chosen.what}`,
    statements: chosen.make(random),
    alone: chosen.alone ?? false,
  };
}

/** A transaction stays with one or two subjects most of the time, so that its changes meet each other. */
function chooseSubjects(subjects: readonly Subject[], random: Random): readonly Subject[] {
  if (random.chance(0.2)) return subjects;
  return random.chance(0.5) ? [random.pick(subjects)] : [random.pick(subjects), random.pick(subjects)];
}

const begins = [
  'BEGIN',
  'BEGIN',
  'BEGIN',
  'BEGIN ISOLATION LEVEL REPEATABLE READ',
  'BEGIN ISOLATION LEVEL SERIALIZABLE',
];

/** The next thing for a session to do. Depends on nothing but the numbers of `random`. */
export function makeScript(subjects: readonly Subject[], random: Random, options: ScriptOptions): Script {
  const near = chooseSubjects(subjects, random);
  const first = chooseMove(random.pick(near), random);
  if (first.alone || (first.statements.length === 1 && random.chance(0.35)))
    return { statements: first.statements, end: 'commit', what: [first.what] };
  const moves = [first];
  for (let more = random.below(random.chance(0.2) ? 12 : 4); more > 0; more--) {
    const next = chooseMove(random.pick(near), random);
    if (!next.alone) moves.push(next);
  }
  const statements = random.chance(0.3)
    ? withSavepoints(moves, random)
    : random.chance(0.1)
      ? [inBlocks(moves)]
      : moves.flatMap((chosen) => chosen.statements);
  const end =
    options.twoPhase && random.chance(0.08) ? 'prepare' : random.chance(0.12) ? 'rollback' : 'commit';
  return {
    begin: random.pick(begins),
    statements: random.chance(0.05) ? [...temporary, ...statements] : statements,
    end,
    what: moves.map(({ what }) => what),
    ...(end === 'prepare' && {
      decision: { commit: random.chance(0.7), after: random.below(4) },
    }),
  };
}

/** Changes that are nobody's business but the session's. */
const temporary = [
  'CREATE TEMP TABLE IF NOT EXISTS scratch (id int PRIMARY KEY, v text)',
  "INSERT INTO scratch VALUES (1, 'x') ON CONFLICT DO NOTHING",
  'DELETE FROM scratch',
];

/** Nested savepoints, of which some are released and some rolled back, with what was released inside of them. */
function withSavepoints(moves: readonly Chosen[], random: Random): string[] {
  const statements: string[] = [];
  const open: string[] = [];
  let made = 0;
  for (const { statements: own } of moves) {
    if (random.chance(0.6)) {
      made += 1;
      open.push(`s${made}`);
      statements.push(`SAVEPOINT s${made}`);
    }
    statements.push(...own);
    if (open.length > 0 && random.chance(0.5)) {
      const depth = random.below(open.length);
      const name = open[depth] ?? '';
      if (random.chance(0.5)) {
        statements.push(`ROLLBACK TO SAVEPOINT ${name}`);
        open.length = depth + 1;
      } else {
        statements.push(`RELEASE SAVEPOINT ${name}`);
        open.length = depth;
      }
    }
  }
  return statements;
}

/** As PL/pgSQL does it: every move a block whose failure is caught. */
function inBlocks(moves: readonly Chosen[]): string {
  const blocks = moves.map(({ statements }) => {
    // A query needs somewhere to put its rows, there.
    const own = statements.map((sql) => `${sql.replace(/^SELECT /, 'PERFORM ')};`);
    return `BEGIN ${own.join(' ')} EXCEPTION WHEN OTHERS THEN NULL; END;`;
  });
  return `DO $block$ BEGIN ${blocks.join(' ')} END $block$`;
}
