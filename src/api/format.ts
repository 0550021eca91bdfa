/**
 * format.ts – Records, object types and segments as they are answered.
 *
 * Keeps true: what is given out has the names and forms of the contract, whatever the engine calls it; times are ISO 8601 in UTC.
 */
import type { Catalog, StoredSegment } from '../catalog/catalog.ts';
import { type ObjectType, objectTypeDefinition } from '../change/object-type.ts';
import type { RecordRow } from '../change/record.ts';
import type { Memberships } from '../membership/memberships.ts';

export function formatRecord(objectType: string, id: string, record: RecordRow): Record<string, unknown> {
  const { data, version, sourceVersion, createdAt, updatedAt, archivedAt } = record;
  return {
    object_type: objectType,
    id,
    data,
    version,
    ...(sourceVersion === undefined ? {} : { source_version: sourceVersion }),
    created_at: isoTime(createdAt),
    updated_at: isoTime(updatedAt),
    archived_at: archivedAt === undefined ? null : isoTime(archivedAt),
  };
}

export function formatObjectType(type: ObjectType): Record<string, unknown> {
  return { name: type.name, ...objectTypeDefinition(type) };
}

/** `progress` is asked for only while something is being built. */
export async function formatSegment(
  segment: StoredSegment,
  catalog: Catalog,
  memberships: Memberships,
): Promise<Record<string, unknown>> {
  const { id, title, slug, description, object_type, query, json_logic, revision, pending } = segment;
  const progress = await memberships.progress(segment);
  return {
    id,
    title,
    slug,
    ...(description === undefined ? {} : { description }),
    object_type,
    query,
    json_logic,
    status: pending === null ? 'ready' : 'building',
    progress,
    revision,
    used_by: catalog.usersOf(slug),
    created_at: isoTime(segment.created_at),
    updated_at: isoTime(segment.updated_at),
  };
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
