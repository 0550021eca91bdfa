/**
 * routes.ts – Who entered and left which segments, in pages or as it happens.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { findObjectType } from '../../catalog/entries.ts';
import { unknownSegment } from '../../catalog/segments.ts';
import { checkRecordId } from '../../change/change.ts';
import { type ErrorCode, Problem } from '../../errors.ts';
import type { FeedFilter } from '../../feed/told-events.ts';
import { preferredForm } from '../accepts.ts';
import { EVENT_STREAM } from '../event-streams.ts';
import { LIMIT_DEFAULT } from '../page.ts';
import { PageText } from '../page-text.ts';
import { type RouteContext, route } from '../route.ts';
import { formatEvent, partTexts } from './format.ts';
import { changesAnswer, feedParameters, membershipFeedQuery } from './schemas.ts';

const FORMS = ['application/json', EVENT_STREAM] as const;
const REFUSALS: ErrorCode[] = [
  'parameter_invalid',
  'cursor_invalid',
  'cursor_expired',
  'not_acceptable',
];
const DESCRIPTION =
  'By Accept: application/json gives a page, text/event-stream goes on for ever, and is resumed ' +
  "with Last-Event-ID. A record's events come in their order, none twice and none left out.";

const listSegmentChanges = route({
  method: 'GET',
  path: '/v1/segments/:slug/changes',
  need: 'read',
  summary: 'Who entered and left a segment, and why',
  description: DESCRIPTION,
  query: Type.Object(feedParameters),
  answers: { 200: changesAnswer },
  refusals: ['segment_unknown', ...REFUSALS],
  handler: async (request, context, reply) => {
    const { slug } = request.params;
    await checkSegments([slug], context);
    return sendChanges({ ...request.query, filter: { segments: new Set([slug]) } }, request, {
      ...context,
      reply,
    });
  },
});

const listMembershipChanges = route({
  method: 'GET',
  path: '/v1/memberships/changes',
  need: 'read',
  summary: 'Which records entered and left which segments, and why',
  description: `${DESCRIPTION} With id it is the history of a record.`,
  query: membershipFeedQuery,
  answers: { 200: changesAnswer },
  refusals: ['segment_unknown', 'object_type_unknown', 'record_id_invalid', ...REFUSALS],
  handler: async (request, context, reply) => {
    const { segment: slugs, object_type: objectType, id, limit, cursor } = request.query;
    if (slugs) await checkSegments(slugs, context);
    if (objectType !== undefined) await findObjectType(context.deployment.store, objectType);
    if (id !== undefined) checkRecordId(id, '/id');
    const filter: FeedFilter = {
      ...(slugs ? { segments: new Set(slugs) } : {}),
      ...(objectType === undefined ? {} : { objectType }),
      ...(id === undefined ? {} : { id }),
    };
    return sendChanges({ limit, cursor, filter }, request, { ...context, reply });
  },
});

export const FEED_ROUTES = { listSegmentChanges, listMembershipChanges };

interface ChangesRequest {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
  readonly filter: FeedFilter;
}

async function sendChanges(
  { limit = LIMIT_DEFAULT, cursor, filter }: ChangesRequest,
  request: FastifyRequest,
  {
    deployment: { feed, limits },
    held,
    streams,
    reply,
  }: RouteContext & { readonly reply: FastifyReply },
): Promise<FastifyReply> {
  reply.header('vary', 'accept');
  const form = preferredForm(request.headers.accept, FORMS);
  const start = cursor || 'oldest';
  switch (form) {
    case 'application/json':
      return held.send(request, reply, async () => {
        const text = new PageText(limits.pageBytes);
        const page = await feed.page(start, filter, limit, (told, at) =>
          text.add(formatEvent(told, at)) ? told : undefined,
        );
        return text.end(page.cursor);
      });
    case EVENT_STREAM: {
      const last = request.headers['last-event-id'];
      const from = typeof last === 'string' && last !== '' ? last : start;
      return streams.send(request, reply, (signal) => partTexts(feed.follow(from, filter, signal)));
    }
    default:
      throw new Problem('not_acceptable', `changes are given as ${FORMS.join(', ')}`);
  }
}

/**
 * What a segment that was deleted has told is still there. @throws Problem segment_unknown
 */
async function checkSegments(
  slugs: readonly string[],
  { deployment: { store } }: RouteContext,
): Promise<void> {
  const { segments, feedSegments } = await store.refresh();
  const unknown = slugs.filter((slug) => !segments.has(slug));
  if (unknown.length === 0) return;
  const named = new Set([...feedSegments.values()].map(({ slug }) => slug));
  const missing = unknown.find((slug) => !named.has(slug));
  if (missing === undefined) return;
  throw unknownSegment(missing);
}
