/**
 * format.ts – Previews as they are answered.
 */
import type { Preview } from '../../preview/preview.ts';
import { isoTime } from '../times.ts';

export function formatPreview(preview: Preview): Record<string, unknown> {
  const { status, count, of, sample, added, removed, breakdown, asOf, asOfMs } = preview;
  return {
    status,
    count,
    of,
    sample,
    ...(added && removed ? { added, removed } : {}),
    ...(breakdown ? { breakdown } : {}),
    as_of: asOf,
    as_of_time: isoTime(asOfMs),
  };
}
