/**
 * segment-frame.tsx – The head of a segment, the same over all of its pages: how many are in it,
 * how that moves, what it says, who uses it.
 */
import './segment.css';
import { useQuery } from '@tanstack/react-query';
import { Pencil } from 'lucide-react';
import type { ReactNode } from 'react';
import { useLocation } from 'wouter';
import { hasPage } from '../../pages.tsx';
import { ButtonLink } from '../../parts/button.tsx';
import { useCount } from '../../parts/count.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { Sparkline } from '../../parts/sparkline.tsx';
import { EmptyState, ErrorView, SkeletonRows } from '../../parts/states.tsx';
import { Tabs } from '../../parts/tabs.tsx';
import { TypeTag } from '../../parts/type-tag.tsx';
import { countedText, numberText, shareText } from '../../parts/words.ts';
import type { SegmentShown } from '../../server/answers.ts';
import { countsQuery, segmentQuery, typesQuery } from '../../server/queries.ts';
import { isGone } from '../../server/refusal.ts';
import { useMay } from '../../session/use-session.ts';
import { PageFrame } from '../../shell/page.tsx';
import { useTopics } from '../../stream/use-stream.ts';
import { FreshnessCell, MovedCell } from '../segments/segment-cells.tsx';
import { trendQuery } from '../segments/trends.ts';
import { useUses } from '../segments/uses.ts';

const EDIT = '/segments/:slug/edit';
const CRUMBS = [
  { title: 'Customer Data' },
  { title: 'Utilities' },
  { title: 'Segments', to: '/segments' },
];
/** The pages of a segment; those that are not there are not offered. */
const TABS = [
  ['Members', ''],
  ['Feed', '/feed'],
  ['History', '/history'],
  ['Activations', '/activations'],
  ['Revisions', '/revisions'],
  ['JSON', '/json'],
] as const;
const LOOK_MS = 10_000;

interface SegmentFrameProps {
  readonly slug: string;
  readonly children: (segment: SegmentShown) => ReactNode;
}

export function SegmentFrame({ slug, children }: SegmentFrameProps) {
  const read = useQuery({ ...segmentQuery(slug), refetchInterval: LOOK_MS });
  const mayEdit = useMay('write_catalog') && hasPage(EDIT);
  useTopics([`counts:${slug}`]);
  const { data: segment, error } = read;
  if (error && (isGone(error) || !segment)) return <Missing slug={slug} error={error} />;
  if (!segment || segment.slug !== slug)
    return (
      <PageFrame title={slug} crumbs={CRUMBS}>
        <div className="card">
          <SkeletonRows />
        </div>
      </PageFrame>
    );
  return (
    <PageFrame
      title={segment.title}
      crumbs={CRUMBS}
      beside={<TypeTag type={segment.object_type} />}
      subtitle={segment.description}
      actions={
        mayEdit ? (
          <ButtonLink to={`/segments/${slug}/edit`}>
            <Pencil className="icon" aria-hidden="true" />
            Edit
          </ButtonLink>
        ) : null
      }
    >
      <Sentence words={segment.words} />
      <Facts segment={segment} />
      <SegmentTabs slug={slug} />
      {children(segment)}
    </PageFrame>
  );
}

function Missing({ slug, error }: { readonly slug: string; readonly error: unknown }) {
  return (
    <PageFrame title={slug} crumbs={CRUMBS}>
      {isGone(error) ? (
        <EmptyState
          title="There is no such segment, or not any more."
          action={<ButtonLink to="/segments">All segments</ButtonLink>}
        />
      ) : (
        <ErrorView error={error} />
      )}
    </PageFrame>
  );
}

function Facts({ segment }: { readonly segment: SegmentShown }) {
  const { slug, object_type, revision } = segment;
  const counts = useQuery(countsQuery).data;
  const of = useQuery(typesQuery).data?.find(({ name }) => name === object_type)?.records;
  const count = useCount(slug, counts?.get(slug));
  const trend = useQuery(trendQuery(slug)).data;
  const { views, webhooks, segments } = useUses()(segment);
  const uses = [
    ...(views > 0 ? [countedText(views, 'view')] : []),
    ...(webhooks > 0 ? [countedText(webhooks, 'webhook')] : []),
    ...(segments > 0 ? [countedText(segments, 'segment')] : []),
  ];
  return (
    <section className="card facts" aria-label="Facts">
      <div>
        <h2>Members</h2>
        {count?.count == null ? (
          <span className="count-none">No count yet</span>
        ) : (
          <p className="is-live-number">
            <b className="number">{numberText(count.count)}</b>{' '}
            {of ? <span className="quiet">{shareText(count.count, of)}</span> : null}
          </p>
        )}
      </div>
      <div>
        <h2>24 hours</h2>
        <div className="facts-trend">
          {trend ? <Sparkline values={trend.map((point) => point.count)} /> : null}
          <MovedCell slug={slug} />
        </div>
      </div>
      <div>
        <h2>Freshness</h2>
        <FreshnessCell segment={segment} />
      </div>
      <div>
        <h2>Used by</h2>
        <p>{uses.length === 0 ? 'Nothing yet' : uses.join(', ')}</p>
      </div>
      <div>
        <h2>Revision</h2>
        <p className="number">{revision}</p>
      </div>
    </section>
  );
}

function SegmentTabs({ slug }: { readonly slug: string }) {
  const [path] = useLocation();
  const base = `/segments/${slug}`;
  const tabs = TABS.filter(([, end]) => hasPage(`/segments/:slug${end}`)).map(([title, end]) => {
    const to = `${base}${end}`;
    const isCurrent = path === to || (end === '' && path === `${base}/members`);
    return { title, to, isCurrent };
  });
  return <Tabs label="Of this segment" tabs={tabs} />;
}
