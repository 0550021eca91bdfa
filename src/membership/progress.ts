/**
 * progress.ts – The progress of partitions: what waits, which have an owner, and how much of a
 * segment is built.
 *
 * Keeps true: nothing waits for anything here. Each number is of now, for people and monitors.
 */
import type { StoredFilter } from '../catalog/catalog.ts';
import type { MembershipStore } from './membership-store.ts';
import {
  allStatuses,
  isAheadOfTime,
  type PartitionStatus,
  partitionsOf,
} from './partition-status.ts';

export interface Lag {
  /** Entries of all logs that are not applied, as an upper bound: 0 exactly if there are none. */
  readonly entries: number;
  readonly partitionsBehind: number;
  /**
   * Partitions whose clock is so far ahead of the server's that segments which move with time have
   * no number.
   */
  readonly partitionsAhead: number;
}

export class Progress {
  readonly #store: MembershipStore;

  constructor(store: MembershipStore) {
    this.#store = store;
  }

  async lag(): Promise<Lag> {
    const statuses = await allStatuses(this.#store);
    const entries = await this.#waitingIn(statuses);
    return {
      entries: sum(entries),
      partitionsBehind: entries.filter((count) => count > 0).length,
      partitionsAhead: statuses.filter((status) => isAheadOfTime([status])).length,
    };
  }

  /** By partition, entries of its log that are not applied, as an upper bound. */
  async waiting(): Promise<number[]> {
    return this.#waitingIn(await allStatuses(this.#store));
  }

  /** Records that the clock alone moves, in each of some spans of time from `fromMs` on. */
  async due(fromMs: number, spanMs: number, spans: number): Promise<number[]> {
    const ends = Array.from({ length: spans + 1 }, (_, at) => fromMs + at * spanMs);
    const parts = await Promise.all(
      partitionsOf(this.#store).map((each) => this.#store.dueCounts(each, ends)),
    );
    return Array.from({ length: spans }, (_, at) => sum(parts.map((part) => part[at]!)));
  }

  /**
   * The partitions without an owner at the moment: no worker runs, they have stopped, or they are
   * just being taken over.
   */
  async unowned(): Promise<number[]> {
    const partitions = partitionsOf(this.#store);
    const isOwned = await Promise.all(partitions.map((each) => this.#store.isOwned(each)));
    return partitions.filter((each) => !isOwned[each]);
  }

  /** By partition, the version of the catalog that it has adopted. */
  async catalogVersions(): Promise<number[]> {
    return (await allStatuses(this.#store)).map(({ catalogVersion }) => catalogVersion);
  }

  /** The share of records, 0 to 1, that the build of a filter's newest revision has visited. */
  async ofBuild({ pending, object_type: objectType }: StoredFilter): Promise<number> {
    if (pending === null) return 1;
    const of = { objectType, predicateId: pending };
    const parts = await Promise.all(
      partitionsOf(this.#store).map((each) => this.#store.backfillProgress(each, of)),
    );
    const total = sum(parts.map(({ records }) => records));
    return total === 0 ? 0 : sum(parts.map(({ visited }) => visited)) / total;
  }

  #waitingIn(statuses: readonly PartitionStatus[]): Promise<number[]> {
    return Promise.all(statuses.map((status, partition) => this.#waiting(status, partition)));
  }

  async #waiting({ position, end }: PartitionStatus, partition: number): Promise<number> {
    return position === end ? 0 : Math.max(1, await this.#store.logLength(partition));
  }
}

function sum(parts: readonly number[]): number {
  return parts.reduce((all, part) => all + part, 0);
}
