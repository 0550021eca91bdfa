/**
 * walk.ts – A side's own way along a history: as many changes a round as it manages in its time.
 *
 * Keeps true: a side applies each change once and in order, whatever the others do; what a round
 * needs is made ready before the clock starts.
 */
import { performance } from 'node:perf_hooks';
import type { Change } from '../src/change/change.ts';
import type { Side, Timed } from './harness.ts';

export interface Runner {
  readonly name: string;
  /** Not timed: reads and shapes what the changes need. @returns what is timed */
  prepare(changes: readonly Change[]): Run | Promise<Run>;
}

export type Run = () => void | Promise<void>;

/** A side that can only do so much still does this in a round. */
const ROUND_CHANGES_MIN = 8;

export class Walk implements Side {
  readonly name: string;
  readonly #runner: Runner;
  readonly #changes: readonly Change[];
  readonly #roundMs: number;
  #roundChanges: number;
  #at = 0;

  /**
   * `roundChanges` is the most of one round; the history is long enough for that many in each round
   * and the warm-up.
   */
  constructor(runner: Runner, changes: readonly Change[], roundChanges: number, roundMs: number) {
    this.name = runner.name;
    this.#runner = runner;
    this.#changes = changes;
    this.#roundChanges = roundChanges;
    this.#roundMs = roundMs;
  }

  /** How many changes of the history were applied. */
  get applied(): number {
    return this.#at;
  }

  /**
   * Finds how much fits into a round. Bounded: each turn takes twice as many changes as the one
   * before.
   */
  async warmUp(): Promise<void> {
    const most = this.#roundChanges;
    let last: Timed = { changes: 0, ms: 0 };
    for (
      let count = ROUND_CHANGES_MIN;
      this.#at + count <= most && last.ms < this.#roundMs / 4;
      count *= 2
    ) {
      last = await this.#run(count);
    }
    const fitting = Math.ceil((last.changes / last.ms) * this.#roundMs);
    this.#roundChanges = Math.max(ROUND_CHANGES_MIN, Math.min(most, fitting));
  }

  round(): Promise<Timed> {
    return this.#run(this.#roundChanges);
  }

  async #run(count: number): Promise<Timed> {
    const changes = this.#changes.slice(this.#at, this.#at + count);
    this.#at += changes.length;
    const run = await this.#runner.prepare(changes);
    const startedMs = performance.now();
    await run();
    return { changes: changes.length, ms: performance.now() - startedMs };
  }
}
