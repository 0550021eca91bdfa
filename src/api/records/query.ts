/**
 * query.ts – `POST /v1/records/:type/query`: the records that a filter holds of, page by page,
 * without saving it.
 *
 * Keeps true: pages are in the order of partition and id, and each is of what holds when it is
 * read. A page ends early when its time is over; its cursor goes on from there.
 */

import { partitionOf } from '../../change/partition.ts';
import type { Deployment } from '../../engine/deployment.ts';
import { cursorAt, type PagePosition, readPosition } from '../../membership/page.ts';
import { type ChosenSegments, isChoosing } from '../../membership/segment-choice.ts';
import type { PreviewCaller } from '../../preview/previews.ts';
import { PageText } from '../page-text.ts';
import { showRecord } from './format.ts';

export interface RecordsQuery {
  readonly objectType: string;
  readonly query: unknown;
  readonly chosen: ChosenSegments;
  readonly limit: number;
  readonly cursor: string | undefined;
  readonly timeoutMs: number;
}

/** Records that are found at once where segments are chosen among them, and read at once. */
const FOUND_AT_ONCE = 1000;
const READ_AT_ONCE = 50;

/**
 * @returns undefined if the client went away
 * @throws Problem object_type_unknown | query_invalid | query_too_costly | segment_unknown |
 *   segment_building | segment_failed | parameter_invalid | cursor_invalid | overloaded
 */
export async function recordsPage(
  { objectType, query, chosen, limit, cursor, timeoutMs }: RecordsQuery,
  { choice, founding, limits, previews, records }: Deployment,
  caller: PreviewCaller,
): Promise<Buffer | undefined> {
  const text = new PageText(limits.pageBytes);
  const endMs = performance.now() + timeoutMs;
  let page: PagePosition = readPosition(cursor || undefined, founding.partitions);
  await choice.segments(chosen, objectType);
  let taken = 0;
  for (;;) {
    const leftMs = Math.ceil(endMs - performance.now());
    if (leftMs <= 0) return text.end(cursorAt(page.partition, page.after));
    const sample = isChoosing(chosen) ? FOUND_AT_ONCE : limit - taken;
    const asked = { objectType, query, sample, breakdown: false, page, timeoutMs: leftMs };
    const found = await previews.preview(asked, caller);
    if (!found) return undefined;
    if (found.status === 'timeout') return text.end(cursorAt(page.partition, page.after));
    const ids = found.sample.map(({ id }) => id);
    const wanted = await choice.among(chosen, ids);
    for (let from = 0; from < wanted.length; from += READ_AT_ONCE) {
      const some = wanted.slice(from, from + READ_AT_ONCE);
      const rows = await records.some(objectType, some);
      for (const [at, id] of some.entries()) {
        const record = rows[at];
        // It was deleted or archived since it was found.
        if (!record || record.archivedAt !== undefined) continue;
        if (taken === limit || !text.add(showRecord(objectType, { id, record }).text))
          return text.end(cursorAt(page.partition, page.after));
        taken += 1;
        page = { partition: partitionOf(id, founding.partitions), after: id };
      }
    }
    const last = ids.at(-1);
    if (last === undefined || ids.length < sample) return text.end(null);
    page = { partition: partitionOf(last, founding.partitions), after: last };
    if (taken === limit) return text.end(cursorAt(page.partition, page.after));
  }
}
