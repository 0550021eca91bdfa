/**
 * arbitrary-json-logic.ts – Random JsonLogic rules over every operator, and random documents for
 * them.
 *
 * Keeps true: both are JSON; a rule is no deeper than asked; its operands are well- and ill-typed,
 * and it may have too few or too many of them. No name that a prototype has occurs, for there a
 * program differs from json-logic-js on purpose.
 */

import fc from 'fast-check';
import { PROGRAM_OPERATIONS } from '../../src/query/json-logic/json-logic-program.ts';

type Rule = fc.Arbitrary<unknown>;

const NAMES = ['a', 'b', 'c', 'name', 'tags', 'items', 'nested', '0', '1', 'length', ''];
const PATHS = [
  ...NAMES,
  'nested.a',
  'nested.nested.b',
  'items.0.a',
  'items.1',
  'tags.length',
  'name.0',
  'a.b.c',
  'a..b',
  'gone',
  'current',
  'accumulator',
  'current.a',
];
const TEXTS = [
  '',
  'a',
  'ab',
  'Ab',
  'abc',
  'b',
  '0',
  '1',
  '10',
  '-3',
  '-0',
  '1e3',
  ' 7',
  '7px',
  'null',
  'NaN',
  'true',
];
const NUMBERS = [0, -0, 1, -1, 2, 3, 10, 0.1, -2.5, 1e21, 1e-7];
const STRANGE_OPERATIONS = ['gone', 'method', 'var.gone', '.cat', 'constructor', 'hasOwnProperty'];

const scalar: Rule = fc.oneof(
  { arbitrary: fc.constantFrom<unknown>(...NUMBERS), weight: 4 },
  { arbitrary: fc.constantFrom<unknown>(...TEXTS), weight: 4 },
  { arbitrary: fc.constantFrom<unknown>(null, true, false), weight: 2 },
);

/**
 * Any JSON. Rarely it looks like a rule, for `missing` evaluates the keys that it is given once
 * more.
 */
function jsonValue(depth: number): fc.Arbitrary<unknown> {
  if (depth === 0) return scalar;
  const inner = jsonValue(depth - 1);
  return fc.oneof(
    { arbitrary: scalar, weight: 20 },
    { arbitrary: fc.array(inner, { maxLength: 4 }), weight: 10 },
    { arbitrary: fc.array(jsonObject(inner), { maxLength: 3 }), weight: 5 },
    { arbitrary: jsonObject(inner), weight: 10 },
    { arbitrary: fc.constantFrom({ var: 'a' }, { cat: ['a', 'b'] }), weight: 1 },
  );
}

function jsonObject(inner: Rule): fc.Arbitrary<Record<string, unknown>> {
  return fc.dictionary(fc.constantFrom(...NAMES), inner, { maxKeys: 4 });
}

/** A document whose names mostly have the values that their names promise. */
export const jsonDocument: fc.Arbitrary<unknown> = fc.oneof(
  {
    arbitrary: fc.record(
      {
        a: scalar,
        b: jsonValue(1),
        c: fc.constantFrom(...NUMBERS),
        name: fc.constantFrom(...TEXTS),
        tags: fc.array(fc.constantFrom(...TEXTS), { maxLength: 4 }),
        items: fc.array(jsonValue(2), { maxLength: 4 }),
        nested: jsonValue(3),
      },
      { requiredKeys: [] },
    ),
    weight: 8,
  },
  { arbitrary: jsonValue(2), weight: 1 },
);

/** A rule that is an operation, at most `depth` operations deep. */
export function jsonLogicRule(depth: number): fc.Arbitrary<unknown> {
  return fc.oneof(
    {
      arbitrary: fc.constantFrom(...PROGRAM_OPERATIONS).chain((name) => operation(name, depth)),
      weight: 60,
    },
    {
      arbitrary: fc.constantFrom(...STRANGE_OPERATIONS).chain((name) => operation(name, depth)),
      weight: 1,
    },
  );
}

function operand(depth: number): Rule {
  const leaf = fc.oneof(
    { arbitrary: scalar, weight: 2 },
    { arbitrary: fc.constantFrom(...PATHS).map((path) => ({ var: path })), weight: 4 },
    { arbitrary: jsonValue(1), weight: 1 },
  );
  if (depth === 0) return leaf;
  return fc.oneof(
    { arbitrary: leaf, weight: 6 },
    { arbitrary: jsonLogicRule(depth - 1), weight: 6 },
    { arbitrary: fc.array(leaf, { maxLength: 12 }), weight: 2 },
    { arbitrary: fc.array(operand(depth - 1), { maxLength: 3 }), weight: 1 },
  );
}

function operation(name: string, depth: number): Rule {
  const any = operand(Math.max(depth - 1, 0));
  const shaped = shapedArguments(name, any);
  const loose = fc.array(any, { maxLength: 5 });
  return fc
    .oneof(
      { arbitrary: shaped, weight: 10 },
      { arbitrary: loose, weight: 2 },
      { arbitrary: any, weight: 1 },
    )
    .map((args) => ({ [name]: args }));
}

/** Arguments of the form that the operator is for. */
function shapedArguments(name: string, any: Rule): Rule {
  const path = fc.constantFrom<unknown>(...PATHS, null, 1);
  const keys = fc.oneof(
    fc.array(path, { maxLength: 4 }),
    fc.array(fc.oneof(path, any), { maxLength: 4 }),
  );
  switch (name) {
    case 'var':
      return fc.oneof(path, fc.tuple(path), fc.tuple(path, any));
    case 'missing':
      return fc.oneof(keys, fc.tuple(keys), any);
    case 'missing_some':
      return fc.tuple(fc.integer({ min: 0, max: 3 }), keys);
    case 'map':
    case 'filter':
    case 'all':
    case 'some':
    case 'none':
      return fc.tuple(list(any), any);
    case 'reduce':
      return fc.oneof(
        fc.tuple(list(any), any, any),
        fc.tuple(list(any), reducer, any),
        fc.tuple(list(any), any),
      );
    case '!':
    case '!!':
    case 'log':
    case 'toLowerCase':
      return fc.oneof(any, fc.tuple(any));
    case 'matches':
      return fc.tuple(any, fc.oneof(fc.constantFrom(...PATTERNS, '('), any));
    case 'startOfDay':
      return fc.tuple(
        fc.oneof(fc.constantFrom(...DAYS), any),
        fc.oneof(fc.constantFrom(...DAY_ZONES), any),
      );
    case 'if':
    case '?:':
      return fc.array(any, { minLength: 2, maxLength: 6 });
    default:
      return fc.oneof(
        { arbitrary: fc.tuple(any, any), weight: 3 },
        { arbitrary: fc.array(any, { minLength: 1, maxLength: 4 }), weight: 2 },
      );
  }
}

const PATTERNS = ['^a', 'b$', '[0-9]+', '(?i)AB', '^-?\\d', 'a|b', ''];

const DAYS = [
  '2024-02-29',
  '2023-02-29',
  '2024-02-30',
  '0000-01-01',
  '9999-12-31',
  '2011-12-30',
  '2018-11-04',
  '2024-13-01',
];
const DAY_ZONES = ['UTC', 'Asia/Tokyo', 'America/Sao_Paulo', 'Pacific/Apia', 'Mars/Olympus', ''];

const reducer: Rule = fc
  .constantFrom('+', '*', 'cat', 'merge', 'max', '===')
  .map((name) => ({ [name]: [{ var: 'accumulator' }, { var: 'current' }] }));

function list(any: Rule): Rule {
  const paths = fc
    .constantFrom('tags', 'items', 'nested', 'nested.items', '')
    .map((path) => ({ var: path }));
  return fc.oneof(
    { arbitrary: paths, weight: 4 },
    { arbitrary: fc.array(any, { maxLength: 4 }), weight: 2 },
    { arbitrary: any, weight: 1 },
  );
}
