/** What runs where the user saved something else than was generated. */
import { classifyDump } from '../../ddl/classify.js';
import { dependsOnSkipped, SkippedObjects } from '../../ddl/dependsOnSkipped.js';
import { statementsOfFile } from '../../ddl/documentStatements.js';
import { displayRelation } from '../../ddl/identifier.js';
import { masked, redact } from '../../ddl/redact.js';
import type { Statement } from '../../ddl/statement.js';
import { transactionControl } from '../../ddl/transactionControl.js';
import { errorCodes } from '../../protocol/errorCodes.js';
import { statementTextKey } from '../../protocol/statementKey.js';
import { complete, type PlannedStatement, type StatementPlan } from './plannedStatement.js';

export interface SavedDdl {
  readonly preData: string;
  readonly postData: string;
}

export interface SavedPlan extends Omit<StatementPlan, 'renames'> {
  /** Objects of the target that the saved text does not create though the source has them. */
  readonly leftOut: ReadonlySet<string>;
  /** What the generated statements that do not run are about, by the key of their checkpoint: they may have run before. */
  readonly former: ReadonlyMap<string, string>;
}

interface Matching {
  readonly generated: ReadonlyMap<string, PlannedStatement[]>;
  readonly occurrences: Map<string, number>;
  readonly preexisting: ReadonlySet<string>;
  /** Text keys of what stood in the files when they were generated. */
  readonly base: ReadonlySet<string>;
}

/**
 * The plan with the statements of the saved files instead of its own, in their order. A statement whose text is that of
 * a generated one is that one; others are the user's. What the user took out is reported as left out.
 * `base`: the files as generated last.
 */
export function planSaved(
  plan: Omit<StatementPlan, 'renames'>,
  saved: SavedDdl,
  base: SavedDdl,
  preexisting: ReadonlySet<string>,
): SavedPlan {
  const all = [...plan.preData, ...plan.postData];
  const generated = new Map<string, PlannedStatement[]>();
  // A second copy of a generated statement is another one than the first.
  const occurrences = new Map<string, number>();
  for (const item of all) {
    generated.set(item.textKey, [...(generated.get(item.textKey) ?? []), item]);
    occurrences.set(item.sql, (occurrences.get(item.sql) ?? 0) + 1);
  }
  const matching: Matching = {
    generated,
    occurrences,
    preexisting,
    base: textKeys(base),
  };
  const used = new Set<PlannedStatement>();
  const read = (section: 'preData' | 'postData'): PlannedStatement[] =>
    readSection(section, saved[section], matching, used);
  const sections = { preData: read('preData'), postData: read('postData') };
  const mine = [...sections.preData, ...sections.postData];
  const edited = mine.filter((item) => !used.has(item) && item.finding?.code === 'FF421');
  const replaced = new Set(edited.map(({ statement }) => identity(statement)));
  const rest = all
    .filter((item) => !used.has(item) && !replaced.has(identity(item.statement)))
    .filter((item) => item.skip || item.statement.section !== 'session')
    .map((item) => leave(item, matching.base));
  const leftOut = new SkippedObjects();
  const made = new Set(edited.flatMap(({ statement }) => relationName(statement) ?? []));
  for (const { statement, finding } of rest)
    if (finding?.code === 'FF421' && !made.has(relationName(statement) ?? '')) leftOut.add(statement.object);
  const missing = SkippedObjects.of(leftOut);
  const withRest = (section: 'preData' | 'postData'): PlannedStatement[] =>
    [
      ...sections[section].map((item) => withoutNeeded(item, missing)),
      ...rest.filter((item) => item.section === section),
    ].map((item, index) => ({ ...item, index }));
  const leading = sections.preData.findIndex((item) => item.statement.section !== 'session');
  return {
    ...plan,
    preData: withRest('preData'),
    postData: withRest('postData'),
    settings: sections.preData.slice(0, leading < 0 ? undefined : leading).map((item) => item.sql),
    leftOut,
    former: new Map(
      all.filter((item) => !used.has(item)).map(({ key, statement }) => [key, statement.object]),
    ),
  };
}

function textKeys(files: SavedDdl): Set<string> {
  const keys = new Set<string>();
  for (const text of [files.preData, files.postData])
    for (const statement of classifyDump(text)) keys.add(statementTextKey(statement.text));
  return keys;
}

const identity = (statement: Statement): string => `${statement.kind} ${statement.object}`;

/** What a view and a table cannot both be called. */
const relationName = ({ kind, relation, creates }: Statement): string | undefined =>
  creates && relation && /^create(Table|View|MaterializedView|ForeignTable)$/.test(kind)
    ? displayRelation(relation)
    : undefined;

function readSection(
  section: 'preData' | 'postData',
  text: string,
  matching: Matching,
  used: Set<PlannedStatement>,
): PlannedStatement[] {
  return statementsOfFile(text, section).map((found, index) => {
    const known = matching.generated.get(statementTextKey(found.text))?.find((item) => !used.has(item));
    if (known) {
      used.add(known);
      const item = known.skip ? takenBack(known, matching) : known;
      if (item !== known) used.add(item);
      return { ...item, section, index };
    }
    const statement = terminated(found);
    const refused = transactionControl(statement) ?? withMask(statement);
    const finding = refused ?? edited(statement);
    const decision = {
      statement,
      skip: refused !== undefined,
      sql: statement.text,
      ...(statement.section !== 'session' && { finding }),
    };
    const item = complete(decision, section, index, matching.occurrences, matching.preexisting);
    return { ...item, textKey: statementTextKey(redact(found.text)) };
  });
}

/** Unedited, it is known again and runs with its password. */
function withMask(statement: Statement): NonNullable<PlannedStatement['finding']> | undefined {
  if (!statement.text.includes(masked)) return undefined;
  const { object } = statement;
  const message = `${object} was edited and holds asterisks in place of a password: it is not run.`;
  return { code: 'FF427', severity: 'warning', object, message, fix: errorCodes.FF427.help };
}

/** The last one of a file may lack its semicolon and end with a comment, which must not swallow what is sent behind it. */
function terminated(statement: Statement): Statement {
  const { text } = statement;
  const lastLine = text.slice(text.lastIndexOf('\n') + 1);
  return text.endsWith(';') && !lastLine.includes('--') ? statement : { ...statement, text: `${text}\n;` };
}

/** A statement that the rules leave out and the user runs after all. */
function takenBack(item: PlannedStatement, matching: Matching): PlannedStatement {
  const { statement, sql, section, index } = item;
  return complete(
    { statement, sql, skip: false },
    section,
    index,
    matching.occurrences,
    matching.preexisting,
  );
}

function edited(statement: Statement): NonNullable<PlannedStatement['finding']> {
  return {
    code: 'FF421',
    severity: 'note',
    object: statement.object,
    message: `${statement.object} runs as it was edited in the saved DDL.`,
    fix: errorCodes.FF421.help,
  };
}

/** What is not in the saved text: taken out by the user, or new on the source since the text was generated. */
function leave(item: PlannedStatement, base: ReadonlySet<string>): PlannedStatement {
  if (item.skip) return item;
  const { undo: _, ...rest } = item;
  const { object } = item.statement;
  const isNew = base.size > 0 && !base.has(item.textKey);
  return {
    ...rest,
    skip: true,
    finding: isNew
      ? {
          code: 'FF422',
          severity: 'warning',
          object,
          message: `${object} is new or different on the source since the DDL was generated, and is not in the saved files.`,
          fix: errorCodes.FF422.help,
        }
      : {
          code: 'FF421',
          severity: 'note',
          object,
          message: `${object} is left out in the saved DDL.`,
          fix: errorCodes.FF421.help,
        },
  };
}

/** `missing` grows: what needs something that is missing is missing itself. */
function withoutNeeded(item: PlannedStatement, missing: SkippedObjects): PlannedStatement {
  if (item.skip || item.statement.section === 'session') return item;
  const needed = dependsOnSkipped(item.statement, missing);
  if (needed === undefined) return item;
  if (item.statement.creates) missing.add(item.statement.object);
  const { undo: _, ...rest } = item;
  const { object } = item.statement;
  const { relation } = item.statement;
  const belongs = relation !== undefined && needed === `table ${displayRelation(relation)}`;
  return {
    ...rest,
    skip: true,
    finding: {
      code: 'FF417',
      // What belongs to a table alone goes with it by the same choice.
      severity: belongs || item.statement.about === needed ? 'note' : 'warning',
      object,
      message: `${object} needs ${needed}, which is left out.`,
      fix: errorCodes.FF417.help,
    },
  };
}
