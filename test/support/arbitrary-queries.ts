/**
 * arbitrary-queries.ts – Random object types, records that fit them, and queries over them in each
 * dialect.
 *
 * Keeps true: every type has attributes of every kind, so that every operator can occur; the values
 * of records and those of queries come from the same few, edge values among them, so that
 * conditions are met often; a query is never refused.
 */
import fc from 'fast-check';
import {
  type Attribute,
  type ObjectType,
  objectType,
  SCALAR_TYPES,
  type ScalarType,
} from '../../src/change/object-type.ts';
import { Problem } from '../../src/errors.ts';
import { compileQuery, type QueryScope } from '../../src/query/dialects/compile.ts';
import {
  type AttributeOperator,
  OPERATORS,
  type Operator,
} from '../../src/query/dialects/operators.ts';
import { ANCHORS, CALENDAR_UNITS } from '../../src/query/predicate/predicate.ts';
import type { Attributes } from '../../src/query/predicate/view.ts';

/**
 * What a random query may say beside the rest. `time`: what is relative to the present, at the
 * clock NOON (contacts.ts).
 */
export interface QueryOptions {
  readonly time?: boolean;
}

/** Every operator that a random rule can have. */
export function operatorNames({ time = false }: QueryOptions = {}): readonly string[] {
  return [...new Set(OPERATORS.flatMap((row) => (isOfTime(row) && !time ? [] : [row.name])))];
}

function isOfTime(row: Operator): boolean {
  return row.kind === 'attribute' && (row.takes === 'window' || row.takes === 'period');
}

const NAMES = [
  'first',
  'second',
  'third',
  'fourth',
  'fifth',
  'sixth',
  'seventh',
  'eighth',
  'ninth',
  'tenth',
];

/** In normal form for UTC. */
const VALUES: Record<ScalarType, readonly unknown[]> = {
  string: [
    '',
    'a',
    'A',
    'ab',
    'Ab',
    'aB',
    'abc',
    'b',
    'ba',
    'null',
    '0',
    '10',
    'ß',
    'İ',
    'ΑΣ',
    'ας',
    'x,y',
    '\u{1F600}',
  ],
  number: [-1, 0, 0.5, 1, 2, 5, 10, 1e21],
  boolean: [false, true],
  date: ['2023-12-31', '2024-01-01', '2024-02-29'],
  datetime: [
    '2023-12-31T23:59:59.999Z',
    '2024-01-01T00:00:00.000Z',
    '2024-01-01T00:00:00.001Z',
    '2024-02-29T12:00:00.000Z',
  ],
};

/** What else may be sent for such a value. */
const SPELLINGS: Record<ScalarType, readonly unknown[]> = {
  string: [],
  number: ['0', '-1', ' 5 ', '1e21', -0, '-0'],
  boolean: ['true', 'false'],
  date: [
    '2024-01-01T10:30',
    '2024-02-29 23:59:59Z',
    '2024-01-01T00:30:00+01:00',
    '2023-12-31 12:00+00',
  ],
  datetime: [
    // days, whose moments are all meant
    '2023-12-31',
    '2024-01-01',
    '2024-02-29',
    '2024-01-01T00:00:00',
    '2024-01-01T00:00',
    '2024-01-01 00:00:00.001',
    '2024-02-29 13:00+01',
    '2024-02-29T13:00:00.0009+01:00',
  ],
};

/** Where a text may be one that only some operators take (`admit`). */
const PATTERNS = ['^a', 'B$', '^$', '[Aa]b?', '(?i)AB', '\\D', '.', 'a|ß', '\\bx'];

const OBJECTS = [{}, { a: 1 }, { a: 'a', b: [1, 2] }, { a: { b: 'ab' } }, { a: null }];

const anyScalarType = fc.constantFrom(...SCALAR_TYPES);

const anyAttribute: fc.Arbitrary<Attribute> = fc.oneof(
  { arbitrary: anyScalarType.map((type): Attribute => ({ type })), weight: 4 },
  { arbitrary: anyScalarType.map((of): Attribute => ({ type: 'list', of })), weight: 1 },
);

const EVERY_KIND: readonly Attribute[] = [
  ...SCALAR_TYPES.map((type): Attribute => ({ type })),
  { type: 'list', of: 'string' },
  { type: 'object' },
];

/** A type with an attribute of every kind and a few more, under names that say nothing. */
export const anyObjectType: fc.Arbitrary<ObjectType> = fc
  .record({
    more: fc.array(anyAttribute, { maxLength: NAMES.length - EVERY_KIND.length }),
    names: shuffled(NAMES),
  })
  .map(({ more, names }) => {
    const attributes = [...EVERY_KIND, ...more].map(
      (attribute, index) => [names[index]!, attribute] as const,
    );
    return objectType('things', 1, {
      attributes: Object.fromEntries(attributes),
      relationships: {},
    });
  });

function shuffled<T>(items: readonly T[]): fc.Arbitrary<T[]> {
  return fc.shuffledSubarray([...items], { minLength: items.length });
}

/** The attributes of a record, some of them missing. */
export function attributesOf(type: ObjectType): fc.Arbitrary<Attributes> {
  const model: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [name, attribute] of type.attributes)
    model[name] = fc.option(anyValueOf(attribute), { freq: 3, nil: undefined });
  return fc.record(model).map((values) => {
    return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  });
}

function anyValueOf({ type, of }: Attribute): fc.Arbitrary<unknown> {
  if (type === 'list')
    return fc.array(fc.constantFrom(...VALUES[of ?? 'string']), { maxLength: 3 });
  return fc.constantFrom(...(type === 'object' ? OBJECTS : VALUES[type]));
}

// ── Rule groups and item trees ──

export type Rule = Readonly<Record<string, unknown>>;

/** A rule group over the type; `slugs` are the segments that it may use. */
function ruleGroupOf(
  type: ObjectType,
  slugs: readonly string[] = [],
  depth = 3,
  options: QueryOptions = {},
): fc.Arbitrary<Rule> {
  const part =
    depth === 1
      ? ruleOf(type, slugs, options)
      : fc.oneof(
          { arbitrary: ruleOf(type, slugs, options), weight: 3 },
          { arbitrary: ruleGroupOf(type, slugs, depth - 1, options), weight: 1 },
        );
  return fc
    .record({
      combinator: fc.constantFrom('and', 'or'),
      not: fc.constantFrom(undefined, false, true),
      muted: fc.oneof(
        { arbitrary: fc.constantFrom(undefined, false), weight: 15 },
        { arbitrary: fc.constant(depth < 3), weight: 1 },
      ),
      rules: fc.oneof(
        { arbitrary: fc.array(part, { minLength: 1, maxLength: 4 }), weight: 15 },
        { arbitrary: fc.constant([]), weight: 1 },
      ),
    })
    .map(defined);
}

/** The same statements in the other dialect. */
function itemTreeOf(
  type: ObjectType,
  slugs: readonly string[] = [],
  depth = 3,
  options: QueryOptions = {},
): fc.Arbitrary<Rule> {
  return ruleGroupOf(type, slugs, depth, options).map(asItem);
}

/** A rule group as an item tree. */
export function asItem(rule: Rule): Rule {
  const { combinator, rules, field, operator, value, where, ...rest } = rule;
  if (Array.isArray(rules))
    return { ...rest, type: 'group', operator: combinator, items: rules.map(asItem) };
  const groups = {
    value: rule.match ? asItem(value as Rule) : value,
    where: where && asItem(where as Rule),
  };
  return defined({
    ...rest,
    ...groups,
    type: 'attribute',
    slug: field,
    operator: operator === '=' ? '==' : operator,
  });
}

export function defined(rule: Rule): Rule {
  return Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== undefined));
}

/** A rule about the record's own attributes, or a segment. */
export function ruleOf(
  type: ObjectType,
  slugs: readonly string[],
  options: QueryOptions = {},
): fc.Arbitrary<Rule> {
  const rows = OPERATORS.flatMap((row) =>
    row.kind === 'attribute' && (options.time || !isOfTime(row))
      ? [attributeRuleOf(type, row, options)]
      : [],
  );
  const rules: fc.Arbitrary<Rule> = fc.oneof(...rows);
  if (slugs.length === 0) return rules;
  const segmentRules = fc.record({
    field: fc.constant(''),
    operator: fc.constantFrom('inSegment', 'notInSegment'),
    value: fc.constantFrom(...slugs),
  });
  return fc.oneof({ arbitrary: rules, weight: 12 }, { arbitrary: segmentRules, weight: 1 });
}

function attributeRuleOf(
  type: ObjectType,
  row: AttributeOperator,
  options: QueryOptions,
): fc.Arbitrary<Rule> {
  const fields = [...type.attributes].filter(([, attribute]) => row.on.includes(attribute.type));
  return fc.constantFrom(...fields).chain(([field, attribute]) => {
    const caseInsensitive = row.takes === 'nothing' ? fc.constant(undefined) : caseOf(attribute);
    const rule = { field: fc.constant(field), operator: fc.constant(row.name), caseInsensitive };
    const withValue = fc.record({ ...rule, value: operandOf(attribute, row, options) });
    const others = [...type.attributes]
      .filter(
        ([, other]) =>
          other.type === attribute.type || (TIMES.has(other.type) && TIMES.has(attribute.type)),
      )
      .map(([name]) => name);
    if (!row.ofAttributes) return withValue.map(defined);
    const withField = fc.record({
      ...rule,
      valueSource: fc.constant('field'),
      value: fc.constantFrom(...others),
    });
    return fc
      .oneof({ arbitrary: withValue, weight: 3 }, { arbitrary: withField, weight: 1 })
      .map(defined);
  });
}

function caseOf({ type, of }: Attribute): fc.Arbitrary<unknown> {
  return type === 'string' || of === 'string'
    ? fc.constantFrom(undefined, false, true)
    : fc.constant(undefined);
}

function operandOf(
  { type, of }: Attribute,
  row: AttributeOperator,
  { time }: QueryOptions,
): fc.Arbitrary<unknown> {
  const scalar = SCALAR_TYPES.find((known) => known === (of ?? type)) ?? 'string';
  const patterns = row.admit ? PATTERNS : [];
  const fixed = fc.constantFrom(...VALUES[scalar], ...SPELLINGS[scalar], ...patterns);
  const positive = row.complementOf ?? row;
  const canMove =
    time && (type === 'date' || type === 'datetime') && (positive.ofMoment || positive.ends);
  const one = canMove ? fc.oneof(fixed, anyMoment) : fixed;
  switch (row.takes) {
    case 'nothing':
      return fc.constantFrom(undefined, null, '');
    case 'one':
      return one;
    case 'pair':
      return fc.tuple(one, one);
    case 'window':
      return anyWindow;
    case 'period':
      return fc.record({ unit: fc.constantFrom(...CALENDAR_UNITS) });
    default:
      return fc.array(one, { maxLength: 3 });
  }
}

const WINDOW_UNITS = ['second', 'minute', 'hour', 'day', 'week'];

/** Of lengths such that some values lie inside of them at NOON. */
const anyWindow = fc.oneof(
  fc.record({
    amount: fc.constantFrom<unknown>(0, 1, 14, 15, 44, 45, '46'),
    unit: fc.constantFrom('day'),
  }),
  fc.record({
    amount: fc.constantFrom(0, 1, 2, 3, 10, 360, 1000),
    unit: fc.constantFrom(...WINDOW_UNITS),
  }),
);

/** A moment relative to the present. */
const anyMoment = fc
  .record({
    mode: fc.constant('relative'),
    anchor: fc.constantFrom('now', ...ANCHORS),
    offset: fc.constantFrom<unknown>(undefined, 0, -1, 1, '-1', 2, -2, 3, -14, 15, -15, 45, 400),
    unit: fc.constantFrom(...WINDOW_UNITS, 'month', 'quarter', 'year'),
  })
  .map(defined);

// ── JsonLogic ──

/**
 * JsonLogic over the type's own attributes: what becomes atoms, what almost does, and what stays a
 * program.
 */
function jsonLogicOf(type: ObjectType, depth = 3, options: QueryOptions = {}): fc.Arbitrary<Rule> {
  const leaf = leafOf(type, options);
  if (depth === 0) return leaf;
  const inner = jsonLogicOf(type, depth - 1, options);
  const truth = fc.oneof(
    { arbitrary: inner, weight: 16 },
    { arbitrary: fc.constantFrom<unknown>(true, 0, '', [], 'a'), weight: 1 },
  );
  const group = fc.record({
    name: fc.constantFrom('and', 'or', 'if', '?:'),
    args: fc.array(truth, { minLength: Math.min(depth, 2), maxLength: 4 }),
  });
  return fc.oneof(
    { arbitrary: leaf, weight: 3 },
    { arbitrary: group.map(({ name, args }) => ({ [kept(name, args)]: args })), weight: 3 },
    {
      arbitrary: fc
        .record({ name: fc.constantFrom('!', '!!'), arg: inner })
        .map(({ name, arg }) => ({ [name]: arg })),
      weight: 1,
    },
  );
}

/**
 * A choice whose condition is one is run as it stands, which what looks at the clock can't be: it
 * becomes an `and`.
 */
function kept(name: string, args: readonly unknown[]): string {
  const text = JSON.stringify(args);
  return /"now"/.test(text) && /"if"|"\?:"/.test(text) && !['and', 'or'].includes(name)
    ? 'and'
    : name;
}

/** JsonLogic without a group, over the type's own attributes. */
export function leafOf(type: ObjectType, { time }: QueryOptions = {}): fc.Arbitrary<Rule> {
  const leaf = plainLeafOf(type).filter((rule) => isPossible(rule, type));
  return time
    ? fc.oneof({ arbitrary: leaf, weight: 5 }, { arbitrary: clockLogicOf(type), weight: 1 })
    : leaf;
}

/**
 * A query over the type's dates and datetimes that looks at the clock wherever it can, as a rule
 * group or as JsonLogic.
 */
export function timeQueryOf(type: ObjectType): fc.Arbitrary<Rule> {
  const rows = OPERATORS.flatMap((row) =>
    row.kind === 'attribute' && canLookAtClock(row) ? [row] : [],
  );
  const rule = fc.oneof(...rows.map((row) => attributeRuleOf(type, row, { time: true })));
  const group = (depth: number): fc.Arbitrary<Rule> =>
    fc
      .record({
        combinator: fc.constantFrom('and', 'or'),
        not: fc.boolean(),
        rules: fc.array(
          depth === 0
            ? rule
            : fc.oneof({ arbitrary: rule, weight: 2 }, { arbitrary: group(depth - 1), weight: 1 }),
          {
            minLength: 1,
            maxLength: 3,
          },
        ),
      })
      .map(defined);
  return fc.oneof({ arbitrary: group(1), weight: 3 }, { arbitrary: clockLogicOf(type), weight: 1 });
}

function canLookAtClock(row: AttributeOperator): boolean {
  const { ofMoment, ends } = row.complementOf ?? row;
  return isOfTime(row) || ofMoment !== undefined || ends !== undefined;
}

/** Ages compared in each way that is understood, and moments. */
function clockLogicOf(type: ObjectType): fc.Arbitrary<Rule> {
  const moments = [...type.attributes].flatMap(([name, attribute]) =>
    TIMES.has(attribute.type) ? [name] : [],
  );
  const value = fc.constantFrom(...moments).map((name) => ({ var: name }));
  const now = { now: [] };
  const zone = fc.constantFrom(...ZONES);
  const age = fc.oneof(
    value.map((read) => ({ elapsed: [read, now] })),
    fc.tuple(value, zone).map(([read, where]) => ({ elapsed: [read, now, where] })),
    fc
      .tuple(value, fc.constantFrom(...CALENDAR_UNITS), zone)
      .map(([read, ...rest]) => ({ periods: [read, now, ...rest] })),
  );
  const number = fc.constantFrom(
    -1,
    0,
    1,
    2,
    0.5,
    1_254_617_500,
    1_254_617_501,
    -3_885_582_500,
    1e15,
  );
  const offset = fc.constantFrom(
    [-1, 'month'],
    [14, 'day'],
    [-15, 'day'],
    [90_000, 'millisecond'],
    [-400, 'month'],
  );
  const anchored = fc.tuple(
    fc.constantFrom(...ANCHORS.filter((anchor) => anchor !== 'now')),
    offset,
  );
  const passing = fc.oneof(
    anchored,
    fc.constantFrom<[string, unknown[]]>(['now', [1, 'month']], ['now', [-2, 'month']]),
  );
  return fc.oneof(
    fc
      .tuple(
        fc.constantFrom('==', '===', '!=', '!==', '<', '<=', '>', '>='),
        fc.tuple(age, number),
        fc.boolean(),
      )
      .map(([name, sides, turned]) => ({ [name]: turned ? sides.toReversed() : sides })),
    fc
      .tuple(fc.constantFrom('<', '<='), number, age, number)
      .map(([name, ...sides]) => ({ [name]: sides })),
    fc.tuple(age, fc.array(number, { maxLength: 3 })).map((args) => ({ in: args })),
    fc
      .tuple(fc.constantFrom('==', '!=', '===', '!=='), age)
      .map(([name, told]) => ({ [name]: [told, null] })),
    fc
      .tuple(fc.constantFrom('before', 'notAfter'), value, passing, zone)
      .map(([name, read, [anchor, by], where]) => ({
        [name]: [read, now, anchor, ...(by as unknown[]), where],
      })),
  );
}

/**
 * Whether no literal in it is refused as what no value can be: test/property/literals.test.ts tries
 * which those are.
 */
function isPossible(rule: Rule, type: ObjectType): boolean {
  try {
    compileQuery(rule, {
      type,
      types: new Map([[type.name, type]]),
      timeZone: 'UTC',
      segment: () => undefined,
    });
  } catch (error) {
    if (
      error instanceof Problem &&
      error.errors.every(({ detail }) => detail.includes('no value of it is ever'))
    )
      return false;
    throw error;
  }
  return true;
}

const TIMES: ReadonlySet<string> = new Set(['date', 'datetime']);

/** Also zones whose days are not all 24 hours long, and not all begin at midnight. */
export const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/Sao_Paulo',
  'Asia/Beirut',
  'Australia/Lord_Howe',
  'America/St_Johns',
  'Pacific/Apia',
] as const;

function plainLeafOf(type: ObjectType): fc.Arbitrary<Rule> {
  return fc.constantFrom(...type.attributes).chain(([name, attribute]) => {
    const [value, constant] = [readOf(name), constantOf(attribute)];
    const operand = fc.oneof(
      { arbitrary: constant, weight: 6 },
      { arbitrary: fc.constantFrom(...type.attributes.keys()).chain(readOf), weight: 1 },
    );
    return fc.oneof(
      { arbitrary: comparisonOf(value, operand), weight: 8 },
      {
        arbitrary: fc
          .tuple(value, fc.array(constant, { maxLength: 3 }))
          .map((args) => ({ in: args })),
        weight: 2,
      },
      { arbitrary: fc.tuple(constant, value).map((args) => ({ in: args })), weight: 2 },
      { arbitrary: textOf(value, constant), weight: 2 },
      { arbitrary: guardedOf(name, value, operand), weight: 2 },
      { arbitrary: pathOf(name, attribute), weight: 1 },
      { arbitrary: programOf(name, value, constant), weight: 2 },
    );
  });
}

function readOf(name: string): fc.Arbitrary<unknown> {
  const read = { var: name };
  return fc.constantFrom<unknown>(
    read,
    read,
    { var: [name] },
    { var: [name, 'a'] },
    { toLowerCase: [read] },
  );
}

function constantOf({ type, of }: Attribute): fc.Arbitrary<unknown> {
  const scalar = SCALAR_TYPES.find((known) => known === (of ?? type)) ?? 'string';
  return fc.oneof(
    { arbitrary: fc.constantFrom(...VALUES[scalar]), weight: 6 },
    { arbitrary: fc.constantFrom<unknown>(null, 0, -0, '', true, false, 'a', '10', 1), weight: 1 },
  );
}

function comparisonOf(
  value: fc.Arbitrary<unknown>,
  operand: fc.Arbitrary<unknown>,
): fc.Arbitrary<Rule> {
  const operation = fc.constantFrom('==', '===', '!=', '!==', '<', '<=', '>', '>=');
  const args = fc.oneof(
    fc.tuple(value, operand),
    fc.tuple(operand, value),
    fc.tuple(operand, value, operand),
  );
  return fc.tuple(operation, args).map(([name, given]) => ({ [name]: given }));
}

function textOf(value: fc.Arbitrary<unknown>, constant: fc.Arbitrary<unknown>): fc.Arbitrary<Rule> {
  return fc.oneof(
    fc
      .tuple(fc.constantFrom('startsWith', 'endsWith'), value, constant)
      .map(([name, ...args]) => ({ [name]: args })),
    fc.tuple(value, fc.constantFrom(...PATTERNS)).map((args) => ({ matches: args })),
  );
}

function guardedOf(
  name: string,
  value: fc.Arbitrary<unknown>,
  operand: fc.Arbitrary<unknown>,
): fc.Arbitrary<Rule> {
  return comparisonOf(value, operand).map((comparison) => ({
    and: [{ '!=': [{ var: name }, null] }, comparison],
  }));
}

function pathOf(name: string, { type }: Attribute): fc.Arbitrary<Rule> {
  if (type === 'list')
    return fc.constantFrom({ var: `${name}.0` }, { '>': [{ var: `${name}.length` }, 1] });
  return fc.constantFrom<Rule>(
    ...(type === 'object' ? [{ var: `${name}.a` }, { '==': [{ var: `${name}.a.b` }, 'ab'] }] : []),
    { var: name },
  );
}

function programOf(
  name: string,
  value: fc.Arbitrary<unknown>,
  constant: fc.Arbitrary<unknown>,
): fc.Arbitrary<Rule> {
  const each = fc.constantFrom('some', 'all', 'none', 'filter', 'map');
  return fc.oneof(
    fc
      .tuple(each, value, constant)
      .map(([over, list, item]) => ({ [over]: [list, { '===': [{ var: '' }, item] }] })),
    fc.constantFrom<Rule>(
      { missing: [name] },
      { missing: name },
      { missing_some: [1, [name, name]] },
      { '!': { missing: [[name]] } },
    ),
    fc
      .tuple(
        fc.constantFrom('+', '-', '*', '/', '%', 'min', 'max', 'cat', 'merge'),
        value,
        constant,
      )
      .map(([by, ...args]) => ({ [by]: args })),
    value.map((list) => ({
      reduce: [list, { '+': [{ var: 'accumulator' }, { var: 'current' }] }, 0],
    })),
    value.map((text) => ({ '==': [{ substr: [text, 0, 1] }, 'a'] })),
    constant.map((item) => ({ '==': [item, item] })),
  );
}

// ── All dialects ──

/** A query over the type, in any dialect. */
export function queryOf(
  type: ObjectType,
  slugs: readonly string[] = [],
  options: QueryOptions = {},
): fc.Arbitrary<Rule> {
  return fc.oneof(
    { arbitrary: ruleGroupOf(type, slugs, 3, options), weight: 3 },
    { arbitrary: itemTreeOf(type, slugs, 3, options), weight: 1 },
    { arbitrary: jsonLogicOf(type, 3, options), weight: 3 },
  );
}

/** The slugs of the segments of `scopeOf`. */
export const SLUGS: readonly string[] = ['some-rules', 'some-logic', 'of-others'];

/** A scope with three segments over the type, the last of which uses the others. */
export function scopeOf(type: ObjectType, options: QueryOptions = {}): fc.Arbitrary<QueryScope> {
  const [rules = '', logic = '', others = ''] = SLUGS;
  return fc
    .tuple(
      ruleGroupOf(type, [], 2, options),
      jsonLogicOf(type, 1, options),
      ruleGroupOf(type, [rules, logic], 2, options),
      options.time ? fc.constantFrom(...ZONES) : fc.constant('UTC'),
    )
    .map(([first, second, third, timeZone]) =>
      withSegments(type, timeZone, [
        [rules, first],
        [logic, second],
        [others, third],
      ]),
    );
}

/** A scope in which the segments, each of which may use those before it, are known. */
function withSegments(
  type: ObjectType,
  timeZone: string,
  queries: readonly (readonly [slug: string, query: unknown])[],
): QueryScope {
  const segments = new Map<string, NonNullable<ReturnType<QueryScope['segment']>>>();
  const scope: QueryScope = {
    type,
    types: new Map([[type.name, type]]),
    timeZone,
    segment: (slug) => segments.get(slug),
  };
  for (const [slug, query] of queries) {
    const { predicate, jsonLogic } = compileQuery(query, scope);
    segments.set(slug, { objectType: type.name, predicate, jsonLogic });
  }
  return scope;
}
