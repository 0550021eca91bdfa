/**
 * segments.ts – Creates, edits and deletes segments.
 *
 * Keeps true: a slug is unique and never changes. No segment refers to itself through others, and
 * one that others use can't be deleted. An edit moves the segment, and all that refer to it, to new
 * predicate ids together; until those are built the old ones answer.
 */
import { randomUUID } from 'node:crypto';
import { CAUSES, type CauseCode } from '../change/cause.ts';
import { isObject, type ObjectType } from '../change/object-type.ts';
import { type Fault, Problem } from '../errors.ts';
import { type CompiledQuery, compileQuery } from '../query/dialects/compile.ts';
import type { Predicate } from '../query/predicate/predicate.ts';
import {
  type Catalog,
  type DeletedSegment,
  isView,
  NO_FEED_ID,
  type StoredFilter,
  type StoredSegment,
} from './catalog.ts';
import { CatalogDraft } from './catalog-draft.ts';
import type { CatalogWriter } from './catalog-writer.ts';
import { type Edit, entryTag, isSameJson, refuseUnmet, UNSIGNED } from './edit.ts';
import { checkMembers, checkNaming, declaredType, type Naming, refuseMoved } from './naming.ts';

/** The members of a segment that a client may send. */
export interface SegmentInput extends Naming {
  readonly query: unknown;
}

const MEMBERS = ['title', 'slug', 'description', 'object_type', 'query'];
/**
 * The members of a segment that the server adds: accepted back, so that what was read can be sent
 * again, and ignored.
 */
const SERVER_MEMBERS = [
  'id',
  'json_logic',
  'status',
  'reason',
  'progress',
  'freshness',
  'revision',
  'used_by',
  'words',
  'created_at',
  'updated_at',
];

export class Segments {
  readonly #store: CatalogWriter;
  readonly #timeZone: string;

  constructor(store: CatalogWriter, timeZone: string) {
    this.#store = store;
    this.#timeZone = timeZone;
  }

  /** @throws Problem segment_invalid | segment_slug_taken | object_type_unknown | query_invalid */
  async create(body: unknown, edit: Edit = UNSIGNED): Promise<StoredSegment> {
    const input = parseSegment(body);
    await this.#store.write((catalog) => {
      const draft = new CatalogDraft(catalog, edit);
      if (draft.segment(input.slug)) throw takenSlug(input.slug);
      reassign(draft, [readSegment(draft, input, this.#timeZone)]);
      return draft.finish();
    });
    return this.#stored(input.slug);
  }

  /**
   * Replaces all that a client gives of a segment. @throws Problem as `create`, and segment_unknown
   */
  async replace(slug: string, body: unknown, edit: Edit = UNSIGNED): Promise<StoredSegment> {
    return this.#edit(slug, body, edit, (_, given) => parseSegment({ slug, ...given }));
  }

  /**
   * Replaces the members that are given; a description of null is removed. @throws Problem as
   * `replace`
   */
  async patch(slug: string, body: unknown, edit: Edit = UNSIGNED): Promise<StoredSegment> {
    return this.#edit(slug, body, edit, (old, given) => {
      const { title, description, object_type, query } = old;
      const merged = {
        title,
        slug,
        object_type,
        query,
        ...(description === undefined ? {} : { description }),
        ...given,
      };
      if (merged.description === null) delete (merged as { description?: unknown }).description;
      return parseSegment(merged);
    });
  }

  /** @throws Problem segment_unknown | segment_in_use */
  async remove(slug: string, edit: Edit = UNSIGNED): Promise<void> {
    await this.#store.write((catalog) => {
      const segment = catalog.segments.get(slug);
      if (!segment) throw unknownSegment(slug);
      const usedBy = catalog.usersOf(slug);
      if (usedBy.length > 0) {
        throw new Problem('segment_in_use', `'${slug}' is used by ${usedBy.join(', ')}`, [], {
          used_by: usedBy,
        });
      }
      refuseUnmet(edit, entryTag(segment));
      const draft = new CatalogDraft(catalog, edit);
      draft.setSegment(slug, null);
      return draft.finish();
    });
  }

  async #edit(
    slug: string,
    body: unknown,
    edit: Edit,
    read: (old: StoredSegment, given: Record<string, unknown>) => SegmentInput,
  ): Promise<StoredSegment> {
    const given = objectBody(body);
    await this.#store.write((catalog) => {
      const draft = new CatalogDraft(catalog, edit);
      const old = draft.segment(slug);
      if (!old) throw unknownSegment(slug);
      refuseUnmet(edit, entryTag(old));
      const input = read(old, given);
      refuseMoved(old, input, 'segment_invalid');
      const edited = readSegment(draft, input, this.#timeZone);
      if (edited.filter.revision === old.revision && isWell(catalog, old)) return undefined;
      reassign(draft, [edited, ...this.#recompileUsers(draft, slug, edited.compiled)]);
      return draft.finish();
    });
    return this.#stored(slug);
  }

  /**
   * Recompiles what refers to an edited segment, directly or through others, each after those that
   * it refers to.
   */
  #recompileUsers(draft: CatalogDraft, slug: string, compiled: CompiledQuery): Reassigned[] {
    const anew = new Map<string, CompiledQuery>([[slug, compiled]]);
    const done: Reassigned[] = [];
    for (const user of usersInOrder(draft, slug)) {
      const query = this.#recompileUser(draft, user, slug, anew);
      if (!isView(user)) anew.set(user.slug, query);
      done.push({ filter: user, compiled: query });
    }
    return done;
  }

  /** @throws Problem query_invalid about the edit, which is what would break the user. */
  #recompileUser(
    draft: CatalogDraft,
    user: StoredFilter,
    slug: string,
    anew: ReadonlyMap<string, CompiledQuery>,
  ): CompiledQuery {
    const type = declaredType(draft, user.object_type, 'segment_invalid');
    try {
      return compileQuery(user.query, queryScope(draft, type, this.#timeZone, anew));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const detail = `the edit would break '${user.slug}', which uses '${slug}': ${error.message}`;
      throw new Problem('query_invalid', detail, [{ path: '/query', detail }]);
    }
  }

  #stored(slug: string): StoredSegment {
    const stored = this.#store.catalog.segments.get(slug);
    if (!stored) throw unknownSegment(slug);
    return stored;
  }
}

interface ReadingSegment {
  readonly named?: NamedSegments;
  /** The segment that it continues, if that is not stored any more. */
  readonly former?: DeletedSegment['members'];
}

/**
 * The segment as it will be, new or in place of the one that has the slug; `reassign` puts it into
 * the draft. If it says what that one says, it is no further revision.
 * @throws Problem segment_invalid | query_invalid
 */
export function readSegment(
  draft: CatalogDraft,
  input: SegmentInput,
  timeZone: string,
  { named = AS_STORED, former }: ReadingSegment = {},
): Reassigned {
  const type = declaredType(draft, input.object_type, 'segment_invalid');
  const compiled = compileQuery(input.query, namedScope(draft, type, timeZone, named));
  const way = wayBack(draft, compiled.uses, input.slug);
  if (way) throw selfReference([input.slug, ...way]);
  const stored = draft.segment(input.slug);
  const isSame = !former && stored !== undefined && isSameJson(segmentInput(stored), input);
  const old = former ?? stored;
  const by = isSame ? stored.updated_by : draft.by;
  const now = Date.now();
  const filter: StoredSegment = {
    id: old?.id ?? randomUUID(),
    feedId: old?.feedId ?? NO_FEED_ID,
    ...input,
    json_logic: compiled.jsonLogic,
    uses: compiled.uses,
    revision: isSame ? stored.revision : (old?.revision ?? 0) + 1,
    ready_revision: old?.ready_revision ?? null,
    predicateId: old?.predicateId ?? null,
    pending: null,
    ...stillTold(former ? undefined : stored),
    created_at: old?.created_at ?? now,
    updated_at: isSame ? stored.updated_at : now,
    ...(by === undefined ? {} : { updated_by: by }),
  };
  return { filter, compiled };
}

/** The answer to segments that use each other in a circle. */
export function selfReference(way: readonly string[]): Problem {
  const detail = `the segment would refer to itself: ${way.join(' → ')}`;
  return new Problem('query_invalid', detail, [{ path: '/query', detail }]);
}

interface Reassigned {
  readonly filter: StoredFilter;
  readonly compiled: CompiledQuery;
  /** Why it may mean something else; absent: it, or a segment that it uses, was edited. */
  readonly cause?: CauseCode;
}

/**
 * Moves segments and views to the predicate ids of what they mean now. At once if all of those are
 * built, and the differences of an earlier switch are told; else when they are: one write in the
 * catalog switches them together.
 */
export function reassign(draft: CatalogDraft, group: readonly Reassigned[]): void {
  const assigned = group.map(({ filter, compiled, cause = CAUSES.segment_edited }) => ({
    ...filter,
    json_logic: compiled.jsonLogic,
    pending: draft.predicateIdFor(filter.object_type, compiled),
    pending_cause: cause,
  }));
  const isReady = assigned.every(
    (filter) =>
      draft.predicateId(filter.pending).status === 'ready' &&
      (filter.pending === filter.predicateId || mayMove(filter)),
  );
  for (const filter of assigned)
    draft.setFilter(isReady ? switched(filter, draft.version) : filter);
}

/** What an edit keeps of the last switch: its differences are told to their end. */
export function stillTold(old: StoredFilter | undefined): Pick<StoredFilter, 'telling'> {
  return old?.telling ? { telling: old.telling } : {};
}

/** Whether no partition is telling the differences of an earlier switch any more. */
export function mayMove({ predicateId, telling }: StoredFilter): boolean {
  return telling === undefined || predicateId === null;
}

/**
 * A filter whose pending predicate answers from now on, at a version of the catalog. The one that
 * did before is kept until all differences are told.
 */
export function switched(filter: StoredFilter, version: number): StoredFilter {
  const { pending_cause: cause = CAUSES.segment_edited, telling, ...rest } = filter;
  const { predicateId: from, pending, revision } = filter;
  const answering = { ...rest, predicateId: pending, pending: null, ready_revision: revision };
  if (from !== null && from !== pending)
    return { ...answering, telling: { predicateId: from, cause, since: version } };
  return telling ? { ...answering, telling: { ...telling, since: version } } : answering;
}

/** What is known of segments that queries name, while a draft of many is made. */
export interface NamedSegments {
  /** What they mean now, where that is not what is stored. */
  readonly anew: ReadonlyMap<string, CompiledQuery>;
  /** Called for each segment that a query names, before it is looked up. */
  before(slug: string): void;
}

const AS_STORED: NamedSegments = { anew: new Map(), before: () => {} };

/** As `queryScope`, for a draft whose other parts may still be on their way. */
export function namedScope(
  draft: CatalogDraft,
  type: ObjectType,
  timeZone: string,
  { anew, before }: NamedSegments = AS_STORED,
): Parameters<typeof compileQuery>[1] {
  const scope = queryScope(draft, type, timeZone, anew);
  const segment = (slug: string) => {
    before(slug);
    return scope.segment?.(slug);
  };
  return { ...scope, segment };
}

/**
 * The context that a query of this type is compiled against; `anew` overrides what segments mean so
 * far.
 */
export function queryScope(
  draft: CatalogDraft,
  type: ObjectType,
  timeZone: string,
  anew: ReadonlyMap<string, CompiledQuery> = new Map(),
): Parameters<typeof compileQuery>[1] {
  return {
    type,
    types: draft.objectTypes(),
    timeZone,
    segment: (slug) => {
      const segment = draft.segment(slug);
      if (!segment) return undefined;
      const newest = anew.get(slug);
      const predicate = newest?.predicate ?? predicateOf(draft, segment, timeZone);
      return {
        objectType: segment.object_type,
        predicate,
        jsonLogic: newest?.jsonLogic ?? segment.json_logic,
      };
    },
  };
}

/**
 * What a segment means so far; one that lost its predicate ids (an older repair left such) is read
 * again.
 */
function predicateOf(draft: CatalogDraft, segment: StoredSegment, timeZone: string): Predicate {
  const predicateId = segment.pending ?? segment.predicateId;
  const stored = predicateId === null ? undefined : draft.predicateId(predicateId);
  if (stored) return stored.source ?? stored.predicate;
  const type = declaredType(draft, segment.object_type, 'segment_invalid');
  return compileQuery(segment.query, queryScope(draft, type, timeZone)).predicate;
}

/**
 * All that refer to a segment, directly or not, so that each comes after those that it refers to.
 */
export function usersInOrder(draft: CatalogDraft, slug: string): StoredFilter[] {
  const filters = [...draft.filters()];
  const order: StoredFilter[] = [];
  const seen = new Set<StoredFilter | undefined>([draft.segment(slug)]);
  const visit = (used: string) => {
    for (const user of filters) {
      if (seen.has(user) || !user.uses.includes(used)) continue;
      seen.add(user);
      if (!isView(user)) visit(user.slug); // nothing refers to a view
      order.push(user);
    }
  };
  visit(slug);
  return order.reverse();
}

/** A way by references from `uses` back to `slug`, if there is one. */
function wayBack(
  draft: CatalogDraft,
  uses: readonly string[],
  slug: string,
  seen = new Set<string>(),
): string[] | undefined {
  for (const used of uses) {
    if (used === slug) return [slug];
    if (seen.has(used)) continue;
    seen.add(used);
    const rest = wayBack(draft, draft.segment(used)?.uses ?? [], slug, seen);
    if (rest) return [used, ...rest];
  }
  return undefined;
}

/** Reads what was sent, except what only the catalog can check. @throws Problem segment_invalid */
export function parseSegment(body: unknown): SegmentInput {
  const given = objectBody(body);
  const faults: Fault[] = [];
  const refuse = (path: string, detail: string) => faults.push({ path, detail });
  checkMembers(given, [...MEMBERS, ...SERVER_MEMBERS], 'a segment', refuse);
  const naming = checkNaming(given, refuse);
  if (given.query === undefined)
    refuse('/query', 'query is required: a rule group, an item tree or JsonLogic');
  if (faults.length > 0) throw new Problem('segment_invalid', faults[0]!.detail, faults);
  return { ...naming, query: given.query };
}

function objectBody(body: unknown): Record<string, unknown> {
  if (isObject(body)) return body;
  throw new Problem('segment_invalid', 'a segment is a JSON object', [
    { path: '', detail: 'a segment is a JSON object' },
  ]);
}

/**
 * Whether a predicate answers for it, or will. If not, saving the very same builds it anew: one has
 * failed, or has lost its predicate by an older repair.
 */
export function isWell(catalog: Catalog, filter: StoredFilter): boolean {
  return (filter.pending ?? filter.predicateId) !== null && !catalog.failureOf(filter);
}

/** The answer to a slug that another segment has. */
export function takenSlug(slug: string): Problem {
  return new Problem('segment_slug_taken', `there is a segment '${slug}' already`, [
    { path: '/slug', detail: 'taken' },
  ]);
}

/** The answer to an unknown slug; it names it. */
export function unknownSegment(slug: string): Problem {
  return new Problem('segment_unknown', `there is no segment '${slug}'`, [], { slug });
}

/**
 * The segments and views whose newest revision is not answered for yet, in groups that switch
 * together.
 */
export function pendingGroups(catalog: Catalog): StoredFilter[][] {
  const pending = new Set([...catalog.filters()].filter((filter) => filter.pending !== null));
  const groups: StoredFilter[][] = [];
  while (pending.size > 0) {
    const [first] = pending;
    groups.push(takeConnected(pending, first!));
  }
  return groups;
}

/**
 * Takes a pending filter and all pending ones that it is connected with by references, either way.
 */
function takeConnected(pending: Set<StoredFilter>, first: StoredFilter): StoredFilter[] {
  const group = [first];
  pending.delete(first);
  for (let i = 0; i < group.length; i++) {
    for (const other of [...pending]) {
      if (!refersTo(other, group[i]!) && !refersTo(group[i]!, other)) continue;
      pending.delete(other);
      group.push(other);
    }
  }
  return group;
}

function refersTo(user: StoredFilter, used: StoredFilter): boolean {
  return !isView(used) && user.uses.includes(used.slug);
}

/** A stored segment as a client gave it. */
export function segmentInput({
  title,
  slug,
  description,
  object_type,
  query,
}: StoredSegment): SegmentInput {
  return { title, slug, ...(description === undefined ? {} : { description }), object_type, query };
}
