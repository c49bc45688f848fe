/** What may name something renamed but is nowhere the parser reads as a name. */
import { withinLiteral } from './literal.js';
import { affectedSchemas, classTarget, isSame, type Place } from './place.js';
import { SqlText } from './sqlText.js';

/** Words that tell a piece of SQL from other text. */
const sqlWords =
  /\b(select|insert|update|delete|from|join|into|table|truncate|view|index|sequence|schema|call|perform|execute|merge|nextval|setval|search_path|owner|grant|revoke|copy)\b/i;

/** May a string name something renamed? With the start and end of what does. */
export function findMention(place: Place, content: string): { start: number; end: number } | undefined {
  const { renames, surroundings } = place;
  if (!renames.mentions(content)) return undefined;
  const { names, tokens } = new SqlText(content);
  const isSql = surroundings.hasQueries && sqlWords.test(content);
  const isWhole = names.length === 1 && names[0]?.next === tokens.length;
  for (const name of names) {
    const [one, two] = name.parts;
    if (one === undefined) continue;
    const { start, end } = name;
    if (two !== undefined) {
      if (isAffected(place, one.name, two.name)) return { start, end };
      if (isSql && renames.schema(one.name) !== one.name) return { start, end };
    } else if (tokens[name.next]?.word === '.' || (isWhole && surroundings.hasQueries)) {
      if (renames.schema(one.name) !== one.name) return { start, end };
    }
    if (two === undefined && isWhole && surroundings.hasQueries && isRenamedAnywhere(place, one.name))
      return { start, end };
    if (two === undefined && isSql && affectedSchemas(renames, one.name, 'relation').length > 0)
      return { start, end };
  }
  return undefined;
}

export const mentionsRenamed = (place: Place, content: string): boolean =>
  findMention(place, content) !== undefined;

/** Has something of this name in some schema another name of its own? */
function isRenamedAnywhere({ renames }: Place, name: string): boolean {
  return renames.schemasOf(name).some((schema) => renames.relation({ schema, name }).name !== name);
}

export function isAffected({ renames }: Place, schema: string, name: string): boolean {
  const relation = { schema, name };
  return renames.known(schema, name) && !isSame(classTarget(renames, relation), relation);
}

/** All strings that nothing else claimed. */
export function checkStrings(place: Place): void {
  const { sql } = place;
  for (const token of sql.tokens) {
    if (token.kind !== 'string' || sql.claimedStrings.has(token.start)) continue;
    const isRead = withinLiteral(sql, token, (inner) => {
      const found = findMention(place, inner.text);
      if (found)
        inner.undecide(
          found.start,
          found.end,
          `The string names ${inner.text.slice(found.start, found.end)}, or something like it, which is renamed.`,
        );
    });
    const isUnicode = /^u&/i.test(sql.text.slice(token.start, token.start + 2));
    if (!isRead && isUnicode && place.surroundings.hasQueries)
      sql.undecide(
        token.start,
        token.end,
        'A string in Unicode escapes is not read; it may name something renamed.',
      );
  }
}

/** Dotted names that no node of the tree claimed. */
export function checkNames(place: Place): void {
  const { sql } = place;
  for (const name of sql.names) {
    const [one, two] = name.parts;
    if (name.claimed || one === undefined || two === undefined || !isAffected(place, one.name, two.name))
      continue;
    sql.undecide(
      name.start,
      name.end,
      `It is not certain that ${sql.text.slice(name.start, name.end)} is what is renamed.`,
    );
  }
}
