/**
 * routes.ts – `/v1/segments`: saved filters, how many records are in them, and which.
 */
import Type, { type Static } from 'typebox';
import type { StoredSegment } from '../../catalog/catalog.ts';
import { findSegment } from '../../catalog/entries.ts';
import { checkRecordId } from '../../change/change.ts';
import type { ErrorCode } from '../../errors.ts';
import { EVENTUAL } from '../../membership/read-options.ts';
import type { NamedRecord } from '../../membership/record-reader.ts';
import { answers, NO_CONTENT } from '../answers.ts';
import { named } from '../fields.ts';
import { fieldsOf, pageByName } from '../named-pages.ts';
import { fieldsParameter, LIMIT_DEFAULT, pageOf, pageOfFields, pageParameters } from '../page.ts';
import { pageText } from '../page-text.ts';
import { readOptions, readParameters } from '../read-options.ts';
import { formatRecord } from '../records/format.ts';
import type { Routes } from '../route.ts';
import { path } from '../route.ts';
import { formatSegment } from './format.ts';
import { countsBody, segmentForm } from './schemas.ts';

const SEGMENT_FIELDS = [
  ...[
    'id',
    'title',
    'slug',
    'description',
    'object_type',
    'query',
    'json_logic',
    'status',
    'reason',
    'progress',
  ],
  ...['revision', 'used_by', 'created_at', 'updated_at'],
];
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

export const segmentRoutes: Routes = async (
  app,
  { deployment: { limits, members, progress, records, segmentCounts, segments, store }, held },
) => {
  app.get(
    '/v1/segments',
    {
      schema: {
        summary: 'List segments, in the order of their slugs',
        operationId: 'listSegments',
        querystring: Type.Object({
          object_type: Type.Optional(
            Type.String({ description: 'Only segments of this object type.' }),
          ),
          ...fieldsParameter('slug,title,status'),
          ...pageParameters,
        }),
        response: answers(
          { 200: pageOfFields(segmentForm) },
          'parameter_invalid',
          'cursor_invalid',
        ),
      },
    },
    async (request, reply) => {
      const { query } = request;
      const only = fieldsOf(query.fields, SEGMENT_FIELDS);
      const asked = [...(await store.refresh()).segments].filter(
        ([, segment]) =>
          query.object_type === undefined || segment.object_type === query.object_type,
      );
      const shown = async (segment: StoredSegment) => only(await format(segment));
      return held.send(request, reply, () => pageByName(asked, query, limits.pageBytes, shown));
    },
  );

  app.post(
    '/v1/segments',
    {
      schema: {
        summary: 'Create a segment',
        description: 'It is building until every record was looked at once.',
        operationId: 'createSegment',
        body: named('SegmentInput'),
        response: answers({ 201: named('Segment') }, 'segment_slug_taken', ...EDIT_CODES),
      },
    },
    async ({ body }, reply) => {
      const segment = await segments.create(body);
      return reply
        .code(201)
        .header('location', `/v1/segments/${segment.slug}`)
        .send(await format(segment));
    },
  );

  app.get(
    '/v1/segments/:slug',
    {
      schema: {
        summary: 'Read a segment',
        operationId: 'getSegment',
        params: path('slug'),
        response: answers({ 200: named('Segment') }, 'segment_unknown'),
      },
    },
    async ({ params: { slug } }) => format(await findSegment(store, slug)),
  );

  app.put(
    '/v1/segments/:slug',
    {
      schema: {
        summary: 'Replace a segment',
        description:
          'While the edited query is built, the old one answers. slug and object_type can not be changed.',
        operationId: 'replaceSegment',
        params: path('slug'),
        body: named('SegmentInput'),
        response: answers({ 200: named('Segment') }, 'segment_unknown', ...EDIT_CODES),
      },
    },
    async ({ params: { slug }, body }) => format(await segments.replace(slug, body)),
  );

  app.patch(
    '/v1/segments/:slug',
    {
      schema: {
        summary: 'Change some of a segment',
        description: 'A description of null is removed.',
        operationId: 'patchSegment',
        params: path('slug'),
        body: named('SegmentPatch'),
        response: answers({ 200: named('Segment') }, 'segment_unknown', ...EDIT_CODES),
      },
    },
    async ({ params: { slug }, body }) => format(await segments.patch(slug, body)),
  );

  app.delete(
    '/v1/segments/:slug',
    {
      schema: {
        summary: 'Delete a segment that no other uses',
        operationId: 'deleteSegment',
        params: path('slug'),
        response: answers(
          { 204: NO_CONTENT },
          'segment_unknown',
          'segment_in_use',
          'catalog_conflict',
        ),
      },
    },
    async ({ params: { slug } }, reply) => {
      await segments.remove(slug);
      return reply.code(204).send();
    },
  );

  app.post(
    '/v1/segments/counts',
    {
      // Without a body: all segments.
      config: { bodyIsOptional: true },
      schema: {
        summary: 'How many records are in each segment',
        description:
          'In the order asked; without slugs all segments, in the order of their slugs. Never a wrong number.',
        operationId: 'postCounts',
        body: countsBody,
        response: answers(
          { 200: named('Counts') },
          'body_malformed',
          'segment_unknown',
          'body_invalid',
        ),
      },
    },
    async ({ body }) => count(body.slugs, body),
  );

  app.get(
    '/v1/segments/counts',
    {
      schema: {
        summary: 'How many records are in each segment',
        description: 'As the POST, for as many slugs as a URL holds.',
        operationId: 'getCounts',
        querystring: Type.Object({
          slug: Type.Optional(
            Type.Array(Type.String(), { description: 'May be given more than once.' }),
          ),
          ...readParameters,
        }),
        response: answers({ 200: named('Counts') }, 'parameter_invalid', 'segment_unknown'),
      },
    },
    async ({ query }) => count(query.slug, query),
  );

  app.get(
    '/v1/segments/:slug/members',
    {
      schema: {
        summary: 'The records that are in a segment',
        description: 'A member that stays throughout the paging is listed exactly once.',
        operationId: 'listMembers',
        params: path('slug'),
        querystring: Type.Object({
          include: Type.Optional(
            Type.Enum(['records'], { description: 'Give the records along with their ids.' }),
          ),
          ...pageParameters,
          ...readParameters,
        }),
        response: answers({ 200: pageOf(named('Member')) }, ...READ_CODES, 'cursor_invalid'),
      },
    },
    async (request, reply) => {
      const { query } = request;
      const { slug } = request.params;
      const { limit = LIMIT_DEFAULT, include } = query;
      const cursor = query.cursor || undefined;
      const options = readOptions(query);
      if (include === undefined) return members.page(slug, { limit, cursor }, options);
      const { object_type: type } = await findSegment(store, slug);
      const shape = ({ id, record }: NamedRecord) => {
        return {
          id,
          text: Buffer.from(JSON.stringify({ id, record: formatRecord(type, id, record) })),
        };
      };
      await records.wait(type, options, slug);
      return held.send(request, reply, async () =>
        pageText(await members.shapedRecords(slug, { limit, cursor }, { ...EVENTUAL, shape })),
      );
    },
  );

  app.get(
    '/v1/segments/:slug/members/:id',
    {
      schema: {
        summary: 'Whether a record is in a segment',
        operationId: 'isMember',
        params: path('slug', 'id'),
        querystring: Type.Object(readParameters),
        response: answers(
          { 200: Type.Object({ member: Type.Boolean() }) },
          ...READ_CODES,
          'record_id_invalid',
        ),
      },
    },
    async ({ params: { slug, id }, query }) => {
      checkRecordId(id);
      return { member: await members.isMember(slug, id, readOptions(query)) };
    },
  );

  function format(segment: StoredSegment): Promise<Record<string, unknown>> {
    return formatSegment(segment, store.catalog, progress);
  }

  async function count(slugs: readonly string[] | undefined, given: Static<typeof countsBody>) {
    const asked = slugs ?? [...(await store.refresh()).segments.keys()].sort();
    const { counts, asOf } = await segmentCounts.read(asked, readOptions(given));
    return { counts, as_of: asOf };
  }
};
