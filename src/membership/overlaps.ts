/**
 * overlaps.ts – How many members segments of one type share, pair by pair.
 *
 * Keeps true: all numbers of a partition are of one instant, those of single segments and those of
 * pairs, so that a pair never shares more than its smaller segment has. What holds a partition's
 * server is bounded (WHOLE_COST_MAX), unless larger sets change without a pause.
 *
 * Few or small pairs are compared one by one. With many, it is cheaper to go through all members
 * once. Sets that are too large for either are compared in pieces, with a look at the partition in
 * the same transaction as each: it says which sets have changed since the one before. Their pairs
 * are compared again, until none is older than a change. The pieces grow after each whole pass, so
 * that this ends.
 */
import type { StoredSegment } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { findSegments } from '../catalog/entries.ts';
import { Problem } from '../errors.ts';
import { Turns } from '../turns.ts';
import type { MembershipStore, PredicatePair } from './membership-store.ts';
import type { Look, PartitionStatus } from './partition-status.ts';
import { RESOLVE_ATTEMPTS_MAX } from './predicate-resolver.ts';
import type { ReadOptions } from './read-options.ts';
import { type Counts, type SegmentCounts, timedOut } from './segment-counts.ts';
import type { StrongReads } from './strong-reads.ts';

export const OVERLAP_SLUGS_MIN = 2;
export const OVERLAP_SLUGS_MAX = 20;

interface Overlap {
  readonly a: string;
  readonly b: string;
  /** Null if one of the two has no number. */
  readonly count: number | null;
}

export interface Overlaps extends Counts {
  /** Each pair once, in the order in which the segments were asked for. */
  readonly overlaps: readonly Overlap[];
}

/**
 * Members of the smaller sets that one transaction looks up. 25,000 take about 4 ms, no longer than
 * the largest commit; the smallest piece is one pair.
 */
const PIECE_MEMBERS = 25_000;
/** What a pair costs beside its members. */
const PAIR_COST = 16;
/** What a member costs that is tallied, to one that is looked up. */
const TALLY_COST = 2;
/**
 * What may be done in one go: 250,000 look-ups hold Redis for 36 ms, and half as many members that
 * are tallied for 44 ms.
 */
const WHOLE_COST_MAX = 250_000;
const PIECES_GROW = 4;
/** One partition after the other, and one request: in between, others have their turn. */
const REQUESTS_AT_ONCE = 1;
const REQUESTS_WAITING_MAX = 200;

export interface OverlapContext {
  readonly catalogs: CatalogStore;
  readonly reads: StrongReads;
  readonly store: MembershipStore;
  /** Of one piece, and of what is done in one go; for tests only. */
  readonly pieceMembers?: number;
  readonly wholeCostMax?: number;
}

/** When the work is broken off: nobody waits for it any more, or its time is over. */
interface OverlapEnds {
  readonly isGivenUp: () => boolean;
  readonly isOver: () => boolean;
}

export class SegmentOverlaps {
  readonly #catalogs: CatalogStore;
  readonly #reads: StrongReads;
  readonly #store: MembershipStore;
  readonly #counts: SegmentCounts;
  readonly #pieceMembers: number;
  readonly #wholeCostMax: number;
  readonly #turns = new Turns({
    atOnce: REQUESTS_AT_ONCE,
    waitingMax: REQUESTS_WAITING_MAX,
    work: 'overlaps',
  });

  constructor(context: OverlapContext, counts: SegmentCounts) {
    const { catalogs, reads, store } = context;
    this.#pieceMembers = context.pieceMembers ?? PIECE_MEMBERS;
    this.#wholeCostMax = context.wholeCostMax ?? WHOLE_COST_MAX;
    this.#catalogs = catalogs;
    this.#reads = reads;
    this.#store = store;
    this.#counts = counts;
  }

  /**
   * The counts of some segments and of their pairs. `isGivenUp` ends the work: then the answer is
   * that of a time-out.
   * @throws Problem segment_unknown | body_invalid (of two types) | overloaded
   */
  read(
    slugs: readonly string[],
    options: ReadOptions,
    isGivenUp: () => boolean = () => false,
  ): Promise<Overlaps> {
    const deadlineMs = Date.now() + options.timeoutMs;
    const isOver = () => isGivenUp() || Date.now() >= deadlineMs;
    return this.#reads.current(options, () => this.#read(slugs, options, { isGivenUp, isOver }));
  }

  async #read(
    slugs: readonly string[],
    options: ReadOptions,
    ends: OverlapEnds,
  ): Promise<Overlaps> {
    for (let attempt = 1; ; attempt++) {
      const segments = await findSegments(this.#catalogs, slugs);
      refuseTwoTypes(segments);
      const predicateIds = [...new Set(segments.flatMap(({ predicateId }) => predicateId ?? []))];
      const waited = await this.#reads.statuses(predicateIds, options);
      const pairs = pairsOf(predicateIds);
      const looked =
        waited &&
        (await this.#turns.inTurn(() => this.#compare(waited, predicateIds, pairs, ends)));
      if (!looked) return { ...timedOut(segments), overlaps: overlapsOf(segments, () => null) };
      const statuses = looked.map(({ status }) => status);
      const { counts, isUnanswered } = this.#counts.answerOf(segments, predicateIds, statuses);
      if (isUnanswered && attempt < RESOLVE_ATTEMPTS_MAX) {
        await this.#catalogs.refresh();
        continue;
      }
      const sharedBy = new Map(
        pairs.map((pair, at) => [nameOf(...pair), sum(looked.map(({ shared }) => shared[at]!))]),
      );
      const numberOf = new Map(counts.counts.map(({ slug, count }) => [slug, count]));
      const overlaps = overlapsOf(segments, (a, b) => {
        const own = numberOf.get(a.slug)!;
        if (own === null || numberOf.get(b.slug) === null) return null;
        return a.predicateId === b.predicateId
          ? own
          : sharedBy.get(nameOf(a.predicateId!, b.predicateId!))!;
      });
      return { ...counts, overlaps };
    }
  }

  /** @returns undefined if it was over before all partitions were compared */
  async #compare(
    waited: readonly PartitionStatus[],
    predicateIds: readonly number[],
    pairs: readonly PredicatePair[],
    ends: OverlapEnds,
  ): Promise<ComparedPartition[] | undefined> {
    const compared: ComparedPartition[] = [];
    const bounds = { pieceMembers: this.#pieceMembers, wholeCostMax: this.#wholeCostMax };
    for (const [at, status] of waited.entries()) {
      const comparison = new Comparison(this.#store, at, { predicateIds, pairs, ...bounds });
      const result = await comparison.run(status, ends.isOver);
      if (!result || ends.isGivenUp()) return undefined;
      compared.push(result);
    }
    return compared;
  }
}

/** What one partition says, at one instant. */
interface ComparedPartition {
  readonly status: PartitionStatus;
  /** By pair. */
  readonly shared: readonly number[];
}

interface ComparedSets {
  readonly predicateIds: readonly number[];
  readonly pairs: readonly PredicatePair[];
  readonly pieceMembers: number;
  readonly wholeCostMax: number;
}

/** The comparison of some sets in one partition. */
class Comparison {
  readonly #store: MembershipStore;
  readonly #partition: number;
  readonly #predicateIds: readonly number[];
  readonly #pairs: readonly PredicatePair[];
  readonly #shared: number[];
  /** The pairs whose number is older than a change of one of their sets. */
  readonly #stale: Set<number>;
  readonly #wholeCostMax: number;
  #pieceMembers: number;

  constructor(
    store: MembershipStore,
    partition: number,
    { predicateIds, pairs, pieceMembers, wholeCostMax }: ComparedSets,
  ) {
    this.#wholeCostMax = wholeCostMax;
    this.#store = store;
    this.#partition = partition;
    this.#pieceMembers = pieceMembers;
    this.#predicateIds = predicateIds;
    this.#pairs = pairs;
    this.#shared = pairs.map(() => 0);
    this.#stale = new Set(pairs.keys());
  }

  async run(
    waited: PartitionStatus,
    isOver: () => boolean,
  ): Promise<ComparedPartition | undefined> {
    const { counts } = waited;
    const byPairs = this.#costOf([...this.#pairs.keys()], counts);
    const byMembers = TALLY_COST * counts.reduce<number>((all, count) => all + (count ?? 0), 0);
    if (Math.min(byPairs, byMembers) > this.#wholeCostMax) return this.#inPieces(waited, isOver);
    if (byPairs > this.#pieceMembers && byMembers < byPairs) return this.#tally(waited);
    this.#pieceMembers = byPairs;
    return this.#inPieces(waited, isOver);
  }

  /** Goes through all members once. */
  async #tally(waited: PartitionStatus): Promise<ComparedPartition> {
    const ids = this.#predicateIds;
    const request = { ...NOTHING_KNOWN, counted: ids };
    const { look, tally } = await this.#store.lookAtTally(this.#partition, request, ids);
    const bitOf = new Map(ids.map((id, at) => [id, 2 ** at]));
    const shared = this.#pairs.map(([a, b]) => {
      const both = bitOf.get(a)! + bitOf.get(b)!;
      const masks = [...tally].filter(([mask]) => (mask & both) === both);
      return sum(masks.map(([, number]) => number));
    });
    return { status: statusOf(look, waited), shared };
  }

  /** Ends: at the latest when a piece has become as large as all. At least one look is made. */
  async #inPieces(
    waited: PartitionStatus,
    isOver: () => boolean,
  ): Promise<ComparedPartition | undefined> {
    let { counts } = waited;
    let look: Look | undefined;
    let inPass = 0;
    do {
      if (look && isOver()) return undefined;
      const piece = this.#nextPiece(counts);
      look = await this.#look(look, piece);
      counts = look.counts;
      inPass += piece.length;
      if (inPass < this.#pairs.length) continue;
      inPass = 0;
      this.#pieceMembers *= PIECES_GROW;
    } while (this.#stale.size > 0);
    return { status: statusOf(look, waited), shared: this.#shared };
  }

  /** Looks at a piece of the pairs, and at what has changed of the others. */
  async #look(before: Look | undefined, piece: readonly number[]): Promise<Look> {
    const since = before && { number: before.number, nonce: before.nonce };
    const request = { ...NOTHING_KNOWN, since, counted: this.#predicateIds };
    const pairs = piece.map((at) => this.#pairs[at]!);
    const { look, shared } = await this.#store.lookAtShared(this.#partition, request, pairs);
    const { changed } = look;
    for (const [at, [a, b]] of this.#pairs.entries())
      if (before && (!changed || changed.has(a) || changed.has(b))) this.#stale.add(at);
    for (const [at, pair] of piece.entries()) {
      this.#shared[pair] = shared[at]!;
      this.#stale.delete(pair);
    }
    return look;
  }

  /** The first stale pairs that are no more work than a piece, but one at least. */
  #nextPiece(counts: PartitionStatus['counts']): number[] {
    const piece: number[] = [];
    let cost = 0;
    for (const at of this.#stale) {
      cost += this.#costOf([at], counts);
      if (piece.length > 0 && cost > this.#pieceMembers) break;
      piece.push(at);
    }
    return piece;
  }

  #costOf(pairs: readonly number[], counts: PartitionStatus['counts']): number {
    const sizeOf = new Map(this.#predicateIds.map((id, at) => [id, counts[at] ?? 0]));
    const costs = pairs.map((at) => {
      const [a, b] = this.#pairs[at]!;
      return PAIR_COST + Math.min(sizeOf.get(a)!, sizeOf.get(b)!);
    });
    return sum(costs);
  }
}

const NOTHING_KNOWN = { channels: true, since: undefined, failures: '' } as const;

/** A loss that was seen before counts: then nothing was waited for. */
function statusOf(look: Look, { failed, loss }: PartitionStatus): PartitionStatus {
  return { ...look, failed: look.failed ?? failed, loss: look.loss ?? loss };
}

/** @throws Problem body_invalid */
function refuseTwoTypes(segments: readonly StoredSegment[]): void {
  const [first] = segments;
  const at = segments.findIndex(({ object_type: type }) => type !== first!.object_type);
  if (at < 0) return;
  const { slug, object_type: type } = segments[at]!;
  const detail =
    `'${slug}' is of '${type}' and '${first!.slug}' of '${first!.object_type}': ` +
    'only segments of one object type share members';
  throw new Problem('body_invalid', detail, [{ path: `/slugs/${at}`, detail }]);
}

/** Each two of a list, in its order. */
function twos<T>(list: readonly T[]): [T, T][] {
  return list.flatMap((a, at) => list.slice(at + 1).map((b): [T, T] => [a, b]));
}

function pairsOf(predicateIds: readonly number[]): PredicatePair[] {
  return twos(predicateIds);
}

function nameOf(a: number, b: number): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

function overlapsOf(
  segments: readonly StoredSegment[],
  count: (a: StoredSegment, b: StoredSegment) => number | null,
): Overlap[] {
  return twos(segments).map(([a, b]) => ({ a: a.slug, b: b.slug, count: count(a, b) }));
}

function sum(parts: readonly number[]): number {
  return parts.reduce((all, part) => all + part, 0);
}
