/**
 * neighbour-row.ts – The rows of a partition about the records at the other end of an edge.
 *
 * Keeps true: rows are plain JSON and never edited. A neighbour row lies with the holders: what the
 * target shows, as last received, and what the local holders add up to. A related row lies with the
 * target: per source partition what its holders add up to, as last received; a source that is in it
 * is subscribed.
 * All of it is state, so that a repeated message changes nothing. A written row leaves out shared
 * predicates that were given up: else it would grow with every edit of a segment.
 */
import { NOTHING, type Tally } from '../query/predicate/tally.ts';

/**
 * The state that a live target shows to its holders: the shared predicates that hold of it, and the
 * numbers that are asked for.
 */
export interface Shared {
  /** Ascending. */
  readonly truth: readonly number[];
  /** By shared predicate id: the value of its attribute, or its name (value-key.ts). */
  readonly values: Readonly<Record<string, number | string>>;
}

/** What holders add up to, by shared predicate id; what is 0 or empty is left out. */
export interface Aggregate {
  readonly counts: Readonly<Record<string, number>>;
  /** Trillionths as a decimal text (exact-sum.ts), and how many holders have a value. */
  readonly sums: Readonly<Record<string, readonly [trillionths: string, values: number]>>;
  readonly lows: Readonly<Record<string, number>>;
  readonly highs: Readonly<Record<string, number>>;
}

export const NO_AGGREGATE: Aggregate = { counts: {}, sums: {}, lows: {}, highs: {} };

/** `shared`: undefined while the target has not answered, null if it is absent or archived. */
export interface NeighbourRow {
  readonly shared?: Shared | null;
  readonly local: Aggregate;
}

export const UNKNOWN_NEIGHBOUR: NeighbourRow = { local: NO_AGGREGATE };

/** By source partition. */
export type RelatedRow = Readonly<Record<string, Aggregate>>;

export const NOT_RELATED: RelatedRow = {};

/** What all source partitions' holders add up to for one predicate id. */
export function tallyOf(aggregates: Iterable<Aggregate>, predicateId: number): Tally {
  let [count, trillionths, values] = [0, 0n, 0];
  let low: number | undefined;
  let high: number | undefined;
  for (const aggregate of aggregates) {
    count += aggregate.counts[predicateId] ?? 0;
    const sum = aggregate.sums[predicateId];
    if (sum) {
      trillionths += BigInt(sum[0]);
      values += sum[1];
    }
    const [partLow, partHigh] = [aggregate.lows[predicateId], aggregate.highs[predicateId]];
    if (partLow !== undefined && (low === undefined || partLow < low)) low = partLow;
    if (partHigh !== undefined && (high === undefined || partHigh > high)) high = partHigh;
  }
  return { ...NOTHING, count, trillionths, values, low, high };
}

/** One holder more (1) or less (-1) for a predicate id, and the value that it has, if one is asked. */
export interface Addition {
  readonly predicateId: number;
  readonly by: 1 | -1;
  readonly trillionths: bigint | undefined;
}

/** All at once: what holders add up to is copied, and may be as long as what is asked of them. */
export function addToAggregate(aggregate: Aggregate, additions: readonly Addition[]): Aggregate {
  if (additions.length === 0) return aggregate;
  const counts = { ...aggregate.counts };
  let { sums } = aggregate;
  for (const { predicateId, by, trillionths } of additions) {
    const count = (counts[predicateId] ?? 0) + by;
    if (count === 0) delete counts[predicateId];
    else counts[predicateId] = count;
    if (trillionths !== undefined) sums = withValue(sums, predicateId, by, trillionths);
  }
  return { ...aggregate, counts, sums };
}

function withValue(
  before: Aggregate['sums'],
  predicateId: number,
  by: 1 | -1,
  trillionths: bigint,
): Aggregate['sums'] {
  const [sum, values] = before[predicateId] ?? ['0', 0];
  const sums = { ...before };
  if (values + by === 0) delete sums[predicateId];
  else sums[predicateId] = [String(BigInt(sum) + BigInt(by) * trillionths), values + by];
  return sums;
}

/** Sets the lowest and the highest value of a predicate id; undefined: there is none. */
export function withExtremes(
  aggregate: Aggregate,
  predicateId: number,
  low: number | undefined,
  high: number | undefined,
): Aggregate {
  const { lows, highs } = aggregate;
  return {
    ...aggregate,
    lows: withOptional(lows, predicateId, low),
    highs: withOptional(highs, predicateId, high),
  };
}

function withOptional(
  record: Readonly<Record<string, number>>,
  predicateId: number,
  value: number | undefined,
): Record<string, number> {
  const result = { ...record };
  if (value === undefined) delete result[predicateId];
  else result[predicateId] = value;
  return result;
}

/** Which shared predicate ids there are over an edge. */
export type Kept = ReadonlySet<number>;

/** What was added up for the exports that there are; the very same object if that is all. */
export function keptAggregate(aggregate: Aggregate, kept: Kept): Aggregate {
  const { counts, sums, lows, highs } = aggregate;
  const left = {
    counts: keptFields(counts, kept),
    sums: keptFields(sums, kept),
    lows: keptFields(lows, kept),
    highs: keptFields(highs, kept),
  };
  const isAll =
    left.counts === counts && left.sums === sums && left.lows === lows && left.highs === highs;
  return isAll ? aggregate : left;
}

export function keptShared(
  shared: Shared | null | undefined,
  kept: Kept,
): Shared | null | undefined {
  if (!shared) return shared;
  const values = keptFields(shared.values, kept);
  if (values === shared.values && shared.truth.every((predicateId) => kept.has(predicateId)))
    return shared;
  return { truth: shared.truth.filter((predicateId) => kept.has(predicateId)), values };
}

export function keptNeighbour(row: NeighbourRow, kept: Kept): NeighbourRow {
  const [shared, local] = [keptShared(row.shared, kept), keptAggregate(row.local, kept)];
  if (shared === row.shared && local === row.local) return row;
  return shared === undefined ? { local } : { shared, local };
}

export function keptRelated(row: RelatedRow, kept: Kept): RelatedRow {
  const parts = Object.entries(row).map(
    ([from, part]) => [from, part, keptAggregate(part, kept)] as const,
  );
  if (parts.every(([, part, left]) => part === left)) return row;
  return Object.fromEntries(parts.map(([from, , left]) => [from, left]));
}

function keptFields<T>(
  record: Readonly<Record<string, T>>,
  kept: Kept,
): Readonly<Record<string, T>> {
  for (const name in record) {
    if (!kept.has(Number(name)))
      return Object.fromEntries(
        Object.entries(record).filter(([predicateId]) => kept.has(Number(predicateId))),
      );
  }
  return record;
}

/** Whether the target has no holder: every holder counts for the edge id. */
export function isNothing({ counts }: Aggregate, edgeId: number): boolean {
  return counts[edgeId] === undefined;
}

export function sameAggregate(a: Aggregate, b: Aggregate): boolean {
  return a === b || JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

/** Integer-like names are in ascending order in every object, however it was built. */
function sorted({ counts, sums, lows, highs }: Aggregate): unknown {
  return [counts, sums, lows, highs];
}

export function sameShared(a: Shared | null | undefined, b: Shared | null | undefined): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
