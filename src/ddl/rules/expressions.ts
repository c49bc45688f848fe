/** Functions and catalogs that are not there, wherever a statement calls or reads them: also in bodies in quotes. */
import { strings } from '../identifier.js';
import type { StatementKind } from '../statement.js';
import { type Token, tokensOf } from '../tokens.js';
import { unreadableCatalogs } from './roles.js';
import type { Match, Rule } from './rule.js';
import { nameAt, nodesOf, type Subject, unquoted } from './subject.js';
import type { TextRange } from './verdict.js';

interface Hit {
  readonly name: string;
  readonly place: TextRange | undefined;
}

const mayCall: readonly StatementKind[] = [
  'createTable',
  'createView',
  'createMaterializedView',
  'createIndex',
  'createFunction',
  'createTrigger',
  'createRule',
  'createPolicy',
  'createType',
  'setDefault',
  'check',
  'alterTable',
  'domainConstraint',
  'exclusion',
  'statistics',
  'largeObject',
  'other',
];

/** Those that execute at once what they say. */
const mayExecute: readonly StatementKind[] = [
  'createIndex',
  'createMaterializedView',
  'largeObject',
  'other',
];

/** Functions (`call`) or relations (`relation`) of these names, which are found in pg_catalog. */
function hits(subject: Subject, names: ReadonlySet<string>, what: 'call' | 'relation'): Hit[] {
  const found: Hit[] = [];
  for (const { name, body } of nodesOf(subject.node())) {
    const parts =
      what === 'call' && name === 'FuncCall'
        ? strings(body['funcname'] as Parameters<typeof strings>[0])
        : what === 'relation' && name === 'RangeVar'
          ? [String(body['schemaname'] ?? 'pg_catalog'), String(body['relname'] ?? '')]
          : [];
    const last = parts.at(-1);
    if (last === undefined || !names.has(last) || (parts.length > 1 && parts.at(-2) !== 'pg_catalog'))
      continue;
    found.push({ name: last, place: nameAt(subject, body['location'] as number | undefined) });
  }
  return [...found, ...bodyHits(subject, names, what)];
}

/** The string behind AS of a function or DO, looked at as tokens: what it says in strings of its own is not seen. */
function bodyHits(subject: Subject, names: ReadonlySet<string>, what: 'call' | 'relation'): Hit[] {
  const { statement } = subject;
  if (statement.kind !== 'createFunction' && !/^\s*do\b/i.test(statement.text)) return [];
  return subject.tokens().flatMap((token, index, tokens) => {
    const before = tokens[index - 1]?.word;
    const isBody = statement.kind === 'createFunction' ? before === 'AS' : /^['$]/.test(token.text);
    const quote = isBody ? /^(?:'|\$[^$]*\$)/.exec(token.text)?.[0] : undefined;
    if (quote === undefined) return [];
    // A doubled quote keeps its length.
    const inner = token.text.slice(quote.length, -quote.length);
    const body = quote === "'" ? inner.replaceAll("''", "' ") : inner;
    return hitsIn(scan(body), names, what).map((hit) => ({
      name: hit.name,
      place: hit.place && {
        start: hit.place.start + token.start + quote.length,
        end: hit.place.end + token.start + quote.length,
      },
    }));
  });
}

function scan(text: string): readonly Token[] {
  try {
    return tokensOf(text);
  } catch {
    return [];
  }
}

const beforeRelations: ReadonlySet<string> = new Set(['FROM', 'JOIN', ',', 'INTO', 'UPDATE', 'TABLE']);

function hitsIn(tokens: readonly Token[], names: ReadonlySet<string>, what: 'call' | 'relation'): Hit[] {
  return tokens.flatMap((token, index) => {
    const name = unquoted(token);
    if (name === undefined || !names.has(name)) return [];
    const qualified = tokens[index - 1]?.word === '.';
    const qualifier = qualified ? tokens[index - 2] : undefined;
    if (qualifier !== undefined && unquoted(qualifier) !== 'pg_catalog') return [];
    const before = tokens[index - (qualified ? 3 : 1)]?.word ?? '';
    const is = what === 'call' ? tokens[index + 1]?.word === '(' : beforeRelations.has(before);
    return is ? [{ name, place: { start: (qualifier ?? token).start, end: token.end } }] : [];
  });
}

function matching(
  names: ReadonlySet<string>,
  what: 'call' | 'relation',
  message: (object: string, name: string) => string,
): (subject: Subject) => Match | undefined {
  return (subject) => {
    const found = hits(subject, names, what);
    const [first] = found;
    if (first === undefined) return undefined;
    const times = found.length === 1 ? '' : ` (${found.length} times)`;
    return { message: `${message(subject.statement.object, first.name)}${times}.`, place: first.place };
  };
}

const anyOf = (names: ReadonlySet<string>): RegExp => new RegExp(`\\b(${[...names].join('|')})\\b`, 'i');

const fileFunctions: ReadonlySet<string> = new Set([
  'lo_import',
  'lo_export',
  'pg_read_file',
  'pg_read_binary_file',
  'pg_stat_file',
  'pg_ls_dir',
  'pg_ls_logdir',
  'pg_ls_waldir',
  'pg_ls_tmpdir',
  'pg_file_write',
  'pg_file_read',
  'pg_file_rename',
  'pg_file_unlink',
  'pg_current_logfile',
  'pg_rotate_logfile',
]);
const reservedFunctions: ReadonlySet<string> = new Set([
  'pg_replication_origin_create',
  'pg_replication_origin_drop',
  'pg_replication_origin_advance',
  'pg_replication_origin_oid',
  'pg_replication_origin_session_setup',
  'pg_replication_origin_session_reset',
  'pg_replication_origin_session_is_setup',
  'pg_replication_origin_session_progress',
  'pg_replication_origin_xact_setup',
  'pg_replication_origin_xact_reset',
  'pg_switch_wal',
  'pg_create_restore_point',
  'pg_start_backup',
  'pg_stop_backup',
  'pg_backup_start',
  'pg_backup_stop',
  'pg_promote',
  'pg_wal_replay_pause',
  'pg_wal_replay_resume',
]);
const md5: ReadonlySet<string> = new Set(['md5']);

export const expressionRules: readonly Rule[] = [
  {
    code: 'FF445',
    title: 'md5()',
    explanation: 'The cryptography of the machine runs in FIPS mode.',
    severity: 'warning',
    action: 'tell',
    mayFail: mayExecute,
    applies: 'flexibleServer',
    kinds: mayCall,
    mentions: anyOf(md5),
    match: matching(md5, 'call', (object) => `The ${object} calls md5()`),
  },
  {
    code: 'FF439',
    title: 'Functions that read and write files',
    explanation: 'The files of the machine belong to the platform.',
    severity: 'warning',
    action: 'tell',
    mayFail: mayExecute,
    applies: 'flexibleServer',
    kinds: mayCall,
    mentions: anyOf(fileFunctions),
    match: matching(fileFunctions, 'call', (object, name) => `The ${object} calls ${name}()`),
  },
  {
    code: 'FF446',
    title: 'Functions of superusers',
    explanation: 'Documentation and servers do not agree which of them are allowed.',
    severity: 'note',
    action: 'tell',
    mayFail: mayExecute,
    applies: 'flexibleServer',
    kinds: mayCall,
    mentions: anyOf(reservedFunctions),
    match: matching(reservedFunctions, 'call', (object, name) => `The ${object} calls ${name}()`),
  },
  {
    code: 'FF434',
    title: 'Catalogs that nobody may read',
    explanation: 'They hold passwords, data of others or the configuration of the machine.',
    severity: 'warning',
    action: 'tell',
    mayFail: mayExecute,
    applies: 'flexibleServer',
    kinds: mayCall,
    mentions: anyOf(unreadableCatalogs),
    match: matching(unreadableCatalogs, 'relation', (object, name) => `The ${object} reads ${name}`),
  },
];
