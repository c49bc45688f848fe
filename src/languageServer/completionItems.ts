/** What can be completed, as the editor lists it. */
import { type CompletionItem, CompletionItemKind } from 'vscode-languageserver';
import type { DdlIndex, Definition, ObjectClass } from '../ddl/documentIndex.js';
import { displayName } from '../ddl/identifier.js';
import type { FileContext } from './context.js';

export const objectWords = [
  ...[
    'TABLE',
    'VIEW',
    'MATERIALIZED VIEW',
    'INDEX',
    'SEQUENCE',
    'SCHEMA',
    'EXTENSION',
    'FUNCTION',
    'PROCEDURE',
  ],
  ...[
    'TYPE',
    'DOMAIN',
    'TRIGGER',
    'POLICY',
    'ROLE',
    'COLUMN',
    'DEFAULT PRIVILEGES',
    'PUBLICATION',
    'STATISTICS',
  ],
];
export const clauseWords = [
  ...[
    'OWNER TO',
    'ADD CONSTRAINT',
    'PRIMARY KEY',
    'FOREIGN KEY',
    'REFERENCES',
    'NOT NULL',
    'DEFAULT',
    'CHECK',
  ],
  ...['UNIQUE', 'USING', 'WHERE', 'SELECT', 'FROM', 'SET SCHEMA', 'RENAME TO'],
];

export function keywords(words: readonly string[]): CompletionItem[] {
  return words.map((label) => ({ label, kind: CompletionItemKind.Keyword, sortText: `9${label}` }));
}

export const types: readonly CompletionItem[] = [
  ...[
    'bigint',
    'boolean',
    'bytea',
    'character varying',
    'date',
    'double precision',
    'integer',
    'interval',
    'jsonb',
  ],
  ...[
    'numeric',
    'real',
    'smallint',
    'text',
    'timestamp with time zone',
    'timestamp without time zone',
    'uuid',
  ],
].map((label) => ({ label, kind: CompletionItemKind.TypeParameter, detail: 'type', sortText: `8${label}` }));

export function schemaItems(index: DdlIndex): CompletionItem[] {
  return [...index.schemas].map((schema) => ({
    ...{ label: displayName(schema), kind: CompletionItemKind.Module, detail: 'schema' },
    sortText: `2${schema}`,
  }));
}

const itemKinds: Readonly<Record<ObjectClass, CompletionItemKind>> = {
  schema: CompletionItemKind.Module,
  relation: CompletionItemKind.Class,
  routine: CompletionItemKind.Function,
  type: CompletionItemKind.Struct,
  index: CompletionItemKind.Property,
};

function item({ id, kind }: Definition, label: string): CompletionItem {
  return {
    label,
    kind: itemKinds[id.class],
    detail: kind,
    sortText: `${id.class === 'relation' ? 1 : 3}${label}`,
  };
}

export function objectItems(index: DdlIndex, schema: string): CompletionItem[] {
  const items: CompletionItem[] = [];
  for (const [definition] of index.all()) {
    if (definition?.id.schema === schema) items.push(item(definition, displayName(definition.id.name)));
  }
  return items;
}

/** With their schema: dumps run with an empty search_path. */
export function bareItems(index: DdlIndex): CompletionItem[] {
  const items: CompletionItem[] = [];
  for (const [definition] of index.all()) {
    if (definition === undefined || definition.id.class === 'schema' || definition.id.class === 'index')
      continue;
    const { schema, name: plain } = definition.id;
    items.push(item(definition, schema === '' ? displayName(plain) : displayName(schema, plain)));
  }
  return items;
}

export interface Relation {
  readonly schema: string;
  readonly name: string;
}

export function columnItems(index: DdlIndex, relations: readonly Relation[]): CompletionItem[] {
  const seen = new Set<string>();
  return relations.flatMap((relation) =>
    index.definitions({ class: 'relation', ...relation }).flatMap(({ columns }) =>
      columns.flatMap((column) => {
        if (seen.has(column)) return [];
        seen.add(column);
        const detail = `column of ${displayName(relation.schema, relation.name)}`;
        return [
          { label: displayName(column), kind: CompletionItemKind.Field, detail, sortText: `0${column}` },
        ];
      }),
    ),
  );
}

export function roleItems(context: FileContext | undefined): CompletionItem[] {
  const roles = context?.context.target.roles ?? [];
  return [
    ...roles.map((role) => ({
      ...{ label: displayName(role), kind: CompletionItemKind.Constant, detail: 'role of the target' },
      sortText: `${role.startsWith('pg_') ? 2 : 1}${role}`,
    })),
    ...keywords(['CURRENT_USER', 'PUBLIC', 'SESSION_USER']),
  ];
}

export function extensionItems(context: FileContext | undefined): CompletionItem[] {
  const allowed = new Set(
    context?.context.target.allowedExtensions?.map((each) => each.trim().toLowerCase()),
  );
  return (context?.context.target.availableExtensions ?? []).map((extension) => {
    const isAllowed = allowed.has(extension.toLowerCase());
    return {
      ...{ label: displayName(extension), kind: CompletionItemKind.Module },
      detail: isAllowed ? 'extension, allow-listed' : 'extension',
      sortText: `${isAllowed ? 1 : 2}${extension}`,
    };
  });
}
