/**
 * participants.ts – The one list of what takes part in a partition's turns.
 *
 * Keeps true: each of them is recovered, asked for work, planned and informed of commits in this
 * order. To add one is one file and one line here.
 */
import { Channels } from './channels.ts';
import type { CoreLimits } from './core-limits.ts';
import { DueSweep } from './due-sweep.ts';
import { EdgeSweep } from './edge-sweep.ts';
import { Fanouts } from './fanouts.ts';
import { Intake } from './intake.ts';
import type { Participant } from './participant.ts';
import { PartitionBuilds } from './partition-builds.ts';
import { PartitionFeed } from './partition-feed.ts';
import { Resyncs } from './resyncs.ts';
import { RowCache } from './row-cache.ts';
import { Timers } from './timers.ts';
import { Tombstones } from './tombstones.ts';

/** The arguments that participants are made with. */
export interface Making {
  readonly limits: CoreLimits;
  readonly partitions: number;
  /** A number that is larger than any that it, or another owner's, has answered before. */
  readonly freshEpoch: () => number;
}

/** Makes all of them, with nothing recovered yet. The inbox comes first: its share is never cut. */
export function makeParticipants({ limits, partitions, freshEpoch }: Making) {
  return {
    intake: new Intake(limits),
    fanouts: new Fanouts(limits),
    builds: new PartitionBuilds(limits),
    feed: new PartitionFeed(limits),
    timers: new Timers(limits),
    dueSweep: new DueSweep(limits),
    tombstones: new Tombstones(limits),
    edgeSweep: new EdgeSweep(limits),
    resyncs: new Resyncs(limits),
    channels: new Channels(partitions, freshEpoch),
    cache: new RowCache(limits.cachedRowsMax),
  } satisfies Readonly<Record<string, Participant>>;
}

export type Participants = ReturnType<typeof makeParticipants>;
