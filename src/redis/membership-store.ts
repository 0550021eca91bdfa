/**
 * membership-store.ts – Reads of records and members, out of Redis.
 *
 * Keeps true: what membership/membership-store.ts promises. What concerns one partition is one
 * command, but for the members of a large set, which are walked along the ids of their type.
 */

import type { Redis } from 'ioredis';
import { STREAM_START } from '../change/entry-order.ts';
import { compareIds } from '../change/id-order.ts';
import { unpackRecord } from '../change/record.ts';
import type {
  BackfillProgress,
  MemberSet,
  MembershipStore,
  PredicatePair,
  SharedLook,
  SizedRecord,
  TalliedLook,
  WaitingEntries,
} from '../membership/membership-store.ts';
import type { Look, LookRequest, Positions } from '../membership/partition-status.ts';
import type { PredicateIds } from '../query/network/predicate-ids.ts';
import { askByPartition } from './by-partition.ts';
import type { PartitionKeys } from './keys.ts';
import { backfillField, META_FIELDS, readBackfill } from './partition-meta.ts';
import { lookAtPartition, lookAtShared, lookAtTally } from './partition-status.ts';
import { unpackRelated } from './rows/neighbour-row.ts';
import { readField } from './rows/readable.ts';
import { unpackState } from './rows/state-row.ts';
import { readStates } from './states.ts';
import { weighFields } from './weigh.ts';

/** Members of a partition that are sorted in memory; larger sets are walked along the ids. */
const SORTED_MEMBERS_MAX = 2000;
const WALK_IDS = 1000;
/** Entries of a log that are looked at where they wait, each of 256 kB at most. */
const LOOKED_AT_MAX = 200;

export class RedisMembershipStore implements MembershipStore {
  readonly #redis: Redis;
  readonly #keys: readonly PartitionKeys[];

  constructor(redis: Redis, partitions: readonly PartitionKeys[]) {
    this.#redis = redis;
    this.#keys = partitions;
  }

  get partitions(): number {
    return this.#keys.length;
  }

  look(partition: number, request: LookRequest): Promise<Look> {
    return lookAtPartition(this.#redis, this.#keys[partition]!, this.partitions, request);
  }

  lookAtShared(
    partition: number,
    request: LookRequest,
    pairs: readonly PredicatePair[],
  ): Promise<SharedLook> {
    return lookAtShared(this.#redis, this.#keys[partition]!, this.partitions, request, pairs);
  }

  async isOwned(partition: number): Promise<boolean> {
    return (await this.#redis.exists(this.#keys[partition]!.owner)) === 1;
  }

  lookAtTally(
    partition: number,
    request: LookRequest,
    predicateIds: readonly number[],
  ): Promise<TalliedLook> {
    const keys = this.#keys[partition]!;
    return lookAtTally(this.#redis, keys, this.partitions, request, predicateIds);
  }

  waiting(
    partition: number,
    { position, inboxPosition }: Pick<Positions, 'position' | 'inboxPosition'>,
  ): Promise<readonly [log: WaitingEntries, inbox: WaitingEntries]> {
    const { log, inbox } = this.#keys[partition]!;
    return Promise.all([this.#waiting(log, position), this.#waiting(inbox, inboxPosition)]);
  }

  async #waiting(stream: string, applied: string): Promise<WaitingEntries> {
    const first = this.#redis.xrange(stream, `(${applied}`, '+', 'COUNT', 1);
    const [[entry], entries] = await Promise.all([first, this.#redis.xlen(stream)]);
    if (!entry) return { entries: 0, sinceMs: undefined };
    return { entries: Math.max(1, entries), sinceMs: Number(entry[0].split('-')[0]) };
  }

  logLength(partition: number): Promise<number> {
    return this.#redis.xlen(this.#keys[partition]!.log);
  }

  async isAwaited(partition: number, objectType: string): Promise<boolean> {
    const { log, meta } = this.#keys[partition]!;
    const position = (await this.#redis.hget(meta, META_FIELDS.log.name)) ?? STREAM_START;
    const waiting = await this.#redis.xrange(log, `(${position}`, '+', 'COUNT', LOOKED_AT_MAX);
    const named = JSON.stringify(objectType);
    return (
      waiting.length === LOOKED_AT_MAX ||
      waiting.some(([, fields]) => fields.some((text) => text.includes(named)))
    );
  }

  recordCount(partition: number, objectType: string): Promise<number> {
    return this.#redis.zcard(this.#keys[partition]!.ids(objectType));
  }

  dueCounts(partition: number, moments: readonly number[]): Promise<number[]> {
    const { due } = this.#keys[partition]!;
    const spans = moments.slice(1).map((end, at) => [moments[at]!, end] as const);
    return Promise.all(
      spans.map(([from, end]) => this.#redis.zcount(due, String(from), `(${end}`)),
    );
  }

  async backfillProgress(
    partition: number,
    { objectType, predicateId }: MemberSet,
  ): Promise<BackfillProgress> {
    const keys = this.#keys[partition]!;
    const [records, stored, count] = await Promise.all([
      this.#redis.zcard(keys.ids(objectType)),
      this.#redis.hget(keys.meta, backfillField(objectType)),
      this.#redis.hget(keys.counts, String(predicateId)),
    ]);
    if (count !== null) return { records, visited: records };
    const backfill = stored === null ? undefined : readBackfill(stored).backfill;
    const isUnderWay = backfill?.predicateIds.includes(predicateId);
    return { records, visited: isUnderWay ? Math.min(backfill!.visited, records) : 0 };
  }

  async lastCommits(): Promise<string> {
    const commits = this.#keys.map(({ meta }) =>
      this.#redis.hmget(meta, META_FIELDS.number.name, META_FIELDS.nonce.name),
    );
    return JSON.stringify(await Promise.all(commits));
  }

  truths(objectType: string, ids: readonly string[]): Promise<PredicateIds[]> {
    return this.#ask(ids, async (keys, some) => {
      const states = await readStates(this.#redis, keys, objectType, some);
      const key = keys.state(objectType);
      return states.map((state, at) => readField(key, some[at]!, state, unpackState).truth);
    });
  }

  records(objectType: string, ids: readonly string[]): Promise<(SizedRecord | undefined)[]> {
    return this.#ask(ids, async (keys, some) => {
      const key = keys.records(objectType);
      const rows = await this.#redis.hmget(key, ...some);
      return rows.map((row, at) => {
        if (!row) return undefined;
        return { record: readField(key, some[at]!, row, unpackRecord), size: row.length };
      });
    });
  }

  weights(objectType: string, ids: readonly string[]): Promise<number[]> {
    return this.#ask(ids, (keys, some) => weighFields(this.#redis, keys.records(objectType), some));
  }

  recordIds(
    partition: number,
    objectType: string,
    after: string,
    count: number,
    prefix = '',
  ): Promise<string[]> {
    return this.#idsAfter(this.#keys[partition]!.ids(objectType), after, count, prefix);
  }

  someRecordIds(partition: number, objectType: string, count: number): Promise<string[]> {
    return this.#redis.hrandfield(this.#keys[partition]!.records(objectType), count) as Promise<
      string[]
    >;
  }

  memberCount(partition: number, predicateId: number): Promise<number> {
    return this.#redis.scard(this.#keys[partition]!.segment(predicateId));
  }

  areMembers(predicateId: number, ids: readonly string[]): Promise<boolean[]> {
    return this.#ask(ids, async (keys, some) => {
      const answers = await this.#redis.smismember(keys.segment(predicateId), ...some);
      return answers.map((answer) => answer === 1);
    });
  }

  async memberIds(
    partition: number,
    { objectType, predicateId }: MemberSet,
    after: string,
    count: number,
  ): Promise<string[]> {
    const keys = this.#keys[partition]!;
    const set = keys.segment(predicateId);
    if ((await this.#redis.scard(set)) > SORTED_MEMBERS_MAX)
      return this.#membersAlong(keys.ids(objectType), set, after, count);
    const members = await this.#redis.smembers(set);
    const later = after === '' ? members : members.filter((id) => compareIds(id, after) > 0);
    return later.sort(compareIds).slice(0, count);
  }

  holderIds(
    partition: number,
    edgeId: number,
    target: string,
    after: string,
    count: number,
  ): Promise<string[]> {
    return this.#idsAfter(this.#keys[partition]!.holders(edgeId, target), after, count);
  }

  holderPartitions(edgeId: number, targets: readonly string[]): Promise<number[][]> {
    return this.#ask(targets, async (keys, some) => {
      const key = keys.related(edgeId);
      const rows = await this.#redis.hmget(key, ...some);
      return rows.map((row, at) =>
        Object.keys(readField(key, some[at]!, row, unpackRelated)).map(Number),
      );
    });
  }

  #ask<T>(
    ids: readonly string[],
    ask: (keys: PartitionKeys, some: readonly string[]) => Promise<readonly T[]>,
  ): Promise<T[]> {
    return askByPartition(this.#keys, ids, ask);
  }

  /** Members of a set that is too large to sort, along the ids of their type. */
  async #membersAlong(
    listed: string,
    set: string,
    after: string,
    count: number,
  ): Promise<string[]> {
    const members: string[] = [];
    for (let from = after; members.length < count; ) {
      const ids = await this.#idsAfter(listed, from, WALK_IDS);
      if (ids.length > 0) {
        const isMember = await this.#redis.smismember(set, ...ids);
        members.push(...ids.filter((_, at) => isMember[at] === 1));
      }
      if (ids.length < WALK_IDS) break;
      from = ids.at(-1)!;
    }
    return members.slice(0, count);
  }

  /** From a sorted set of ids. */
  #idsAfter(listed: string, after: string, count: number, prefix = ''): Promise<string[]> {
    const first = prefix === '' ? '-' : `[${prefix}`;
    // Ids are UTF-8, in which there is no byte FF.
    const last =
      prefix === '' ? '+' : Buffer.concat([Buffer.from(`[${prefix}`), Buffer.from([0xff])]);
    const from = after === '' || compareIds(after, prefix) < 0 ? first : `(${after}`;
    return this.#redis.zrangebylex(listed, from, last, 'LIMIT', 0, count);
  }
}
