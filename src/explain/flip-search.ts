/**
 * flip-search.ts – Moves the clock from one moment to the next at which it turns a condition, and
 * tells when a filter and its conditions change.
 *
 * Keeps true: between two moments that are looked at nothing turns, so the first change that is
 * found is the first one there is, to the millisecond. The search is bounded: where it ends early
 * it says up to when nothing changes.
 */

import type { Aged, Predicate } from '../query/predicate/predicate.ts';
import { readsClock } from '../query/predicate/statement.ts';
import { leavesOf } from '../query/predicate/walk.ts';
import { type ClockReader, instantOf } from '../query/time/clock.ts';
import { clockReader } from '../query/time/clocks.ts';
import { keyOf, type NearbyRecords, OutOfRoom, type Place, Unknown } from './nearby-records.ts';

/** A condition that time moves. */
export interface TimedCondition {
  readonly predicate: Predicate;
  readonly place: Place;
  /** Its truth at a moment. @throws as `NearbyRecords.truth` */
  readonly truth: (nowMs: number) => boolean;
}

/** When something changes by the clock alone. */
export type NextFlip =
  | { readonly kind: 'at'; readonly atMs: number }
  | { readonly kind: 'never' }
  /** Nothing changes up to then; what comes after was not looked at. */
  | { readonly kind: 'searched'; readonly untilMs: number };

export const NEVER_FLIPS: NextFlip = { kind: 'never' };

/** Moments that one search looks at. */
const MOMENTS_MAX = 1000;
/** What four digits of a year can write. */
const LAST_MS = 253_402_300_799_999;

/**
 * When each condition changes first, and when what follows from all of them does.
 * `whole` is asked again whenever one has changed.
 */
export function searchFlips(
  conditions: readonly TimedCondition[],
  whole: (truths: readonly boolean[]) => boolean,
  nearby: NearbyRecords,
  fromMs: number,
): { readonly whole: NextFlip; readonly each: readonly NextFlip[] } {
  const each: (NextFlip | undefined)[] = conditions.map(() => undefined);
  let found: NextFlip | undefined;
  let nowMs = fromMs;
  try {
    const ticking = conditions.map((condition) => new Ticking(condition, nearby, fromMs));
    const before = conditions.map(({ truth }) => truth(fromMs));
    const truths = [...before];
    const first = whole(truths);
    for (let moments = 0; moments < MOMENTS_MAX; moments++) {
      const nextMs = Math.min(LAST_MS + 1, ...ticking.map((one) => one.nextMs));
      const isOver = found !== undefined && each.every((flip) => flip !== undefined);
      if (nextMs > LAST_MS || isOver) return settled(found, each, NEVER_FLIPS);
      for (const [at, one] of ticking.entries()) {
        if (one.nextMs !== nextMs) continue;
        one.advance(nextMs);
        truths[at] = conditions[at]!.truth(nextMs);
        if (truths[at] !== before[at]) each[at] ??= { kind: 'at', atMs: nextMs };
      }
      nowMs = nextMs;
      if (whole(truths) !== first) found ??= { kind: 'at', atMs: nextMs };
    }
  } catch (error) {
    if (!(error instanceof Unknown || error instanceof OutOfRoom)) throw error;
    nowMs = Math.max(fromMs, nowMs - 1);
  }
  return settled(found, each, { kind: 'searched', untilMs: nowMs });
}

function settled(
  found: NextFlip | undefined,
  each: readonly (NextFlip | undefined)[],
  otherwise: NextFlip,
) {
  return { whole: found ?? otherwise, each: each.map((flip) => flip ?? otherwise) };
}

/** All moments at which something within a condition turns. */
class Ticking {
  readonly #hands: readonly Hand[];
  nextMs: number;

  /** @throws Unknown if it looks at more neighbours than are held */
  constructor({ predicate, place }: TimedCondition, nearby: NearbyRecords, nowMs: number) {
    this.#hands = [...handsWithin(predicate, place, nearby, new Map())];
    this.nextMs = this.#moveTo(nowMs);
  }

  advance(nowMs: number): void {
    this.nextMs = this.#moveTo(nowMs);
  }

  #moveTo(nowMs: number): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const hand of this.#hands) {
      if (hand.nextMs <= nowMs) hand.nextMs = nextOf(hand, nowMs);
      if (hand.nextMs < nextMs) nextMs = hand.nextMs;
    }
    return nextMs;
  }
}

/** One condition on the age of one value. */
interface Hand {
  readonly valueMs: number;
  readonly reader: ClockReader;
  /** The ages at which it begins or ends to hold, ascending. */
  readonly ages: readonly number[];
  nextMs: number;
}

function nextOf({ valueMs, reader, ages }: Hand, nowMs: number): number {
  const turning = {
    next: (age: number) => ages.find((each) => each > age),
    cross: () => {},
  };
  return reader.nextFlip(turning, valueMs, nowMs) ?? Number.POSITIVE_INFINITY;
}

/** Circles of relationships lead to the same place by the same condition again: once is enough. */
function* handsWithin(
  predicate: Predicate,
  place: Place,
  nearby: NearbyRecords,
  visited: Map<Predicate, Set<Place>>,
): Generator<Hand> {
  const seen = visited.get(predicate) ?? new Set();
  visited.set(predicate, seen);
  if (seen.has(place)) return;
  seen.add(place);
  for (const leaf of leavesOf(predicate)) {
    if (leaf.kind === 'age') {
      const hand = handOf(leaf, place);
      if (hand) yield hand;
    } else if (leaf.kind === 'edge' && readsClock(leaf.where)) {
      const hop = nearby.hopOf(leaf);
      const around = place.around.get(keyOf(hop));
      if (!around?.isWhole) throw new Unknown(hop);
      for (const there of around.places) yield* handsWithin(leaf.where, there, nearby, visited);
    }
  }
}

function handOf({ attribute, clock, intervals }: Aged, { standpoint }: Place): Hand | undefined {
  const valueMs = instantOf(standpoint.data[attribute]);
  if (valueMs === undefined) return undefined;
  const ends = intervals.flatMap(({ low, high }) => [low, high]);
  const ages = ends.filter((end) => end !== null).map(Number);
  return {
    valueMs,
    reader: clockReader(clock),
    ages: ages.sort((a, b) => a - b),
    nextMs: Number.NEGATIVE_INFINITY,
  };
}
