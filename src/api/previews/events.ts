/**
 * events.ts – A preview as Server-Sent Events: how far it is, then the result.
 *
 * Keeps true: a slow reader gets the newest progress and not each one. A refusal before the first
 * event is a problem document as any other; one after it is the last event.
 */
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { Problem } from '../../errors.ts';
import type { Preview, PreviewProgress } from '../../preview/preview.ts';
import { EVENT_STREAM, eventText } from '../event-streams.ts';
import { problemDocument } from '../plugins/problems.ts';
import { formatPreview } from './format.ts';

/** @returns undefined if the client went away */
type Previewing = (onProgress: (progress: PreviewProgress) => void) => Promise<Preview | undefined>;

/** Answers with the events of a preview. @throws Problem that came before the first one */
export async function sendPreviewEvents(
  previewing: Previewing,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const events = eventsOf(previewing);
  const first = await events.next();
  if (first.done) return reply.hijack();
  reply
    .type(`${EVENT_STREAM}; charset=utf-8`)
    .header('cache-control', 'no-store')
    .header('x-accel-buffering', 'no'); // a proxy that gathers answers would hold events back
  return reply.send(Readable.from(all(first.value, events), { objectMode: false }));
}

async function* all(first: string, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  yield first;
  yield* rest;
}

async function* eventsOf(previewing: Previewing): AsyncGenerator<string> {
  let newest: PreviewProgress | undefined;
  let isOver = false;
  let wake = () => {};
  const result = previewing((progress) => {
    newest = progress;
    wake();
  }).finally(() => {
    isOver = true;
    wake();
  });
  result.catch(() => {}); // it is asked for below
  let isFirst = true;
  for (;;) {
    if (!isOver && newest === undefined) await new Promise<void>((resolve) => (wake = resolve));
    if (isOver) break;
    const progress = newest;
    newest = undefined;
    isFirst = false;
    yield eventText({ event: 'progress', data: progress });
  }
  try {
    const preview = await result;
    if (preview) yield eventText({ event: 'result', data: formatPreview(preview) });
  } catch (error) {
    if (isFirst || !(error instanceof Problem)) throw error;
    yield eventText({ event: 'problem', data: problemDocument(error) });
  }
}
