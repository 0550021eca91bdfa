/**
 * channel.ts – One source's way into one stream, as delivery.ts and outbox.ts go it: one entry at a
 * time, sent until it is answered.
 */

import type { Wire } from './faults.ts';
import type { DeliverAnswer } from './store.ts';

export class Channel<E extends { readonly sequence: number }> {
  readonly waiting: E[] = [];
  /** The last sequence that the stream is known to hold, until it was asked for; 0: none. */
  delivered = 0;
  readonly #deliver: (entry: E) => DeliverAnswer;
  readonly #onRefused: () => void;

  /** `onRefused`: the stream remembers something else than this source. */
  constructor(deliver: (entry: E) => DeliverAnswer, onRefused: () => void) {
    this.#deliver = deliver;
    this.#onRefused = onRefused;
  }

  /** Sends the first entry that waits, once. */
  send(wire: Wire): void {
    const entry = this.waiting[0]!;
    const answer = wire.call(() => this.#deliver(entry));
    if (answer === undefined) return;
    if (answer === 'gap' || answer === 'old') {
      this.#onRefused();
      return;
    }
    this.waiting.shift();
    this.delivered = entry.sequence;
  }

  takeDelivered(): number {
    const { delivered } = this;
    this.delivered = 0;
    return delivered;
  }
}
