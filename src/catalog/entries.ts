/**
 * entries.ts – Finds an object type, a segment or a view by its name.
 *
 * Keeps true: a name is unknown only if the stored catalog does not have it. Another process may
 * have created it a moment ago, so the catalog is refreshed before a name is refused.
 */
import type { ObjectType } from '../change/object-type.ts';
import type { Catalog, StoredSegment, StoredView } from './catalog.ts';
import type { CatalogStore } from './catalog-store.ts';
import { unknownObjectType } from './object-types.ts';
import { unknownSegment } from './segments.ts';
import { unknownView } from './views.ts';

/**
 * `current`: the entry as it is stored now, for one round trip. `known`: as this process knows it,
 * asked for only if it does not know it at all.
 */
export type Freshness = 'current' | 'known';

type Entries = Pick<CatalogStore, 'catalog' | 'refresh'>;

/** @throws Problem object_type_unknown */
export async function findObjectType(
  store: Entries,
  name: string,
  freshness: Freshness = 'current',
): Promise<ObjectType> {
  const type = await find(store, freshness, ({ objectTypes }) => objectTypes.get(name));
  if (!type) throw unknownObjectType(name);
  return type;
}

/** @throws Problem segment_unknown */
export async function findSegment(
  store: Entries,
  slug: string,
  freshness: Freshness = 'current',
): Promise<StoredSegment> {
  const segment = await find(store, freshness, ({ segments }) => segments.get(slug));
  if (!segment) throw unknownSegment(slug);
  return segment;
}

/**
 * Some segments as this process knows them, in the order of the slugs. The catalog is asked once if
 * it does not know them all. @throws Problem segment_unknown, naming the first unknown slug
 */
export async function findSegments(
  store: Entries,
  slugs: readonly string[],
): Promise<StoredSegment[]> {
  if (slugs.some((slug) => !store.catalog.segments.has(slug))) await store.refresh();
  return slugs.map((slug) => {
    const segment = store.catalog.segments.get(slug);
    if (!segment) throw unknownSegment(slug);
    return segment;
  });
}

/** @throws Problem view_unknown */
export async function findView(
  store: Entries,
  slug: string,
  freshness: Freshness = 'current',
): Promise<StoredView> {
  const view = await find(store, freshness, ({ views }) => views.get(slug));
  if (!view) throw unknownView(slug);
  return view;
}

async function find<T>(
  store: Entries,
  freshness: Freshness,
  pick: (catalog: Catalog) => T | undefined,
): Promise<T | undefined> {
  const known = freshness === 'known' ? pick(store.catalog) : undefined;
  return known ?? pick(await store.refresh());
}
