/**
 * slug-faults.ts – Looks at the hash that leads readers of Redis from a slug to the sets of a
 * segment: does it say what the segments say?
 *
 * Keeps true: both are read at one instant, and a field is mended only while its segment is as it
 * was then, so that an edit that is switched to meanwhile is never undone.
 */
import type { Redis } from 'ioredis';
import type { StoredSegment } from '../catalog/catalog.ts';
import type { CatalogKeys } from '../redis/keys.ts';
import { carriedOut } from '../redis/transaction.ts';
import type { Fault, Mend } from './fault.ts';

type Hash = Readonly<Record<string, string>>;

export async function findSlugFaults(redis: Redis, keys: CatalogKeys): Promise<Fault[]> {
  const transaction = redis.multi().hgetall(keys.segments).hgetall(keys.slugs);
  const [segments, slugs] = (await carriedOut(transaction)) as [Hash, Hash];
  const named = new Set([...Object.keys(segments), ...Object.keys(slugs)]);
  return [...named].flatMap((slug) =>
    judge(keys, slug, segments[slug] ?? null, slugs[slug] ?? null),
  );
}

/** A segment that was never built has no sets, and no field. */
function judge(
  keys: CatalogKeys,
  slug: string,
  segment: string | null,
  found: string | null,
): Fault[] {
  const predicateId = segment === null ? null : (JSON.parse(segment) as StoredSegment).predicateId;
  const expected = predicateId === null ? null : String(predicateId);
  if (found === expected) return [];
  const guards = [{ key: keys.segments, field: slug, value: segment }];
  const mend: Mend =
    expected === null
      ? { verb: 'HDEL', key: keys.slugs, arguments: [slug], guards }
      : { verb: 'HSET', key: keys.slugs, arguments: [slug, expected], guards };
  return [
    {
      place: 'slugs',
      of: 'slugs',
      told: `${slug}=${found ?? 'none'}`,
      isExtra: found !== null,
      mend,
    },
  ];
}
