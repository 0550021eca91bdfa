/**
 * activation-feed.ts – What commits have for activations, until it is in the lanes of its webhooks.
 *
 * Keeps true: an entry stays in its partition's feed until it is dropped here, so that a crash in
 * between makes the next reader see it again. Nothing but that bounds a feed.
 */

/** A record that entered or left what an activation is of. */
export interface ActivationFlip {
  readonly activation: string;
  readonly objectType: string;
  readonly id: string;
  readonly entered: boolean;
  /** Its position in the entry: with the entry's id it names the event for ever. */
  readonly index: number;
}

/** What one commit has for activations. */
export interface ActivationEntry {
  readonly id: string;
  readonly at: number;
  /** The catalog version of the commit. */
  readonly version: number;
  readonly flips: readonly ActivationFlip[];
}

/** The feeds of all partitions. Caller: `start` before entries come, `stop` at the end. */
export interface ActivationFeed {
  start(): void;
  stop(): Promise<void>;
  /** From now on `onEntries` gets all that the feed holds, in order, and what is added to it. */
  follow(partition: number, onEntries: (entries: readonly ActivationEntry[]) => void): void;
  unfollow(partition: number): void;
  /** Brings no more until `resume`: the follower has enough to do. */
  pause(partition: number): void;
  resume(partition: number): void;
  /** Drops the entries up to this one, itself included. */
  dropThrough(partition: number, entry: string): Promise<void>;
  /** Entries in the feeds of all partitions. */
  size(): Promise<number>;
}
