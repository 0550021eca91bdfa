/**
 * segment-counts.ts – The numbers of members of segments.
 *
 * Keeps true: a number is given only if it is exact, with the position that it is of. All numbers
 * of one answer are of one instant per partition, and of one version of the catalog. A segment
 * without a number has a reason: `building`, `failed` or `timeout`.
 */
import type { StoredSegment } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { findSegments } from '../catalog/entries.ts';
import { packCursor } from '../cursor.ts';
import { type Count, isAheadOfTime, type PartitionStatus } from './partition-status.ts';
import { type PredicateResolver, RESOLVE_ATTEMPTS_MAX } from './predicate-resolver.ts';
import { type ReadOptions, STRONG } from './read-options.ts';
import { DOUBTS, type StrongReads } from './strong-reads.ts';

/** `timeout`: what was waited for did not come in time. Only `ready` has a number. */
export const COUNT_STATUSES = ['ready', 'building', 'timeout', 'failed'] as const;

export interface SegmentCount {
  readonly slug: string;
  /** A number exactly when the status is `ready`. */
  readonly count: number | null;
  readonly status: (typeof COUNT_STATUSES)[number];
  /** The revision of the segment that the number is of. */
  readonly revision: number | null;
}

export interface Counts {
  readonly counts: readonly SegmentCount[];
  /** Where each partition stood at the instant that its numbers are from, as an opaque text. */
  readonly asOf: string;
}

/** Members of the segments, in their order; null: some partition does not answer for it. */
type Sums = readonly Count[];

/** What some slugs stood for at one version of the catalog. */
interface SlugList {
  readonly version: number;
  readonly segments: readonly StoredSegment[];
  /** Of the segments, in their order, each once. */
  readonly predicateIds: readonly number[];
}

/** An answer, and what it rests on: as long as that is so, it is the answer. */
interface KeptAnswer {
  readonly asked: SlugList;
  readonly statuses: readonly PartitionStatus[];
  readonly counts: Counts;
}

/** Lists of slugs that are kept: clients ask for the same ones again and again. */
const LISTS_KEPT = 16;

export class SegmentCounts {
  readonly #catalogs: CatalogStore;
  readonly #reads: StrongReads;
  readonly #resolver: PredicateResolver;
  readonly #asked = new Map<string, SlugList>();
  readonly #answered = new WeakMap<SlugList, KeptAnswer>();

  constructor(catalogs: CatalogStore, reads: StrongReads, resolver: PredicateResolver) {
    this.#catalogs = catalogs;
    this.#reads = reads;
    this.#resolver = resolver;
  }

  /** The counts of some segments, in the order of the slugs. @throws Problem segment_unknown */
  read(slugs: readonly string[], options: ReadOptions = STRONG): Promise<Counts> {
    return this.#reads.current(options, () => this.#read(slugs, options));
  }

  async #read(slugs: readonly string[], options: ReadOptions): Promise<Counts> {
    for (let attempt = 1; ; attempt++) {
      const asked = await this.#find(slugs);
      const { segments, predicateIds } = asked;
      const statuses = await this.#reads.statuses(predicateIds, options);
      if (!statuses) return timedOut(segments);
      const answered = this.#answered.get(asked);
      if (answered && this.#isStill(answered, statuses)) return answered.counts;
      const { counts, isUnanswered } = this.answerOf(segments, predicateIds, statuses);
      // A partition that does not answer may have moved on: the slugs are looked up again.
      if (isUnanswered && attempt < RESOLVE_ATTEMPTS_MAX) {
        await this.#catalogs.refresh();
        continue;
      }
      // What is ahead of time comes to be answered without a commit.
      if (!isAheadOfTime(statuses)) this.#answered.set(asked, { asked, statuses, counts });
      return counts;
    }
  }

  /** A list that is asked for again is the same object, while the catalog stays as it is. */
  async #find(slugs: readonly string[]): Promise<SlugList> {
    const name = slugs.join(' ');
    const known = this.#asked.get(name);
    const isKnown =
      known?.version === this.#catalogs.catalog.version &&
      known.segments.every(({ slug }, at) => slug === slugs[at]);
    if (isKnown) return known;
    const segments = await findSegments(this.#catalogs, slugs);
    const { version } = this.#catalogs.catalog;
    const predicateIds = [...new Set(segments.flatMap(({ predicateId }) => predicateId ?? []))];
    const asked = { version, segments, predicateIds };
    this.#asked.delete(name);
    this.#asked.set(name, asked);
    if (this.#asked.size > LISTS_KEPT) this.#asked.delete(this.#asked.keys().next().value!);
    return asked;
  }

  /** Whether every partition stands at the same commit, and nothing else has become known. */
  #isStill({ asked, statuses }: KeptAnswer, now: readonly PartitionStatus[]): boolean {
    if (asked.version !== this.#catalogs.catalog.version) return false;
    return now.every((status, at) => {
      const before = statuses[at]!;
      return (
        status.number === before.number &&
        status.nonce === before.nonce &&
        status.counts === before.counts &&
        status.failed === before.failed &&
        status.loss === before.loss
      );
    });
  }

  /**
   * What statuses of all partitions say of some segments. `predicateIds`: those whose counts the
   * statuses have, in their order. `isUnanswered`: some partition does not answer for a predicate
   * that has not failed.
   */
  answerOf(
    segments: readonly StoredSegment[],
    predicateIds: readonly number[],
    statuses: readonly PartitionStatus[],
  ): { readonly counts: Counts; readonly isUnanswered: boolean } {
    const sums = sumsOf(predicateIds, statuses);
    const failed = this.#resolver.failedBy(statuses);
    // Doubt is rare, so the per-segment checks run only when some partition is in doubt.
    const sumOf = new Map(predicateIds.map((id, at) => [id, sums[at]!]));
    const isInDoubt = this.#reads.doubtOf({ rounds: 1, isTimed: true }, statuses) !== undefined;
    const counts = segments.map((segment) => {
      if (this.#resolver.failureOf(segment, failed)) return withoutNumber(segment, 'failed');
      const doubt = isInDoubt
        ? this.#reads.doubtOf(this.#reads.needsOf([segment.predicateId]), statuses)
        : undefined;
      return doubt ? withoutNumber(segment, DOUBTS[doubt].status) : countOf(segment, sumOf);
    });
    const isUnanswered = predicateIds.some((id, at) => sums[at] === null && !failed.has(id));
    return { counts: { counts, asOf: packAsOf(statuses) }, isUnanswered };
  }
}

/** What is answered if what was waited for did not come in time. */
export function timedOut(segments: readonly StoredSegment[]): Counts {
  return { counts: segments.map((segment) => withoutNumber(segment, 'timeout')), asOf: '' };
}

function sumsOf(predicateIds: readonly number[], statuses: readonly PartitionStatus[]): Sums {
  const sums: Count[] = predicateIds.map(() => 0);
  for (const { counts } of statuses) {
    for (let at = 0; at < sums.length; at++) {
      const [sum, count] = [sums[at]!, counts[at] ?? null];
      sums[at] = sum === null || count === null ? null : sum + count;
    }
  }
  return sums;
}

function countOf(segment: StoredSegment, sums: ReadonlyMap<number, Count>): SegmentCount {
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

function packAsOf(statuses: readonly PartitionStatus[]): string {
  return packCursor(statuses.map(({ number, position, clockMs }) => [number, position, clockMs]));
}
