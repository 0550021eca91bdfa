/**
 * routes.ts – `/v1/segments`: saved filters, how many records are in them, and which.
 */
import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import type { StoredSegment } from '../../catalog/catalog.ts';
import { findSegment } from '../../catalog/entries.ts';
import { checkRecordId } from '../../change/change.ts';
import type { Deployment } from '../../engine/deployment.ts';
import type { ErrorCode } from '../../errors.ts';
import { EVENTUAL } from '../../membership/read-options.ts';
import type { NamedRecord } from '../../membership/record-reader.ts';
import type { Counts } from '../../membership/segment-counts.ts';
import { NO_CONTENT } from '../answers.ts';
import { editOf } from '../edits.ts';
import { named } from '../fields.ts';
import { isGone } from '../held-answers.ts';
import { fieldsOf, pageByName } from '../named-pages.ts';
import { fieldsParameter, LIMIT_DEFAULT, pageOfFields, pageParameters } from '../page.ts';
import { pageText } from '../page-text.ts';
import { sendText } from '../plugins/problems.ts';
import { type ReadParameters, readOptions, readParameters } from '../read-options.ts';
import { formatRecord } from '../records/format.ts';
import { route } from '../route.ts';
import { formatSegment, sendCreatedSegment, taggedSegment } from './format.ts';
import { countsBody, membersPage, overlapBody, segmentForm } from './schemas.ts';

const EDIT_CODES: ErrorCode[] = [
  'body_malformed',
  'segment_invalid',
  'query_invalid',
  'query_too_costly',
  'catalog_conflict',
  'catalog_full',
];
const READ_CODES: ErrorCode[] = [
  'parameter_invalid',
  'segment_unknown',
  'segment_building',
  'segment_failed',
  'not_caught_up',
];

const listSegments = route({
  method: 'GET',
  path: '/v1/segments',
  need: 'read',
  summary: 'List segments, in the order of their slugs',
  query: Type.Object({
    object_type: Type.Optional(Type.String({ description: 'Only segments of this object type.' })),
    ...fieldsParameter('slug,title,status'),
    ...pageParameters,
  }),
  answers: { 200: pageOfFields(segmentForm) },
  refusals: ['parameter_invalid', 'cursor_invalid'],
  handler: async (request, { deployment, held }, reply) => {
    const { limits, store } = deployment;
    const { query } = request;
    const only = fieldsOf(query.fields, Object.keys(segmentForm.properties));
    const asked = [...(await store.refresh()).segments].filter(
      ([, segment]) => query.object_type === undefined || segment.object_type === query.object_type,
    );
    const looked = await deployment.freshness.look();
    const shown = async (segment: StoredSegment) =>
      only(await formatSegment(segment, deployment, looked));
    return held.send(request, reply, () => pageByName(asked, query, limits.pageBytes, shown));
  },
});

const createSegment = route({
  method: 'POST',
  path: '/v1/segments',
  need: 'write_catalog',
  summary: 'Create a segment',
  description: 'It is building until every record was looked at once.',
  body: named('SegmentInput'),
  answers: { 201: named('Segment') },
  refusals: ['segment_slug_taken', ...EDIT_CODES],
  handler: async (request, { deployment }, reply) => {
    const segment = await deployment.segments.create(request.body, editOf(request));
    return sendCreatedSegment(request, reply, segment, deployment);
  },
});

const getSegment = route({
  method: 'GET',
  path: '/v1/segments/:slug',
  need: 'read',
  summary: 'Read a segment',
  isConditional: true,
  answers: { 200: named('Segment') },
  refusals: ['segment_unknown'],
  handler: async (request, { deployment }, reply) => {
    const { slug } = request.params;
    return taggedSegment(request, reply, await findSegment(deployment.store, slug), deployment);
  },
});

const replaceSegment = route({
  method: 'PUT',
  path: '/v1/segments/:slug',
  need: 'write_catalog',
  summary: 'Replace a segment',
  isConditional: true,
  description:
    'While the edited query is built, the old one answers. slug and object_type can not be ' +
    'changed.',
  body: named('SegmentInput'),
  answers: { 200: named('Segment') },
  refusals: ['segment_unknown', ...EDIT_CODES],
  handler: async (request, { deployment }, reply) => {
    const { params, body } = request;
    const edited = await deployment.segments.replace(params.slug, body, editOf(request));
    return taggedSegment(request, reply, edited, deployment);
  },
});

const patchSegment = route({
  method: 'PATCH',
  path: '/v1/segments/:slug',
  need: 'write_catalog',
  summary: 'Change some of a segment',
  isConditional: true,
  description: 'A description of null is removed.',
  body: named('SegmentPatch'),
  answers: { 200: named('Segment') },
  refusals: ['segment_unknown', ...EDIT_CODES],
  handler: async (request, { deployment }, reply) => {
    const { params, body } = request;
    const edited = await deployment.segments.patch(params.slug, body, editOf(request));
    return taggedSegment(request, reply, edited, deployment);
  },
});

const deleteSegment = route({
  method: 'DELETE',
  path: '/v1/segments/:slug',
  need: 'write_catalog',
  summary: 'Delete a segment that no other uses',
  isConditional: true,
  answers: { 204: NO_CONTENT },
  refusals: ['segment_unknown', 'segment_in_use', 'catalog_conflict'],
  handler: async (request, { deployment: { segments } }, reply) => {
    await segments.remove(request.params.slug, editOf(request));
    return reply.code(204).send();
  },
});

const rebuildSegment = route({
  method: 'POST',
  path: '/v1/segments/:slug/rebuild',
  need: 'write_catalog',
  summary: 'Build a segment anew from the records',
  description:
    'What answered goes on to answer until that is done; one that has failed is evaluated again. ' +
    'One that is being built already is left alone.',
  answers: { 202: named('Segment') },
  refusals: ['segment_unknown', 'catalog_conflict'],
  handler: async (request, { deployment }, reply) => {
    const segment = await deployment.rebuilds.segment(request.params.slug, editOf(request));
    return reply.code(202).send(await formatSegment(segment, deployment));
  },
});

const postCounts = route({
  method: 'POST',
  path: '/v1/segments/counts',
  need: 'read',
  summary: 'How many records are in each segment',
  description:
    'In the order asked; without slugs all segments, in the order of their slugs. Never a ' +
    'wrong number.',
  // Without a body: all segments.
  bodyIsOptional: true,
  body: countsBody,
  answers: { 200: named('Counts') },
  refusals: ['body_malformed', 'segment_unknown', 'body_invalid'],
  handler: async ({ body }, { deployment }, reply) =>
    sendCounts(reply, await count(body.slugs, body, deployment)),
});

const getCounts = route({
  method: 'GET',
  path: '/v1/segments/counts',
  need: 'read',
  summary: 'How many records are in each segment',
  description: 'As the POST, for as many slugs as a URL holds.',
  query: Type.Object({
    slug: Type.Optional(Type.Array(Type.String(), { description: 'May be given more than once.' })),
    ...readParameters,
  }),
  answers: { 200: named('Counts') },
  refusals: ['parameter_invalid', 'segment_unknown'],
  handler: async ({ query }, { deployment }, reply) =>
    sendCounts(reply, await count(query.slug, query, deployment)),
});

const overlapSegments = route({
  method: 'POST',
  path: '/v1/segments/overlap',
  need: 'read',
  summary: 'How many members segments of one type share, pair by pair',
  description:
    'The numbers are of one instant in each partition. An overlap is null where one of its two ' +
    'segments has no number.',
  body: overlapBody,
  answers: { 200: named('Overlaps') },
  refusals: ['body_malformed', 'segment_unknown', 'body_invalid', 'overloaded'],
  handler: async (request, { deployment: { overlaps: segmentOverlaps } }, reply) => {
    const { body } = request;
    const isGivenUp = () => isGone(request);
    const read = await segmentOverlaps.read(body.slugs, readOptions(body), isGivenUp);
    if (isGivenUp()) return reply.hijack();
    const { counts, overlaps, asOf } = read;
    return { counts, overlaps, as_of: asOf };
  },
});

const listMembers = route({
  method: 'GET',
  path: '/v1/segments/:slug/members',
  need: 'read',
  summary: 'The records that are in a segment',
  description:
    'A member that stays throughout the paging is listed exactly once. The feed from the ' +
    'changes_cursor of the first page on, applied to all pages, leads to the members of now.',
  query: Type.Object({
    include: Type.Optional(
      Type.Enum(['records'], { description: 'Give the records along with their ids.' }),
    ),
    ...pageParameters,
    ...readParameters,
  }),
  answers: { 200: membersPage },
  refusals: [...READ_CODES, 'cursor_invalid'],
  handler: async (request, { deployment, held }, reply) => {
    const { members, records, store } = deployment;
    const { query } = request;
    const { slug } = request.params;
    const { limit = LIMIT_DEFAULT, include } = query;
    const cursor = query.cursor || undefined;
    const options = readOptions(query);
    const first = cursor === undefined ? { changes_cursor: await changesFrom(deployment) } : {};
    if (include === undefined)
      return { ...(await members.page(slug, { limit, cursor }, options)), ...first };
    const { object_type: type } = await findSegment(store, slug);
    const shape = ({ id, record }: NamedRecord) => {
      return {
        id,
        text: Buffer.from(JSON.stringify({ id, record: formatRecord(type, id, record) })),
      };
    };
    await records.wait(type, options, slug);
    return held.send(request, reply, async () =>
      pageText(await members.shapedRecords(slug, { limit, cursor }, { ...EVENTUAL, shape }), first),
    );
  },
});

const isMember = route({
  method: 'GET',
  path: '/v1/segments/:slug/members/:id',
  need: 'read',
  summary: 'Whether a record is in a segment',
  query: Type.Object(readParameters),
  answers: { 200: Type.Object({ member: Type.Boolean() }) },
  refusals: [...READ_CODES, 'record_id_invalid'],
  handler: async ({ params: { slug, id }, query }, { deployment: { members } }) => {
    checkRecordId(id);
    return { member: await members.isMember(slug, id, readOptions(query)) };
  },
});

export const SEGMENT_ROUTES = {
  listSegments,
  createSegment,
  getSegment,
  replaceSegment,
  patchSegment,
  deleteSegment,
  rebuildSegment,
  postCounts,
  getCounts,
  overlapSegments,
  listMembers,
  isMember,
};

/**
 * From here on the feed tells what a page may not have seen. Members are then read by a catalog
 * that is no older: else they could be those of a filter whose end was told before.
 */
async function changesFrom({ feed, store }: Deployment): Promise<string> {
  const cursor = await feed.now();
  await store.refresh();
  return cursor;
}

async function count(
  slugs: readonly string[] | undefined,
  given: ReadParameters,
  { store, segmentCounts }: Deployment,
): Promise<Counts> {
  const asked = slugs ?? [...(await store.refresh()).segments.keys()].sort();
  return segmentCounts.read(asked, readOptions(given));
}

/** An answer that is given again is the same object: it is printed once. */
const printed = new WeakMap<Counts, string>();

function sendCounts(reply: FastifyReply, answer: Counts): FastifyReply {
  let text = printed.get(answer);
  if (text === undefined) {
    text = JSON.stringify({ counts: answer.counts, as_of: answer.asOf });
    printed.set(answer, text);
  }
  return sendText(reply.type('application/json; charset=utf-8'), text);
}
