/**
 * filter-schema.ts – The language of filters as JSON Schema, for generators and editors of queries.
 *
 * Keeps true: it is made of the tables that the language is read by, so that an operator that is
 * added is in it. It describes the form of a query, not the meaning of its names: a query of that
 * form may still name an attribute that is not declared. Nothing is checked by it: the readers
 * refuse with better words (rule.ts).
 */

import { PROGRAM_OPERATIONS } from '../json-logic/json-logic-program.ts';
import { AGGREGATE_NAMES } from '../predicate/measures.ts';
import { ANCHORS, CALENDAR_UNITS } from '../predicate/predicate.ts';
import { CLOCK_OPERATIONS } from '../time/clocks.ts';
import { MONTHS, WINDOW_UNITS } from '../time/relative-time.ts';
import { anyOf, NUMERIC, object, oneOf, ref, type Schema, WHOLE } from './json-schema.ts';
import { TAKES, type Takes } from './operands.ts';
import { takesMoment } from './operator-list.ts';
import {
  type AttributeOperator,
  MATCH_MODES,
  OPERATORS,
  type SegmentOperator,
} from './operators.ts';
import { REFUSED_OPERATIONS } from './raw/check.ts';

// ——— What rules and groups have in common ———

const ANYTHING: Schema = { description: 'Kept by editors for themselves; ignored.' };
const EDITOR: Readonly<Record<string, Schema>> = {
  ...Object.fromEntries(
    ['id', 'path', 'disabled', 'meta', 'combinatorPreceding'].map((name) => [name, ANYTHING]),
  ),
  muted: { type: 'boolean', description: 'Left out, with all that is in it.' },
};
const MUTED: Schema = {
  type: 'object',
  properties: { muted: { const: true } },
  required: ['muted'],
};
const NOT: Schema = { type: 'boolean', description: 'Whether the whole group is negated.' };
const COMBINATOR = oneOf(['and', 'or']);
/** Says the same as its absence. */
const OF_VALUE: Schema = { const: 'value' };
const UNFOLDED: Schema = { const: false };
const FOLDED: Schema = {
  type: 'boolean',
  description: 'Whether case is folded; of strings and lists of strings.',
};

const TIMES: readonly Schema[] = [
  object(
    {
      'mode!': { const: 'relative' },
      'anchor!': oneOf(ANCHORS),
      offset: WHOLE,
      unit: oneOf([...Object.keys(WINDOW_UNITS), ...Object.keys(MONTHS)]),
    },
    {
      $id: 'RelativeValue',
      description: 'A moment relative to the present: the anchor, and so many units from it.',
    },
  ),
  object(
    { 'amount!': WHOLE, 'unit!': oneOf(Object.keys(WINDOW_UNITS)) },
    { $id: 'Window', description: 'So long, exactly.' },
  ),
  object(
    { 'unit!': oneOf(CALENDAR_UNITS) },
    { $id: 'Period', description: "Of the calendar, in the deployment's zone." },
  ),
];

// ——— Rules, in either dialect ———

/** The names of a dialect's parts. */
interface Dialect {
  readonly field: 'field' | 'slug';
  readonly group: string;
  readonly aliases: Readonly<Record<string, string>>;
  readonly own: Readonly<Record<string, Schema>>;
}

type OperatorForm = readonly [takes: Takes, isMoment: boolean, rows: readonly AttributeOperator[]];

/** The operators by the form of their value. */
function formsOf(rows: readonly AttributeOperator[]): OperatorForm[] {
  const forms = new Map<string, OperatorForm>();
  for (const row of rows) {
    const isMoment = takesMoment(row);
    const known = forms.get(`${row.takes} ${isMoment}`);
    forms.set(`${row.takes} ${isMoment}`, [row.takes, isMoment, [...(known?.[2] ?? []), row]]);
  }
  return [...forms.values()];
}

const ATTRIBUTE_ROWS = OPERATORS.flatMap((row) => (row.kind === 'attribute' ? [row] : []));
const NUMBER_ROWS = ATTRIBUTE_ROWS.filter(({ on }) => on.includes('number'));
const COMPARING_ROWS = ATTRIBUTE_ROWS.filter(({ ofAttributes }) => ofAttributes);
const SEGMENT_ROWS = OPERATORS.filter((row): row is SegmentOperator => row.kind === 'segment');

function operator(
  rows: readonly { readonly name: string; readonly words: string }[],
  { aliases }: Dialect,
): Schema {
  const words = new Map(rows.map((row) => [row.name, row.words]));
  const others = Object.entries(aliases).filter(([, name]) => words.has(name));
  const description = [...words].map(([name, said]) => `\`${name}\` ${said}`).join(', ');
  return { ...oneOf([...words.keys(), ...others.map(([alias]) => alias)]), description };
}

function valueMember(takes: Takes, isMoment: boolean): Readonly<Record<string, Schema>> {
  const schema = TAKES[takes].schema(isMoment);
  return takes === 'nothing' ? { value: schema } : { 'value!': schema };
}

function attributeRules(dialect: Dialect): Schema[] {
  const field = { [`${dialect.field}!`]: FIELD };
  const ofValues = formsOf(ATTRIBUTE_ROWS).map(([takes, isMoment, rows]) =>
    object({
      ...field,
      'operator!': operator(rows, dialect),
      ...valueMember(takes, isMoment),
      valueSource: OF_VALUE,
      caseInsensitive: takes === 'nothing' ? UNFOLDED : FOLDED,
      ...dialect.own,
    }),
  );
  const ofAttributes = object({
    ...field,
    'operator!': operator(COMPARING_ROWS, dialect),
    'valueSource!': { const: 'field' },
    'value!': {
      type: 'string',
      minLength: 1,
      description: 'Another attribute, of the record where the field leads.',
    },
    caseInsensitive: FOLDED,
    ...dialect.own,
  });
  return [...ofValues, ofAttributes];
}

const FIELD: Schema = {
  type: 'string',
  minLength: 1,
  description: 'An attribute; relationships on the way to it come first, each followed by a dot.',
};

function aggregateRules(dialect: Dialect): Schema[] {
  return formsOf(NUMBER_ROWS).map(([takes, , rows]) =>
    object({
      [`${dialect.field}!`]: FIELD,
      'aggregate!': oneOf(AGGREGATE_NAMES),
      where: ref(dialect.group),
      'operator!': operator(rows, dialect),
      ...valueMember(takes, false),
      valueSource: OF_VALUE,
      caseInsensitive: UNFOLDED,
      ...dialect.own,
    }),
  );
}

const SHARE_OR_NUMBER = anyOf({ type: 'number', minimum: 0 }, NUMERIC);
const THRESHOLD: Schema = {
  ...SHARE_OR_NUMBER,
  description: 'A whole number, or a share of the related records between 0 and 1.',
};
const THRESHOLD_LEFT = anyOf(SHARE_OR_NUMBER, { enum: ['', null] });

function matchRule(dialect: Dialect): Schema {
  const modes = (takes: boolean) =>
    oneOf(
      MATCH_MODES.flatMap(({ name, takesThreshold }) => (takesThreshold === takes ? [name] : [])),
    );
  return object({
    [`${dialect.field}!`]: FIELD,
    operator: oneOf([
      '=',
      ...Object.entries(dialect.aliases).flatMap(([alias, name]) => (name === '=' ? [alias] : [])),
    ]),
    'match!': anyOf(
      object({ 'mode!': modes(true), 'threshold!': THRESHOLD }),
      object({ 'mode!': modes(false), threshold: THRESHOLD_LEFT }),
    ),
    'value!': ref(dialect.group),
    valueSource: OF_VALUE,
    ...dialect.own,
  });
}

function segmentRule(dialect: Dialect): Schema {
  return object({
    [dialect.field]: { const: '' },
    'operator!': operator(SEGMENT_ROWS, dialect),
    'value!': {
      type: 'string',
      minLength: 1,
      description: 'The slug of a segment of the same type.',
    },
    valueSource: OF_VALUE,
    caseInsensitive: UNFOLDED,
    ...dialect.own,
  });
}

function rulesOf(dialect: Dialect): Schema {
  return anyOf(
    ...attributeRules(dialect),
    ...aggregateRules(dialect),
    matchRule(dialect),
    segmentRule(dialect),
    MUTED,
  );
}

// ——— The dialects ———

const RULES: Dialect = { field: 'field', group: 'RuleGroup', aliases: {}, own: EDITOR };
const LEAVES: Dialect = {
  field: 'slug',
  group: 'ItemGroup',
  aliases: { '==': '=' },
  own: { 'type!': { const: 'attribute' }, ...EDITOR },
};

const RULE_OR_GROUP = anyOf(ref('Rule'), ref('RuleGroup'));

const RULE_GROUP: readonly Schema[] = [
  { $id: 'Rule', description: 'One condition of a rule group.', ...rulesOf(RULES) },
  {
    $id: 'RuleGroup',
    description:
      'The format of react-querybuilder 8: ' +
      'one combinator for all rules, or one between each two of them.',
    ...anyOf(
      object({
        'combinator!': COMBINATOR,
        'rules!': { type: 'array', items: RULE_OR_GROUP },
        not: NOT,
        ...EDITOR,
      }),
      object({
        'rules!': {
          type: 'array',
          description: '"and" binds before "or".',
          items: anyOf(RULE_OR_GROUP, COMBINATOR),
          anyOf: [{ maxItems: 1 }, { contains: COMBINATOR }],
        },
        not: NOT,
        ...EDITOR,
      }),
      { ...MUTED, required: ['muted', 'rules'] },
    ),
  },
];

const ITEM_TREE: readonly Schema[] = [
  {
    $id: 'Item',
    description: 'A leaf of an item tree: means what the rule of that operator means.',
    ...rulesOf(LEAVES),
  },
  {
    $id: 'ItemGroup',
    description: 'A group of an item tree.',
    ...anyOf(
      object({
        type: { const: 'group' },
        'operator!': COMBINATOR,
        'items!': { type: 'array', items: anyOf(ref('Item'), ref('ItemTree')) },
        not: NOT,
        ...EDITOR,
      }),
      MUTED,
    ),
  },
  {
    $id: 'ItemTree',
    description: 'Items in groups.',
    allOf: [
      ref('ItemGroup'),
      { type: 'object', properties: { type: { const: 'group' } }, required: ['type'] },
    ],
  },
];

const OPERATIONS = [...PROGRAM_OPERATIONS, ...CLOCK_OPERATIONS]
  .filter((name) => !REFUSED_OPERATIONS.has(name))
  .sort();

const JSON_LOGIC: readonly Schema[] = [
  {
    $id: 'JsonLogic',
    description: 'One operation of JsonLogic, or of those that Rollcall adds, with its arguments.',
    type: 'object',
    properties: Object.fromEntries(OPERATIONS.map((name) => [name, ref('JsonLogicArgument')])),
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
  },
  {
    $id: 'JsonLogicArgument',
    ...anyOf(
      { type: ['string', 'number', 'boolean', 'null'] },
      { type: 'array', items: ref('JsonLogicArgument') },
      ref('JsonLogic'),
    ),
  },
];

/**
 * Each form with its name as `$id`; they refer to each other by `<name>#`. The whole is `Query`.
 */
export const FILTER_SCHEMAS: readonly Schema[] = [
  ...TIMES,
  ...RULE_GROUP,
  ...ITEM_TREE,
  ...JSON_LOGIC,
  {
    $id: 'Query',
    description:
      'A filter: a rule group (has `rules`), an item tree (`type` is group), ' +
      'or JsonLogic (one operation). At most 50 levels and 1,000 nodes.',
    ...anyOf(ref('RuleGroup'), ref('ItemTree'), ref('JsonLogic')),
  },
];
