/**
 * partition-feed.ts – What one partition tells of segments: who entered and left, and why.
 *
 * Keeps true: what flips is resolved to segments when it is committed, by the catalog of that
 * commit. So a reader of the feed, or of what waits for webhooks, needs no older catalog. A
 * predicate that several segments share gives one flip each.
 */
import { isView } from '../catalog/catalog.ts';
import type { CauseCode } from '../change/cause.ts';
import { STREAM_START } from '../change/entry-order.ts';
import { type FeedEvent, type FeedFlip, feedEntryId, feedFlip } from '../change/feed-event.ts';
import { pushTo } from '../multimap.ts';
import { entered, flippedPredicateId } from '../query/network/network.ts';
import type { CommitDraft } from './commit-draft.ts';
import type { Networks } from './networks.ts';
import type { Participant, Turn } from './participant.ts';
import type { ActivationTold, EntryId, PartitionMeta } from './partition-store.ts';
import type { Step, TouchedRecord } from './step.ts';

/** What follows a predicate: a segment, or a view of a query of its own. */
interface Following {
  /** Undefined: a view, of which the feed tells nothing. */
  readonly feedId: number | undefined;
  /** Activations that are told. */
  readonly activations: readonly string[];
}

export class PartitionFeed implements Participant {
  /** The id of its last entry. */
  #end: EntryId = STREAM_START;
  #planned: EntryId | undefined;
  /** The catalog version that `#following` is of. */
  #version = -1;
  #following: ReadonlyMap<number, readonly Following[]> = new Map();

  recover({ feedEnd }: Pick<PartitionMeta, 'feedEnd'>): void {
    this.#end = feedEnd;
  }

  begin(): void {
    this.#planned = undefined;
  }

  plan(writes: CommitDraft, { records }: Step, { networks, number }: Turn): void {
    if (networks.version !== this.#version) this.#takeUp(networks);
    const telling = new Telling(this.#following);
    for (const record of records) if (record.liveFlips.length > 0) telling.add(record);
    writes.activations = telling.activations;
    if (telling.events.length === 0) return;
    writes.feed = { after: this.#end, control: [], events: telling.events };
    this.#planned = feedEntryId(writes.clockMs, number);
  }

  committed(): void {
    if (this.#planned !== undefined) this.#end = this.#planned;
  }

  #takeUp(networks: Networks): void {
    const following = new Map<number, Following[]>();
    for (const filter of networks.filters()) {
      const { feedId, predicateId } = filter;
      const activations = networks.followers.get(feedId) ?? NO_ACTIVATIONS;
      if (predicateId === null || (isView(filter) && activations.length === 0)) continue;
      const told = { feedId: isView(filter) ? undefined : feedId, activations };
      pushTo(following, predicateId, told);
    }
    this.#version = networks.version;
    this.#following = following;
  }
}

const NO_ACTIVATIONS: readonly string[] = [];

/** Collects what one commit tells. */
class Telling {
  readonly events: FeedEvent[] = [];
  readonly activations: ActivationTold[] = [];
  readonly #following: ReadonlyMap<number, readonly Following[]>;

  constructor(following: ReadonlyMap<number, readonly Following[]>) {
    this.#following = following;
  }

  add({ objectType, id, liveFlips, cause: only, causes }: TouchedRecord): void {
    let flips: FeedFlip[] | undefined;
    let last: CauseCode = only;
    for (let at = 0; at < liveFlips.length; at++) {
      const flip = liveFlips[at]!;
      const following = this.#following.get(flippedPredicateId(flip));
      if (!following) continue;
      const cause = causes ? causes[at]! : only;
      const enters = entered(flip);
      for (const { feedId, activations } of following) {
        if (activations.length > 0)
          this.activations.push([objectType, id, enters, cause, activations]);
        if (feedId === undefined) continue;
        if (!flips || cause !== last) {
          flips = [];
          last = cause;
          this.events.push([objectType, id, cause, flips]);
        }
        flips.push(feedFlip(feedId, enters));
      }
    }
  }
}
