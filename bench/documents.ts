/**
 * documents.ts – People with their organization and orders written out, as peers that know no
 * relationships take them.
 *
 * Keeps true: a document is what json-logic-js is asked of: the person's values, `organization` (an
 * object, or null) and `orders` (a list). A change names the people whose documents it changed.
 */
import type { Change } from '../src/change/change.ts';
import type { Attributes } from '../src/query/predicate/view.ts';
import { PEOPLE, type Person } from './data.ts';
import { type Neighbours, ORDERS, ORGANIZATIONS } from './reach.ts';

export class Documents {
  readonly #data: ReadonlyMap<string, Map<string, Attributes>>;
  readonly #members = new Map<unknown, Set<string>>();
  readonly #ordersOf = new Map<unknown, string[]>();

  readonly #isNested: boolean;

  /** Without neighbours a document is what the person has itself. */
  constructor(people: Iterable<Person>, neighbours?: Neighbours) {
    this.#isNested = neighbours !== undefined;
    const { organizations = [], orders = [] } = neighbours ?? {};
    const byId = (records: Iterable<Person>) =>
      new Map([...records].map(({ id, data }) => [id, data]));
    this.#data = new Map([
      [PEOPLE, byId(people)],
      [ORGANIZATIONS, byId(organizations)],
      [ORDERS, byId(orders)],
    ]);
    for (const [id, { organization_id: of }] of this.#data.get(PEOPLE)!) this.#join(of, id);
    for (const { id, data } of orders) {
      const known = this.#ordersOf.get(data.customer_id);
      if (known) known.push(id);
      else this.#ordersOf.set(data.customer_id, [id]);
    }
  }

  /** The values of a record, without its neighbours. */
  data(objectType: string, id: string): Attributes {
    return this.#data.get(objectType)!.get(id)!;
  }

  /** @returns the people whose documents are others now */
  apply(change: Change): Iterable<string> {
    const { object_type: objectType, id, data } = change;
    const before = this.data(objectType, id);
    this.#data.get(objectType)!.set(id, { ...before, ...data });
    if (data && 'organization_id' in data) {
      this.#members.get(before.organization_id)?.delete(id);
      this.#join(data.organization_id, id);
    }
    return this.#seenBy(change);
  }

  /** The people whose documents hold a record that is changed. */
  touchedBy(changes: readonly Change[]): Set<string> {
    return new Set(changes.flatMap((change) => [...this.#seenBy(change)]));
  }

  #seenBy({ object_type: objectType, id }: Change): Iterable<string> {
    if (objectType === ORGANIZATIONS) return this.#members.get(id) ?? [];
    return objectType === ORDERS ? [String(this.data(ORDERS, id).customer_id)] : [id];
  }

  document(id: string): Attributes {
    const data = this.data(PEOPLE, id);
    if (!this.#isNested) return data;
    const orders = this.#ordersOf.get(id) ?? [];
    return {
      ...data,
      organization: this.#data.get(ORGANIZATIONS)!.get(String(data.organization_id)) ?? null,
      orders: orders.map((order) => this.data(ORDERS, order)),
    };
  }

  #join(organization: unknown, id: string): void {
    const known = this.#members.get(organization);
    if (known) known.add(id);
    else this.#members.set(organization, new Set([id]));
  }
}
