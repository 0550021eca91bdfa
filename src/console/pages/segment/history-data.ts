/**
 * history-data.ts – The past of a segment as a plot takes it.
 *
 * Keeps true: what is not known is null, and shows as a gap, never as 0. Who left counts downwards.
 */
import type { HistoryShown } from '../../server/answers.ts';

export const RANGES = [
  ['24h', '24 hours'],
  ['7d', '7 days'],
  ['30d', '30 days'],
] as const;
export type HistoryRange = (typeof RANGES)[number][0];

const HOUR_MS = 3_600_000;
const SPANS: Readonly<Record<HistoryRange, { hours: number; step: 'hour' | 'day' }>> = {
  '24h': { hours: 24, step: 'hour' },
  '7d': { hours: 168, step: 'hour' },
  '30d': { hours: 720, step: 'day' },
};

/** What the server is asked for, up to now. */
export function historyAsked(slug: string, range: HistoryRange, nowMs: number) {
  const { hours, step } = SPANS[range];
  const iso = (ms: number) => new Date(ms).toISOString();
  return { slugs: [slug], from: iso(nowMs - hours * HOUR_MS), to: iso(nowMs), step };
}

export interface PlotData {
  /** Seconds, as plots take them. */
  readonly at: number[];
  readonly count: (number | null)[];
  readonly joined: (number | null)[];
  readonly left: (number | null)[];
}

export function plotData(points: readonly HistoryShown[]): PlotData {
  return {
    at: points.map(({ at }) => Date.parse(at) / 1000),
    count: points.map(({ count }) => count),
    joined: points.map(({ entered }) => entered),
    left: points.map(({ left }) => (left === null || left === 0 ? left : -left)),
  };
}
