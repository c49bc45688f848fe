/** What pg_dump printed becomes what runs. Pure, for the worker that parses: see planWorker.ts. */
import { classifyDump } from '../../ddl/classify.js';
import { isOwnEventTrigger } from '../../ddl/ownObjects.js';
import { redact } from '../../ddl/redact.js';
import type { StatementKey, UndecidedName } from '../../protocol/ddl.js';
import { compileMapping, formatRelation } from '../../protocol/mapping.js';
import type { RelationName } from '../../protocol/model.js';
import { ddlText, sourceDdl } from './ddlText.js';
import { type NamedIdentity, withFormerIdentities } from './formerIdentities.js';
import type { StatementPlan } from './plannedStatement.js';
import { type PlanInput, planStatements } from './planStatements.js';
import { planSaved, type SavedDdl } from './savedDdl.js';

/** Plain data: it crosses to the worker. */
export interface PlanRequest extends Omit<PlanInput, 'mapping'> {
  /** Of pg_dump. */
  readonly sql: string;
  /** Of the tables that are FULL for the time of the migration. */
  readonly identities: readonly NamedIdentity[];
  /** What stands in the files; absent where they are only to be generated. */
  readonly files?: {
    readonly saved: { readonly preData: string | undefined; readonly postData: string | undefined };
    /** As generated last; '' where never. */
    readonly base: SavedDdl;
  };
}

export interface PlannedDdl extends Omit<StatementPlan, 'renames'> {
  /** Objects of the target that the saved text does not create though the source has them. */
  readonly leftOut: ReadonlySet<string>;
  /** What generated statements are about that the saved text has no more, by the key of their checkpoint. */
  readonly former: ReadonlyMap<string, string>;
  /** The files as they are generated now. */
  readonly generated: SavedDdl;
  /** As the source has it, in the same order. */
  readonly source: SavedDdl;
  /** The files that are run: those of the user where they were edited. */
  readonly saved: SavedDdl;
  readonly isEdited: boolean;
  /** Text of the source by the key of what was made of it, where they differ. */
  readonly sources: Readonly<Record<StatementKey, string>>;
  /** Places that may name something renamed, by the key of the statement. */
  readonly undecided: Readonly<Record<StatementKey, readonly UndecidedName[]>>;
  /** Names on the target of the sequences that have another one there, by {@link formatRelation} of the source. */
  readonly sequences: ReadonlyMap<string, RelationName>;
}

/** Needs loadParser before. Throws FF303 where a saved file cannot be taken apart. */
export function planDdl({ sql, files, identities, ...input }: PlanRequest): PlannedDdl {
  const dumped = classifyDump(sql).filter((statement) => !isOwnEventTrigger(statement));
  const statements = withFormerIdentities(dumped, identities);
  const { renames, ...plan } = planStatements(statements, {
    ...input,
    mapping: compileMapping(input.database),
  });
  const generated = {
    preData: ddlText('preData', plan.preData),
    postData: ddlText('postData', plan.postData),
  };
  const isEdited = (section: 'preData' | 'postData'): boolean => {
    const text = files?.saved[section];
    return text !== undefined && text !== files?.base[section] && text !== generated[section];
  };
  const sources: Record<StatementKey, string> = {};
  for (const item of [...plan.preData, ...plan.postData])
    if (item.sourceText !== undefined) sources[item.textKey] = redact(item.sourceText);
  const undecided: Record<StatementKey, readonly UndecidedName[]> = {};
  for (const item of [...plan.preData, ...plan.postData])
    if (item.undecided) undecided[item.textKey] = item.undecided;
  const sequences = new Map<string, RelationName>();
  for (const { kind, details } of statements) {
    const sequence = kind === 'createSequence' || kind === 'identity' ? details.sequence : undefined;
    if (sequence) sequences.set(formatRelation(sequence), renames.relation(sequence));
  }
  const common = {
    generated,
    source: { preData: sourceDdl(plan.preData), postData: sourceDdl(plan.postData) },
    sources,
    undecided,
    sequences,
  };
  if (files === undefined || !(isEdited('preData') || isEdited('postData')))
    return { ...common, ...plan, leftOut: new Set(), former: new Map(), saved: generated, isEdited: false };
  const saved = {
    preData: files.saved.preData ?? generated.preData,
    postData: files.saved.postData ?? generated.postData,
  };
  const chosen = planSaved(plan, saved, files.base, input.preexisting);
  return { ...common, ...chosen, leftOut: new Set(chosen.leftOut), saved, isEdited: true };
}
