/**
 * history-plot.tsx – How many were in a segment over time, and below how many joined and left.
 *
 * Keeps true: colours are those of the tokens, and follow the theme. All that the picture shows is
 * in the table beside it, for who does not see it.
 */
import 'uplot/dist/uPlot.min.css';
import { useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import { nearDayText } from '../../parts/spans.ts';
import { dayTimeText, numberText } from '../../parts/words.ts';
import type { HistoryShown } from '../../server/answers.ts';
import { plotData } from './history-data.ts';

const SIZE_HEIGHT = 220;
const MOVES_HEIGHT = 140;
const AXIS_WIDTH = 64;
const TIMES_HEIGHT = 30;
/** The least between two numbers, so that the low plot has some too. */
const AXIS_SPACE = 22;
const HOUR = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

interface HistoryPlotProps {
  readonly points: readonly HistoryShown[];
  readonly label: string;
}

export function HistoryPlot({ points, label }: HistoryPlotProps) {
  const size = useRef<HTMLDivElement>(null);
  const moves = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<number | null>(null);
  const theme = useTheme();
  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme has other colours
  useEffect(() => {
    const [above, below] = [size.current!, moves.current!];
    const { at: times, count, joined, left } = plotData(points);
    const colour = coloursOf(above);
    const onCursor = (plot: uPlot) => setAt(plot.cursor.idx ?? null);
    const width = above.clientWidth;
    const one = new uPlot(
      {
        ...frame(width, SIZE_HEIGHT, colour, onCursor),
        series: [
          {},
          {
            stroke: colour.accent,
            fill: colour.soft,
            width: 2,
            // A line needs two: one alone is a point.
            points: { show: count.filter((each) => each !== null).length < 2 },
          },
        ],
      },
      [times, count],
      above,
    );
    const bars = uPlot.paths.bars!({ size: [0.6, 28], radius: 0.2 });
    const bar = (fill: string) => ({ fill, width: 0, paths: bars, points: { show: false } });
    const two = new uPlot(
      {
        ...frame(width, MOVES_HEIGHT, colour, onCursor),
        series: [{}, bar(colour.joined), bar(colour.left)],
      },
      [times, joined, left],
      below,
    );
    const observer = new ResizeObserver(() => {
      one.setSize({ width: above.clientWidth, height: SIZE_HEIGHT });
      two.setSize({ width: above.clientWidth, height: MOVES_HEIGHT });
    });
    observer.observe(above);
    return () => {
      observer.disconnect();
      one.destroy();
      two.destroy();
    };
  }, [points, theme]);
  const shown = points[at ?? points.length - 1];
  return (
    <figure className="history-plot" aria-label={label}>
      <figcaption aria-hidden="true">{shown ? <PointText point={shown} /> : null}</figcaption>
      <div ref={size} aria-hidden="true" />
      <p className="history-second" aria-hidden="true">
        Joined and left
      </p>
      <div ref={moves} aria-hidden="true" />
    </figure>
  );
}

function PointText({ point: { at, count, entered, left } }: { readonly point: HistoryShown }) {
  return (
    <span className="number">
      {dayTimeText(at)}: <b>{count === null ? 'not known' : numberText(count)}</b>
      {entered === null ? null : <span className="joined"> +{numberText(entered)}</span>}
      {left === null ? null : <span className="left"> −{numberText(left)}</span>}
    </span>
  );
}

type Colours = Readonly<Record<'accent' | 'soft' | 'joined' | 'left' | 'ink-3' | 'line', string>>;

/** "10:00"; of a midnight its day. */
function tickText(ms: number): string {
  const time = new Date(ms);
  return time.getHours() === 0 && time.getMinutes() === 0 ? nearDayText(ms) : HOUR.format(time);
}

/** A canvas knows no variables: what they are now is read from an element. */
function coloursOf(element: HTMLElement): Colours {
  const probe = document.createElement('span');
  element.append(probe);
  const read = (name: string) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const colours = {
    ...{ accent: read('accent'), soft: read('soft'), joined: read('joined') },
    ...{ left: read('left'), 'ink-3': read('ink-3'), line: read('line') },
  };
  probe.remove();
  return colours;
}

function frame(
  width: number,
  height: number,
  colour: Colours,
  onCursor: (plot: uPlot) => void,
): Omit<uPlot.Options, 'series'> {
  const axis = {
    stroke: colour['ink-3'],
    grid: { stroke: colour.line, width: 1 },
    ticks: { show: false },
    font: `12px ${getComputedStyle(document.body).fontFamily}`,
  };
  const times = (_: uPlot, splits: number[]) => splits.map((split) => tickText(split * 1000));
  const whole = (_: uPlot, values: number[]) =>
    values.map((value) => (Number.isInteger(value) ? numberText(Math.abs(value)) : ''));
  return {
    width,
    height,
    legend: { show: false },
    cursor: { sync: { key: 'history' }, drag: { x: false, y: false } },
    // Half a bar of room at both ends.
    scales: { x: { range: (_, from, to) => [from - (to - from) / 50, to + (to - from) / 50] } },
    axes: [
      { ...axis, size: TIMES_HEIGHT, values: times },
      { ...axis, size: AXIS_WIDTH, space: AXIS_SPACE, values: whole },
    ],
    hooks: { setCursor: [onCursor] },
  };
}

/** Changes when the theme does: by the switch, or by the system. */
function useTheme(): string {
  const [theme, setTheme] = useState('');
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const read = () => setTheme(`${document.documentElement.dataset['theme']} ${dark.matches}`);
    read();
    const observer = new MutationObserver(read);
    observer.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    dark.addEventListener('change', read);
    return () => {
      observer.disconnect();
      dark.removeEventListener('change', read);
    };
  }, []);
  return theme;
}
