/**
 * chart.ts – Draws the figures of a workload as one SVG: lines over the number of segments, or bars
 * where there is only one.
 *
 * Keeps true: both scales of the lines are logarithmic and the bars start at zero, so that lengths
 * and slopes can be compared; every mark is a median with its range; the picture says by itself
 * what was measured, on what, when.
 */
import {
  type Case,
  type Circumstances,
  type Figure,
  factor,
  grouped,
  type WorkloadResult,
} from './harness.ts';

const WIDTH = 860;
const MARGIN = 24;
const FONT = 'system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif';
const INK = { text: '#1f2933', quiet: '#66727f', grid: '#e6eaee', ground: '#ffffff' } as const;
/** Ours first; the rest can be told apart without colours by their labels. */
const COLOURS = ['#c2255c', '#1971c2', '#2b8a3e', '#e67700', '#6741d9', '#495057'] as const;

export function drawChart(result: WorkloadResult, about: Circumstances): string {
  const isOverSegments =
    !isOfBytes(result) && new Set(result.cases.map(({ segments }) => segments)).size > 1;
  return isOverSegments ? lineChart(result, about) : barChart(result, about);
}

function isOfBytes({ unit }: WorkloadResult): boolean {
  return unit === 'bytes';
}

// ── Bars ──

const BAR = { height: 24, gap: 10, left: 240, right: 210, head: 40 } as const;

function barChart(result: WorkloadResult, about: Circumstances): string {
  const parts: string[] = [];
  const mostOf = (cases: readonly Case[]) =>
    Math.max(...cases.flatMap(({ figures }) => figures.map((each) => each.changesPerSecond.max)));
  let top = 64;
  for (const one of result.cases) {
    // A row of bytes says nothing beside a membership: lengths are compared within a case.
    const most = mostOf(isOfBytes(result) ? [one] : result.cases);
    parts.push(text(MARGIN, top + 18, caseTitle(one), { size: 14, weight: 600 }));
    top += BAR.head;
    one.figures.forEach((figure, at) => {
      parts.push(bar(figure, at, top, most, isOfBytes(result)));
      top += BAR.height + BAR.gap;
    });
    top += 12;
  }
  return page(result, about, top, parts);
}

function bar(
  { side, changesPerSecond: rate, ratio }: Figure,
  at: number,
  top: number,
  most: number,
  areBytes: boolean,
): string {
  const reach = WIDTH - BAR.left - BAR.right;
  const x = (value: number) => BAR.left + (value / most) * reach;
  const middle = top + BAR.height / 2;
  const figure = areBytes ? `${factor(rate.median)} bytes` : `${grouped(rate.median)}/s`;
  const said = at === 0 ? figure : `${figure} · ours is ${factor(ratio.median)}×`;
  return [
    text(BAR.left - 12, middle + 5, side, { anchor: 'end', weight: at === 0 ? 600 : 400 }),
    `<rect x="${BAR.left}" y="${top}" ` +
      `width="${round(Math.max(1, x(rate.median) - BAR.left))}" ` +
      `height="${BAR.height}" rx="3" fill="${COLOURS[at]}"/>`,
    whisker(x(rate.min), middle, x(rate.max), middle, INK.text),
    text(x(rate.max) + 10, middle + 5, said, { weight: at === 0 ? 600 : 400 }),
  ].join('\n');
}

function caseTitle({ history, segments, work }: Case): string {
  const flips = work['flips per change'];
  return (
    `${history}, ${grouped(segments)} ` +
    `segments${flips === undefined ? '' : `, ${factor(flips)} flips a change`}`
  );
}

// ── Lines ──

const PANEL = { top: 114, height: 320, gap: 72, left: 78 } as const;

interface Axes {
  readonly x: (segments: number) => number;
  readonly y: (rate: number) => number;
}

function lineChart(result: WorkloadResult, about: Circumstances): string {
  const histories = [...new Set(result.cases.map(({ history }) => history))];
  const width =
    (WIDTH - PANEL.left - MARGIN - PANEL.gap * (histories.length - 1)) / histories.length;
  const rates = result.cases.flatMap(({ figures }) =>
    figures.flatMap(({ changesPerSecond: { min, max } }) => [min, max]),
  );
  const decades = [
    Math.floor(Math.log10(Math.min(...rates))),
    Math.ceil(Math.log10(Math.max(...rates))),
  ] as const;
  const parts = [legend(sidesOf(result.cases))];
  histories.forEach((history, at) => {
    const cases = result.cases.filter((one) => one.history === history);
    parts.push(panel(history, cases, PANEL.left + at * (width + PANEL.gap), width, decades));
  });
  return page(result, about, PANEL.top + PANEL.height + 64, parts);
}

function panel(
  history: string,
  cases: readonly Case[],
  left: number,
  width: number,
  [low, high]: readonly [number, number],
): string {
  const counts = cases.map(({ segments }) => segments);
  const axes: Axes = {
    x: logScale(Math.min(...counts), Math.max(...counts), left + 14, left + width - 14),
    y: logScale(10 ** low, 10 ** high, PANEL.top + PANEL.height, PANEL.top),
  };
  const flips = cases.map(({ work }) => factor(work['flips per change'] ?? 0)).join(', ');
  const bottom = PANEL.top + PANEL.height;
  const parts = [
    text(left, PANEL.top - 14, `${history}: ${flips} flips a change`, { size: 14, weight: 600 }),
  ];
  for (let decade = low; decade <= high; decade++) {
    const y = axes.y(10 ** decade);
    parts.push(
      `<line x1="${left}" y1="${round(y)}" x2="${left + width}" y2="${round(y)}" ` +
        `stroke="${INK.grid}"/>`,
    );
    parts.push(
      text(left - 8, y + 4, `${grouped(10 ** decade)}`, {
        anchor: 'end',
        size: 12,
        fill: INK.quiet,
      }),
    );
  }
  for (const count of counts) {
    parts.push(
      text(axes.x(count), bottom + 20, grouped(count), {
        anchor: 'middle',
        size: 12,
        fill: INK.quiet,
      }),
    );
  }
  parts.push(
    text(left + width / 2, bottom + 40, 'segments', {
      anchor: 'middle',
      size: 12,
      fill: INK.quiet,
    }),
  );
  sidesOf(cases).forEach((side, at) => {
    parts.push(line(side, at, cases, axes));
  });
  return parts.join('\n');
}

function line(side: string, at: number, cases: readonly Case[], { x, y }: Axes): string {
  const colour = COLOURS[at]!;
  const marks = cases.flatMap(({ segments, figures }) => {
    const figure = figures.find((one) => one.side === side);
    return figure ? [{ x: x(segments), rate: figure.changesPerSecond }] : [];
  });
  const points = marks.map((mark) => `${round(mark.x)},${round(y(mark.rate.median))}`).join(' ');
  return [
    `<polyline points="${points}" fill="none" stroke="${colour}" ` +
      `stroke-width="${at === 0 ? 3 : 1.75}" stroke-linejoin="round"/>`,
    ...marks.map((mark) => whisker(mark.x, y(mark.rate.min), mark.x, y(mark.rate.max), colour)),
    ...marks.map((mark) => dot(mark.x, y(mark.rate.median), at === 0 ? 4.5 : 3.5, colour)),
  ].join('\n');
}

function sidesOf(cases: readonly Case[]): string[] {
  return [...new Set(cases.flatMap(({ figures }) => figures.map(({ side }) => side)))];
}

function legend(sides: readonly string[]): string {
  let left: number = MARGIN;
  return sides
    .map((side, at) => {
      const entry = [
        dot(left + 5, 61, 5, COLOURS[at]!),
        text(left + 16, 66, side, { weight: at === 0 ? 600 : 400 }),
      ].join('\n');
      left += 44 + side.length * 6.9;
      return entry;
    })
    .join('\n');
}

function logScale(low: number, high: number, from: number, to: number): (value: number) => number {
  const decades = Math.log10(high / low) || 1;
  return (value) => from + (Math.log10(value / low) / decades) * (to - from);
}

// ── Parts of a picture ──

function page(
  result: WorkloadResult,
  about: Circumstances,
  height: number,
  parts: readonly string[],
): string {
  const where =
    `${about.machine}, ${about.cores} cores · Node ${about.node} · ${about.date} · ` +
    `commit ${about.commit}`;
  const whole = height + 42;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${whole}" ` +
      `width="${WIDTH}" height="${whole}" font-family="${FONT}" role="img">`,
    `<title>${escaped(result.title)}</title>`,
    `<rect width="${WIDTH}" height="${whole}" rx="8" fill="${INK.ground}"/>`,
    text(MARGIN, 36, result.title, { size: 17, weight: 700 }),
    ...parts,
    text(MARGIN, height + 6, 'Medians of interleaved rounds, with their range.', {
      size: 11,
      fill: INK.quiet,
    }),
    text(MARGIN, height + 22, where, { size: 11, fill: INK.quiet }),
    '</svg>',
  ].join('\n')}\n`;
}

interface TextStyle {
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly size?: number;
  readonly weight?: number;
  readonly fill?: string;
}

function text(x: number, y: number, said: string, style: TextStyle = {}): string {
  const { anchor = 'start', size = 13, weight = 400, fill = INK.text } = style;
  return (
    `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" ` +
    `font-size="${size}" font-weight="${weight}" fill="${fill}">${escaped(said)}</text>`
  );
}

function dot(x: number, y: number, radius: number, colour: string): string {
  return (
    `<circle cx="${round(x)}" cy="${round(y)}" r="${radius}" fill="${colour}" ` +
    `stroke="${INK.ground}"/>`
  );
}

function whisker(x1: number, y1: number, x2: number, y2: number, colour: string): string {
  return (
    `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" ` +
    `stroke="${colour}" stroke-width="1.5"/>`
  );
}

function escaped(said: string): string {
  return said.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
