/**
 * followed.ts – What a partition's feed goes by for each segment, as a field of `followed`.
 *
 * Keeps true: a field that another program has overwritten counts as none, and the feed of that
 * segment begins anew.
 */
import type { CauseCode } from '../../change/cause.ts';
import type { Followed } from '../../engine/partition-feed.ts';

/** `predicate`, or during a run `predicate from cause run`. */
export function packFollowed({ predicateId, edit }: Followed): string {
  return edit ? `${predicateId} ${edit.from} ${edit.cause} ${edit.run}` : String(predicateId);
}

/** Names and values of the whole hash, in turn. */
export function readFollowed(flat: readonly string[]): Map<number, Followed> {
  const followed = new Map<number, Followed>();
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const [predicateId, from, cause, run] = flat[at + 1]!.split(' ').map(Number);
    if (!Number.isInteger(predicateId)) continue;
    followed.set(
      Number(flat[at]),
      run === undefined
        ? { predicateId: predicateId! }
        : { predicateId: predicateId!, edit: { from: from!, cause: cause as CauseCode, run } },
    );
  }
  return followed;
}
