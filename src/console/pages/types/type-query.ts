/**
 * type-query.ts – Reads an object type, with the ways that lead to it.
 */
import { queryOptions } from '@tanstack/react-query';
import { ask } from '../../server/ask.ts';
import type { WholeTypeShown } from '../../server/operations-answers.ts';

export const typeQuery = (name: string) =>
  queryOptions({
    queryKey: ['types', name],
    queryFn: ({ signal }) =>
      ask<WholeTypeShown>(`/v1/object-types/${encodeURIComponent(name)}`, { signal }),
  });
