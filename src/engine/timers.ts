/**
 * timers.ts – When a partition has to look at its records because time passes, and which of them.
 *
 * Keeps true: `due` has one entry per record, scored by the next moment at which the clock alone
 * flips one of its predicates; `nextMs` is never later than the earliest of them, so that whoever
 * sleeps until then misses none.
 */
import type { Redis } from 'ioredis';
import { type PartitionKeys, readRecordMember } from '../redis/keys.ts';
import type { RecordKey } from './batch.ts';
import type { Step } from './step.ts';

/**
 * Records that a batch looks at because of the time: so many are due at midnight that live changes
 * have to come in between.
 */
const DUE_RECORDS_MAX = 100;

export class Timers {
  readonly #recordsMax: number;
  #nextMs: number;
  /** The earliest entry that was seen and not taken. */
  #beyondMs: number;

  /** `nextMs`: of the earliest entry that is stored, or anything before it. */
  constructor(nextMs: number, recordsMax = DUE_RECORDS_MAX) {
    this.#recordsMax = recordsMax;
    this.#nextMs = nextMs;
    this.#beyondMs = nextMs;
  }

  get nextMs(): number {
    return this.#nextMs;
  }

  /**
   * The records that are due at `nowMs`, the earliest first; with none left, `nextMs` moves on. One
   * round trip, if it is time.
   */
  async take(redis: Redis, keys: PartitionKeys, nowMs: number): Promise<RecordKey[]> {
    if (this.#nextMs > nowMs) return [];
    const flat = await redis.zrange(keys.due, '0', String(this.#recordsMax), 'WITHSCORES');
    const taken: RecordKey[] = [];
    this.#beyondMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i + 1 < flat.length; i += 2) {
      const dueMs = Number(flat[i + 1]);
      if (dueMs > nowMs || taken.length === this.#recordsMax) {
        this.#beyondMs = dueMs;
        break;
      }
      taken.push(readRecordMember(flat[i]!));
    }
    if (taken.length === 0) this.#nextMs = this.#beyondMs;
    return taken;
  }

  /**
   * The commit of a step took place; with `taken`, the records of the last `take`, or as many of
   * them as the step came to.
   */
  committed({ timers, fired }: Pick<Step, 'timers' | 'fired'>, taken: readonly RecordKey[]): void {
    if (taken.length > 0 && fired === taken.length) this.#nextMs = this.#beyondMs;
    for (const { due } of timers) if (due !== undefined) this.#nextMs = Math.min(this.#nextMs, due);
  }
}
