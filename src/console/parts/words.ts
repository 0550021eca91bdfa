/**
 * words.ts – Numbers, times and names as people read them.
 */
import { nameInWords } from '../../query/words/names.ts';

const WHOLE = new Intl.NumberFormat('en');
const TIME = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const DAY_TIME = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });

/** "48,210" */
export function numberText(value: number): string {
  return WHOLE.format(value);
}

/** "6.6 %"; a share that is not nothing never reads as 0. */
export function shareText(part: number, whole: number): string {
  if (whole === 0) return '';
  const share = (part / whole) * 100;
  if (part > 0 && share < 0.1) return 'under 0.1 %';
  return `${Number(share.toFixed(1))} %`;
}

/** "1 view", "2 views" */
export function countedText(count: number, one: string, many = `${one}s`): string {
  return `${numberText(count)} ${count === 1 ? one : many}`;
}

/** "10:42:07" */
export function timeText(at: string | number): string {
  return TIME.format(new Date(at));
}

/** "27 Nov 2026, 10:42" */
export function dayTimeText(at: string | number): string {
  return DAY_TIME.format(new Date(at));
}

/** "Last seen at" of `last_seen_at`; a label is taken as it is. */
export function titleText(name: string, label?: string): string {
  if (label !== undefined) return label;
  const words = nameInWords(name);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A value of a record in a cell; '' where there is none. */
export function cellText(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'boolean') return value ? 'Yes' : 'No';
  if (Array.isArray(value)) return value.map(cellText).join(', ');
  if (typeof value === 'object') return JSON.stringify(value);
  const text = String(value);
  return /^\d{4}-\d\d-\d\dT/.test(text) ? dayTimeText(text) : text;
}
