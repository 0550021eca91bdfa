/**
 * uses.ts – What uses a segment: views, webhooks and other segments.
 */
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { activationsQuery, type ListedSegment, viewsQuery } from '../../server/queries.ts';

export interface Uses {
  readonly views: number;
  readonly webhooks: number;
  readonly segments: number;
}

/** By slug, what uses it. */
export function useUses(): (segment: Pick<ListedSegment, 'slug' | 'used_by'>) => Uses {
  const views = useQuery(viewsQuery).data;
  const activations = useQuery(activationsQuery).data;
  return useMemo(() => {
    const ofView = new Map(views?.map(({ slug, segment }) => [slug, segment]));
    const viewsOf = counted([...ofView.values()]);
    const webhooksOf = counted((activations ?? []).map(({ view }) => ofView.get(view)));
    return ({ slug, used_by }) => ({
      views: viewsOf.get(slug) ?? 0,
      webhooks: webhooksOf.get(slug) ?? 0,
      segments: used_by.length,
    });
  }, [views, activations]);
}

function counted(slugs: readonly (string | undefined)[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const slug of slugs) if (slug !== undefined) counts.set(slug, (counts.get(slug) ?? 0) + 1);
  return counts;
}
