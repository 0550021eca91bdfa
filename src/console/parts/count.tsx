/**
 * count.tsx – How many records are in a segment.
 *
 * Keeps true: a number is shown only if the server gave one; "No count yet" is never 0. What the
 * stream told last wins over what was read.
 */
import type { CountShown } from '../server/answers.ts';
import { useToldCount } from '../stream/use-stream.ts';
import { numberText, shareText } from './words.ts';

interface CountProps {
  readonly slug: string;
  /** As it was read; the stream may know better. */
  readonly read?: CountShown | undefined;
  /** All records of the type, for the share. */
  readonly of?: number | undefined;
}

/** The count as of now, told or read. */
export function useCount(slug: string, read: CountShown | undefined): CountShown | undefined {
  return useToldCount(slug) ?? read;
}

export function Count({ slug, read, of }: CountProps) {
  const shown = useCount(slug, read);
  if (!shown) return <span className="skeleton" />;
  if (shown.count === null) return <span className="count-none">{noCount(shown)}</span>;
  return (
    <span className="is-live-number">
      <b className="count-number">{numberText(shown.count)}</b>
      {of ? (
        <span className="count-share" title={`of ${numberText(of)} records`}>
          {shareText(shown.count, of)}
        </span>
      ) : null}
    </span>
  );
}

function noCount({ status }: CountShown): string {
  if (status === 'gone') return 'Deleted';
  if (status === 'timeout') return 'Behind';
  return 'No count yet';
}
