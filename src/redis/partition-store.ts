/**
 * partition-store.ts – One partition in Redis: what its owner reads, and its commits.
 *
 * Keeps true: the promises of the port (engine/partition-store.ts), each by one script where more
 * than one key or a comparison is concerned. A row that another program has overwritten counts as
 * an empty one, and is reported.
 */

import type { Redis } from 'ioredis';
import { STREAM_START } from '../change/entry-order.ts';
import { unpackRecord } from '../change/record.ts';
import type { RecordKey } from '../engine/batch.ts';
import type { Fanout } from '../engine/fanouts.ts';
import type {
  Acquisition,
  ChunkLimit,
  CommitAnswer,
  CommitHeader,
  CommitWrites,
  Delivery,
  DeliveryAnswer,
  DueRecord,
  EntryId,
  EpochBegin,
  FanoutKey,
  LoadedRecords,
  PartitionMeta,
  PartitionStore,
  PreparedCommit,
  RecordChunk,
  RecordsOfType,
  Renewal,
  StoredChannel,
  StrayWalk,
  TrialNote,
  ValueSources,
  WaitingEntry,
  Walk,
} from '../engine/partition-store.ts';
import type { Row } from '../engine/step.ts';
import type { Extremes } from '../engine/step-neighbours.ts';
import { assert } from '../errors.ts';
import type { NeighbourRow, RelatedRow } from '../membership/neighbour-row.ts';
import type { TargetValue } from '../membership/value-key.ts';
import { type PartitionKeys, readRecordMember, sourceName } from './keys.ts';
import { type CommitBounds, PackedCommit } from './packed-commit.ts';
import { packTrial, readMeta } from './partition-meta.ts';
import { readChannelPosition } from './rows/channel-position.ts';
import { readFailed } from './rows/failed.ts';
import { unpackFanout } from './rows/fanout-row.ts';
import { readFollowed } from './rows/followed.ts';
import { unpackNeighbour, unpackRelated } from './rows/neighbour-row.ts';
import { unpackState } from './rows/state-row.ts';
import { packInboxEntry, readOutboxEntry } from './rows/stream-entry.ts';
import { readSources, readValueField, valueField } from './rows/value-row.ts';
import { runScript, sendScript } from './scripts.ts';

/** Where a SCAN begins, and what it answers when it is at its end. */
const WALK_START = '0';

export type OnUnreadable = (key: string, field: string) => void;

export class RedisPartitionStore implements PartitionStore {
  readonly #redis: Redis;
  readonly #keys: PartitionKeys;
  readonly #onUnreadable: OnUnreadable;
  readonly #bounds: CommitBounds | undefined;

  constructor(
    redis: Redis,
    keys: PartitionKeys,
    onUnreadable: OnUnreadable = () => {},
    bounds?: CommitBounds,
  ) {
    this.#redis = redis;
    this.#keys = keys;
    this.#onUnreadable = onUnreadable;
    this.#bounds = bounds;
  }

  // ── Office ──

  async acquire(token: string, leaseMs: number, install: string): Promise<Acquisition> {
    const given = { token, leaseMs, install };
    const answer = await runScript(this.#redis, 'acquirePartition', this.#keys, given);
    if (answer.status !== 'acquired') return answer;
    const { status, meta, complete, failed, followed } = answer;
    const own = [complete.map(Number), readFailed(failed), readFollowed(followed)] as const;
    return { status, meta: readMeta(meta, ...own) };
  }

  renew(token: string, leaseMs: number): Promise<Renewal> {
    return runScript(this.#redis, 'renewLease', this.#keys, { token, leaseMs });
  }

  async release(token: string): Promise<void> {
    await runScript(this.#redis, 'releaseLease', this.#keys, { token });
  }

  async readMeta(): Promise<PartitionMeta> {
    const [fields, complete, failed, followed] = await Promise.all([
      this.#redis.hgetall(this.#keys.meta),
      this.#redis.hkeys(this.#keys.counts),
      this.#redis.hgetall(this.#keys.failed),
      this.#redis.hgetall(this.#keys.followed),
    ]);
    const why = readFailed(Object.entries(failed).flat());
    const goesBy = readFollowed(Object.entries(followed).flat());
    return readMeta(Object.entries(fields).flat(), complete.map(Number), why, goesBy);
  }

  noteTrial(token: string, note: TrialNote | null): Promise<'noted' | 'fenced'> {
    const given = { token, note: note === null ? '' : packTrial(note) };
    return runScript(this.#redis, 'noteTrial', this.#keys, given);
  }

  // ── Records ──

  async records(asked: readonly RecordsOfType[], bytesMax: number): Promise<LoadedRecords> {
    const keys: string[] = [];
    const given: (string | number)[] = [];
    for (const { objectType, ids } of asked) {
      const own = this.#keys;
      keys.push(own.records(objectType), own.state(objectType), own.blocks(objectType));
      given.push(ids.length);
      for (const id of ids) given.push(id);
    }
    const more = { keys, arguments: given };
    const answer = await runScript(this.#redis, 'readRows', {}, { bytesMax }, more);
    if (answer.kind === 'heavy') return answer;
    const rows: (Row | undefined)[] = [];
    let at = 0;
    for (const { objectType, ids } of asked) {
      for (const id of ids) {
        const [record, state] = [answer.rows[at], answer.rows[at + 1]];
        rows.push(record ? this.#row(objectType, id, record, state) : undefined);
        at += 2;
      }
    }
    return { kind: 'rows', rows };
  }

  #row(objectType: string, id: string, record: string, state: string | null | undefined): Row {
    const { truth, due } = this.#readable(this.#keys.state(objectType), id, state, unpackState);
    return { record: unpackRecord(record), truth, due };
  }

  async recordsAfter(
    objectType: string,
    after: string,
    { most, bytesMax }: ChunkLimit,
  ): Promise<RecordChunk> {
    const keys = {
      ids: this.#keys.ids(objectType),
      records: this.#keys.records(objectType),
      heads: this.#keys.state(objectType),
      blocks: this.#keys.blocks(objectType),
    };
    const answer = await runScript(this.#redis, 'readChunk', keys, { after, most, bytesMax });
    const rows = new Map<string, Row | undefined>();
    for (let at = 0; at < answer.rows.length; at += 3) {
      const [id, record, packed] = [answer.rows[at]!, answer.rows[at + 1], answer.rows[at + 2]];
      rows.set(id, record ? this.#row(objectType, id, record, packed) : undefined);
    }
    return { rows, isEnd: answer.isEnd === 1 };
  }

  // ── Edges ──

  neighbours(
    edgeId: number,
    targets: readonly string[],
  ): Promise<readonly (NeighbourRow | undefined)[]> {
    return this.#edgeRows(this.#keys.neighbours(edgeId), targets, unpackNeighbour);
  }

  related(
    edgeId: number,
    targets: readonly string[],
  ): Promise<readonly (RelatedRow | undefined)[]> {
    return this.#edgeRows(this.#keys.related(edgeId), targets, unpackRelated);
  }

  async #edgeRows<R>(
    key: string,
    targets: readonly string[],
    unpack: (stored: string | null) => R,
  ): Promise<(R | undefined)[]> {
    if (targets.length === 0) return [];
    const stored = await this.#redis.hmget(key, ...targets);
    return stored.map((row, at) =>
      row === null ? undefined : this.#readable(key, targets[at]!, row, unpack),
    );
  }

  /** An unreadable row counts as empty: the next commit, or the audit, rewrites it. */
  #readable<R>(
    key: string,
    field: string,
    stored: string | null | undefined,
    unpack: (stored: string | null) => R,
  ): R {
    try {
      return unpack(stored ?? null);
    } catch {
      this.#onUnreadable(key, field);
      return unpack(null);
    }
  }

  async extremes(predicateId: number, target: string, most: number): Promise<Extremes> {
    const key = this.#keys.values(predicateId, target);
    const [lowest, highest] = await Promise.all([
      this.#redis.zrange(key, '0', String(most - 1), 'WITHSCORES'),
      this.#redis.zrevrange(key, '0', String(most - 1), 'WITHSCORES'),
    ]);
    return { lowest: scored(lowest), highest: scored(highest) };
  }

  async valueCounts(
    predicateId: number,
    values: readonly TargetValue[],
  ): Promise<readonly number[]> {
    const found = await this.#fields(this.#keys.valueCounts(predicateId), values.map(valueField));
    return found.map(readNumber);
  }

  async valueSources(
    predicateId: number,
    values: readonly TargetValue[],
  ): Promise<readonly (readonly number[])[]> {
    const found = await this.#fields(this.#keys.valueSources(predicateId), values.map(valueField));
    return found.map(readSources);
  }

  async valueTotals(predicateId: number, targets: readonly string[]): Promise<readonly number[]> {
    const found = await this.#fields(this.#keys.valueTotals(predicateId), targets);
    return found.map(readNumber);
  }

  async #fields(key: string, fields: readonly string[]): Promise<(string | null)[]> {
    return fields.length === 0 ? [] : this.#redis.hmget(key, ...fields);
  }

  async allValueCounts(predicateId: number): Promise<readonly TargetValue[]> {
    const fields = await this.#redis.hkeys(this.#keys.valueCounts(predicateId));
    return fields.map(readValueField);
  }

  async allValueSources(predicateId: number): Promise<readonly (TargetValue & ValueSources)[]> {
    const found = await this.#redis.hgetall(this.#keys.valueSources(predicateId));
    return Object.entries(found).map(([field, packed]) => ({
      ...readValueField(field),
      sources: readSources(packed),
    }));
  }

  holdersAfter(
    edgeId: number,
    target: string,
    after: string,
    until: string | null,
    most: number,
  ): Promise<string[]> {
    return this.#between(this.#keys.holders(edgeId, target), after, until, most);
  }

  /** Members of a set whose scores are all 0 are in the order of their bytes. */
  #between(key: string, after: string, until: string | null, most: number): Promise<string[]> {
    const from = after === '' ? '-' : `(${after}`;
    const to = until === null ? '+' : `[${until}`;
    return this.#redis.zrangebylex(key, from, to, 'LIMIT', 0, most);
  }

  async walkNeighbourTargets(
    edgeId: number,
    cursor: string | undefined,
    most: number,
  ): Promise<Walk<string>> {
    const key = this.#keys.neighbours(edgeId);
    return walked(await this.#redis.hscan(key, cursor ?? WALK_START, 'COUNT', most));
  }

  async someNeighbourTargets(edgeId: number, most: number): Promise<readonly string[]> {
    return (await this.#redis.hrandfield(this.#keys.neighbours(edgeId), most)) as string[];
  }

  allNeighbourTargets(edgeId: number): Promise<string[]> {
    return this.#redis.hkeys(this.#keys.neighbours(edgeId));
  }

  allRelatedTargets(edgeId: number): Promise<string[]> {
    return this.#redis.hkeys(this.#keys.related(edgeId));
  }

  async fewHolders(
    asked: readonly FanoutKey[],
    most: number,
  ): Promise<readonly (readonly string[] | undefined)[]> {
    const keys = asked.map(({ edgeId, target }) => this.#keys.holders(edgeId, target));
    const found = await runScript(this.#redis, 'readHolders', {}, { most }, { keys });
    return found.map((ids) => ids ?? undefined);
  }

  async fanouts(from: number, most: number): Promise<readonly Fanout[]> {
    const { fanouts, fanoutsSince } = this.#keys;
    const listed = scored(
      await this.#redis.zrange(fanoutsSince, String(from), String(from + most - 1), 'WITHSCORES'),
    );
    const progress = await this.#fields(
      fanouts,
      listed.map(([member]) => member),
    );
    return listed.map(([member, since], at) => unpackFanout(member, since, progress[at]!));
  }

  async areConfirmed(source: number, members: readonly string[]): Promise<readonly boolean[]> {
    if (members.length === 0) return [];
    const found = await this.#redis.smismember(this.#keys.confirmed(source), ...members);
    return found.map((is) => is === 1);
  }

  // ── Time ──

  async firstDue(most: number): Promise<readonly DueRecord[]> {
    const flat = await this.#redis.zrange(this.#keys.due, '0', String(most - 1), 'WITHSCORES');
    return scored(flat).map(([member, dueMs]) => ({ ...readRecordMember(member), dueMs }));
  }

  async walkTimers(cursor: string | undefined, most: number): Promise<Walk<RecordKey>> {
    const page = await this.#redis.zscan(this.#keys.due, cursor ?? WALK_START, 'COUNT', most);
    const { items, cursor: next } = walked(page);
    return { items: items.map(readRecordMember), cursor: next };
  }

  async expiredTombstones(untilMs: number, most: number): Promise<readonly RecordKey[]> {
    const key = this.#keys.tombstones;
    const members = await this.#redis.zrangebyscore(key, 0, untilMs, 'LIMIT', 0, most);
    return members.map(readRecordMember);
  }

  // ── Channels ──

  async areMembers(predicateId: number, ids: readonly string[]): Promise<boolean[]> {
    const answers = await this.#redis.smismember(this.#keys.segment(predicateId), ...ids);
    return answers.map((answer) => answer === 1);
  }

  async walkStrays({ objectType, predicateId, cursor, most }: StrayWalk): Promise<Walk<string>> {
    const set = this.#keys.segment(predicateId);
    const [next, ids] = await this.#redis.sscan(set, cursor ?? WALK_START, 'COUNT', most);
    const after = next === WALK_START ? undefined : next;
    if (ids.length === 0) return { items: [], cursor: after };
    const scores = await this.#redis.zmscore(this.#keys.ids(objectType), ...ids);
    return { items: ids.filter((_, at) => scores[at] === null), cursor: after };
  }

  async lastEntries(): Promise<{ log: EntryId; inbox: EntryId }> {
    const [log, inbox] = await Promise.all([
      this.#lastEntry(this.#keys.log),
      this.#lastEntry(this.#keys.inbox),
    ]);
    return { log, inbox };
  }

  async #lastEntry(stream: string): Promise<EntryId> {
    const [last] = await this.#redis.xrevrange(stream, '+', '-', 'COUNT', 1);
    return last?.[0] ?? STREAM_START;
  }

  async outbox(target: number, most?: number): Promise<readonly WaitingEntry[]> {
    const key = this.#keys.outbox(target);
    const entries =
      most === undefined
        ? await this.#redis.xrange(key, '-', '+')
        : await this.#redis.xrange(key, '-', '+', 'COUNT', most);
    return entries.map(readOutboxEntry);
  }

  async channel(source: number): Promise<StoredChannel> {
    const stored = await this.#redis.hget(this.#keys.delivered, sourceName(source));
    return { position: readChannelPosition(stored), seen: stored ?? '' };
  }

  beginEpoch({ source, ...begin }: EpochBegin): Promise<'begun' | 'moved'> {
    const given = { ...begin, source: sourceName(source), nowMs: Date.now() };
    return runScript(this.#redis, 'beginEpoch', this.#keys, given);
  }

  async deliver(delivery: Delivery): Promise<DeliveryAnswer> {
    const { source: from, epoch, base, sequence, catalogVersion, payload } = delivery;
    const { inbox: stream, delivered } = this.#keys;
    // 0: an inbox takes any number of entries, else two partitions could wait for each other.
    const numbers = { epoch, base, sequence, entriesMax: 0, nowMs: Date.now() };
    const given = { source: sourceName(from), ...numbers };
    const more = { arguments: packInboxEntry({ from, catalogVersion, payload }) };
    const keys = { stream, delivered };
    const { status } = await runScript(this.#redis, 'deliverEntry', keys, given, more);
    assert(status !== 'full', 'an inbox is never full');
    return status;
  }

  // ── Commit ──

  prepare(header: CommitHeader, writes: CommitWrites): PreparedCommit {
    return new PackedCommit(this.#keys, header, writes, this.#bounds);
  }

  commit(prepared: PreparedCommit): Promise<CommitAnswer> {
    const packed = prepared as PackedCommit;
    return sendScript(this.#redis, 'commitBatch', packed.keys, packed.arguments);
  }
}

/** 0 of what is not there, or can't be read. */
function readNumber(packed: string | null): number {
  return Number(packed) || 0;
}

/** Members and scores alternate; scores are printed so that they read back as they were. */
function scored(flat: readonly string[]): [member: string, score: number][] {
  const members: [string, number][] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) members.push([flat[at]!, Number(flat[at + 1])]);
  return members;
}

/** Of HSCAN and ZSCAN: names, without their values or scores. */
function walked([next, flat]: [cursor: string, flat: string[]]): Walk<string> {
  const items = flat.filter((_, at) => at % 2 === 0);
  return { items, cursor: next === WALK_START ? undefined : next };
}
