/**
 * edge-audits.ts – All that partitions keep of the targets of edges, and of who points at them.
 *
 * Keeps true: what membership/audit-store.ts promises of `EdgeAudits`. What lies around one target
 * in one partition is read in one transaction.
 */
import type { Redis } from 'ioredis';
import { unpackRecord } from '../change/record.ts';
import type {
  EdgeAudits,
  EdgeTarget,
  Scored,
  Surroundings,
  Unreadable,
} from '../membership/audit-store.ts';
import type { NeighbourRow, RelatedRow } from '../membership/neighbour-row.ts';
import type { TargetValue, ValueAt } from '../membership/value-key.ts';
import type { PartitionKeys } from './keys.ts';
import { unpackNeighbour, unpackRelated } from './rows/neighbour-row.ts';
import { readable } from './rows/readable.ts';
import { unpackState } from './rows/state-row.ts';
import { readSources, readValueField, valueField } from './rows/value-row.ts';
import { scanHash } from './scan.ts';
import { addStates } from './states.ts';
import { carriedOut } from './transaction.ts';

/** Sets that are read at once. */
const SETS_A_READ = 500;

export class RedisEdgeAudits implements EdgeAudits {
  readonly #redis: Redis;
  readonly #keys: readonly PartitionKeys[];

  constructor(redis: Redis, partitions: readonly PartitionKeys[]) {
    this.#redis = redis;
    this.#keys = partitions;
  }

  neighbourRows(
    partition: number,
    edgeId: number,
  ): Promise<ReadonlyMap<string, NeighbourRow | Unreadable>> {
    return this.#rows(this.#keys[partition]!.neighbours(edgeId), unpackNeighbour);
  }

  relatedRows(
    partition: number,
    edgeId: number,
  ): Promise<ReadonlyMap<string, RelatedRow | Unreadable>> {
    return this.#rows(this.#keys[partition]!.related(edgeId), unpackRelated);
  }

  holders(partition: number, edgeId: number, targets: readonly string[]): Promise<Scored[][]> {
    const keys = this.#keys[partition]!;
    return this.#scored(targets.map((target) => keys.holders(edgeId, target)));
  }

  values(partition: number, predicateId: number, targets: readonly string[]): Promise<Scored[][]> {
    const keys = this.#keys[partition]!;
    return this.#scored(targets.map((target) => keys.values(predicateId, target)));
  }

  async valueCounts(
    partition: number,
    predicateId: number,
  ): Promise<(TargetValue & { readonly count: number })[]> {
    const fields = await this.#fields(this.#keys[partition]!.valueCounts(predicateId));
    return fields.map(([field, count]) => ({ ...readValueField(field), count: Number(count) }));
  }

  async valueCount(partition: number, { predicateId, ...at }: ValueAt): Promise<number> {
    const key = this.#keys[partition]!.valueCounts(predicateId);
    return Number(await this.#redis.hget(key, valueField(at)));
  }

  async valueSources(
    partition: number,
    predicateId: number,
  ): Promise<(TargetValue & { readonly sources: readonly number[] })[]> {
    const fields = await this.#fields(this.#keys[partition]!.valueSources(predicateId));
    return fields.map(([field, packed]) => ({
      ...readValueField(field),
      sources: readSources(packed),
    }));
  }

  async valueTotals(partition: number, predicateId: number): Promise<Map<string, number>> {
    const fields = await this.#fields(this.#keys[partition]!.valueTotals(predicateId));
    return new Map(fields.map(([target, total]) => [target, Number(total)]));
  }

  async #fields(key: string): Promise<[field: string, value: string][]> {
    const found = new Map<string, string>();
    for await (const reply of scanHash(this.#redis, key))
      for (let at = 0; at + 1 < reply.length; at += 2) found.set(reply[at]!, reply[at + 1]!);
    return [...found];
  }

  async around(
    { partition, edgeId, target, holderType, ordered, counted }: EdgeTarget,
    ids: readonly string[],
  ): Promise<Surroundings | Unreadable> {
    const keys = this.#keys[partition]!;
    // HMGET asks for one field at the least: '' is no id.
    const read = this.#redis
      .multi()
      .hget(keys.neighbours(edgeId), target)
      .zrange(keys.holders(edgeId, target), '0', '-1', 'WITHSCORES')
      .hmget(keys.records(holderType), '', ...ids);
    addStates(read, keys, holderType, ids);
    for (const predicateId of ordered)
      read.zrange(keys.values(predicateId, target), '0', '-1', 'WITHSCORES');
    if (counted) {
      const field = valueField({ target, value: counted.value });
      read.hget(keys.valueCounts(counted.predicateId), field);
    }
    const [row, holders, records, states, ...more] = (await carriedOut(read)) as [
      string | null,
      string[],
      (string | null)[],
      (string | null)[],
      ...unknown[],
    ];
    const values = more.slice(0, ordered.length) as string[][];
    return readable(() => ({
      row: unpackNeighbour(row),
      isStored: row !== null,
      holders: scoredIn(holders),
      values: values.map(scoredIn),
      count: Number(more[ordered.length] ?? 0),
      records: records.slice(1).map((record) => (record ? unpackRecord(record) : undefined)),
      states: states.map(unpackState),
    }));
  }

  async neighbourRow(
    partition: number,
    edgeId: number,
    target: string,
  ): Promise<NeighbourRow | undefined | Unreadable> {
    const row = await this.#redis.hget(this.#keys[partition]!.neighbours(edgeId), target);
    return row === null ? undefined : readable(() => unpackNeighbour(row));
  }

  async relatedRow(
    partition: number,
    edgeId: number,
    target: string,
  ): Promise<RelatedRow | Unreadable> {
    const row = await this.#redis.hget(this.#keys[partition]!.related(edgeId), target);
    return readable(() => unpackRelated(row));
  }

  async #rows<T>(key: string, unpack: (row: string) => T): Promise<Map<string, T | Unreadable>> {
    const rows = new Map<string, T | Unreadable>();
    for await (const reply of scanHash(this.#redis, key)) {
      for (let at = 0; at + 1 < reply.length; at += 2)
        rows.set(
          reply[at]!,
          readable(() => unpack(reply[at + 1]!)),
        );
    }
    return rows;
  }

  async #scored(sets: readonly string[]): Promise<Scored[][]> {
    const found: Scored[][] = [];
    for (let from = 0; from < sets.length; from += SETS_A_READ) {
      const some = sets.slice(from, from + SETS_A_READ);
      const replies = await Promise.all(
        some.map((set) => this.#redis.zrange(set, '0', '-1', 'WITHSCORES')),
      );
      found.push(...replies.map(scoredIn));
    }
    return found;
  }
}

/** Members and scores alternate; scores are printed so that they read back as they were. */
function scoredIn(flat: readonly string[]): Scored[] {
  const members: Scored[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) members.push([flat[at]!, Number(flat[at + 1])]);
  return members;
}
