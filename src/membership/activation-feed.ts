/**
 * activation-feed.ts – What one commit has for activations: one entry of the partition's stream
 * `activations`.
 *
 * Keeps true: who is told is written down with the flip, by the catalog version at which it was
 * committed, so that an edit or a switch that comes before the entry is read neither adds nor loses
 * anybody. Unlike the feed, the stream is not trimmed by its length: an entry stays until its
 * events are queued (jobs/webhook-emitter.ts).
 */
import { entered, type Flip, flippedPredicateId } from '../query/network/network.ts';
import { pairs } from '../redis/pairs.ts';

interface FlippedRecord {
  readonly objectType: string;
  readonly id: string;
  readonly liveFlips: readonly Flip[];
}

/** A record that entered or left what an activation is of. */
export interface ActivationFlip {
  readonly activation: string;
  readonly objectType: string;
  readonly id: string;
  readonly entered: boolean;
  /** Its place in the entry: with the entry's id it names the event for ever. */
  readonly index: number;
}

export interface ActivationEntry {
  readonly at: number;
  /** The catalog version of the commit. */
  readonly version: number;
  readonly flips: readonly ActivationFlip[];
}

/**
 * As it is stored: `flips` are object type, id, flip; `followers` the ids of activations by
 * predicate id.
 */
interface Packed {
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
  const packed: Packed = { at, version, followers: followed, flips };
  return [FIELD, JSON.stringify(packed)];
}

export function readActivations(fields: readonly string[]): ActivationEntry {
  const { at, version, followers, flips } = JSON.parse(pairs(fields).get(FIELD) ?? '{}') as Packed;
  const told = flips.flatMap(([objectType, id, flip], index) =>
    (followers[flippedPredicateId(flip)] ?? []).map((activation) => ({
      activation,
      objectType,
      id,
      entered: entered(flip),
      index,
    })),
  );
  return { at, version, flips: told };
}
