/**
 * timers.ts – The timers of a partition: the records that it has to look at because time passes,
 * and when.
 *
 * Keeps true: every record has one timer, the next moment at which the clock alone flips one of its
 * predicates. `nextMs` is never later than the earliest of them, so that an owner that sleeps until
 * then misses none. Nothing of it is part of `meta`: after a take-over the timers are looked at.
 */
import type { RecordKey } from './batch.ts';
import type { CoreLimits } from './core-limits.ts';
import { firstWithin } from './lighter.ts';
import type { BatchDraft, Participant, Turn, Weigh } from './participant.ts';
import { type Asking, ask } from './requests.ts';
import type { Step } from './step.ts';

const NONE: readonly RecordKey[] = [];

export class Timers implements Participant {
  readonly #limits: CoreLimits;
  #nextMs = 0;
  /** The earliest timer that was seen and not taken. */
  #beyondMs = 0;
  #taken = NONE;

  constructor(limits: CoreLimits) {
    this.#limits = limits;
  }

  begin(): void {
    this.#taken = NONE;
  }

  hasWork({ isHeldBack, nowMs }: Turn): boolean {
    return !isHeldBack && this.#nextMs <= nowMs;
  }

  nextMs({ isHeldBack }: Turn): number {
    return isHeldBack ? Number.POSITIVE_INFINITY : this.#nextMs;
  }

  *work(batch: BatchDraft, { nowMs, recordsMax }: Turn): Asking<boolean> {
    batch.due = yield* this.take(nowMs, recordsMax);
    return batch.due.length > 0;
  }

  /** The records that are due, the earliest first; with none left, `nextMs` moves on. */
  *take(nowMs: number, recordsMax: number): Asking<readonly RecordKey[]> {
    this.#taken = NONE;
    if (this.#nextMs > nowMs) return NONE;
    const most = Math.min(recordsMax, this.#limits.dueRecordsMax);
    const first = yield* ask({ kind: 'first-due', most: most + 1 });
    const due = first.slice(0, most).filter(({ dueMs }) => dueMs <= nowMs);
    this.#beyondMs = first[due.length]?.dueMs ?? Number.POSITIVE_INFINITY;
    if (due.length === 0) this.#nextMs = this.#beyondMs;
    this.#taken = due;
    return due;
  }

  lighten(batch: BatchDraft, weigh: Weigh): void {
    const { due = NONE } = batch;
    batch.due = firstWithin(due, this.#limits.kindBytesMax, ({ objectType, id }) =>
      weigh(objectType, id),
    );
  }

  committed({ timers, fired }: Pick<Step, 'timers' | 'fired'>): void {
    if (this.#taken.length > 0 && fired === this.#taken.length) this.#nextMs = this.#beyondMs;
    for (const { due } of timers) if (due !== undefined) this.#nextMs = Math.min(this.#nextMs, due);
  }
}
