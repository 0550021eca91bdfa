/**
 * value-rows.ts – The rows of different values that a step may look at: which are asked for, and
 * which were answered.
 *
 * Keeps true: reading a row that was not asked for is a bug, never "there is none". Rows are asked
 * for by predicate, each once; nothing is asked where no predicate keeps values.
 */

import { nameOf, type TargetValue, type ValueAt } from '../membership/value-key.ts';
import { type EdgeRows, notLoaded, type TotalsOf, type ValuesOf } from './requests.ts';
import type { ValueRows } from './step-values.ts';

export class AskedValues {
  readonly #counts = new AskedByPredicate();
  readonly #sources = new AskedByPredicate();
  readonly #totals = new Map<number, Set<string>>();

  /** How many local holders have the value. */
  count(at: ValueAt): void {
    this.#counts.add(at);
  }

  /** Which partitions have it, at its target; and how many different ones there are. */
  sources(at: ValueAt): void {
    this.#sources.add(at);
    this.total(at.predicateId, at.target);
  }

  total(predicateId: number, target: string): void {
    const targets = this.#totals.get(predicateId);
    if (targets) targets.add(target);
    else this.#totals.set(predicateId, new Set([target]));
  }

  /** The requests to the store. */
  requests(): {
    readonly valueCounts: readonly ValuesOf[];
    readonly valueSources: readonly ValuesOf[];
    readonly valueTotals: readonly TotalsOf[];
  } {
    const totals = [...this.#totals].map(([predicateId, targets]) => ({
      predicateId,
      targets: [...targets],
    }));
    return {
      valueCounts: this.#counts.requests(),
      valueSources: this.#sources.requests(),
      valueTotals: totals,
    };
  }

  get isEmpty(): boolean {
    return this.#counts.isEmpty && this.#totals.size === 0;
  }
}

/** Values by predicate, each once. */
class AskedByPredicate {
  readonly #asked = new Map<number, Map<string, TargetValue>>();

  get isEmpty(): boolean {
    return this.#asked.size === 0;
  }

  add(at: ValueAt): void {
    const { predicateId, target, value } = at;
    let values = this.#asked.get(predicateId);
    if (!values) this.#asked.set(predicateId, (values = new Map()));
    values.set(nameOf(at), { target, value });
  }

  requests(): ValuesOf[] {
    return [...this.#asked].map(([predicateId, values]) => ({
      predicateId,
      values: [...values.values()],
    }));
  }
}

/** The rows of a step for which none were asked for. */
export const NOT_LOADED: ValueRows = loadedValues(
  { valueCounts: [], valueSources: [], valueTotals: [] },
  { valueCounts: [], valueSources: [], valueTotals: [] },
);

type Answered = Pick<EdgeRows, 'valueCounts' | 'valueSources' | 'valueTotals'>;

/** The answers of the store, to be looked up. */
export function loadedValues(
  { valueCounts, valueSources, valueTotals }: ReturnType<AskedValues['requests']>,
  answered: Answered,
): ValueRows {
  const counts = lookUp(valueCounts, answered.valueCounts);
  const sources = lookUp(valueSources, answered.valueSources);
  const totals = new Map(
    valueTotals.flatMap(({ predicateId, targets }, nth) =>
      targets.map((target, at) => [`${predicateId} ${target}`, answered.valueTotals[nth]![at]!]),
    ),
  );
  return {
    valueCount: (at) => counts(at) ?? notLoaded('the count of a value', at.predicateId, at.target),
    valueSources: (at) =>
      sources(at) ?? notLoaded('the sources of a value', at.predicateId, at.target),
    valueTotal: (predicateId, target) =>
      totals.get(`${predicateId} ${target}`) ??
      notLoaded('the number of values', predicateId, target),
  };
}

function lookUp<T>(
  asked: readonly ValuesOf[],
  answered: readonly (readonly T[])[],
): (at: ValueAt) => T | undefined {
  const found = new Map<string, T>();
  for (const [nth, { predicateId, values }] of asked.entries())
    for (const [at, value] of values.entries())
      found.set(nameOf({ predicateId, ...value }), answered[nth]![at]!);
  return (at) => found.get(nameOf(at));
}
