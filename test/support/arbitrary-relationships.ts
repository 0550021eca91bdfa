/**
 * arbitrary-relationships.ts – Random object types with relationships, random records that point at
 * each other, and queries that go from record to record, in every dialect.
 *
 * Keeps true: types may lead in circles and to themselves; keys dangle, repeat ids and point at
 * archived records; ids and values are so few that conditions are met often; a query is never
 * refused.
 */
import fc from 'fast-check';
import { type ObjectType, objectType } from '../../src/change/object-type.ts';
import type { QueryScope } from '../../src/query/dialects/compile.ts';
import { renamePaths } from '../../src/query/json-logic/json-logic-program.ts';
import type { Graph, GraphRecord } from '../../src/query/json-logic/reference-document.ts';
import {
  AGGREGATE_NAMES,
  type AggregateName,
  isOfValues,
  rowOfValues,
  takesType,
} from '../../src/query/predicate/measures.ts';
import { type Hop, hopsFrom } from '../../src/query/predicate/relationships.ts';
import {
  asItem,
  attributesOf,
  defined,
  leafOf,
  type QueryOptions,
  type Rule,
  ruleOf,
} from './arbitrary-queries.ts';

export interface RelatedCase {
  readonly types: ReadonlyMap<string, ObjectType>;
  /** The type that the queries are about. */
  readonly type: ObjectType;
  readonly graph: Graph;
  readonly queries: readonly unknown[];
}

export function scopeOver(types: ReadonlyMap<string, ObjectType>, type: ObjectType): QueryScope {
  return { type, types, timeZone: 'UTC', segment: () => undefined };
}

const IDS = ['a', 'b', 'c', 'd'];
const DANGLING = 'e';
/** Their sums depend on the order in which floats are added; some have more decimals than count. */
const AMOUNTS = [1e-12, 0.1, 0.2, 0.3, 0.6, -0.1, 0.0000005, 1e15, 0, 1, 2.5];
const ATTRIBUTES = {
  label: { type: 'string' },
  amount: { type: 'number' },
  weight: { type: 'number' },
  flag: { type: 'boolean' },
  day: { type: 'date' },
  at: { type: 'datetime' },
  tags: { type: 'list', of: 'string' },
  extra: { type: 'object' },
} as const;

export function relatedCase(options: QueryOptions = {}): fc.Arbitrary<RelatedCase> {
  return anyTypes().chain((types) =>
    fc.constantFrom(...types.values()).chain((type) =>
      fc.record({
        types: fc.constant(types),
        type: fc.constant(type),
        graph: anyGraph(types),
        queries: fc.array(anyQuery(types, type, options), { minLength: 1, maxLength: 3 }),
      }),
    ),
  );
}

/** An aggregate, and an attribute that it takes. */
const anyAggregate = fc
  .constantFrom(...AGGREGATE_NAMES)
  .chain((name) => fc.tuple(fc.constant(name), fc.constantFrom(...attributesTaken(name))));

/** With the dot that leads to each; of records themselves it may be left out. */
function attributesTaken(name: AggregateName): string[] {
  if (!isOfValues(name)) return ['', '.amount', '.weight'];
  const taken = Object.entries(ATTRIBUTES).filter(([, { type }]) => takesType(name, type));
  return taken.map(([attribute]) => `.${attribute}`);
}

/**
 * Queries about targets that compare measures of their holders with numbers about which they go up
 * and down.
 */
export function measuredCase(): fc.Arbitrary<RelatedCase> {
  return fc.constantFrom<'one' | 'many'>('one', 'many').chain((cardinality) => {
    const to = { to: 'targets', key: 'target', cardinality, inverse: 'holders' };
    const targets = objectType('targets', 1, { attributes: ATTRIBUTES, relationships: {} });
    const holders = objectType('holders', 1, { attributes: ATTRIBUTES, relationships: { to } });
    const types = new Map([targets, holders].map((type) => [type.name, type]));
    const rule = fc.record({
      measured: anyAggregate,
      operator: fc.constantFrom('=', '!=', '<', '>='),
      value: fc.constantFrom(0, 1, 2, 3, 0.3),
      where: fc.option(groupOver(types, holders, 0, {}), { nil: undefined }),
    });
    const query = rule.map(({ measured: [aggregate, of], ...rest }) => ({
      combinator: 'and',
      rules: [defined({ field: `holders${of}`, aggregate, ...rest })],
    }));
    return fc.record({
      types: fc.constant(types),
      type: fc.constant(targets),
      graph: anyGraph(types),
      queries: fc.array(query, { minLength: 2, maxLength: 4 }),
    });
  });
}

// ── Types and records ──

function anyTypes(): fc.Arbitrary<ReadonlyMap<string, ObjectType>> {
  const drawn = fc.record({
    holder: fc.nat(3),
    to: fc.nat(3),
    cardinality: fc.constantFrom<'one' | 'many'>('one', 'one', 'many'),
  });
  return fc
    .record({
      number: fc.integer({ min: 1, max: 4 }),
      drawn: fc.array(drawn, { minLength: 1, maxLength: 6 }),
    })
    .map(({ number, drawn }) => {
      const types = Array.from({ length: number }, (_, index) => {
        const own = drawn.flatMap(({ holder, to, cardinality }, at) =>
          holder % number === index
            ? [
                [
                  `to${at}`,
                  { to: `type${to % number}`, key: `key${at}`, cardinality, inverse: `from${at}` },
                ] as const,
              ]
            : [],
        );
        return objectType(`type${index}`, 1, {
          attributes: ATTRIBUTES,
          relationships: Object.fromEntries(own),
        });
      });
      return new Map(types.map((type) => [type.name, type]));
    });
}

function anyGraph(types: ReadonlyMap<string, ObjectType>): fc.Arbitrary<Graph> {
  const model: Record<string, fc.Arbitrary<readonly GraphRecord[]>> = {};
  for (const type of types.values()) model[type.name] = recordsOf(type);
  return fc
    .record(model)
    .map((records) => ({ types, records: (typeName) => records[typeName] ?? [] }));
}

/** Live records only: an id that none has is one of an archived record, or of none. */
function recordsOf(type: ObjectType): fc.Arbitrary<readonly GraphRecord[]> {
  const keys: Record<string, fc.Arbitrary<unknown>> = {};
  const id = fc.constantFrom(...IDS, DANGLING);
  for (const { key, cardinality } of type.relationships.values()) {
    keys[key] =
      cardinality === 'one'
        ? fc.option(id, { freq: 4 })
        : fc.option(fc.array(id, { maxLength: 4 }), { freq: 4 });
  }
  const amounts = fc.record({ amount: fc.constantFrom(...AMOUNTS) }, { requiredKeys: [] });
  const data = fc.record({ attributes: attributesOf(type), amounts, keys: fc.record(keys) });
  const record = data.map(({ attributes, amounts, keys }) => ({
    ...attributes,
    ...amounts,
    ...keys,
  }));
  return fc
    .record({
      ids: fc.subarray(IDS, { minLength: 1 }),
      data: fc.array(record, { minLength: 4, maxLength: 4 }),
    })
    .map(({ ids, data }) => ids.map((each, index) => ({ id: each, data: data[index]! })));
}

// ── Ways ──

interface Way {
  readonly hops: readonly Hop[];
  readonly type: ObjectType;
}

/** A way of one to three steps (none, if the type leads nowhere) over the steps that are taken. */
function wayFrom(
  types: ReadonlyMap<string, ObjectType>,
  from: ObjectType,
  isTaken: (hop: Hop) => boolean = () => true,
  lengthMin = 1,
): fc.Arbitrary<Way> {
  return fc.array(fc.nat(11), { minLength: lengthMin, maxLength: 3 }).map((choices) => {
    const hops: Hop[] = [];
    let type = from;
    for (const choice of choices) {
      const open = hopsFrom(type, types).filter(isTaken);
      if (open.length === 0) break;
      const hop = open[choice % open.length]!;
      hops.push(hop);
      type = types.get(hop.target)!;
    }
    return { hops, type };
  });
}

/** Steps to one, then a step to many. */
function wayToMany(
  types: ReadonlyMap<string, ObjectType>,
  from: ObjectType,
): fc.Arbitrary<Way | undefined> {
  return fc
    .tuple(
      wayFrom(types, from, ({ many }) => !many, 0),
      fc.nat(5),
      fc.boolean(),
    )
    .map(([way, choice, near]) => {
      const start = near ? { hops: [], type: from } : way;
      const open = hopsFrom(start.type, types).filter(({ many }) => many);
      const hop = open[choice % Math.max(open.length, 1)];
      return hop && { hops: [...start.hops, hop], type: types.get(hop.target)! };
    });
}

function pathOf({ hops }: Way): string {
  return hops.map(({ name }) => name).join('.');
}

// ── Rule groups ──

type Types = ReadonlyMap<string, ObjectType>;

function groupOver(
  types: Types,
  type: ObjectType,
  depth: number,
  options: QueryOptions,
): fc.Arbitrary<Rule> {
  const rules = fc.array(ruleOver(types, type, depth, options), {
    minLength: depth === 3 ? 1 : 0,
    maxLength: 3,
  });
  return fc
    .record({
      combinator: fc.constantFrom('and', 'or'),
      not: fc.constantFrom(undefined, true, false),
      rules,
    })
    .map(defined);
}

function ruleOver(
  types: Types,
  type: ObjectType,
  depth: number,
  options: QueryOptions,
): fc.Arbitrary<Rule> {
  const own = ruleOf(type, [], options);
  const dotted = wayFrom(types, type).chain((way) => {
    const ends = ruleOf(way.type, [], options);
    return way.hops.length === 0
      ? ends
      : ends.map((rule) => ({ ...rule, field: `${pathOf(way)}.${rule.field}` }));
  });
  const existence = wayFrom(types, type).chain((way) => {
    if (way.hops.at(-1)?.many !== false) return own;
    return fc
      .constantFrom('null', 'notNull')
      .map((operator): Rule => ({ field: pathOf(way), operator }));
  });
  const many =
    depth === 0
      ? own
      : wayToMany(types, type).chain((way) => {
          if (!way) return own;
          return fc.oneof(
            matchOver(types, way, depth, options),
            aggregateOver(types, way, depth, options),
          );
        });
  const nested = depth === 0 ? own : groupOver(types, type, depth - 1, options);
  return fc.oneof(
    { arbitrary: own, weight: 2 },
    { arbitrary: dotted, weight: 4 },
    { arbitrary: existence, weight: 1 },
    { arbitrary: many, weight: 5 },
    { arbitrary: nested, weight: 1 },
  );
}

const anyThreshold = fc.constantFrom<unknown>(0, 1, 2, 3, '1', 0.5, 0.25, 1 / 3, '0.5');

function matchOver(
  types: Types,
  way: Way,
  depth: number,
  options: QueryOptions,
): fc.Arbitrary<Rule> {
  const counting = fc.record({
    mode: fc.constantFrom('atLeast', 'atMost', 'exactly'),
    threshold: anyThreshold,
  });
  return fc
    .record({
      match: fc.oneof(fc.record({ mode: fc.constantFrom('all', 'some', 'none') }), counting),
      value: groupOver(types, way.type, depth - 1, options),
    })
    .map(({ match, value }) => ({ field: pathOf(way), operator: '=', match, value }));
}

const anyNumber = fc.constantFrom<number>(0, 1, 2, 0.1, 0.3, 0.6, 0.2, -0.1, 1e15);

function aggregateOver(
  types: Types,
  way: Way,
  depth: number,
  options: QueryOptions,
): fc.Arbitrary<Rule> {
  const where = fc.option(groupOver(types, way.type, depth - 1, options), { nil: undefined });
  const compared = fc.oneof(
    { arbitrary: fc.tuple(fc.constantFrom('=', '!=', '<', '<=', '>', '>='), anyNumber), weight: 6 },
    {
      arbitrary: fc.tuple(fc.constantFrom('between', 'notBetween'), fc.tuple(anyNumber, anyNumber)),
      weight: 2,
    },
    {
      arbitrary: fc.tuple(fc.constantFrom('in', 'notIn'), fc.array(anyNumber, { maxLength: 3 })),
      weight: 2,
    },
    { arbitrary: fc.tuple(fc.constantFrom('null', 'notNull'), fc.constant(undefined)), weight: 1 },
  );
  return fc
    .tuple(anyAggregate, compared, where)
    .map(([[aggregate, of], [operator, value], where]) =>
      defined({ field: `${pathOf(way)}${of}`, aggregate, operator, value, where }),
    );
}

// ── JsonLogic ──

function logicOver(
  types: Types,
  type: ObjectType,
  depth: number,
  options: QueryOptions,
): fc.Arbitrary<Rule> {
  const far = wayFrom(types, type, ({ many }) => !many).chain((way) => {
    const prefix = way.hops.length === 0 ? '' : `${pathOf(way)}.`;
    const leaf = leafOf(way.type, options).map(
      (rule) => renamePaths(rule, (path) => `${prefix}${path}`) as Rule,
    );
    if (prefix === '') return leaf;
    return fc.oneof(
      { arbitrary: leaf, weight: 4 },
      { arbitrary: existenceLogic(pathOf(way)), weight: 1 },
    );
  });
  const leaf = fc.oneof(
    { arbitrary: leafOf(type, options), weight: 1 },
    { arbitrary: far, weight: 3 },
  );
  if (depth === 0) return leaf;
  const many = wayToMany(types, type).chain((way) =>
    way ? manyLogic(types, way, depth, options) : leaf,
  );
  const inner = logicOver(types, type, depth - 1, options);
  const group = fc
    .record({
      name: fc.constantFrom('and', 'or'),
      args: fc.array(inner, { minLength: 1, maxLength: 3 }),
    })
    .map(({ name, args }) => ({ [name]: args }));
  const choice = fc.tuple(leaf, inner, inner).map((args) => ({ if: args }));
  return fc.oneof(
    { arbitrary: leaf, weight: 2 },
    { arbitrary: many, weight: 5 },
    { arbitrary: group, weight: 2 },
    { arbitrary: choice, weight: 1 },
    { arbitrary: inner.map((rule) => ({ '!': [rule] })), weight: 1 },
  );
}

function existenceLogic(path: string): fc.Arbitrary<Rule> {
  const read = { var: path };
  return fc.constantFrom<Rule>(
    read,
    { '!': [read] },
    { '!!': read },
    { '==': [read, null] },
    { '!=': [null, read] },
    { '===': [{ var: [path] }, null] },
    { '!==': [read, null] },
  );
}

function manyLogic(
  types: Types,
  way: Way,
  depth: number,
  options: QueryOptions,
): fc.Arbitrary<Rule> {
  const list = { var: pathOf(way) };
  const inner = logicOver(types, way.type, depth - 1, options);
  const restricted = fc.oneof(
    { arbitrary: fc.constant<unknown>(list), weight: 1 },
    { arbitrary: inner.map((rule) => ({ filter: [list, rule] })), weight: 2 },
  );
  const ofOwn = fc.oneof(
    fc.constant<unknown>(list),
    leafOf(way.type, options).map((rule) => ({ filter: [list, rule] })),
  );
  return fc.oneof(
    fc
      .tuple(fc.constantFrom('some', 'none'), restricted, inner)
      .map(([name, ...args]) => ({ [name]: args })),
    fc.tuple(ofOwn, inner).map((args) => ({ all: args })),
    fc.constantFrom<Rule>(list, { '!': [list] }, { '!!': [list] }),
    restricted.chain((related) => comparedLogic(related, list)),
  );
}

const accumulator = { var: 'accumulator' };
const amount = { var: 'amount' };

function countLogic(related: unknown): Rule {
  return { reduce: [related, { '+': [1, accumulator] }, 0] };
}

function comparedLogic(related: unknown, list: unknown): fc.Arbitrary<Rule> {
  const amounts = { map: [related, amount] };
  const written = fc.constantFrom<Rule>(
    countLogic(related),
    { reduce: [related, { '+': [accumulator, 1] }, 0] },
    { '/': [countLogic(related), countLogic(list)] },
    { reduce: [amounts, { '+': [{ var: 'current' }, accumulator] }, 0] },
    { reduce: [related, { '+': [accumulator, { var: 'current.amount' }] }, 0] },
  );
  const ofValues = anyAggregate.map(([name, of]): Rule => {
    if (!isOfValues(name)) return countLogic(related);
    return { [rowOfValues(name).operation]: [{ map: [related, { var: of.slice(1) }] }] };
  });
  const measure = fc.oneof(
    written,
    { arbitrary: ofValues, weight: 2 },
    fc.constant({ avg: amounts }),
  );
  const constant = fc.oneof(anyNumber, fc.constantFrom(0.5, 1 / 3));
  const pair = fc.constantFrom('==', '===', '!=', '!==', '<', '<=', '>', '>=');
  return fc.oneof(
    {
      arbitrary: fc.tuple(pair, measure, constant).map(([name, ...args]) => ({ [name]: args })),
      weight: 6,
    },
    {
      arbitrary: fc.tuple(pair, constant, measure).map(([name, ...args]) => ({ [name]: args })),
      weight: 3,
    },
    {
      arbitrary: fc
        .tuple(fc.constantFrom('<', '<='), constant, measure, constant)
        .map(([name, ...args]) => ({ [name]: args })),
      weight: 2,
    },
    {
      arbitrary: fc
        .tuple(measure, fc.array(constant, { maxLength: 3 }))
        .map((args) => ({ in: args })),
      weight: 1,
    },
    {
      arbitrary: fc
        .tuple(fc.constantFrom('==', '!=', '===', '!=='), measure)
        .map(([name, read]) => ({ [name]: [read, null] })),
      weight: 1,
    },
    { arbitrary: measure, weight: 1 },
  );
}

/** A query over the type and its neighbours, in any dialect. */
function anyQuery(types: Types, type: ObjectType, options: QueryOptions): fc.Arbitrary<Rule> {
  return fc.oneof(
    { arbitrary: groupOver(types, type, 3, options), weight: 4 },
    { arbitrary: groupOver(types, type, 2, options).map(asItem), weight: 1 },
    { arbitrary: logicOver(types, type, 3, options), weight: 4 },
  );
}
