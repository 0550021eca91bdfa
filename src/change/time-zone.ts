/**
 * time-zone.ts – The wall clocks of an IANA time zone at an instant, and back: the only reader of
 * `Intl`'s time zones.
 *
 * Keeps true: an instant is UTC milliseconds; a wall clock is a number too, the milliseconds that
 * UTC would have if its clocks showed the same. A wall clock that the zone skips is shifted forward
 * by the gap, one that occurs twice is the earlier. The start of a date is the first instant at
 * which the zone's calendar shows it, midnight or not.
 */

const DAY_MS = 86_400_000;

/**
 * Offsets are remembered by day; the memory starts over when it is full, so that hostile dates
 * can't fill it.
 */
const DAYS_REMEMBERED_MAX = 20_000;

interface Zone {
  readonly format: Intl.DateTimeFormat;
  readonly offsetByDay: Map<number, number>;
}

const zones = new Map<string, Zone>();

/** Whether the name is a time zone that this machine knows. */
export function isTimeZone(name: string): boolean {
  try {
    zoneNamed(name);
    return true;
  } catch {
    return false;
  }
}

/**
 * The instant at which the zone's clocks show `wallMs`: in a gap shifted forward, in an overlap the
 * earlier one.
 */
export function instantOfWallClock(wallMs: number, timeZone: string): number {
  if (timeZone === 'UTC') return wallMs;
  const [before, after] = offsetsAround(wallMs, timeZone);
  // The larger offset gives the earlier instant.
  const earlier = wallMs - Math.max(before, after);
  if (wallClockAt(earlier, timeZone) === wallMs) return earlier;
  const later = wallMs - Math.min(before, after);
  if (wallClockAt(later, timeZone) === wallMs) return later;
  return wallMs - before;
}

/**
 * The first instant of the date whose midnight, as a wall clock, is `midnightMs`; of a date that is
 * skipped, of the next.
 */
export function startOfDate(midnightMs: number, timeZone: string): number {
  if (timeZone === 'UTC') return midnightMs;
  const instant = instantOfWallClock(midnightMs, timeZone);
  return wallClockAt(instant, timeZone) === midnightMs
    ? instant
    : endOfGap(midnightMs, instant, timeZone);
}

/**
 * The last instant of that date in milliseconds: it lies before the first one if the zone leaves
 * the date out.
 */
export function endOfDate(midnightMs: number, timeZone: string): number {
  return startOfDate(midnightMs + DAY_MS, timeZone) - 1;
}

/**
 * The last date that has begun at `instant`, as its midnight on a wall clock: so each instant lies
 * in one date. The clocks may show an earlier one: set back at 00:01, they show yesterday once
 * more.
 */
export function dateAt(instant: number, timeZone: string): number {
  const wallMs = wallClockAt(instant, timeZone);
  const midnightMs = wallMs - modulo(wallMs, DAY_MS);
  if (timeZone === 'UTC') return midnightMs;
  return startOfDate(midnightMs + DAY_MS, timeZone) <= instant ? midnightMs + DAY_MS : midnightMs;
}

/** The wall clock of the zone at an instant. */
export function wallClockAt(instant: number, timeZone: string): number {
  return timeZone === 'UTC' ? instant : instant + offsetAt(instant, timeZone);
}

/**
 * The instant at which the clocks jump over `wallMs`: they show less before it, and more from it
 * on.
 */
function endOfGap(wallMs: number, shifted: number, timeZone: string): number {
  let low = shifted - 2 * DAY_MS;
  let high = shifted;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (wallClockAt(middle, timeZone) < wallMs) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * The offsets in force a day before and a day after: between two changes of the clocks lie more
 * than two days.
 */
function offsetsAround(wallMs: number, timeZone: string): [before: number, after: number] {
  return [offsetAt(wallMs - DAY_MS, timeZone), offsetAt(wallMs + DAY_MS, timeZone)];
}

function offsetAt(instant: number, timeZone: string): number {
  const zone = zoneNamed(timeZone);
  const day = Math.floor(instant / DAY_MS);
  const start = offsetAtStartOf(day, zone);
  return start === offsetAtStartOf(day + 1, zone) ? start : exactOffset(instant, zone);
}

function offsetAtStartOf(day: number, zone: Zone): number {
  const known = zone.offsetByDay.get(day);
  if (known !== undefined) return known;
  if (zone.offsetByDay.size >= DAYS_REMEMBERED_MAX) zone.offsetByDay.clear();
  const offset = exactOffset(day * DAY_MS, zone);
  zone.offsetByDay.set(day, offset);
  return offset;
}

/** `Intl` writes an offset as `GMT+05:30`, before standard time with seconds (`GMT-04:56:02`). */
const OFFSET = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/;

function exactOffset(instant: number, zone: Zone): number {
  const [, sign, hours = '0', minutes = '0', seconds = '0'] =
    OFFSET.exec(zone.format.format(instant)) ?? [];
  const ms = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
  return sign === '-' ? -ms : ms;
}

function zoneNamed(name: string): Zone {
  let zone = zones.get(name);
  if (!zone) {
    zone = {
      format: new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' }),
      offsetByDay: new Map(),
    };
    zones.set(name, zone);
  }
  return zone;
}

function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}
