/**
 * queries.ts – What pages read, by name: each with its key in the cache, so that two pages that
 * show the same thing ask for it once.
 *
 * Keeps true: what was read stays shown while it is read again.
 */
import { keepPreviousData, QueryClient, queryOptions } from '@tanstack/react-query';
import type {
  ActivationShown,
  AuditShown,
  CountShown,
  InfoShown,
  OperatorsShown,
  SegmentShown,
  SignedInAs,
  TypeShown,
  ViewShown,
} from './answers.ts';
import { ask, askAll } from './ask.ts';
import { ServerRefusal } from './refusal.ts';

const TRIES_MAX = 4;
/** Lists of what is declared change seldom, and are asked for anew when a page is opened. */
const CATALOG_MS = 30_000;
const COUNTS_MS = 60_000;

/** Reads that the server refused are final, unless it says that it may be different later. */
function mayTryAgain(failures: number, error: unknown): boolean {
  if (failures >= TRIES_MAX || !(error instanceof ServerRefusal)) return false;
  return error.status === 0 || error.status === 429 || error.status >= 500;
}

export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        retry: mayTryAgain,
        staleTime: 5000,
        placeholderData: keepPreviousData,
        refetchOnWindowFocus: true,
      },
      mutations: { retry: false },
    },
  });
}

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: ({ signal }) => ask<SignedInAs>('/v1/session', { signal }),
  staleTime: Number.POSITIVE_INFINITY,
});

const TYPE_FIELDS = [
  'name',
  'label',
  'description',
  'format',
  'title_attribute',
  'attributes',
  'relationships',
  'records',
] as const satisfies readonly (keyof TypeShown)[];

export const typesQuery = queryOptions({
  queryKey: ['types'],
  queryFn: ({ signal }) =>
    askAll<TypeShown>(`/v1/object-types?fields=${TYPE_FIELDS.join(',')}`, signal),
  refetchInterval: COUNTS_MS,
});

/** Of a segment, what lists show; its query is read with the segment itself. */
const LISTED_FIELDS = [
  'slug',
  'title',
  'description',
  'words',
  'object_type',
  'status',
  'reason',
  'progress',
  'freshness',
  'revision',
  'used_by',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof SegmentShown)[];

export type ListedSegment = Pick<SegmentShown, (typeof LISTED_FIELDS)[number]>;

export const segmentsQuery = queryOptions({
  queryKey: ['segments'],
  queryFn: ({ signal }) =>
    askAll<ListedSegment>(`/v1/segments?fields=${LISTED_FIELDS.join(',')}`, signal),
  refetchInterval: CATALOG_MS,
});

export const segmentQuery = (slug: string) =>
  queryOptions({
    queryKey: ['segment', slug],
    queryFn: ({ signal }) => ask<SegmentShown>(segmentPath(slug), { signal }),
  });

/** Of all segments at once; those on the screen are kept up to date by the stream. */
export const countsQuery = queryOptions({
  queryKey: ['counts'],
  queryFn: async ({ signal }) => {
    const asked = { method: 'POST', body: {}, reads: true, signal } as const;
    const { counts } = await ask<{ counts: CountShown[] }>('/v1/segments/counts', asked);
    return new Map(counts.map((count) => [count.slug, count]));
  },
  refetchInterval: COUNTS_MS,
});

export const viewsQuery = queryOptions({
  queryKey: ['views'],
  queryFn: ({ signal }) => askAll<ViewShown>('/v1/views', signal),
  refetchInterval: CATALOG_MS,
});

export const activationsQuery = queryOptions({
  queryKey: ['activations'],
  queryFn: ({ signal }) => askAll<ActivationShown>('/v1/activations', signal),
  refetchInterval: CATALOG_MS,
});

export const lastAuditQuery = queryOptions({
  queryKey: ['audits', 'last'],
  queryFn: async ({ signal }) => {
    const { data } = await ask<{ data: AuditShown[] }>('/v1/audits?limit=20', { signal });
    return data.find(({ status }) => status === 'completed') ?? null;
  },
  refetchInterval: CATALOG_MS,
});

/** The table of operators changes with the server alone. */
export const operatorsQuery = queryOptions({
  queryKey: ['operators'],
  queryFn: ({ signal }) => ask<OperatorsShown>('/v1/operators', { signal }),
  staleTime: Number.POSITIVE_INFINITY,
});

export const infoQuery = queryOptions({
  queryKey: ['info'],
  queryFn: ({ signal }) => ask<InfoShown>('/v1/info', { signal }),
  staleTime: Number.POSITIVE_INFINITY,
});

export function segmentPath(slug: string): string {
  return `/v1/segments/${encodeURIComponent(slug)}`;
}
