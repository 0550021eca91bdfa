/**
 * object-types.ts – Declaring, changing and deleting object types.
 *
 * Keeps true: a change after which a segment would not compile is refused; one that changes what a segment's attributes mean
 * makes the segment be built anew, as an edit does; a type that segments, relationships or records use is not deleted.
 */
import { type ObjectType, objectType, objectTypeDefinition, parseObjectType } from '../change/object-type.ts';
import { Problem } from '../errors.ts';
import { type CompiledQuery, compileQuery, predicateAttributes } from '../query/compile.ts';
import type { Catalog, CatalogChange, StoredSegment } from './catalog.ts';
import { CatalogDraft } from './catalog-draft.ts';
import type { CatalogStore } from './catalog-store.ts';
import { queryScope, reassign, usersInOrder } from './segments.ts';

export class ObjectTypes {
  readonly #store: CatalogStore;
  readonly #timeZone: string;
  readonly #hasRecords: (name: string) => Promise<boolean>;

  constructor(store: CatalogStore, timeZone: string, hasRecords: (name: string) => Promise<boolean>) {
    this.#store = store;
    this.#timeZone = timeZone;
    this.#hasRecords = hasRecords;
  }

  /**
   * Declares a type, or changes it.
   * @throws Problem object_type_invalid | object_type_in_use, with the slugs of the segments that would break as `used_by`.
   */
  async put(name: string, body: unknown): Promise<{ readonly type: ObjectType; readonly created: boolean }> {
    let created = false;
    await this.#store.write((catalog) => {
      const old = catalog.objectTypes.get(name);
      created = !old;
      const definition = parseObjectType(name, body, catalog.objectTypes);
      if (old && JSON.stringify(objectTypeDefinition(old)) === JSON.stringify(definition)) return undefined;
      const draft = new CatalogDraft(catalog);
      const next = { ...definition, revision: draft.version };
      const isSameForRecords = old && fieldsOf(old) === fieldsOf(objectType(name, 0, definition));
      draft.setObjectType(name, isSameForRecords ? { ...next, revision: old.revision } : next);
      draft.anchorEdges();
      if (old && !isSameForRecords) outdateOrdinals(draft, catalog, old, objectType(name, 0, definition));
      if (old) this.#recompileSegments(draft);
      return draft.finish();
    });
    return { type: this.#store.catalog.objectTypes.get(name)!, created };
  }

  /** @throws Problem object_type_unknown | object_type_in_use */
  async remove(name: string): Promise<void> {
    refuseUsed(this.#store.catalog, name);
    if (await this.#hasRecords(name)) throw new Problem('object_type_in_use', `there are records of type '${name}'`);
    await this.#store.write((catalog): CatalogChange => {
      refuseUsed(catalog, name);
      const draft = new CatalogDraft(catalog);
      draft.setObjectType(name, null);
      draft.anchorEdges();
      return draft.finish();
    });
  }

  /** Those of other types too: they may look across a relationship. */
  #recompileSegments(draft: CatalogDraft): void {
    const anew = new Map<string, CompiledQuery>();
    const broken: { slug: string; detail: string }[] = [];
    const changed: { segment: StoredSegment; compiled: CompiledQuery }[] = [];
    const types = draft.objectTypes();
    for (const segment of inOrderOfUse(draft)) {
      try {
        const type = types.get(segment.object_type)!;
        const compiled = compileQuery(segment.query, queryScope(draft, type, this.#timeZone, anew));
        anew.set(segment.slug, compiled);
        if (compiled.key !== draft.ordinal(segment.pending ?? segment.ordinal!).key)
          changed.push({ segment, compiled });
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        broken.push({ slug: segment.slug, detail: error.message });
      }
    }
    if (broken.length > 0) {
      const slugs = broken.map(({ slug }) => slug).sort();
      const detail = `the change would break ${broken.map(({ slug, detail: why }) => `'${slug}' (${why})`).join(', ')}`;
      throw new Problem('object_type_in_use', detail, [], { used_by: slugs });
    }
    if (changed.length > 0) reassign(draft, changed);
  }
}

/**
 * What is stored of a predicate over a re-typed attribute was found out under the old type, and goes on under the new one: it
 * answers until the new one is built, but is given to nobody again, not even when the attribute gets its old type back.
 */
function outdateOrdinals(draft: CatalogDraft, catalog: Catalog, old: ObjectType, next: ObjectType): void {
  const isRetyped = (name: string | undefined) => name !== undefined && typeText(old, name) !== typeText(next, name);
  const outdated = new Set<number>();
  // ascending: a predicate reads only exported ones that were there before it
  for (const [ordinal, stored] of [...catalog.ordinals].sort(([a], [b]) => a - b)) {
    const { object_type: objectTypeName, predicate, exported, reads = [] } = stored;
    const attributes = [...predicateAttributes(predicate), exported?.attribute];
    const isOwn = objectTypeName === old.name && attributes.some(isRetyped);
    if (!isOwn && !reads.some((read) => outdated.has(read))) continue;
    outdated.add(ordinal);
    draft.setOrdinal(ordinal, { ...stored, key: `outdated ${ordinal}` });
  }
}

function typeText(type: ObjectType, attribute: string): string {
  return JSON.stringify(type.attributes.get(attribute) ?? null);
}

/** What records are checked against. */
function fieldsOf(type: ObjectType): string {
  return JSON.stringify([...type.attributes].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** All segments, each after those that it refers to. */
function inOrderOfUse(draft: CatalogDraft): StoredSegment[] {
  const all = [...draft.segments()];
  const order = new Map<string, StoredSegment>();
  for (const root of all.filter(({ uses }) => uses.length === 0)) {
    order.set(root.slug, root);
  }
  for (const root of [...order.values()]) {
    for (const user of usersInOrder(draft, root.slug)) {
      order.delete(user.slug);
      order.set(user.slug, user);
    }
  }
  return [...order.values()];
}

function refuseUsed(catalog: Catalog, name: string): void {
  if (!catalog.objectTypes.has(name)) throw unknownObjectType(name);
  const segments = [...catalog.segments.values()]
    .filter((segment) => segment.object_type === name)
    .map(({ slug }) => slug);
  const types = [...catalog.objectTypes.values()]
    .filter((type) => type.name !== name && [...type.relationships.values()].some(({ to }) => to === name))
    .map((type) => type.name);
  const usedBy = [...segments, ...types].sort();
  if (usedBy.length > 0) {
    throw new Problem('object_type_in_use', `'${name}' is used by ${usedBy.join(', ')}`, [], { used_by: usedBy });
  }
}

export function unknownObjectType(name: string): Problem {
  return new Problem('object_type_unknown', `there is no object type '${name}'`, [], { object_type: name });
}
