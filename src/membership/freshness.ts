/**
 * freshness.ts – As of when the members of a segment are, and what still waits to be applied.
 *
 * Keeps true: nothing is waited for. One look at each partition serves any number of segments, in
 * any process. With nothing waiting, the moment is that of the look.
 */
import type { StoredSegment } from '../catalog/catalog.ts';
import type { MembershipStore, WaitingEntries } from './membership-store.ts';
import type { PartitionStatus } from './partition-status.ts';
import type { Needs, StrongReads } from './strong-reads.ts';
import type { Watch } from './watermark.ts';

/** How fresh a segment is. */
export interface FreshnessFigures {
  /** Everything that was acknowledged until then has been applied. */
  readonly asOfMs: number;
  /** What waits, as an upper bound: 0 exactly if nothing does. */
  readonly lagEntries: number;
  /** How long the oldest of it has waited. */
  readonly lagMs: number;
}

export interface FreshnessContext {
  readonly store: MembershipStore;
  readonly watch: Watch;
  readonly reads: StrongReads;
}

/** A partition, as it was looked at. */
interface Looked {
  readonly status: PartitionStatus;
  readonly log: WaitingEntries;
  readonly inbox: WaitingEntries;
}

const NOTHING: WaitingEntries = { entries: 0, sinceMs: undefined };

export class SegmentFreshness {
  readonly #store: MembershipStore;
  readonly #watch: Watch;
  readonly #reads: StrongReads;

  constructor({ store, watch, reads }: FreshnessContext) {
    this.#store = store;
    this.#watch = watch;
    this.#reads = reads;
  }

  /** Looks at every partition once, and answers for as many segments as are asked for. */
  async look(): Promise<(segment: StoredSegment) => FreshnessFigures> {
    const looked = await Promise.all(this.#reads.partitions.map((each) => this.#look(each)));
    return ({ predicateId }) => figuresOf(looked, this.#reads.needsOf([predicateId]));
  }

  async #look(partition: number): Promise<Looked> {
    const status = await this.#watch.looks.look(partition, { channels: true, counted: [] });
    const { position, end, inboxPosition, inboxEnd } = status;
    if (position === end && inboxPosition === inboxEnd)
      return { status, log: NOTHING, inbox: NOTHING };
    const [log, inbox] = await this.#store.waiting(partition, status);
    return { status, log, inbox };
  }
}

function figuresOf(looked: readonly Looked[], needs: Needs): FreshnessFigures {
  const nowMs = Math.min(...looked.map(({ status }) => status.serverMs));
  const waiting = looked.flatMap((each) => waitingFor(each, needs));
  const underWay = needs.rounds === 0 ? 0 : underWayIn(looked.map(({ status }) => status));
  const lags = waiting.map(({ sinceMs }) => (sinceMs === undefined ? 0 : nowMs - sinceMs));
  const lagMs = Math.max(0, ...lags);
  const entries = waiting.reduce((sum, each) => sum + each.entries, underWay);
  return { asOfMs: nowMs - lagMs, lagEntries: entries, lagMs };
}

/** What of a partition some segments wait for: changes, messages of neighbours, timers. */
function waitingFor({ status, log, inbox }: Looked, { rounds, isTimed }: Needs): WaitingEntries[] {
  const { dueMs, serverMs } = status;
  const isDue = isTimed && dueMs !== undefined && dueMs <= serverMs;
  return [log, ...(rounds > 0 ? [inbox] : []), ...(isDue ? [{ entries: 1, sinceMs: dueMs }] : [])];
}

/** Messages that were sent and have not arrived, by channel, and partitions that fan out. */
function underWayIn(statuses: readonly PartitionStatus[]): number {
  const channels = statuses.flatMap((status, at) =>
    statuses.filter(({ sent }, from) => sent[at] !== status.delivered[from]),
  );
  return channels.length + statuses.filter(({ fanning }) => fanning !== undefined).length;
}
