/**
 * contacts.ts – A small object type, and the two questions that tests of queries ask: what holds,
 * and what is refused.
 */
import { type ObjectType, objectType } from '../../src/change/object-type.ts';
import { Problem } from '../../src/errors.ts';
import {
  compileQuery,
  type QueryScope,
  type SegmentMeaning,
} from '../../src/query/dialects/compile.ts';
import { holds } from '../../src/query/json-logic/reference.ts';
import { atomTest } from '../../src/query/predicate/atom.ts';
import type { Predicate } from '../../src/query/predicate/predicate.ts';
import type { Attributes } from '../../src/query/predicate/view.ts';

export const CONTACTS: ObjectType = objectType('contacts', 1, {
  attributes: {
    name: { type: 'string' },
    nick: { type: 'string' },
    age: { type: 'number' },
    score: { type: 'number' },
    vip: { type: 'boolean' },
    born_on: { type: 'date' },
    seen_at: { type: 'datetime' },
    tags: { type: 'list', of: 'string' },
    days: { type: 'list', of: 'date' },
    extra: { type: 'object' },
  },
  relationships: {
    organization: {
      to: 'organizations',
      key: 'organization_id',
      cardinality: 'one',
      inverse: 'contacts',
    },
  },
});

export const ORGANIZATIONS = objectType('organizations', 1, {
  attributes: {
    name: { type: 'string' },
    industry: { type: 'string' },
    employees: { type: 'number' },
    founded_on: { type: 'date' },
    tags: { type: 'list', of: 'string' },
  },
  relationships: {
    parent: { to: 'organizations', key: 'parent_id', cardinality: 'one', inverse: 'children' },
  },
});

export const ORDERS = objectType('orders', 1, {
  attributes: {
    total: { type: 'number' },
    shipping: { type: 'number' },
    status: { type: 'string' },
    ordered_at: { type: 'datetime' },
  },
  relationships: {
    contact: { to: 'contacts', key: 'contact_id', cardinality: 'one', inverse: 'orders' },
    products: { to: 'products', key: 'product_ids', cardinality: 'many', inverse: 'orders' },
  },
});

const PRODUCTS = objectType('products', 1, {
  attributes: { price: { type: 'number' }, category: { type: 'string' } },
  relationships: {},
});

/** Contacts work for organizations, which may be part of others, and give orders of products. */
export const TYPES: ReadonlyMap<string, ObjectType> = new Map(
  [CONTACTS, ORGANIZATIONS, ORDERS, PRODUCTS].map((type) => [type.name, type]),
);

/** Contacts, with an organization and orders, in UTC. */
export function contactsScope(segments: Readonly<Record<string, SegmentMeaning>> = {}): QueryScope {
  return {
    type: CONTACTS,
    types: TYPES,
    timeZone: 'UTC',
    segment: (slug) => segments[slug],
  };
}

/** A group of the rules, joined by `and`. */
export function group(...rules: unknown[]): unknown {
  return { combinator: 'and', rules };
}

/**
 * For which of the records the query holds, by its predicate; fails if its JsonLogic says
 * otherwise.
 */
export function holdsFor(
  query: unknown,
  records: readonly Attributes[],
  scope = contactsScope(),
  nowMs = NOON,
): boolean[] {
  const { predicate, jsonLogic } = compileQuery(query, scope);
  return records.map((record) => {
    const truth = evaluate(predicate, record, nowMs);
    if (holds(jsonLogic, record, nowMs) !== truth)
      throw new Error(`JsonLogic differs: ${JSON.stringify({ jsonLogic, record })}`);
    return truth;
  });
}

/**
 * The clock at which queries are asked, unless a test has its own: such that no window of the
 * random ones ends near it.
 */
export const NOON = Date.parse('2024-01-15T12:30:17.500Z');

/** The predicate's truth of a record that has no neighbours in mind, by its atoms alone. */
export function evaluate(predicate: Predicate, record: Attributes, nowMs = NOON): boolean {
  switch (predicate.kind) {
    case 'and':
      return predicate.children.every((child) => evaluate(child, record, nowMs));
    case 'or':
      return predicate.children.some((child) => evaluate(child, record, nowMs));
    case 'not':
      return !evaluate(predicate.child, record, nowMs);
    case 'edge':
      throw new Error('the predicate speaks of neighbours');
    default:
      return atomTest(predicate)(record, nowMs);
  }
}

const REFUSALS: ReadonlySet<string> = new Set([
  'query_invalid',
  'query_too_costly',
  'number_inexact',
]);

/** What is wrong with a query: `<JSON pointer>: <detail>`, a line each. */
export function faultsOf(query: unknown, scope = contactsScope()): string[] {
  try {
    compileQuery(query, scope);
  } catch (error) {
    if (error instanceof Problem && REFUSALS.has(error.code)) {
      return error.errors.map(({ path, detail }) => `${path}: ${detail}`);
    }
    throw error;
  }
  return [];
}
