/**
 * slug-faults.ts – Finds slugs that do not lead readers of the store to the predicate of their
 * segment.
 *
 * Keeps true: slugs and segments are compared as of one instant. A slug is mended only while its
 * segment is as it was then, so that an edit that is switched to meanwhile is never undone.
 */
import type { KeyAudits, StoredSlug } from './audit-store.ts';
import type { StoredFault } from './fault.ts';

export async function findSlugFaults(keys: Pick<KeyAudits, 'slugs'>): Promise<StoredFault[]> {
  return (await keys.slugs()).flatMap(judge);
}

/** A segment that was never built has no members, and its slug leads nowhere. */
function judge({ slug, segment, leadsTo, leadTo }: StoredSlug): StoredFault[] {
  const predicateId = segment?.predicateId ?? null;
  const expected = predicateId === null ? null : String(predicateId);
  if (leadsTo === expected) return [];
  const text = `${slug}=${leadsTo ?? 'none'}`;
  return [{ place: 'slugs', of: 'slugs', text, isExtra: leadsTo !== null, mend: leadTo(expected) }];
}
