/**
 * record-queries.ts – What pages about single records read, by name.
 */
import { queryOptions } from '@tanstack/react-query';
import type { RecordShown } from './answers.ts';
import { ask, askTagged } from './ask.ts';
import { type PastChanges, readPast } from './past-changes.ts';

/** With its tag: for the next write. */
export const recordQuery = (type: string, id: string) =>
  queryOptions({
    queryKey: ['record', type, id],
    queryFn: ({ signal }) => askTagged<RecordShown>(recordPath(type, id), { signal }),
  });

/** Slugs of the segments that a record is in. */
export const segmentsOfRecordQuery = (type: string, id: string) =>
  queryOptions({
    queryKey: ['record', type, id, 'segments'],
    queryFn: async ({ signal }) =>
      (await ask<{ segments: string[] }>(`${recordPath(type, id)}/segments`, { signal })).segments,
  });

/** Pages of the feed that are searched for what happened to one record. */
const RECORD_PAGES_MAX = 40;
const RECORD_EVENTS_MAX = 500;

/** How a record joined and left, of all segments or of one: oldest first. */
export const recordChangesQuery = (type: string, id: string, segment?: string) =>
  queryOptions({
    queryKey: ['record', type, id, 'changes', segment ?? ''],
    queryFn: ({ signal }): Promise<PastChanges> => {
      const query = new URLSearchParams({ object_type: type, id });
      if (segment !== undefined) query.set('segment', segment);
      const bounds = { eventsMax: RECORD_EVENTS_MAX, pagesMax: RECORD_PAGES_MAX };
      return readPast(`/v1/memberships/changes?${query}`, bounds, signal);
    },
  });

export function recordPath(type: string, id: string): string {
  return `/v1/records/${encodeURIComponent(type)}/${encodeURIComponent(id)}`;
}
