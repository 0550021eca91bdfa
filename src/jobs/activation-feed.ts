/**
 * activation-feed.ts – The port that holds the events of commits for activations, until they are in
 * the lanes of their webhooks.
 *
 * Keeps true: an entry stays in its partition's feed until it is dropped here, so that a crash in
 * between makes the next reader see it again. Nothing but that bounds a feed.
 */

import type { Cause } from '../change/cause.ts';

/** A record that entered or left what an activation is of. */
export interface ActivationFlip {
  readonly activation: string;
  readonly objectType: string;
  readonly id: string;
  readonly entered: boolean;
  readonly cause: Cause;
  /** Its position in the entry: with the entry's id it names the event for ever. */
  readonly index: number;
}

/** The events of one commit for activations. */
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
