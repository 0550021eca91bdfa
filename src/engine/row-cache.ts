/**
 * row-cache.ts – The rows of one partition that its owner has in memory.
 *
 * Keeps true: a cached row is what Redis holds: rows enter when they were read under the lease, or when the commit that wrote
 * them is known to have taken place; a take-over, a fence, a roll-back and an unknown outcome empty the cache.
 */

import type { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import { unpackRecord } from '../change/record.ts';
import { unpackState } from '../membership/state-row.ts';
import type { PartitionKeys } from '../redis/keys.ts';
import { ABSENT, type Row, type Step } from './step.ts';

/** Rows that a process keeps, shared out among its partitions: about 2 kB each with 20 attributes. */
export const CACHED_ROWS_MAX = 100_000;

export class RowCache {
  readonly #rows: LRUCache<string, Row>;

  constructor(rowsMax: number) {
    this.#rows = new LRUCache({ max: rowsMax });
  }

  clear(): void {
    this.#rows.clear();
  }

  /**
   * The rows of a batch: from the cache, and in one round trip for all that is not there.
   * Caller: holds the lease, so that nobody else writes these rows.
   */
  async load(
    redis: Redis,
    keys: PartitionKeys,
    touched: ReadonlyMap<string, ReadonlySet<string>>,
  ): Promise<(objectType: string, id: string) => Row> {
    const rows = new Map<string, Map<string, Row>>();
    const loads: Promise<void>[] = [];
    for (const [objectType, ids] of touched) {
      const found = new Map<string, Row>();
      const missing: string[] = [];
      rows.set(objectType, found);
      for (const id of ids) {
        const cached = this.#rows.get(cacheKey(objectType, id));
        if (cached) found.set(id, cached);
        else missing.push(id);
      }
      if (missing.length > 0) loads.push(this.#read(redis, keys, objectType, missing, found));
    }
    if (loads.length > 0) await Promise.all(loads);
    return (objectType, id) => rows.get(objectType)?.get(id) ?? ABSENT;
  }

  /** The commit of this step took place. */
  committed({ records }: Step): void {
    for (const { objectType, id, after } of records) {
      if (after.record) this.#rows.set(cacheKey(objectType, id), after);
      else this.#rows.delete(cacheKey(objectType, id));
    }
  }

  async #read(
    redis: Redis,
    keys: PartitionKeys,
    objectType: string,
    ids: string[],
    found: Map<string, Row>,
  ): Promise<void> {
    const [records, states] = await Promise.all([
      redis.hmget(keys.records(objectType), ...ids),
      redis.hmget(keys.state(objectType), ...ids),
    ]);
    ids.forEach((id, at) => {
      const record = records[at];
      if (!record) return;
      const row: Row = { record: unpackRecord(record), truth: unpackState(states[at]) };
      found.set(id, row);
      this.#rows.set(cacheKey(objectType, id), row);
    });
  }
}

function cacheKey(objectType: string, id: string): string {
  return `${objectType}:${id}`;
}
