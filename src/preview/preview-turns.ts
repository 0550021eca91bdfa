/**
 * preview-turns.ts – Previews that run at once, and those that wait for their turn.
 *
 * Keeps true: never more than `atOnce` run, and never more than `waiting` wait; one caller has at
 * most `perCaller` of both. Turns are given in the order in which they were asked for. One whose
 * caller goes away leaves the queue.
 */
import { overloaded } from '../turns.ts';

export interface TurnLimits {
  readonly atOnce: number;
  readonly perCaller: number;
  readonly waiting: number;
}

interface WaitingPreview {
  readonly begin: () => void;
}

export class PreviewTurns {
  readonly #limits: TurnLimits;
  readonly #byCaller = new Map<object, number>();
  readonly #queue = new Set<WaitingPreview>();
  #running = 0;

  constructor(limits: TurnLimits) {
    this.#limits = limits;
  }

  /** How many run or wait. */
  get size(): number {
    return this.#running + this.#queue.size;
  }

  /**
   * Does the work in its turn. `caller`: the connection that asks.
   * @returns undefined if the signal came before its turn
   * @throws Problem overloaded
   */
  async inTurn<T>(
    caller: object,
    signal: AbortSignal,
    work: () => Promise<T>,
  ): Promise<T | undefined> {
    const { perCaller } = this.#limits;
    const own = this.#byCaller.get(caller) ?? 0;
    if (own >= perCaller)
      throw overloaded(`${perCaller} previews of this connection are under way`);
    const turn = this.#turn(signal);
    this.#byCaller.set(caller, own + 1);
    try {
      if (!(await turn)) return undefined;
      try {
        return await work();
      } finally {
        this.#giveOn();
      }
    } finally {
      const left = this.#byCaller.get(caller)! - 1;
      if (left === 0) this.#byCaller.delete(caller);
      else this.#byCaller.set(caller, left);
    }
  }

  /** @returns false if the signal came first */
  #turn(signal: AbortSignal): Promise<boolean> {
    const { atOnce, waiting } = this.#limits;
    if (signal.aborted) return Promise.resolve(false);
    if (this.#running < atOnce) {
      this.#running++;
      return Promise.resolve(true);
    }
    if (this.#queue.size >= waiting) throw overloaded(`${waiting} previews are waiting already`);
    return new Promise((resolve) => {
      const leave = () => {
        this.#queue.delete(place);
        resolve(false);
      };
      const place = {
        begin: () => {
          signal.removeEventListener('abort', leave);
          resolve(true);
        },
      };
      this.#queue.add(place);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  #giveOn(): void {
    const [next] = this.#queue;
    if (!next) {
      this.#running--;
      return;
    }
    this.#queue.delete(next);
    next.begin();
  }
}
