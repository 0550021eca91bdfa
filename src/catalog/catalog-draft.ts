/**
 * catalog-draft.ts – The next version of the catalog while it is being made.
 *
 * Keeps true: a draft reads like the catalog with its writes laid over it. When it is finished,
 * every predicate id that a segment or view names exists. One that none names any more is given up:
 * at once if it was still being built or has failed, else after every partition has moved on.
 * Predicate ids are never reused, not even for an equal predicate.
 */
import { edgeKey, edgesOf } from '../change/edge.ts';
import { type ObjectType, objectType } from '../change/object-type.ts';
import { assert } from '../errors.ts';
import type { CompiledQuery } from '../query/dialects/compile.ts';
import { isDerivedName, readDerivedName } from '../query/network/derived-attribute.ts';
import { type LoweringContext, lower, type Travel } from '../query/network/lower.ts';
import { PREDICATE_ID_MAX } from '../query/network/network.ts';
import { predicateKey } from '../query/predicate/normalize.ts';
import { ALWAYS, type Predicate } from '../query/predicate/predicate.ts';
import { predicateAttributes, statementKey } from '../query/predicate/statement.ts';
import type {
  Catalog,
  CatalogWrite,
  FeedSegment,
  StoredActivation,
  StoredFilter,
  StoredObjectType,
  StoredPredicate,
  StoredSegment,
  StoredView,
} from './catalog.ts';
import { hasOwnQuery, isView, NO_FEED_ID } from './catalog.ts';
import { type Edit, UNSIGNED } from './edit.ts';
import {
  type ChangeWithTexts,
  historyAfterDeletion,
  historyAfterEdit,
  type RevisionWrite,
  textOf,
} from './histories.ts';

/**
 * How long a feed id outlives its segment: as long as a partition's feed or a deleted segment can
 * be kept.
 */
const FEED_ID_KEPT_MS = 400 * 24 * 3_600_000;
/** Feed ids of deleted segments that are kept; those that went first are given up. */
const GONE_FEED_IDS_MAX = 20_000;

export class CatalogDraft {
  /** The version that this draft becomes. */
  readonly version: number;
  readonly by: string | undefined;
  readonly #catalog: Catalog;
  readonly #objectTypes = new Map<string, StoredObjectType | null>();
  readonly #segments = new Map<string, StoredSegment | null>();
  readonly #views = new Map<string, StoredView | null>();
  readonly #activations = new Map<string, StoredActivation | null>();
  readonly #predicateIds = new Map<number, StoredPredicate | null>();
  readonly #feedIds = new Map<number, FeedSegment | null>();
  readonly #byKey = new Map<string, number>();
  /** Predicate ids that lost a name in this draft. */
  readonly #released = new Set<number>();
  #nextPredicateId: number;

  /** `by`: who is at it, if a person is. */
  constructor(catalog: Catalog, { by }: Edit = UNSIGNED) {
    this.by = by;
    this.#catalog = catalog;
    this.version = catalog.version + 1;
    this.#nextPredicateId = catalog.nextPredicateId;
  }

  segment(slug: string): StoredSegment | undefined {
    const drafted = this.#segments.get(slug);
    return drafted === undefined ? this.#catalog.segments.get(slug) : (drafted ?? undefined);
  }

  *segments(): Iterable<StoredSegment> {
    for (const segment of this.#catalog.segments.values())
      if (!this.#segments.has(segment.slug)) yield segment;
    for (const segment of this.#segments.values()) if (segment) yield segment;
  }

  /** A segment that has no feed id yet gets one. */
  setSegment(slug: string, segment: StoredSegment | null): void {
    const old = this.segment(slug);
    this.#release(old);
    this.#segments.set(slug, segment && this.#withFeedId(segment));
    if (old && old.feedId !== segment?.feedId) this.#endFeed(old);
  }

  #withFeedId(segment: StoredSegment): StoredSegment {
    const { slug, id, object_type } = segment;
    const feedId = segment.feedId === NO_FEED_ID ? this.#nextPredicateId++ : segment.feedId;
    const known = this.#feedIds.get(feedId) ?? this.#catalog.feedSegments.get(feedId);
    if (!known || known.gone_at !== undefined)
      this.#feedIds.set(feedId, { slug, segment: id, object_type });
    return feedId === segment.feedId ? segment : { ...segment, feedId };
  }

  #endFeed({ feedId, slug, id, object_type }: StoredSegment): void {
    this.#feedIds.set(feedId, { slug, segment: id, object_type, gone_at: Date.now() });
    this.#forgetOldFeeds();
  }

  /** Those that went so long ago that no feed names them any more. */
  #forgetOldFeeds(): void {
    const gone = [...this.#catalog.feedSegments].filter(([, each]) => each.gone_at !== undefined);
    const beforeMs = Date.now() - FEED_ID_KEPT_MS;
    const over = gone.length - GONE_FEED_IDS_MAX;
    for (const [at, [feedId, { gone_at: goneMs }]] of gone
      .sort(([, a], [, b]) => a.gone_at! - b.gone_at!)
      .entries())
      if ((goneMs! < beforeMs || at < over) && !this.#feedIds.has(feedId))
        this.#feedIds.set(feedId, null);
  }

  view(slug: string): StoredView | undefined {
    const drafted = this.#views.get(slug);
    return drafted === undefined ? this.#catalog.views.get(slug) : (drafted ?? undefined);
  }

  *views(): Iterable<StoredView> {
    for (const view of this.#catalog.views.values()) if (!this.#views.has(view.slug)) yield view;
    for (const view of this.#views.values()) if (view) yield view;
  }

  setView(slug: string, view: StoredView | null): void {
    const old = this.view(slug);
    if (old && hasOwnQuery(old)) this.#release(old);
    const isUnnamed = view && hasOwnQuery(view) && view.feedId === NO_FEED_ID;
    this.#views.set(slug, isUnnamed ? { ...view, feedId: this.#nextPredicateId++ } : view);
    if (!view) for (const { id } of this.#catalog.activationsOf(slug)) this.setActivation(id, null);
  }

  setActivation(id: string, activation: StoredActivation | null): void {
    this.#activations.set(id, activation);
  }

  /** All that is built and switched. */
  *filters(): Iterable<StoredFilter> {
    yield* this.segments();
    for (const view of this.views()) if (hasOwnQuery(view)) yield view;
  }

  setFilter(filter: StoredFilter): void {
    if (isView(filter)) this.setView(filter.slug, filter);
    else this.setSegment(filter.slug, filter);
  }

  #release(old: StoredFilter | undefined): void {
    for (const predicateId of [old?.predicateId, old?.pending])
      if (typeof predicateId === 'number') this.#released.add(predicateId);
  }

  objectTypes(): ReadonlyMap<string, ObjectType> {
    const types = new Map(this.#catalog.objectTypes);
    for (const [name, stored] of this.#objectTypes) {
      if (stored) types.set(name, objectType(name, stored.revision, stored));
      else types.delete(name);
    }
    return types;
  }

  setObjectType(name: string, stored: StoredObjectType | null): void {
    this.#objectTypes.set(name, stored);
  }

  predicateId(predicateId: number): StoredPredicate {
    const drafted = this.#predicateIds.get(predicateId);
    const stored = drafted === undefined ? this.#catalog.predicateIds.get(predicateId) : drafted;
    assert(stored, `predicate id ${predicateId} is in the catalog`);
    return stored;
  }

  setPredicate(predicateId: number, stored: StoredPredicate | null): void {
    this.#predicateIds.set(predicateId, stored);
  }

  /** A stale predicate keeps answering, and is never reused. */
  outdate(predicateId: number): void {
    const stored = this.predicateId(predicateId);
    this.setPredicate(predicateId, { ...stored, key: `outdated ${predicateId}` });
  }

  /**
   * The predicate id of a query's predicate: the one that is maintained already, or a new one that
   * is to be built.
   */
  predicateIdFor(objectTypeName: string, { key, predicate }: CompiledQuery): number {
    const known = this.#known(objectTypeName, key);
    if (known !== undefined) return known;
    const flat = lower(predicate, this.#lowering);
    const source =
      flat === predicate || predicateKey(flat) === predicateKey(predicate)
        ? {}
        : { source: predicate };
    return this.#allocate({
      object_type: objectTypeName,
      key,
      predicate: flat,
      ...source,
      ...readsOf(flat),
    });
  }

  /** The id of an edge, that of the shared predicate that holds of every live holder. */
  edgeIdOf(edge: string): number {
    const definition = edgesOf(this.objectTypes().values()).get(edge);
    assert(definition, `the relationship ${edge} is declared`);
    const key = edgeKey(definition);
    const known = this.#known(definition.holder, key);
    if (known !== undefined) return known;
    const shared = { edge, edgeId: this.#nextPredicateId, direction: 'in' as const, definition };
    return this.#allocate({ object_type: definition.holder, key, predicate: ALWAYS, shared });
  }

  /**
   * Gives every declared relationship its edge id, and gives up those of relationships that are no
   * more.
   */
  edgesWithIds(): void {
    for (const edge of edgesOf(this.objectTypes().values()).keys()) this.edgeIdOf(edge);
    for (const [predicateId, { shared }] of this.#allPredicateIds()) {
      if (shared?.edgeId === predicateId) this.#released.add(predicateId);
    }
  }

  readonly #lowering: LoweringContext = {
    neighbourOf: (edge, direction) => {
      const definition = edgesOf(this.objectTypes().values()).get(edge);
      assert(definition, `the relationship ${edge} is declared`);
      return direction === 'out' ? definition.target : definition.holder;
    },
    sharePredicate: (objectTypeName, _, flat, travel) => {
      const edgeId = this.edgeIdOf(travel.edge);
      const types = this.objectTypes();
      const type = types.get(objectTypeName)!;
      const { edge, direction, value } = travel;
      const key = sharedKey(edgeId, travel, flat, type, types);
      const shared = { edge, edgeId, direction, ...value };
      const known = this.#known(objectTypeName, key);
      return (
        known ??
        this.#allocate({
          object_type: objectTypeName,
          key,
          predicate: flat,
          shared,
          ...readsOf(flat),
        })
      );
    },
  };

  /**
   * The catalog finds a predicate id under the key that it had before this draft: one that became
   * stale since is never reused.
   */
  #known(objectTypeName: string, key: string): number | undefined {
    const found = [
      this.#byKey.get(`${objectTypeName} ${key}`),
      this.#catalog.predicateIdOf(objectTypeName, key),
    ];
    return found.find(
      (predicateId) => predicateId !== undefined && this.#isGivenOut(predicateId, key),
    );
  }

  #isGivenOut(predicateId: number, key: string): boolean {
    const drafted = this.#predicateIds.get(predicateId);
    const stored = drafted === undefined ? this.#catalog.predicateIds.get(predicateId) : drafted;
    return stored?.key === key && stored.status !== 'retiring';
  }

  #allocate(stored: Omit<StoredPredicate, 'status' | 'since'>): number {
    const predicateId = this.#nextPredicateId++;
    assert(predicateId <= PREDICATE_ID_MAX, 'there are predicate ids left');
    this.#byKey.set(`${stored.object_type} ${stored.key}`, predicateId);
    this.setPredicate(predicateId, { ...stored, status: 'building', since: this.version });
    return predicateId;
  }

  *#allPredicateIds(): Iterable<[number, StoredPredicate]> {
    for (const [predicateId, stored] of this.#catalog.predicateIds)
      if (!this.#predicateIds.has(predicateId)) yield [predicateId, stored];
    for (const [predicateId, stored] of this.#predicateIds) if (stored) yield [predicateId, stored];
  }

  /** The writes of this version; none if nothing was drafted. */
  finish(): ChangeWithTexts {
    this.#giveUpReleased();
    const { histories, texts } = this.#pastRevisions();
    const writes: CatalogWrite[] = [
      ...[...this.#objectTypes].map(([name, value]) => ['object-types', name, value] as const),
      ...[...this.#segments].map(([slug, value]) => ['segments', slug, value] as const),
      ...[...this.#views].map(([slug, value]) => ['views', slug, value] as const),
      ...[...this.#activations].map(([id, value]) => ['activations', id, value] as const),
      ...histories,
      ...[...this.#predicateIds].map(
        ([predicateId, value]) => ['predicateIds', String(predicateId), value] as const,
      ),
      ...[...this.#feedIds].map(([feedId, value]) => ['feedIds', String(feedId), value] as const),
    ];
    const by = this.by === undefined ? {} : { by: this.by };
    return { ...by, nextPredicateId: this.#nextPredicateId, writes, texts };
  }

  /** What becomes of the revisions that this draft replaces, and of deleted segments. */
  #pastRevisions(): { histories: CatalogWrite[]; texts: RevisionWrite[] } {
    const histories: CatalogWrite[] = [];
    const texts: RevisionWrite[] = [];
    for (const [slug, segment] of this.#segments) {
      const before = this.#catalog.segments.get(slug);
      const history = this.#catalog.histories.get((before ?? segment)?.id ?? '');
      if (before && segment?.revision !== before.revision) {
        const after = segment
          ? historyAfterEdit(history, before)
          : historyAfterDeletion(history, before, this.by);
        histories.push(['histories', before.id, after]);
        const { id, revision } = before;
        texts.push({ segment: id, revision, text: textOf(before) });
      } else if (!before && history?.deleted) {
        const { deleted, ...restored } = history;
        histories.push(['histories', segment!.id, restored]);
      }
    }
    return { histories, texts };
  }

  #giveUpReleased(): void {
    if (this.#released.size === 0) return;
    const needed = this.#neededPredicateIds();
    for (const [predicateId, stored] of [...this.#allPredicateIds()]) {
      if (needed.has(predicateId) || stored.status === 'retiring') continue;
      const isAnswered = stored.status === 'ready';
      this.setPredicate(
        predicateId,
        isAnswered ? { ...stored, status: 'retiring', since: this.version } : null,
      );
    }
  }

  /**
   * Those that segments and views name, those that declared relationships stand on, and all that
   * these read.
   */
  #neededPredicateIds(): Set<number> {
    const needed = new Set<number>();
    const need = (predicateId: number) => {
      if (needed.has(predicateId)) return;
      needed.add(predicateId);
      const { reads = [], shared } = this.predicateId(predicateId);
      for (const read of reads) need(read);
      if (shared) need(shared.edgeId);
    };
    for (const { predicateId, pending } of this.filters()) {
      for (const named of [predicateId, pending]) if (named !== null) need(named);
    }
    const edgeIds = new Map(
      [...edgesOf(this.objectTypes().values()).values()].map((edge) => [edge.name, edgeKey(edge)]),
    );
    for (const [predicateId, { shared, key }] of this.#allPredicateIds()) {
      if (shared?.edgeId === predicateId && edgeIds.get(shared.edge) === key) need(predicateId);
    }
    return needed;
  }
}

/** The key of a shared predicate of the type: what it says, over which edge, what it carries. */
export function sharedKey(
  edgeId: number,
  { direction, value }: Travel,
  flat: Predicate,
  type: ObjectType,
  types: ReadonlyMap<string, ObjectType>,
): string {
  const carried = value
    ? `${value.attribute}:${type.attributes.get(value.attribute)?.type}:${value.keeps}`
    : '';
  return `share ${edgeId} ${direction} ${carried} ${statementKey(flat, type, types)}`;
}

/** The shared predicates that a lowered one reads at its neighbours. */
function readsOf(flat: Predicate): { readonly reads?: readonly number[] } {
  const reads = new Set(
    predicateAttributes(flat)
      .filter(isDerivedName)
      .map((name) => readDerivedName(name).predicateId),
  );
  return reads.size === 0 ? {} : { reads: [...reads].sort((a, b) => a - b) };
}
