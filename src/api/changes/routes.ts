/**
 * routes.ts – `POST /v1/changes`: many changes in one request.
 */
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import type { IngestReport } from '../../engine/ingest.ts';
import { type ErrorCode, Problem } from '../../errors.ts';
import { named } from '../fields.ts';
import { JSON_TYPE, LINES_TYPE } from '../media-types.ts';
import { route } from '../route.ts';
import { waitParameters } from '../write-options.ts';
import { ARRAY_BYTES_MAX, takeArray, takeLines } from './body.ts';

const WAIT_MS = 30_000;

const body = {
  content: {
    'application/x-ndjson': { schema: named('Change') },
    'application/json': { schema: named('Changes') },
  },
};

const postChanges = route({
  method: 'POST',
  path: '/v1/changes',
  need: 'write_records',
  summary: 'Send many changes',
  description:
    'Changes of one record are applied in their order. NDJSON is streamed and may be of any ' +
    'length, each line up to 1 MB; a JSON array may have up to 16 MB.',
  bodyBytesMax: ARRAY_BYTES_MAX,
  readBodies,
  beforeBody: ({ deployment: { delivery }, waitingChangesMax }) => {
    if (delivery.waitingChanges <= waitingChangesMax) return;
    throw new Problem('overloaded', 'too many changes wait in this process; send more slowly', [], {
      retry_after_s: 1,
    });
  },
  query: Type.Object(waitParameters(WAIT_MS)),
  body,
  answers: { 200: named('ChangesReport'), 202: named('ChangesReport') },
  refusals: [
    'parameter_invalid',
    'body_malformed',
    'body_too_long',
    'content_type_unsupported',
    'body_invalid',
    'overloaded',
  ],
  handler: async (request, { deployment: { ingest, limits } }, reply) => {
    const { wait = 'applied', timeout_ms: timeoutMs = WAIT_MS } = request.query;
    const given: unknown = request.body;
    const session = ingest.session({ wait, timeoutMs, listedMax: limits.rejectedLines });
    if (given instanceof Readable) await takeLines(given, session);
    else await takeArray(given as Buffer | undefined, session);
    const { accepted, rejected, rejectedTotal, position, isApplied } = refuseLost(
      await session.finish(),
    );
    const unlisted = rejectedTotal > rejected.length ? { rejected_total: rejectedTotal } : {};
    return reply.code(isApplied ? 200 : 202).send({ accepted, rejected, ...unlisted, position });
  },
});

export const CHANGE_ROUTES = { postChanges };

function readBodies(app: FastifyInstance): void {
  // The stream itself: it is read by the handler.
  app.addContentTypeParser(LINES_TYPE, async (_: unknown, payload: Readable) => payload);
  // Its bytes: they are parsed item by item.
  app.removeContentTypeParser(JSON_TYPE);
  app.addContentTypeParser(
    JSON_TYPE,
    { parseAs: 'buffer' },
    async (_: unknown, text: Buffer) => text,
  );
}

const LOST_CODES: readonly ErrorCode[] = ['redis_unavailable', 'redis_full', 'overloaded'];

/**
 * When nothing at all could be taken in, and not by a fault of the lines, the request as a whole is
 * to be sent again.
 */
function refuseLost(report: IngestReport): IngestReport {
  const [first] = report.rejected;
  const isLost =
    report.accepted === 0 &&
    first &&
    report.rejected.every(({ code }) => LOST_CODES.includes(code));
  if (isLost) throw new Problem(first.code, first.detail, [], { retry_after_s: 1 });
  return report;
}
