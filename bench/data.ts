/**
 * data.ts – The world that every workload runs in: people, segments over them, and histories of
 * changes.
 *
 * Keeps true: everything follows from a seed; segments are distinct and hold of some, rarely of
 * most; a history is a list of patches, each of which changes something. Under *drift* a change
 * flips about one membership at every number of segments, so that the cost of having segments is
 * seen apart from the cost of what comes out; under *jump* flips grow with segments.
 */
import type { Change } from '../src/change/change.ts';
import {
  type ObjectType,
  type ObjectTypeDefinition,
  objectType,
} from '../src/change/object-type.ts';
import type { Attributes } from '../src/query/predicate/view.ts';
import { compileClosure } from './peers/closures.ts';
import { Random } from './random.ts';

export const PEOPLE = 'people';

/**
 * How the values of one attribute are spread. Numbers and datetimes lie at `low + (high − low) ·
 * place ^ skew`.
 */
type Spread =
  | { readonly kind: 'category'; readonly values: readonly string[] }
  | { readonly kind: 'boolean'; readonly share: number }
  | { readonly kind: 'list'; readonly values: readonly string[]; readonly longest: number }
  | Scale<'number'>
  | Scale<'datetime'>;

interface Scale<K> {
  readonly kind: K;
  readonly low: number;
  readonly high: number;
  readonly skew: number;
  /** The smallest difference between two values. */
  readonly unit: number;
  /** Whether it moves by small steps in production. */
  readonly drifts: boolean;
}

interface Spec {
  readonly name: string;
  readonly spread: Spread;
  /** The share of people who have no such value. */
  readonly missing: number;
}

const names = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${prefix}-${i + 1}`);
const category = (...values: string[]): Spread => ({ kind: 'category', values });
const numbers = (low: number, high: number, unit: number, skew: number, drifts = true): Spread => ({
  kind: 'number',
  low,
  high,
  skew,
  unit,
  drifts,
});
const datetimes = (from: string, to: string, drifts: boolean): Spread => ({
  kind: 'datetime',
  low: Date.parse(from),
  high: Date.parse(to),
  skew: 1,
  unit: 1000,
  drifts,
});

const SPECS: readonly Spec[] = [
  { name: 'country', spread: category(...names('country', 40)), missing: 0.02 },
  { name: 'city', spread: category(...names('city', 300)), missing: 0.05 },
  {
    name: 'plan',
    spread: category('free', 'starter', 'team', 'business', 'enterprise'),
    missing: 0,
  },
  {
    name: 'status',
    spread: category('active', 'trial', 'paused', 'churned', 'invited', 'blocked'),
    missing: 0,
  },
  { name: 'source', spread: category(...names('source', 12)), missing: 0.1 },
  { name: 'language', spread: category(...names('language', 25)), missing: 0 },
  { name: 'industry', spread: category(...names('industry', 30)), missing: 0.1 },
  { name: 'device', spread: category('ios', 'android', 'web', 'desktop'), missing: 0 },
  { name: 'subscribed', spread: { kind: 'boolean', share: 0.6 }, missing: 0 },
  { name: 'verified', spread: { kind: 'boolean', share: 0.8 }, missing: 0 },
  { name: 'vip', spread: { kind: 'boolean', share: 0.05 }, missing: 0.3 },
  { name: 'age', spread: numbers(16, 95, 1, 1.3, false), missing: 0.1 },
  { name: 'score', spread: numbers(0, 100, 0.001, 1), missing: 0 },
  { name: 'visits', spread: numbers(0, 200_000, 1, 3), missing: 0 },
  { name: 'revenue', spread: numbers(0, 500_000, 0.01, 4), missing: 0.2 },
  { name: 'balance', spread: numbers(-5_000, 100_000, 0.01, 2), missing: 0 },
  { name: 'minutes', spread: numbers(0, 1_000_000, 1, 3), missing: 0 },
  { name: 'tags', spread: { kind: 'list', values: names('tag', 40), longest: 5 }, missing: 0.1 },
  { name: 'signed_up_at', spread: datetimes('2018-01-01', '2026-01-01', false), missing: 0 },
  { name: 'last_seen_at', spread: datetimes('2025-01-01', '2026-01-01', true), missing: 0.02 },
];

const SPEC_OF = new Map(SPECS.map((spec) => [spec.name, spec]));
const OF_KIND = (...kinds: Spread['kind'][]) =>
  SPECS.filter(({ spread }) => kinds.includes(spread.kind));
const CATEGORIES = OF_KIND('category');
const BOOLEANS = OF_KIND('boolean');
const LISTS = OF_KIND('list');
const SCALES = OF_KIND('number', 'datetime');
const DRIFTING = SCALES.filter(({ spread }) => 'drifts' in spread && spread.drifts);

export const PEOPLE_DEFINITION: ObjectTypeDefinition = {
  attributes: Object.fromEntries(
    SPECS.map(({ name, spread }) => [
      name,
      spread.kind === 'category'
        ? { type: 'string' }
        : spread.kind === 'list'
          ? { type: 'list', of: 'string' }
          : { type: spread.kind },
    ]),
  ),
  relationships: {},
};

export const PEOPLE_TYPE: ObjectType = objectType(PEOPLE, 1, PEOPLE_DEFINITION);

export interface Person {
  readonly id: string;
  readonly data: Attributes;
}

export function people(count: number, seed: number): Person[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, i) => ({ id: `p${i + 1}`, data: drawPerson(random) }));
}

function drawPerson(random: Random): Attributes {
  const data: Record<string, unknown> = {};
  for (const { name, spread, missing } of SPECS)
    if (!random.chance(missing)) data[name] = draw(spread, random);
  return data;
}

function draw(spread: Spread, random: Random): unknown {
  switch (spread.kind) {
    case 'category':
      // Low places are taken more often: the first of 40 by one in six, the last by one in eighty.
      return spread.values[Math.floor(random.unit() ** 2 * spread.values.length)];
    case 'boolean':
      return random.chance(spread.share);
    case 'list': {
      const length = 1 + random.below(spread.longest);
      return [...new Set(Array.from({ length }, () => random.pick(spread.values)))];
    }
    default:
      return valueAt(spread, random.unit());
  }
}

/** The value below which a share `place` of all values lies. */
function valueAt(
  { kind, low, high, skew, unit }: Scale<'number' | 'datetime'>,
  place: number,
): number | string {
  const value = low + (high - low) * place ** skew;
  const whole = Math.round(value / unit);
  // Dividing by 100 gives 0.07, multiplying by 0.01 gives 0.07000000000000001.
  const rounded = unit < 1 ? whole / Math.round(1 / unit) : whole * unit;
  return kind === 'number' ? rounded : new Date(rounded).toISOString();
}

function placeOf({ low, high, skew }: Scale<'number' | 'datetime'>, value: unknown): number {
  const number = typeof value === 'string' ? Date.parse(value) : Number(value);
  return ((number - low) / (high - low)) ** (1 / skew);
}

// ── Segments ──

export interface Rule {
  readonly field: string;
  readonly operator: '=' | 'in' | '<' | '>=' | 'between' | 'contains';
  readonly value: unknown;
}

export interface RuleGroup {
  readonly combinator: 'and' | 'or';
  readonly rules: readonly (Rule | RuleGroup)[];
}

/**
 * Distinct rule groups of two to four conditions: three in four are conjunctions, some of those
 * with an alternative.
 */
export function segments(count: number, seed: number): RuleGroup[] {
  const random = new Random(seed);
  const distinct = new Map<string, RuleGroup>();
  while (distinct.size < count) {
    const group = drawGroup(random);
    distinct.set(JSON.stringify(group), group);
  }
  return [...distinct.values()];
}

function drawGroup(random: Random): RuleGroup {
  const rules = drawRules(2 + random.below(3), random);
  const shape = random.unit();
  if (shape < 0.15 && rules.length === 2) return { combinator: 'or', rules };
  if (shape < 0.3 && rules.length > 2) {
    const [first, ...others] = rules;
    return { combinator: 'and', rules: [first!, { combinator: 'or', rules: others }] };
  }
  return { combinator: 'and', rules };
}

/** Each over another attribute. */
function drawRules(count: number, random: Random): Rule[] {
  const rules = new Map<string, Rule>();
  while (rules.size < count) {
    const rule = drawRule(random);
    if (!rules.has(rule.field)) rules.set(rule.field, rule);
  }
  return [...rules.values()];
}

function drawRule(random: Random): Rule {
  const kind = random.unit();
  if (kind < 0.25)
    return ruleOver(CATEGORIES, random, (spread) => ({
      operator: '=',
      value: draw(spread, random),
    }));
  if (kind < 0.4)
    return ruleOver(CATEGORIES, random, (spread) => ({
      operator: 'in',
      value: several(spread, random),
    }));
  if (kind < 0.85)
    return ruleOver(SCALES, random, (spread) => drawRange(spread as Scale<'number'>, random));
  if (kind < 0.93)
    return ruleOver(BOOLEANS, random, () => ({ operator: '=', value: random.chance(0.7) }));
  return ruleOver(LISTS, random, (spread) => ({
    operator: 'contains',
    value: random.pick((spread as { values: readonly string[] }).values),
  }));
}

function ruleOver(
  specs: readonly Spec[],
  random: Random,
  rest: (spread: Spread) => Omit<Rule, 'field'>,
): Rule {
  const { name, spread } = random.pick(specs);
  return { field: name, ...rest(spread) };
}

function several(spread: Spread, random: Random): unknown[] {
  const values = new Set<unknown>();
  while (values.size < 3) values.add(draw(spread, random));
  return [...values].sort();
}

function drawRange(spread: Scale<'number' | 'datetime'>, random: Random): Omit<Rule, 'field'> {
  const place = 0.05 + 0.9 * random.unit();
  const kind = random.below(3);
  if (kind === 0) return { operator: '<', value: valueAt(spread, place) };
  if (kind === 1) return { operator: '>=', value: valueAt(spread, place) };
  return {
    operator: 'between',
    value: [valueAt(spread, place * 0.8), valueAt(spread, place * 0.8 + 0.2)],
  };
}

// ── Histories ──

export interface History {
  readonly changes: readonly Change[];
  /** Under drift: how far a number moves at most, as a share of all people that it passes by. */
  readonly size?: number;
}

type Move = (data: Attributes, random: Random) => Record<string, unknown>;

/**
 * What production looks like: one or two attributes change, numbers by a small step, a category now
 * and then.
 */
export function drift(
  population: readonly Person[],
  groups: readonly RuleGroup[],
  count: number,
  seed: number,
): History {
  const size = driftSize(population, groups, seed);
  return { changes: history(population, count, seed, driftBy(size)), size };
}

/** Every changed attribute is drawn afresh. */
export function jump(population: readonly Person[], count: number, seed: number): History {
  return { changes: history(population, count, seed, jumpMove) };
}

function history(population: readonly Person[], count: number, seed: number, move: Move): Change[] {
  const random = new Random(seed);
  const current = population.map(({ data }) => data);
  return Array.from({ length: count }, () => {
    const at = random.below(population.length);
    const data = move(current[at]!, random);
    current[at] = { ...current[at], ...data };
    return { op: 'patch', object_type: PEOPLE, id: population[at]!.id, data };
  });
}

const jumpMove: Move = (data, random) => {
  const moved: Record<string, unknown> = {};
  for (let left = 1 + random.below(2); left > 0; left--) {
    const { name, spread } = random.pick(SPECS);
    moved[name] = drawOther(spread, data[name], random);
  }
  return moved;
};

/**
 * A category changes five times as often as a number moves far: at 10,000 segments one change in a
 * hundred or two.
 */
function driftBy(size: number): Move {
  return (data, random) => {
    const moved: Record<string, unknown> = {};
    for (let left = 1 + random.below(2); left > 0; left--) {
      const isCategory = random.chance(Math.min(0.5, 5 * size));
      const { name, spread } = random.pick(
        isCategory ? CATEGORIES : DRIFTING.filter((spec) => spec.name in data),
      );
      moved[name] = isCategory
        ? drawOther(spread, data[name], random)
        : step(spread as Scale<'number'>, data[name], size, random);
    }
    return moved;
  };
}

function drawOther(spread: Spread, old: unknown, random: Random): unknown {
  for (;;) {
    const value = draw(spread, random);
    if (JSON.stringify(value) !== JSON.stringify(old)) return value;
  }
}

function step(
  spread: Scale<'number' | 'datetime'>,
  old: unknown,
  size: number,
  random: Random,
): unknown {
  const place = placeOf(spread, old);
  const moved = place + (2 * random.unit() - 1) * size;
  const value = valueAt(spread, Math.min(1, Math.max(0, moved)));
  return value === old ? neighbour(spread, old, moved >= place) : value;
}

/** The next value up or down: a step that is too small for the unit still changes something. */
function neighbour(
  { kind, low, high, unit }: Scale<'number' | 'datetime'>,
  old: unknown,
  isUp: boolean,
): unknown {
  const number = typeof old === 'string' ? Date.parse(old) : Number(old);
  const direction = (isUp && number + unit <= high) || number - unit < low ? 1 : -1;
  const digits = Math.max(0, Math.ceil(-Math.log10(unit)));
  const value = Number((number + direction * unit).toFixed(digits));
  return kind === 'number' ? value : new Date(value).toISOString();
}

/**
 * What one turn of a calibration may cost, as changes × segments. A category's change is rare and
 * flips many: fewer changes mislead.
 */
const CALIBRATION_MAX = 60_000_000;
const CALIBRATION_CHANGES_MAX = 20_000;
const CALIBRATION_TURNS = 4;

/**
 * The size at which a change flips one membership, found by counting flips with plain closures,
 * apart from the engine.
 */
function driftSize(
  population: readonly Person[],
  groups: readonly RuleGroup[],
  seed: number,
): number {
  const testsOf = testsByAttribute(groups);
  const count = Math.min(CALIBRATION_CHANGES_MAX, Math.ceil(CALIBRATION_MAX / groups.length));
  let size = Math.min(0.5, 10 / groups.length);
  for (let turn = 0; turn < CALIBRATION_TURNS; turn++) {
    const changes = history(population, count, seed, driftBy(size));
    const flips = countFlips(population, changes, testsOf) / count;
    size = Math.min(0.5, flips > 0 ? size / flips : size * 2);
  }
  return size;
}

type Test = (data: Attributes) => boolean;

function testsByAttribute(groups: readonly RuleGroup[]): ReadonlyMap<string, readonly Test[]> {
  const testsOf = new Map<string, Test[]>([...SPEC_OF.keys()].map((name) => [name, []]));
  for (const group of groups) {
    const test = compileClosure(group);
    for (const field of new Set(fieldsOf(group))) testsOf.get(field)!.push(test);
  }
  return testsOf;
}

function fieldsOf({ rules }: RuleGroup): string[] {
  return rules.flatMap((rule) => ('field' in rule ? [rule.field] : fieldsOf(rule)));
}

function countFlips(
  population: readonly Person[],
  changes: readonly Change[],
  testsOf: ReadonlyMap<string, readonly Test[]>,
): number {
  const current = new Map(population.map(({ id, data }) => [id, data]));
  let flips = 0;
  for (const { id, data = {} } of changes) {
    const before = current.get(id)!;
    const after = { ...before, ...data };
    current.set(id, after);
    const affected = new Set(Object.keys(data).flatMap((name) => testsOf.get(name) ?? []));
    for (const test of affected) if (test(before) !== test(after)) flips++;
  }
  return flips;
}
