/**
 * turns.ts – Work that costs much, a few pieces of it at once; the rest waits for its turn.
 *
 * Keeps true: never more than `atOnce` run, in the order in which they came, and never more than
 * `waitingMax` wait. Work that throws gives its turn on as well.
 */
import { Problem } from './errors.ts';

export interface TurnsOptions {
  readonly atOnce: number;
  readonly waitingMax: number;
  /** What there is too much of, for the client that is refused. */
  readonly work: string;
}

export class Turns {
  readonly #options: TurnsOptions;
  readonly #queue: (() => void)[] = [];
  #running = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** Does the work when its turn has come. @throws Problem overloaded, before it begins */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    await this.#turn();
    try {
      return await work();
    } finally {
      const next = this.#queue.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }

  async #turn(): Promise<void> {
    const { atOnce, waitingMax, work } = this.#options;
    if (this.#running < atOnce) {
      this.#running += 1;
      return;
    }
    if (this.#queue.length >= waitingMax) throw overloaded(`too many ${work} are waited for`);
    await new Promise<void>((resolve) => this.#queue.push(resolve));
  }
}

/** A Problem `overloaded`, which asks to come back after a second. */
export function overloaded(detail: string): Problem {
  return new Problem('overloaded', detail, [], { retry_after_s: 1 });
}
