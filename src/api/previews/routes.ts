/**
 * routes.ts – `/v1/segments/preview`: the records that a filter would hold of, before it is saved.
 *
 * Keeps true: it is a read. A client that goes away ends the work that was done for it.
 */
import type { Static } from 'typebox';
import { readOperand } from '../../change/value.ts';
import { Problem } from '../../errors.ts';
import type { PreviewProgress, PreviewRequest } from '../../preview/preview.ts';
import { preferredForm } from '../accepts.ts';
import { EVENT_STREAM } from '../event-streams.ts';
import { goneSignal } from '../gone-signal.ts';
import { route } from '../route.ts';
import { previewTexts } from './events.ts';
import { formatPreview } from './format.ts';
import { PREVIEW_TIMEOUT_MS, previewBody, previewForm, SAMPLE_DEFAULT } from './schemas.ts';

const FORMS = ['application/json', EVENT_STREAM] as const;

const previewSegment = route({
  method: 'POST',
  path: '/v1/segments/preview',
  need: 'read',
  summary: 'Preview a query: who would be in the segment',
  description:
    'Nothing is saved. Each partition is read at one commit. With `at` it is a forecast: who ' +
    'will be in it then if no record changes until then. As text/event-stream it tells its ' +
    'progress (`done` of `of` records), then the result.',
  body: previewBody,
  answers: { 200: previewForm },
  refusals: [
    'body_malformed',
    'body_invalid',
    'object_type_unknown',
    'segment_unknown',
    'query_invalid',
    'query_too_costly',
    'overloaded',
    'not_acceptable',
  ],
  handler: async (request, { deployment: { previews, founding }, streams }, reply) => {
    const asked = requestOf(request.body, founding.timeZone);
    const connection = request.raw.socket;
    reply.header('vary', 'accept');
    switch (preferredForm(request.headers.accept, FORMS)) {
      case 'application/json': {
        const signal = goneSignal(request, reply);
        const preview = await previews.preview(asked, { connection, signal });
        return preview ? formatPreview(preview) : reply.hijack();
      }
      case EVENT_STREAM: {
        const previewing = (signal: AbortSignal, onProgress: (at: PreviewProgress) => void) =>
          previews.preview(asked, { connection, signal, onProgress });
        return streams.send(request, reply, previewTexts(previewing));
      }
      default:
        throw new Problem('not_acceptable', `a preview is given as ${FORMS.join(', ')}`);
    }
  },
});

export const PREVIEW_ROUTES = { previewSegment };

/** @throws Problem body_invalid */
function requestOf(body: Static<typeof previewBody>, timeZone: string): PreviewRequest {
  return {
    objectType: body.object_type,
    query: body.query,
    compareTo: body.compare_to,
    sample: body.sample ?? SAMPLE_DEFAULT,
    breakdown: body.breakdown ?? false,
    atMs: body.at === undefined ? undefined : momentOf(body.at, timeZone),
    timeoutMs: body.timeout_ms ?? PREVIEW_TIMEOUT_MS,
  };
}

function momentOf(text: string, timeZone: string): number {
  const moment = readOperand('datetime', text, timeZone);
  if (typeof moment === 'string') return Date.parse(moment);
  const detail = 'at is a moment such as "2026-12-07T09:00:00Z"';
  throw new Problem('body_invalid', detail, [{ path: '/at', detail }]);
}
