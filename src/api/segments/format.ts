/**
 * format.ts – Segments as they are answered.
 */
import type { StoredSegment } from '../../catalog/catalog.ts';
import type { Deployment } from '../../engine/deployment.ts';
import { isoTime } from '../times.ts';

/** Redis is asked for `progress` only while something is being built. */
export async function formatSegment(
  segment: StoredSegment,
  { store: { catalog }, progress }: Deployment,
): Promise<Record<string, unknown>> {
  const { id, title, slug, description, object_type, query, json_logic, revision } = segment;
  const built = await progress.ofBuild(segment);
  return {
    id,
    title,
    slug,
    ...(description === undefined ? {} : { description }),
    object_type,
    query,
    json_logic,
    ...catalog.statusOf(segment),
    progress: built,
    revision,
    used_by: catalog.usersOf(slug),
    created_at: isoTime(segment.created_at),
    updated_at: isoTime(segment.updated_at),
  };
}
