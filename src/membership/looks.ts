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
  /** Predicates whose counts it needs. The same list is answered faster than an equal one. */
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

  /**
   * A look at positions that begins at once and is shared with nobody: what is asked of the store
   * after it is carried out after it.
   */
  lookNow(partition: number): Promise<PartitionStatus> {
    return this.#partitions[partition]!.lookNow();
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
  /** The counts in the order of a list that was asked for, while none of them has changed. */
  #answers = new WeakMap<readonly number[], readonly Count[]>();
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

  async lookNow(): Promise<PartitionStatus> {
    const positions = { channels: false, counted: [], since: undefined };
    const look = await this.#ask({ ...positions, failures: this.#failures });
    return { ...look, failed: this.#failed, counts: [] };
  }

  /** Bounded by the readers that wait. */
  async #run(): Promise<void> {
    this.#isLooking = true;
    while (this.#next.length > 0) {
      const readers = this.#next;
      this.#next = [];
      if (this.#counts.size > COUNTS_KEPT_MAX) this.#forget();
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
    const channels = readers.some(({ at }) => at.channels);
    const isCounting = readers.some(({ at }) => at.counted.length > 0);
    for (;;) {
      const since = isCounting ? this.#mark : undefined;
      const counted = this.#unknown(readers, since);
      const look = await this.#ask({ channels, counted, since, failures: this.#failures });
      if (!isCounting) return look;
      if (!since || look.changed) {
        this.#note(look, counted);
        return look;
      }
      this.#forget();
    }
  }

  /** The predicates of which no count is kept. */
  #unknown(readers: readonly Asked[], since: CommitMark | undefined): number[] {
    const unknown = new Set<number>();
    for (const { at } of readers) {
      if (this.#answers.has(at.counted)) continue;
      for (const id of at.counted) if (!since || !this.#counts.has(id)) unknown.add(id);
    }
    return [...unknown];
  }

  #note(look: Look, counted: readonly number[]): void {
    this.#mark = { number: look.number, nonce: look.nonce };
    if (!look.changed) this.#counts.clear();
    const kept = [...(look.changed ?? [])].filter(([id]) => this.#counts.has(id));
    if (kept.length === 0 && counted.length === 0) return;
    this.#answers = new WeakMap();
    for (const [id, count] of kept) this.#counts.set(id, count);
    for (const [at, id] of counted.entries()) this.#counts.set(id, look.counts[at] ?? null);
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
    this.#answers = new WeakMap();
  }

  /** In the same turn of the event loop as the look: the next one moves the counts on. */
  #statusFor({ counted }: LookAt, look: Look): PartitionStatus {
    let counts = this.#answers.get(counted);
    if (!counts) {
      counts = counted.map((id) => this.#counts.get(id) ?? null);
      this.#answers.set(counted, counts);
    }
    return { ...look, failed: this.#failed, counts };
  }
}
