/**
 * write.ts – A write of one record, and the answer that shows what came of it.
 *
 * Keeps true: an answer to a write that was waited for shows the record with that write in it; a
 * fault of an attribute points into the body that was sent.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import { unknownObjectType } from '../../catalog/object-types.ts';
import type { Operation, Outcome } from '../../change/change.ts';
import { recordTag } from '../../change/record.ts';
import { Problem, unreachable } from '../../errors.ts';
import { EVENTUAL } from '../../membership/read-options.ts';
import type { Records } from '../../membership/records.ts';
import { preconditionOf, tag } from '../preconditions.ts';
import type { RouteContext } from '../route.ts';
import { formatRecord } from './format.ts';
import { WRITE_WAIT_MS, type writeQuery } from './schemas.ts';
import { unknownRecord } from './unknown-record.ts';

type RecordRequest = FastifyRequest<{
  Params: { readonly type: string; readonly id: string };
  Querystring: Static<typeof writeQuery>;
}>;

interface Write {
  readonly op: Operation;
  readonly request: RecordRequest;
  readonly data?: unknown;
}

/** Carries a write out and answers with what came of it. */
export async function writeRecord(
  { op, request, data }: Write,
  { deployment: { ingest, records } }: RouteContext,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { type, id } = request.params;
  const { query } = request;
  const given = {
    op,
    object_type: type,
    id,
    ...(data === undefined ? {} : { data }),
    ...(query.source_version === undefined ? {} : { source_version: query.source_version }),
  };
  const { wait = 'applied', timeout_ms: timeoutMs = WRITE_WAIT_MS } = query;
  const precondition = preconditionOf(request);
  if (precondition && wait === 'accepted') throw neverDecided();
  const options = { wait, timeoutMs };
  const outcome = await ingest.one(given, options, precondition).catch((error: unknown) => {
    throw inTermsOfRequest(error, type);
  });
  return answer(request, op, outcome, records, reply);
}

async function answer(
  request: RecordRequest,
  op: Operation,
  outcome: Outcome | 'accepted',
  records: Records,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { type, id } = request.params;
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
    case 'precondition_failed':
      throw new Problem('precondition_failed', 'the record is another, or at another version');
    case 'created':
    case 'updated':
    case 'unchanged':
    case 'stale': {
      const record = await records.one(type, id, EVENTUAL);
      const code = outcome === 'created' && op === 'put' ? 201 : 200;
      // None: it was deleted meanwhile, or before by a newer change, so that this one was ignored.
      if (!record) return reply.code(code).send({ object_type: type, id, status: 'ignored' });
      const shown = formatRecord(type, id, record);
      tag(request, reply, recordTag(record), shown);
      return reply.code(code).send(shown);
    }
    default:
      return unreachable(outcome);
  }
}

/** Who does not wait would never hear that it was not met. */
function neverDecided(): Problem {
  const detail = 'whether a precondition is met is known when the change is applied: wait for that';
  return new Problem('parameter_invalid', detail, [{ path: '/wait', detail }]);
}

/**
 * Translates a fault of the change into one of the request: type and id are its path, `data` is its
 * body.
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
