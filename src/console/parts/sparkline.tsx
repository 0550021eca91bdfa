/**
 * sparkline.tsx – A small line of counts over time.
 */
const WIDTH = 96;
const HEIGHT = 26;
const EDGE = 3;

/** Null where nothing is known: the line begins after it. */
export function Sparkline({ values }: { readonly values: readonly (number | null)[] }) {
  const points = pointsOf(values);
  if (points.length === 0) return null;
  const line = points.map(([x, y], at) => `${at === 0 ? 'M' : 'L'}${x} ${y}`).join('');
  const [firstX] = points[0]!;
  const [lastX, lastY] = points.at(-1)!;
  return (
    <svg
      className="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width={WIDTH}
      height={HEIGHT}
      aria-hidden="true"
    >
      <path
        d={`${line}L${lastX} ${HEIGHT}L${firstX} ${HEIGHT}Z`}
        fill="currentColor"
        opacity=".1"
      />
      <path d={line} fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinejoin="round" />
      <circle cx={lastX} cy={lastY} r="2.2" fill="currentColor" />
    </svg>
  );
}

/** A line that never moves lies in the middle. */
function pointsOf(values: readonly (number | null)[]): [x: number, y: number][] {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return [];
  const least = Math.min(...known);
  const span = Math.max(...known) - least;
  const step = (WIDTH - EDGE) / Math.max(1, values.length - 1);
  return values.flatMap((value, at): [number, number][] => {
    if (value === null) return [];
    const height = span === 0 ? 0.5 : (value - least) / span;
    const y = HEIGHT - EDGE - height * (HEIGHT - 2 * EDGE);
    return [[round(at * step), round(y)]];
  });
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
