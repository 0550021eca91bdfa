/**
 * area.tsx – A number over time as an area, as wide as its place.
 */
const WIDTH = 400;
const HEIGHT = 60;

interface AreaProps {
  readonly label: string;
  /** Null where nothing is known: it counts as nothing. */
  readonly values: readonly (number | null)[];
}

export function Area({ label, values }: AreaProps) {
  const most = Math.max(1, ...values.map((value) => value ?? 0));
  const step = WIDTH / Math.max(1, values.length - 1);
  const line = values
    .map((value, at) => `${round(at * step)} ${round(HEIGHT - 2 - ((value ?? 0) / most) * 52)}`)
    .join('L');
  return (
    <svg
      className="area"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width="100%"
      height={HEIGHT}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      {values.length < 2 ? (
        <path
          d={`M0 ${HEIGHT - 2}H${WIDTH}`}
          stroke="currentColor"
          opacity=".35"
          vectorEffect="non-scaling-stroke"
        />
      ) : (
        <>
          <path d={`M${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`} fill="currentColor" opacity=".1" />
          <path
            d={`M${line}`}
            fill="none"
            stroke="currentColor"
            strokeWidth="1.5"
            strokeLinejoin="round"
            vectorEffect="non-scaling-stroke"
          />
        </>
      )}
    </svg>
  );
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
