/**
 * undelivered.tsx – Events that could not be delivered, and to try them again.
 */
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Button } from '../../parts/button.tsx';
import { Panel } from '../../parts/panel.tsx';
import { ErrorView, SkeletonRows } from '../../parts/states.tsx';
import { countedText, dayTimeText } from '../../parts/words.ts';
import type { ActivationShown } from '../../server/answers.ts';
import { ask } from '../../server/ask.ts';
import type { UndeliveredShown } from '../../server/operations-answers.ts';
import { useMay } from '../../session/use-session.ts';
import { activationPath } from './activation-words.ts';

const PAGE_LETTERS = 50;

interface LettersPage {
  readonly data: readonly UndeliveredShown[];
  readonly next_cursor: string | null;
}

export function Undelivered({ activation }: { readonly activation: ActivationShown }) {
  const { id, dead_letters: counts } = activation;
  const path = `${activationPath(activation)}/dead-letters`;
  const mayEdit = useMay('write_catalog');
  const client = useQueryClient();
  const queryKey = ['undelivered', id];
  const read = useInfiniteQuery({
    queryKey,
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) => {
      const cursor = pageParam === '' ? '' : `&cursor=${encodeURIComponent(pageParam)}`;
      return ask<LettersPage>(`${path}?limit=${PAGE_LETTERS}${cursor}`, { signal });
    },
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: when there are more or fewer
  useEffect(() => void client.invalidateQueries({ queryKey }), [counts.count]);
  const redeliver = useMutation({
    mutationFn: (ids: readonly string[] | undefined) =>
      ask<{ redelivered: number }>(`${path}/redeliver`, {
        method: 'POST',
        body: ids === undefined ? {} : { ids },
      }),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey }),
        client.invalidateQueries({ queryKey: ['activation', id] }),
      ]),
  });
  const letters = read.data?.pages.flatMap(({ data }) => data);
  return (
    <Panel
      title="Failed events"
      beside={
        <span className={counts.count === 0 ? 'quiet' : 'left'}>
          {counts.count === 0 ? 'None' : countedText(counts.count, 'event')}
        </span>
      }
      actions={
        mayEdit && counts.count > 0 ? (
          <Button
            size="small"
            isDisabled={redeliver.isPending}
            onPress={() => redeliver.mutate(undefined)}
          >
            Deliver all again
          </Button>
        ) : null
      }
    >
      <p className="panel-body note undelivered-news" role="status">
        {redeliver.error
          ? redeliver.error.message
          : redeliver.data
            ? `${countedText(redeliver.data.redelivered, 'event')} will be tried again.`
            : ''}
      </p>
      {letters ? (
        letters.length === 0 ? (
          <p className="panel-body quiet">
            {counts.dropped === 0
              ? 'Each event was delivered, or is still tried.'
              : `None is kept; ${countedText(counts.dropped, 'older one')} gave way to newer ones.`}
          </p>
        ) : (
          <ol className="panel-rows undelivered">
            {letters.map((letter) => (
              <Letter key={letter.id} letter={letter}>
                {mayEdit ? (
                  <Button
                    size="small"
                    label={`Deliver again: ${eventText(letter)}`}
                    isDisabled={redeliver.isPending}
                    onPress={() => redeliver.mutate([letter.id])}
                  >
                    Deliver again
                  </Button>
                ) : null}
              </Letter>
            ))}
            {read.hasNextPage ? (
              <li>
                <Button
                  size="small"
                  isDisabled={read.isFetchingNextPage}
                  onPress={() => void read.fetchNextPage()}
                >
                  More
                </Button>
              </li>
            ) : null}
          </ol>
        )
      ) : read.error ? (
        <ErrorView error={read.error} onRetry={() => void read.refetch()} />
      ) : (
        <SkeletonRows rows={2} />
      )}
    </Panel>
  );
}

interface LetterRowProps {
  readonly letter: UndeliveredShown;
  readonly children: React.ReactNode;
}

function Letter({ letter, children }: LetterRowProps) {
  const { error, attempts, at } = letter;
  return (
    <li>
      <div className="undelivered-text">
        <strong>{eventText(letter)}</strong>
        <p>{error}</p>
        <p className="quiet">
          {countedText(attempts, 'attempt')}, given up on {dayTimeText(at)}
        </p>
      </div>
      {children}
    </li>
  );
}

/** "c-17 joined" of an event of a member; else what it is called. */
function eventText({ event }: UndeliveredShown): string {
  const { type, data } = (event ?? {}) as {
    readonly type?: string;
    readonly data?: { readonly id?: string };
  };
  const id = data?.id ?? '';
  if (type === 'member.entered') return `${id} joined`;
  if (type === 'member.left') return `${id} left`;
  if (type === 'member.synced') return `${id} is a member`;
  return type ?? 'An event';
}
