/**
 * moments.ts – Values that are relative to the present in words, and the moments that they stand
 * for.
 *
 * Keeps true: the ends of a window are those that the filter compares with at that moment, to the
 * millisecond. Only months from now are read off the value instead of the present
 * (query/README.md), so that there the end is the present moved the other way.
 */
import { isObject } from '../../change/object-type.ts';
import { unreachable } from '../../errors.ts';
import type { Takes } from '../dialects/operands.ts';
import type { Members } from '../dialects/scope.ts';
import type { CalendarUnit } from '../predicate/predicate.ts';
import { momentAt, periodAround } from '../time/clock.ts';
import { isRelative, momentOf, WINDOW_UNITS } from '../time/relative-time.ts';
import { counted, momentInWords, numberInWords } from './values.ts';

/** "30 days ago", "the end of today", "2 months before the start of this quarter" */
export function momentWords(value: unknown): string {
  const { anchor, offset, unit = 'day' } = value as Members;
  const by = Number(offset ?? 0);
  const at = anchorWords(String(anchor));
  if (by === 0) return at;
  const span = counted(Math.abs(by), String(unit));
  if (anchor === 'now') return by < 0 ? `${span} ago` : `${span} from now`;
  return `${span} ${by < 0 ? 'before' : 'after'} ${at}`;
}

function anchorWords(anchor: string): string {
  const [, edge, unit = ''] = /^(start|end)Of(.+)$/.exec(anchor) ?? [];
  if (!edge) return 'now';
  return `the ${edge} of ${unit === 'Day' ? 'today' : `this ${unit.toLowerCase()}`}`;
}

/** "30 days", "month" */
export function windowWords(takes: Takes, value: unknown): string {
  const { amount, unit } = value as Members;
  if (takes === 'period') return String(unit);
  const many = Number(amount);
  return many === 1 ? String(unit) : `${numberInWords(many)} ${unit}s`;
}

/** The ends that a value is compared with: which of them belong to it says the name. */
export interface WindowEnds {
  readonly after?: number;
  readonly from?: number;
  readonly until?: number;
  readonly before?: number;
}

/**
 * The ends of what a positive operator asks of a date or datetime at a moment; undefined: its value
 * does not move with time.
 */
export function endsAt(
  operator: string,
  takes: Takes,
  value: unknown,
  nowMs: number,
  timeZone: string,
): WindowEnds | undefined {
  switch (takes) {
    case 'window': {
      const { amount, unit } = value as Members;
      const ms = Number(amount) * WINDOW_UNITS[unit as keyof typeof WINDOW_UNITS];
      return operator === 'inNext'
        ? { after: nowMs, until: nowMs + ms }
        : { after: nowMs - ms, until: nowMs };
    }
    case 'period': {
      const unit = (value as Members).unit as CalendarUnit;
      const { startMs, endMs } = periodAround(
        nowMs,
        unit,
        operator === 'inPrevious' ? 1 : 0,
        timeZone,
      );
      return { from: startMs, before: endMs };
    }
    case 'pair': {
      const [low, high] = Array.isArray(value) ? value : [];
      if (!isRelative(low) && !isRelative(high)) return undefined;
      const ends = {
        ...(isRelative(low) ? { from: momentMs(low, nowMs, timeZone) } : {}),
        ...(isRelative(high) ? { until: momentMs(high, nowMs, timeZone) } : {}),
      };
      return ends;
    }
    case 'one':
      return isRelative(value) && ORDERS[operator]
        ? { [ORDERS[operator]]: momentMs(value, nowMs, timeZone) }
        : undefined;
    case 'many':
    case 'nothing':
      return undefined;
    default:
      return unreachable(takes);
  }
}

const ORDERS: Readonly<Record<string, keyof WindowEnds>> = {
  '<': 'before',
  '<=': 'until',
  '>': 'after',
  '>=': 'from',
};

function momentMs(value: unknown, nowMs: number, timeZone: string): number {
  const { anchor, offset, unit } = isObject(value) ? value : {};
  const moment = momentOf(anchor, offset, unit, timeZone);
  return moment.kind === 'exact'
    ? nowMs + moment.offsetMs
    : momentAt(moment.bound, nowMs, timeZone);
}

/** "after 28 Oct 2026, 10:42 and until 27 Nov 2026, 10:42" */
export function endsInWords(ends: WindowEnds, timeZone: string): string {
  const names = ['after', 'from', 'until', 'before'] as const;
  const parts = names.flatMap((name) => {
    const ms = ends[name];
    return ms === undefined ? [] : [`${name} ${momentInWords(ms, timeZone)}`];
  });
  return parts.join(' and ');
}
