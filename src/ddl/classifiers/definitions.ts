/** Schemas, extensions, types, routines, operators, casts, text search, foreign data, and so on. */
import type { DefElem, Node } from 'libpg-query';
import { displayName, displayRelation, ident, qualifiedIdent, relationOf, strings } from '../identifier.js';
import { objectTypeName } from '../objectType.js';
import { secretOption } from '../redact.js';
import type { AnyShape, Created, DetailsByKind } from '../statement.js';
import {
  aggregateSignature,
  operatorSignature,
  routineSignature,
  typeDisplay,
  typeSql,
} from '../typeName.js';
import type { Classifiers, NodeBody } from './classifier.js';

/** An object that is known by its (qualified) name alone. */
function named(type: string, names: readonly string[]): { object: string; creates: Created } {
  return {
    object: `${type} ${displayName(...names)}`,
    creates: { type: type.toUpperCase(), identity: qualifiedIdent(names) },
  };
}

/** An object that is there already and is changed. */
function changed(type: string, names: readonly string[]): { object: string; about: string } {
  const { object } = named(type, names);
  return { object, about: object };
}

function options(nodes: readonly Node[] | undefined): DefElem[] {
  return (nodes ?? []).flatMap((node) => ('DefElem' in node ? [node.DefElem] : []));
}

function stringOption(nodes: readonly Node[] | undefined, name: string): string | undefined {
  const arg = options(nodes).find((option) => option.defname === name)?.arg;
  return arg !== undefined && 'String' in arg ? arg.String.sval : undefined;
}

function typeOption(nodes: readonly Node[] | undefined, name: string) {
  const arg = options(nodes).find((option) => option.defname === name)?.arg;
  return arg !== undefined && 'TypeName' in arg ? arg.TypeName : undefined;
}

const textSearchVariants = {
  OBJECT_TSPARSER: 'parser',
  OBJECT_TSTEMPLATE: 'template',
  OBJECT_TSDICTIONARY: 'dictionary',
  OBJECT_TSCONFIGURATION: 'configuration',
} as const;

function define(body: NodeBody<'DefineStmt'>): AnyShape {
  const names = strings(body.defnames);
  switch (body.kind) {
    case 'OBJECT_AGGREGATE': {
      const { sql, display } = aggregateSignature(names, body.args);
      return {
        kind: 'createAggregate',
        object: `aggregate ${display}`,
        creates: { type: 'AGGREGATE', identity: sql },
        details: {},
      };
    }
    case 'OBJECT_OPERATOR': {
      const left = typeOption(body.definition, 'leftarg');
      const { sql, display } = operatorSignature(names, left, typeOption(body.definition, 'rightarg'));
      return {
        kind: 'createOperator',
        object: `operator ${display}`,
        creates: { type: 'OPERATOR', identity: sql },
        details: {},
      };
    }
    case 'OBJECT_TYPE': {
      const variant = body.definition === undefined ? 'shell' : 'base';
      return { kind: 'createType', ...named('type', names), details: { variant } };
    }
    case 'OBJECT_COLLATION':
      return { kind: 'createCollation', ...named('collation', names), details: {} };
    case 'OBJECT_TSPARSER':
    case 'OBJECT_TSTEMPLATE':
    case 'OBJECT_TSDICTIONARY':
    case 'OBJECT_TSCONFIGURATION':
      return {
        kind: 'textSearch',
        ...named(objectTypeName(body.kind), names),
        details: { variant: textSearchVariants[body.kind] },
      };
    default:
      return { kind: 'other', ...named(objectTypeName(body.kind), names), details: {} };
  }
}

function createFunction(body: NodeBody<'CreateFunctionStmt'>): AnyShape {
  const isProcedure = body.is_procedure === true;
  const { sql, display } = routineSignature(strings(body.funcname), body.parameters, isProcedure);
  // Names of languages are folded by the grammar, except those written as strings ('plpgsql' before PostgreSQL 7).
  const language = (stringOption(body.options, 'language') ?? 'sql').toLowerCase();
  return {
    kind: 'createFunction',
    object: `${isProcedure ? 'procedure' : 'function'} ${display}`,
    creates: { type: isProcedure ? 'PROCEDURE' : 'FUNCTION', identity: sql },
    details: {
      language,
      isC: language === 'c' || language === 'internal',
      isProcedure,
      returnsTrigger: strings(body.returnType?.names).at(-1) === 'trigger',
    },
  };
}

function createCast(body: NodeBody<'CreateCastStmt'>): AnyShape {
  const [from, to] = [body.sourcetype ?? {}, body.targettype ?? {}];
  return {
    kind: 'createCast',
    object: `cast (${typeDisplay(from)} as ${typeDisplay(to)})`,
    creates: { type: 'CAST', identity: `(${typeSql(from)} AS ${typeSql(to)})` },
    details: { method: body.func !== undefined ? 'function' : body.inout === true ? 'inout' : 'binary' },
  };
}

function createExtension(body: NodeBody<'CreateExtensionStmt'>, text: string): AnyShape {
  const name = body.extname ?? '';
  // Since PostgreSQL 13 the grammar takes CREATE LANGUAGE without a handler for CREATE EXTENSION.
  if (/^CREATE\s+(OR\s+REPLACE\s+)?(TRUSTED\s+)?(PROCEDURAL\s+)?LANGUAGE\b/i.test(text)) {
    return { kind: 'createLanguage', ...named('language', [name]), details: { name } };
  }
  return {
    kind: 'createExtension',
    ...named('extension', [name]),
    details: { name, schema: stringOption(body.options, 'schema') },
  };
}

function createdType(names: readonly string[], variant: DetailsByKind['createType']['variant']): AnyShape {
  return {
    kind: 'createType',
    ...named(variant === 'domain' ? 'domain' : 'type', names),
    details: { variant },
  };
}

function usingMethod(type: string, names: readonly string[], method: string | undefined) {
  return {
    object: `${type} ${displayName(...names)} using ${displayName(method ?? '')}`,
    creates: {
      type: type.toUpperCase(),
      identity: `${qualifiedIdent(names)} USING ${ident(method ?? '')}`,
    },
  };
}

function alterDomain(body: NodeBody<'AlterDomainStmt'>): AnyShape {
  const common = changed('domain', strings(body.typeName));
  const def = body.def;
  if (body.subtype !== 'C' || def === undefined || !('Constraint' in def)) {
    return { kind: 'alterType', ...common, details: {} };
  }
  const { conname, skip_validation } = def.Constraint;
  return {
    kind: 'domainConstraint',
    ...common,
    object: `constraint ${displayName(conname ?? '?')} on ${common.object}`,
    details: { name: conname, notValid: skip_validation === true },
  };
}

function userMapping(body: NodeBody<'CreateUserMappingStmt'>): AnyShape {
  const server = body.servername ?? '';
  const role = body.user?.rolename;
  const user = role ?? (body.user?.roletype === 'ROLESPEC_PUBLIC' ? 'PUBLIC' : 'CURRENT_USER');
  return {
    kind: 'userMapping',
    object: `user mapping for ${role === undefined ? user : displayName(role)} on server ${displayName(server)}`,
    creates: {
      type: 'USER MAPPING',
      identity: `FOR ${role === undefined ? user : ident(role)} SERVER ${ident(server)}`,
    },
    details: {
      server,
      user,
      hasPassword: options(body.options).some((option) => secretOption.test(option.defname ?? '')),
    },
  };
}

export const definitionClassifiers: Classifiers = {
  DefineStmt: define,
  CreateFunctionStmt: createFunction,
  CreateCastStmt: createCast,
  CreateExtensionStmt: createExtension,
  CreateUserMappingStmt: userMapping,
  AlterDomainStmt: alterDomain,
  CreateSchemaStmt: (body) => {
    const name = body.schemaname ?? body.authrole?.rolename ?? '';
    return { kind: 'createSchema', ...named('schema', [name]), details: { name } };
  },
  CreateEnumStmt: (body) => createdType(strings(body.typeName), 'enum'),
  CreateRangeStmt: (body) => createdType(strings(body.typeName), 'range'),
  CreateDomainStmt: (body) => createdType(strings(body.domainname), 'domain'),
  CompositeTypeStmt: (body) => {
    const { schema, name } = relationOf(body.typevar);
    return createdType(schema === '' ? [name] : [schema, name], 'composite');
  },
  AlterEnumStmt: (body) => ({ kind: 'alterType', ...changed('type', strings(body.typeName)), details: {} }),
  AlterTypeStmt: (body) => ({ kind: 'alterType', ...changed('type', strings(body.typeName)), details: {} }),
  CreateOpClassStmt: (body) => ({
    kind: 'opClass',
    ...usingMethod('operator class', strings(body.opclassname), body.amname),
    details: {},
  }),
  CreateOpFamilyStmt: (body) => ({
    kind: 'opFamily',
    ...usingMethod('operator family', strings(body.opfamilyname), body.amname),
    details: {},
  }),
  AlterOpFamilyStmt: (body) => {
    const { object } = usingMethod('operator family', strings(body.opfamilyname), body.amname);
    return { kind: 'opFamily', object, about: object, details: {} };
  },
  CreateAmStmt: (body) => ({
    kind: 'accessMethod',
    ...named('access method', [body.amname ?? '']),
    details: {},
  }),
  CreateTransformStmt: (body) => {
    const type = body.type_name ?? {};
    const language = body.lang ?? '';
    return {
      kind: 'transform',
      object: `transform for ${typeDisplay(type)} language ${displayName(language)}`,
      creates: { type: 'TRANSFORM', identity: `FOR ${typeSql(type)} LANGUAGE ${ident(language)}` },
      details: { language },
    };
  },
  CreateConversionStmt: (body) => ({
    kind: 'createConversion',
    ...named('conversion', strings(body.conversion_name)),
    details: {},
  }),
  AlterTSConfigurationStmt: (body) => ({
    kind: 'textSearch',
    ...changed('text search configuration', strings(body.cfgname)),
    details: { variant: 'configuration' },
  }),
  CreatePLangStmt: (body) => ({
    kind: 'createLanguage',
    ...named('language', [body.plname ?? '']),
    details: { name: body.plname ?? '' },
  }),
  CreateFdwStmt: (body) => {
    const name = body.fdwname ?? '';
    const creates = { type: 'FOREIGN DATA WRAPPER', identity: ident(name) };
    return { kind: 'fdw', object: `foreign-data wrapper ${displayName(name)}`, creates, details: { name } };
  },
  CreateForeignServerStmt: (body) => ({
    kind: 'createServer',
    ...named('server', [body.servername ?? '']),
    details: { wrapper: body.fdwname ?? '' },
  }),
  CreateEventTrigStmt: (body) => ({
    kind: 'eventTrigger',
    ...named('event trigger', [body.trigname ?? '']),
    details: { name: body.trigname ?? '' },
  }),
  AlterEventTrigStmt: (body) => ({
    kind: 'eventTrigger',
    ...changed('event trigger', [body.trigname ?? '']),
    details: { name: body.trigname ?? '' },
  }),
  CreatePublicationStmt: (body) => ({
    kind: 'publication',
    ...named('publication', [body.pubname ?? '']),
    details: { name: body.pubname ?? '', forAllTables: body.for_all_tables === true },
  }),
  AlterPublicationStmt: (body) => ({
    kind: 'publication',
    ...changed('publication', [body.pubname ?? '']),
    object: `publication ${displayName(body.pubname ?? '')}${publishedTables(body)}`,
    details: { name: body.pubname ?? '', forAllTables: false },
  }),
  CreateSubscriptionStmt: (body) => ({
    kind: 'subscription',
    ...named('subscription', [body.subname ?? '']),
    details: { name: body.subname ?? '' },
  }),
  AlterSubscriptionStmt: (body) => ({
    kind: 'subscription',
    ...changed('subscription', [body.subname ?? '']),
    details: { name: body.subname ?? '' },
  }),
};

function publishedTables(body: NodeBody<'AlterPublicationStmt'>): string {
  const tables = (body.pubobjects ?? []).flatMap((node) =>
    'PublicationObjSpec' in node && node.PublicationObjSpec.pubtable?.relation !== undefined
      ? [displayRelation(relationOf(node.PublicationObjSpec.pubtable.relation))]
      : [],
  );
  return tables.length === 0 ? '' : `: ${tables.join(', ')}`;
}
