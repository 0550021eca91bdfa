/**
 * segment-cells.tsx – What a row of the list says of a segment.
 */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Columns3, Filter, type LucideIcon, Webhook } from 'lucide-react';
import { useEffect } from 'react';
import { Link } from 'wouter';
import { BuildProgress } from '../../parts/build-progress.tsx';
import { Sparkline } from '../../parts/sparkline.tsx';
import { countedText, numberText } from '../../parts/words.ts';
import { type ListedSegment, segmentQuery, segmentsQuery } from '../../server/queries.ts';
import { useStreamState } from '../../stream/use-stream.ts';
import { movedIn, trendQuery } from './trends.ts';
import type { Uses } from './uses.ts';

const BUILD_LOOK_MS = 1500;
/** Less than that is the time of a commit. */
const BEHIND_MS = 5000;

export function TitleCell({ segment }: { readonly segment: ListedSegment }) {
  const { slug, title, description, words } = segment;
  return (
    <>
      <Link className="segment-title" href={`/segments/${slug}`}>
        {title}
      </Link>
      <span className="second segment-words" title={words}>
        {description ?? words}
      </span>
    </>
  );
}

export function TrendCell({ slug }: { readonly slug: string }) {
  const { data: trend } = useQuery(trendQuery(slug));
  if (!trend) return null;
  return <Sparkline values={trend.map(({ count }) => count)} />;
}

export function MovedCell({ slug }: { readonly slug: string }) {
  const { data: trend } = useQuery(trendQuery(slug));
  if (!trend || trend.every(({ entered }) => entered === null)) return null;
  const { entered, left } = movedIn(trend);
  return (
    <span className="moved number">
      <span className={entered === 0 ? 'quiet' : 'joined'}>
        {entered === 0 ? '0' : `+${numberText(entered)}`}
        <span className="unseen"> joined</span>
      </span>
      <span className={left === 0 ? 'quiet' : 'left'}>
        {left === 0 ? '0' : `−${numberText(left)}`}
        <span className="unseen"> left</span>
      </span>
    </span>
  );
}

export function FreshnessCell({ segment }: { readonly segment: ListedSegment }) {
  const state = useStreamState();
  const { status, reason, freshness } = segment;
  if (status === 'building') return <Building segment={segment} />;
  if (status === 'failed')
    return (
      <span className="left" title={reason}>
        Failed<span className="unseen">: {reason}</span>
      </span>
    );
  const isBehind = freshness.lag_ms > BEHIND_MS;
  if (isBehind) return <span className="due">{Math.round(freshness.lag_ms / 1000)} s behind</span>;
  return (
    <span className={`live${state === 'stale' ? ' is-stale' : ''}`}>
      <i />
      {state === 'stale' ? 'As it was' : 'Live'}
    </span>
  );
}

/** Looked at more often than the list, until it is done. */
function Building({ segment }: { readonly segment: ListedSegment }) {
  const client = useQueryClient();
  const { data } = useQuery({ ...segmentQuery(segment.slug), refetchInterval: BUILD_LOOK_MS });
  const status = data?.status;
  useEffect(() => {
    if (status !== undefined && status !== 'building')
      void client.invalidateQueries({ queryKey: segmentsQuery.queryKey });
  }, [client, status]);
  const { revision } = segment;
  const note = revision === 1 ? 'First build' : `Rev. ${revision - 1} answers`;
  return <BuildProgress progress={data?.progress ?? segment.progress} note={note} />;
}

export function UsesCell({ uses }: { readonly uses: Uses }) {
  const { views, webhooks, segments } = uses;
  if (views + webhooks + segments === 0) return <span className="quiet">Nothing yet</span>;
  return (
    <span className="uses number">
      <Use count={views} Icon={Columns3} name="view" />
      <Use count={webhooks} Icon={Webhook} name="webhook" />
      <Use count={segments} Icon={Filter} name="segment" />
    </span>
  );
}

interface UseProps {
  readonly count: number;
  readonly Icon: LucideIcon;
  readonly name: string;
}

function Use({ count, Icon, name }: UseProps) {
  if (count === 0) return null;
  return (
    <span title={countedText(count, name)}>
      <Icon className="icon" aria-hidden="true" />
      {numberText(count)}
      <span className="unseen"> {count === 1 ? name : `${name}s`}</span>
    </span>
  );
}
