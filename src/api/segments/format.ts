/**
 * format.ts – Segments as they are answered.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { StoredSegment } from '../../catalog/catalog.ts';
import { entryTag } from '../../catalog/edit.ts';
import type { Deployment } from '../../engine/deployment.ts';
import type { FreshnessFigures } from '../../membership/freshness.ts';
import { filterTree } from '../../query/dialects/filter-tree.ts';
import { filterInWords } from '../../query/words/conditions.ts';
import { tag } from '../preconditions.ts';
import { isoTime } from '../times.ts';

/**
 * Redis is asked for `progress` only while something is being built. `looked`: the partitions were
 * looked at already, for other segments too.
 */
export async function formatSegment(
  segment: StoredSegment,
  { store: { catalog }, progress, freshness, founding }: Deployment,
  looked?: (segment: StoredSegment) => FreshnessFigures,
): Promise<Record<string, unknown>> {
  const { id, title, slug, description, object_type, query, json_logic, revision } = segment;
  const built = await progress.ofBuild(segment);
  const figuresOf = looked ?? (await freshness.look());
  return {
    id,
    title,
    slug,
    ...(description === undefined ? {} : { description }),
    object_type,
    query,
    words: wordsOf(segment, catalog, founding.timeZone),
    json_logic,
    ...catalog.statusOf(segment),
    progress: built,
    freshness: formatFreshness(figuresOf(segment)),
    revision,
    used_by: catalog.usersOf(slug),
    created_at: isoTime(segment.created_at),
    updated_at: isoTime(segment.updated_at),
  };
}

/** The query as a sentence. It names other segments by their titles of now. */
function wordsOf(
  { query, object_type }: StoredSegment,
  { objectTypes: types, segments }: Deployment['store']['catalog'],
  timeZone: string,
): string {
  const segmentTitle = (slug: string) => segments.get(slug)?.title;
  const vocabulary = { types, timeZone, segmentTitle };
  return filterInWords(filterTree(query), types.get(object_type)!, vocabulary);
}

function formatFreshness({ asOfMs, lagEntries, lagMs }: FreshnessFigures) {
  return { as_of_time: isoTime(asOfMs), lag_entries: lagEntries, lag_ms: lagMs };
}

/**
 * The segment, with its tag. Freshness goes on by the millisecond and is no part of it: else no tag
 * would be seen twice. Nor are the words, which hold titles of others.
 * @throws Problem precondition_failed if it is a read that wants another
 */
export async function taggedSegment(
  request: FastifyRequest,
  reply: FastifyReply,
  segment: StoredSegment,
  deployment: Deployment,
): Promise<Record<string, unknown>> {
  const shown = await formatSegment(segment, deployment);
  const { freshness, words, ...rest } = shown;
  tag(request, reply, entryTag(segment), rest);
  return shown;
}

/** The answer to a segment that was created: what it is, and where. */
export async function sendCreatedSegment(
  request: FastifyRequest,
  reply: FastifyReply,
  segment: StoredSegment,
  deployment: Deployment,
): Promise<FastifyReply> {
  const shown = await taggedSegment(request, reply, segment, deployment);
  return reply.code(201).header('location', `/v1/segments/${segment.slug}`).send(shown);
}
