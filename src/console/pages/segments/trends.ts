/**
 * trends.ts – The last 24 hours of segments: asked for many at a time, kept for each alone.
 *
 * Keeps true: rows that are drawn at the same time ask once for all of them together.
 */
import { queryOptions } from '@tanstack/react-query';
import type { HistoryShown } from '../../server/answers.ts';
import { ask } from '../../server/ask.ts';

const HOURS = 24;
const HOUR_MS = 3_600_000;
/** Slugs of one request (api/history/schemas.ts). */
const SLUGS_MAX = 20;
const GATHER_MS = 20;
const KEPT_MS = 60_000;

export type Trend = readonly HistoryShown[];

interface AwaitedTrend {
  readonly slug: string;
  readonly resolve: (trend: Trend) => void;
  readonly reject: (error: unknown) => void;
}

let waiting: AwaitedTrend[] = [];

export const trendQuery = (slug: string) =>
  queryOptions({
    queryKey: ['trend', slug],
    queryFn: () => load(slug),
    staleTime: KEPT_MS,
    refetchInterval: KEPT_MS,
  });

function load(slug: string): Promise<Trend> {
  return new Promise((resolve, reject) => {
    if (waiting.length === 0) setTimeout(askForAll, GATHER_MS);
    waiting.push({ slug, resolve, reject });
  });
}

function askForAll(): void {
  const asked = waiting;
  waiting = [];
  for (let from = 0; from < asked.length; from += SLUGS_MAX)
    void askFor(asked.slice(from, from + SLUGS_MAX));
}

async function askFor(asked: readonly AwaitedTrend[]): Promise<void> {
  const now = Date.now();
  const body = {
    slugs: [...new Set(asked.map(({ slug }) => slug))],
    from: new Date(now - HOURS * HOUR_MS).toISOString(),
    to: new Date(now).toISOString(),
    step: 'hour',
  };
  try {
    const path = '/v1/segments/history';
    const answer = await ask<{ history: Readonly<Record<string, Trend>> }>(path, {
      ...{ method: 'POST', body, reads: true },
    });
    for (const { slug, resolve } of asked) resolve(answer.history[slug] ?? []);
  } catch (error) {
    for (const { reject } of asked) reject(error);
  }
}

export interface Moved {
  readonly entered: number;
  readonly left: number;
}

/** How often records entered and left over all of it; what is not known counts as none. */
export function movedIn(trend: Trend): Moved {
  return {
    entered: trend.reduce((sum, { entered }) => sum + (entered ?? 0), 0),
    left: trend.reduce((sum, { left }) => sum + (left ?? 0), 0),
  };
}

/** Many trends hour by hour; they are of the same hours. */
export function movedByHour(trends: readonly Trend[]): Moved[] {
  const byHour = new Map<string, Moved>();
  for (const trend of trends)
    for (const point of trend) {
      const { entered, left } = byHour.get(point.at) ?? { entered: 0, left: 0 };
      byHour.set(point.at, {
        entered: entered + (point.entered ?? 0),
        left: left + (point.left ?? 0),
      });
    }
  return [...byHour].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, moved]) => moved);
}
