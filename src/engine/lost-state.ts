/**
 * lost-state.ts – Has partitions send again what another one could not take in.
 *
 * Keeps true: a partition is asked for its state by what it remembers of its channel, so that to
 * ask twice, or while it sends already, does no harm. Of a source that there is not, what is
 * remembered is forgotten.
 */
import type { Repairs } from '../membership/audit-store.ts';
import { askForResync } from './epochs.ts';
import type { PartitionStore } from './partition-store.ts';

export class LostState {
  readonly #partitions: readonly PartitionStore[];
  readonly #repairs: Repairs;

  constructor(partitions: readonly PartitionStore[], repairs: Repairs) {
    this.#partitions = partitions;
    this.#repairs = repairs;
  }

  /** Where a message could not be applied, its source resends everything. */
  async askForBroken(partition: number): Promise<void> {
    const { broken, receiving } = await this.#partitions[partition]!.readMeta();
    // Where a resend began and is not known to have ended, it may still run: that is harmless.
    for (const source of new Set([...broken, ...receiving.keys()]))
      await this.#ask(partition, source);
  }

  /**
   * What a partition lacks of one source (undefined: of any). @returns whether it lacked something
   */
  async askFor(partition: number, source: number | undefined): Promise<boolean> {
    const { broken } = await this.#partitions[partition]!.readMeta();
    const lacking = [...broken].filter((each) => source === undefined || each === source);
    for (const each of lacking) await this.#ask(partition, each);
    return lacking.length > 0;
  }

  async #ask(partition: number, source: number): Promise<void> {
    if (source < this.#partitions.length) await askForResync(this.#partitions[partition]!, source);
    else await this.#repairs.forgetSource(partition, source);
  }
}
