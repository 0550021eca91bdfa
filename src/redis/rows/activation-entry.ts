/**
 * activation-entry.ts – The events of one commit for activations, as an entry of a partition's
 * stream.
 *
 * Keeps true: the receivers are written down with the flip, by the catalog version at which it was
 * committed. An edit or a switch that comes before the entry is read neither adds nor loses a
 * receiver.
 */
import { CAUSE_NAMES, type CauseCode } from '../../change/cause.ts';
import type { ActivationTold } from '../../engine/partition-store.ts';
import type { ActivationEntry } from '../../jobs/activation-feed.ts';
import { pairs } from '../pairs.ts';

/**
 * As it is stored: `followers` are lists of ids of activations; the last number of a flip is the
 * index of its list.
 */
interface PackedActivations {
  readonly at: number;
  readonly version: number;
  readonly followers: readonly (readonly string[])[];
  readonly flips: readonly PackedFlip[];
}

type PackedFlip = readonly [
  objectType: string,
  id: string,
  enters: 0 | 1,
  cause: CauseCode,
  followers: number,
];

const FIELD = 'e';

/** The fields of an entry; none if no activation follows what flipped. */
export function packActivations(
  at: number,
  version: number,
  told: readonly ActivationTold[],
): string[] {
  if (told.length === 0) return [];
  const places = new Map<readonly string[], number>();
  const flips = told.map(([objectType, id, enters, cause, activations]): PackedFlip => {
    let place = places.get(activations);
    if (place === undefined) places.set(activations, (place = places.size));
    return [objectType, id, enters ? 1 : 0, cause, place];
  });
  const packed: PackedActivations = { at, version, followers: [...places.keys()], flips };
  return [FIELD, JSON.stringify(packed)];
}

/** An entry as it was packed; its id is the stream's. */
export function readActivations(id: string, fields: readonly string[]): ActivationEntry {
  const { at, version, followers, flips } = JSON.parse(
    pairs(fields).get(FIELD) ?? '{}',
  ) as PackedActivations;
  const sent = flips.flatMap(([objectType, id, enters, cause, place], index) =>
    (followers[place] ?? []).map((activation) => ({
      activation,
      objectType,
      id,
      entered: enters === 1,
      cause: CAUSE_NAMES[cause]!,
      index,
    })),
  );
  return { id, at, version, flips: sent };
}
