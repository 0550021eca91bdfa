/**
 * value-samples.ts – Which values an attribute has, and how often: suggestions for who writes a
 * filter.
 *
 * Keeps true: a type with no more than `SAMPLED_MAX` records is looked at as a whole, of a larger
 * one as many records by chance. What is read at once weighs a bounded number of bytes, and a value
 * that is too long to choose from a list is left out. Nothing is waited for.
 */
import { isLive } from '../change/record.ts';
import type { MembershipStore } from './membership-store.ts';
import { PageBudget } from './page.ts';
import type { RecordReader } from './record-reader.ts';

const SAMPLED_MAX = 2000;
const SAMPLED_BYTES_MAX = 8 * 1024 * 1024;
const VALUE_LENGTH_MAX = 200;

export interface ValueQuestion {
  readonly objectType: string;
  readonly attribute: string;
  /** Values begin with this, in any case of letters. */
  readonly prefix: string;
  readonly limit: number;
}

export interface ValueSample {
  /** The most frequent ones first. */
  readonly values: readonly { readonly value: string | number | boolean; readonly count: number }[];
  /** Live records that were looked at. */
  readonly sampled: number;
  /** Records of the type, archived ones included. */
  readonly of: number;
}

export class ValueSamples {
  readonly #store: MembershipStore;
  readonly #reader: RecordReader;

  constructor({ store, reader }: { store: MembershipStore; reader: RecordReader }) {
    this.#store = store;
    this.#reader = reader;
  }

  async of({ objectType, attribute, prefix, limit }: ValueQuestion): Promise<ValueSample> {
    const partitions = Array.from({ length: this.#store.partitions }, (_, at) => at);
    const sizes = await Promise.all(
      partitions.map((each) => this.#store.recordCount(each, objectType)),
    );
    const all = sizes.reduce((sum, size) => sum + size, 0);
    const share = Math.min(1, SAMPLED_MAX / Math.max(1, all));
    const counts = new Map<string | number | boolean, number>();
    const wanted = prefix.toLowerCase();
    const budget = new PageBudget(SAMPLED_BYTES_MAX);
    let sampled = 0;
    for (const partition of partitions) {
      const count = Math.ceil(sizes[partition]! * share);
      if (count === 0 || budget.isSpent) continue;
      const ids = await this.#store.someRecordIds(partition, objectType, count);
      const shape = ({ id, record }: { id: string; record: { data: object } }) => {
        sampled++;
        const value = (record.data as Readonly<Record<string, unknown>>)[attribute];
        for (const each of new Set([value].flat())) {
          if (!isChoice(each) || !String(each).toLowerCase().startsWith(wanted)) continue;
          counts.set(each, (counts.get(each) ?? 0) + 1);
        }
        return { id };
      };
      await this.#reader.pick(ids, { objectType, budget, shape, isWanted: isLive });
    }
    const values = [...counts]
      .map(([value, count]) => ({ value, count }))
      .sort((a, b) => b.count - a.count || compare(a.value, b.value))
      .slice(0, limit);
    return { values, sampled, of: all };
  }
}

function isChoice(value: unknown): value is string | number | boolean {
  return typeof value === 'string'
    ? value.length <= VALUE_LENGTH_MAX
    : typeof value === 'number' || typeof value === 'boolean';
}

function compare(a: string | number | boolean, b: string | number | boolean): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [left, right] = [String(a), String(b)];
  return left < right ? -1 : Number(left > right);
}
