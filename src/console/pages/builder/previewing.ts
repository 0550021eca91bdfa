/**
 * previewing.ts – How many a draft holds of, counted while it is edited.
 *
 * Keeps true: a count starts 250 ms after the last key. The one before it is cancelled, on the
 * server too. The last number stays until there is another, and is marked as old.
 */
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { askStream } from '../../server/ask.ts';

const TYPED_MS = 250;
/** Who waits for longer is offered to count when asked alone. */
const LONG_MS = 2000;
const SAMPLE = 8;

export interface PreviewShown {
  readonly status: string;
  readonly count: number | null;
  readonly of: number | null;
  readonly sample: readonly SampleShown[];
  readonly added?: ComparedShown;
  readonly removed?: ComparedShown;
  readonly breakdown?: readonly { readonly path: string; readonly count: number | null }[];
  readonly as_of_time: string;
}

export interface SampleShown {
  readonly id: string;
  readonly title: string;
}

interface ComparedShown {
  readonly count: number | null;
  readonly sample: readonly SampleShown[];
}

export interface PreviewQuestion {
  readonly object_type: string;
  readonly query: unknown;
  readonly compare_to?: string | undefined;
}

export interface DraftPreview<T> {
  /** The newest answer; of an earlier draft while `isOld`. */
  readonly shown?: PreviewShown | undefined;
  /** What it was counted of. */
  readonly subject?: T | undefined;
  readonly tookMs?: number | undefined;
  readonly isOld: boolean;
  readonly isCounting: boolean;
  /** It takes long: the share that was looked at, from 0 to 1. */
  readonly progress?: number | undefined;
  readonly error?: unknown;
  /** Whether a count has taken so long that one may want to ask for it. */
  readonly isSlow: boolean;
  readonly countNow: () => void;
}

interface PreviewState<T> {
  readonly of?: string;
  readonly subject?: T;
  readonly shown?: PreviewShown;
  readonly tookMs?: number;
  readonly progress?: number | undefined;
  readonly error?: unknown;
  readonly counting?: string | undefined;
  readonly isSlow: boolean;
}

/**
 * Counts a question whenever it changes.
 * @param question undefined: it can't be asked now
 * @param subject what is asked about, given back with the answer
 * @param isAsked it is counted only when asked for
 */
export function usePreview<T>(
  question: PreviewQuestion | undefined,
  subject: T,
  isAsked: boolean,
): DraftPreview<T> {
  const [state, setState] = useState<PreviewState<T>>({ isSlow: false });
  const text = question && JSON.stringify(question);
  const cancel = useRef<() => void>(() => {});
  const latest = useRef(subject);
  latest.current = subject;
  const count = useCallback((asked: string) => {
    const about = latest.current;
    cancel.current();
    const gone = new AbortController();
    cancel.current = () => gone.abort();
    const startMs = performance.now();
    const tell = (told: Partial<PreviewState<T>>) => {
      if (!gone.signal.aborted) setState((before) => ({ ...before, ...told }));
    };
    const slow = setTimeout(() => tell({ isSlow: true, progress: 0 }), LONG_MS);
    tell({ counting: asked, error: undefined, progress: undefined });
    gone.signal.addEventListener('abort', () => clearTimeout(slow));
    askPreview(asked, gone.signal, (progress) => {
      if (performance.now() - startMs >= LONG_MS) tell({ progress });
    })
      .then((shown) => {
        const tookMs = performance.now() - startMs;
        tell({
          of: asked,
          subject: about,
          shown,
          tookMs,
          counting: undefined,
          progress: undefined,
        });
      })
      .catch((error: unknown) => tell({ error, counting: undefined, progress: undefined }))
      .finally(() => clearTimeout(slow));
  }, []);
  useEffect(() => {
    cancel.current();
    setState((before) => ({ ...before, counting: undefined, progress: undefined }));
    if (text === undefined || isAsked) return;
    const timer = setTimeout(() => count(text), TYPED_MS);
    return () => clearTimeout(timer);
  }, [text, isAsked, count]);
  useEffect(() => () => cancel.current(), []);
  const countNow = useCallback(() => {
    if (text !== undefined) count(text);
  }, [text, count]);
  return useMemo(() => {
    const { of, counting, ...told } = state;
    return { ...told, isOld: of !== text, isCounting: counting !== undefined, countNow };
  }, [state, text, countNow]);
}

async function askPreview(
  asked: string,
  signal: AbortSignal,
  onProgress: (share: number) => void,
): Promise<PreviewShown> {
  const body = { ...JSON.parse(asked), sample: SAMPLE, breakdown: true };
  const events = askStream('/v1/segments/preview', { method: 'POST', body, signal });
  for await (const { event, data } of events) {
    if (event === 'result') return data as PreviewShown;
    const { done = 0, of = 0 } = data as { done?: number; of?: number };
    if (event === 'progress' && of > 0) onProgress(done / of);
  }
  throw new Error('The count ended without a number. Count again.');
}
