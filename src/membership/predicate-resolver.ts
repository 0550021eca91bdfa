/**
 * predicate-resolver.ts – Finds the predicate that answers for a segment or a view.
 *
 * Keeps true: no answer is of a predicate that was given up while it was read: then it is read
 * again, by the newer catalog. A failed predicate is reported as failed, also where only a
 * partition knows it yet; one that has never been built as being built.
 */
import type { StoredFilter } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { Problem } from '../errors.ts';
import { type Failure, failureReason } from '../query/failure.ts';
import { failuresIn, type PartitionStatus } from './partition-status.ts';

/** How often an answer is read again because its predicate was switched meanwhile. */
export const RESOLVE_ATTEMPTS_MAX = 3;

/** Predicates that have failed, and why. */
export type Failures = ReadonlyMap<number, Failure>;

const NO_FAILURES: Failures = new Map();

export class PredicateResolver {
  readonly #store: CatalogStore;

  constructor(store: CatalogStore) {
    this.#store = store;
  }

  /**
   * Reads with the predicate of a filter; again if the filter was switched to another one
   * meanwhile, for then the old one may be gone. Redis is asked for that: this process may be
   * behind, if another one works the partitions off.
   * @throws Problem segment_failed | segment_building
   */
  async answer<T>(
    find: () => Promise<StoredFilter>,
    read: (predicateId: number, objectType: string) => Promise<T>,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const filter = await find();
      const predicateId = this.built(filter);
      const answer = await read(predicateId, filter.object_type);
      await this.#store.refresh();
      if (!this.isGone(predicateId) || attempt === RESOLVE_ATTEMPTS_MAX) return answer;
    }
  }

  /** The predicate that answers for a filter. @throws Problem segment_failed | segment_building */
  built(filter: StoredFilter): number {
    this.refuseFailed(filter);
    const { slug, predicateId } = filter;
    // While an edit is built, what answered until now may have failed.
    const isFailed =
      predicateId !== null &&
      this.#store.catalog.predicateIds.get(predicateId)?.status === 'failed';
    if (predicateId !== null && !isFailed) return predicateId;
    const detail = `'${slug}' is still being built`;
    throw new Problem('segment_building', detail, [], { slug, retry_after_s: 1 });
  }

  /** As `built`; undefined instead of a refusal. */
  answering(filter: StoredFilter): number | undefined {
    const { predicateId } = filter;
    if (predicateId === null || this.failureOf(filter, NO_FAILURES)) return undefined;
    return this.isGone(predicateId) ? undefined : predicateId;
  }

  /** Whether no predicate of this id answers any more. */
  isGone(predicateId: number): boolean {
    const stored = this.#store.catalog.predicateIds.get(predicateId);
    return stored === undefined || stored.status === 'failed';
  }

  /** The predicates that have failed in these partitions, with all that read them. */
  failedBy(statuses: readonly PartitionStatus[]): Failures {
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
   * being built has not.
   */
  failureOf(filter: StoredFilter, failed: Failures): Failure | undefined {
    const ahead = failed.get(filter.pending ?? filter.predicateId ?? -1);
    return this.#store.catalog.failureOf(filter) ?? ahead;
  }

  /** @throws Problem segment_failed */
  refuseFailed(filter: StoredFilter, failed: Failures = NO_FAILURES): void {
    const failure = this.failureOf(filter, failed);
    if (!failure) return;
    const { slug } = filter;
    const reason = failureReason(failure);
    throw new Problem('segment_failed', `'${slug}' has failed: ${reason}`, [], { slug, reason });
  }
}
