/**
 * states.tsx – What a page shows instead of its content: nothing there, still loading, refused.
 */
import type { ReactNode } from 'react';
import { ServerRefusal } from '../server/refusal.ts';
import { Button } from './button.tsx';

interface EmptyStateProps {
  /** One sentence. */
  readonly title: string;
  readonly children?: ReactNode;
  /** One action. */
  readonly action?: ReactNode;
}

export function EmptyState({ title, children, action }: EmptyStateProps) {
  return (
    <div className="state">
      <h2>{title}</h2>
      {children ? <p>{children}</p> : null}
      {action}
    </div>
  );
}

interface ErrorViewProps {
  readonly error: unknown;
  readonly onRetry?: () => void;
}

/** What went wrong, in the words of the server. */
export function ErrorView({ error, onRetry }: ErrorViewProps) {
  const title = error instanceof ServerRefusal ? error.title : 'That did not work';
  const detail = error instanceof Error ? error.message : String(error);
  return (
    <div className="state" role="alert">
      <h2>{title}</h2>
      <p>{detail}</p>
      {onRetry ? <Button onPress={onRetry}>Try again</Button> : null}
    </div>
  );
}

/** Rows as they will be; nothing for the first 150 ms. */
export function SkeletonRows({ rows = 8 }: { readonly rows?: number }) {
  return (
    <div className="skeleton-rows">
      <span className="unseen" role="status">
        Loading
      </span>
      {Array.from({ length: rows }, (_, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all the same
        <div className="skeleton-row" key={at} aria-hidden="true">
          <span className="skeleton" />
          <span className="skeleton" />
          <span className="skeleton" />
        </div>
      ))}
    </div>
  );
}

interface ListStateProps<Entry> {
  /** What was asked for, as `useQuery` answers it. */
  readonly asked: {
    readonly data: readonly Entry[] | undefined;
    readonly error: unknown;
    readonly refetch: () => unknown;
  };
  /** Shown when there are none. */
  readonly empty: ReactNode;
  readonly children: (entries: readonly Entry[]) => ReactNode;
}

/** A list, or what is shown in its place: that it is empty, refused, or on its way. */
export function ListState<Entry>({ asked, empty, children }: ListStateProps<Entry>) {
  const { data, error, refetch } = asked;
  if (data) return data.length === 0 ? empty : children(data);
  if (error) return <ErrorView error={error} onRetry={() => void refetch()} />;
  return (
    <div className="card">
      <SkeletonRows rows={4} />
    </div>
  );
}
