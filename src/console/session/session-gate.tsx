/**
 * session-gate.tsx – Shows pages to those who have signed in, and sign-in to the others.
 *
 * Keeps true: a session that ends leaves the page as it is, with sign-in over it: drafts stay. The
 * address stays too, so who signs in is where they wanted to be.
 */
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, Suspense, useSyncExternalStore } from 'react';
import { later } from '../parts/later.ts';
import { ErrorView } from '../parts/states.tsx';
import { useLater } from '../parts/use-later.ts';
import { sessionQuery } from '../server/queries.ts';
import { ServerRefusal } from '../server/refusal.ts';
import { sessionHasEnded } from '../server/signals.ts';
import { SignIn } from './sign-in.tsx';
import { SessionContext } from './use-session.ts';

const SignInAgain = later(() => import('./sign-in-again.tsx'));

export function SessionGate({ children }: { readonly children: ReactNode }) {
  const { data: session, error, refetch } = useQuery(sessionQuery);
  const hasEnded = useSyncExternalStore(sessionHasEnded.watch, sessionHasEnded.read);
  const isLater = useLater();
  if (!session) {
    if (error instanceof ServerRefusal && error.status === 401)
      return (
        <main className="sign-in-page">
          <SignIn />
        </main>
      );
    if (error) return <ErrorView error={error} onRetry={() => void refetch()} />;
    return null;
  }
  return (
    <SessionContext value={session}>
      {children}
      {isLater || hasEnded ? (
        <Suspense fallback={null}>
          <SignInAgain isOpen={hasEnded} />
        </Suspense>
      ) : null}
    </SessionContext>
  );
}
