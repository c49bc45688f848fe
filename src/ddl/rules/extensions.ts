import type { ErrorCode } from '../../protocol/errorCodes.js';
import { checkExtension, type ExtensionCheck } from '../extensionRule.js';
import { displayName } from '../identifier.js';
import { extensionOfWrapper, offeredVersion, preloadLibrary } from './allowList.js';
import { dropClauses } from './fixes.js';
import type { Match, Rule } from './rule.js';
import { rangeOfName, type Subject, span, tokenAt } from './subject.js';
import type { Fix, TargetFacts } from './verdict.js';

function check(name: string, target: TargetFacts): ExtensionCheck {
  return checkExtension(name, {
    allowList: target.allowedExtensions,
    available: target.availableExtensions,
    installed: target.installedExtensions ?? [],
    ...(target.isFlexibleServer && { flexibleMajor: major(target) }),
  });
}

const major = ({ versionNum }: TargetFacts): number => Math.floor(versionNum / 10000);

function extensionName({ statement }: Subject): string | undefined {
  return statement.kind === 'createExtension' ? statement.details.name : undefined;
}

const allowExtension = (name: string): Fix => ({
  title: `Add "${name}" to azure.extensions of the target`,
  kind: 'allowExtension',
  edits: [],
  resolves: false,
  isDefault: false,
  argument: name,
});

/** CREATE EXTENSION where the check comes to this code. */
function unusable(code: ErrorCode, title: string, explanation: string): Rule {
  return {
    code,
    title,
    explanation,
    severity: 'warning',
    action: 'skip',
    applies: 'everywhere',
    kinds: ['createExtension'],
    match: (subject) => {
      const name = extensionName(subject);
      const found = name === undefined ? undefined : check(name, subject.target);
      if (name === undefined || found === undefined || found.usable || found.code !== code) return undefined;
      return {
        message: found.message,
        place: rangeOfName(subject, name, 2),
        ...(code === 'FF207' && { fixes: [allowExtension(name)] }),
      };
    },
  };
}

/** An option of CREATE EXTENSION by its name in the tree. */
function option(subject: Subject, name: string) {
  for (const node of subject.tree('CreateExtensionStmt')?.options ?? []) {
    if (!('DefElem' in node) || node.DefElem.defname !== name) continue;
    const at = tokenAt(subject, node.DefElem.location);
    const value =
      node.DefElem.arg !== undefined && 'String' in node.DefElem.arg ? node.DefElem.arg.String.sval : '';
    return { value: value ?? '', place: at === undefined ? undefined : span(subject.tokens(), at, at + 1) };
  }
  return undefined;
}

/** They say their schema themselves. */
const ownSystemSchema: ReadonlySet<string> = new Set(['plpgsql', 'pg_cron', 'adminpack', 'azure']);

function preloadMatch(subject: Subject): Match | undefined {
  const name = extensionName(subject);
  const library = name === undefined ? undefined : preloadLibrary(name);
  const loaded = subject.target.preloadLibraries;
  if (name === undefined || library === undefined || loaded?.has(library) === true) return undefined;
  return {
    message: `The extension "${name}" needs the library ${library} in shared_preload_libraries of the target.`,
    place: rangeOfName(subject, name, 2),
    severity: loaded === undefined ? 'note' : 'warning',
  };
}

export const extensionRules: readonly Rule[] = [
  unusable(
    'FF401',
    'Extensions that are not there',
    'Only the extensions of the allow-list are installed on the machine.',
  ),
  unusable('FF435', 'Extensions of other versions', 'Each major version has its own list of extensions.'),
  unusable(
    'FF207',
    'Extensions that are not allowed yet',
    'An extension can be created once azure.extensions names it.',
  ),
  {
    code: 'FF437',
    title: 'Extensions in a system schema',
    explanation: 'Only the platform writes to pg_catalog and its like.',
    severity: 'warning',
    action: 'try',
    applies: 'flexibleServer',
    kinds: ['createExtension'],
    mentions: /schema/i,
    match: (subject) => {
      const name = extensionName(subject) ?? '';
      const schema = option(subject, 'schema');
      if (schema === undefined || !/^(pg_|information_schema$)/.test(schema.value)) return undefined;
      if (ownSystemSchema.has(name)) return undefined;
      const message = `The extension "${name}" is in the system schema ${schema.value}.`;
      return { message, place: schema.place };
    },
  },
  {
    code: 'FF452',
    title: 'A version of an extension',
    explanation: 'The platform decides which version of an extension is installed.',
    severity: 'note',
    action: 'edit',
    applies: 'flexibleServer',
    kinds: ['createExtension'],
    mentions: /version/i,
    match: (subject) => {
      const version = option(subject, 'new_version');
      if (version?.place === undefined) return undefined;
      const name = extensionName(subject) ?? '';
      const own = offeredVersion(name, major(subject.target));
      return {
        message: `The target takes its own version of "${name}"${own === undefined ? '' : ` (${own})`} instead of ${version.value}.`,
        place: version.place,
        fixes: [dropClauses(subject.statement.text, [version.place], 'Take the version of the target')],
      };
    },
  },
  {
    code: 'FF438',
    title: 'Extensions that must be preloaded',
    explanation: 'Their library is loaded when the server starts.',
    severity: 'note',
    action: 'tell',
    mayFail: ['createExtension'],
    applies: 'flexibleServer',
    kinds: ['createExtension'],
    match: preloadMatch,
  },
  {
    code: 'FF436',
    title: 'ALTER EXTENSION … SET SCHEMA',
    explanation: 'Extensions belong to the platform.',
    severity: 'warning',
    action: 'skip',
    applies: 'flexibleServer',
    kinds: ['other'],
    mentions: /^\s*alter\s+extension\b/i,
    match: (subject) => {
      const body = subject.tree('AlterObjectSchemaStmt');
      if (body?.objectType !== 'OBJECT_EXTENSION') return undefined;
      const name =
        body.object !== undefined && 'String' in body.object ? (body.object.String.sval ?? '') : '';
      return {
        message: `The extension "${name}" cannot be moved to schema ${displayName(body.newschema ?? '')}.`,
      };
    },
  },
  {
    code: 'FF400',
    title: 'ALTER EXTENSION … ADD and DROP',
    explanation: 'Only the owner of an extension changes what belongs to it.',
    severity: 'warning',
    action: 'try',
    applies: 'flexibleServer',
    kinds: ['other'],
    mentions: /^\s*alter\s+extension\b/i,
    match: (subject) => {
      const body = subject.tree('AlterExtensionContentsStmt');
      return (
        body && { message: `The members of extension "${body.extname ?? ''}" are its owner's to change.` }
      );
    },
  },
  {
    code: 'FF415',
    title: 'Comments on extensions',
    explanation: 'Extensions belong to the platform.',
    severity: 'note',
    action: 'skip',
    applies: 'flexibleServer',
    kinds: ['commentOn'],
    match: ({ statement: s }) =>
      s.kind === 'commentOn' && s.details.objectType === 'extension'
        ? { message: `The ${s.object} is left to the extension.` }
        : undefined,
  },
  {
    code: 'FF409',
    title: 'Foreign-data wrappers without an extension',
    explanation: 'Only superusers create foreign-data wrappers.',
    severity: 'warning',
    action: 'skip',
    applies: 'flexibleServer',
    kinds: ['fdw'],
    match: ({ statement: s }) => ({ message: `The ${s.object} cannot be created by itself.` }),
  },
  {
    code: 'FF409',
    title: 'Servers of wrappers that are not there',
    explanation: 'A foreign-data wrapper comes with its extension.',
    severity: 'warning',
    action: 'skip',
    applies: 'flexibleServer',
    kinds: ['createServer'],
    match: (subject) => {
      const { statement: s, target } = subject;
      if (s.kind !== 'createServer') return undefined;
      const extension = extensionOfWrapper[s.details.wrapper];
      if (extension === undefined || check(extension, target).usable) return undefined;
      const message = `The ${s.object} needs the foreign-data wrapper ${displayName(s.details.wrapper)}, whose extension cannot be used on the target.`;
      return {
        message,
        place: rangeOfName(subject, s.details.wrapper, 2),
        fixes: [allowExtension(extension)],
      };
    },
  },
  {
    code: 'FF457',
    title: 'Foreign servers elsewhere',
    explanation: 'The target reaches other servers through its own network.',
    severity: 'note',
    action: 'tell',
    applies: 'flexibleServer',
    kinds: ['createServer'],
    mentions: /options/i,
    match: (subject) => {
      for (const node of subject.tree('CreateForeignServerStmt')?.options ?? []) {
        if (!('DefElem' in node) || !/^(host|hostaddr|servername|dbserver)$/.test(node.DefElem.defname ?? ''))
          continue;
        const at = tokenAt(subject, node.DefElem.location);
        const arg = node.DefElem.arg;
        const host = arg !== undefined && 'String' in arg ? (arg.String.sval ?? '') : '';
        return {
          message: `The ${subject.statement.object} connects to ${host}, which the target must reach.`,
          place: at === undefined ? undefined : span(subject.tokens(), at, at + 1),
        };
      }
      return undefined;
    },
  },
];
