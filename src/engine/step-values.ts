/**
 * step-values.ts – The different values that holders have at their targets, as one step changes
 * them.
 *
 * Keeps true: a value is counted at its target as long as at least one partition has a holder with
 * it, and there once. Each value is a row of its own beside the neighbour rows, so a change costs
 * what the values that it touches cost, however many there are. A message holds of each value
 * whether the sender's partition has it now, so a repeat changes nothing.
 */
import { nameOf, type ValueAt } from '../membership/value-key.ts';
import type { HolderValues } from './message.ts';

/** The rows as they were stored before the step. Caller: it was loaded. */
export interface ValueRows {
  /** How many of this partition's holders have the value. */
  readonly valueCount: (at: ValueAt) => number;
  /** At the target: the partitions of which holders have the value, ascending. */
  readonly valueSources: (at: ValueAt) => readonly number[];
  /** At the target: how many different values there are. */
  readonly valueTotal: (predicateId: number, target: string) => number;
}

/** The changes of the step. A count or total of 0, and sources that are none: the row goes. */
export interface ValueEffects {
  readonly valueCounts: readonly (ValueAt & { readonly count: number })[];
  readonly valueSources: readonly (ValueAt & { readonly sources: readonly number[] })[];
  readonly valueTotals: readonly {
    readonly predicateId: number;
    readonly target: string;
    readonly total: number;
  }[];
}

export const NO_VALUES: ValueRows = {
  valueCount: () => 0,
  valueSources: () => [],
  valueTotal: () => 0,
};

interface WorkingCount {
  readonly at: ValueAt;
  readonly edge: number;
  readonly before: number;
  count: number;
}

interface WorkingSources {
  readonly at: ValueAt;
  readonly before: readonly number[];
  sources: readonly number[];
}

interface WorkingTotal {
  readonly predicateId: number;
  readonly target: string;
  readonly before: number;
  total: number;
}

export class StepValues {
  readonly #rows: ValueRows;
  readonly #counts = new Map<string, WorkingCount>();
  readonly #sources = new Map<string, WorkingSources>();
  readonly #totals = new Map<string, WorkingTotal>();
  readonly #resent = new Map<string, WorkingCount>();

  constructor(rows: ValueRows) {
    this.#rows = rows;
  }

  // ——— With the holders ———

  /** One holder more, or one less, has the value. */
  count(edge: number, at: ValueAt, by: 1 | -1): void {
    const working = this.#count(edge, at);
    // A holder whose attribute was re-typed since may never have been counted.
    working.count = Math.max(0, working.count + by);
  }

  /** Sends the state after this step again. */
  resend(edge: number, at: ValueAt): void {
    this.#resent.set(nameOf(at), this.#count(edge, at));
  }

  /** Caller: every record is settled. */
  messages(): HolderValues[] {
    const said = new Map<string, HolderValues & { held: string[]; gone: string[] }>();
    for (const [name, working] of this.#counts) {
      const { at, edge, before, count } = working;
      if (before > 0 === count > 0 && !this.#resent.has(name)) continue;
      const { predicateId, target, value } = at;
      const key = `${predicateId} ${target}`;
      let message = said.get(key);
      if (!message) {
        message = { kind: 'holder-values', edge, target, predicateId, held: [], gone: [] };
        said.set(key, message);
      }
      (count > 0 ? message.held : message.gone).push(value);
    }
    return [...said.values()];
  }

  #count(edge: number, at: ValueAt): WorkingCount {
    const name = nameOf(at);
    let working = this.#counts.get(name);
    if (!working) {
      const before = this.#rows.valueCount(at);
      this.#counts.set(name, (working = { at, edge, before, count: before }));
    }
    return working;
  }

  // ——— At the target ———

  /** Takes in whether holders of another partition have the value. */
  hear(at: ValueAt, from: number, isHeld: boolean): void {
    const working = this.#sourcesOf(at);
    const { sources } = working;
    if (sources.includes(from) === isHeld) return;
    working.sources = isHeld
      ? [...sources, from].sort((a, b) => a - b)
      : sources.filter((source) => source !== from);
    if (sources.length > 0 === working.sources.length > 0) return;
    this.#total(at.predicateId, at.target).total += isHeld ? 1 : -1;
  }

  /** How many different values there are. */
  total(predicateId: number, target: string): number {
    return this.#total(predicateId, target).total;
  }

  #sourcesOf(at: ValueAt): WorkingSources {
    const name = nameOf(at);
    let working = this.#sources.get(name);
    if (!working) {
      const before = this.#rows.valueSources(at);
      this.#sources.set(name, (working = { at, before, sources: before }));
    }
    return working;
  }

  #total(predicateId: number, target: string): WorkingTotal {
    const name = `${predicateId} ${target}`;
    let working = this.#totals.get(name);
    if (!working) {
      const before = this.#rows.valueTotal(predicateId, target);
      this.#totals.set(name, (working = { predicateId, target, before, total: before }));
    }
    return working;
  }

  effects(): ValueEffects {
    return {
      valueCounts: [...this.#counts.values()]
        .filter(({ before, count }) => before !== count)
        .map(({ at, count }) => ({ ...at, count })),
      valueSources: [...this.#sources.values()]
        .filter(({ before, sources }) => before !== sources)
        .map(({ at, sources }) => ({ ...at, sources })),
      valueTotals: [...this.#totals.values()]
        .filter(({ before, total }) => before !== total)
        .map(({ predicateId, target, total }) => ({ predicateId, target, total })),
    };
  }
}
