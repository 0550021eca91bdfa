/**
 * history-page.tsx – How a segment grew and shrank: 24 hours, 7 days, 30 days.
 */
import './history.css';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { PageProps } from '../../pages.tsx';
import { Choice } from '../../parts/choice.tsx';
import { EmptyState, ErrorView, SkeletonRows } from '../../parts/states.tsx';
import { dayTimeText, numberText } from '../../parts/words.ts';
import type { HistoryShown } from '../../server/answers.ts';
import { ask } from '../../server/ask.ts';
import { movedIn } from '../segments/trends.ts';
import { type HistoryRange, historyAsked, RANGES } from './history-data.ts';
import { HistoryPlot } from './history-plot.tsx';
import { SegmentFrame } from './segment-frame.tsx';

const LOOK_MS = 30_000;

export default function HistoryPage({ params }: PageProps) {
  const slug = params['slug']!;
  return <SegmentFrame slug={slug}>{() => <History key={slug} slug={slug} />}</SegmentFrame>;
}

function History({ slug }: { readonly slug: string }) {
  const [range, setRange] = useState<HistoryRange>('24h');
  const { data, error, refetch } = useQuery({
    queryKey: ['history', slug, range],
    queryFn: async ({ signal }) => {
      const body = historyAsked(slug, range, Date.now());
      const asked = { method: 'POST', body, reads: true, signal } as const;
      const { history } = await ask<{ history: Readonly<Record<string, HistoryShown[]>> }>(
        '/v1/segments/history',
        asked,
      );
      return history[slug] ?? [];
    },
    refetchInterval: LOOK_MS,
  });
  const known = data?.filter(({ count }) => count !== null) ?? [];
  return (
    <>
      <div className="tools history-tools">
        <Choice label="How far back" choices={RANGES} value={range} onChoose={setRange} />
        <span className="grow" />
        {data && known.length > 0 ? <Moves points={data} /> : null}
      </div>
      {error && !data ? (
        <ErrorView error={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <div className="card">
          <SkeletonRows rows={4} />
        </div>
      ) : known.length === 0 ? (
        <EmptyState title="Nothing is known of this time yet.">
          A history begins when a segment has been built.
        </EmptyState>
      ) : (
        <section className="card history">
          <HistoryPlot points={data} label={`Members over the last ${titleOf(range)}`} />
          <details>
            <summary>As a table</summary>
            <HistoryTable points={known} />
          </details>
        </section>
      )}
    </>
  );
}

function titleOf(range: HistoryRange): string {
  return RANGES.find(([name]) => name === range)![1];
}

function Moves({ points }: { readonly points: readonly HistoryShown[] }) {
  const { entered, left } = movedIn(points);
  return (
    <span className="number history-moves">
      <span className="joined">{numberText(entered)} joined</span>
      <span className="left">{numberText(left)} left</span>
    </span>
  );
}

/** The newest first. */
function HistoryTable({ points }: { readonly points: readonly HistoryShown[] }) {
  return (
    <table className="history-table">
      <thead>
        <tr>
          <th scope="col">From</th>
          <th scope="col">Members at its end</th>
          <th scope="col">Joined</th>
          <th scope="col">Left</th>
        </tr>
      </thead>
      <tbody>
        {points.toReversed().map(({ at, count, entered, left }) => (
          <tr key={at}>
            <th scope="row">{dayTimeText(at)}</th>
            <td>{cell(count)}</td>
            <td>{cell(entered)}</td>
            <td>{cell(left)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function cell(value: number | null): string {
  return value === null ? 'not known' : numberText(value);
}
