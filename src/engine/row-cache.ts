/**
 * row-cache.ts – The rows of one partition that its owner has in memory.
 *
 * Keeps true: a cached row is what Redis holds: rows enter when they were read under the lease, or
 * when the commit that wrote them is known to have taken place; a take-over, a fence, a roll-back
 * and an unknown outcome empty the cache.
 */

import { getHeapStatistics } from 'node:v8';
import type { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import { unpackRecord } from '../change/record.ts';
import type { NeighbourRow, RelatedRow } from '../membership/neighbour-row.ts';
import type { PartitionKeys } from '../redis/keys.ts';
import { unpackState } from '../redis/rows/state-row.ts';
import { runScript } from '../redis/scripts.ts';
import type { RecordKey } from './batch.ts';
import { ABSENT, type Row, type Step } from './step.ts';

/**
 * Rows that a process keeps, shared out among its partitions: about 2 kB each with 20 attributes.
 */
export const CACHED_ROWS_MAX = 100_000;
/** What they may weigh, about: rows of 1 MB, of which there may be many, would fill any heap. */
const CACHED_BYTES_MAX = getHeapStatistics().heap_size_limit / 8;
/** A list of small things takes so many times its text when it is parsed. */
const PARSED = 16;
/** A row beside its values. */
const ROW_BYTES = 200;

/** Rows, or what is not cached of them weighs too much to be read at once: so many bytes each. */
export type Loaded = { readonly row: (objectType: string, id: string) => Row } | HeavyRows;

export interface HeavyRows {
  readonly weigh: (objectType: string, id: string) => number;
}

export class RowCache {
  readonly #rows: LRUCache<string, Row>;
  readonly #edgeRows: LRUCache<string, NeighbourRow | RelatedRow>;
  readonly #onUnreadable: (key: string, field: string) => void;

  /**
   * `onUnreadable` is told of a row of ours that somebody else has written over: it counts as none
   * until it is built anew.
   */
  constructor(
    rowsMax: number,
    onUnreadable: (key: string, field: string) => void = () => {},
    bytesMax = (CACHED_BYTES_MAX * rowsMax) / CACHED_ROWS_MAX,
  ) {
    this.#onUnreadable = onUnreadable;
    this.#rows = new LRUCache({
      max: rowsMax,
      maxSize: Math.ceil(bytesMax),
      sizeCalculation: bytesOf,
    });
    this.#edgeRows = new LRUCache({ max: rowsMax });
  }

  clear(): void {
    this.#rows.clear();
    this.#edgeRows.clear();
  }

  /**
   * The rows of some targets, by `edgeId target`: from the cache, and one HMGET per edge for all
   * that is not there.
   */
  async loadEdgeRows<R extends NeighbourRow | RelatedRow>(
    ends: ReadonlyMap<number, ReadonlySet<string>>,
    keyOf: (edgeId: number) => string,
    redis: Redis,
    unpack: (stored: string | null | undefined) => R,
  ): Promise<Map<string, R>> {
    const rows = new Map<string, R>();
    const loads: Promise<void>[] = [];
    for (const [edgeId, targets] of ends) {
      const hash = keyOf(edgeId);
      const missing: string[] = [];
      for (const target of targets) {
        const cached = this.#edgeRows.get(`${hash} ${target}`);
        if (cached) rows.set(`${edgeId} ${target}`, cached as R);
        else missing.push(target);
      }
      if (missing.length > 0)
        loads.push(this.#readEdgeRows(redis, hash, edgeId, missing, unpack, rows));
    }
    await Promise.all(loads);
    return rows;
  }

  async #readEdgeRows<R extends NeighbourRow | RelatedRow>(
    redis: Redis,
    hash: string,
    edgeId: number,
    targets: string[],
    unpack: (stored: string | null | undefined) => R,
    rows: Map<string, R>,
  ): Promise<void> {
    const stored = await redis.hmget(hash, ...targets);
    targets.forEach((target, at) => {
      const row = this.#readable(hash, target, () => unpack(stored[at])) ?? unpack(null);
      rows.set(`${edgeId} ${target}`, row);
      if (stored[at]) this.#edgeRows.set(`${hash} ${target}`, row);
    });
  }

  #readable<R>(key: string, field: string, read: () => R): R | undefined {
    try {
      return read();
    } catch {
      this.#onUnreadable(key, field);
      return undefined;
    }
  }

  /**
   * The rows of a batch: from the cache, and in one round trip for all that is not there; or what
   * each weighs, if these are heavier than `bytesMax` together: so a batch of heavy records costs
   * one round trip more, and one of light records none.
   * Caller: holds the lease, so that nobody else writes these rows.
   */
  async load(
    redis: Redis,
    keys: PartitionKeys,
    touched: ReadonlyMap<string, ReadonlySet<string>>,
    bytesMax = Number.MAX_SAFE_INTEGER,
  ): Promise<Loaded> {
    const rows = new Map<string, Row>();
    const missing = new Map<string, string[]>();
    for (const [objectType, ids] of touched) {
      for (const id of ids) {
        const key = cacheKey(objectType, id);
        const cached = this.#rows.get(key);
        if (cached) rows.set(key, cached);
        else addTo(missing, objectType, id);
      }
    }
    const weights =
      missing.size > 0 ? await this.#read(redis, keys, missing, rows, bytesMax) : undefined;
    if (weights) return { weigh: (objectType, id) => weights.get(cacheKey(objectType, id)) ?? 0 };
    return { row: (objectType, id) => rows.get(cacheKey(objectType, id)) ?? ABSENT };
  }

  /** The commit of this step took place. */
  committed({ records, edges }: Step, keys: PartitionKeys): void {
    for (const { edgeId, target, row } of edges.neighbours)
      this.#setEdgeRow(keys.neighbours(edgeId), target, row);
    for (const { edgeId, target, row } of edges.related)
      this.#setEdgeRow(keys.related(edgeId), target, row);
    for (const { objectType, id, after } of records) {
      if (after.record) this.#rows.set(cacheKey(objectType, id), after);
      else this.#rows.delete(cacheKey(objectType, id));
    }
  }

  #setEdgeRow(hash: string, target: string, row: NeighbourRow | RelatedRow | null): void {
    if (row) this.#edgeRows.set(`${hash} ${target}`, row);
    else this.#edgeRows.delete(`${hash} ${target}`);
  }

  /** @returns what each weighs if they were not read. */
  async #read(
    redis: Redis,
    keys: PartitionKeys,
    missing: ReadonlyMap<string, readonly string[]>,
    rows: Map<string, Row>,
    bytesMax: number,
  ): Promise<Map<string, number> | undefined> {
    const hashes = [...missing.keys()].flatMap((type) => [keys.records(type), keys.state(type)]);
    const asked = [...missing.values()].flatMap((ids) => [ids.length, ...ids]);
    const more = { keys: hashes, arguments: asked };
    const answer = await runScript(redis, 'readRows', {}, { bytesMax }, more);
    const named = [...missing].flatMap(([objectType, ids]) =>
      ids.map((id) => ({ objectType, id })),
    );
    if (answer.kind === 'heavy')
      return new Map(
        named.map(({ objectType, id }, at) => [cacheKey(objectType, id), answer.bytes[at]!]),
      );
    named.forEach((key, at) => {
      const [record, state] = [answer.rows[2 * at], answer.rows[2 * at + 1]];
      if (record) this.#keep(keys, key, record, state, rows);
    });
    return undefined;
  }

  #keep(
    keys: PartitionKeys,
    { objectType, id }: RecordKey,
    record: string,
    stored: string | null | undefined,
    rows: Map<string, Row>,
  ): void {
    const state = () => unpackState(stored);
    const { truth, due } = this.#readable(keys.state(objectType), id, state) ?? unpackState(null);
    const row: Row = { record: unpackRecord(record), truth, due };
    rows.set(cacheKey(objectType, id), row);
    this.#rows.set(cacheKey(objectType, id), row);
  }
}

function addTo(lists: Map<string, string[]>, name: string, item: string): void {
  const list = lists.get(name);
  if (list) list.push(item);
  else lists.set(name, [item]);
}

/** About what a row takes. On the hot path: only lists and objects are written out for it. */
function bytesOf({ record }: Row): number {
  let bytes = ROW_BYTES;
  if (!record) return bytes;
  for (const name in record.data) {
    const value = record.data[name];
    if (typeof value === 'string') bytes += value.length;
    else
      bytes +=
        typeof value === 'object' && value !== null ? PARSED * JSON.stringify(value).length : 8;
  }
  return bytes;
}

function cacheKey(objectType: string, id: string): string {
  return `${objectType}:${id}`;
}
