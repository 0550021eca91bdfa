/**
 * live-dot.tsx – Whether what is shown is of now.
 */
import { timeText } from '../parts/words.ts';
import { useAsOf, useStreamState } from '../stream/use-stream.ts';

export function LiveDot() {
  const state = useStreamState();
  const asOf = useAsOf();
  if (state === 'live')
    return (
      <span className="live">
        <i />
        Live
      </span>
    );
  const since = asOf === undefined ? '' : `As of ${timeText(asOf)}, `;
  const what = state === 'stale' ? 'reconnecting' : 'connecting';
  const text = `${since}${what}`;
  return (
    <span className="live is-stale" role="status">
      <i />
      {text.charAt(0).toUpperCase() + text.slice(1)}
    </span>
  );
}
