/**
 * view-query.ts – Reads a view, with its tag for the next write.
 */
import { queryOptions } from '@tanstack/react-query';
import type { ViewShown } from '../../server/answers.ts';
import { askTagged } from '../../server/ask.ts';

export const viewQuery = (slug: string) =>
  queryOptions({
    queryKey: ['view', slug],
    queryFn: ({ signal }) => askTagged<ViewShown>(viewPath(slug), { signal }),
  });

export function viewPath(slug: string): string {
  return `/v1/views/${encodeURIComponent(slug)}`;
}
