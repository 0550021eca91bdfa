/**
 * ask.ts – Asks the API: JSON both ways, refusals as typed errors, tags, and writes that are
 * carried out once however often they are sent.
 *
 * Keeps true: the session is a cookie that no script reads; no secret is in a URL or in storage. A
 * write carries an Idempotency-Key. Where no answer comes, or a 503, it is sent again under that
 * key, and the page says meanwhile that nobody knows yet whether it was saved.
 */
import { EventReader, type StreamEvent } from '../stream/event-reader.ts';
import { newId } from './new-id.ts';
import { refusalIn, refusalOf, ServerRefusal, unreachable } from './refusal.ts';
import { sessionHasEnded, writesInDoubt } from './signals.ts';

export interface ApiQuestion {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly body?: unknown;
  /** A file, sent as it is, in place of a body. */
  readonly upload?: { readonly content: Blob; readonly type: string };
  /** The tag that it must still have: else 412. */
  readonly ifMatch?: string | undefined;
  /** Create only: 412 if there is one. */
  readonly mustBeNew?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** A POST that only reads: it needs no Idempotency-Key, and is not sent again here. */
  readonly reads?: boolean;
}

export interface TaggedAnswer<T> {
  readonly value: T;
  /** For `ifMatch` of the next write. */
  readonly tag: string | undefined;
}

/** Tries of a write, the first included; the waits between them add up to half a minute. */
const TRIES_MAX = 8;
const WAIT_MS = 500;
const WAIT_MAX_MS = 8000;

/** The value that is answered. @throws ServerRefusal */
export async function ask<T>(path: string, question: ApiQuestion = {}): Promise<T> {
  return (await askTagged<T>(path, question)).value;
}

/** As `ask`, with the tag of what is answered. @throws ServerRefusal */
export async function askTagged<T>(
  path: string,
  question: ApiQuestion = {},
): Promise<TaggedAnswer<T>> {
  const { method = 'GET', reads = method === 'GET' } = question;
  const headers = headersOf(question, reads);
  const send = () => sendOnce(path, question, headers);
  const answer = reads ? await send() : await sendUntilKnown(send, question.signal);
  if (answer.status === 401) sessionHasEnded.set(true);
  if (!answer.ok) throw await refusalOf(answer);
  const value = answer.status === 204 ? undefined : await answer.json();
  return { value: value as T, tag: answer.headers.get('etag') ?? undefined };
}

/**
 * The events of an answer that tells its progress. What the server refuses on the way is thrown as
 * any other refusal. @throws ServerRefusal
 */
export async function* askStream(path: string, question: ApiQuestion): AsyncGenerator<StreamEvent> {
  const headers = headersOf(question, true);
  headers.set('accept', 'text/event-stream');
  const answer = await sendOnce(path, question, headers);
  if (answer.status === 401) sessionHasEnded.set(true);
  if (!answer.ok) throw await refusalOf(answer);
  if (!answer.body) return;
  const reader = new EventReader();
  const bytes = answer.body.getReader();
  try {
    for (;;) {
      const { done, value } = await bytes.read();
      if (done) return;
      for (const event of reader.read(value)) {
        if (event.event === 'problem') throw refusalIn(event.data);
        yield event;
      }
    }
  } finally {
    // Who has enough leaves: the server need not go on.
    await bytes.cancel().catch(() => {});
  }
}

function headersOf({ body, upload, ifMatch, mustBeNew }: ApiQuestion, reads: boolean): Headers {
  const headers = new Headers({ accept: 'application/json' });
  if (body !== undefined) headers.set('content-type', 'application/json');
  if (upload) headers.set('content-type', upload.type);
  if (ifMatch !== undefined) headers.set('if-match', ifMatch);
  if (mustBeNew) headers.set('if-none-match', '*');
  if (!reads) headers.set('idempotency-key', newId());
  return headers;
}

/** @throws ServerRefusal unreachable; what the signal throws */
async function sendOnce(
  path: string,
  { method = 'GET', body, upload, signal }: ApiQuestion,
  headers: Headers,
): Promise<Response> {
  try {
    return await fetch(path, {
      method,
      headers,
      credentials: 'same-origin',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(upload ? { body: upload.content } : {}),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable();
  }
}

/** Sends a write until its outcome is known, or the tries are used up. */
async function sendUntilKnown(
  send: () => Promise<Response>,
  signal: AbortSignal | undefined,
): Promise<Response> {
  let isInDoubt = false;
  try {
    for (let tried = 1; ; tried++) {
      const outcome = await send().catch((error: unknown) => error);
      const isKnown = outcome instanceof Response ? outcome.status !== 503 : !isLost(outcome);
      if (isKnown || tried === TRIES_MAX || signal?.aborted) {
        if (outcome instanceof Response) return outcome;
        throw outcome;
      }
      if (!isInDoubt) writesInDoubt.set(writesInDoubt.read() + 1);
      isInDoubt = true;
      await pause(Math.min(WAIT_MAX_MS, WAIT_MS * 2 ** (tried - 1)));
    }
  } finally {
    if (isInDoubt) writesInDoubt.set(writesInDoubt.read() - 1);
  }
}

function isLost(error: unknown): boolean {
  return error instanceof ServerRefusal && error.code === 'unreachable';
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

interface Paged<T> {
  readonly data: readonly T[];
  readonly next_cursor: string | null;
}

/** A page of the API is 1,000 entries at most; a catalog is read in so many. */
const PAGES_MAX = 50;

/**
 * All entries of a list that is paged. `path` has its other parameters already.
 * @throws ServerRefusal
 */
export async function askAll<T>(path: string, signal?: AbortSignal): Promise<T[]> {
  const all: T[] = [];
  let cursor: string | null = '';
  for (let page = 0; cursor !== null && page < PAGES_MAX; page++) {
    const url = new URL(path, location.origin);
    url.searchParams.set('limit', '1000');
    if (cursor !== '') url.searchParams.set('cursor', cursor);
    const answer: Paged<T> = await ask(`${url.pathname}${url.search}`, { signal });
    all.push(...answer.data);
    cursor = answer.next_cursor;
  }
  return all;
}
