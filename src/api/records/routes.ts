/**
 * routes.ts – `/v1/records`: one record at a time, and lists of them.
 *
 * Keeps true: an answer to a write that was waited for shows the record with that write in it; a
 * fault of an attribute points into the body that was sent.
 */
import type { FastifyReply } from 'fastify';
import Type, { type Static } from 'typebox';
import type { StoredSegment } from '../../catalog/catalog.ts';
import { findObjectType, findSegment } from '../../catalog/entries.ts';
import { unknownObjectType } from '../../catalog/object-types.ts';
import { checkRecordId, type Operation, type Outcome } from '../../change/change.ts';
import type { ObjectType } from '../../change/object-type.ts';
import { type ErrorCode, Problem, unreachable } from '../../errors.ts';
import { PageBudget } from '../../membership/page.ts';
import { EVENTUAL } from '../../membership/read-options.ts';
import type { NamedRecord } from '../../membership/record-reader.ts';
import { type Hop, hopNamed, hopsFrom } from '../../query/predicate/relationships.ts';
import { answers, NO_CONTENT } from '../answers.ts';
import { named } from '../fields.ts';
import { LIMIT_DEFAULT, pageOf, pageParameters } from '../page.ts';
import { joined, pageText } from '../page-text.ts';
import { readOptions, readParameters } from '../read-options.ts';
import type { Routes } from '../route.ts';
import { path } from '../route.ts';
import { sourceVersion, waitParameters } from '../write-options.ts';
import { formatRecord, showRecord } from './format.ts';
import { includeParameters } from './schemas.ts';

const WAIT_MS = 5000;

const writeQuery = Type.Object({ source_version: sourceVersion, ...waitParameters(WAIT_MS) });
const READ_CODES: ErrorCode[] = ['parameter_invalid', 'object_type_unknown', 'not_caught_up'];
const WRITE_CODES: ErrorCode[] = [
  'parameter_invalid',
  'object_type_unknown',
  'record_id_invalid',
  'overloaded',
];

const includeQuery = Type.Object(includeParameters);

interface Write {
  readonly op: Operation;
  readonly params: { readonly type: string; readonly id: string };
  readonly query: Static<typeof writeQuery>;
  readonly data?: unknown;
}

export const recordRoutes: Routes = async (
  app,
  { deployment: { ingest, limits, members, recordSegments, records, related, store }, held },
) => {
  app.get(
    '/v1/records/:type',
    {
      schema: {
        summary: 'List records, optionally those in a segment',
        description: 'Archived records are left out.',
        operationId: 'listRecords',
        params: path('type'),
        querystring: Type.Object({
          segment: Type.Optional(
            Type.String({ description: 'Slug of a segment of this object type.' }),
          ),
          ...pageParameters,
          ...readParameters,
        }),
        response: answers(
          { 200: pageOf(named('Record')) },
          ...READ_CODES,
          'cursor_invalid',
          'segment_unknown',
          'segment_building',
          'segment_failed',
        ),
      },
    },
    async (request, reply) => {
      const { query } = request;
      const { type } = request.params;
      const { segment, limit = LIMIT_DEFAULT } = query;
      const cursor = query.cursor || undefined;
      const options = { ...EVENTUAL, shape: (named: NamedRecord) => showRecord(type, named) };
      if (segment !== undefined) await refuseOther(segment, type);
      await records.wait(type, readOptions(query), segment);
      return held.send(request, reply, async () =>
        pageText(
          segment === undefined
            ? await records.shapedPage(type, { limit, cursor }, options)
            : await members.shapedRecords(segment, { limit, cursor }, options),
        ),
      );
    },
  );

  app.get(
    '/v1/records/:type/:id',
    {
      schema: {
        summary: 'Read a record, optionally with what it is related to',
        operationId: 'getRecord',
        params: path('type', 'id'),
        querystring: Type.Object({ ...includeParameters, ...readParameters }),
        response: answers(
          { 200: named('RecordWithIncluded') },
          ...READ_CODES,
          'record_unknown',
          'cursor_invalid',
          'relationship_building',
        ),
      },
    },
    async (request, reply) => {
      const { query } = request;
      const { type, id } = request.params;
      const isIncluding = query.include !== undefined || query.include_cursor !== undefined;
      const hops = isIncluding
        ? readInclude(query, await findObjectType(store, type), store.catalog.objectTypes)
        : [];
      const record = await records.one(type, id, readOptions(query));
      if (!record) throw unknownRecord(type, id);
      if (hops.length === 0) return formatRecord(type, id, record);
      await records.wait(type, readOptions(query));
      return held.send(request, reply, () => withIncluded(type, { id, record }, hops, query));
    },
  );

  app.get(
    '/v1/records/:type/:id/segments',
    {
      schema: {
        summary: 'The segments that a record is in',
        description: 'A segment that is built for the first time is left out until it is.',
        operationId: 'listSegmentsOfRecord',
        params: path('type', 'id'),
        querystring: Type.Object(readParameters),
        response: answers(
          {
            200: Type.Object({
              segments: Type.Array(Type.String(), { examples: [['big-spenders']] }),
            }),
          },
          ...READ_CODES,
          'record_unknown',
        ),
      },
    },
    async ({ params: { type, id }, query }) => {
      const segments = (await recordSegments.of(type, [id], readOptions(query))).get(id)!;
      const [record] = await records.some(type, [id]);
      if (!record) throw unknownRecord(type, id);
      return { segments };
    },
  );

  app.put(
    '/v1/records/:type/:id',
    {
      schema: {
        summary: 'Create a record, or replace its attributes',
        operationId: 'putRecord',
        params: path('type', 'id'),
        querystring: writeQuery,
        body: named('Attributes'),
        response: answers(
          { 200: named('Record'), 201: named('Record'), 202: named('Receipt') },
          ...WRITE_CODES,
          'body_malformed',
          'body_invalid',
          'attribute_invalid',
        ),
      },
    },
    ({ params, query, body }, reply) => write({ op: 'put', params, query, data: body }, reply),
  );

  app.patch(
    '/v1/records/:type/:id',
    {
      schema: {
        summary: "Change some of a record's attributes",
        description: 'Merges at the top level; null removes an attribute.',
        operationId: 'patchRecord',
        params: path('type', 'id'),
        querystring: writeQuery,
        body: named('Attributes'),
        response: answers(
          { 200: named('Record'), 202: named('Receipt') },
          ...WRITE_CODES,
          'record_unknown',
          'body_malformed',
          'body_invalid',
          'attribute_invalid',
        ),
      },
    },
    ({ params, query, body }, reply) => write({ op: 'patch', params, query, data: body }, reply),
  );

  for (const op of ['archive', 'restore'] as const) {
    app.post(
      `/v1/records/:type/:id/${op}`,
      {
        schema: {
          summary:
            op === 'archive'
              ? 'Take a record out of all segments'
              : 'Bring an archived record back',
          operationId: `${op}Record`,
          params: path('type', 'id'),
          querystring: writeQuery,
          response: answers(
            { 200: named('Record'), 202: named('Receipt') },
            ...WRITE_CODES,
            'record_unknown',
          ),
        },
      },
      ({ params, query }, reply) => write({ op, params, query }, reply),
    );
  }

  app.delete(
    '/v1/records/:type/:id',
    {
      schema: {
        summary: 'Delete a record for good',
        operationId: 'deleteRecord',
        params: path('type', 'id'),
        querystring: writeQuery,
        response: answers(
          { 200: named('Record'), 202: named('Receipt'), 204: NO_CONTENT },
          ...WRITE_CODES,
          'record_unknown',
        ),
      },
    },
    ({ params, query }, reply) => write({ op: 'delete', params, query }, reply),
  );

  /** What is included shares the bytes of a page; each relationship gives at least one record. */
  async function withIncluded(
    type: string,
    of: NamedRecord,
    hops: readonly Hop[],
    query: IncludeQuery,
  ): Promise<Buffer> {
    const { include_limit: limit = LIMIT_DEFAULT, include_cursor: cursor } = query;
    const own = JSON.stringify(formatRecord(type, of.id, of.record));
    const parts: (string | Buffer)[] = [own.slice(0, -1), ',"included":{'];
    let left = limits.pageBytes;
    for (const [at, hop] of hops.entries()) {
      const budget = new PageBudget(Math.max(left, 1));
      const shape = (named: NamedRecord) => showRecord(hop.target, named);
      const options = { ...EVENTUAL, shape, budget };
      const page = await related.shapedPage(
        of,
        hop,
        { limit, cursor: cursor || undefined },
        options,
      );
      left = budget.left;
      const one = page.data[0]?.text ?? 'null';
      parts.push(
        `${at === 0 ? '' : ','}${JSON.stringify(hop.name)}:`,
        hop.many ? pageText(page) : one,
      );
    }
    return joined([...parts, '}}']);
  }

  async function refuseOther(segment: string, type: string): Promise<void> {
    await findObjectType(store, type);
    refuseForeign(await findSegment(store, segment), type);
  }

  async function write(
    { op, params, query, data }: Write,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const { type, id } = params;
    const given = {
      op,
      object_type: type,
      id,
      ...(data === undefined ? {} : { data }),
      ...(query.source_version === undefined ? {} : { source_version: query.source_version }),
    };
    const { wait = 'applied', timeout_ms: timeoutMs = WAIT_MS } = query;
    const outcome = await ingest.one(given, { wait, timeoutMs }).catch((error: unknown) => {
      throw inTermsOfRequest(error, type);
    });
    return answer(op, outcome, type, id, reply);
  }

  async function answer(
    op: Operation,
    outcome: Outcome | 'accepted',
    type: string,
    id: string,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    switch (outcome) {
      case 'accepted':
        return reply.code(202).send({ object_type: type, id, status: 'accepted' });
      case 'deleted':
        return reply.code(204).send();
      case 'unknown':
      case 'absent':
        throw unknownRecord(type, id);
      case 'dead':
        throw new Problem(
          'change_dead',
          'the change could not be applied and was put with the dead letters',
        );
      case 'created':
      case 'updated':
      case 'unchanged':
      case 'stale': {
        const record = await records.one(type, id, {
          consistency: 'eventual',
          timeoutMs: 0,
        });
        const code = outcome === 'created' && op === 'put' ? 201 : 200;
        // None: deleted meanwhile by somebody else, or before by a newer change that made this one
        // be ignored.
        if (!record) return reply.code(code).send({ object_type: type, id, status: 'ignored' });
        return reply.code(code).send(formatRecord(type, id, record));
      }
      default:
        return unreachable(outcome);
    }
  }
};

type IncludeQuery = Static<typeof includeQuery>;

/** The steps that `include` names. @throws Problem parameter_invalid */
function readInclude(
  { include = '', include_cursor: cursor }: IncludeQuery,
  type: ObjectType,
  types: ReadonlyMap<string, ObjectType>,
): Hop[] {
  const refuse = (path: string, detail: string) =>
    new Problem('parameter_invalid', detail, [{ path, detail }]);
  const names = include === '' ? [] : [...new Set(include.split(','))];
  const hops = names.map((name) => {
    const hop = hopNamed(type, name, types);
    if (hop) return hop;
    const known = hopsFrom(type, types).map((each) => each.name);
    const all =
      known.length === 0
        ? `${type.name} have none`
        : `those of ${type.name} are ${known.join(', ')}`;
    throw refuse('/include', `there is no relationship '${name}': ${all}`);
  });
  if (cursor && !(hops.length === 1 && hops[0]!.many))
    throw refuse(
      '/include_cursor',
      'a cursor goes on with one to-many relationship, and include must name it alone',
    );
  return hops;
}

function unknownRecord(type: string, id: string): Problem {
  checkRecordId(id);
  return new Problem('record_unknown', `there is no record '${id}' of type '${type}'`);
}

/** @throws Problem parameter_invalid */
function refuseForeign({ slug, object_type }: StoredSegment, asked: string): void {
  if (object_type === asked) return;
  const detail = `'${slug}' is a segment of ${object_type}, not of ${asked}`;
  throw new Problem('parameter_invalid', detail, [{ path: '/segment', detail }]);
}

/**
 * The engine speaks of a change: its type and id are the path of the request, its member `data` is
 * the body.
 */
function inTermsOfRequest(error: unknown, type: string): unknown {
  if (!(error instanceof Problem)) return error;
  if (error.code === 'object_type_unknown') return unknownObjectType(type);
  if (error.code === 'change_invalid') {
    const detail = 'the body is a JSON object of attributes';
    return new Problem('body_invalid', detail, [{ path: '', detail }]);
  }
  const errors = error.errors.map(({ path, detail }) => ({
    path: path.replace(/^\/data/, ''),
    detail,
  }));
  return new Problem(error.code, error.message, errors, error.extra);
}
