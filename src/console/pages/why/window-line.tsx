/**
 * window-line.tsx – The picture of a window: its values as points, what has left, what leaves next.
 */

import { nearDayText } from '../../parts/spans.ts';
import { valueText } from '../../parts/values.tsx';
import type { TypeShown } from '../../server/answers.ts';
import type { AxisPoint, WindowAxis } from './window-axis.ts';

const WIDTH = 700;
const LEFT = 30;
const RIGHT = 20;
const LINE = 92;
/** Texts that are nearer to each other than that would overlap. */
const APART = 76;

const xOf = (x: number) => Math.round((LEFT + x * (WIDTH - LEFT - RIGHT)) * 10) / 10;

interface WindowLineProps {
  readonly axis: WindowAxis;
  readonly types: readonly TypeShown[];
  readonly flipWord: string;
}

export function WindowLine({ axis, types, flipWord }: WindowLineProps) {
  const { title, band, now, ticks, points, flip } = axis;
  const inside = points.filter(({ passed }) => passed);
  let before = Number.NEGATIVE_INFINITY;
  const hasRoom = (x: number) => {
    if (x - before < APART) return false;
    before = x;
    return true;
  };
  const nowX = xOf(now);
  return (
    <svg
      className="window-line"
      viewBox={`0 0 ${WIDTH} 118`}
      role="img"
      aria-label={spoken(axis, inside.length)}
    >
      <rect
        className="window-band"
        x={xOf(band.from)}
        y="18"
        width={Math.max(1, xOf(band.to) - xOf(band.from))}
        height={LINE - 18}
        rx="8"
      />
      <text className="is-title" x={xOf(band.from) + 10} y="35">
        {title}
      </text>
      <path className="window-base" d={`M${LEFT - 10} ${LINE}H${WIDTH - RIGHT + 10}`} />
      {ticks.map(({ x, atMs }) =>
        Math.abs(xOf(x) - nowX) < APART ? null : (
          <g key={atMs}>
            <path className="window-base" d={`M${xOf(x)} ${LINE - 4}v8`} />
            <text x={xOf(x)} y={LINE + 20} textAnchor="middle">
              {nearDayText(atMs)}
            </text>
          </g>
        ),
      )}
      <path className="window-now" d={`M${nowX} 14V${LINE}`} />
      <text className="is-strong" x={nowX} y={LINE + 20} textAnchor="middle">
        Now
      </text>
      {points.map((point) => {
        const x = xOf(point.x);
        if (!point.passed)
          return <circle key={point.id} className="window-out" cx={x} cy={LINE} r="4" />;
        const text = textOf(point, types);
        return (
          <g key={point.id} className="window-in">
            <path d={`M${x} ${LINE - 20}V${LINE}`} />
            <circle cx={x} cy={LINE} r="6.5" />
            {text !== '' && hasRoom(x) ? (
              <text className="is-strong" x={x} y={LINE - 26} textAnchor="middle">
                {text}
              </text>
            ) : null}
          </g>
        );
      })}
      {flip ? (
        <g className="window-flip">
          <path d={`M${nowX + 2} ${LINE}H${xOf(flip.x)}`} />
          <circle cx={xOf(flip.x)} cy={LINE} r="5" />
          <text x={xOf(flip.x) + 10} y={LINE - 10}>
            {flipWord}
          </text>
          <text className="is-day" x={xOf(flip.x) + 22} y={LINE + 20}>
            {nearDayText(flip.atMs)}
          </text>
        </g>
      ) : null}
    </svg>
  );
}

/** The first number that was looked at of a related record. */
function textOf({ related }: AxisPoint, types: readonly TypeShown[]): string {
  if (!related) return '';
  const attributes = types.find(({ name }) => name === related.object_type)?.attributes;
  const number = Object.entries(related.seen).find(([, value]) => typeof value === 'number');
  return number ? valueText(number[1], attributes?.[number[0]]) : '';
}

function spoken({ title, points, flip }: WindowAxis, inside: number): string {
  const isOwn = points.every(({ related }) => related === undefined);
  const what = isOwn
    ? `The value is of ${nearDayText(points[0]?.atMs ?? 0)}.`
    : `${inside} of the ${points.length} shown count.`;
  return `${title}. ${what}${flip ? ` The clock changes it on ${nearDayText(flip.atMs)}.` : ''}`;
}
