/** Types, and the argument lists that tell functions, aggregates and operators apart. */
import type { FunctionParameter, Node, ObjectWithArgs, TypeName } from 'libpg-query';
import { displayName, ident, qualifiedIdent, strings } from './identifier.js';

/** What the parser calls a type that SQL calls otherwise. */
const sqlNames: Readonly<Record<string, string>> = {
  int2: 'smallint',
  int4: 'integer',
  int8: 'bigint',
  float4: 'real',
  float8: 'double precision',
  bool: 'boolean',
  bpchar: 'character',
  varchar: 'character varying',
  varbit: 'bit varying',
  timestamp: 'timestamp without time zone',
  timestamptz: 'timestamp with time zone',
  time: 'time without time zone',
  timetz: 'time with time zone',
};

/** SQL that names the type itself, without length or precision, whatever search_path says. */
export function typeSql(type: TypeName): string {
  return qualifiedIdent(strings(type.names)) + '[]'.repeat(type.arrayBounds?.length ?? 0);
}

/** `integer`, `public.mood[]`: for human readers. */
export function typeDisplay(type: TypeName): string {
  const names = strings(type.names);
  const last = names.at(-1) ?? '';
  const builtIn = names.length === 2 && names[0] === 'pg_catalog';
  const name = builtIn ? (sqlNames[last] ?? last) : displayName(...names);
  return name + '[]'.repeat(type.arrayBounds?.length ?? 0);
}

/** One signature, for DROP and for the reader. */
export interface Signature {
  readonly sql: string;
  readonly display: string;
}

function signature(names: readonly string[], sqlArguments: string, displayArguments: string): Signature {
  return {
    sql: `${qualifiedIdent(names)}(${sqlArguments})`,
    display: `${displayName(...names)}(${displayArguments})`,
  };
}

const modes: Readonly<Record<string, string>> = {
  FUNC_PARAM_IN: 'IN ',
  FUNC_PARAM_OUT: 'OUT ',
  FUNC_PARAM_INOUT: 'INOUT ',
  FUNC_PARAM_VARIADIC: 'VARIADIC ',
};

/**
 * A function is known by its input arguments. A procedure's OUT arguments are named too, with modes, because without
 * them PostgreSQL 14 and later would also look for a procedure with these input arguments alone.
 */
export function routineSignature(
  names: readonly string[],
  parameters: readonly Node[] | undefined,
  isProcedure: boolean,
): Signature {
  const all = functionParameters(parameters);
  const inputs = all.filter(({ mode }) => mode !== 'FUNC_PARAM_OUT' && mode !== 'FUNC_PARAM_TABLE');
  const sql = isProcedure
    ? all.map(({ mode, argType }) => `${modes[mode ?? ''] ?? 'IN '}${typeSql(argType ?? {})}`)
    : inputs.map(({ argType }) => typeSql(argType ?? {}));
  const display = inputs.map(({ argType }) => typeDisplay(argType ?? {}));
  return signature(names, sql.join(', '), display.join(', '));
}

export function functionParameters(nodes: readonly Node[] | undefined): FunctionParameter[] {
  return (nodes ?? []).flatMap((node) => ('FunctionParameter' in node ? [node.FunctionParameter] : []));
}

/**
 * `args` as CREATE AGGREGATE has them: a list of parameters (empty for `*`) and the number of direct arguments of an
 * ordered-set aggregate, or -1. A VARIADIC that is both the last direct and the only ordered argument is listed once.
 */
export function aggregateSignature(names: readonly string[], args: readonly Node[] | undefined): Signature {
  const [list, direct] = args ?? [];
  const parameters = list !== undefined && 'List' in list ? functionParameters(list.List.items ?? []) : [];
  const directCount = direct !== undefined && 'Integer' in direct ? (direct.Integer.ival ?? 0) : -1;
  if (parameters.length === 0) return signature(names, '*', '*');
  const render = (text: (type: TypeName) => string): string => {
    const types = parameters.map(
      ({ mode, argType }) => (mode === 'FUNC_PARAM_VARIADIC' ? 'VARIADIC ' : '') + text(argType ?? {}),
    );
    if (directCount < 0) return types.join(', ');
    const ordered = types.slice(Math.min(directCount, types.length - 1));
    return `${types.slice(0, directCount).join(', ')} ORDER BY ${ordered.join(', ')}`.trimStart();
  };
  // Comments and grants do not say where ORDER BY stands, so the reader's name leaves it out.
  const plain = parameters.map(({ argType }) => typeDisplay(argType ?? {})).join(', ');
  return { ...signature(names, render(typeSql), plain) };
}

/** The object of COMMENT ON, GRANT, ALTER … OWNER: the same words as its CREATE. */
export function objectWithArgsDisplay(object: ObjectWithArgs, objectType: string): string {
  const names = strings(object.objname);
  const types = (object.objargs ?? []).map((node) =>
    'TypeName' in node ? typeDisplay(node.TypeName) : 'NONE',
  );
  if (objectType === 'operator') return `${operatorName(names, displayName)}(${types.join(', ')})`;
  if (objectType === 'aggregate' && types.length === 0) return `${displayName(...names)}(*)`;
  return `${displayName(...names)}(${types.join(', ')})`;
}

/** Operator names are symbols and never quoted. */
export function operatorName(
  names: readonly string[],
  quote: (...names: readonly string[]) => string = (...all) => all.map(ident).join('.'),
): string {
  const symbol = names.at(-1) ?? '';
  const schema = names.slice(0, -1);
  return schema.length === 0 ? symbol : `${quote(...schema)}.${symbol}`;
}

export function operatorSignature(
  names: readonly string[],
  left: TypeName | undefined,
  right: TypeName | undefined,
): Signature {
  const render = (text: (type: TypeName) => string) =>
    [left, right].map((type) => (type === undefined ? 'NONE' : text(type))).join(', ');
  return {
    sql: `${operatorName(names)} (${render(typeSql)})`,
    display: `${operatorName(names, displayName)}(${render(typeDisplay)})`,
  };
}
