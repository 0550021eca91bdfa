/**
 * catalog-entries.ts – Finds an object type, a segment or a view by the name in a path.
 *
 * Keeps true: what another process created before the request is found: a name that this one does not know is looked up in Redis.
 */
import type { StoredSegment, StoredView } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { unknownObjectType } from '../catalog/object-types.ts';
import { unknownSegment } from '../catalog/segments.ts';
import { unknownView } from '../catalog/views.ts';
import type { ObjectType } from '../change/object-type.ts';

/** @throws Problem object_type_unknown */
export async function findObjectType(store: CatalogStore, name: string): Promise<ObjectType> {
  const { objectTypes } = store.catalog;
  if (!objectTypes.has(name)) await store.refresh();
  const type = objectTypes.get(name);
  if (!type) throw unknownObjectType(name);
  return type;
}

/** @throws Problem segment_unknown */
export async function findSegment(store: CatalogStore, slug: string): Promise<StoredSegment> {
  const { segments } = store.catalog;
  if (!segments.has(slug)) await store.refresh();
  const segment = segments.get(slug);
  if (!segment) throw unknownSegment(slug);
  return segment;
}

/** @throws Problem view_unknown */
export async function findView(store: CatalogStore, slug: string): Promise<StoredView> {
  const { views } = store.catalog;
  if (!views.has(slug)) await store.refresh();
  const view = views.get(slug);
  if (!view) throw unknownView(slug);
  return view;
}
