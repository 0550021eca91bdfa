/**
 * routes.ts – `POST /v1/changes`: many changes in one request, as lines of JSON or as one array.
 *
 * Keeps true: lines are read only as fast as they are taken in, and no more than one of them is
 * held, so a body may be of any length; a bad line is reported and stops no other. An array must be
 * read as a whole and is bounded. However many lines come, and however bad they are, others are
 * answered meanwhile (time-slice.ts).
 */
import { isUtf8 } from 'node:buffer';
import { Readable } from 'node:stream';
import Type from 'typebox';
import type { IngestReport, IngestSession } from '../../engine/ingest.ts';
import { type ErrorCode, Problem } from '../../errors.ts';
import { breathe } from '../../time-slice.ts';
import { answers } from '../answers.ts';
import { named } from '../fields.ts';
import { LineSplitter } from '../lines.ts';
import { JSON_TYPE } from '../plugins/bodies.ts';
import type { Routes } from '../route.ts';
import { waitParameters } from '../write-options.ts';
import { arrayItems, beginsAsArray } from './array-items.ts';

/** The media type has never been registered; these are its names in the field. */
const LINES_TYPE = /^application\/(?:x-ndjson|ndjson|jsonl|x-jsonlines)(?:\s*;|$)/i;
export const LINE_BYTES_MAX = 1024 * 1024;
export const ARRAY_BYTES_MAX = 16 * 1024 * 1024;
const WAIT_MS = 30_000;
const BLANK = /^\s*$/;

const body = {
  content: {
    'application/x-ndjson': { schema: named('Change') },
    'application/json': { schema: named('Changes') },
  },
};

export const changeRoutes: Routes = async (
  app,
  { deployment: { delivery, ingest, limits }, waitingChangesMax },
) => {
  // The stream itself: it is read by the handler.
  app.addContentTypeParser(LINES_TYPE, async (_: unknown, payload: Readable) => payload);
  // Its bytes: they are parsed item by item.
  app.removeContentTypeParser(JSON_TYPE);
  app.addContentTypeParser(
    JSON_TYPE,
    { parseAs: 'buffer' },
    async (_: unknown, text: Buffer) => text,
  );

  app.post(
    '/v1/changes',
    {
      bodyLimit: ARRAY_BYTES_MAX,
      // Before the body is read: who has to wait should not have to send it all.
      onRequest: async () => {
        if (delivery.waitingChanges <= waitingChangesMax) return;
        throw new Problem(
          'overloaded',
          'too many changes wait in this process; send more slowly',
          [],
          {
            retry_after_s: 1,
          },
        );
      },
      schema: {
        summary: 'Send many changes',
        description:
          'Changes of one record are applied in their order. NDJSON is streamed and may be of any length, each line up to 1 MB; a JSON array may have up to 16 MB.',
        operationId: 'postChanges',
        querystring: Type.Object(waitParameters(WAIT_MS)),
        body,
        response: answers(
          { 200: named('ChangesReport'), 202: named('ChangesReport') },
          'parameter_invalid',
          'body_malformed',
          'body_too_long',
          'content_type_unsupported',
          'body_invalid',
          'overloaded',
        ),
      },
    },
    async (request, reply) => {
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
  );
};

async function takeLines(stream: Readable, session: IngestSession): Promise<void> {
  const splitter = new LineSplitter(LINE_BYTES_MAX);
  for await (const chunk of whole(stream)) {
    for (const { number, bytes } of splitter.split(chunk)) {
      const room = takeLine(number, bytes, session);
      if (room) await room;
      const pause = breathe();
      if (pause) await pause;
    }
  }
  for (const { number, bytes } of splitter.end()) await takeLine(number, bytes, session);
}

/**
 * @throws Problem body_malformed if the body broke off: what was taken in before stays, and nobody
 * hears of it.
 */
async function* whole(stream: Readable): AsyncGenerator<Buffer> {
  try {
    // Not destroyed when it is left: its connection may be used again (plugins/refused-bodies.ts).
    yield* stream.iterator({ destroyOnReturn: false });
  } catch (error) {
    if (error instanceof Problem) throw error; // it did not come in time
    throw new Problem('body_malformed', 'the body broke off before its end');
  }
}

function takeLine(
  number: number,
  bytes: Buffer | 'too long',
  session: IngestSession,
): Promise<void> | undefined {
  if (bytes === 'too long') return void session.reject(number, tooLong());
  if (!isUtf8(bytes))
    return void session.reject(number, new Problem('line_malformed', 'not UTF-8'));
  const text = bytes.toString('utf8');
  const line = number === 1 && text.startsWith('\uFEFF') ? text.slice(1) : text;
  return BLANK.test(line) ? undefined : session.add(number, line);
}

/**
 * @throws Problem content_type_unsupported | body_invalid | body_malformed, before any change is
 * taken in
 */
async function takeArray(text: Buffer | undefined, session: IngestSession): Promise<void> {
  if (text === undefined || text.length === 0) {
    throw new Problem(
      'content_type_unsupported',
      'send application/x-ndjson or application/json, with a body',
    );
  }
  if (!isUtf8(text)) throw new Problem('body_malformed', 'the body is not UTF-8');
  if (!beginsAsArray(text)) throw noArray(text);
  for (const item of arrayItems(text)) {
    if (item.length <= LINE_BYTES_MAX) parseItem(item);
    await breathe();
  }
  let index = 0;
  for (const item of arrayItems(text)) {
    index += 1;
    if (item.length > LINE_BYTES_MAX) session.reject(index, tooLong());
    // a line break in JSON is a blank, and what travels is a line
    else await session.add(index, item.toString('utf8').replace(/[\r\n]/g, ' '));
    await breathe();
  }
}

/** @throws Problem body_malformed */
function parseItem(item: Buffer): unknown {
  try {
    return JSON.parse(item.toString('utf8'));
  } catch (error) {
    throw new Problem('body_malformed', `the body is not JSON: ${(error as Error).message}`);
  }
}

function noArray(text: Buffer): Problem {
  if (text.length <= LINE_BYTES_MAX) parseItem(text);
  const detail =
    'the body is a JSON array of changes; single lines are sent as application/x-ndjson';
  return new Problem('body_invalid', detail, [{ path: '', detail }]);
}

function tooLong(): Problem {
  return new Problem('line_too_long', `a change has at most ${LINE_BYTES_MAX} bytes`);
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
