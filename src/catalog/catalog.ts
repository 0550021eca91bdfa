/**
 * catalog.ts – The declarations (object types, segments, views) and their predicates, as one
 * process knows them.
 *
 * Keeps true: a Catalog is a replica of the stored one at `version`. It changes only by whole
 * versions, in their order, within one turn of the event loop. A reader that does not await in
 * between reads one version.
 */
import type { CauseCode } from '../change/cause.ts';
import { type EdgeDefinition, edgeKey, edgesOf } from '../change/edge.ts';
import { type ObjectType, type ObjectTypeDefinition, objectType } from '../change/object-type.ts';
import type { TaggedRevision } from '../change/precondition.ts';
import { assert } from '../errors.ts';
import { addTo } from '../multimap.ts';
import type { ViewColumn, ViewSort } from '../query/dialects/view-columns.ts';
import { type Failure, failureReason } from '../query/failure.ts';
import type { Predicate } from '../query/predicate/predicate.ts';
import { readsClock } from '../query/predicate/statement.ts';
import type { PartialState } from '../query/predicate/tally.ts';

/** The hash field `object-types` / name. */
export interface StoredObjectType extends ObjectTypeDefinition {
  readonly revision: number;
  /**
   * The versions of the catalog that declared it, and that changed it last, be it in what is none
   * of the records' business; of an older release both are absent.
   */
  readonly created?: number;
  readonly changed?: number;
}

/** An entry that a person named. Times are ms since 1970. */
interface NamedEntry {
  readonly id: string;
  readonly title: string;
  readonly slug: string;
  readonly description?: string;
  readonly object_type: string;
  /** Slugs of the segments that it refers to. */
  readonly uses: readonly string[];
  /** Counts edits. */
  readonly revision: number;
  readonly created_at: number;
  readonly updated_at: number;
}

/** A query that is kept materialized. */
interface Materialized {
  /**
   * By which feeds name it; never given out again. NO_FEED_ID until it is put into a draft of the
   * catalog.
   */
  readonly feedId: number;
  /** As it was given. */
  readonly query: unknown;
  readonly json_logic: unknown;
  /** The revision that `predicateId` answers for. */
  readonly ready_revision: number | null;
  /** The predicate id that reads go to; null while it was never built. */
  readonly predicateId: number | null;
  /** The predicate id that is being built for the newest revision. */
  readonly pending: number | null;
  /** Why it is; absent: this query, or one that it uses, was edited. */
  readonly pending_cause?: CauseCode;
  /** The last switch, while a partition may still be telling its differences. */
  readonly telling?: ToldSwitch;
}

/** A switch to another predicate, of which feeds tell the differences. */
interface ToldSwitch {
  /** That answered before: it is kept as long. */
  readonly predicateId: number;
  readonly cause: CauseCode;
  /** The version of the catalog that switched. */
  readonly since: number;
}

/** The hash field `segments` / slug. */
export interface StoredSegment extends NamedEntry, Materialized {
  /** Who made the newest revision; absent if nobody is known. */
  readonly updated_by?: string;
}

/** An earlier revision whose text is kept beside the catalog; `at` is when it was made. */
export interface KeptRevision {
  readonly revision: number;
  readonly at: number;
  readonly bytes: number;
}

/** A segment that was deleted: all of it but its texts, which are those of its last revision. */
export interface DeletedSegment {
  readonly at: number;
  readonly by?: string;
  readonly members: Omit<StoredSegment, 'title' | 'description' | 'query' | 'json_logic' | 'uses'>;
}

/** The hash field `histories` / id of the segment. */
export interface StoredHistory {
  readonly slug: string;
  /** The oldest first. */
  readonly kept: readonly KeptRevision[];
  readonly deleted?: DeletedSegment;
}

interface ViewMembers extends NamedEntry {
  readonly columns: readonly ViewColumn[];
  /** Names of the relationships whose records are given along. */
  readonly relationships?: readonly string[];
  readonly sort?: readonly ViewSort[];
}

interface SegmentView extends ViewMembers {
  /** The slug of the segment whose members it shows. */
  readonly segment: string;
}

/** A view of a query of its own, which is materialized as a segment's is. */
export interface QueryView extends ViewMembers, Materialized {}

/** The hash field `views` / slug. */
export type StoredView = SegmentView | QueryView;

/**
 * Whatever is built and switched. Only segments are referred to by others; a view may have the slug
 * of a segment.
 */
export type StoredFilter = StoredSegment | QueryView;

export function isView(entry: StoredFilter | StoredView): entry is StoredView {
  return 'columns' in entry;
}

export function hasOwnQuery(view: StoredView): view is QueryView {
  return 'query' in view;
}

/** How a query stands: `building` until every record was looked at once. */
export const FILTER_STATUSES = ['building', 'ready', 'failed'] as const;

export const ACTIVATION_EVENTS = ['entered', 'left'] as const;
export type ActivationEvent = (typeof ACTIVATION_EVENTS)[number];

/** The hash field `activations` / id: where a view's changes are sent. */
export interface StoredActivation {
  readonly id: string;
  /** The view's slug. */
  readonly view: string;
  readonly url: string;
  readonly events: readonly ActivationEvent[];
  /** Whether it is told of records that an edit lets in or out; absent: no. */
  readonly on_edit?: boolean;
  readonly created_at: number;
  readonly updated_at: number;
}

/**
 * The hash field `predicateIds` / predicate id: one predicate, shared by all segments and views
 * that mean the same.
 */
export interface StoredPredicate {
  readonly object_type: string;
  readonly key: string;
  /** As the network takes it: without edges, over derived attributes instead. */
  readonly predicate: Predicate;
  /** With its edges, if it has any: what `inSegment` takes over. */
  readonly source?: Predicate;
  /**
   * A retiring one is answered for until every partition has moved to `since`. A failed one is not
   * evaluated any more, and is never reused: the next query with the same predicate gets a new
   * predicate id.
   */
  readonly status: 'building' | 'ready' | 'retiring' | 'failed';
  /** Why it has failed, or what it reads. */
  readonly failure?: Failure;
  readonly since: number;
  /** A hidden predicate, without a member set: what one end of an edge shows to the other. */
  readonly shared?: SharedPredicate;
  /** The shared predicates that this one reads, at neighbours. */
  readonly reads?: readonly number[];
}

/** Over which edge a predicate is shared, and which way. */
interface SharedPredicate {
  readonly edge: string;
  /**
   * The predicate id of the edge's id: the predicate that holds of every live holder. A
   * relationship that is re-declared gets another.
   */
  readonly edgeId: number;
  /** `out`: from the target to those who hold its key; `in`: from the holders to the target. */
  readonly direction: 'out' | 'in';
  /** The attribute whose values travel along, and what partitions keep of them. */
  readonly attribute?: string;
  readonly keeps?: PartialState;
  /**
   * Of an edge id: how its relationship was declared when it came. One that is declared otherwise
   * gets another edge id, and until what stands on that is built, this edge goes on as it was.
   */
  readonly definition?: EdgeDefinition;
}

export const NO_FEED_ID = 0;

/**
 * The hash field `feed-ids` / feed id: the segment that feeds call so. It outlives the segment, for
 * entries of feeds do.
 */
export interface FeedSegment {
  readonly slug: string;
  /** The segment's id. */
  readonly segment: string;
  readonly object_type: string;
  /** When it was deleted, in ms since 1970; absent: it is there. */
  readonly gone_at?: number;
}

/** One field of one of the catalog's hashes; a value of null removes it. */
export type CatalogWrite =
  | readonly ['object-types', name: string, value: StoredObjectType | null]
  | readonly ['segments', slug: string, value: StoredSegment | null]
  | readonly ['views', slug: string, value: StoredView | null]
  | readonly ['activations', id: string, value: StoredActivation | null]
  | readonly ['histories', segment: string, value: StoredHistory | null]
  | readonly ['predicateIds', predicateId: string, value: StoredPredicate | null]
  | readonly ['feedIds', feedId: string, value: FeedSegment | null];

export interface CatalogChange {
  /** Who made it, if a person did. */
  readonly by?: string;
  readonly nextPredicateId: number;
  readonly writes: readonly CatalogWrite[];
}

/** All of the stored catalog at one version. */
export interface CatalogContent extends CatalogChange {
  readonly version: number;
}

/** The ids of activations that follow one filter. */
interface Followers {
  readonly plain: readonly string[];
  /** Those that are told of the differences of an edit. */
  readonly ofEdits: readonly string[];
}

export type CatalogListener = (writes: readonly CatalogWrite[]) => void;

export class Catalog {
  readonly objectTypes = new Map<string, ObjectType>();
  /** What edits of an object type name it by. */
  readonly typeTags = new Map<string, TaggedRevision>();
  readonly segments = new Map<string, StoredSegment>();
  readonly views = new Map<string, StoredView>();
  readonly activations = new Map<string, StoredActivation>();
  readonly predicateIds = new Map<number, StoredPredicate>();
  /** By feed id; those of deleted segments too, as long as a feed may name them. */
  readonly feedSegments = new Map<number, FeedSegment>();
  /** By the id of the segment, which may be deleted. */
  readonly histories = new Map<string, StoredHistory>();
  readonly #listeners: CatalogListener[] = [];
  /** Per object type, the live predicate id of each canonical key. */
  readonly #byKey = new Map<string, number>();
  readonly #slugsOf = new Map<number, Set<string>>();
  /** Predicate ids whose own predicate moves with time: asked at each read, so found out once. */
  readonly #readsClock = new Set<number>();
  /** Made when it is asked for, and of no use after the next write. */
  #followers: Map<number, Followers> | undefined;
  #users: Map<string, Set<string>> | undefined;
  #version = 0;
  #nextPredicateId = 1;

  get version(): number {
    return this.#version;
  }

  get nextPredicateId(): number {
    return this.#nextPredicateId;
  }

  /**
   * Calls the listener for each change, after it took place and in the same turn of the event loop.
   */
  onChange(listener: CatalogListener): void {
    this.#listeners.push(listener);
  }

  /** Replaces all by what is stored. */
  load({ version, nextPredicateId, writes }: CatalogContent): void {
    const given = new Set(writes.map(([hash, field]) => `${hash} ${field}`));
    const gone: CatalogWrite[] = [
      ...[...this.objectTypes.keys()].map((name) => ['object-types', name, null] as const),
      ...[...this.segments.keys()].map((slug) => ['segments', slug, null] as const),
      ...[...this.views.keys()].map((slug) => ['views', slug, null] as const),
      ...[...this.activations.keys()].map((id) => ['activations', id, null] as const),
      ...[...this.histories.keys()].map((id) => ['histories', id, null] as const),
      ...[...this.predicateIds.keys()].map(
        (predicateId) => ['predicateIds', String(predicateId), null] as const,
      ),
      ...[...this.feedSegments.keys()].map((feedId) => ['feedIds', String(feedId), null] as const),
    ].filter(([hash, field]) => !given.has(`${hash} ${field}`));
    this.#write([...gone, ...writes], version, nextPredicateId);
  }

  /** Caller: `change` is what made `version` of the version before it. */
  apply(version: number, { nextPredicateId, writes }: CatalogChange): void {
    assert(
      version === this.#version + 1,
      `version ${version} of the catalog came after ${this.#version}`,
    );
    this.#write(writes, version, nextPredicateId);
  }

  /**
   * The predicate id whose predicate has this canonical key, if one is being maintained and not
   * retiring.
   */
  predicateIdOf(objectTypeName: string, key: string): number | undefined {
    return this.#byKey.get(keyName(objectTypeName, key));
  }

  /**
   * The edge id of a relationship as it is declared now (change/edge.ts); one that was declared
   * otherwise may still be needed.
   */
  edgeIdOf(edge: string): number | undefined {
    const declared = edgesOf(this.objectTypes.values()).get(edge);
    return declared && this.predicateIdOf(declared.holder, edgeKey(declared));
  }

  /** The slugs whose reads go to a predicate id, in order. */
  slugsOf(predicateId: number): Iterable<string> {
    return this.#slugsOf.get(predicateId) ?? [];
  }

  /**
   * The longest way, in edges, over which a predicate looks at neighbours: 0 if it speaks of the
   * record alone.
   */
  depthOf(predicateId: number | null): number {
    const reads =
      (predicateId === null ? undefined : this.predicateIds.get(predicateId)?.reads) ?? [];
    return reads.length === 0 ? 0 : 1 + Math.max(...reads.map((read) => this.depthOf(read)));
  }

  /** The depth of the deepest of some predicates. */
  deepestOf(predicateIds: Iterable<number | null>): number {
    let deepest = 0;
    for (const predicateId of predicateIds) deepest = Math.max(deepest, this.depthOf(predicateId));
    return deepest;
  }

  /**
   * Whether the truth of some of these predicates moves with time, at the record or at neighbours
   * that they look at.
   */
  isTimed(predicateIds: Iterable<number | null>): boolean {
    for (const predicateId of predicateIds) {
      if (predicateId === null) continue;
      if (
        this.#readsClock.has(predicateId) ||
        this.isTimed(this.predicateIds.get(predicateId)?.reads ?? [])
      )
        return true;
    }
    return false;
  }

  /** Some predicates and all that they read at neighbours, at any distance. */
  withReads(predicateIds: Iterable<number | null>, found = new Set<number>()): ReadonlySet<number> {
    for (const predicateId of predicateIds) {
      if (predicateId === null || found.has(predicateId)) continue;
      found.add(predicateId);
      this.withReads(this.predicateIds.get(predicateId)?.reads ?? [], found);
    }
    return found;
  }

  /**
   * Why a filter has failed, if it has: of its newest revision, or while another is built, of the
   * one that would answer.
   */
  failureOf({ predicateId, pending }: StoredFilter): Failure | undefined {
    const failureAt = (at: number | null) =>
      at === null ? undefined : this.predicateIds.get(at)?.failure;
    return failureAt(pending ?? predicateId);
  }

  /** Where a filter stands, and if it has failed, why. */
  statusOf(filter: StoredFilter): {
    readonly status: (typeof FILTER_STATUSES)[number];
    readonly reason?: string;
  } {
    const failure = this.failureOf(filter);
    if (failure) return { status: 'failed', reason: failureReason(failure) };
    return { status: filter.pending === null ? 'ready' : 'building' };
  }

  /**
   * The slugs of the segments and views that refer to a segment, sorted; one that is both is named
   * once.
   */
  usersOf(slug: string): string[] {
    this.#users ??= usersBySlug([...this.segments.values(), ...this.views.values()]);
    return [...(this.#users.get(slug) ?? [])].sort();
  }

  /** All that is built and switched: segments, and views with a query of their own. */
  *filters(): Iterable<StoredFilter> {
    yield* this.segments.values();
    for (const view of this.views.values()) if (hasOwnQuery(view)) yield view;
  }

  /** The filter that decides which records a view shows; undefined if its segment is gone. */
  filterOf(view: StoredView): StoredFilter | undefined {
    return hasOwnQuery(view) ? view : this.segments.get(view.segment);
  }

  /** In the order in which they were created. */
  activationsOf(view: string): StoredActivation[] {
    return [...this.activations.values()]
      .filter((activation) => activation.view === view)
      .sort((a, b) => a.created_at - b.created_at || (a.id < b.id ? -1 : 1));
  }

  /** By the feed id of what decides over a view with activations: the ids of those. */
  get followers(): ReadonlyMap<number, Followers> {
    if (this.#followers) return this.#followers;
    const followers = new Map<number, { plain: string[]; ofEdits: string[] }>();
    for (const { id, view: slug, on_edit: isOfEdits } of this.activations.values()) {
      const view = this.views.get(slug);
      const filter = view && this.filterOf(view);
      if (!filter) continue;
      let all = followers.get(filter.feedId);
      if (!all) followers.set(filter.feedId, (all = { plain: [], ofEdits: [] }));
      (isOfEdits ? all.ofEdits : all.plain).push(id);
    }
    this.#followers = followers;
    return followers;
  }

  #write(writes: readonly CatalogWrite[], version: number, nextPredicateId: number): void {
    this.#followers = undefined;
    this.#users = undefined;
    for (const write of writes) this.#writeOne(write);
    this.#version = version;
    this.#nextPredicateId = nextPredicateId;
    for (const listener of this.#listeners) listener(writes);
  }

  #writeOne([hash, field, value]: CatalogWrite): void {
    switch (hash) {
      case 'object-types':
        this.#writeObjectType(field, value);
        return;
      case 'segments':
        this.#writeSegment(field, value);
        return;
      case 'views':
        if (value) this.views.set(field, value);
        else this.views.delete(field);
        return;
      case 'activations':
        if (value) this.activations.set(field, value);
        else this.activations.delete(field);
        return;
      case 'histories':
        if (value) this.histories.set(field, value);
        else this.histories.delete(field);
        return;
      case 'predicateIds':
        this.#writePredicateId(Number(field), value);
        return;
      case 'feedIds':
        if (value) this.feedSegments.set(Number(field), value);
        else this.feedSegments.delete(Number(field));
        return;
    }
  }

  #writeObjectType(name: string, stored: StoredObjectType | null): void {
    if (!stored) {
      this.objectTypes.delete(name);
      this.typeTags.delete(name);
      return;
    }
    const { revision, created = 0, changed = revision } = stored;
    this.objectTypes.set(name, objectType(name, revision, stored));
    this.typeTags.set(name, [String(created), changed]);
  }

  #writeSegment(slug: string, segment: StoredSegment | null): void {
    const old = this.segments.get(slug)?.predicateId;
    if (old !== null && old !== undefined) this.#slugsOf.get(old)?.delete(slug);
    if (!segment) {
      this.segments.delete(slug);
      return;
    }
    this.segments.set(slug, segment);
    if (segment.predicateId === null) return;
    addTo(this.#slugsOf, segment.predicateId, slug);
  }

  #writePredicateId(predicateId: number, stored: StoredPredicate | null): void {
    const old = this.predicateIds.get(predicateId);
    if (old && this.predicateIdOf(old.object_type, old.key) === predicateId)
      this.#byKey.delete(keyName(old.object_type, old.key));
    if (!stored) {
      this.predicateIds.delete(predicateId);
      this.#readsClock.delete(predicateId);
      return;
    }
    this.predicateIds.set(predicateId, stored);
    if (readsClock(stored.predicate)) this.#readsClock.add(predicateId);
    if (stored.status === 'building' || stored.status === 'ready')
      this.#byKey.set(keyName(stored.object_type, stored.key), predicateId);
  }
}

function usersBySlug(entries: readonly NamedEntry[]): Map<string, Set<string>> {
  const users = new Map<string, Set<string>>();
  for (const { slug, uses } of entries) {
    for (const used of uses) {
      addTo(users, used, slug);
    }
  }
  return users;
}

function keyName(objectTypeName: string, key: string): string {
  return `${objectTypeName} ${key}`;
}
