/**
 * routes.ts – `/v1/records`: one record at a time, and lists of them.
 */
import Type from 'typebox';
import type { CatalogStore } from '../../catalog/catalog-store.ts';
import { findObjectType, findSegment } from '../../catalog/entries.ts';
import { RECORD_ID_LENGTH_MAX } from '../../change/change.ts';
import { recordTag } from '../../change/record.ts';
import { type ErrorCode, Problem } from '../../errors.ts';
import { EVENTUAL } from '../../membership/read-options.ts';
import type { NamedRecord } from '../../membership/record-reader.ts';
import { refuseForeign } from '../../membership/segment-choice.ts';
import { NO_CONTENT } from '../answers.ts';
import { named } from '../fields.ts';
import { goneSignal } from '../gone-signal.ts';
import { LIMIT_DEFAULT, pageOf, pageParameters } from '../page.ts';
import { pageText } from '../page-text.ts';
import { tag } from '../preconditions.ts';
import { readOptions, readParameters } from '../read-options.ts';
import { route } from '../route.ts';
import { formatRecord, showRecord } from './format.ts';
import { readInclude, withIncluded } from './included.ts';
import { recordsPage } from './query.ts';
import { includeParameters, QUERY_TIMEOUT_MS, recordsQueryBody, writeQuery } from './schemas.ts';
import { unknownRecord } from './unknown-record.ts';
import { writeRecord } from './write.ts';

const ALL_RECORDS = { combinator: 'and', rules: [] };

const READ_CODES: ErrorCode[] = ['parameter_invalid', 'object_type_unknown', 'not_caught_up'];
const WRITE_CODES: ErrorCode[] = [
  'parameter_invalid',
  'object_type_unknown',
  'record_id_invalid',
  'overloaded',
];

const listRecords = route({
  method: 'GET',
  path: '/v1/records/:type',
  need: 'read',
  summary: 'List records, optionally those in a segment',
  description: 'Archived records are left out.',
  query: Type.Object({
    segment: Type.Optional(Type.String({ description: 'Slug of a segment of this object type.' })),
    q: Type.Optional(
      Type.String({
        maxLength: RECORD_ID_LENGTH_MAX,
        description: 'How the ids begin; not with segment.',
      }),
    ),
    ...pageParameters,
    ...readParameters,
  }),
  answers: { 200: pageOf(named('Record')) },
  refusals: [
    ...READ_CODES,
    'cursor_invalid',
    'segment_unknown',
    'segment_building',
    'segment_failed',
  ],
  handler: async (request, { deployment: { members, records, store }, held }, reply) => {
    const { query } = request;
    const { type } = request.params;
    const { segment, q: idPrefix, limit = LIMIT_DEFAULT } = query;
    const cursor = query.cursor || undefined;
    const options = { ...EVENTUAL, shape: (named: NamedRecord) => showRecord(type, named) };
    if (segment !== undefined && idPrefix !== undefined) throw onlyOne();
    if (segment !== undefined) await refuseOther(segment, type, store);
    await records.wait(type, readOptions(query), segment);
    return held.send(request, reply, async () =>
      pageText(
        segment === undefined
          ? await records.shapedPage(type, { limit, cursor }, { ...options, idPrefix })
          : await members.shapedRecords(segment, { limit, cursor }, options),
      ),
    );
  },
});

const queryRecords = route({
  method: 'POST',
  path: '/v1/records/:type/query',
  need: 'read',
  summary: 'The records that a filter holds of, without saving it',
  description:
    'All records if there is no query, and of those the ones that are in each segment of `in` ' +
    'and in none of `not_in`. A page may end early, also empty: next_cursor goes on.',
  body: recordsQueryBody,
  answers: { 200: pageOf(named('Record')) },
  refusals: [
    ...READ_CODES,
    'body_malformed',
    'body_invalid',
    'cursor_invalid',
    'query_invalid',
    'query_too_costly',
    'segment_unknown',
    'segment_building',
    'segment_failed',
    'overloaded',
  ],
  handler: async (request, { deployment, held }, reply) => {
    const { body, params, raw } = request;
    const asked = {
      objectType: params.type,
      query: body.query ?? ALL_RECORDS,
      chosen: { in: body.in ?? [], notIn: body.not_in ?? [] },
      limit: body.limit ?? LIMIT_DEFAULT,
      cursor: body.cursor,
      timeoutMs: body.timeout_ms ?? QUERY_TIMEOUT_MS,
    };
    const caller = { connection: raw.socket, signal: goneSignal(request, reply) };
    const page = await recordsPage(asked, deployment, caller);
    return page ? held.send(request, reply, async () => page) : reply.hijack();
  },
});

const getRecord = route({
  method: 'GET',
  path: '/v1/records/:type/:id',
  need: 'read',
  summary: 'Read a record, optionally with what it is related to',
  query: Type.Object({ ...includeParameters, ...readParameters }),
  isConditional: true,
  answers: { 200: named('RecordWithIncluded') },
  refusals: [...READ_CODES, 'record_unknown', 'cursor_invalid', 'relationship_building'],
  handler: async (request, { deployment, held }, reply) => {
    const { query } = request;
    const { type, id } = request.params;
    const { records, store } = deployment;
    const isIncluding = query.include !== undefined || query.include_cursor !== undefined;
    const hops = isIncluding
      ? readInclude(query, await findObjectType(store, type), store.catalog.objectTypes)
      : [];
    const record = await records.one(type, id, readOptions(query));
    if (!record) throw unknownRecord(type, id);
    if (hops.length === 0) {
      const shown = formatRecord(type, id, record);
      tag(request, reply, recordTag(record), shown);
      return shown;
    }
    await records.wait(type, readOptions(query));
    return held.send(request, reply, async () => {
      const shown = await withIncluded(type, { id, record }, hops, query, deployment);
      tag(request, reply, recordTag(record), shown);
      return shown;
    });
  },
});

const listSegmentsOfRecord = route({
  method: 'GET',
  path: '/v1/records/:type/:id/segments',
  need: 'read',
  summary: 'The segments that a record is in',
  description: 'A segment that is built for the first time is left out until it is.',
  query: Type.Object(readParameters),
  answers: {
    200: Type.Object({
      segments: Type.Array(Type.String(), { examples: [['big-spenders']] }),
    }),
  },
  refusals: [...READ_CODES, 'record_unknown'],
  handler: async ({ params: { type, id }, query }, { deployment: { recordSegments, records } }) => {
    const segments = (await recordSegments.of(type, [id], readOptions(query))).get(id)!;
    const [record] = await records.some(type, [id]);
    if (!record) throw unknownRecord(type, id);
    return { segments };
  },
});

const putRecord = route({
  method: 'PUT',
  path: '/v1/records/:type/:id',
  need: 'write_records',
  summary: 'Create a record, or replace its attributes',
  query: writeQuery,
  body: named('Attributes'),
  answers: { 200: named('Record'), 201: named('Record'), 202: named('Receipt') },
  refusals: [...WRITE_CODES, 'body_malformed', 'body_invalid', 'attribute_invalid'],
  isConditional: true,
  handler: (request, context, reply) =>
    writeRecord({ op: 'put', request, data: request.body }, context, reply),
});

const patchRecord = route({
  method: 'PATCH',
  path: '/v1/records/:type/:id',
  need: 'write_records',
  summary: "Change some of a record's attributes",
  description: 'Merges at the top level; null removes an attribute.',
  query: writeQuery,
  body: named('Attributes'),
  answers: { 200: named('Record'), 202: named('Receipt') },
  refusals: [
    ...WRITE_CODES,
    'record_unknown',
    'body_malformed',
    'body_invalid',
    'attribute_invalid',
  ],
  isConditional: true,
  handler: (request, context, reply) =>
    writeRecord({ op: 'patch', request, data: request.body }, context, reply),
});

const archiveRecord = route({
  method: 'POST',
  path: '/v1/records/:type/:id/archive',
  need: 'write_records',
  summary: 'Take a record out of all segments',
  query: writeQuery,
  answers: { 200: named('Record'), 202: named('Receipt') },
  refusals: [...WRITE_CODES, 'record_unknown'],
  isConditional: true,
  handler: (request, context, reply) => writeRecord({ op: 'archive', request }, context, reply),
});

const restoreRecord = route({
  method: 'POST',
  path: '/v1/records/:type/:id/restore',
  need: 'write_records',
  summary: 'Bring an archived record back',
  query: writeQuery,
  answers: { 200: named('Record'), 202: named('Receipt') },
  refusals: [...WRITE_CODES, 'record_unknown'],
  isConditional: true,
  handler: (request, context, reply) => writeRecord({ op: 'restore', request }, context, reply),
});

const deleteRecord = route({
  method: 'DELETE',
  path: '/v1/records/:type/:id',
  need: 'write_records',
  summary: 'Delete a record for good',
  query: writeQuery,
  answers: { 200: named('Record'), 202: named('Receipt'), 204: NO_CONTENT },
  refusals: [...WRITE_CODES, 'record_unknown'],
  isConditional: true,
  handler: (request, context, reply) => writeRecord({ op: 'delete', request }, context, reply),
});

export const RECORD_ROUTES = {
  listRecords,
  queryRecords,
  getRecord,
  listSegmentsOfRecord,
  putRecord,
  patchRecord,
  archiveRecord,
  restoreRecord,
  deleteRecord,
};

function onlyOne(): Problem {
  const detail = 'ids are looked for among all records: leave out segment or q';
  return new Problem('parameter_invalid', detail, [{ path: '/q', detail }]);
}

/** @throws Problem parameter_invalid | object_type_unknown | segment_unknown */
async function refuseOther(segment: string, type: string, store: CatalogStore): Promise<void> {
  await findObjectType(store, type);
  refuseForeign(await findSegment(store, segment), type, '/segment');
}
