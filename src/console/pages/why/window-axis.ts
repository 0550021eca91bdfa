/**
 * window-axis.ts – A window of time as a picture: where it lies, which values are in it, and what
 * leaves it next.
 *
 * Keeps true: times are ms, x is from 0 to 1 along the axis. Values that lie far outside are left
 * out, so that the window keeps its room. A filter without such a window has no picture.
 */
import type { ExplainedPartShown } from '../../server/answers.ts';

export interface AxisPoint {
  readonly id: string;
  readonly x: number;
  readonly atMs: number;
  readonly passed: boolean;
  /** The record that it is of, as it was explained; absent: the record itself. */
  readonly related?: NonNullable<ExplainedPartShown['related']>[number];
}

export interface WindowAxis {
  readonly title: string;
  readonly band: { readonly from: number; readonly to: number };
  readonly now: number;
  readonly ticks: readonly { readonly x: number; readonly atMs: number }[];
  readonly points: readonly AxisPoint[];
  /** When the clock changes the condition, if that is near enough to be shown. */
  readonly flip?: { readonly x: number; readonly atMs: number };
}

interface WindowShown {
  readonly title: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly values: readonly Omit<AxisPoint, 'x'>[];
}

const UNIT_MS: Readonly<Record<string, number>> = {
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 604_800_000,
};
/** Room beside the window, as a share of it. */
const ROOM = 0.15;
/** How far from the window a lone value may be, in spans of it. */
const FAR = 3;
const TICKS = 3;

/** `query` is the one that was explained, if it is known; `nowMs` the moment that it is of. */
export function windowAxis(
  part: ExplainedPartShown,
  query: unknown,
  nowMs: number,
): WindowAxis | undefined {
  const shown = ownWindow(part, nowMs) ?? relatedWindow(part, query, nowMs);
  if (!shown || shown.values.length === 0) return undefined;
  const { title, fromMs, toMs, values } = shown;
  const span = toMs - fromMs;
  if (!(span > 0)) return undefined;
  // One value alone is shown where it is, unless that leaves the window no room.
  const lone = values.length === 1 ? values[0]!.atMs : nowMs;
  const isFar = lone < fromMs - span * FAR || lone > toMs + span * FAR;
  const startMs = Math.min(fromMs, nowMs, isFar ? nowMs : lone) - span * ROOM;
  const endMs = Math.max(toMs, nowMs, isFar ? nowMs : lone) + span * ROOM;
  const xOf = (atMs: number) => (atMs - startMs) / (endMs - startMs);
  const isShown = (atMs: number) => atMs >= startMs && atMs <= endMs;
  const flipMs = part.flips_at ? Date.parse(part.flips_at) : Number.NaN;
  const points = values
    .filter(({ atMs }) => isShown(atMs))
    .map((each) => ({ ...each, x: xOf(each.atMs) }))
    .sort((a, b) => a.x - b.x);
  if (points.length === 0) return undefined;
  return {
    title,
    band: { from: xOf(fromMs), to: xOf(toMs) },
    now: xOf(nowMs),
    ticks: Array.from({ length: TICKS }, (_, at) => fromMs + (span * at) / TICKS).map((atMs) => ({
      x: xOf(atMs),
      atMs,
    })),
    points,
    ...(isShown(flipMs) ? { flip: { x: xOf(flipMs), atMs: flipMs } } : {}),
  };
}

/** The window of a rule about the record's own value, or a to-one neighbour's. */
function ownWindow(part: ExplainedPartShown, nowMs: number): WindowShown | undefined {
  const { kind, seen, expected, passed } = part;
  if (kind !== 'rule' || typeof seen !== 'string' || !isRecord(expected)) return undefined;
  const fromMs = momentOf(expected['after'] ?? expected['from']);
  const toMs = momentOf(expected['until'] ?? expected['before']);
  const atMs = momentOf(seen);
  if (fromMs === undefined || toMs === undefined || atMs === undefined) return undefined;
  const values = [{ id: 'own', atMs, passed }];
  return { title: windowTitle(fromMs, toMs, nowMs), fromMs, toMs, values };
}

/** The moving window that a condition sets on related records. */
function relatedWindow(
  part: ExplainedPartShown,
  query: unknown,
  nowMs: number,
): WindowShown | undefined {
  const { related = [], path } = part;
  const rule = atPointer(query, path);
  if (related.length === 0 || !isRecord(rule)) return undefined;
  const window = movingWindow(rule['match'] === undefined ? rule['where'] : rule['value']);
  if (!window) return undefined;
  const fromMs = window.isNext ? nowMs : nowMs - window.ms;
  const toMs = window.isNext ? nowMs + window.ms : nowMs;
  const values = related.flatMap((each) => {
    const atMs = momentOf(each.seen[window.field]);
    if (atMs === undefined) return [];
    return [{ id: each.id, atMs, passed: each.passed, related: each }];
  });
  return { title: windowTitle(fromMs, toMs, nowMs), fromMs, toMs, values };
}

interface MovingWindow {
  readonly field: string;
  readonly ms: number;
  readonly isNext: boolean;
}

/** The first in a group of rules; of a group within, too. */
function movingWindow(group: unknown): MovingWindow | undefined {
  const rules = isRecord(group) ? group['rules'] : undefined;
  if (!Array.isArray(rules)) return undefined;
  for (const rule of rules) {
    if (!isRecord(rule)) continue;
    const within = movingWindow(rule);
    if (within) return within;
    const { field, operator, value } = rule;
    const isNext = operator === 'inNext';
    if ((!isNext && operator !== 'inLast') || typeof field !== 'string' || !isRecord(value))
      continue;
    const ms = Number(value['amount']) * (UNIT_MS[String(value['unit'])] ?? Number.NaN);
    if (ms > 0) return { field, ms, isNext };
  }
  return undefined;
}

function windowTitle(fromMs: number, toMs: number, nowMs: number): string {
  const days = Math.round((toMs - fromMs) / UNIT_MS['day']!);
  const span =
    days < 2 ? `${Math.round((toMs - fromMs) / UNIT_MS['hour']!)} hours` : `${days} days`;
  // The moment that is explained and the one of the window may be ms apart.
  const near = UNIT_MS['minute']!;
  if (Math.abs(toMs - nowMs) < near) return `The last ${span}`;
  if (Math.abs(fromMs - nowMs) < near) return `The next ${span}`;
  return `${span}`;
}

/** What a JSON pointer names; undefined: nothing. */
export function atPointer(value: unknown, path: string): unknown {
  if (path === '') return value;
  let found = value;
  for (const step of path.slice(1).split('/')) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name))
      return undefined;
    found = (found as Record<string, unknown>)[name];
  }
  return found;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function momentOf(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? undefined : ms;
}
