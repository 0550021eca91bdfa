/**
 * pace.ts – How many records of one kind of work fit into a slice of some milliseconds.
 *
 * Keeps true: the number follows from what the records of this kind have cost lately: the time of
 * the step, which is measured, and that of reading them and of writing what came of it, which
 * follows from their number. How long the store took to answer is left out: on a busy machine that
 * says how long it was waited for, and slices of a few records are mostly round trips. The number
 * grows at most twofold from one slice to the next, for the first records say little. It is a
 * matter of time alone: any number is exact.
 */
import type { Step } from './step.ts';

/** Measured with 20 attributes: to read and parse a record, and to commit a flip (step.ts). */
const READ_MS = 0.01;
const EFFECT_MS = 0.001;

/** Records of the first slice. */
const FIRST = 64;
/** The weight of the last slice in the average: one pause of the collector must not halve it. */
const NEWEST = 0.3;

export class Pace {
  #msPerRecord: number | undefined;
  #last = FIRST / 2;

  /** How many records a slice of so many milliseconds may take; one at least. */
  records(sliceMs: number): number {
    const most = 2 * this.#last;
    if (this.#msPerRecord === undefined) return most;
    return Math.max(1, Math.min(most, Math.floor(sliceMs / this.#msPerRecord)));
  }

  /** A slice has looked at so many records, and its step took so long. */
  took(records: number, stepMs: number, { effects }: Pick<Step, 'effects'>): void {
    if (records === 0) return;
    const each = READ_MS + (stepMs + EFFECT_MS * effects) / records;
    const before = this.#msPerRecord ?? each;
    this.#msPerRecord = before + NEWEST * (each - before);
    this.#last = Math.max(FIRST / 2, records);
  }
}
