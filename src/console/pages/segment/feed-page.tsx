/**
 * feed-page.tsx – Who enters and leaves a segment, as it happens, and why.
 */
import { ArrowDown, ArrowUp, Pause, Play } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import type { PageProps } from '../../pages.tsx';
import { Button } from '../../parts/button.tsx';
import { CAUSES, type CauseChoice, causeText } from '../../parts/causes.ts';
import { ChoiceMenu } from '../../parts/menu.tsx';
import { whyAddress } from '../../parts/record-names.ts';
import { EmptyState, ErrorView, SkeletonRows } from '../../parts/states.tsx';
import { timeText } from '../../parts/words.ts';
import type { ChangeShown } from '../../server/answers.ts';
import { readPast } from '../../server/past-changes.ts';
import { segmentPath } from '../../server/queries.ts';
import { LiveDot } from '../../shell/live-dot.tsx';
import { useChanges } from '../../stream/use-stream.ts';
import { SegmentFrame } from './segment-frame.tsx';

/** The newest; older ones are in the record's own history. */
const SHOWN_MAX = 300;
/** Pages of the past that are read to find the newest events in it. */
const PAGES_MAX = 10;

export default function FeedPage({ params }: PageProps) {
  const slug = params['slug']!;
  return <SegmentFrame slug={slug}>{() => <Feed key={slug} slug={slug} />}</SegmentFrame>;
}

function Feed({ slug }: { readonly slug: string }) {
  const [events, setEvents] = useState<readonly ChangeShown[]>([]);
  const [error, setError] = useState<unknown>();
  const [isReading, setIsReading] = useState(true);
  const [isPaused, setIsPaused] = useState(false);
  const [cause, setCause] = useState<CauseChoice>('any');
  const held = useRef<ChangeShown[]>([]);
  const add = (added: readonly ChangeShown[]) =>
    setEvents((before) => [...added.toReversed(), ...before].slice(0, SHOWN_MAX));
  useEffect(() => {
    const ending = new AbortController();
    const bounds = { eventsMax: SHOWN_MAX, pagesMax: PAGES_MAX };
    readPast(`${segmentPath(slug)}/changes`, bounds, ending.signal).then(
      (past) => {
        setEvents((now) => withPast(now, past.events));
        setIsReading(false);
      },
      (failure) => !ending.signal.aborted && setError(failure),
    );
    return () => ending.abort();
  }, [slug]);
  useChanges(slug, (changes) => {
    if (isPaused) held.current = [...held.current, ...changes].slice(-SHOWN_MAX);
    else add(changes);
  });
  const goOn = () => {
    add(held.current);
    held.current = [];
    setIsPaused(false);
  };
  const shown = events.filter(
    (event) => cause === 'any' || ('cause' in event && event.cause === cause),
  );
  if (error && events.length === 0) return <ErrorView error={error} />;
  return (
    <>
      <div className="tools feed-tools">
        <ChoiceMenu label="Cause" choices={CAUSES} value={cause} onChoose={setCause} />
        <Button onPress={isPaused ? goOn : () => setIsPaused(true)}>
          {isPaused ? (
            <Play className="icon" aria-hidden="true" />
          ) : (
            <Pause className="icon" aria-hidden="true" />
          )}
          {isPaused ? 'Go on' : 'Pause'}
        </Button>
        <span className="grow" />
        {isPaused ? <span className="quiet">Paused</span> : <LiveDot />}
      </div>
      {isReading && events.length === 0 ? (
        <SkeletonRows />
      ) : shown.length === 0 ? (
        <EmptyState title="Nobody has joined or left lately." />
      ) : (
        <div className="card" role="log" aria-label="Joined and left">
          <ol className="feed">
            {shown.map((event) => (
              <FeedRow key={keyOf(event)} event={event} />
            ))}
          </ol>
        </div>
      )}
    </>
  );
}

function FeedRow({ event }: { readonly event: ChangeShown }) {
  const at = <time dateTime={event.at}>{timeText(event.at)}</time>;
  if (!('id' in event))
    return (
      <li>
        {at}
        <span className="quiet">
          {event.event === 'segment_ready' ? 'Built: its members are those of now' : 'Deleted'}
        </span>
      </li>
    );
  const hasJoined = event.event === 'entered';
  const Icon = hasJoined ? ArrowUp : ArrowDown;
  return (
    <li>
      {at}
      <span className={hasJoined ? 'joined' : 'left'}>
        <Icon className="icon" aria-hidden="true" />
        {hasJoined ? 'joined' : 'left'}
      </span>
      <Link className="member-name" href={whyAddress(event.segment, event.id)}>
        {event.id}
      </Link>
      <span className="quiet">{causeText(event.cause)}</span>
    </li>
  );
}

/** What came meanwhile is the newest; it may be in the past, too. */
function withPast(now: readonly ChangeShown[], past: readonly ChangeShown[]): ChangeShown[] {
  const known = new Set(now.map(keyOf));
  const older = past.filter((event) => !known.has(keyOf(event)));
  return [...now, ...older.toReversed()].slice(0, SHOWN_MAX);
}

/** Several events of a commit may have one cursor; each is of another record. */
function keyOf(event: ChangeShown): string {
  return `${event.cursor} ${event.event} ${'id' in event ? event.id : ''}`;
}
