/**
 * build-progress.tsx – How far the build of a segment is.
 */
import type { CSSProperties } from 'react';

export function BuildProgress({
  progress,
  note,
}: {
  readonly progress: number;
  readonly note: string;
}) {
  const percent = Math.floor(progress * 100);
  return (
    <>
      <span className="build">
        <span
          className="bar"
          role="progressbar"
          aria-label={note}
          aria-valuenow={percent}
          aria-valuemin={0}
          aria-valuemax={100}
        >
          <i style={{ '--done': progress } as CSSProperties} />
        </span>
        <span className="number">{percent} %</span>
      </span>
      <span className="second">{note}</span>
    </>
  );
}
