/** What the schema says of a project, in words for who edits the file. */
import type { z } from 'zod';
import type { ProjectPath, ProjectProblem } from '../../protocol/project.js';
import { projectSchema } from './projectSchema.js';

type Issue = z.core.$ZodIssue;
type Shape = z.infer<typeof projectSchema>;

export type CheckedShape =
  | { readonly shape: Shape; readonly problems?: never }
  | { readonly problems: readonly ProjectProblem[]; readonly shape?: never };

export function checkShape(data: unknown): CheckedShape {
  const result = projectSchema.safeParse(data);
  if (result.success) return { shape: result.data };
  return { problems: result.error.issues.flatMap((issue) => problemsOf(issue, data)) };
}

function problemsOf(issue: Issue, data: unknown): ProjectProblem[] {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  const at = (message: string, place: ProjectPath = path): ProjectProblem => ({
    path: place,
    severity: 'error',
    code: 'FF700',
    message,
  });
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => at(unknownKey(key, path), [...path, key]));
    case 'invalid_type':
      return [at(wrongType(issue.expected, valueAt(data, path)))];
    case 'invalid_value':
      return [at(wrongValue(issue.values, valueAt(data, path)))];
    case 'too_small':
      if (issue.origin === 'string') return [at('The text is empty.')];
      if (issue.origin === 'array') return [at('At least one database is expected.')];
      return [at(`A number from ${issue.minimum} on is expected.`)];
    case 'too_big':
      return [at(`At most ${issue.maximum} is possible.`)];
    case 'invalid_key':
      return [at('The name is empty.')];
    default:
      return [at(`${issue.message}.`)];
  }
}

/** The words of version 1, which people know by heart or have in templates. */
const moved: Readonly<Record<string, string>> = {
  includeSchemas: 'include.schemas',
  excludeSchemas: 'exclude.schemas',
};

function unknownKey(key: string, path: ProjectPath): string {
  if (/passw|secret|pwd/i.test(key))
    return `The key ${JSON.stringify(key)} is unknown: passwords are never kept in a project file.`;
  const now = moved[key];
  if (now !== undefined) return `The key ${JSON.stringify(key)} is unknown: since version 2 it is ${now}.`;
  return `The key ${JSON.stringify(key)} is unknown${path.length === 0 ? ' in a project' : ' here'}.`;
}

const articles: Readonly<Record<string, string>> = {
  string: 'a text in double quotes',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list in [ ]',
  object: 'an object in { }',
  record: 'an object in { }',
  null: 'null',
};
const words = (type: string): string => articles[type] ?? type;

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value;
}

function wrongType(expected: string, value: unknown): string {
  if (value === undefined) return `This key is missing: ${words(expected)} is expected.`;
  if (expected === 'int' && typeof value === 'number') return 'A whole number is expected.';
  return `${sentence(words(expected))} is expected, not ${words(typeOf(value))}.`;
}

function wrongValue(values: readonly unknown[], value: unknown): string {
  const expected = values.map((one) => JSON.stringify(one)).join(', ');
  const lead = values.length > 1 ? `One of ${expected} is expected` : `${expected} is expected`;
  return value === undefined ? `This key is missing: ${lead}.` : `${lead}.`;
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function valueAt(data: unknown, path: ProjectPath): unknown {
  let value = data;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.hasOwn(value, part) ? (value as Record<string | number, unknown>)[part] : undefined;
  }
  return value;
}
