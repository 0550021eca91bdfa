/**
 * dates.ts – Conditions about days and moments: the three ways to say them, and where their bounds
 * lie today, in the deployment's zone.
 */
import { isRelative } from '../../../query/time/relative-time.ts';
import { endsAt, endsInWords } from '../../../query/words/moments.ts';
import type { OperatorsShown } from '../../server/answers.ts';
import type { DraftRule } from './draft.ts';
import { type OperatorRow, withOperator } from './fields.ts';

export const DATE_WAYS = ['window', 'period', 'fixed'] as const;
export type DateWay = (typeof DATE_WAYS)[number];

const MINUTE_MS = 60_000;
/** What the code of the server calls the forms of values. */
const TAKEN = { window: 'window', period: 'period', range: 'pair', one: 'one' } as const;

/** How a condition about days is said now. */
export function dateWayOf(row: OperatorRow | undefined, value: unknown): DateWay {
  if (row?.value === 'window') return 'window';
  if (row?.value === 'period') return 'period';
  const ends = Array.isArray(value) ? value : [value];
  return ends.some(isRelative) ? 'window' : 'fixed';
}

/** The operators that say something in one of the ways. */
export function rowsOfWay(way: DateWay, rows: readonly OperatorRow[]): OperatorRow[] {
  return rows.filter((row) => {
    if (way === 'period') return row.value === 'period';
    if (way === 'window') return row.value === 'window' || isBound(row);
    return row.value === 'one' || row.value === 'list' || row.value === 'range';
  });
}

/** Whether it compares with one moment, which may move. */
function isBound({ value, takes_relative }: OperatorRow): boolean {
  return value === 'one' && takes_relative === true;
}

/** A moment so long ago, or ahead. */
export function relativeValue(offset: number, unit: string, anchor = 'now') {
  return { mode: 'relative', anchor, offset, unit } as const;
}

const DAYS_AGO_FIRST = -30;

/** The same condition, said in another way: with the first operator that can say it. */
export function inWay(
  rule: DraftRule,
  way: DateWay,
  rows: readonly OperatorRow[],
  table: OperatorsShown,
): DraftRule {
  const fitting = rowsOfWay(way, rows);
  const row =
    fitting.find(({ name }) => name === rule.operator) ??
    fitting.find(({ value }) => value === way) ??
    fitting[0];
  return row ? inRow(rule, way, row, table) : rule;
}

/** The same condition in a way, with an operator of that way. */
export function inRow(
  rule: DraftRule,
  way: DateWay,
  row: OperatorRow,
  table: OperatorsShown,
): DraftRule {
  const next = withOperator(rule, row, table);
  if (way === 'window' && row.value === 'one' && !isRelative(next.value))
    return { ...next, value: relativeValue(DAYS_AGO_FIRST, 'day') };
  if (way !== 'fixed') return next;
  const fixed = (each: unknown) => (isRelative(each) ? '' : each);
  const { value } = next;
  return { ...next, value: Array.isArray(value) ? value.map(fixed) : fixed(value) };
}

/**
 * Where its bounds lie now: "after 28 Oct 2026, 10:42 and until 27 Nov 2026, 10:42"; undefined of
 * what does not move.
 */
export function boundsInWords(
  row: OperatorRow | undefined,
  value: unknown,
  nowMs: number,
  timeZone: string,
): string | undefined {
  const takes = TAKEN[row?.value as keyof typeof TAKEN];
  if (!row || !takes) return undefined;
  try {
    const name = row.complement_of ?? row.name;
    const atMs = nowMs - (nowMs % MINUTE_MS);
    const ends = endsAt(name, takes, value, atMs, timeZone);
    if (!ends || Object.values(ends).some((ms) => !Number.isFinite(ms))) return undefined;
    const words = endsInWords(ends, timeZone);
    return words === '' ? undefined : `${row.complement_of ? 'Not ' : ''}${words}`;
  } catch {
    // An amount or a unit is still to come.
    return undefined;
  }
}
