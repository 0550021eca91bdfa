/**
 * writer.ts – One writer's way into the log of one partition: one entry at a time, sent until it is
 * answered.
 *
 * Keeps true: entries are numbered without gaps within an epoch; when the log has lost some of
 * them, the writer goes on in a new epoch with what it has not been answered.
 */
import type { StoredLogEntry } from '../../src/engine/partition-store.ts';
import type { ChannelPosition } from '../../src/membership/channel-position.ts';
import type { Wire } from './faults.ts';
import type { MemoryPartitionStore } from './memory-partition-store.ts';

type Unsent = Omit<StoredLogEntry, 'id'>;

export class Writer {
  readonly #store: MemoryPartitionStore;
  #waiting: { readonly position: ChannelPosition; readonly entry: Unsent }[] = [];
  #last: ChannelPosition = { epoch: 1, sequence: 0 };

  constructor(store: MemoryPartitionStore) {
    this.#store = store;
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  write(entry: Unsent): void {
    this.#last = { epoch: this.#last.epoch, sequence: this.#last.sequence + 1 };
    this.#waiting.push({ position: this.#last, entry });
  }

  /** Sends the first entry that waits, once. */
  async send(wire: Wire): Promise<void> {
    const { position, entry } = this.#waiting[0]!;
    const answer = await wire.call(async () => this.#store.append(position, entry));
    if (answer === undefined) return;
    if (answer === 'gap' || answer === 'old') return this.#beginAnew();
    this.#waiting.shift();
  }

  #beginAnew(): void {
    this.#last = { epoch: this.#last.epoch + 1, sequence: 0 };
    for (const { entry } of this.#waiting.splice(0)) this.write(entry);
  }
}
