/**
 * segments.ts – Creating, editing and deleting segments.
 *
 * Keeps true: a slug is unique and never changes; no segment refers to itself through others; a segment that others use can't
 * be deleted; an edit moves the segment and all that refer to it to new ordinals together, and until those are built the old
 * ones answer.
 */
import { randomUUID } from 'node:crypto';
import { isObject, type ObjectType } from '../change/object-type.ts';
import { type Fault, Problem, pointer } from '../errors.ts';
import { type CompiledQuery, compileQuery } from '../query/compile.ts';
import type { Catalog, StoredSegment } from './catalog.ts';
import { CatalogDraft } from './catalog-draft.ts';
import type { CatalogStore } from './catalog-store.ts';

const SLUG = /^[a-z0-9][a-z0-9_-]{0,127}$/;
const RESERVED_SLUGS = new Set(['counts', 'preview', 'overlap']);
const TITLE_LENGTH_MAX = 200;
const DESCRIPTION_LENGTH_MAX = 4000;

/** What a client may say of a segment. */
interface SegmentInput {
  readonly title: string;
  readonly slug: string;
  readonly description?: string;
  readonly object_type: string;
  readonly query: unknown;
}

const MEMBERS = ['title', 'slug', 'description', 'object_type', 'query'] as const;
/** What the server says of a segment: accepted back, so that what was read can be sent again, and ignored. */
const SERVER_MEMBERS = ['id', 'json_logic', 'status', 'progress', 'revision', 'used_by', 'created_at', 'updated_at'];

export class Segments {
  readonly #store: CatalogStore;
  readonly #timeZone: string;

  constructor(store: CatalogStore, timeZone: string) {
    this.#store = store;
    this.#timeZone = timeZone;
  }

  /** @throws Problem segment_invalid | segment_slug_taken | object_type_unknown | query_invalid */
  async create(body: unknown): Promise<StoredSegment> {
    const input = parseSegment(body);
    await this.#store.write((catalog) => {
      const draft = new CatalogDraft(catalog);
      if (draft.segment(input.slug)) throw taken(input.slug);
      const type = typeOf(draft, input.object_type);
      const compiled = this.#compile(draft, input, type);
      const now = Date.now();
      const ordinal = draft.ordinalFor(type.name, compiled);
      const isReady = draft.ordinal(ordinal).status === 'ready';
      draft.setSegment(input.slug, {
        id: randomUUID(),
        ...input,
        json_logic: compiled.jsonLogic,
        uses: compiled.uses,
        revision: 1,
        ready_revision: isReady ? 1 : null,
        ordinal: isReady ? ordinal : null,
        pending: isReady ? null : ordinal,
        created_at: now,
        updated_at: now,
      });
      return draft.finish();
    });
    return this.#stored(input.slug);
  }

  /** Replaces all that a client says of a segment. @throws Problem as `create`, and segment_unknown */
  async replace(slug: string, body: unknown): Promise<StoredSegment> {
    return this.#edit(slug, body, (_, given) => parseSegment({ slug, ...given }));
  }

  /** Replaces the members that are given; a description of null is removed. @throws Problem as `replace` */
  async patch(slug: string, body: unknown): Promise<StoredSegment> {
    return this.#edit(slug, body, (old, given) => {
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
  async remove(slug: string): Promise<void> {
    await this.#store.write((catalog) => {
      if (!catalog.segments.has(slug)) throw unknownSegment(slug);
      const usedBy = catalog.usersOf(slug);
      if (usedBy.length > 0) {
        throw new Problem('segment_in_use', `'${slug}' is used by ${usedBy.join(', ')}`, [], { used_by: usedBy });
      }
      const draft = new CatalogDraft(catalog);
      draft.setSegment(slug, null);
      return draft.finish();
    });
  }

  async #edit(
    slug: string,
    body: unknown,
    read: (old: StoredSegment, given: Record<string, unknown>) => SegmentInput,
  ): Promise<StoredSegment> {
    const given = objectBody(body);
    await this.#store.write((catalog) => {
      const draft = new CatalogDraft(catalog);
      const old = draft.segment(slug);
      if (!old) throw unknownSegment(slug);
      const input = read(old, given);
      refuseMoved(old, input);
      const compiled = this.#compile(draft, input, typeOf(draft, input.object_type));
      const { description: _, ...kept } = old;
      const edited = { ...kept, ...input, revision: old.revision + 1, updated_at: Date.now() };
      reassign(draft, [{ segment: edited, compiled }, ...this.#recompileUsers(draft, edited, compiled)]);
      return draft.finish();
    });
    return this.#stored(slug);
  }

  /** The segments that refer to an edited one, directly or through others, each compiled after those that it refers to. */
  #recompileUsers(draft: CatalogDraft, edited: StoredSegment, compiled: CompiledQuery): Reassigned[] {
    const anew = new Map<string, CompiledQuery>([[edited.slug, compiled]]);
    const done: Reassigned[] = [];
    for (const user of usersInOrder(draft, edited.slug)) {
      const query = this.#compile(draft, user, typeOf(draft, user.object_type), anew);
      anew.set(user.slug, query);
      done.push({ segment: user, compiled: query });
    }
    return done;
  }

  #compile(
    draft: CatalogDraft,
    input: Pick<SegmentInput, 'slug' | 'query'>,
    type: ObjectType,
    anew: ReadonlyMap<string, CompiledQuery> = new Map(),
  ): CompiledQuery {
    const compiled = compileQuery(input.query, queryScope(draft, type, this.#timeZone, anew));
    const way = wayBack(draft, compiled.uses, input.slug);
    if (way) {
      const detail = `the segment would refer to itself: ${[input.slug, ...way].join(' → ')}`;
      throw new Problem('query_invalid', detail, [{ path: '/query', detail }]);
    }
    return compiled;
  }

  #stored(slug: string): StoredSegment {
    const stored = this.#store.catalog.segments.get(slug);
    if (!stored) throw unknownSegment(slug);
    return stored;
  }
}

interface Reassigned {
  readonly segment: StoredSegment;
  readonly compiled: CompiledQuery;
}

/**
 * Moves segments to the ordinals of what they mean now: at once if all of those are built, else when all are (one write in
 * the catalog switches them together).
 */
export function reassign(draft: CatalogDraft, group: readonly Reassigned[]): void {
  const assigned = group.map(({ segment, compiled }) => ({
    segment: { ...segment, json_logic: compiled.jsonLogic, uses: compiled.uses },
    ordinal: draft.ordinalFor(segment.object_type, compiled),
  }));
  const isReady = assigned.every(({ ordinal }) => draft.ordinal(ordinal).status === 'ready');
  for (const { segment, ordinal } of assigned) {
    const settled = isReady
      ? { ...segment, ordinal, pending: null, ready_revision: segment.revision }
      : { ...segment, pending: ordinal };
    draft.setSegment(segment.slug, settled);
  }
}

/** What a query of this type is compiled against; `anew` overrides what segments mean so far. */
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
      const ordinal = segment.pending ?? segment.ordinal;
      const stored = draft.ordinal(ordinal!);
      const predicate = newest?.predicate ?? stored.source ?? stored.predicate;
      return { objectType: segment.object_type, predicate, jsonLogic: newest?.jsonLogic ?? segment.json_logic };
    },
  };
}

/** All that refer to a segment, directly or not, so that each comes after those that it refers to. */
export function usersInOrder(draft: CatalogDraft, slug: string): StoredSegment[] {
  const segments = [...draft.segments()];
  const order: StoredSegment[] = [];
  const seen = new Set<string>([slug]);
  const visit = (used: string) => {
    for (const user of segments) {
      if (seen.has(user.slug) || !user.uses.includes(used)) continue;
      seen.add(user.slug);
      visit(user.slug);
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

function parseSegment(body: unknown): SegmentInput {
  const given = objectBody(body);
  const faults: Fault[] = [];
  const refuse = (path: string, detail: string) => faults.push({ path, detail });
  for (const member of Object.keys(given)) {
    if (!(MEMBERS as readonly string[]).includes(member) && !SERVER_MEMBERS.includes(member)) {
      refuse(pointer('', member), `'${member}' is not a member of a segment`);
    }
  }
  const { title, slug, description, object_type, query } = given;
  if (typeof title !== 'string' || title.trim() === '' || title.length > TITLE_LENGTH_MAX) {
    refuse('/title', `title is required: 1 to ${TITLE_LENGTH_MAX} characters`);
  }
  if (typeof slug !== 'string' || !SLUG.test(slug)) refuse('/slug', `slug is required and must match ${SLUG.source}`);
  else if (RESERVED_SLUGS.has(slug)) refuse('/slug', `'${slug}' is the name of an endpoint`);
  if (description !== undefined && (typeof description !== 'string' || description.length > DESCRIPTION_LENGTH_MAX)) {
    refuse('/description', `description is a string of at most ${DESCRIPTION_LENGTH_MAX} characters`);
  }
  if (typeof object_type !== 'string') refuse('/object_type', 'object_type is required: the name of a declared type');
  if (query === undefined) refuse('/query', 'query is required: a rule group, an item tree or JsonLogic');
  if (faults.length > 0) throw new Problem('segment_invalid', faults[0]!.detail, faults);
  const required = { title, slug, object_type, query } as SegmentInput;
  return description === undefined ? required : { ...required, description: description as string };
}

function objectBody(body: unknown): Record<string, unknown> {
  if (isObject(body)) return body;
  throw new Problem('segment_invalid', 'a segment is a JSON object', [
    { path: '', detail: 'a segment is a JSON object' },
  ]);
}

function refuseMoved(old: StoredSegment, input: SegmentInput): void {
  for (const member of ['slug', 'object_type'] as const) {
    if (input[member] === old[member]) continue;
    const detail = `${member} can't be changed; it is '${old[member]}'`;
    throw new Problem('segment_invalid', detail, [{ path: `/${member}`, detail }]);
  }
}

function typeOf(draft: CatalogDraft, name: string): ObjectType {
  const type = draft.objectTypes().get(name);
  if (type) return type;
  const detail = `there is no object type '${name}'`;
  throw new Problem('segment_invalid', detail, [{ path: '/object_type', detail }]);
}

function taken(slug: string): Problem {
  return new Problem('segment_slug_taken', `there is a segment '${slug}' already`, [
    { path: '/slug', detail: 'taken' },
  ]);
}

/** The answer to a slug that nobody has; it names it. */
export function unknownSegment(slug: string): Problem {
  return new Problem('segment_unknown', `there is no segment '${slug}'`, [], { slug });
}

/** The segments whose newest revision is not answered for yet, in groups that switch together. */
export function pendingGroups(catalog: Catalog): StoredSegment[][] {
  const pending = new Map([...catalog.segments].filter(([, { pending }]) => pending !== null));
  const groups: StoredSegment[][] = [];
  while (pending.size > 0) {
    const [first] = pending.values();
    groups.push(takeConnected(pending, first!));
  }
  return groups;
}

/** Takes a pending segment and all pending ones that it is connected with by references, either way. */
function takeConnected(pending: Map<string, StoredSegment>, first: StoredSegment): StoredSegment[] {
  const group = [first];
  pending.delete(first.slug);
  for (let i = 0; i < group.length; i++) {
    for (const other of [...pending.values()]) {
      if (!other.uses.includes(group[i]!.slug) && !group[i]!.uses.includes(other.slug)) continue;
      pending.delete(other.slug);
      group.push(other);
    }
  }
  return group;
}
