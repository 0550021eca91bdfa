/**
 * shell.tsx – What is around every page: navigation, "Find anything", the stream, what holds for
 * the whole page.
 */
import { Suspense, useEffect, useState, useSyncExternalStore } from 'react';
import { Redirect, Route, Switch, useLocation } from 'wouter';
import { PAGES } from '../pages.tsx';
import { ButtonLink } from '../parts/button.tsx';
import { later } from '../parts/later.ts';
import { useShortcuts } from '../parts/shortcuts.ts';
import { EmptyState } from '../parts/states.tsx';
import { useLater } from '../parts/use-later.ts';
import { writesInDoubt } from '../server/signals.ts';
import { Stream } from '../stream/stream.ts';
import { StreamContext } from '../stream/use-stream.ts';
import { Navigation } from './navigation.tsx';
import { FinderContext, PageFrame } from './page.tsx';
import { PageErrors } from './page-errors.tsx';

/** Is not needed before somebody looks for something: it is loaded after what is seen first. */
const Finder = later(() => import('./finder.tsx'));

/** One for the tab, as long as it is there. */
const stream = new Stream();

export function Shell() {
  const [isFinding, setIsFinding] = useState(false);
  const [path] = useLocation();
  useShortcuts({ 'mod+k': () => setIsFinding(true) });
  const isLater = useLater();
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page begins at its top
  useEffect(() => {
    // Newer browsers answer with a promise, which is no way to clean up.
    void scrollTo(0, 0);
  }, [path]);
  return (
    <StreamContext value={stream}>
      <FinderContext value={() => setIsFinding(true)}>
        <a className="skip-link" href="#main">
          Skip to the page
        </a>
        <Stale>
          <Navigation />
          <main id="main" tabIndex={-1}>
            <InDoubt />
            <PageErrors key={path}>
              <Suspense fallback={null}>
                <Switch>
                  <Route path="/">
                    <Redirect to="/segments" replace />
                  </Route>
                  <Route path="/sign-in">
                    <Redirect to="/segments" replace />
                  </Route>
                  {PAGES.map(({ path: each, Page }) => (
                    <Route key={each} path={each}>
                      {(params) => <Page params={params as Record<string, string>} />}
                    </Route>
                  ))}
                  <Route>
                    <NoPage />
                  </Route>
                </Switch>
              </Suspense>
            </PageErrors>
          </main>
        </Stale>
        {isLater || isFinding ? (
          <Suspense fallback={null}>
            <Finder isOpen={isFinding} onClose={() => setIsFinding(false)} />
          </Suspense>
        ) : null}
      </FinderContext>
    </StreamContext>
  );
}

/** Numbers are dimmed while nobody knows whether they are of now. */
function Stale({ children }: { readonly children: React.ReactNode }) {
  const state = useSyncExternalStore(stream.state.watch, stream.state.read);
  return (
    <div className="shell" data-stale={state === 'stale'}>
      {children}
    </div>
  );
}

function InDoubt() {
  const writes = useSyncExternalStore(writesInDoubt.watch, writesInDoubt.read);
  if (writes === 0) return null;
  return (
    <p className="banner" role="status">
      The server has not answered yet: nobody knows whether the last change was saved. It is sent
      again by itself, and carried out once.
    </p>
  );
}

function NoPage() {
  return (
    <PageFrame title="No page here" crumbs={[]}>
      <EmptyState
        title="There is no page at this address."
        action={<ButtonLink to="/segments">Segments</ButtonLink>}
      />
    </PageFrame>
  );
}
