/**
 * events.ts – A preview as Server-Sent Events: how far it is, then the result.
 *
 * Keeps true: a slow reader gets the newest progress and not each one. A refusal before the first
 * event is a problem document as any other; one after it is the last event. It is a stream as any
 * other: kept alive, counted for its key, and its end ends the preview.
 */
import { Problem } from '../../errors.ts';
import type { Preview, PreviewProgress } from '../../preview/preview.ts';
import { eventText, type StreamedTexts } from '../event-streams.ts';
import { problemDocument } from '../plugins/problems.ts';
import { formatPreview } from './format.ts';

/** @returns undefined if the client went away */
type Previewing = (
  signal: AbortSignal,
  onProgress: (progress: PreviewProgress) => void,
) => Promise<Preview | undefined>;

/** The events of a preview. They throw a Problem that came before the first one. */
export function previewTexts(previewing: Previewing): StreamedTexts {
  return (signal) => textsOf((onProgress) => previewing(signal, onProgress));
}

async function* textsOf(
  previewing: (onProgress: (progress: PreviewProgress) => void) => Promise<Preview | undefined>,
): AsyncGenerator<string> {
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
