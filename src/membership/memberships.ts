/**
 * memberships.ts – Every read: counts, members, lookups, the segments of a record, records and what
 * they are related to.
 *
 * Keeps true: a number is given only when it is exact. Reads are strong unless asked otherwise:
 * they wait until all that was acknowledged before them is applied, for a bounded time. What has
 * failed says so, from the commit on at which it did: a strong read learns of that from the
 * partitions themselves, before the catalog does. Slugs are resolved to predicate ids at one
 * version of the catalog; where a partition does not answer for a predicate id, they are resolved
 * again, and what is still missing is being built.
 */
import type { Redis } from 'ioredis';
import type { StoredFilter, StoredSegment, StoredView } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { unknownObjectType } from '../catalog/object-types.ts';
import { unknownSegment } from '../catalog/segments.ts';
import { unknownView } from '../catalog/views.ts';
import { edgesOf, targetsOf } from '../change/edge.ts';
import { partitionOf } from '../change/partition.ts';
import { asDeclared, exists, isLive, type RecordRow, unpackRecord } from '../change/record.ts';
import { Problem } from '../errors.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { partsOf } from '../parts.ts';
import { type Failure, failureReason } from '../query/failure.ts';
import type { Hop } from '../query/predicate/relationships.ts';
import type { Keys, PartitionKeys } from '../redis/keys.ts';
import { weighFields } from '../redis/weigh.ts';
import {
  failuresIn,
  isAheadOfTime,
  type Loss,
  lossOf,
  type PartitionStatus,
  readPartitionStatus,
  roundsOver,
  waitForWatermark,
} from './partition-status.ts';
import { hasPredicateId } from './predicate-ids.ts';
import { unpackState } from './state-row.ts';

export type Consistency = 'strong' | 'eventual';

export interface ReadOptions {
  readonly consistency: Consistency;
  readonly timeoutMs: number;
}

/** What was waited for already, or does not matter. */
export const EVENTUAL: ReadOptions = { consistency: 'eventual', timeoutMs: 0 };
export const STRONG: ReadOptions = { consistency: 'strong', timeoutMs: 5000 };

export interface SegmentCount {
  readonly slug: string;
  /** A number exactly when the status is `ready`. */
  readonly count: number | null;
  readonly status: 'ready' | 'building' | 'timeout' | 'failed';
  /** The revision of the segment that the number is of. */
  readonly revision: number | null;
}

export interface Counts {
  readonly counts: readonly SegmentCount[];
  /** Where each partition stood at the instant that its numbers are from. */
  readonly asOf: string;
}

export interface Lag {
  readonly entries: number;
  readonly partitionsBehind: number;
  readonly partitionsAhead: number;
}

export interface Page<T> {
  readonly data: readonly T[];
  readonly next_cursor: string | null;
}

export interface NamedRecord {
  readonly id: string;
  readonly record: RecordRow;
}

/**
 * What a page keeps of a record that is read: a page of texts takes a tenth of the memory of one of
 * records.
 */
type Shape<T extends { readonly id: string }> = (named: NamedRecord) => T;

/** How a page of records is read. */
export interface RecordPageOptions<T extends { readonly id: string }> extends ReadOptions {
  readonly shape: Shape<T>;
  readonly budget?: PageBudget;
}

const asTheyAre: Shape<NamedRecord> = (named) => named;

/**
 * Members of a partition that are sorted in memory; larger sets are walked along the ids of the
 * type.
 */
const SORTED_MEMBERS_MAX = 2000;
const WALK_IDS = 1000;
/** Records that are weighed at once, and read in parts of bounded bytes (parts.ts). */
const RECORDS_A_READ = 50;
const RESOLVE_ATTEMPTS_MAX = 3;
/**
 * How long partitions that nobody works off are waited for: another process may just be taking them
 * over.
 */
const UNOWNED_TIMEOUT_MS = 1000;
/** Entries of a log that are looked at where they wait, each of 256 kB at most. */
const LOOKED_AT_MAX = 200;

export class Memberships {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #store: CatalogStore;
  readonly #timeZone: string;
  readonly #pageBytesMax: number;

  constructor(
    redis: Redis,
    keys: Keys,
    store: CatalogStore,
    timeZone: string,
    pageBytesMax: number = DEFAULT_LIMITS.pageBytes,
  ) {
    this.#redis = redis;
    this.#keys = keys;
    this.#store = store;
    this.#timeZone = timeZone;
    this.#pageBytesMax = pageBytesMax;
  }

  /** Exact counts, in the order of the slugs. @throws Problem segment_unknown, naming the slug */
  counts(slugs: readonly string[], options: ReadOptions = STRONG): Promise<Counts> {
    return this.#current(options, () => this.#counts(slugs, options));
  }

  /**
   * A strong read goes by no older catalog than was stored when it began, whatever this process has
   * heard of.
   */
  #current<T>({ consistency }: ReadOptions, read: () => Promise<T>): Promise<T> {
    return consistency === 'strong' ? this.#store.current(read) : read();
  }

  async #counts(slugs: readonly string[], options: ReadOptions): Promise<Counts> {
    for (let attempt = 1; ; attempt++) {
      const segments = await this.#segments(slugs);
      const predicateIds = [
        ...new Set(
          segments.flatMap(({ predicateId }) => (predicateId === null ? [] : [predicateId])),
        ),
      ];
      const statuses = await this.#standings(predicateIds, options);
      if (!statuses)
        return { counts: segments.map((segment) => withoutNumber(segment, 'timeout')), asOf: '' };
      const sums = new Map(
        predicateIds.map((predicateId, at) => [
          predicateId,
          sum(statuses.map(({ counts }) => counts[at] ?? null)),
        ]),
      );
      const failed = this.#failedBy(statuses);
      const isUnanswered = [...sums].some(
        ([predicateId, count]) => count === null && !failed.has(predicateId),
      );
      if (isUnanswered && attempt < RESOLVE_ATTEMPTS_MAX) {
        await this.#store.refresh();
        continue;
      }
      // In doubt at all is hardly ever anything: what each of the segments needs is asked only
      // then.
      const isInDoubt = this.#doubtOf({ rounds: 1, isTimed: true }, statuses) !== undefined;
      const counted = segments.map((segment) => {
        if (this.#failureOf(segment, failed)) return withoutNumber(segment, 'failed');
        const doubt = isInDoubt
          ? this.#doubtOf(this.#needsOf([segment.predicateId]), statuses)
          : undefined;
        return doubt ? withoutNumber(segment, DOUBTS[doubt].status) : countOf(segment, sums);
      });
      return { counts: counted, asOf: packAsOf(statuses) };
    }
  }

  /**
   * One page of members in the order of partition and id.
   * @throws Problem segment_unknown | segment_building | segment_failed | not_caught_up
   */
  members(
    slug: string,
    limit: number,
    cursor: string | undefined,
    options: ReadOptions = STRONG,
  ): Promise<Page<{ id: string }>> {
    return this.#current(options, async () => {
      await this.#wait(this.#keys.partitions, options, await this.#needsOfSegments([slug]));
      return this.#memberPage(() => this.#segment(slug), limit, cursor);
    });
  }

  /**
   * Waits until the records that a view shows are those after all that was acknowledged before.
   * `depth` says over how many edges its columns look. @throws Problem view_unknown |
   * segment_unknown | segment_building | segment_failed | not_caught_up
   */
  awaitView(slug: string, depth: number, options: ReadOptions): Promise<StoredView> {
    return this.#current(options, () => this.#awaitView(slug, depth, options));
  }

  async #awaitView(slug: string, depth: number, options: ReadOptions): Promise<StoredView> {
    const filter = await this.#viewFilter(slug);
    const needs = this.#needsOfFilters([filter, ...this.#usedBy(slug)]);
    await this.#wait(this.#keys.partitions, options, {
      ...needs,
      rounds: Math.max(needs.rounds, roundsOver(depth)),
    });
    this.#builtPredicateId(await this.#viewFilter(slug));
    for (const used of this.#usedBy(slug)) this.#refuseFailed(used);
    return this.#store.catalog.views.get(slug) ?? refuseView(slug);
  }

  /** The segments that a view's columns look at. */
  #usedBy(slug: string): StoredSegment[] {
    const { views, segments } = this.#store.catalog;
    return (views.get(slug)?.uses ?? []).flatMap((used) => segments.get(used) ?? []);
  }

  /**
   * One page of the ids that a view shows, as they stand.
   * @throws Problem view_unknown | segment_unknown | segment_building | segment_failed
   */
  viewMembers(
    slug: string,
    limit: number,
    cursor: string | undefined,
  ): Promise<Page<{ id: string }>> {
    return this.#memberPage(() => this.#viewFilter(slug), limit, cursor);
  }

  /** How many records a view shows, as it stands. @throws Problem as `viewMembers` */
  viewSize(slug: string): Promise<number> {
    return this.#answer(
      () => this.#viewFilter(slug),
      async (predicateId) => {
        const sizes = this.#keys.partitions.map((keys) =>
          this.#redis.scard(keys.segment(predicateId)),
        );
        return (await Promise.all(sizes)).reduce((all, size) => all + size, 0);
      },
    );
  }

  /** Which of some records a view shows, in their order. @throws Problem as `viewMembers` */
  stillShown(slug: string, ids: readonly string[]): Promise<string[]> {
    return this.#answer(
      () => this.#viewFilter(slug),
      async (predicateId) => {
        const isMember = new Map<string, boolean>();
        const ask = async ([keys, some]: [PartitionKeys, string[]]) => {
          const answers = await this.#redis.smismember(keys.segment(predicateId), ...some);
          for (const [at, id] of some.entries()) isMember.set(id, answers[at] === 1);
        };
        await Promise.all([...this.#byPartition(ids)].map(ask));
        return ids.filter((id) => isMember.get(id));
      },
    );
  }

  /** @throws Problem segment_unknown | segment_building | segment_failed | not_caught_up */
  isMember(slug: string, id: string, options: ReadOptions = STRONG): Promise<boolean> {
    const keys = this.#partition(id);
    return this.#current(options, async () => {
      await this.#wait([keys], options, await this.#needsOfSegments([slug]));
      return this.#answer(
        () => this.#segment(slug),
        async (predicateId) => (await this.#redis.sismember(keys.segment(predicateId), id)) === 1,
      );
    });
  }

  /**
   * The slugs, sorted, that each record is in; those still being built for the first time are left
   * out.
   */
  segmentsOf(
    objectType: string,
    ids: readonly string[],
    options: ReadOptions = STRONG,
  ): Promise<Map<string, string[]>> {
    return this.#current(options, () => this.#segmentsOf(objectType, ids, options));
  }

  async #segmentsOf(
    objectType: string,
    ids: readonly string[],
    options: ReadOptions,
  ): Promise<Map<string, string[]>> {
    await this.#objectType(objectType);
    const statuses = await this.#wait(
      this.#partitionsOf(ids),
      options,
      this.#needsOfType(objectType),
    );
    const { catalog } = this.#store;
    const failed = this.#failedBy(statuses);
    for (let attempt = 1; ; attempt++) {
      const { version } = catalog;
      const states = await this.#readStates(objectType, ids);
      if (catalog.version !== version && attempt < RESOLVE_ATTEMPTS_MAX) continue;
      return new Map(ids.map((id, at) => [id, this.#slugsIn(states[at], failed)]));
    }
  }

  /**
   * Which of the segments each record is in.
   * @throws Problem segment_unknown | segment_building | segment_failed | not_caught_up
   */
  lookup(
    objectType: string,
    ids: readonly string[],
    slugs: readonly string[],
    options: ReadOptions = STRONG,
  ): Promise<Map<string, string[]>> {
    return this.#current(options, () => this.#lookup(objectType, ids, slugs, options));
  }

  async #lookup(
    objectType: string,
    ids: readonly string[],
    slugs: readonly string[],
    options: ReadOptions,
  ): Promise<Map<string, string[]>> {
    await this.#objectType(objectType);
    refuseForeign(await this.#segments(slugs), objectType);
    await this.#wait(this.#partitionsOf(ids), options, await this.#needsOfSegments(slugs));
    for (let attempt = 1; ; attempt++) {
      const asked = (await this.#segments(slugs)).map((segment) => ({
        slug: segment.slug,
        predicateId: this.#builtPredicateId(segment),
      }));
      const states = await this.#readStates(objectType, ids);
      if (
        asked.some(({ predicateId }) => this.#isGone(predicateId)) &&
        attempt < RESOLVE_ATTEMPTS_MAX
      )
        continue;
      return new Map(
        ids.map((id, at) => {
          const { truth } = unpackState(states[at]);
          return [
            id,
            asked
              .filter(({ predicateId }) => hasPredicateId(truth, predicateId))
              .map(({ slug }) => slug),
          ];
        }),
      );
    }
  }

  /** @returns undefined if there is none. */
  record(
    objectType: string,
    id: string,
    options: ReadOptions = STRONG,
  ): Promise<RecordRow | undefined> {
    return this.#current(options, async () => {
      await this.#objectType(objectType);
      await this.#wait([this.#partition(id)], options);
      return (await this.records(objectType, [id]))[0];
    });
  }

  /**
   * Waits until all that was acknowledged before is in the records of a type, and in a segment.
   * @throws Problem not_caught_up
   */
  awaitRecords(objectType: string, options: ReadOptions, segment?: string): Promise<void> {
    return this.#current(options, async () => {
      await this.#objectType(objectType);
      const needs = segment === undefined ? NEEDS_NOTHING : await this.#needsOfSegments([segment]);
      await this.#wait(this.#keys.partitions, options, needs);
    });
  }

  /**
   * Some records as they are now, in the order of the ids; undefined for those that do not exist.
   */
  async records(objectType: string, ids: readonly string[]): Promise<(RecordRow | undefined)[]> {
    const stored = await this.#readHash(ids, (keys) => keys.records(objectType));
    return stored.map((row) => {
      const record = row ? unpackRecord(row) : undefined;
      return exists(record) ? this.#asDeclared(objectType, record) : undefined;
    });
  }

  /** As the catalog declares its values now: some may be older than their declaration. */
  #asDeclared(objectType: string, record: RecordRow): RecordRow {
    const type = this.#store.catalog.objectTypes.get(objectType);
    return type ? asDeclared(record, type, this.#timeZone) : record;
  }

  /**
   * One page of the live records of a type, in the order of partition and id. @throws Problem
   * object_type_unknown | not_caught_up
   */
  listRecords(
    objectType: string,
    limit: number,
    cursor: string | undefined,
    options: ReadOptions = STRONG,
  ): Promise<Page<NamedRecord>> {
    return this.shapedRecords(objectType, limit, cursor, { ...options, shape: asTheyAre });
  }

  /** As `listRecords`, of what is kept of each record. */
  async shapedRecords<T extends { readonly id: string }>(
    objectType: string,
    limit: number,
    cursor: string | undefined,
    options: RecordPageOptions<T>,
  ): Promise<Page<T>> {
    await this.awaitRecords(objectType, options);
    const { shape, budget = this.#budget() } = options;
    const pick: Pick<T> = { objectType, budget, shape, isWanted: isLive };
    const read = (keys: PartitionKeys, after: string, count: number) =>
      this.#pickAlong(keys.ids(objectType), after, count, pick);
    return this.#page(limit, cursor, read, budget);
  }

  /** Records that are members, page by page. @throws Problem as `members` */
  listMembers(
    slug: string,
    limit: number,
    cursor: string | undefined,
    options: ReadOptions = STRONG,
  ): Promise<Page<NamedRecord>> {
    return this.shapedMembers(slug, limit, cursor, { ...options, shape: asTheyAre });
  }

  /** As `listMembers`, of what is kept of each record. */
  async shapedMembers<T extends { readonly id: string }>(
    slug: string,
    limit: number,
    cursor: string | undefined,
    options: RecordPageOptions<T>,
  ): Promise<Page<T>> {
    const page = await this.members(slug, limit, cursor, options);
    const { object_type: objectType } = this.#store.catalog.segments.get(slug) ?? {
      object_type: '',
    };
    const { shape, budget = this.#budget() } = options;
    const data: T[] = [];
    const ids = page.data.map(({ id }) => id);
    for (let from = 0; from < ids.length; from += RECORDS_A_READ) {
      const some = ids.slice(from, from + RECORDS_A_READ);
      data.push(...(await this.#picked(some, { objectType, budget, shape, isWanted: exists })));
      const last = data.at(-1)?.id;
      if (budget.isSpent && last !== undefined && last !== ids.at(-1))
        return { data, next_cursor: this.cursorAfter(last) };
    }
    return { data, next_cursor: page.next_cursor };
  }

  /** Goes on after a member, in the order of partition and id. */
  cursorAfter(id: string): string {
    return packCursor(partitionOf(id, this.#keys.partitions.length), id);
  }

  /**
   * One page of the live records that lie a step away: of those that the record points at in the
   * order of their ids, of those that point at it in the order of partition and id. Archived or
   * missing ones are left out, as in filters.
   * @throws Problem relationship_building | cursor_invalid | not_caught_up
   */
  related(
    of: NamedRecord,
    hop: Hop,
    limit: number,
    cursor: string | undefined,
    options: ReadOptions = STRONG,
  ): Promise<Page<NamedRecord>> {
    return this.shapedRelated(of, hop, limit, cursor, { ...options, shape: asTheyAre });
  }

  /** As `related`, of what is kept of each record. */
  async shapedRelated<T extends { readonly id: string }>(
    { id, record }: NamedRecord,
    { edge: name, direction, target: objectType }: Hop,
    limit: number,
    cursor: string | undefined,
    options: RecordPageOptions<T>,
  ): Promise<Page<T>> {
    const { shape, budget = this.#budget() } = options;
    await this.#current(options, () => this.#wait(this.#keys.partitions, options));
    const { catalog } = this.#store;
    const edge = edgesOf(catalog.objectTypes.values()).get(name);
    const edgeId = catalog.edgeIdOf(name);
    if (!edge || edgeId === undefined) throw relationshipBuilding(name);
    const live: Pick<T> = { objectType, budget, shape, isWanted: isLive };
    if (direction === 'out')
      return this.#targets(targetsOf(edge, record.data), limit, cursor, live);
    if (catalog.predicateIds.get(edgeId)?.status !== 'ready') throw relationshipBuilding(name);
    // a holder may have moved on since its id was listed
    const isHolder = (row: RecordRow) => isLive(row) && targetsOf(edge, row.data).includes(id);
    const read = (keys: PartitionKeys, after: string, count: number) =>
      this.#pickAlong(keys.holders(edgeId, id), after, count, { ...live, isWanted: isHolder });
    return this.#page(limit, cursor, read, budget);
  }

  /** The share of records, 0 to 1, that the build of a filter's newest revision has visited. */
  async progress({ pending, object_type: objectType }: StoredFilter): Promise<number> {
    if (pending === null) return 1;
    const parts = await Promise.all(
      this.#keys.partitions.map((keys) => this.#buildProgress(keys, objectType, pending)),
    );
    const total = parts.reduce((all, part) => all + part.records, 0);
    const visited = parts.reduce((all, part) => all + part.visited, 0);
    return total === 0 ? 0 : visited / total;
  }

  /**
   * The partitions that nobody works off at the moment: no worker runs, they have stopped, or they
   * are just being taken over.
   */
  async unowned(): Promise<number[]> {
    const owners = await Promise.all(
      this.#keys.partitions.map(({ owner }) => this.#redis.exists(owner)),
    );
    return owners.flatMap((exists, partition) => (exists === 0 ? [partition] : []));
  }

  /**
   * Records that are only accepted so far count too. What nobody works off is looked at where it
   * waits: so a partition that has stopped holds up only the types of which something waits there.
   * @throws Problem not_caught_up
   */
  async hasRecords(objectType: string): Promise<boolean> {
    const isWorkedOff = (await this.unowned()).length === 0;
    const options: ReadOptions = {
      ...STRONG,
      timeoutMs: isWorkedOff ? STRONG.timeoutMs : UNOWNED_TIMEOUT_MS,
    };
    try {
      await this.#wait(this.#keys.partitions, options);
    } catch (error) {
      if (!(error instanceof Problem) || (await this.#isAwaited(objectType))) throw error;
    }
    const sizes = await Promise.all(
      this.#keys.partitions.map((keys) => this.#redis.zcard(keys.ids(objectType))),
    );
    return sizes.some((size) => size > 0);
  }

  /**
   * Entries of all logs that are not applied, as an upper bound: 0 exactly if none; and the
   * partitions whose clock is so far ahead of the server's that segments which move with time have
   * no number.
   */
  async lag(): Promise<Lag> {
    const parts = await Promise.all(
      this.#keys.partitions.map(async (keys) => {
        const status = await readPartitionStatus(this.#redis, keys, []);
        const isAhead = isAheadOfTime([status]);
        if (status.position === status.end) return { entries: 0, isAhead };
        return { entries: Math.max(1, await this.#redis.xlen(keys.log)), isAhead };
      }),
    );
    return {
      entries: parts.reduce((all, { entries }) => all + entries, 0),
      partitionsBehind: parts.filter(({ entries }) => entries > 0).length,
      partitionsAhead: parts.filter(({ isAhead }) => isAhead).length,
    };
  }

  /**
   * Whether a change of some type waits in a log, or so many changes that nobody has looked at them
   * all.
   */
  async #isAwaited(objectType: string): Promise<boolean> {
    const asked = this.#keys.partitions.map(async ({ log, meta }) => {
      const position = (await this.#redis.hget(meta, 'log')) ?? '0-0';
      const waiting = await this.#redis.xrange(log, `(${position}`, '+', 'COUNT', LOOKED_AT_MAX);
      const named = JSON.stringify(objectType);
      return (
        waiting.length === LOOKED_AT_MAX ||
        waiting.some(([, fields]) => fields.some((text) => text.includes(named)))
      );
    });
    return (await Promise.all(asked)).includes(true);
  }

  async #buildProgress(
    keys: PartitionKeys,
    objectType: string,
    predicateId: number,
  ): Promise<{ records: number; visited: number }> {
    const [records, build, count] = await Promise.all([
      this.#redis.zcard(keys.ids(objectType)),
      this.#redis.hget(keys.meta, `backfill:${objectType}`),
      this.#redis.hget(keys.counts, String(predicateId)),
    ]);
    if (count !== null) return { records, visited: records };
    const backfill = build
      ? (JSON.parse(build) as { backfill?: { predicateIds: number[]; visited: number } }).backfill
      : undefined;
    return {
      records,
      visited: backfill?.predicateIds.includes(predicateId)
        ? Math.min(backfill.visited, records)
        : 0,
    };
  }

  async #standings(
    predicateIds: readonly number[],
    options: ReadOptions,
  ): Promise<PartitionStatus[] | undefined> {
    const { partitions } = this.#keys;
    if (options.consistency === 'strong')
      return waitForWatermark(this.#redis, partitions, predicateIds, {
        ...this.#needsOf(predicateIds),
        timeoutMs: options.timeoutMs,
      });
    return Promise.all(
      partitions.map((keys) => readPartitionStatus(this.#redis, keys, predicateIds)),
    );
  }

  /** What a read of some predicate ids has to wait for. */
  #needsOf(predicateIds: readonly (number | null)[]): Needs {
    const { catalog } = this.#store;
    return {
      rounds: roundsOver(catalog.deepestOf(predicateIds)),
      isTimed: catalog.isTimed(predicateIds),
    };
  }

  /** The same, of filters of which none may have failed. */
  #needsOfFilters(filters: readonly StoredFilter[]): Needs {
    return { ...this.#needsOf(filters.map(({ predicateId }) => predicateId)), filters };
  }

  async #needsOfSegments(slugs: readonly string[]): Promise<Needs> {
    return this.#needsOfFilters(await this.#segments(slugs));
  }

  #needsOfType(objectType: string): Needs {
    const segments = [...this.#store.catalog.segments.values()].filter(
      ({ object_type: type }) => type === objectType,
    );
    return this.#needsOf(segments.map(({ predicateId }) => predicateId));
  }

  /** Why nobody can say who is in these segments, though all partitions have answered. */
  #doubtOf({ rounds, isTimed }: Needs, statuses: readonly PartitionStatus[]): Doubt | undefined {
    const loss = rounds > 0 ? lossOf(statuses) : undefined;
    return loss ?? (isTimed && isAheadOfTime(statuses) ? 'ahead' : undefined);
  }

  /** What neighbours bring comes from anywhere: with rounds all partitions are waited for. */
  async #wait(
    some: readonly PartitionKeys[],
    options: ReadOptions,
    needs: Needs = NEEDS_NOTHING,
  ): Promise<readonly PartitionStatus[]> {
    if (options.consistency === 'eventual') return [];
    const { timeoutMs } = options;
    const partitions = needs.rounds > 0 ? this.#keys.partitions : some;
    const statuses = await waitForWatermark(this.#redis, partitions, [], { ...needs, timeoutMs });
    if (statuses) {
      refuseDoubt(this.#doubtOf(needs, statuses));
      const failed = this.#failedBy(statuses);
      for (const filter of needs.filters ?? []) this.#refuseFailed(filter, failed);
      return statuses;
    }
    const detail = `the changes before this read were not applied within ${timeoutMs} ms`;
    const unowned = describeUnowned(await this.unowned());
    throw new Problem('not_caught_up', `${detail}${unowned}`, [], { retry_after_s: 1 });
  }

  /**
   * The state rows, and then the catalog, so that it is known whether the rows still spoke of a
   * predicate id. One connection carries out its commands in their order: the second question costs
   * no round trip.
   */
  async #readStates(objectType: string, ids: readonly string[]): Promise<(string | null)[]> {
    const [states] = await Promise.all([
      this.#readHash(ids, (keys) => keys.state(objectType)),
      this.#store.refresh(),
    ]);
    return states;
  }

  #isGone(predicateId: number): boolean {
    const stored = this.#store.catalog.predicateIds.get(predicateId);
    return stored === undefined || stored.status === 'failed';
  }

  // ——— What has failed ———

  /** The predicate ids that have failed in these partitions, and all that look at them. */
  #failedBy(statuses: readonly PartitionStatus[]): ReadonlyMap<number, Failure> {
    const failures = failuresIn(statuses);
    if (failures.size === 0) return failures;
    const { catalog } = this.#store;
    for (const predicateId of catalog.predicateIds.keys()) {
      const read = [...catalog.withReads([predicateId])].find((each) => failures.has(each));
      if (read !== undefined) failures.set(predicateId, failures.get(read)!);
    }
    return failures;
  }

  /**
   * Why a filter has failed: by the catalog, or by partitions that are ahead of it. An edit that is
   * built is not given up.
   */
  #failureOf(filter: StoredFilter, failed: ReadonlyMap<number, Failure>): Failure | undefined {
    const ahead = failed.get(filter.pending ?? filter.predicateId ?? -1);
    return this.#store.catalog.failureOf(filter) ?? ahead;
  }

  /** @throws Problem segment_failed */
  #refuseFailed(filter: StoredFilter, failed: ReadonlyMap<number, Failure> = new Map()): void {
    const failure = this.#failureOf(filter, failed);
    if (!failure) return;
    const reason = failureReason(failure);
    throw new Problem('segment_failed', `'${filter.slug}' has failed: ${reason}`, [], {
      slug: filter.slug,
      reason,
    });
  }

  /** @throws Problem segment_failed | segment_building */
  #builtPredicateId(filter: StoredFilter): number {
    this.#refuseFailed(filter);
    const { slug, predicateId } = filter;
    // what answered until now may have failed while an edit of it is built
    if (
      predicateId !== null &&
      this.#store.catalog.predicateIds.get(predicateId)?.status !== 'failed'
    )
      return predicateId;
    throw new Problem('segment_building', `'${slug}' is still being built`, [], {
      slug,
      retry_after_s: 1,
    });
  }

  /**
   * The slugs of a state row, sorted. A row speaks of what has failed until it is written again.
   */
  #slugsIn(state: string | null | undefined, failed: ReadonlyMap<number, Failure>): string[] {
    const { catalog } = this.#store;
    const slugs: string[] = [];
    for (const predicateId of unpackState(state).truth) {
      if (!failed.has(predicateId) && !this.#isGone(predicateId))
        slugs.push(...catalog.slugsOf(predicateId));
    }
    return slugs.filter((slug) => !catalog.failureOf(catalog.segments.get(slug)!)).sort();
  }

  /**
   * Reads the predicate id of a filter; again if it was switched to another one meanwhile, for then
   * the old one may be gone. That is asked of Redis: this process may be behind, when another one
   * works the partitions off.
   */
  async #answer<T>(
    find: () => Promise<StoredFilter>,
    read: (predicateId: number, objectType: string) => Promise<T>,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const filter = await find();
      const predicateId = this.#builtPredicateId(filter);
      const answer = await read(predicateId, filter.object_type);
      await this.#store.refresh();
      if (!this.#isGone(predicateId) || attempt === RESOLVE_ATTEMPTS_MAX) return answer;
    }
  }

  /** A slug that this process does not know may have been created by another a moment ago. */
  async #segments(slugs: readonly string[]): Promise<StoredSegment[]> {
    if (slugs.some((slug) => !this.#store.catalog.segments.has(slug))) await this.#store.refresh();
    return slugs.map((slug) => {
      const segment = this.#store.catalog.segments.get(slug);
      if (!segment) throw unknownSegment(slug);
      return segment;
    });
  }

  async #segment(slug: string): Promise<StoredSegment> {
    const [segment] = await this.#segments([slug]);
    return segment!;
  }

  /**
   * What decides which records a view shows. That its segment is gone can't happen; it would be no
   * empty view.
   */
  async #viewFilter(slug: string): Promise<StoredFilter> {
    const { catalog } = this.#store;
    if (!catalog.views.has(slug)) await this.#store.refresh();
    const view = catalog.views.get(slug) ?? refuseView(slug);
    const filter = catalog.filterOf(view);
    if (!filter) throw unknownSegment('segment' in view ? view.segment : slug);
    return filter;
  }

  async #objectType(name: string): Promise<void> {
    if (!this.#store.catalog.objectTypes.has(name)) await this.#store.refresh();
    if (!this.#store.catalog.objectTypes.has(name)) throw unknownObjectType(name);
  }

  #budget(): PageBudget {
    return new PageBudget(this.#pageBytesMax);
  }

  #partition(id: string): PartitionKeys {
    return this.#keys.partitions[partitionOf(id, this.#keys.partitions.length)]!;
  }

  #partitionsOf(ids: readonly string[]): PartitionKeys[] {
    return [...new Set(ids.map((id) => this.#partition(id)))];
  }

  /** One HMGET per partition, in one round trip; the answers in the order of the ids. */
  async #readHash(
    ids: readonly string[],
    hash: (keys: PartitionKeys) => string,
  ): Promise<(string | null)[]> {
    const found = new Map<string, string | null>();
    await Promise.all(
      [...this.#byPartition(ids)].map(async ([keys, some]) => {
        const rows = await this.#redis.hmget(hash(keys), ...some);
        some.forEach((id, at) => {
          found.set(id, rows[at] ?? null);
        });
      }),
    );
    return ids.map((id) => found.get(id) ?? null);
  }

  /** Each id once, with those of its partition. */
  #byPartition(ids: readonly string[]): Map<PartitionKeys, string[]> {
    const byPartition = new Map<PartitionKeys, string[]>();
    for (const id of new Set(ids)) {
      const keys = this.#partition(id);
      const some = byPartition.get(keys);
      if (some) some.push(id);
      else byPartition.set(keys, [id]);
    }
    return byPartition;
  }

  #memberPage(
    find: () => Promise<StoredFilter>,
    limit: number,
    cursor: string | undefined,
  ): Promise<Page<{ id: string }>> {
    return this.#answer(find, (predicateId, objectType) =>
      this.#page(limit, cursor, (keys, after, count) =>
        this.#memberIds(keys, objectType, predicateId, after, count),
      ),
    );
  }

  /**
   * Fills a page partition by partition; `read` answers what comes after an id, in the order of
   * ids, at most `count`.
   */
  async #page<T extends { readonly id: string }>(
    limit: number,
    cursor: string | undefined,
    read: (keys: PartitionKeys, after: string, count: number) => Promise<T[]>,
    budget = this.#budget(),
  ): Promise<Page<T>> {
    const data: T[] = [];
    let { partition, after } = unpackCursor(cursor, this.#keys.partitions.length);
    while (partition < this.#keys.partitions.length && data.length < limit) {
      const wanted = limit - data.length;
      const some = await read(this.#keys.partitions[partition]!, after, wanted);
      data.push(...some);
      if (budget.isSpent && some.length > 0)
        return { data, next_cursor: packCursor(partition, some.at(-1)!.id) };
      if (some.length < wanted) {
        partition++;
        after = '';
      } else after = some.at(-1)!.id;
    }
    return {
      data,
      next_cursor: partition < this.#keys.partitions.length ? packCursor(partition, after) : null,
    };
  }

  async #memberIds(
    keys: PartitionKeys,
    objectType: string,
    predicateId: number,
    after: string,
    count: number,
  ): Promise<{ id: string }[]> {
    const set = keys.segment(predicateId);
    if ((await this.#redis.scard(set)) <= SORTED_MEMBERS_MAX) {
      const sorted = (await this.#redis.smembers(set)).sort(compareIds);
      return sorted
        .filter((id) => after === '' || compareIds(id, after) > 0)
        .slice(0, count)
        .map((id) => ({ id }));
    }
    return this.#walk(keys.ids(objectType), after, count, async (ids) => {
      const isMember = await this.#redis.smismember(set, ...ids);
      return ids.filter((_, at) => isMember[at] === 1).map((id) => ({ id }));
    });
  }

  /** What is picked of the records whose ids a sorted set of the partition lists. */
  #pickAlong<T extends { readonly id: string }>(
    listed: string,
    after: string,
    count: number,
    pick: Pick<T>,
  ): Promise<T[]> {
    const { budget } = pick;
    return this.#walk(listed, after, count, (ids) => this.#picked(ids, pick), {
      idsARead: RECORDS_A_READ,
      budget,
    });
  }

  /** Those of some records that are wanted, in the order of the ids, until the budget is spent. */
  async #picked<T extends { readonly id: string }>(
    ids: readonly string[],
    { objectType, budget, shape, isWanted }: Pick<T>,
  ): Promise<T[]> {
    const picked: T[] = [];
    for (const part of partsOf(ids, await this.#weights(objectType, ids))) {
      const rows = await this.#readHash(part, (keys) => keys.records(objectType));
      for (const [at, id] of part.entries()) {
        const stored = rows[at];
        const record = stored ? unpackRecord(stored) : undefined;
        if (!stored || !record || !isWanted(record)) continue;
        budget.spend(stored.length);
        picked.push(shape({ id, record: this.#asDeclared(objectType, record) }));
        if (budget.isSpent) return picked;
      }
    }
    return picked;
  }

  /** The bytes of some records, in one round trip. One alone is read whatever it weighs. */
  async #weights(objectType: string, ids: readonly string[]): Promise<number[]> {
    if (ids.length === 1) return [0];
    const weights = new Map<string, number>();
    const weigh = async ([keys, some]: [PartitionKeys, string[]]) => {
      const bytes = await weighFields(this.#redis, keys.records(objectType), some);
      for (const [at, id] of some.entries()) weights.set(id, bytes[at] ?? 0);
    };
    await Promise.all([...this.#byPartition(ids)].map(weigh));
    return ids.map((id) => weights.get(id) ?? 0);
  }

  /**
   * A page of the live ones among some ids, wherever they are, in the order of ids. Bounded by what
   * a key holds.
   */
  async #targets<T extends { readonly id: string }>(
    ids: readonly string[],
    limit: number,
    cursor: string | undefined,
    pick: Pick<T>,
  ): Promise<Page<T>> {
    const { after } = unpackCursor(cursor, this.#keys.partitions.length);
    const rest = [...ids]
      .sort(compareIds)
      .filter((id) => after === '' || compareIds(id, after) > 0);
    const data: T[] = [];
    for (let from = 0; from < rest.length && data.length <= limit; from += RECORDS_A_READ) {
      data.push(...(await this.#picked(rest.slice(from, from + RECORDS_A_READ), pick)));
      const last = data.slice(0, limit).at(-1)?.id;
      const isCut = data.length > limit || (pick.budget.isSpent && last !== rest.at(-1));
      if (isCut && last !== undefined)
        return { data: data.slice(0, limit), next_cursor: packCursor(0, last) };
    }
    return { data, next_cursor: null };
  }

  /**
   * Walks the ids of a sorted set of a partition until `count` of them are picked, the budget is
   * spent, or there are no more.
   */
  async #walk<T>(
    listed: string,
    after: string,
    count: number,
    pick: (ids: string[]) => Promise<T[]>,
    { idsARead, budget }: { readonly idsARead: number; readonly budget?: PageBudget } = {
      idsARead: WALK_IDS,
    },
  ): Promise<T[]> {
    const picked: T[] = [];
    let from = after === '' ? '-' : `(${after}`;
    while (picked.length < count && !budget?.isSpent) {
      const ids = await this.#redis.zrangebylex(listed, from, '+', 'LIMIT', 0, idsARead);
      if (ids.length > 0) picked.push(...(await pick(ids)));
      if (ids.length < idsARead) break;
      from = `(${ids.at(-1)}`;
    }
    return picked.slice(0, count);
  }
}

/** What is picked of records that are read, and what becomes of them. */
interface Pick<T> {
  readonly objectType: string;
  readonly budget: PageBudget;
  readonly shape: (named: NamedRecord) => T;
  readonly isWanted: (record: RecordRow) => boolean;
}

/**
 * What one page of records may weigh: one of 1,000 records of 2 MB would not even fit into a
 * string.
 */
export class PageBudget {
  #bytes: number;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes;
  }

  get isSpent(): boolean {
    return this.#bytes <= 0;
  }

  spend(bytes: number): void {
    this.#bytes -= bytes;
  }
}

function describeUnowned(partitions: readonly number[]): string {
  if (partitions.length === 0) return '';
  const [named, verb] = partitions.length === 1 ? ['partition', 'is'] : ['partitions', 'are'];
  const which = `${named} ${partitions.slice(0, 16).join(', ')} ${verb} worked off by nobody`;
  return `: ${which}; start a worker, or see the log for why it has stopped`;
}

function countOf(segment: StoredSegment, sums: ReadonlyMap<number, number | null>): SegmentCount {
  const count = segment.predicateId === null ? null : (sums.get(segment.predicateId) ?? null);
  if (count === null) return withoutNumber(segment, 'building');
  return { slug: segment.slug, count, status: 'ready', revision: segment.ready_revision };
}

function withoutNumber(
  { slug, ready_revision: revision }: StoredSegment,
  status: 'building' | 'timeout' | 'failed',
): SegmentCount {
  return { slug, count: null, status, revision };
}

function sum(parts: readonly (number | null)[]): number | null {
  let total = 0;
  for (const part of parts) {
    if (part === null) return null;
    total += part;
  }
  return total;
}

interface Needs {
  readonly rounds: number;
  readonly isTimed: boolean;
  /** Whose members are asked for. */
  readonly filters?: readonly StoredFilter[];
}

const NEEDS_NOTHING: Needs = { rounds: 0, isTimed: false };

type Doubt = Loss | 'ahead';

const DOUBTS: Record<Doubt, { readonly status: 'building' | 'failed'; readonly detail: string }> = {
  resynchronizing: {
    status: 'building',
    detail:
      'what reaches across relationships is not known for sure: partitions are telling each other anew what was lost',
  },
  broken: {
    status: 'failed',
    detail:
      'what reaches across relationships is not known for sure: a message between partitions could not be applied; it lies in the dead letters',
  },
  ahead: {
    status: 'building',
    detail:
      'what moves with time is not known: the clock of a partition is over a minute ahead of the server’s',
  },
};

/** @throws Problem segment_building */
function refuseDoubt(doubt: Doubt | undefined): void {
  if (doubt) throw new Problem('segment_building', DOUBTS[doubt].detail, [], { retry_after_s: 1 });
}

function refuseView(slug: string): never {
  throw unknownView(slug);
}

export function relationshipBuilding(edge: string): Problem {
  return new Problem('relationship_building', `the relationship ${edge} is still being built`, [], {
    retry_after_s: 1,
  });
}

function refuseForeign(segments: readonly StoredSegment[], objectType: string): void {
  const foreign = segments.findIndex((segment) => segment.object_type !== objectType);
  if (foreign < 0) return;
  const { slug, object_type: other } = segments[foreign]!;
  const detail = `'${slug}' is a segment of ${other}, not of ${objectType}`;
  throw new Problem('body_invalid', detail, [{ path: `/segments/${foreign}`, detail }]);
}

/** As the ids of a type are ordered: by bytes of UTF-8. */
function compareIds(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function packAsOf(statuses: readonly PartitionStatus[]): string {
  return pack(statuses.map(({ number, position, clockMs }) => [number, position, clockMs]));
}

function packCursor(partition: number, after: string): string {
  return pack([partition, after]);
}

/** @throws Problem cursor_invalid */
function unpackCursor(
  cursor: string | undefined,
  partitions: number,
): { partition: number; after: string } {
  if (cursor === undefined) return { partition: 0, after: '' };
  try {
    const [partition, after] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as [
      unknown,
      unknown,
    ];
    const isPartition =
      Number.isInteger(partition) &&
      (partition as number) >= 0 &&
      (partition as number) < partitions;
    if (isPartition && typeof after === 'string') return { partition: partition as number, after };
  } catch {
    // falls through: what is not JSON is no cursor either
  }
  throw new Problem('cursor_invalid', 'the cursor is not one that this endpoint gave out', [
    { path: '/cursor', detail: 'invalid' },
  ]);
}

function pack(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
