/**
 * uses-list.tsx – What uses a segment, by name: an edit changes all of it.
 */
import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { hasPage } from '../../pages.tsx';
import { activationsQuery, segmentsQuery, viewsQuery } from '../../server/queries.ts';

export interface NamedUses {
  readonly segments: readonly { readonly slug: string; readonly title: string }[];
  readonly views: readonly { readonly slug: string; readonly title: string }[];
  readonly webhooks: readonly { readonly id: string; readonly url: string }[];
}

/** What uses the segment of a slug; none of a new one. */
export function useNamedUses(slug: string | undefined): NamedUses {
  const views = (useQuery(viewsQuery).data ?? []).filter(({ segment }) => segment === slug);
  const segments = useQuery(segmentsQuery).data ?? [];
  const activations = useQuery(activationsQuery).data ?? [];
  if (slug === undefined) return { segments: [], views: [], webhooks: [] };
  const users = new Set(segments.find((each) => each.slug === slug)?.used_by);
  const ofView = new Set(views.map((view) => view.slug));
  return {
    views,
    segments: segments.filter((each) => users.has(each.slug)),
    webhooks: activations.filter(({ view }) => ofView.has(view)),
  };
}

export function UsesList({ uses }: { readonly uses: NamedUses }) {
  const { segments, views, webhooks } = uses;
  if (segments.length + views.length + webhooks.length === 0)
    return <p className="quiet">Nothing uses it yet.</p>;
  return (
    <>
      {segments.length > 0 ? <h2>Segments</h2> : null}
      <ul>
        {segments.map(({ slug, title }) => (
          <li key={slug}>
            <Link href={`/segments/${slug}`}>{title}</Link>
          </li>
        ))}
      </ul>
      {views.length > 0 ? <h2>Views</h2> : null}
      <ul>
        {views.map(({ slug, title }) => (
          <li key={slug}>
            {hasPage('/views/:slug') ? <Link href={`/views/${slug}`}>{title}</Link> : title}
          </li>
        ))}
      </ul>
      {webhooks.length > 0 ? <h2>Webhooks</h2> : null}
      <ul>
        {webhooks.map(({ id, url }) => (
          <li key={id}>{hostOf(url)}</li>
        ))}
      </ul>
    </>
  );
}

/** Paths of webhooks may hold what is not for every eye. */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'a webhook';
}
