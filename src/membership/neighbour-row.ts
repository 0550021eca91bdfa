/**
 * neighbour-row.ts – What a partition knows of the records at the other end of an edge.
 *
 * Keeps true: rows are plain JSON and never edited. A neighbour row lies with the holders: what the
 * target exports, as last heard, and what the local holders add up to. A related row lies with the
 * target: per source partition what its holders add up to, as last heard; a source that is in it is
 * subscribed. All of it is state, so that a message that repeats changes nothing. A row that is
 * written holds nothing of exports that were given up: else it would grow with every edit of a
 * segment.
 */

import { assert } from '../errors.ts';

/** What a live target shows to its holders: the exported predicates that hold of it, and the numbers that are asked for. */
export interface Exported {
  /** Ascending. */
  readonly truth: readonly number[];
  /** By exported ordinal: the value of its attribute. */
  readonly values: Readonly<Record<string, number>>;
}

/** What holders add up to, by exported ordinal; what is 0 or empty is left out. */
export interface Aggregate {
  readonly counts: Readonly<Record<string, number>>;
  /** Trillionths as a decimal text (exact-sum.ts), and how many holders have a value. */
  readonly sums: Readonly<Record<string, readonly [trillionths: string, values: number]>>;
  readonly lows: Readonly<Record<string, number>>;
  readonly highs: Readonly<Record<string, number>>;
}

export const NO_AGGREGATE: Aggregate = { counts: {}, sums: {}, lows: {}, highs: {} };

/** `exported`: undefined while the target has not answered, null if it is absent or archived. */
export interface NeighbourRow {
  readonly exported?: Exported | null;
  readonly local: Aggregate;
}

export const UNKNOWN_NEIGHBOUR: NeighbourRow = { local: NO_AGGREGATE };

/** By source partition. */
export type RelatedRow = Readonly<Record<string, Aggregate>>;

export const NOT_RELATED: RelatedRow = {};

/** What all source partitions' holders add up to for one ordinal. */
export interface Total {
  readonly count: number;
  readonly trillionths: bigint;
  readonly values: number;
  readonly low: number | undefined;
  readonly high: number | undefined;
}

export function totalOf(aggregates: Iterable<Aggregate>, ordinal: number): Total {
  let [count, trillionths, values] = [0, 0n, 0];
  let low: number | undefined;
  let high: number | undefined;
  for (const aggregate of aggregates) {
    count += aggregate.counts[ordinal] ?? 0;
    const sum = aggregate.sums[ordinal];
    if (sum) {
      trillionths += BigInt(sum[0]);
      values += sum[1];
    }
    const [partLow, partHigh] = [aggregate.lows[ordinal], aggregate.highs[ordinal]];
    if (partLow !== undefined && (low === undefined || partLow < low)) low = partLow;
    if (partHigh !== undefined && (high === undefined || partHigh > high)) high = partHigh;
  }
  return { count, trillionths, values, low, high };
}

/** Adds to a count, and to the sum of those that have a value; `sign` is 1 or -1. */
export function addToAggregate(
  aggregate: Aggregate,
  ordinal: number,
  sign: 1 | -1,
  trillionths: bigint | undefined,
): Aggregate {
  const counts = withNumber(aggregate.counts, ordinal, (aggregate.counts[ordinal] ?? 0) + sign);
  if (trillionths === undefined) return { ...aggregate, counts };
  const [sum, values] = aggregate.sums[ordinal] ?? ['0', 0];
  const sums = { ...aggregate.sums };
  if (values + sign === 0) delete sums[ordinal];
  else sums[ordinal] = [String(BigInt(sum) + BigInt(sign) * trillionths), values + sign];
  return { ...aggregate, counts, sums };
}

/** Sets the lowest and the highest value of an ordinal; undefined: there is none. */
export function withExtremes(
  aggregate: Aggregate,
  ordinal: number,
  low: number | undefined,
  high: number | undefined,
): Aggregate {
  const { lows, highs } = aggregate;
  return { ...aggregate, lows: withOptional(lows, ordinal, low), highs: withOptional(highs, ordinal, high) };
}

function withNumber(record: Readonly<Record<string, number>>, ordinal: number, value: number): Record<string, number> {
  return withOptional(record, ordinal, value === 0 ? undefined : value);
}

function withOptional(
  record: Readonly<Record<string, number>>,
  ordinal: number,
  value: number | undefined,
): Record<string, number> {
  const result = { ...record };
  if (value === undefined) delete result[ordinal];
  else result[ordinal] = value;
  return result;
}

/** Which exported ordinals there are over an edge. */
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
  const isAll = left.counts === counts && left.sums === sums && left.lows === lows && left.highs === highs;
  return isAll ? aggregate : left;
}

export function keptExported(exported: Exported | null | undefined, kept: Kept): Exported | null | undefined {
  if (!exported) return exported;
  const values = keptFields(exported.values, kept);
  if (values === exported.values && exported.truth.every((ordinal) => kept.has(ordinal))) return exported;
  return { truth: exported.truth.filter((ordinal) => kept.has(ordinal)), values };
}

export function keptNeighbour(row: NeighbourRow, kept: Kept): NeighbourRow {
  const [exported, local] = [keptExported(row.exported, kept), keptAggregate(row.local, kept)];
  if (exported === row.exported && local === row.local) return row;
  return exported === undefined ? { local } : { exported, local };
}

export function keptRelated(row: RelatedRow, kept: Kept): RelatedRow {
  const parts = Object.entries(row).map(([from, part]) => [from, part, keptAggregate(part, kept)] as const);
  if (parts.every(([, part, left]) => part === left)) return row;
  return Object.fromEntries(parts.map(([from, , left]) => [from, left]));
}

function keptFields<T>(record: Readonly<Record<string, T>>, kept: Kept): Readonly<Record<string, T>> {
  for (const name in record) {
    if (!kept.has(Number(name)))
      return Object.fromEntries(Object.entries(record).filter(([ordinal]) => kept.has(Number(ordinal))));
  }
  return record;
}

/** Whether nobody holds the target: every holder counts for the anchor. */
export function isNothing({ counts }: Aggregate, anchor: number): boolean {
  return counts[anchor] === undefined;
}

export function sameAggregate(a: Aggregate, b: Aggregate): boolean {
  return a === b || JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

/** Integer-like names are in ascending order in every object, whoever built it. */
function sorted({ counts, sums, lows, highs }: Aggregate): unknown {
  return [counts, sums, lows, highs];
}

export function sameExported(a: Exported | null | undefined, b: Exported | null | undefined): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

export function packRow(row: NeighbourRow | RelatedRow): string {
  return JSON.stringify(row);
}

export function unpackNeighbour(stored: string | null | undefined): NeighbourRow {
  const row = stored ? (JSON.parse(stored) as NeighbourRow) : UNKNOWN_NEIGHBOUR;
  assert(row?.local?.counts, `a neighbour row says what holders add up to, this is '${stored?.slice(0, 20)}'`);
  return row;
}

export function unpackRelated(stored: string | null | undefined): RelatedRow {
  const row = stored ? (JSON.parse(stored) as RelatedRow) : NOT_RELATED;
  const isRow = Object.values(row ?? { none: undefined }).every((part) => part?.counts);
  assert(isRow, `a related row says what each source adds up to, this is '${stored?.slice(0, 20)}'`);
  return row;
}
