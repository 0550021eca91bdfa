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
import type { PartitionStatus } from './partition-status.ts';
import {
  type Failures,
  type PredicateResolver,
  RESOLVE_ATTEMPTS_MAX,
} from './predicate-resolver.ts';
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

/** Members by predicate; null: some partition does not answer for it. */
type Sums = ReadonlyMap<number, number | null>;

export class SegmentCounts {
  readonly #catalogs: CatalogStore;
  readonly #reads: StrongReads;
  readonly #resolver: PredicateResolver;

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
      const segments = await findSegments(this.#catalogs, slugs);
      const predicateIds = [...new Set(segments.flatMap(({ predicateId }) => predicateId ?? []))];
      const statuses = await this.#reads.statuses(predicateIds, options);
      if (!statuses) {
        const counts = segments.map((segment) => withoutNumber(segment, 'timeout'));
        return { counts, asOf: '' };
      }
      const sums = sumsOf(predicateIds, statuses);
      const failed = this.#resolver.failedBy(statuses);
      const isUnanswered = [...sums].some(([id, count]) => count === null && !failed.has(id));
      // A partition that does not answer may have moved on: the slugs are looked up again.
      if (isUnanswered && attempt < RESOLVE_ATTEMPTS_MAX) await this.#catalogs.refresh();
      else return this.#answer(segments, statuses, sums, failed);
    }
  }

  #answer(
    segments: readonly StoredSegment[],
    statuses: readonly PartitionStatus[],
    sums: Sums,
    failed: Failures,
  ): Counts {
    // Doubt is rare, so the per-segment checks run only when some partition is in doubt.
    const isInDoubt = this.#reads.doubtOf({ rounds: 1, isTimed: true }, statuses) !== undefined;
    const counts = segments.map((segment) => {
      if (this.#resolver.failureOf(segment, failed)) return withoutNumber(segment, 'failed');
      const doubt = isInDoubt
        ? this.#reads.doubtOf(this.#reads.needsOf([segment.predicateId]), statuses)
        : undefined;
      return doubt ? withoutNumber(segment, DOUBTS[doubt].status) : countOf(segment, sums);
    });
    return { counts, asOf: packAsOf(statuses) };
  }
}

function sumsOf(predicateIds: readonly number[], statuses: readonly PartitionStatus[]): Sums {
  return new Map(
    predicateIds.map((id, at) => [id, sum(statuses.map(({ counts }) => counts[at] ?? null))]),
  );
}

function sum(parts: readonly (number | null)[]): number | null {
  let total = 0;
  for (const part of parts) {
    if (part === null) return null;
    total += part;
  }
  return total;
}

function countOf(segment: StoredSegment, sums: Sums): SegmentCount {
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
