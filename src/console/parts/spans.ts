/**
 * spans.ts – Days that are near, and how long something lasts, as people read them.
 */
import { countedText } from './words.ts';

const DAY = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' });
const NEAR_DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
/** Half a year: then a day says which year it is of. */
const NEAR_MS = 15_552_000_000;
const SPANS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

/** "27 Nov"; with the year where it may be another one than one thinks of. */
export function nearDayText(at: string | number): string {
  const isNear = Math.abs(new Date(at).getTime() - Date.now()) < NEAR_MS;
  return (isNear ? NEAR_DAY : DAY).format(new Date(at));
}

/** "2 days, 3 hours" of ms: the two largest units, whole ones. */
export function spanText(ms: number): string {
  const at = SPANS.findIndex(([, each]) => ms >= each);
  if (at < 0) return 'under a second';
  const [name, unit] = SPANS[at]!;
  const whole = Math.floor(ms / unit);
  const first = countedText(whole, name);
  const second = SPANS[at + 1];
  const rest = second ? Math.floor((ms - whole * unit) / second[1]) : 0;
  return rest === 0 ? first : `${first}, ${countedText(rest, second![0])}`;
}
