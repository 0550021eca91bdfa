/**
 * looks.ts – The looks of one process at the partitions, which all of its readers share.
 *
 * Keeps true: a reader gets a look that began after it had asked. At most one look at a partition
 * is under way; readers that come meanwhile share the next one, so that a hundred cost as much as
 * one. Counts are kept with the commit that they are of, and a look brings what has changed since.
 * They are forgotten where that commit is not in the partition's history (any more).
 */
import type { Failure } from '../query/failure.ts';
import {
  type CommitMark,
  type Count,
  type Look,
  type LookRequest,
  type PartitionStatus,
  partitionsOf,
  type StatusStore,
} from './partition-status.ts';

/** What one reader asks of a look. */
export interface LookAt {
  readonly channels: boolean;
  /** Predicates whose counts it needs. */
  readonly counted: readonly number[];
}

/** Counts that are kept of a partition: with more of them it begins anew. */
const COUNTS_KEPT_MAX = 50_000;

export class Looks {
  readonly #partitions: readonly PartitionLooks[];

  constructor(store: StatusStore) {
    this.#partitions = partitionsOf(store).map((each) => new PartitionLooks(store, each));
  }

  get partitions(): number {
    return this.#partitions.length;
  }

  look(partition: number, at: LookAt): Promise<PartitionStatus> {
    return this.#partitions[partition]!.look(at);
  }
}

interface Asked {
  readonly at: LookAt;
  readonly resolve: (status: PartitionStatus) => void;
  readonly reject: (error: unknown) => void;
}

class PartitionLooks {
  readonly #store: StatusStore;
  readonly #partition: number;
  /** Those who share the next look. */
  #next: Asked[] = [];
  #isLooking = false;
  /** The commit that the counts are of; undefined: none are known. */
  #mark: CommitMark | undefined;
  readonly #counts = new Map<number, Count>();
  #failures = '';
  #failed: ReadonlyMap<number, Failure> = new Map();

  constructor(store: StatusStore, partition: number) {
    this.#store = store;
    this.#partition = partition;
  }

  look(at: LookAt): Promise<PartitionStatus> {
    return new Promise((resolve, reject) => {
      this.#next.push({ at, resolve, reject });
      if (!this.#isLooking) void this.#run();
    });
  }

  /** Bounded by the readers that wait. */
  async #run(): Promise<void> {
    this.#isLooking = true;
    while (this.#next.length > 0) {
      const readers = this.#next;
      this.#next = [];
      try {
        const look = await this.#look(readers);
        for (const { at, resolve } of readers) resolve(this.#statusFor(at, look));
      } catch (error) {
        for (const { reject } of readers) reject(error);
      }
    }
    this.#isLooking = false;
  }

  /** A second time only if what was known is of no use any more. */
  async #look(readers: readonly Asked[]): Promise<Look> {
    const wanted = new Set(readers.flatMap(({ at }) => at.counted));
    const channels = readers.some(({ at }) => at.channels);
    for (;;) {
      const since = wanted.size > 0 ? this.#mark : undefined;
      const counted = [...wanted].filter((id) => !since || !this.#counts.has(id));
      const look = await this.#ask({ channels, counted, since, failures: this.#failures });
      if (wanted.size === 0) return look;
      if (since && !look.changed) {
        this.#forget();
        continue;
      }
      if (this.#counts.size > COUNTS_KEPT_MAX) this.#keepOnly(wanted);
      look.changed?.forEach((count, id) => {
        if (this.#counts.has(id)) this.#counts.set(id, count);
      });
      for (const [at, id] of counted.entries()) this.#counts.set(id, look.counts[at] ?? null);
      this.#mark = { number: look.number, nonce: look.nonce };
      return look;
    }
  }

  async #ask(request: LookRequest): Promise<Look> {
    const look = await this.#store.look(this.#partition, request);
    if (look.failed) {
      this.#failures = look.failures;
      this.#failed = look.failed;
    }
    return look;
  }

  #forget(): void {
    this.#mark = undefined;
    this.#counts.clear();
  }

  #keepOnly(wanted: ReadonlySet<number>): void {
    for (const id of this.#counts.keys()) if (!wanted.has(id)) this.#counts.delete(id);
  }

  /** In the same turn of the event loop as the look: the next one moves the counts on. */
  #statusFor({ counted }: LookAt, look: Look): PartitionStatus {
    const counts = counted.map((id) => this.#counts.get(id) ?? null);
    return { ...look, failed: this.#failed, counts };
  }
}
