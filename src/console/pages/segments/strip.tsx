/**
 * strip.tsx – How the whole deployment moves: who joined and left, what the clock alone will move,
 * what comes in.
 */
import { useQueries } from '@tanstack/react-query';
import { numberText } from '../../parts/words.ts';
import { usePulse } from '../../stream/use-stream.ts';
import { type Moved, movedByHour, type Trend, trendQuery } from './trends.ts';

/** Segments whose hours are added up: so many cost ten requests a minute. */
const ADDED_MAX = 200;

export function Strip({ slugs }: { readonly slugs: readonly string[] }) {
  const added = slugs.slice(0, ADDED_MAX);
  const trends = useQueries({
    queries: added.map(trendQuery),
    combine: (answers) => answers.flatMap(({ data }): Trend[] => (data ? [data] : [])),
  });
  const pulse = usePulse();
  const hours = movedByHour(trends);
  const total = (of: (moved: Moved) => number) => hours.reduce((sum, each) => sum + of(each), 0);
  const scope = slugs.length > ADDED_MAX ? `${ADDED_MAX} segments, 24 hours` : '24 hours';
  const due = pulse?.due.reduce((sum, count) => sum + count, 0);
  return (
    <section className="card strip" aria-label="How it moves">
      <div className="flow">
        <div>
          <h2 title={scope}>Joined, 24 h</h2>
          <b className="number joined">{numberText(total(({ entered }) => entered))}</b>
        </div>
        <div>
          <h2 title={scope}>Left</h2>
          <b className="number left">{numberText(total(({ left }) => left))}</b>
        </div>
        <FlowBars hours={hours} label={`Joined and left by the hour, ${scope}`} />
      </div>
      <div>
        <h2>Due by the clock alone, next 24 hours</h2>
        {due === undefined ? (
          <span className="skeleton" />
        ) : (
          <p>
            <b className="number due">{numberText(due)}</b> {due === 1 ? 'record' : 'records'}
          </p>
        )}
      </div>
      <div>
        <h2>Changes a second</h2>
        {pulse === undefined ? (
          <span className="skeleton" />
        ) : (
          <p className="is-live-number">
            <b className="number">{rateText(pulse.changes_per_s)}</b>{' '}
            {pulse.flips_per_s === null
              ? 'counted by the workers'
              : `${numberText(pulse.flips_per_s)} joined or left`}
          </p>
        )}
      </div>
    </section>
  );
}

/** A process that works nothing off counts nothing. */
function rateText(rate: number | null): string {
  return rate === null ? '–' : numberText(rate);
}

const BAR = { width: 12, gap: 5, half: 26 } as const;

function FlowBars({ hours, label }: { readonly hours: readonly Moved[]; readonly label: string }) {
  const most = Math.max(1, ...hours.flatMap(({ entered, left }) => [entered, left]));
  const step = BAR.width + BAR.gap;
  const heightOf = (count: number) => (count === 0 ? 1 : 2 + (count / most) * (BAR.half - 3));
  return (
    <svg
      viewBox={`0 0 ${Math.max(1, hours.length) * step} ${2 * BAR.half + 2}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      {hours.map(({ entered, left }, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the place is the hour
        <g key={at}>
          <rect
            className="bar-joined"
            x={at * step}
            y={BAR.half - heightOf(entered)}
            width={BAR.width}
            height={heightOf(entered)}
            rx="1.5"
          />
          <rect
            className="bar-left"
            x={at * step}
            y={BAR.half + 2}
            width={BAR.width}
            height={heightOf(left)}
            rx="1.5"
          />
        </g>
      ))}
    </svg>
  );
}
