/** What is known of the target and its tables where a file was generated: context.json, see src/protocol/ddl.ts. */
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { TargetFacts } from '../ddl/flexibleServerRules.js';
import type { ContextRelation, DdlContext } from '../protocol/ddl.js';

export interface FileContext {
  readonly context: DdlContext;
  readonly facts: TargetFacts;
  /** By schema, NUL, name. */
  readonly relations: ReadonlyMap<string, ContextRelation>;
}

const generated = /^(.*\.flexferry)\/ddl\/(?:([^/]+)\/)?([^/]+\.sql)$/;

/** Is it a file that belongs to a project? */
export function isGenerated(uri: string): boolean {
  return generated.test(uri);
}

/** The other file of the same database, as a URI of the same spelling. */
export function siblingOf(uri: string): string | undefined {
  const [, folder = '', name] = /^(.*\/)(pre-data|post-data)\.sql$/.exec(uri) ?? [];
  if (name === undefined || !isGenerated(uri)) return undefined;
  return `${folder}${name === 'pre-data' ? 'post-data' : 'pre-data'}.sql`;
}

/** Bytes. 60,000 tables are about 8 MB. */
const longestContext = 128 << 20;

/** context.json of the projects that are open, read anew once they change. */
export class Contexts {
  readonly #known = new Map<string, { readonly stamp: string; readonly value: FileContext | undefined }>();

  /** Undefined where there is none, or none of a version that is understood. */
  of(uri: string): FileContext | undefined {
    const [, project, folder] = generated.exec(uri) ?? [];
    if (project === undefined || folder === undefined) return undefined;
    const place = `${project}/generated/${folder}/context.json`;
    try {
      const path = fileURLToPath(place);
      const { mtimeMs, size } = statSync(path);
      const stamp = `${mtimeMs} ${size}`;
      const known = this.#known.get(place);
      if (known?.stamp === stamp) return known.value;
      const value = size > longestContext ? undefined : readContext(readFileSync(path, 'utf8'));
      this.#known.set(place, { stamp, value });
      return value;
    } catch {
      this.#known.delete(place);
      return undefined;
    }
  }
}

function readContext(text: string): FileContext | undefined {
  const data: unknown = JSON.parse(text);
  if (!isContext(data)) return undefined;
  const { target, relations, options } = data;
  const { isSuperuser, bypassesRowSecurity, preloadLibraries, collations, tableAccessMethods } = target;
  return {
    context: data,
    facts: {
      versionNum: target.versionNum,
      isFlexibleServer: target.isFlexibleServer,
      allowedExtensions: target.allowedExtensions,
      availableExtensions: new Set(target.availableExtensions),
      installedExtensions: new Set(target.installedExtensions),
      roles: new Set(target.roles),
      ...(isSuperuser !== undefined && { isSuperuser }),
      ...(bypassesRowSecurity !== undefined && { bypassesRowSecurity }),
      ...(preloadLibraries && { preloadLibraries: new Set(preloadLibraries) }),
      ...(collations && { collations: new Set(collations) }),
      ...(tableAccessMethods && { tableAccessMethods: new Set(tableAccessMethods) }),
      ...options,
    },
    relations: new Map(relations.map((relation) => [`${relation.schema}\0${relation.name}`, relation])),
  };
}

/** A file that was cut or edited by hand must not end the server. */
function isContext(data: unknown): data is DdlContext {
  const { version, target, relations, sources } = (data ?? {}) as Partial<DdlContext>;
  return (
    version === 1 &&
    typeof target?.versionNum === 'number' &&
    typeof target.isFlexibleServer === 'boolean' &&
    (target.allowedExtensions === null || Array.isArray(target.allowedExtensions)) &&
    [target.availableExtensions, target.installedExtensions, target.roles, relations].every(Array.isArray) &&
    typeof sources === 'object' &&
    sources !== null
  );
}
