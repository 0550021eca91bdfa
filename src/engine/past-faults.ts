/**
 * past-faults.ts – Finds what is told of the past otherwise than it was: feeds with gaps, histories
 * that do not end at the members that there are, revisions without their texts.
 *
 * Keeps true: a feed's entries name each other, so what was taken away shows; nobody can bring it
 * back, but no reader passes over it. The newest number of a history is a set's size. What looks
 * wrong is looked at once more with the catalog as new as what was read. Each fault has a mend.
 */
import type { Catalog, StoredHistory } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { keptBytes } from '../catalog/histories.ts';
import { fold } from '../history/fold.ts';
import { bucketAt, type HistoryBucket } from '../history/history-bucket.ts';
import type { HistoryFolder } from '../history/history-folder.ts';
import type { HistoryStore } from '../history/history-store.ts';
import type { StoredFault } from '../membership/fault.ts';
import type { FollowedSegment, PastAudits, StoredText } from './past-audits.ts';

export interface PastContext {
  readonly stores: { readonly pastAudits: PastAudits; readonly history: HistoryStore };
  readonly store: CatalogStore;
  readonly historyFolder: HistoryFolder;
  readonly founding: { readonly timeZone: string };
}

/** Segments that one look compares: a script takes some thousand arguments. */
const SEGMENTS_A_LOOK = 200;
/** Looks until nothing is committed between two reads; then the rest is left to the next audit. */
const LOOKS_MAX = 20;

/**
 * `isWrong`: the segment's own members are found to be wrong; its history is right until they are.
 * Caller: no key holds another kind of value than its name says (kind-faults.ts).
 */
export async function findPastFaults(
  context: PastContext,
  isWrong: (slug: string) => boolean = () => false,
): Promise<StoredFault[]> {
  const { stores, store } = context;
  await store.refresh();
  const faults: StoredFault[] = [];
  for (let partition = 0; partition < stores.history.partitions; partition++) {
    const lost = await stores.pastAudits.lostEntry(partition);
    const mend = lost === undefined ? undefined : stores.pastAudits.cutMend(partition, lost);
    const of = { place: 'feed', partition, of: 'feed', isExtra: false } as const;
    if (mend) faults.push({ ...of, text: `partition ${partition}, up to ${lost}`, mend });
    faults.push(...(await findHistoryFaults(context, partition, isWrong)));
  }
  return [...faults, ...(await findFeedIdFaults(context)), ...(await findRevisionFaults(context))];
}

// ── histories ──

interface EndedHistory {
  readonly slug: string;
  readonly feedId: number;
  readonly told: HistoryBucket | undefined;
  readonly members: number;
  readonly mark: string;
  /** Whether nothing is left to fold. */
  readonly isFolded: boolean;
}

async function findHistoryFaults(
  context: PastContext,
  partition: number,
  isWrong: (slug: string) => boolean,
): Promise<StoredFault[]> {
  const followed = followedSegments(context.store.catalog).filter(({ slug }) => !isWrong(slug));
  const faults: StoredFault[] = [];
  for (let from = 0; from < followed.length; from += SEGMENTS_A_LOOK) {
    const some = followed.slice(from, from + SEGMENTS_A_LOOK);
    for (const { slug, feedId, told, members } of await ended(context, partition, some)) {
      if (told?.count === members) continue;
      const text = `${slug}@${partition}=${told?.count ?? 'none'}, members=${members}`;
      const mend = { carryOut: () => mendHistory(context, partition, feedId) };
      faults.push({ place: 'history', partition, of: 'history', text, isExtra: true, mend });
    }
  }
  return faults;
}

type NamedSegment = FollowedSegment & { readonly slug: string };

/** Those that nothing is being built or told of. */
function followedSegments(catalog: Catalog): NamedSegment[] {
  return [...catalog.segments.values()].flatMap((segment) => {
    const { slug, feedId, predicateId, telling } = segment;
    const isAtRest = telling === undefined && catalog.statusOf(segment).status === 'ready';
    return isAtRest && predicateId !== null ? [{ slug, feedId, predicateId }] : [];
  });
}

/** Where histories end, and the sizes of the sets at that instant. */
async function ended(
  { stores, founding }: PastContext,
  partition: number,
  segments: readonly NamedSegment[],
): Promise<EndedHistory[]> {
  const { pastAudits, history } = stores;
  const feedIds = segments.map(({ feedId }) => feedId);
  for (let look = 1; look <= LOOKS_MAX; look++) {
    const { number, members } = await pastAudits.sizes(partition, segments);
    const past = await history.past(partition, feedIds, []);
    if (!past.isEnd || (await pastAudits.sizes(partition, [])).number !== number) continue;
    const folded = fold(past.open, past, founding.timeZone);
    return segments.flatMap(({ slug, feedId }, at) => {
      const size = members[at];
      if (size === undefined) return [];
      const told = folded.open.get(feedId) ?? past.open.get(feedId);
      const isFolded = past.entries.length === 0;
      return [{ slug, feedId, told, members: size, mark: past.mark, isFolded }];
    });
  }
  return [];
}

/** What comes after it is folded on top. */
async function mendHistory(
  context: PastContext,
  partition: number,
  feedId: number,
): Promise<'mended' | 'moved'> {
  const { stores, store, historyFolder, founding } = context;
  const segment = followedSegments(store.catalog).find((each) => each.feedId === feedId);
  for (let look = 1; segment && look <= LOOKS_MAX; look++) {
    await historyFolder.foldAll(partition);
    const [end] = await ended(context, partition, [segment]);
    if (!end) break;
    if (!end.isFolded) continue;
    const hour = bucketAt(Date.now(), 'hour', founding.timeZone);
    const before = end.told ?? { at: hour, entered: 0, left: 0 };
    const open = new Map([[feedId, { ...before, count: end.members, isAnew: true }]]);
    const answer = await stores.history.change(partition, { mark: end.mark, open });
    if (answer === 'changed') return 'mended';
  }
  return 'moved';
}

// ── feed ids ──

/** Without its feed id a segment is told of by no name. */
async function findFeedIdFaults({ stores, store }: PastContext): Promise<StoredFault[]> {
  const stored = await stores.pastAudits.feedIds();
  await store.refresh();
  return [...store.catalog.segments.values()].flatMap(({ slug, feedId, id, object_type }) => {
    if (stored.get(feedId)?.slug === slug) return [];
    const named = { slug, segment: id, object_type };
    const carryOut = async () => {
      await store.write(({ nextPredicateId }) => ({
        nextPredicateId,
        writes: [['feedIds', String(feedId), named]],
      }));
      return 'mended' as const;
    };
    const of = { place: 'feed-ids', of: 'feed-ids', isExtra: false } as const;
    return [{ ...of, text: `${feedId}=${slug}`, mend: { carryOut } }];
  });
}

// ── revisions ──

async function findRevisionFaults({ stores, store }: PastContext): Promise<StoredFault[]> {
  const first = await compareTexts(stores.pastAudits, store);
  if (first.length === 0) return first;
  const still = new Set((await compareTexts(stores.pastAudits, store)).map(({ text }) => text));
  return first.filter(({ text }) => still.has(text));
}

/** Texts are as long as the histories say, and there are no others. */
async function compareTexts(past: PastAudits, store: CatalogStore): Promise<StoredFault[]> {
  const texts = new Map<string, StoredText>();
  for await (const some of past.revisionTexts())
    for (const each of some) texts.set(each.name, each);
  const { histories } = await store.refresh();
  const faults: StoredFault[] = [];
  const of = { place: 'revisions', of: 'revisions' } as const;
  for (const [segment, { slug, kept }] of histories) {
    for (const { revision, bytes } of kept) {
      const name = `${segment}:${revision}`;
      const stored = texts.get(name);
      texts.delete(name);
      if (stored && keptBytes(stored.text) === bytes) continue;
      const carryOut = () => forget(store, segment, revision);
      const text = `${slug}@${revision}${stored ? ' (another text)' : ''}`;
      faults.push({ ...of, text, isExtra: stored !== undefined, mend: { carryOut } });
    }
  }
  for (const { name, removal } of texts.values())
    faults.push({ ...of, text: name, isExtra: true, mend: removal });
  return faults;
}

/** Nobody can bring a text back: the history no longer says that there is one. */
async function forget(store: CatalogStore, segment: string, revision: number) {
  await store.write(({ nextPredicateId, histories }) => {
    const history = histories.get(segment);
    if (!history) return undefined;
    const kept = history.kept.filter((each) => each.revision !== revision);
    const left: StoredHistory = { ...history, kept };
    return {
      nextPredicateId,
      writes: [['histories', segment, left]],
      texts: [{ segment, revision, text: null }],
    };
  });
  return 'mended' as const;
}
