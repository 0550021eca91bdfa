/**
 * partition-tail.ts – Follows the log and the inbox of one partition, by the one blocking read that
 * all partitions of the process share (stream-tail.ts).
 */
import type {
  EntryId,
  PartitionTail,
  StoredInboxEntry,
  StoredLogEntry,
} from '../engine/partition-store.ts';
import type { PartitionKeys } from './keys.ts';
import { readInboxEntry, readLogEntry } from './rows/stream-entry.ts';
import type { StreamTail } from './stream-tail.ts';

export class RedisPartitionTail implements PartitionTail {
  readonly #tail: StreamTail;
  readonly #keys: Pick<PartitionKeys, 'log' | 'inbox'>;

  constructor(tail: StreamTail, keys: Pick<PartitionKeys, 'log' | 'inbox'>) {
    this.#tail = tail;
    this.#keys = keys;
  }

  followLog(after: EntryId, onEntries: (entries: readonly StoredLogEntry[]) => void): void {
    this.#tail.follow(this.#keys.log, after, (entries) => onEntries(entries.map(readLogEntry)));
  }

  followInbox(after: EntryId, onEntries: (entries: readonly StoredInboxEntry[]) => void): void {
    this.#tail.follow(this.#keys.inbox, after, (entries) => onEntries(entries.map(readInboxEntry)));
  }

  pause(stream: 'log' | 'inbox'): void {
    this.#tail.pause(this.#keys[stream]);
  }

  resume(stream: 'log' | 'inbox'): void {
    this.#tail.resume(this.#keys[stream]);
  }

  unfollow(): void {
    this.#tail.unfollow(this.#keys.log);
    this.#tail.unfollow(this.#keys.inbox);
  }
}
