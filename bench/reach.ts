/**
 * reach.ts – The neighbours of the people: organizations and orders, segments that reach them or
 * look at the clock, and a history of all three types.
 *
 * Keeps true: everything follows from a seed and the clock at which the world is made. One segment
 * in five says something of the organization, one in ten of the orders, one in ten of relative
 * time; the rest of each is as in the other histories. An order keeps its customer, and a person
 * changes the organization now and then.
 */
import type { Change } from '../src/change/change.ts';
import {
  type ObjectType,
  type ObjectTypeDefinition,
  objectType,
} from '../src/change/object-type.ts';
import type { Attributes } from '../src/query/predicate/view.ts';
import { PEOPLE, PEOPLE_DEFINITION, type Person, type RuleGroup, segments } from './data.ts';
import { Random } from './random.ts';

export const ORGANIZATIONS = 'organizations';
export const ORDERS = 'orders';

export const REACH_DEFINITIONS: Readonly<Record<string, ObjectTypeDefinition>> = {
  [ORGANIZATIONS]: {
    attributes: { sector: { type: 'string' }, size: { type: 'number' } },
    relationships: {},
  },
  [PEOPLE]: {
    ...PEOPLE_DEFINITION,
    relationships: {
      organization: {
        to: ORGANIZATIONS,
        key: 'organization_id',
        cardinality: 'one',
        inverse: 'members',
      },
    },
  },
  [ORDERS]: {
    attributes: { state: { type: 'string' }, total: { type: 'number' } },
    relationships: {
      customer: { to: PEOPLE, key: 'customer_id', cardinality: 'one', inverse: 'orders' },
    },
  },
};

export const REACH_TYPES: ReadonlyMap<string, ObjectType> = new Map(
  Object.entries(REACH_DEFINITIONS).map(([name, definition]) => [
    name,
    objectType(name, 1, definition),
  ]),
);

export interface Neighbours {
  readonly organizations: readonly Person[];
  readonly orders: readonly Person[];
}

const SECTORS = Array.from({ length: 20 }, (_, i) => `sector-${i + 1}`);
const STATES = ['open', 'paid', 'shipped', 'returned', 'cancelled'];
const SIZE_MAX = 10_000;
const TOTAL_MAX = 5_000;
const PEOPLE_AN_ORGANIZATION = 50;

/** The first organizations have the most people, and the first people the most orders. */
const skewed = (random: Random, count: number) => Math.floor(random.unit() ** 2 * count);

const organizationData = (random: Random) => ({
  sector: SECTORS[skewed(random, SECTORS.length)],
  size: Math.ceil(random.unit() ** 3 * SIZE_MAX),
});

/** @returns the people too, each with its organization */
export function withNeighbours(
  population: readonly Person[],
  seed: number,
): Neighbours & { readonly people: readonly Person[] } {
  const random = new Random(seed);
  const many = (prefix: string, count: number, draw: () => Attributes): Person[] =>
    Array.from({ length: count }, (_, i) => ({ id: `${prefix}${i + 1}`, data: draw() }));
  const organizations = many('c', Math.ceil(population.length / PEOPLE_AN_ORGANIZATION), () =>
    organizationData(random),
  );
  const employer = () => organizations[skewed(random, organizations.length)]!.id;
  const people = population.map(({ id, data }) => ({
    id,
    data: random.chance(0.05) ? data : { ...data, organization_id: employer() },
  }));
  const orders = many('b', population.length, () => ({
    customer_id: population[skewed(random, population.length)]!.id,
    state: random.pick(STATES),
    total: drawTotal(random),
  }));
  return { people, organizations, orders };
}

const drawTotal = (random: Random) => Math.round(random.unit() ** 2 * TOTAL_MAX * 100) / 100;

// ── Segments ──

/** `nowMs`: the windows of relative time end among the people, as seen from there. */
export function reachingSegments(count: number, seed: number, nowMs: number): RuleGroup[] {
  const random = new Random(seed + 7);
  const distinct = new Map<string, RuleGroup>();
  // More than are needed: two that differ in the condition that is replaced may become the same.
  for (const group of segments(count + Math.ceil(count / 5) + 10, seed)) {
    const reaching = replaced(group, random, nowMs);
    if (distinct.size < count) distinct.set(JSON.stringify(reaching), reaching);
  }
  return [...distinct.values()];
}

/** The first condition says something else instead. */
function replaced(group: RuleGroup, random: Random, nowMs: number): RuleGroup {
  const rule = drawReaching(random.unit(), random, nowMs);
  if (!rule) return group;
  const [, ...others] = group.rules;
  return { ...group, rules: [rule, ...others] } as RuleGroup;
}

function drawReaching(share: number, random: Random, nowMs: number): object | undefined {
  if (share < 0.1)
    return { field: 'organization.sector', operator: '=', value: organizationData(random).sector };
  if (share < 0.2)
    return { field: 'organization.size', operator: '>=', value: organizationData(random).size };
  if (share < 0.3) return { field: 'orders', match: { mode: 'some' }, value: ordersOf(random) };
  if (share < 0.4)
    return { field: 'last_seen_at', operator: 'inLast', value: window(random, nowMs) };
  return undefined;
}

function ordersOf(random: Random): object {
  return {
    combinator: 'and',
    rules: [
      { field: 'state', operator: '=', value: random.pick(STATES) },
      { field: 'total', operator: '>=', value: drawTotal(random) },
    ],
  };
}

const DAY_MS = 86_400_000;

/** Whole days back to a moment of the year in which the people were seen. */
function window(random: Random, nowMs: number): object {
  const from = Date.parse('2025-01-01') + random.unit() * 365 * DAY_MS;
  return { amount: Math.max(1, Math.round((nowMs - from) / DAY_MS)), unit: 'day' };
}

// ── History ──

/** Of a hundred changes so many are of an organization, and of orders; the rest are of people. */
const ORGANIZATION_SHARE = 0.01;
const ORDER_SHARE = 0.1;
/** Of the changes of people so many are a change of organization. */
const MOVE_SHARE = 0.01;

/**
 * What production looks like: people drift as given, orders are paid and grow, an organization
 * grows by a little, somebody changes the organization.
 */
export function reachingHistory(
  drifting: readonly Change[],
  { organizations, orders }: Neighbours,
  seed: number,
): Change[] {
  const random = new Random(seed);
  const current = new Map([...organizations, ...orders].map(({ id, data }) => [id, data]));
  const patch = (objectType: string, id: string, data: Record<string, unknown>): Change => {
    current.set(id, { ...current.get(id), ...data });
    return { op: 'patch', object_type: objectType, id, data };
  };
  return drifting.map((change) => {
    const share = random.unit();
    if (share < ORGANIZATION_SHARE) {
      const { id } = random.pick(organizations);
      const size = Number(current.get(id)!.size);
      return patch(ORGANIZATIONS, id, { size: size + 1 + random.below(Math.ceil(size / 10)) });
    }
    if (share < ORGANIZATION_SHARE + ORDER_SHARE) {
      const { id } = random.pick(orders);
      return patch(ORDERS, id, moved(current.get(id)!, random));
    }
    const data = random.chance(MOVE_SHARE)
      ? { ...change.data, organization_id: random.pick(organizations).id }
      : change.data;
    return { ...change, ...(data ? { data } : {}) };
  });
}

function moved({ state, total }: Attributes, random: Random): Record<string, unknown> {
  if (random.chance(0.5))
    return { total: Math.round((Number(total) + 1 + random.unit() * 10) * 100) / 100 };
  return { state: STATES[(STATES.indexOf(String(state)) + 1) % STATES.length] };
}
