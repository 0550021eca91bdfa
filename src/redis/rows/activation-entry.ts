/**
 * activation-entry.ts – The events of one commit for activations, as an entry of a partition's
 * stream.
 *
 * Keeps true: the receivers are written down with the flip, by the catalog version at which it was
 * committed. An edit or a switch that comes before the entry is read neither adds nor loses a
 * receiver.
 */
import type { ActivationEntry } from '../../jobs/activation-feed.ts';
import { entered, type Flip, flippedPredicateId } from '../../query/network/network.ts';
import { pairs } from '../pairs.ts';

interface FlippedRecord {
  readonly objectType: string;
  readonly id: string;
  readonly liveFlips: readonly Flip[];
}

/**
 * As it is stored: `flips` are object type, id, flip; `followers` the ids of activations by
 * predicate id.
 */
interface PackedActivations {
  readonly at: number;
  readonly version: number;
  readonly followers: Readonly<Record<string, readonly string[]>>;
  readonly flips: readonly (readonly [objectType: string, id: string, flip: Flip])[];
}

const FIELD = 'e';

/** The fields of an entry; none if no activation follows what flipped. */
export function packActivations(
  at: number,
  version: number,
  records: readonly FlippedRecord[],
  followers: ReadonlyMap<number, readonly string[]>,
): string[] {
  if (followers.size === 0) return [];
  const followed: Record<string, readonly string[]> = {};
  const flips: [string, string, Flip][] = [];
  for (const { objectType, id, liveFlips } of records) {
    for (const flip of liveFlips) {
      const predicateId = flippedPredicateId(flip);
      const activations = followers.get(predicateId);
      if (!activations) continue;
      followed[predicateId] = activations;
      flips.push([objectType, id, flip]);
    }
  }
  if (flips.length === 0) return [];
  const packed: PackedActivations = { at, version, followers: followed, flips };
  return [FIELD, JSON.stringify(packed)];
}

/** An entry as it was packed; its id is the stream's. */
export function readActivations(id: string, fields: readonly string[]): ActivationEntry {
  const { at, version, followers, flips } = JSON.parse(
    pairs(fields).get(FIELD) ?? '{}',
  ) as PackedActivations;
  const sent = flips.flatMap(([objectType, id, flip], index) =>
    (followers[flippedPredicateId(flip)] ?? []).map((activation) => ({
      activation,
      objectType,
      id,
      entered: entered(flip),
      index,
    })),
  );
  return { id, at, version, flips: sent };
}
