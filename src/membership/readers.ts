/**
 * readers.ts – Puts together all that answers reads of one deployment.
 *
 * Keeps true: every read goes through the same wait, and the same resolution of slugs.
 */
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { DEFAULT_LIMITS, type Limits } from '../limits.ts';
import { SegmentFreshness } from './freshness.ts';
import { MemberPages } from './member-pages.ts';
import type { MembershipStore } from './membership-store.ts';
import { SegmentOverlaps } from './overlaps.ts';
import { PredicateResolver } from './predicate-resolver.ts';
import { Progress } from './progress.ts';
import { RecordReader } from './record-reader.ts';
import { RecordSegments } from './record-segments.ts';
import { Records } from './records.ts';
import { Related } from './related.ts';
import { SegmentChoice } from './segment-choice.ts';
import { SegmentCounts } from './segment-counts.ts';
import { SegmentMembers } from './segment-members.ts';
import type { SortedRunStore } from './sorted-run-store.ts';
import { StrongReads } from './strong-reads.ts';
import { ValueSamples } from './value-samples.ts';
import { ViewMembership } from './view-membership.ts';
import { ViewOrders } from './view-orders.ts';
import { ViewRows } from './view-rows.ts';
import type { Watch } from './watermark.ts';

export interface Readers {
  readonly segmentCounts: SegmentCounts;
  readonly overlaps: SegmentOverlaps;
  readonly freshness: SegmentFreshness;
  readonly members: SegmentMembers;
  readonly recordSegments: RecordSegments;
  readonly records: Records;
  readonly related: Related;
  readonly choice: SegmentChoice;
  readonly viewMembers: ViewMembership;
  readonly viewRows: ViewRows;
  readonly progress: Progress;
  readonly reads: StrongReads;
  readonly resolver: PredicateResolver;
  readonly valueSamples: ValueSamples;
}

export interface ReadersContext {
  readonly store: MembershipStore;
  readonly watch: Watch;
  readonly runStore: SortedRunStore;
  readonly catalogs: CatalogStore;
  readonly timeZone: string;
  readonly limits?: Limits;
}

export function openReaders(context: ReadersContext): Readers {
  const { store, watch, catalogs, timeZone, limits = DEFAULT_LIMITS } = context;
  const { pageBytes: pageBytesMax } = limits;
  const progress = new Progress(store);
  const resolver = new PredicateResolver(catalogs);
  const reads = new StrongReads(watch, catalogs, resolver, progress);
  const reader = new RecordReader(store, catalogs, timeZone, pageBytesMax);
  const pages = new MemberPages(store, resolver);
  const shared = { ...context, limits, pageBytesMax, progress, resolver, reads, reader, pages };
  const choice = new SegmentChoice(shared);
  const related = new Related(shared);
  const viewMembers = new ViewMembership(shared);
  const orders = new ViewOrders({ ...shared, viewMembers });
  const segmentCounts = new SegmentCounts(catalogs, reads, resolver);
  return {
    segmentCounts,
    overlaps: new SegmentOverlaps(shared, segmentCounts),
    freshness: new SegmentFreshness(shared),
    members: new SegmentMembers(shared),
    recordSegments: new RecordSegments(shared),
    records: new Records(shared),
    related,
    choice,
    viewMembers,
    viewRows: new ViewRows({ ...shared, viewMembers, orders, related, choice }),
    progress,
    reads,
    resolver,
    valueSamples: new ValueSamples(shared),
  };
}
