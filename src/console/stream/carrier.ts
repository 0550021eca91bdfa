/**
 * carrier.ts – The one stream of a browser: opened by the tab that leads, for the topics of all.
 *
 * Keeps true: while topics are wanted there is a connection, or one is tried for. It goes on from
 * the last id, so of who entered and left nothing is left out. A connection on which nothing comes
 * for too long counts as broken. When topics change the old connection ends as the new one begins.
 */
import { refusalOf } from '../server/refusal.ts';
import { sessionHasEnded } from '../server/signals.ts';
import { EventReader, type StreamEvent } from './event-reader.ts';
import { streamPath, type Topic } from './wanted-topics.ts';

export type Connection = 'open' | 'broken' | 'idle';

interface CarrierEnds {
  readonly onEvents: (events: readonly StreamEvent[]) => void;
  readonly onConnection: (connection: Connection) => void;
}

const SETTLE_MS = 150;
const RETRY_MS = 1000;
const RETRY_MAX_MS = 15_000;
/** The pulse comes each second; else a comment comes each 15 s. */
const SILENT_WITH_PULSE_MS = 5000;
const SILENT_MS = 20_000;

export class Carrier {
  readonly #ends: CarrierEnds;
  #topics: readonly Topic[] = [];
  #gone = new Set<Topic>();
  #open: AbortController | undefined;
  #settling: ReturnType<typeof setTimeout> | undefined;
  #retryMs = RETRY_MS;
  #lastId = '';

  constructor(ends: CarrierEnds) {
    this.#ends = ends;
  }

  /** Carries these topics from now on; none: closes. */
  carry(topics: readonly Topic[]): void {
    const kept = topics.filter((topic) => !this.#gone.has(topic));
    if (kept.join('\n') === this.#topics.join('\n')) return;
    this.#topics = kept;
    // A list that scrolls asks for others many times a second.
    this.#reopenIn(SETTLE_MS);
  }

  close(): void {
    this.#topics = [];
    clearTimeout(this.#settling);
    this.#open?.abort();
    this.#open = undefined;
  }

  #reopenIn(ms: number): void {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#reopen(), ms);
  }

  #reopen(): void {
    this.#open?.abort();
    this.#open = undefined;
    if (this.#topics.length === 0) return void this.#ends.onConnection('idle');
    const opened = new AbortController();
    this.#open = opened;
    void this.#run(this.#topics, opened.signal).then((endedWell) => {
      if (this.#open !== opened) return;
      if (!endedWell) this.#retryMs = Math.min(RETRY_MAX_MS, this.#retryMs * 2);
      this.#ends.onConnection('broken');
      this.#reopenIn(this.#retryMs);
    });
  }

  /** @returns whether it was open at all. */
  async #run(topics: readonly Topic[], signal: AbortSignal): Promise<boolean> {
    const hasPulse = topics.includes('pulse');
    const silentMs = hasPulse ? SILENT_WITH_PULSE_MS : SILENT_MS;
    const silence = new AbortController();
    let watch: ReturnType<typeof setTimeout> | undefined;
    const hear = () => {
      clearTimeout(watch);
      watch = setTimeout(() => silence.abort(), silentMs);
    };
    let wasOpen = false;
    try {
      hear();
      const answer = await fetch(streamPath(topics), {
        headers: {
          accept: 'text/event-stream',
          ...(this.#lastId === '' ? {} : { 'last-event-id': this.#lastId }),
        },
        signal: AbortSignal.any([signal, silence.signal]),
      });
      if (!answer.ok) return await this.#refused(answer, topics);
      wasOpen = true;
      this.#retryMs = RETRY_MS;
      this.#ends.onConnection('open');
      const reader = new EventReader();
      for await (const bytes of chunksOf(answer.body!)) {
        hear();
        const events = reader.read(bytes);
        if (reader.lastId !== '') this.#lastId = reader.lastId;
        if (events.length > 0 && !signal.aborted) this.#ends.onEvents(events);
      }
    } catch {
      // Cut off, or silent for too long: it is opened anew.
    } finally {
      clearTimeout(watch);
    }
    return wasOpen;
  }

  async #refused(answer: Response, topics: readonly Topic[]): Promise<false> {
    if (answer.status === 401) sessionHasEnded.set(true);
    const { code, document } = await refusalOf(answer);
    // What lies in between is not kept any more: from now on, then.
    if (code === 'cursor_expired' || code === 'cursor_invalid') this.#lastId = '';
    if (code === 'segment_unknown') {
      const gone = topics.filter((topic) => topic.replace(/^\w+:/, '') === document['slug']);
      for (const topic of gone) this.#gone.add(topic);
      this.#topics = this.#topics.filter((topic) => !this.#gone.has(topic));
      this.#ends.onEvents([{ event: 'counts', data: { counts: gone.map(goneCount) } }]);
    }
    return false;
  }
}

function goneCount(topic: Topic) {
  const slug = topic.replace(/^\w+:/, '');
  return { slug, count: null, status: 'gone', revision: null };
}

/** Not every browser iterates a stream by itself. */
async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    void reader.cancel().catch(() => {});
  }
}
