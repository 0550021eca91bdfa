/**
 * use-more.ts – Reads the next page of a list when the rows that are drawn come near its end.
 */
import { useEffect, useRef, useState } from 'react';

interface PagedRead {
  readonly hasNextPage: boolean;
  readonly isFetchingNextPage: boolean;
  readonly isFetchNextPageError: boolean;
  readonly fetchNextPage: () => unknown;
}

/** Rows from the end at which the next page is read. */
const AHEAD = 30;

/** To be told of the rows that are drawn; a page may be empty, and then the next one is read. */
export function useMore<Row>(
  { hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage }: PagedRead,
  rows: readonly Row[],
): (drawn: readonly Row[]) => void {
  const next = useRef(fetchNextPage);
  next.current = fetchNextPage;
  const [seen, setSeen] = useState(0);
  const isNear = seen > rows.length - AHEAD;
  const isFree = hasNextPage && !isFetchingNextPage && !isFetchNextPageError;
  useEffect(() => {
    if (isFree && isNear) void next.current();
  }, [isFree, isNear]);
  return (drawn) => setSeen(drawn.length === 0 ? 0 : rows.indexOf(drawn.at(-1)!) + 1);
}
