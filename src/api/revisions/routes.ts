/**
 * routes.ts – `/v1/segments/:slug/revisions`, `/restore` and `/duplicate`: what a segment was, and
 * one made of what was or is.
 */
import Type from 'typebox';
import { REVISIONS_MAX } from '../../catalog/histories.ts';
import type { Revision } from '../../catalog/revisions.ts';
import { packCursor, readCursor } from '../../cursor.ts';
import type { ErrorCode } from '../../errors.ts';
import { editOf } from '../edits.ts';
import { named } from '../fields.ts';
import { LIMIT_DEFAULT, pageOf, pageParameters } from '../page.ts';
import { PageText } from '../page-text.ts';
import { route } from '../route.ts';
import { sendCreatedSegment, taggedSegment } from '../segments/format.ts';
import { isoTime } from '../times.ts';

const CREATE_CODES: ErrorCode[] = [
  'segment_unknown',
  'segment_slug_taken',
  'segment_invalid',
  'query_invalid',
  'query_too_costly',
  'catalog_conflict',
  'catalog_full',
];

const listSegmentRevisions = route({
  method: 'GET',
  path: '/v1/segments/:slug/revisions',
  need: 'read',
  summary: 'What a segment is and was, the newest first',
  description:
    `At most ${REVISIONS_MAX} are kept, and fewer of a segment whose queries are heavy. To bring ` +
    'one back, send it again with PUT.',
  query: Type.Object(pageParameters),
  answers: { 200: pageOf(named('Revision')) },
  refusals: ['parameter_invalid', 'segment_unknown', 'cursor_invalid'],
  handler: async (request, { deployment, held }, reply) => {
    const { query, params } = request;
    const { limit = LIMIT_DEFAULT } = query;
    const before = query.cursor ? readCursor(query.cursor, readBefore) : undefined;
    return held.send(request, reply, async () => {
      const revisions = await deployment.revisions.of(params.slug, before);
      return pageTextOf(revisions, limit, deployment.limits.pageBytes);
    });
  },
});

const restoreSegment = route({
  method: 'POST',
  path: '/v1/segments/:slug/restore',
  need: 'write_catalog',
  summary: 'Bring a deleted segment back',
  description:
    'With its id and its revisions, within 30 days. Of several that had the slug, the one that ' +
    'was deleted last. It is building until every record was looked at once.',
  answers: { 200: named('Segment') },
  refusals: CREATE_CODES,
  handler: async (request, { deployment }, reply) => {
    const segment = await deployment.revisions.restore(request.params.slug, editOf(request));
    return taggedSegment(request, reply, segment, deployment);
  },
});

const duplicateSegment = route({
  method: 'POST',
  path: '/v1/segments/:slug/duplicate',
  need: 'write_catalog',
  summary: 'Create a segment with the query of another',
  description: 'Without a slug and a title they are made of those of the other.',
  bodyIsOptional: true,
  body: named('SegmentDuplicate'),
  answers: { 201: named('Segment') },
  refusals: ['body_malformed', ...CREATE_CODES],
  handler: async (request, { deployment }, reply) => {
    const { params, body } = request;
    const segment = await deployment.revisions.duplicate(params.slug, body, editOf(request));
    return sendCreatedSegment(request, reply, segment, deployment);
  },
});

export const REVISION_ROUTES = { listSegmentRevisions, restoreSegment, duplicateSegment };

/** Pages go down from the newest: a cursor is the number of the last one that was shown. */
function readBefore(place: unknown): number | undefined {
  return Number.isSafeInteger(place) && (place as number) > 0 ? (place as number) : undefined;
}

function pageTextOf(revisions: readonly Revision[], limit: number, bytesMax: number): Buffer {
  const text = new PageText(bytesMax);
  let last = 0;
  for (const revision of revisions.slice(0, limit)) {
    if (!text.add(formatRevision(revision))) return text.end(packCursor(last));
    last = revision.revision;
  }
  return text.end(revisions.length > limit ? packCursor(last) : null);
}

function formatRevision(given: Revision): Record<string, unknown> {
  const { revision, at, by = null, title, description, query } = given;
  const described = description === undefined ? {} : { description };
  return { revision, at: isoTime(at), by, title, ...described, query };
}
