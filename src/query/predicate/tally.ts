/**
 * tally.ts – Sums up neighbours and their values, so that measures can be read off the result.
 *
 * Keeps true: the order of the values makes no difference, and a sum is exact. Each kind of partial
 * state is kept only for the measures that need it.
 */
import { unreachable } from '../../errors.ts';
import { toTrillionths } from './exact-sum.ts';

/**
 * The state that is kept of neighbours' values, beside how many there are.
 * - `sum`: their exact sum, and how many have a value.
 * - `extremes`: the lowest and the highest.
 * - `values`: each different one, under a short name where it travels (membership/value-key.ts).
 */
export type PartialState = 'sum' | 'extremes' | 'values';

/** What is not kept is as it is of nothing. */
export interface Tally {
  /** Neighbours that the measure is taken over. */
  readonly count: number;
  /** All neighbours. */
  readonly all: number;
  /** How many have a value. */
  readonly values: number;
  readonly trillionths: bigint;
  readonly low: number | undefined;
  readonly high: number | undefined;
  /** How many different values there are. */
  readonly different: number;
}

export const NOTHING: Tally = {
  count: 0,
  all: 0,
  values: 0,
  trillionths: 0n,
  low: undefined,
  high: undefined,
  different: 0,
};

/** A tally that grows, in memory. */
export class RunningTally implements Tally {
  count = 0;
  all = 0;
  values = 0;
  trillionths = 0n;
  low: number | undefined;
  high: number | undefined;
  readonly #keeps: PartialState | undefined;
  #different: Set<unknown> | undefined;

  constructor(keeps: PartialState | undefined) {
    this.#keeps = keeps;
  }

  get different(): number {
    return this.#different?.size ?? 0;
  }

  /** One more neighbour. A value that is not of the kind that is kept counts as missing. */
  add(value?: unknown): void {
    this.all++;
    this.count++;
    if (value !== undefined) this.#addValue(value);
  }

  /** One more neighbour that the measure is not taken over. */
  leaveOut(): void {
    this.all++;
  }

  #addValue(value: unknown): void {
    switch (this.#keeps) {
      case 'sum':
        if (!isNumber(value)) return;
        this.values++;
        this.trillionths += toTrillionths(value);
        return;
      case 'extremes':
        if (!isNumber(value)) return;
        this.values++;
        if (this.low === undefined || value < this.low) this.low = value;
        if (this.high === undefined || value > this.high) this.high = value;
        return;
      case 'values':
        if (isScalar(value)) (this.#different ??= new Set()).add(value);
        return;
      case undefined:
        return;
      default:
        unreachable(this.#keeps);
    }
  }
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value);
}

function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'boolean' || isNumber(value);
}
