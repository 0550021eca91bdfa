/**
 * tail.tsx – Who joins and leaves, in all segments, as it happens.
 *
 * Keeps true: it begins when the page is opened, and goes on from its cursor. When more comes than
 * can be shown it says so, and goes on from now; so it does after a pause. A hidden page asks for nothing.
 */
import { useQuery } from '@tanstack/react-query';
import { ArrowDown, ArrowUp, Pause, Play } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import { Button } from '../../parts/button.tsx';
import { CAUSES, type CauseChoice, causeText } from '../../parts/causes.ts';
import { ChoiceMenu } from '../../parts/menu.tsx';
import { Panel } from '../../parts/panel.tsx';
import { timeText } from '../../parts/words.ts';
import type { ChangeShown } from '../../server/answers.ts';
import { ask } from '../../server/ask.ts';
import { segmentsQuery } from '../../server/queries.ts';
import { ServerRefusal } from '../../server/refusal.ts';

const LOOK_MS = 1000;
const RETRY_MS = 5000;
const PAGE_EVENTS = 500;
const SHOWN_MAX = 100;

interface TailState {
  readonly events: readonly ChangeShown[];
  /** What came was too much to be shown. */
  readonly hasGap: boolean;
  readonly problem: string | undefined;
}

const NOTHING: TailState = { events: [], hasGap: false, problem: undefined };

function useTail(isPaused: boolean): TailState {
  const [state, setState] = useState(NOTHING);
  useEffect(() => {
    if (isPaused) return;
    const ending = new AbortController();
    let cursor = 'now';
    let timer: ReturnType<typeof setTimeout>;
    const look = async () => {
      if (document.visibilityState === 'hidden') return LOOK_MS;
      const query = `limit=${PAGE_EVENTS}&cursor=${encodeURIComponent(cursor)}`;
      const path = `/v1/memberships/changes?${query}`;
      const answer = await ask<{ data: ChangeShown[]; next_cursor: string }>(path, {
        signal: ending.signal,
      });
      const isFull = answer.data.length === PAGE_EVENTS;
      cursor = isFull ? 'now' : answer.next_cursor;
      setState(({ events }) => ({
        events:
          answer.data.length === 0
            ? events
            : [...answer.data.toReversed(), ...events].slice(0, SHOWN_MAX),
        hasGap: isFull,
        problem: undefined,
      }));
      return LOOK_MS;
    };
    const again = () =>
      look().then(
        (ms) => {
          if (!ending.signal.aborted) timer = setTimeout(again, ms);
        },
        (error: unknown) => {
          if (ending.signal.aborted) return;
          // What lies in between is not kept any more.
          if (error instanceof ServerRefusal && error.status === 410) cursor = 'now';
          const problem = error instanceof Error ? error.message : String(error);
          setState((before) => ({ ...before, problem }));
          timer = setTimeout(again, RETRY_MS);
        },
      );
    void again();
    return () => {
      ending.abort();
      clearTimeout(timer);
    };
  }, [isPaused]);
  return state;
}

export function Tail() {
  const [isPaused, setIsPaused] = useState(false);
  const { events, hasGap, problem } = useTail(isPaused);
  const [cause, setCause] = useState<CauseChoice>('any');
  const shown = events.filter(
    (event) => cause === 'any' || ('cause' in event && event.cause === cause),
  );
  const segments = useQuery(segmentsQuery).data;
  const titleOf = (slug: string) =>
    segments?.find((segment) => segment.slug === slug)?.title ?? slug;
  return (
    <Panel
      title="Joined and left"
      beside={
        <span className="quiet">
          {isPaused ? 'Paused' : (problem ?? (hasGap ? 'Too much to show: some is left out' : ''))}
        </span>
      }
      actions={
        <>
          <ChoiceMenu
            label="Cause"
            kind="ghost"
            choices={CAUSES}
            value={cause}
            onChoose={setCause}
          />
          <Button size="small" onPress={() => setIsPaused(!isPaused)}>
            {isPaused ? (
              <Play className="icon" aria-hidden="true" />
            ) : (
              <Pause className="icon" aria-hidden="true" />
            )}
            {isPaused ? 'Go on' : 'Pause'}
          </Button>
        </>
      }
    >
      <div className="tail" role="log" aria-label="Joined and left" aria-live="off">
        {shown.length === 0 ? (
          <p className="panel-body quiet">
            {cause === 'any' ? 'Nobody' : 'Nobody, by this cause,'} has joined or left since this
            page was opened.
          </p>
        ) : (
          <ol className="panel-rows">
            {shown.map((event) => (
              <TailRow key={keyOf(event)} event={event} title={titleOf(event.segment)} />
            ))}
          </ol>
        )}
      </div>
    </Panel>
  );
}

function TailRow({ event, title }: { readonly event: ChangeShown; readonly title: string }) {
  const at = <time dateTime={event.at}>{timeText(event.at)}</time>;
  const segment = <Link href={`/segments/${event.segment}`}>{title}</Link>;
  if (!('id' in event))
    return (
      <li>
        {at}
        <span className="quiet">{event.event === 'segment_ready' ? 'built' : 'deleted'}</span>
        <span />
        {segment}
        <span />
      </li>
    );
  const hasJoined = event.event === 'entered';
  const Icon = hasJoined ? ArrowUp : ArrowDown;
  return (
    <li>
      {at}
      <span className={`tail-what ${hasJoined ? 'joined' : 'left'}`}>
        <Icon className="icon" aria-hidden="true" />
        {hasJoined ? 'joined' : 'left'}
      </span>
      <span className="tail-id">{event.id}</span>
      {segment}
      <span className="quiet">{causeText(event.cause)}</span>
    </li>
  );
}

/** Several events of a commit may have one cursor; each is of another record or segment. */
function keyOf(event: ChangeShown): string {
  const id = 'id' in event ? event.id : '';
  return `${event.cursor} ${event.event} ${event.segment} ${id}`;
}
