/**
 * object-types.ts – Declares, changes and deletes object types.
 *
 * Keeps true: a change is refused if a segment or a view would not compile after it. A change of
 * what a filter's attributes mean makes the filter be rebuilt, as an edit does. A type that
 * segments, views, relationships or records use is not deleted.
 */
import { CAUSES, type CauseCode } from '../change/cause.ts';
import {
  type ObjectType,
  type ObjectTypeDefinition,
  objectType,
  objectTypeDefinition,
  parseObjectType,
  sameAttribute,
} from '../change/object-type.ts';
import { Problem } from '../errors.ts';
import { type CompiledQuery, compileQuery } from '../query/dialects/compile.ts';
import { readViewDefinition } from '../query/dialects/view-columns.ts';
import { predicateAttributes } from '../query/predicate/statement.ts';
import {
  type Catalog,
  type CatalogChange,
  isView,
  type StoredFilter,
  type StoredSegment,
  type StoredView,
} from './catalog.ts';
import { CatalogDraft } from './catalog-draft.ts';
import type { CatalogWriter } from './catalog-writer.ts';
import { type Edit, isSameJson, refuseUnmet, UNSIGNED } from './edit.ts';
import { queryScope, reassign, usersInOrder } from './segments.ts';

export class ObjectTypes {
  readonly #store: CatalogWriter;
  readonly #timeZone: string;
  readonly #hasRecords: (name: string) => Promise<boolean>;

  constructor(
    store: CatalogWriter,
    timeZone: string,
    hasRecords: (name: string) => Promise<boolean>,
  ) {
    this.#store = store;
    this.#timeZone = timeZone;
    this.#hasRecords = hasRecords;
  }

  /**
   * Declares a type, or changes it.
   * @throws Problem object_type_invalid | object_type_in_use, with the slugs of the segments and
   *   views that would break as `used_by`.
   */
  async put(
    name: string,
    body: unknown,
    edit: Edit = UNSIGNED,
  ): Promise<{ readonly type: ObjectType; readonly created: boolean }> {
    let created = false;
    await this.#store.write((catalog) => {
      const old = catalog.objectTypes.get(name);
      created = !old;
      refuseUnmet(edit, catalog.typeTags.get(name));
      const definition = parseObjectType(name, body, catalog.objectTypes);
      if (old && isSameJson(objectTypeDefinition(old), definition)) return undefined;
      const draft = new CatalogDraft(catalog, edit);
      placeObjectTypes(draft, catalog, new Map([[name, definition]]));
      if (old) recompile(draft, this.#timeZone);
      return draft.finish();
    });
    return { type: this.#store.catalog.objectTypes.get(name)!, created };
  }

  /** @throws Problem object_type_unknown | object_type_in_use */
  async remove(name: string, edit: Edit = UNSIGNED): Promise<void> {
    refuseUsed(this.#store.catalog, name);
    if (await this.#hasRecords(name))
      throw new Problem('object_type_in_use', `there are records of type '${name}'`);
    await this.#store.write((catalog): CatalogChange => {
      refuseUsed(catalog, name);
      refuseUnmet(edit, catalog.typeTags.get(name));
      const draft = new CatalogDraft(catalog, edit);
      draft.setObjectType(name, null);
      draft.edgesWithIds();
      recompile(draft, this.#timeZone); // others may look at the type through an inverse
      return draft.finish();
    });
  }

  /**
   * Has all that is kept of segments, views and relationships rebuilt from the records, as if
   * nothing were known yet. What was found to be wrong is never reused, and until it is rebuilt no
   * number is answered.
   */
  async rebuild(edit: Edit = UNSIGNED): Promise<void> {
    await this.#store.write((catalog): CatalogChange => {
      const draft = new CatalogDraft(catalog, edit);
      for (const predicateId of catalog.predicateIds.keys()) draft.outdate(predicateId);
      draft.edgesWithIds();
      recompile(draft, this.#timeZone, new Map(), CAUSES.repaired);
      for (const filter of [...draft.filters()]) draft.setFilter(unanswered(filter, draft.version));
      return draft.finish();
    });
  }
}

/**
 * What answered until now is kept, so that feeds can tell what the repair makes different. They go
 * by the member sets for that, also where the last edit is still noted as being told.
 */
function unanswered(filter: StoredFilter, since: number): StoredFilter {
  const { predicateId } = filter;
  if (predicateId === null) return filter;
  const switchedFrom = filter.telling ?? { predicateId, since };
  const telling = { ...switchedFrom, cause: CAUSES.repaired };
  return { ...filter, predicateId: null, telling };
}

/**
 * Puts definitions that were read into a draft, as new types or in place of those of the names.
 * Caller: recompiles filters.
 */
export function placeObjectTypes(
  draft: CatalogDraft,
  catalog: Catalog,
  definitions: ReadonlyMap<string, ObjectTypeDefinition>,
): void {
  for (const [name, definition] of definitions) {
    const old = catalog.objectTypes.get(name);
    const next = objectType(name, draft.version, definition);
    const isSameForRecords = old && fieldsOf(old) === fieldsOf(next);
    draft.setObjectType(name, {
      ...definition,
      revision: isSameForRecords ? old.revision : draft.version,
      created: Number(catalog.typeTags.get(name)?.[0] ?? draft.version),
      changed: draft.version,
    });
    if (old && !isSameForRecords) outdatePredicateIds(draft, catalog, old, next);
  }
  draft.edgesWithIds();
}

/**
 * Recompiles all filters of a draft, after types changed or segments that others refer to: also
 * those of other types, which may look across a relationship. Segments that this draft edited,
 * given as what answers for them so far, are switched together with those that refer to them.
 * @throws Problem object_type_in_use, with the slugs of what would break as `used_by`
 */
export function recompile(
  draft: CatalogDraft,
  timeZone: string,
  edited: ReadonlyMap<string, StoredSegment> = new Map(),
  cause: CauseCode = CAUSES.catalog_changed,
): void {
  const anew = new Map<string, CompiledQuery>();
  const broken: { slug: string; detail: string }[] = [];
  const brokenSegments = new Set<string>();
  const changed: { filter: StoredFilter; compiled: CompiledQuery; cause?: CauseCode }[] = [];
  const types = draft.objectTypes();
  const attempt = (entry: StoredFilter | StoredView, compile: () => void) => {
    const { slug, uses } = entry;
    // An entry that it uses would no longer mean anything: neither would it, whatever else it
    // contains.
    const used = uses.find((name) => brokenSegments.has(name));
    const why = used === undefined ? problemOf(compile)?.message : `it uses '${used}'`;
    if (why === undefined) return;
    broken.push({ slug, detail: why });
    if (!isView(entry)) brokenSegments.add(slug);
  };
  for (const filter of inOrderOfUse(draft)) {
    attempt(filter, () => {
      const type = types.get(filter.object_type)!;
      const compiled = compileQuery(filter.query, queryScope(draft, type, timeZone, anew));
      if (!isView(filter)) anew.set(filter.slug, compiled);
      const before = isView(filter) ? undefined : edited.get(filter.slug);
      const predicateId = filter.pending ?? filter.predicateId;
      if (before) changed.push({ filter: before, compiled });
      else if (predicateId === null || compiled.key !== draft.predicateId(predicateId).key)
        changed.push({ filter, compiled, cause });
    });
  }
  for (const view of draft.views()) {
    const scope = queryScope(draft, types.get(view.object_type)!, timeZone, anew);
    attempt(view, () => readViewDefinition(view, scope));
  }
  if (broken.length > 0) {
    const slugs = [...new Set(broken.map(({ slug }) => slug))].sort();
    const detail =
      'the change would break ' +
      `${broken.map(({ slug, detail: why }) => `'${slug}' (${why})`).join(', ')}`;
    throw new Problem('object_type_in_use', detail, [], { used_by: slugs });
  }
  if (changed.length > 0) reassign(draft, changed);
}

/** The refusal, if there was one. */
function problemOf(work: () => void): Problem | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

/**
 * Re-typing an attribute makes a stored predicate stale. It keeps answering until its replacement
 * is built, and is never reused, not even if the old type comes back.
 */
function outdatePredicateIds(
  draft: CatalogDraft,
  catalog: Catalog,
  old: ObjectType,
  next: ObjectType,
): void {
  const isRetyped = (name: string | undefined) =>
    name !== undefined && !sameAttribute(old.attributes.get(name), next.attributes.get(name));
  const outdated = new Set<number>();
  // ascending: a predicate reads only shared ones that were there before it
  for (const [predicateId, stored] of [...catalog.predicateIds].sort(([a], [b]) => a - b)) {
    const { object_type: objectTypeName, predicate, shared, reads = [] } = stored;
    const attributes = [...predicateAttributes(predicate), shared?.attribute];
    const isOwn = objectTypeName === old.name && attributes.some(isRetyped);
    if (!isOwn && !reads.some((read) => outdated.has(read))) continue;
    outdated.add(predicateId);
    draft.outdate(predicateId);
  }
}

/** The fields that records are checked against; what pages show of them is none of it. */
function fieldsOf({ attributes }: ObjectType): string {
  const fields = [...attributes].map(([name, { type, of }]) => [name, type, of]);
  return JSON.stringify(fields.sort(([a], [b]) => (a! < b! ? -1 : 1)));
}

/** All segments, each after those that it refers to, then all views with a query of their own. */
function inOrderOfUse(draft: CatalogDraft): StoredFilter[] {
  const order = new Set<StoredFilter>();
  for (const root of draft.segments()) if (root.uses.length === 0) order.add(root);
  for (const root of [...order]) {
    for (const user of usersInOrder(draft, root.slug)) {
      order.delete(user);
      order.add(user);
    }
  }
  const views = [...draft.filters()].filter(isView);
  return [...[...order].filter((filter) => !isView(filter)), ...views];
}

function refuseUsed(catalog: Catalog, name: string): void {
  if (!catalog.objectTypes.has(name)) throw unknownObjectType(name);
  const entries = [...catalog.segments.values(), ...catalog.views.values()]
    .filter((entry) => entry.object_type === name)
    .map(({ slug }) => slug);
  const types = [...catalog.objectTypes.values()]
    .filter(
      (type) =>
        type.name !== name && [...type.relationships.values()].some(({ to }) => to === name),
    )
    .map((type) => type.name);
  const usedBy = [...new Set([...entries, ...types])].sort();
  if (usedBy.length > 0) {
    throw new Problem('object_type_in_use', `'${name}' is used by ${usedBy.join(', ')}`, [], {
      used_by: usedBy,
    });
  }
}

export function unknownObjectType(name: string): Problem {
  return new Problem('object_type_unknown', `there is no object type '${name}'`, [], {
    object_type: name,
  });
}
