/**
 * forwarder.ts – Sends what waits for other partitions (listed in channels.ts).
 *
 * Keeps true: one entry per target is under way at a time, and is sent until it is answered. So a
 * target that is down holds up only itself.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { isUnanswered } from '../redis/failures.ts';
import type { Channels } from './channels.ts';
import type { PartitionStore } from './partition-store.ts';
import { storedPositions } from './requests.ts';

const RETRY_MS = 50;

export interface ForwarderContext {
  readonly partition: number;
  /** By partition. */
  readonly stores: readonly PartitionStore[];
  readonly logger: Logger;
  /** Called whenever nothing is left for a target, or it has refused. */
  readonly onNews: () => void;
}

export class Forwarder {
  readonly #context: ForwarderContext;
  readonly #channels: Channels;
  readonly #sending = new Set<number>();
  #isStopped = false;

  constructor(context: ForwarderContext, channels: Channels) {
    this.#context = context;
    this.#channels = channels;
  }

  /** Something may wait. */
  wake(): void {
    for (const target of this.#channels.waiting())
      if (!this.#sending.has(target)) void this.#send(target);
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Asks all targets whether they hold what they were sent. */
  async check(): Promise<void> {
    const { expected } = this.#channels;
    this.#channels.compare(expected, await storedPositions(this.#context, [...expected.keys()]));
    if (this.#channels.isRefused) this.#context.onNews();
  }

  /** Bounded by what waits: each turn sends one entry, or waits for the store. */
  async #send(target: number): Promise<void> {
    this.#sending.add(target);
    for (let next = this.#channels.next(target); next; next = this.#channels.next(target)) {
      if (this.#isStopped || this.#channels.isRefused) break;
      const { entry, base } = next;
      try {
        const source = this.#context.partition;
        const answer = await this.#context.stores[target]!.deliver({ ...entry, source, base });
        if (answer === 'gap' || answer === 'old')
          this.#context.logger.warn({ target, answer }, 'a message was refused');
        this.#channels.answered(target, answer);
      } catch (error) {
        if (!isUnanswered(error))
          this.#context.logger.error({ err: error, target }, 'a message could not be delivered');
        await sleep(RETRY_MS);
      }
    }
    this.#sending.delete(target);
    this.#context.onNews();
  }
}
