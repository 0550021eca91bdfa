/**
 * store-world.ts – What the conformance suite needs of an implementation of the partition store:
 * the store itself, what readers see beside it, and accidents.
 */
import type {
  EntryId,
  PartitionStore,
  PartitionTail,
  StoredLogEntry,
} from '../../src/engine/partition-store.ts';
import type { StatusStore } from '../../src/membership/partition-status.ts';
import type { FeedEntry } from '../../src/redis/rows/feed-entry.ts';

/** What is kept for those who do not come through the store. */
export interface Seen {
  /** Token of the owner; undefined: nobody holds the lease. */
  readonly owner: string | undefined;
  /** By predicate. */
  readonly counts: Readonly<Record<number, number>>;
  /** Sorted ids, by predicate; no entry for a set without members. */
  readonly members: Readonly<Record<number, readonly string[]>>;
  /** Entries of streams, the oldest first. */
  readonly log: readonly EntryId[];
  readonly inbox: readonly EntryId[];
  /** What is for readers alone; undefined: this implementation keeps nothing of it. */
  readonly readers?: SeenByReaders;
}

interface SeenByReaders {
  readonly feed: readonly (FeedEntry & { readonly id: EntryId })[];
  /** Of the entries for activations: `id entered cause`, and how many are told something. */
  readonly activations: readonly {
    readonly at: number;
    readonly told: readonly string[];
    readonly followers: number;
  }[];
  /** Reply names. */
  readonly outcomes: readonly string[];
  readonly dead: readonly { readonly code: string; readonly letter: string; readonly at: number }[];
}

/** Two partitions of one deployment. */
export interface StoreWorld {
  readonly install: string;
  /** By partition. */
  readonly stores: readonly PartitionStore[];
  /** What readers look at. */
  readonly statuses: StatusStore;
  /** Empty: this implementation is not followed. */
  readonly tails: readonly PartitionTail[];
  seen(partition: number): Promise<Seen>;
  /** As a writer does. @returns the entry's id */
  appendLog(partition: number, entry: Omit<StoredLogEntry, 'id'>): Promise<EntryId>;
  /** The lease runs out. */
  loseLease(partition: number): Promise<void>;
  /** The partition's data is gone. */
  wipe(partition: number): Promise<void>;
  /**
   * Notes all that a partition holds but for its lease.
   * @returns what brings it back, as a fail-over does
   */
  snapshot(partition: number): Promise<() => Promise<void>>;
  close(): Promise<void>;
}
