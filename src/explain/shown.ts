/**
 * shown.ts – Values as an explanation shows them, and the related records that decide a condition.
 *
 * Keeps true: what is shown has a bounded size, whatever records hold. Related records illustrate:
 * those that decide come first, and of these the one that the clock turns first.
 */

import { compareIds } from '../change/id-order.ts';
import { isObject } from '../change/object-type.ts';
import { recordTitle } from '../change/record-title.ts';
import type { Predicate } from '../query/predicate/predicate.ts';
import { predicateAttributes, readsClock } from '../query/predicate/statement.ts';
import { shortened } from '../query/words/names.ts';
import type { RelatedShown } from './explanation.ts';
import { type NextFlip, searchFlips } from './flip-search.ts';
import { type NearbyRecords, OutOfRoom, type Place, Unknown } from './nearby-records.ts';

const RELATED_MAX = 20;
/** Related records of which it is found out when the clock turns them. */
const RANKED_MAX = 200;
const TEXT_MAX = 500;
const ITEMS_MAX = 50;
const ATTRIBUTES_MAX = 10;

/** A value of a record, cut to a size that can be shown; null: there is none. */
export function shownValue(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return shortened(value, TEXT_MAX);
  if (Array.isArray(value)) return value.slice(0, ITEMS_MAX).map(shownValue);
  return isObject(value) ? shortened(JSON.stringify(value), TEXT_MAX) : value;
}

/** What is asked of each of many related records. */
export interface AskedOfEach {
  readonly where: Predicate;
  /** The attribute that is measured. */
  readonly measured: string | undefined;
  /** Whether those decide of which it does not hold. */
  readonly decideIfNot: boolean;
  /** Whether the lowest measured value decides, instead of the highest. */
  readonly isLowest: boolean;
}

/** At most RELATED_MAX of the places, those that decide first. @throws OverBudget */
export function relatedShown(
  places: readonly Place[],
  asked: AskedOfEach,
  nearby: NearbyRecords,
  nowMs: number,
): RelatedShown[] {
  const { where, measured, decideIfNot, isLowest } = asked;
  const known = places.flatMap((place) => {
    const passed = truthIfKnown(where, place, nearby, nowMs);
    return passed === undefined ? [] : [{ place, passed }];
  });
  const isTimed = readsClock(where);
  const weight = ({ place: { standpoint } }: { place: Place }) => {
    const value = measured === undefined ? undefined : standpoint.data[measured];
    return typeof value === 'number' ? (isLowest ? value : -value) : Number.POSITIVE_INFINITY;
  };
  const ranked = known
    .map((one) => ({ ...one, weight: weight(one), decides: one.passed !== decideIfNot }))
    .sort(
      (a, b) =>
        Number(b.decides) - Number(a.decides) ||
        compared(a.weight, b.weight) ||
        compareIds(a.place.id, b.place.id),
    )
    .slice(0, isTimed && measured === undefined ? RANKED_MAX : RELATED_MAX)
    .map((one) => ({
      ...one,
      flips: isTimed ? flipOf(where, one.place, nearby, nowMs) : undefined,
    }));
  if (measured === undefined && isTimed)
    ranked.sort(
      (a, b) =>
        Number(b.decides) - Number(a.decides) || compared(momentOf(a.flips), momentOf(b.flips)),
    );
  const attributes = predicateAttributes(where);
  const names = [...new Set([...(measured === undefined ? [] : [measured]), ...attributes])];
  return ranked.slice(0, RELATED_MAX).map(({ place, passed, flips }) => ({
    ...named(place),
    passed,
    seen: seenOf(place, names),
    ...(flips ? { flips } : {}),
  }));
}

/** A related record by its name. */
export function named({ type, id, standpoint }: Place) {
  return { objectType: type.name, id, title: recordTitle(type, id, standpoint.data) };
}

export function seenOf({ standpoint }: Place, names: readonly string[]): Record<string, unknown> {
  const shown = names.slice(0, ATTRIBUTES_MAX);
  return Object.fromEntries(shown.map((name) => [name, shownValue(standpoint.data[name])]));
}

function truthIfKnown(
  where: Predicate,
  place: Place,
  nearby: NearbyRecords,
  nowMs: number,
): boolean | undefined {
  try {
    return nearby.truth(where, place, nowMs);
  } catch (error) {
    if (error instanceof Unknown || error instanceof OutOfRoom) return undefined;
    throw error;
  }
}

function flipOf(
  predicate: Predicate,
  place: Place,
  nearby: NearbyRecords,
  nowMs: number,
): NextFlip {
  const truth = (atMs: number) => nearby.truth(predicate, place, atMs);
  const condition = { predicate, place, truth };
  return searchFlips([condition], ([holds]) => holds === true, nearby, nowMs).whole;
}

function momentOf(flip: NextFlip | undefined): number {
  return flip?.kind === 'at' ? flip.atMs : Number.POSITIVE_INFINITY;
}

/** Infinity is as far as infinity. */
function compared(a: number, b: number): number {
  return a === b ? 0 : a - b;
}
