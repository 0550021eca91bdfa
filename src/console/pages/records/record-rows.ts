/**
 * record-rows.ts – Reads the rows of a table page by page, and how many there are.
 */
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import type { RecordShown } from '../../server/answers.ts';
import { ask } from '../../server/ask.ts';
import { refusalOf } from '../../server/refusal.ts';
import { type RecordCells, type RecordColumn, rowOfRecord } from './columns.ts';
import { csvLine, download } from './csv.ts';
import type { RowsSource } from './wish.ts';

const PAGE_ROWS = 100;
const CSV_PAGE_ROWS = 1000;
/** Rows of a CSV that is made here; those of a view have no such bound. */
export const CSV_ROWS_MAX = 100_000;
const COUNT_MS = 30_000;

interface CellsPage {
  readonly rows: readonly RecordCells[];
  readonly next: string | null;
}

interface PageAsked {
  readonly cursor: string;
  readonly limit: number;
  readonly signal: AbortSignal | undefined;
}

/** @throws ServerRefusal */
async function readPage(source: RowsSource, asked: PageAsked): Promise<CellsPage> {
  const { cursor, limit, signal } = asked;
  if (source.kind === 'query') {
    const body = { ...source.body, limit, ...(cursor === '' ? {} : { cursor }) };
    const read = { method: 'POST', body, reads: true, signal } as const;
    return recordsPage(await ask<PageAnswer<RecordShown>>(source.path, read));
  }
  const url = new URL(source.path, location.origin);
  url.searchParams.set('limit', String(limit));
  if (cursor !== '') url.searchParams.set('cursor', cursor);
  const path = `${url.pathname}${url.search}`;
  if (source.kind === 'list')
    return recordsPage(await ask<PageAnswer<RecordShown>>(path, { signal }));
  const { data, next_cursor } = await ask<PageAnswer<ViewRowShown>>(path, { signal });
  return { rows: data.map((values) => ({ id: values.id, values })), next: next_cursor };
}

interface PageAnswer<T> {
  readonly data: readonly T[];
  readonly next_cursor: string | null;
}

type ViewRowShown = { readonly id: string } & Readonly<Record<string, unknown>>;

function recordsPage({ data, next_cursor }: PageAnswer<RecordShown>): CellsPage {
  return { rows: data.map(rowOfRecord), next: next_cursor };
}

export function useRecordRows(source: RowsSource | undefined) {
  return useInfiniteQuery({
    queryKey: ['records', source],
    enabled: source !== undefined,
    initialPageParam: '',
    queryFn: ({ pageParam: cursor, signal }) =>
      readPage(source!, { cursor, limit: PAGE_ROWS, signal }),
    getNextPageParam: ({ next }) => next ?? undefined,
    placeholderData: keepPreviousData,
  });
}

export interface ExactCount {
  readonly count: number | null;
  readonly of: number;
  readonly as_of_time: string;
}

/** Of one moment, exactly; nothing is saved for it. */
export function useExactCount(type: string, query: unknown) {
  return useQuery({
    queryKey: ['records', 'count', type, query],
    enabled: query !== undefined,
    queryFn: ({ signal }) =>
      ask<ExactCount>('/v1/segments/preview', {
        method: 'POST',
        body: { object_type: type, query, sample: 0 },
        reads: true,
        signal,
      }),
    refetchInterval: COUNT_MS,
  });
}

/** All rows of a view, streamed by the server. @throws ServerRefusal */
export async function downloadView(path: string, name: string): Promise<void> {
  const answer = await fetch(path, { headers: { accept: 'text/csv' }, credentials: 'same-origin' });
  if (!answer.ok) throw await refusalOf(answer);
  download(name, await answer.blob());
}

/** All rows of a source, page by page. @returns whether all of them fit. @throws ServerRefusal */
export async function downloadRows(
  source: RowsSource,
  columns: readonly RecordColumn[],
  name: string,
): Promise<boolean> {
  const parts: string[] = [csvLine(['id', ...columns.map(({ title }) => title)])];
  let cursor: string | null = '';
  while (cursor !== null && parts.length <= CSV_ROWS_MAX) {
    const page: CellsPage = await readPage(source, {
      ...{ cursor, limit: CSV_PAGE_ROWS, signal: undefined },
    });
    for (const { id, values } of page.rows)
      parts.push(csvLine([id, ...columns.map(({ field }) => values[field])]));
    cursor = page.next;
  }
  download(name, new Blob(parts, { type: 'text/csv' }));
  return cursor === null;
}
