/**
 * lookups.ts – The record that each expression of a seed refers to, in the seed itself or stored.
 *
 * Keeps true: a record of the seed counts as what it becomes, not as what is stored of it. Only the
 * ids that were asked for are held.
 */
import {
  type Lookup,
  lookupsIn,
  resolveExpressions,
  unescapeExpressions,
} from '../catalog/seed-expressions.ts';
import type { SeedItem } from '../catalog/seeds.ts';
import { isObject, type ObjectType } from '../change/object-type.ts';
import { type Day, readDay, readOperand } from '../change/value.ts';
import { Problem } from '../errors.ts';
import type { ReadOptions } from '../membership/read-options.ts';
import type { Records } from '../membership/records.ts';

const PAGE_RECORDS = 1000;
const READ: ReadOptions = { consistency: 'strong', timeoutMs: 60_000 };

/** As they are kept with a job: what was asked for, and the ids that were found. */
export type PackedLookups = readonly (readonly [lookup: Lookup, ids: readonly string[]])[];

/** Where to look. */
interface Where {
  /** As the seed leaves them, and as they are stored. */
  readonly types: ReadonlyMap<string, ObjectType>;
  readonly stored: ReadonlyMap<string, ObjectType>;
  readonly records: Records;
  readonly timeZone: string;
}

export class Lookups {
  readonly #wanted = new Map<string, { readonly lookup: Lookup; readonly ids: Set<string> }>();

  constructor(packed: PackedLookups = []) {
    for (const [lookup, ids] of packed)
      this.#wanted.set(keyOf(lookup), { lookup, ids: new Set(ids) });
  }

  pack(): PackedLookups {
    return [...this.#wanted.values()].map(({ lookup, ids }) => [lookup, [...ids]]);
  }

  get isWanted(): boolean {
    return this.#wanted.size > 0;
  }

  /** Asks for what the data's expressions name. @throws Problem seed_invalid */
  want(data: unknown): void {
    for (const lookup of lookupsIn(data))
      this.#wanted.set(keyOf(lookup), { lookup, ids: new Set() });
  }

  /** @throws Problem seed_invalid if an expression names no record, or several */
  resolve(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
    return resolveExpressions(data, (lookup) => this.#idOf(lookup)) as Record<string, unknown>;
  }

  /** Reads the stored records of the types that are asked for, then those of the seed. */
  async find(
    seed: AsyncIterable<readonly SeedItem[]>,
    { types, stored, records, timeZone }: Where,
  ): Promise<void> {
    const searches = this.#searches(types, timeZone);
    for (const [objectType, search] of searches)
      if (stored.has(objectType)) await searchStored(objectType, search, records);
    for await (const items of seed) {
      for (const { objectType, data, id = data['id'] } of items) {
        const search = typeof id === 'string' ? searches.get(objectType) : undefined;
        search?.replace(
          unescapeExpressions(id) as string,
          unescapeExpressions(data) as Record<string, unknown>,
        );
      }
    }
  }

  #searches(types: ReadonlyMap<string, ObjectType>, timeZone: string): Map<string, Search> {
    const searches = new Map<string, Search>();
    for (const { lookup, ids } of this.#wanted.values()) {
      const type = types.get(lookup.objectType);
      if (!type) continue;
      const search = searches.get(type.name) ?? new Search(type, timeZone);
      searches.set(type.name, search);
      search.want(lookup, ids);
    }
    return searches;
  }

  #idOf(lookup: Lookup): string {
    const { objectType, field, value } = lookup;
    const [first, second] = this.#wanted.get(keyOf(lookup))?.ids ?? [];
    if (first !== undefined && second === undefined) return first;
    const found = first === undefined ? 'no record' : 'more than one record';
    throw new Problem(
      'seed_invalid',
      `there is ${found} of ${objectType} whose ${field} is '${value}'`,
    );
  }
}

/**
 * What is asked for of one type: per field, per value, the ids that have it; of moments also those
 * within a day.
 */
class Search {
  readonly #type: ObjectType;
  readonly #timeZone: string;
  readonly #fields = new Map<string, Map<string, Set<string>[]>>();
  readonly #days: { readonly field: string; readonly day: Day; readonly ids: Set<string> }[] = [];

  constructor(type: ObjectType, timeZone: string) {
    this.#type = type;
    this.#timeZone = timeZone;
  }

  want({ field, value }: Lookup, ids: Set<string>): void {
    const isOfMoments = this.#type.attributes.get(field)?.type === 'datetime';
    const day = isOfMoments ? readDay(value, this.#timeZone) : undefined;
    if (day) {
      this.#days.push({ field, day, ids });
      return;
    }
    const values = this.#fields.get(field) ?? new Map<string, Set<string>[]>();
    const text = this.#textOf(field, value);
    this.#fields.set(field, values.set(text, [...(values.get(text) ?? []), ids]));
  }

  add(id: string, data: Readonly<Record<string, unknown>>): void {
    for (const [field, values] of this.#fields) {
      const value = field === 'id' ? id : data[field];
      if (value === undefined || value === null) continue;
      for (const ids of values.get(this.#textOf(field, value)) ?? []) ids.add(id);
    }
    for (const { field, day, ids } of this.#days) {
      const moment = this.#textOf(field, data[field] ?? '');
      if (day.first <= moment && moment <= day.last) ids.add(id);
    }
  }

  /** The record is, or becomes, another one. */
  replace(id: string, data: Readonly<Record<string, unknown>>): void {
    for (const values of this.#fields.values())
      for (const ids of [...values.values()].flat()) ids.delete(id);
    for (const { ids } of this.#days) ids.delete(id);
    this.add(id, data);
  }

  /** Values are compared in the normal form of their type, as text. */
  #textOf(field: string, value: unknown): string {
    const type = this.#type.attributes.get(field)?.type;
    const isScalar = type !== undefined && type !== 'list' && type !== 'object';
    return asText((isScalar ? readOperand(type, value, this.#timeZone) : undefined) ?? value);
  }
}

/** Not by `String`: an object may hold a `toString` of its own. */
function asText(value: unknown): string {
  if (Array.isArray(value)) return value.map(asText).join();
  return isObject(value) ? JSON.stringify(value) : String(value);
}

async function searchStored(objectType: string, search: Search, records: Records): Promise<void> {
  let cursor: string | undefined;
  do {
    const page = await records.page(objectType, { limit: PAGE_RECORDS, cursor }, READ);
    for (const { id, record } of page.data) search.add(id, record.data);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
}

function keyOf({ objectType, field, value }: Lookup): string {
  return JSON.stringify([objectType, field, value]);
}
