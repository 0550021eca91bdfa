/**
 * letters-panel.tsx – What could not be applied: why, and to try it again or to discard it.
 */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { RotateCcw } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { Button } from '../../parts/button.tsx';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { Panel } from '../../parts/panel.tsx';
import { ErrorView, SkeletonRows } from '../../parts/states.tsx';
import { countedText, dayTimeText } from '../../parts/words.ts';
import { ask } from '../../server/ask.ts';
import { lettersQuery } from '../../server/operations.ts';
import type { LetterShown, RetriedShown } from '../../server/operations-answers.ts';
import { isGone } from '../../server/refusal.ts';
import { usePulse } from '../../stream/use-stream.ts';

const KINDS: Readonly<Record<string, string>> = {
  change: 'A change',
  entry: 'Changes nobody can read',
  message: 'A message between partitions',
  work: 'Work of a build or a timer',
};

const OUTCOMES: Readonly<Record<string, string>> = {
  created: 'It was applied: the record was created.',
  updated: 'It was applied: the record was updated.',
  unchanged: 'It was applied, and changes nothing.',
  deleted: 'It was applied: the record was deleted.',
  stale: 'It was left out: a newer version of the record is known.',
  unknown: 'It was left out: there is no such record.',
  absent: 'It was left out: there is no such record.',
  dead: 'It failed again, and is a new dead letter.',
  accepted: 'It was accepted, and is not applied yet.',
  resending: 'Its partition sends its state again.',
  rebuilding: 'What has failed by it is built anew.',
  settled: 'Nothing needs it any more.',
};

export function LettersPanel() {
  const { data, error, refetch } = useQuery(lettersQuery);
  const client = useQueryClient();
  const count = usePulse()?.dead_letters;
  // biome-ignore lint/correctness/useExhaustiveDependencies: when there are more or fewer
  useEffect(() => void client.invalidateQueries({ queryKey: lettersQuery.queryKey }), [count]);
  const heading = useRef<HTMLParagraphElement>(null);
  const settle = () => {
    heading.current?.focus();
    return client.invalidateQueries({ queryKey: lettersQuery.queryKey });
  };
  const retry = useMutation({
    mutationFn: (id: string) =>
      ask<RetriedShown>(`/v1/dead-letters/${encodeURIComponent(id)}/retry`, { method: 'POST' }),
    onSettled: settle,
  });
  const discard = useMutation({
    mutationFn: (id: string) =>
      ask<void>(`/v1/dead-letters/${encodeURIComponent(id)}`, { method: 'DELETE' }),
    onSettled: settle,
  });
  const isBusy = retry.isPending || discard.isPending;
  const letters = data?.data;
  return (
    <Panel
      title="Dead letters"
      beside={
        <span className={count ? 'left' : 'quiet'}>
          {count === undefined ? '' : count === 0 ? 'None' : countedText(count, 'letter')}
        </span>
      }
    >
      <p className="panel-body note letters-news" role="status" tabIndex={-1} ref={heading}>
        {newsOf(retry, discard)}
      </p>
      {letters ? (
        letters.length === 0 ? (
          <p className="panel-body quiet">Everything could be applied.</p>
        ) : (
          <ol className="panel-rows letters">
            {letters.map((letter) => (
              <Letter
                key={letter.id}
                letter={letter}
                isBusy={isBusy}
                onRetry={() => retry.mutate(letter.id)}
                onDiscard={() => discard.mutate(letter.id)}
              />
            ))}
            {data.next_cursor === null ? null : (
              <li className="quiet">These are the newest; there are more.</li>
            )}
          </ol>
        )
      ) : error ? (
        <ErrorView error={error} onRetry={() => void refetch()} />
      ) : (
        <SkeletonRows rows={2} />
      )}
    </Panel>
  );
}

interface Attempted {
  readonly submittedAt: number;
  readonly error: Error | null;
  readonly isSuccess: boolean;
}

/** What came of the last that was tried or discarded. */
function newsOf(
  retry: Attempted & { readonly data?: RetriedShown | undefined },
  discard: Attempted,
): string {
  const last = retry.submittedAt >= discard.submittedAt ? retry : discard;
  if (last.error) return isGone(last.error) ? 'That letter is gone already.' : last.error.message;
  if (!last.isSuccess) return '';
  if (last === discard) return 'The letter was discarded.';
  const outcome = retry.data?.outcome ?? '';
  return OUTCOMES[outcome] ?? outcome;
}

interface LetterProps {
  readonly letter: LetterShown;
  readonly isBusy: boolean;
  readonly onRetry: () => void;
  readonly onDiscard: () => void;
}

function Letter({ letter, isBusy, onRetry, onDiscard }: LetterProps) {
  const { kind, detail, at, partition, object_type, record_id } = letter;
  const what =
    record_id === undefined
      ? (KINDS[kind] ?? kind)
      : `${KINDS[kind] ?? kind} of ${object_type} ${record_id}`;
  return (
    <li>
      <div className="letter-text">
        <strong>{what}</strong>
        <p>{detail}</p>
        <p className="quiet">
          {dayTimeText(at)}, partition {partition}, <span className="code">{letter.code}</span>
        </p>
      </div>
      <div className="letter-actions">
        <Button size="small" label={`Retry: ${what}`} isDisabled={isBusy} onPress={onRetry}>
          <RotateCcw className="icon" aria-hidden="true" />
          Retry
        </Button>
        <ConfirmButton
          label={`Discard: ${what}`}
          confirmation="Discard for good"
          isDisabled={isBusy}
          onConfirm={onDiscard}
        >
          Discard
        </ConfirmButton>
      </div>
    </li>
  );
}
