/**
 * superstore-segments.ts – The segments of the demo: one of each kind of condition on a record and
 * on those that it is related to.
 *
 * Keeps true: all dates are fixed, so that the same history ends with the same numbers on every day
 * that it is replayed.
 */
import type { SuperstoreType } from './superstore.ts';

export interface DemoSegment {
  readonly slug: string;
  readonly title: string;
  readonly object_type: SuperstoreType;
  /** In one of the three dialects. */
  readonly query: unknown;
}

export const SUPERSTORE_SEGMENTS: readonly DemoSegment[] = [
  {
    slug: 'big-spenders',
    title: 'spent at least 5,000 in all',
    object_type: 'customers',
    query: all({ field: 'total_sales', operator: '>=', value: 5000 }),
  },
  {
    slug: 'regulars',
    title: 'at least 10 orders',
    object_type: 'customers',
    query: all({ field: 'order_count', operator: '>=', value: 10 }),
  },
  {
    slug: 'best-customers',
    title: 'big spenders that are regulars',
    object_type: 'customers',
    query: all(
      { field: '', operator: 'inSegment', value: 'big-spenders' },
      { field: '', operator: 'inSegment', value: 'regulars' },
    ),
  },
  {
    slug: 'one-order-so-far',
    title: 'the first order is the last one',
    object_type: 'customers',
    query: all({
      field: 'last_order_on',
      operator: '=',
      value: 'first_order_on',
      valueSource: 'field',
    }),
  },
  {
    slug: 'western-companies',
    title: 'not a consumer, last order from the West',
    object_type: 'customers',
    query: all(
      { field: 'customer_type', operator: '!=', value: 'Consumer' },
      { field: 'region', operator: '=', value: 'West' },
    ),
  },
  {
    slug: 'no-technology-yet',
    title: 'never bought technology',
    object_type: 'customers',
    query: all({ field: 'categories', operator: 'doesNotContain', value: 'Technology' }),
  },
  {
    slug: 'not-seen-since-2016',
    title: 'last order before 2017 (item tree)',
    object_type: 'customers',
    query: {
      type: 'group',
      operator: 'and',
      items: [{ type: 'attribute', slug: 'last_order_on', operator: '<', value: '2017-01-01' }],
    },
  },
  {
    slug: 'three-large-orders',
    title: 'at least 3 orders over 500 each',
    object_type: 'customers',
    query: all({
      field: 'orders',
      match: { mode: 'atLeast', threshold: 3 },
      value: all({ field: 'sales', operator: '>', value: 500 }),
    }),
  },
  {
    slug: 'orders-over-5000',
    title: 'orders that come to over 5,000',
    object_type: 'customers',
    query: all({ field: 'orders.sales', aggregate: 'sum', operator: '>', value: 5000 }),
  },
  {
    slug: 'open-orders',
    title: 'not shipped yet',
    object_type: 'orders',
    query: all({ field: 'shipped_on', operator: 'null' }),
  },
  {
    slug: 'waiting-and-urgent',
    title: 'placed, to go the same day or first class',
    object_type: 'orders',
    query: all(
      { field: 'status', operator: '=', value: 'placed' },
      { field: 'ship_mode', operator: 'in', value: ['Same Day', 'First Class'] },
    ),
  },
  {
    slug: 'large-coastal-orders',
    title: '1,000 to 5,000, to East or West',
    object_type: 'orders',
    query: all(
      { field: 'sales', operator: 'between', value: [1000, 5000] },
      { field: 'region', operator: 'in', value: ['East', 'West'] },
    ),
  },
  {
    slug: 'a-bit-of-everything',
    title: 'all three categories in one order',
    object_type: 'orders',
    query: all({
      field: 'categories',
      operator: 'containsAll',
      value: ['Furniture', 'Office Supplies', 'Technology'],
    }),
  },
  {
    slug: 'sold-at-a-loss',
    title: 'orders of 500 and more with a loss (JsonLogic)',
    object_type: 'orders',
    query: { and: [{ '<': [{ var: 'profit' }, 0] }, { '>=': [{ var: 'sales' }, 500] }] },
  },
  {
    slug: 'corporate-orders',
    title: 'of a corporate customer',
    object_type: 'orders',
    query: all({ field: 'customer.customer_type', operator: '=', value: 'Corporate' }),
  },
  {
    slug: 'bestsellers',
    title: 'at least 40 units sold',
    object_type: 'products',
    query: all({ field: 'units_sold', operator: '>=', value: 40 }),
  },
  {
    slug: 'xerox-paper',
    title: 'paper with "xerox" in its name, in any case',
    object_type: 'products',
    query: all(
      { field: 'sub_category', operator: '=', value: 'Paper' },
      { field: 'name', operator: 'contains', value: 'xerox', caseInsensitive: true },
    ),
  },
  {
    slug: 'not-in-the-west',
    title: 'in no order from the West',
    object_type: 'products',
    query: all({
      field: 'orders',
      match: { mode: 'none' },
      value: all({ field: 'region', operator: '=', value: 'West' }),
    }),
  },
  {
    slug: 'full-price-or-loss',
    title: 'never discounted, or with a loss in all',
    object_type: 'products',
    query: {
      combinator: 'or',
      rules: [
        { field: 'was_discounted', operator: '!=', value: true },
        { field: 'profit', operator: '<', value: 0 },
      ],
    },
  },
];

function all(...rules: readonly object[]): object {
  return { combinator: 'and', rules };
}
