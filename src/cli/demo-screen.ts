/**
 * demo-screen.ts – Shows a replay as it goes: a table that is redrawn on a terminal, one table a
 * year on a pipe.
 *
 * Keeps true: the counts shown were read as exact. A redrawn table never leaves a part of an older
 * one behind, also where the terminal is narrower than the table.
 */
import type { SegmentCount } from '../membership/segment-counts.ts';
import type { DemoSegment } from './superstore-segments.ts';
import { grouped, table } from './table.ts';

interface Frame {
  readonly date: string;
  readonly done: number;
  readonly total: number;
  readonly counts: readonly SegmentCount[];
}

export interface DemoScreen {
  readonly show: (moment: Frame) => void;
}

const BAR_WIDTH = 30;
/** The head, the line before the bar, the bar, and the line that the cursor waits on. */
const LINES_AROUND = 4;

export function openScreen(segments: readonly DemoSegment[]): DemoScreen {
  // The cursor can not go up past the top: a table that is higher than the terminal could not be
  // redrawn.
  const isHighEnough = process.stdout.isTTY && process.stdout.rows > segments.length + LINES_AROUND;
  return isHighEnough ? tableScreen(segments) : yearScreen(segments);
}

/** One table, drawn over itself. */
function tableScreen(segments: readonly DemoSegment[]): DemoScreen {
  const countTable = countTables(segments);
  let drawn = 0;
  return {
    show: (moment) => {
      const lines = [...countTable(moment), '', progressLine(moment)];
      redraw(lines, drawn);
      drawn = lines.length;
    },
  };
}

/** For a pipe: a table for each year, below one another. */
function yearScreen(segments: readonly DemoSegment[]): DemoScreen {
  const countTable = countTables(segments);
  let year: string | undefined;
  let last: Frame | undefined;
  const print = (moment: Frame) =>
    console.log([progressLine(moment), '', ...countTable(moment), ''].join('\n'));
  return {
    show: (moment) => {
      if (last && year !== yearOf(moment)) print(last);
      if (moment.done === moment.total) print(moment);
      year = yearOf(moment);
      last = moment;
    },
  };
}

function yearOf({ date }: Frame): string {
  return date.slice(0, 4);
}

/** Tables of all counts, each with what moved since the one before. */
function countTables(segments: readonly DemoSegment[]): (moment: Frame) => string[] {
  let before: readonly (number | null)[] = [];
  return (moment) => {
    const counts = moment.counts.map(({ count }) => count);
    const rows = segments.map(({ object_type, slug, title }, at) => [
      object_type,
      slug,
      shownCount(counts[at]),
      shownMove(before[at] ?? 0, counts[at]),
      title,
    ]);
    before = counts;
    const head = ['Type', 'Segment', 'Members', 'Moved', 'Meaning'];
    return table([head, ...rows], ['left', 'left', 'right', 'right', 'left']);
  };
}

/**
 * Goes up over what was drawn and rewrites each line, cut to the width: a line that wraps would be
 * two.
 */
function redraw(lines: readonly string[], drawn: number): void {
  const width = process.stdout.columns || 80;
  const up = drawn > 0 ? `\u001b[${drawn}A` : '';
  const text = lines.map((line) => `\u001b[2K${line.slice(0, width - 1)}\n`).join('');
  process.stdout.write(`${up}\r${text}`);
}

function progressLine({ date, done, total }: Frame): string {
  const filled = Math.round((BAR_WIDTH * done) / total);
  const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
  const percent = String(Math.floor((100 * done) / total)).padStart(3);
  return `${date}  ${bar} ${percent} %  ${grouped(done)} of ${grouped(total)} changes`;
}

function shownCount(count: number | null | undefined): string {
  return count == null ? '…' : grouped(count);
}

function shownMove(before: number, now: number | null | undefined): string {
  if (now == null || before === now) return '';
  return now > before ? `+${grouped(now - before)}` : `−${grouped(before - now)}`;
}
