/** Checks what came out of the mapping panel: it shows untrusted names, so the host trusts nothing it says. */
import { filterLists, type MappingMessage, mappingActions } from './mappingPanel.js';

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

/** Longer texts than any name, condition or filter that a file would have. */
const longestText = 1_000_000;
const mostEntries = 200_000;

const text: Check = (value) => typeof value === 'string' && value.length <= longestText;
const flag: Check = (value) => typeof value === 'boolean';
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const oneOf =
  (values: readonly string[]): Check =>
  (value) =>
    typeof value === 'string' && values.includes(value);
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const texts: Check = (value) => Array.isArray(value) && value.length <= mostEntries && value.every(text);
const fields =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(checks).every(([name, check]) => check((value as Fields)[name]));
/** The union whose member `tag` names. */
const union =
  (tag: string, members: Readonly<Record<string, Readonly<Record<string, Check>>>>): Check =>
  (value) => {
    const name = typeof value === 'object' && value !== null ? (value as Fields)[tag] : undefined;
    if (typeof name !== 'string' || !Object.hasOwn(members, name)) return false;
    return fields(members[name] ?? {})(value);
  };

const view = fields({
  filter: fields({ text, regex: flag, onlyWithoutKey: flag, onlyFindings: flag }),
  base: oneOf(['standard', 'open', 'closed']),
  toggled: texts,
  toggledFiltered: texts,
});

const gesture = union('kind', {
  check: { key: text, checked: flag },
  rename: { key: text, schema: optional(text), name: text },
  where: { key: text, where: text },
  data: { key: text, data: flag },
  mode: { key: text, mode: oneOf(['offline', 'online']) },
  renameOwned: { key: text, on: flag },
  filter: { key: text, list: oneOf(filterLists), entries: texts },
  option: { name: text, value: (value) => flag(value) || text(value) || Number.isFinite(value) },
  role: { role: text, target: optional(text) },
  addDatabase: {},
  removeDatabase: { key: text },
  upgrade: {},
});

const message = union('type', {
  ready: { version: count, view },
  view: { view },
  rows: { request: count, offset: count, limit: count, active: optional(text) },
  gesture: { request: count, gesture },
  action: { action: oneOf(mappingActions), line: optional(count) },
  catalog: { key: text, action: oneOf(['retry', 'cancel', 'password']) },
  reveal: { key: text },
});

export function isMappingMessage(value: unknown): value is MappingMessage {
  return message(value);
}
