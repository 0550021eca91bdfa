/**
 * event-streams.ts – Answers that go on as long as the client wants: Server-Sent Events.
 *
 * Keeps true: something is sent every 15 s, so that a connection which died is noticed. A client
 * that takes nothing costs what is on its way and no more, and is closed after a while. A stream
 * ends when its client goes away, its key is not valid any more, or the server closes; then nothing
 * of it runs on. A key has at most so many at once.
 */
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../errors.ts';
import { isGone } from './held-answers.ts';

export const EVENT_STREAM = 'text/event-stream';

/** A comment: proxies and clients take a connection on which nothing moves for dead. */
const KEEP_ALIVE = ':\n\n';
const KEEP_ALIVE_MS = 15_000;
/** Bytes that are made ahead of a slow reader. */
const BUFFERED_BYTES = 16 * 1024;
/** What a closing server gives those that still take what was sent. */
const LAST_WORDS_MS = 250;
const RETRY_AFTER_S = 5;

export interface EventStreamLimits {
  /** Streams of one key at once. */
  readonly streamsPerKey: number;
  /** A client that takes nothing for so long is closed. */
  readonly streamStalledSeconds: number;
}

/** What is sent, in the format of Server-Sent Events; it ends soon after its signal. */
export type StreamedTexts = (signal: AbortSignal) => AsyncIterable<string>;

interface OpenStream {
  readonly ending: AbortController;
  readonly reply: FastifyReply;
}

export class EventStreams {
  readonly #limits: EventStreamLimits;
  readonly #byHolder = new Map<string, number>();
  readonly #open = new Set<OpenStream>();
  #isClosing = false;

  constructor(limits: EventStreamLimits) {
    this.#limits = limits;
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * Sends texts as they come. A failure before the first one is still answered as a problem; one
   * after it cuts the stream off, and the client may resume.
   * @throws Problem overloaded | shutting_down, and what `texts` throws before its first one
   */
  async send(
    request: FastifyRequest,
    reply: FastifyReply,
    texts: StreamedTexts,
  ): Promise<FastifyReply> {
    if (this.#isClosing) throw new Problem('shutting_down', 'the server is shutting down');
    if (isGone(request)) return reply.hijack();
    const { ending } = this.#admit(request, reply);
    const iterator = texts(ending.signal)[Symbol.asyncIterator]();
    // Also where nobody has begun to read what is sent.
    ending.signal.addEventListener('abort', () => void iterator.return?.().catch(() => {}));
    let first: IteratorResult<string>;
    try {
      first = await iterator.next();
    } catch (error) {
      ending.abort();
      throw error;
    }
    reply
      .type(`${EVENT_STREAM}; charset=utf-8`)
      .header('cache-control', 'no-store')
      // A proxy that gathers answers would hold events back.
      .header('x-accel-buffering', 'no')
      .header('connection', 'close');
    if (request.method === 'HEAD') {
      ending.abort();
      return reply.send('');
    }
    const paced = this.#paced(first, iterator, ending, request);
    return reply.send(Readable.from(paced, { objectMode: false, highWaterMark: BUFFERED_BYTES }));
  }

  /** Ends all, and admits no more. */
  close(): void {
    this.#isClosing = true;
    const open = [...this.#open];
    for (const { ending } of open) ending.abort();
    setTimeout(() => {
      for (const { reply } of open) reply.raw.destroy();
    }, LAST_WORDS_MS).unref();
  }

  /** @throws Problem overloaded */
  #admit({ caller }: FastifyRequest, reply: FastifyReply): OpenStream {
    const holder = caller?.holder ?? '';
    const streams = this.#byHolder.get(holder) ?? 0;
    const { streamsPerKey: most } = this.#limits;
    if (streams >= most) {
      const detail = `${most} streams of this key are open`;
      throw new Problem('overloaded', detail, [], { retry_after_s: RETRY_AFTER_S });
    }
    const stream = { ending: new AbortController(), reply };
    this.#byHolder.set(holder, streams + 1);
    this.#open.add(stream);
    const release = () => {
      const left = this.#byHolder.get(holder)! - 1;
      if (left === 0) this.#byHolder.delete(holder);
      else this.#byHolder.set(holder, left);
      this.#open.delete(stream);
    };
    stream.ending.signal.addEventListener('abort', release, { once: true });
    reply.raw.once('close', () => stream.ending.abort());
    return stream;
  }

  async *#paced(
    first: IteratorResult<string>,
    iterator: AsyncIterator<string>,
    ending: AbortController,
    request: FastifyRequest,
  ): AsyncGenerator<string> {
    const { signal } = ending;
    const stalledMs = this.#limits.streamStalledSeconds * 1000;
    let stalled: NodeJS.Timeout | undefined;
    let next: Promise<IteratorResult<string>> = Promise.resolve(first);
    let checkedMs = performance.now();
    try {
      for (;;) {
        const made = await within(next, KEEP_ALIVE_MS, signal);
        if (signal.aborted || made?.done) return;
        if (performance.now() - checkedMs >= KEEP_ALIVE_MS) {
          if (!(await request.isStillAllowed())) return;
          checkedMs = performance.now();
        }
        stalled = setTimeout(() => request.raw.socket.destroy(), stalledMs);
        yield made ? made.value : KEEP_ALIVE;
        clearTimeout(stalled);
        if (made) next = iterator.next();
      }
    } finally {
      clearTimeout(stalled);
      next.catch(() => {}); // nobody waits for it any more
      ending.abort();
    }
  }
}

/** What comes within `ms`, if the signal does not end the wait. */
function within<T>(next: Promise<T>, ms: number, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const late = () => resolve(undefined);
    const timer = setTimeout(late, ms);
    signal.addEventListener('abort', late);
    const stop = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', late);
    };
    next.then(resolve, reject).finally(stop);
  });
}

/**
 * Prints an event. Without data a client takes note of the id, and tells nobody of it (WHATWG HTML,
 * 9.2.6). Caller: neither id nor name holds a line break.
 */
export function eventText({
  id,
  event,
  data,
}: {
  readonly id?: string;
  readonly event?: string;
  readonly data?: unknown;
}): string {
  const lines = [
    ...(event === undefined ? [] : [`event: ${event}\n`]),
    ...(data === undefined ? [] : [`data: ${JSON.stringify(data)}\n`]),
    ...(id === undefined ? [] : [`id: ${id}\n`]),
  ];
  return `${lines.join('')}\n`;
}
