/**
 * strong-reads.ts – The waits of a read before it answers.
 *
 * Keeps true: a strong read sees everything that was acknowledged before it, by no older catalog
 * than was stored then. It waits for a bounded time, and refuses if that was not enough. Where
 * membership is unknown (a loss between partitions, a clock that is ahead) it refuses.
 */
import type { StoredFilter } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { findSegments } from '../catalog/entries.ts';
import { partitionOf } from '../change/partition.ts';
import { Problem } from '../errors.ts';
import {
  isAheadOfTime,
  type Loss,
  lossOf,
  type PartitionStatus,
  partitionsOf,
} from './partition-status.ts';
import type { PredicateResolver } from './predicate-resolver.ts';
import type { Progress } from './progress.ts';
import type { ReadOptions } from './read-options.ts';
import { isCaughtUp, roundsOver, type Watch, waitForWatermark } from './watermark.ts';

/** The conditions that the members of some segments depend on. */
export interface Needs {
  /** Over how many edges effects must have come (`roundsOver`). */
  readonly rounds: number;
  /** Whether the clock moves them. */
  readonly isTimed: boolean;
  /** Those of which none may have failed. */
  readonly filters?: readonly StoredFilter[];
}

export const NEEDS_NOTHING: Needs = { rounds: 0, isTimed: false };

export type Doubt = Loss | 'ahead';

export const DOUBTS: Readonly<
  Record<Doubt, { readonly status: 'building' | 'failed'; readonly detail: string }>
> = {
  resynchronizing: {
    status: 'building',
    detail:
      'what reaches across relationships is not known for sure: ' +
      'partitions are telling each other anew what was lost',
  },
  broken: {
    status: 'failed',
    detail:
      'what reaches across relationships is not known for sure: ' +
      'a message between partitions could not be applied; it lies in the dead letters',
  },
  ahead: {
    status: 'building',
    detail:
      'what moves with time is not known: ' +
      'the clock of a partition is over a minute ahead of the server’s',
  },
};

export class StrongReads {
  readonly #watch: Watch;
  readonly #catalogs: CatalogStore;
  readonly #resolver: PredicateResolver;
  readonly #progress: Progress;
  readonly #all: readonly number[];
  /** Worked out once for each version of the catalog: it looks at all segments. */
  #ofTypes = { version: -1, needs: new Map<string, Needs>() };

  constructor(
    watch: Watch,
    catalogs: CatalogStore,
    resolver: PredicateResolver,
    progress: Progress,
  ) {
    this.#watch = watch;
    this.#catalogs = catalogs;
    this.#resolver = resolver;
    this.#progress = progress;
    this.#all = partitionsOf(watch.looks);
  }

  /** Every partition. */
  get partitions(): readonly number[] {
    return this.#all;
  }

  /**
   * Carries out a read; a strong one by the catalog that was stored when it began, however new this
   * process's own copy is. Caller: `read` may be carried out twice.
   */
  current<T>({ consistency }: ReadOptions, read: () => Promise<T>): Promise<T> {
    return consistency === 'strong' ? this.#catalogs.current(read) : read();
  }

  /**
   * Where all partitions stand, with the counts of some predicates.
   * @returns undefined if a strong read had to wait too long
   */
  async statuses(
    predicateIds: readonly number[],
    { consistency, timeoutMs }: ReadOptions,
  ): Promise<readonly PartitionStatus[] | undefined> {
    const needs = this.needsOf(predicateIds);
    if (consistency === 'eventual') {
      const at = { channels: needs.rounds > 0, counted: predicateIds };
      return Promise.all(this.#all.map((each) => this.#watch.looks.look(each, at)));
    }
    return waitForWatermark(this.#watch, this.#all, predicateIds, { ...needs, timeoutMs });
  }

  /**
   * Waits until some partitions have applied what was acknowledged before. Effects of neighbours
   * come from anywhere: with rounds all partitions are waited for.
   * @returns where they stand; nothing for an eventual read
   * @throws Problem not_caught_up | segment_building | segment_failed
   */
  async wait(
    some: readonly number[],
    { consistency, timeoutMs }: ReadOptions,
    needs: Needs = NEEDS_NOTHING,
  ): Promise<readonly PartitionStatus[]> {
    if (consistency === 'eventual') return [];
    const partitions = needs.rounds > 0 ? this.#all : some;
    const statuses = await waitForWatermark(this.#watch, partitions, [], { ...needs, timeoutMs });
    if (!statuses) throw await this.#notCaughtUp(timeoutMs);
    refuseDoubt(this.doubtOf(needs, statuses));
    const failed = this.#resolver.failedBy(statuses);
    for (const filter of needs.filters ?? []) this.#resolver.refuseFailed(filter, failed);
    return statuses;
  }

  /** As `wait`, for the partitions in which some records live. */
  waitForRecords(
    ids: readonly string[],
    options: ReadOptions,
    needs: Needs = NEEDS_NOTHING,
  ): Promise<readonly PartitionStatus[]> {
    const partitions = new Set(ids.map((id) => partitionOf(id, this.#watch.looks.partitions)));
    return this.wait([...partitions], options, needs);
  }

  /**
   * Reads something about one record in one round trip: a look at its partition, the read, and the
   * version of the catalog travel together and are carried out in this order. Caller: `read` asks
   * the store before it first waits for anything, and may be carried out again elsewhere.
   * @returns undefined if that proves nothing, since something has to be waited for or has changed:
   *   then it is read the ordinary way
   */
  async atOnce<T>(
    id: string,
    { consistency }: ReadOptions,
    { rounds, isTimed }: Needs,
    read: () => Promise<T>,
  ): Promise<{ readonly answer: T } | undefined> {
    if (consistency === 'eventual' || rounds > 0) return undefined;
    const { version } = this.#catalogs.catalog;
    const partition = partitionOf(id, this.#watch.looks.partitions);
    const [look, answer] = await Promise.all([
      this.#watch.looks.lookNow(partition),
      read(),
      this.#catalogs.refresh(),
    ]);
    const isProven =
      this.#catalogs.catalog.version === version &&
      isCaughtUp(look, isTimed) &&
      look.failed.size === 0 &&
      !(isTimed && isAheadOfTime([look]));
    return isProven ? { answer } : undefined;
  }

  /** As `wait`, for all partitions. */
  waitForAll(
    options: ReadOptions,
    needs: Needs = NEEDS_NOTHING,
  ): Promise<readonly PartitionStatus[]> {
    return this.wait(this.#all, options, needs);
  }

  needsOf(predicateIds: readonly (number | null)[]): Needs {
    const { catalog } = this.#catalogs;
    return {
      rounds: roundsOver(catalog.deepestOf(predicateIds)),
      isTimed: catalog.isTimed(predicateIds),
    };
  }

  needsOfFilters(filters: readonly StoredFilter[]): Needs {
    return { ...this.needsOf(filters.map(({ predicateId }) => predicateId)), filters };
  }

  /** @throws Problem segment_unknown */
  async needsOfSegments(slugs: readonly string[]): Promise<Needs> {
    return this.needsOfFilters(await findSegments(this.#catalogs, slugs));
  }

  /** Of all segments of a type, whether they have failed or not. */
  needsOfType(objectType: string): Needs {
    const { version, segments } = this.#catalogs.catalog;
    if (this.#ofTypes.version !== version) this.#ofTypes = { version, needs: new Map() };
    const known = this.#ofTypes.needs.get(objectType);
    if (known) return known;
    const own = [...segments.values()].filter(({ object_type: type }) => type === objectType);
    const needs = this.needsOf(own.map(({ predicateId }) => predicateId));
    this.#ofTypes.needs.set(objectType, needs);
    return needs;
  }

  /** Why membership is unknown, though all partitions have answered. */
  doubtOf({ rounds, isTimed }: Needs, statuses: readonly PartitionStatus[]): Doubt | undefined {
    const loss = rounds > 0 ? lossOf(statuses) : undefined;
    return loss ?? (isTimed && isAheadOfTime(statuses) ? 'ahead' : undefined);
  }

  async #notCaughtUp(timeoutMs: number): Promise<Problem> {
    const detail = `the changes before this read were not applied within ${timeoutMs} ms`;
    const unowned = describeUnowned(await this.#progress.unowned());
    return new Problem('not_caught_up', `${detail}${unowned}`, [], { retry_after_s: 1 });
  }
}

/** @throws Problem segment_building */
function refuseDoubt(doubt: Doubt | undefined): void {
  if (doubt) throw new Problem('segment_building', DOUBTS[doubt].detail, [], { retry_after_s: 1 });
}

function describeUnowned(partitions: readonly number[]): string {
  if (partitions.length === 0) return '';
  const [named, verb] = partitions.length === 1 ? ['partition', 'is'] : ['partitions', 'are'];
  const which = `${named} ${partitions.slice(0, 16).join(', ')} ${verb} worked off by nobody`;
  return `: ${which}; start a worker, or see the log for why it has stopped`;
}
