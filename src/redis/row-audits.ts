/**
 * row-audits.ts – All that is kept of records: rows, lists, timers, tombstones and memberships.
 *
 * Keeps true: what membership/audit-store.ts promises of `RowAudits`. All answers about one record
 * are read in one transaction; mends are guarded by the rows as they were read in it.
 */
import type { Redis } from 'ioredis';
import type {
  CountedMembers,
  HeldRecord,
  KeptRecord,
  Mend,
  RecordEntry,
  RecordMend,
  RowAudits,
  StrayBlock,
} from '../membership/audit-store.ts';
import type { StateRow } from '../membership/state-row.ts';
import { pushTo } from '../multimap.ts';
import { type PartitionKeys, readRecordMember, recordMember } from './keys.ts';
import { type GuardedWrite, mendOf } from './mends.ts';
import { isNoTombstone, readable, readableRecord } from './rows/readable.ts';
import {
  blockField,
  NO_STATE,
  readBlockField,
  stateChange,
  statePartsOf,
  unpackState,
} from './rows/state-row.ts';
import { scanFields, scanHash, scanSet, scanSorted } from './scan.ts';
import { addStates } from './states.ts';
import { carriedOut } from './transaction.ts';
import { weighFields } from './weigh.ts';

/** One record's rows and scores at one instant; null: there is none. */
interface Seen {
  readonly id: string;
  readonly record: string | null;
  readonly state: string | null;
  readonly listed: string | null;
  readonly due: string | null;
  readonly tombstone: string | null;
}

export class RedisRowAudits implements RowAudits {
  readonly #redis: Redis;
  readonly #keys: readonly PartitionKeys[];

  constructor(redis: Redis, partitions: readonly PartitionKeys[]) {
    this.#redis = redis;
    this.#keys = partitions;
  }

  async held(
    partition: number,
    objectType: string,
    ids: readonly string[],
    asked: readonly (readonly number[])[] = [],
  ): Promise<HeldRecord[]> {
    if (ids.length === 0) return [];
    const keys = this.#keys[partition]!;
    const read = this.#redis.multi().hmget(keys.records(objectType), ...ids);
    addStates(read, keys, objectType, ids);
    const isMember = asked.map((predicateIds) => predicateIds.map(() => false));
    const cells = cellsByPredicate(asked);
    for (const [predicateId, some] of cells)
      read.smismember(keys.segment(predicateId), ...some.map(({ at }) => ids[at]!));
    const [records, states, ...sets] = (await carriedOut(read)) as [
      (string | null)[],
      (string | null)[],
      ...number[][],
    ];
    for (const [nth, some] of [...cells.values()].entries())
      for (const [each, { at, place }] of some.entries())
        isMember[at]![place] = sets[nth]![each] === 1;
    return ids.map((id, at) => ({
      id,
      record: readableRecord(records[at]),
      state: readable(() => unpackState(states[at])),
      isMember: isMember[at] ?? [],
    }));
  }

  async kept(partition: number, objectType: string, ids: readonly string[]): Promise<KeptRecord[]> {
    if (ids.length === 0) return [];
    const keys = this.#keys[partition]!;
    const members = ids.map((id) => recordMember(objectType, id));
    const read = this.#redis
      .multi()
      .zmscore(keys.ids(objectType), ...ids)
      .hmget(keys.records(objectType), ...ids)
      .zmscore(keys.due, ...members)
      .zmscore(keys.tombstones, ...members);
    addStates(read, keys, objectType, ids);
    const [listed, records, dues, tombstones, states] = (await carriedOut(read)) as (
      | string
      | null
    )[][];
    return ids.map((id, at) =>
      this.#kept(keys, objectType, {
        id,
        record: records![at] ?? null,
        state: states![at] ?? null,
        listed: listed![at] ?? null,
        due: dues![at] ?? null,
        tombstone: tombstones![at] ?? null,
      }),
    );
  }

  storedIds(partition: number, objectType: string): AsyncIterable<string[]> {
    return scanFields(this.#redis, this.#keys[partition]!.records(objectType));
  }

  async *strayIds(partition: number, objectType: string): AsyncGenerator<string[]> {
    const keys = this.#keys[partition]!;
    for (const walk of [
      scanSorted(this.#redis, keys.ids(objectType)),
      scanFields(this.#redis, keys.state(objectType)),
    ]) {
      for await (const ids of walk) yield this.withoutRecord(partition, objectType, ids);
    }
  }

  async unlistedIds(partition: number, objectType: string): Promise<string[]> {
    const keys = this.#keys[partition]!;
    const unlisted = new Set<string>();
    for (const walk of [
      this.#recordIds(keys.records(objectType)),
      scanFields(this.#redis, keys.state(objectType)),
    ]) {
      for await (const ids of walk) {
        if (ids.length === 0) continue;
        const scores = await this.#redis.zmscore(keys.ids(objectType), ...ids);
        for (const [at, id] of ids.entries()) if (scores[at] === null) unlisted.add(id);
      }
    }
    return [...unlisted];
  }

  /** Caller: not more than a few hundred. */
  async withoutRecord(
    partition: number,
    objectType: string,
    ids: readonly string[],
  ): Promise<string[]> {
    const bytes = await weighFields(this.#redis, this.#keys[partition]!.records(objectType), ids);
    return ids.filter((_, at) => bytes[at] === 0);
  }

  async *entries(partition: number, of: 'timers' | 'tombstones'): AsyncGenerator<RecordEntry[]> {
    const { due, tombstones } = this.#keys[partition]!;
    const key = of === 'timers' ? due : tombstones;
    for await (const members of scanSorted(this.#redis, key))
      yield members.map((member) => this.#entry(key, member));
  }

  async *strayBlocks(partition: number, objectType: string): AsyncGenerator<StrayBlock[]> {
    const key = this.#keys[partition]!.blocks(objectType);
    for await (const fields of scanFields(this.#redis, key))
      yield this.#strays(partition, objectType, fields);
  }

  /** Those of some fields of blocks that no head names. */
  async #strays(
    partition: number,
    objectType: string,
    fields: readonly string[],
  ): Promise<StrayBlock[]> {
    const [key, heads] = [
      this.#keys[partition]!.blocks(objectType),
      this.#keys[partition]!.state(objectType),
    ];
    const of = fields.map(readBlockField);
    const read = this.#redis
      .multi()
      .hmget(heads, ...of.map(({ id }) => id))
      .hmget(key, ...fields);
    const [states, blocks] = (await carriedOut(read)) as [(string | null)[], (string | null)[]];
    return fields.flatMap((field, at) => {
      const { id, number } = of[at]!;
      const [head, block] = [states[at] ?? null, blocks[at] ?? null];
      const isNamed = statePartsOf(head ?? '').blocks.some(([named]) => named === number);
      if (block === null || isNamed) return [];
      // Its head may change all the time.
      const guards = [
        { key: heads, field: id, unnamed: number },
        { key, field, value: block },
      ];
      const removal = mendOf(this.#redis, { verb: 'HDEL', key, arguments: [field], guards });
      const isStill = async () => (await this.#strays(partition, objectType, [field])).length > 0;
      return { text: field, removal, isStill };
    });
  }

  memberIds(partition: number, predicateId: number): AsyncIterable<string[]> {
    return scanSet(this.#redis, this.#keys[partition]!.segment(predicateId));
  }

  async countedMembers(
    partition: number,
    predicateIds: readonly number[],
  ): Promise<CountedMembers[]> {
    if (predicateIds.length === 0) return [];
    const keys = this.#keys[partition]!;
    const read = this.#redis.multi().hmget(keys.counts, ...predicateIds.map(String));
    for (const predicateId of predicateIds) read.scard(keys.segment(predicateId));
    const [counts, ...sizes] = (await carriedOut(read)) as [(string | null)[], ...number[]];
    return sizes.map((members, at) => ({
      count: counts[at] == null ? null : Number(counts[at]),
      members,
    }));
  }

  /** Records that are no tombstones. */
  async *#recordIds(key: string): AsyncGenerator<string[]> {
    for await (const reply of scanHash(this.#redis, key))
      yield reply.filter((_, at) => at % 2 === 0 && isNoTombstone(reply[at + 1]!));
  }

  #kept(keys: PartitionKeys, objectType: string, seen: Seen): KeptRecord {
    const { id, record, state, listed, due, tombstone } = seen;
    return {
      id,
      record: readableRecord(record),
      state: state === null ? undefined : readable(() => unpackState(state)),
      listed: listed ?? undefined,
      dueMs: due === null ? undefined : Number(due),
      tombstoneMs: tombstone === null ? undefined : Number(tombstone),
      mend: (what) => mendOf(this.#redis, writeOf(keys, objectType, seen, what)),
    };
  }

  #entry(key: string, member: string): RecordEntry {
    const { objectType, id } = readRecordMember(member);
    const removal: Mend = mendOf(this.#redis, {
      verb: 'ZREM',
      key,
      arguments: [member],
      guards: [],
    });
    const isWellFormed = recordMember(objectType, id) === member;
    return { objectType, id, isWellFormed, text: member, removal };
  }
}

/** A membership that is asked for: of the id `at`, its predicate `place`. */
interface Cell {
  readonly at: number;
  readonly place: number;
}

function cellsByPredicate(asked: readonly (readonly number[])[]): Map<number, Cell[]> {
  const cells = new Map<number, Cell[]>();
  for (const [at, predicateIds] of asked.entries())
    for (const [place, predicateId] of predicateIds.entries())
      pushTo(cells, predicateId, { at, place });
  return cells;
}

function writeOf(
  keys: PartitionKeys,
  objectType: string,
  { id, record, state }: Seen,
  what: RecordMend,
): GuardedWrite {
  const guard = { key: keys.records(objectType), field: id, value: record };
  const member = recordMember(objectType, id);
  if ('isListed' in what)
    return scoreWrite(keys.ids(objectType), id, what.isListed ? 0 : undefined, [guard]);
  if ('dueMs' in what) return scoreWrite(keys.due, member, what.dueMs, [guard]);
  if ('tombstoneMs' in what) return scoreWrite(keys.tombstones, member, what.tombstoneMs, [guard]);
  const guards = [guard, ...stateGuards(keys, objectType, id, state)];
  return { ...stateWrite(keys, objectType, id, state, what.state), guards };
}

/** The state is, in all its parts, as it was seen. */
function stateGuards(
  keys: PartitionKeys,
  objectType: string,
  id: string,
  seen: string | null,
): GuardedWrite['guards'] {
  const key = keys.state(objectType);
  if (seen === null) return [{ key, field: id, value: null }];
  const { head, blocks } = statePartsOf(seen);
  return [
    { key, field: id, value: head },
    ...blocks.map(([number, packed]) => ({
      key: keys.blocks(objectType),
      field: blockField(number, id),
      value: packed === '' ? null : packed,
    })),
  ];
}

/** Writes a state as a whole, or removes it (undefined). */
function stateWrite(
  keys: PartitionKeys,
  objectType: string,
  id: string,
  seen: string | null,
  state: StateRow | undefined,
): Omit<GuardedWrite, 'guards'> {
  const [key, further] = [keys.state(objectType), keys.blocks(objectType)];
  const { head, blocks } = stateChange(NO_STATE, state ?? NO_STATE);
  const old = statePartsOf(seen ?? '').blocks.map(([number]) => blockField(number, id));
  const kept = blocks.flatMap(([number, packed]) => [blockField(number, id), packed!]);
  const gone = old.filter((field) => !kept.includes(field));
  return {
    ...(head
      ? { verb: 'HSET', key, arguments: [id, head] }
      : { verb: 'HDEL', key, arguments: [id] }),
    more: [
      ...(kept.length > 0 ? [{ verb: 'HSET', key: further, arguments: kept } as const] : []),
      ...(gone.length > 0 ? [{ verb: 'HDEL', key: further, arguments: gone } as const] : []),
    ],
  };
}

/** Sets the score of a member of a sorted set, or removes it (undefined). */
function scoreWrite(
  key: string,
  member: string,
  score: number | undefined,
  guards: GuardedWrite['guards'],
): GuardedWrite {
  return score === undefined
    ? { verb: 'ZREM', key, arguments: [member], guards }
    : { verb: 'ZADD', key, arguments: [score, member], guards };
}
