/**
 * use-stream.ts – The stream for components: what they name is asked for as long as they are shown.
 */
import { createContext, useContext, useEffect, useRef, useSyncExternalStore } from 'react';
import type { ChangeShown, CountShown } from '../server/answers.ts';
import type { PulseShown, Stream, StreamState } from './stream.ts';

export const StreamContext = createContext<Stream | undefined>(undefined);

function useStream(): Stream {
  const stream = useContext(StreamContext);
  if (!stream) throw new Error('bug: a page is shown without its stream');
  return stream;
}

/** Asks for topics while the component is shown: `counts:SLUG`, `segment:SLUG`, `pulse`. */
export function useTopics(topics: readonly string[]): void {
  const stream = useStream();
  const wanted = topics.join('\n');
  useEffect(() => (wanted === '' ? undefined : stream.want(wanted.split('\n'))), [stream, wanted]);
}

/**
 * The count of a segment that the stream told last; undefined before the first. Somebody asks for
 * its topic: a list does so for all of its rows at once.
 */
export function useToldCount(slug: string): CountShown | undefined {
  const { watch, read } = useStream().countOf(slug);
  return useSyncExternalStore(watch, read);
}

/** How the deployment is doing, each second. */
export function usePulse(): PulseShown | undefined {
  useTopics(['pulse']);
  const { watch, read } = useStream().pulse;
  return useSyncExternalStore(watch, read);
}

export function useStreamState(): StreamState {
  const { watch, read } = useStream().state;
  return useSyncExternalStore(watch, read);
}

/** When something came last, in ms. */
export function useAsOf(): number | undefined {
  const { watch, read } = useStream().asOf;
  return useSyncExternalStore(watch, read);
}

/** Calls `onChanges` with who enters and leaves a segment from now on, once per frame at most. */
export function useChanges(
  slug: string,
  onChanges: (changes: readonly ChangeShown[]) => void,
): void {
  const stream = useStream();
  const latest = useRef(onChanges);
  latest.current = onChanges;
  useTopics([`segment:${slug}`]);
  useEffect(
    () =>
      stream.follow((changes) => {
        const own = changes.filter(({ segment }) => segment === slug);
        if (own.length > 0) latest.current(own);
      }),
    [stream, slug],
  );
}
