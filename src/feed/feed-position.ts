/**
 * feed-position.ts – Where a reader stands in the feed of a partition, and where it goes on after
 * the partition was rolled back.
 *
 * Keeps true: an entry of a feed is one commit, named by its clock and its number, neither of which
 * ever falls but by a roll-back. So a position may also name a commit that has no entry: everything
 * up to it was told. A roll-back begins an epoch; a position of an older one goes on where the
 * partition was rolled back to, and never beyond its last commit.
 */

/** Names a commit of a partition, and its entry if it has one: `<ms>-<number>`. */
export interface FeedMark {
  readonly ms: number;
  readonly number: number;
}

export interface FeedPosition extends FeedMark {
  /** How many events of this entry were told; 0: all of them. Those of entries before it were. */
  readonly taken: number;
  readonly epoch: number;
}

/** Positions by partition; undefined: before the oldest entry that is kept. */
export type FeedPositions = readonly (FeedPosition | undefined)[];

/** A roll-back of a partition. */
export interface FeedRollBack {
  readonly epoch: number;
  /** The last commit that was still there. */
  readonly from: FeedMark;
}

/** What a partition says of its feed, at one instant. */
export interface FeedBounds {
  /** The last commit. */
  readonly end: FeedMark;
  /** The last entry that is not kept any more. */
  readonly trimmed: FeedMark;
  /** The last entry that was told, kept or not. */
  readonly last: FeedMark;
  /** In their order; those of long ago may be told together as one. */
  readonly epochs: readonly FeedRollBack[];
}

/** Negative if `a` comes first. */
export function compareMarks(a: FeedMark, b: FeedMark): number {
  return a.ms - b.ms || a.number - b.number;
}

/** Whether `a` was told of more than `b`. What is of a later epoch is told anew. */
export function isBeyond(a: FeedPosition | undefined, b: FeedPosition | undefined): boolean {
  if (!a || !b) return a !== undefined;
  const order = a.epoch - b.epoch || compareMarks(a, b);
  return order > 0 || (order === 0 && (a.taken || Infinity) > (b.taken || Infinity));
}

/** After the last commit: what a reader is told from now on. */
export function endOf({ end, epochs }: FeedBounds): FeedPosition {
  return { ...end, taken: 0, epoch: latest(epochs) };
}

/** Where a reader goes on: the same position unless the partition was rolled back behind it. */
export function resumed(
  position: FeedPosition | undefined,
  { end, epochs }: FeedBounds,
): FeedPosition | undefined {
  if (!position) return undefined;
  const rolledBackTo = epochs.filter(({ epoch }) => epoch > position.epoch);
  // A roll-back that nobody has noticed yet shows by a position beyond the last commit.
  const bounds = [...rolledBackTo.map(({ from }) => from), end];
  const lowest = bounds.reduce((a, b) => (compareMarks(a, b) <= 0 ? a : b));
  const epoch = latest(epochs);
  if (compareMarks(position, lowest) > 0) return { ...lowest, taken: 0, epoch };
  return epoch === position.epoch ? position : { ...position, epoch };
}

/** Whether entries after the position are not kept any more. */
export function isExpired(position: FeedPosition | undefined, { trimmed }: FeedBounds): boolean {
  if (!position) return false;
  const order = compareMarks(position, trimmed);
  return order < 0 || (order === 0 && position.taken > 0);
}

/** Entries as they were read after a position. */
interface ReadEntries extends FeedBounds {
  readonly entries: readonly { readonly mark: FeedMark; readonly after: FeedMark }[];
  /** Whether no entry followed these. */
  readonly isEnd: boolean;
}

/**
 * How many of the entries follow each other, from a position on: each names the one before it. What
 * another program has taken away leaves a gap; undefined: there is none.
 */
export function untilGap(
  position: FeedPosition | undefined,
  { entries, isEnd, last }: ReadEntries,
): number | undefined {
  const [first] = entries;
  // Without a position whatever there is comes first.
  let told: FeedMark | undefined = position ?? first?.after;
  if (position && position.taken > 0 && !(first && compareMarks(first.mark, position) === 0))
    return 0;
  for (const [at, { mark, after }] of entries.entries()) {
    if (told && compareMarks(after, told) > 0) return at;
    told = mark;
  }
  return isEnd && told && compareMarks(last, told) > 0 ? entries.length : undefined;
}

function latest(epochs: readonly FeedRollBack[]): number {
  return epochs.at(-1)?.epoch ?? 0;
}
