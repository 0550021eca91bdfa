/**
 * clock.ts – The time by which a process moves its partitions on: that of the Redis server, which
 * all processes share.
 *
 * Keeps true: between two answers of the server it goes on by the machine's steady clock. Where the
 * server's clock and this machine's are more than a minute apart, the earlier one counts, so that a
 * clock that jumped forward is waited out. A partition's own clock is stored and never goes
 * backwards, whatever this one shows (partition-core.ts).
 */
import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';

/** Clocks that are further apart than this are not both right. */
export const CLOCK_SKEW_MAX_MS = 60_000;

export interface ClockSource {
  /** The machine's clock, which may jump. */
  readonly wallMs: () => number;
  /** Its steady one. */
  readonly steadyMs: () => number;
}

const MACHINE: ClockSource = { wallMs: () => Date.now(), steadyMs: () => performance.now() };

export class EngineClock {
  readonly #source: ClockSource;
  readonly #logger: Logger;
  #serverMs: number | undefined;
  #readAtMs = 0;
  #isApart = false;

  constructor(logger: Logger, source: ClockSource = MACHINE) {
    this.#logger = logger;
    this.#source = source;
  }

  /** Takes in the time that the server has just answered. */
  follow(serverMs: number): void {
    this.#serverMs = serverMs;
    this.#readAtMs = this.#source.steadyMs();
  }

  nowMs(): number {
    const wallMs = this.#source.wallMs();
    if (this.#serverMs === undefined) return wallMs;
    const serverMs = Math.floor(this.#serverMs + this.#source.steadyMs() - this.#readAtMs);
    const isApart = Math.abs(serverMs - wallMs) > CLOCK_SKEW_MAX_MS;
    if (isApart && !this.#isApart)
      this.#logger.error(
        { serverMs, wallMs },
        'the clocks of Redis and of this machine are over a minute apart; the earlier one counts',
      );
    this.#isApart = isApart;
    return isApart ? Math.min(serverMs, wallMs) : serverMs;
  }
}
