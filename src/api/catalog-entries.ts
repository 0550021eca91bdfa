/**
 * catalog-entries.ts – Finds an object type, a segment or a view by the name in a path.
 *
 * Keeps true: what another process created, changed or deleted before the request is found as it
 * is: none of these goes by an older catalog than is stored.
 */
import type { StoredSegment, StoredView } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { unknownObjectType } from '../catalog/object-types.ts';
import { unknownSegment } from '../catalog/segments.ts';
import { unknownView } from '../catalog/views.ts';
import type { ObjectType } from '../change/object-type.ts';

/** @throws Problem object_type_unknown */
export async function findObjectType(store: CatalogStore, name: string): Promise<ObjectType> {
  const type = (await store.refresh()).objectTypes.get(name);
  if (!type) throw unknownObjectType(name);
  return type;
}

/** @throws Problem segment_unknown */
export async function findSegment(store: CatalogStore, slug: string): Promise<StoredSegment> {
  const segment = (await store.refresh()).segments.get(slug);
  if (!segment) throw unknownSegment(slug);
  return segment;
}

/** @throws Problem view_unknown */
export async function findView(store: CatalogStore, slug: string): Promise<StoredView> {
  const view = (await store.refresh()).views.get(slug);
  if (!view) throw unknownView(slug);
  return view;
}
