/**
 * texts.ts – One stream of all that a page shows and that moves.
 *
 * Keeps true: something is sent at most four times a second, whatever happens meanwhile. Of counts
 * only those are sent that differ from what was sent before. Of who enters and leaves nothing is
 * left out: the id of an event is the cursor of the feed, from which another stream goes on. A
 * client that takes slowly costs what one time of sending gathers, and no more.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Deployment } from '../../engine/deployment.ts';
import { Problem } from '../../errors.ts';
import type { FeedLine } from '../../feed/feed-tail.ts';
import type { FollowedPart } from '../../feed/follow.ts';
import { EVENTUAL } from '../../membership/read-options.ts';
import type { SegmentCount } from '../../membership/segment-counts.ts';
import { redisProblem } from '../../redis/failures.ts';
import { eventText } from '../event-streams.ts';
import { formatEvent } from '../feed/format.ts';
import { isoTime } from '../times.ts';
import type { Pulse } from './pulse.ts';
import type { Topics } from './topics.ts';

const TICK_MS = 250;
/** Events of the feed that are sent at once: more wait where they lie. */
const GATHERED_MAX = 512;
/** Without a commit that was heard of, counts are looked at so often. */
const QUIET_MS = 2000;

export interface StreamContext {
  readonly deployment: Deployment;
  readonly pulse: Pulse;
}

/** Goes on until the signal ends it. @throws Problem cursor_invalid | cursor_expired */
export async function* streamTexts(
  topics: Topics,
  { deployment, pulse }: StreamContext,
  from: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  const counts =
    topics.counted.length > 0 ? new ChangedCounts(topics.counted, deployment) : undefined;
  const feed =
    topics.followed.length > 0
      ? new GatheredFeed(topics.followed, deployment, from, signal)
      : undefined;
  let pulseAt = '';
  let isStale = false;
  try {
    await feed?.begin();
    yield ':\n\n';
    while (!signal.aborted) {
      const texts: string[] = [];
      try {
        texts.push((await counts?.text()) ?? '', (await feed?.text()) ?? '');
        const figures = topics.pulse ? await pulse.figures() : undefined;
        if (figures && figures.at !== pulseAt) {
          pulseAt = figures.at;
          texts.push(eventText({ event: 'pulse', data: figures }));
        }
        if (isStale) texts.push(eventText({ event: 'fresh', data: {} }));
        isStale = false;
      } catch (error) {
        const problem = redisProblem(error);
        if (!(problem instanceof Problem) || problem.status !== 503) throw error;
        if (!isStale) texts.push(eventText({ event: 'stale', data: { detail: problem.message } }));
        isStale = true;
      }
      const text = texts.join('');
      if (text !== '') yield text;
      await sleep(TICK_MS, undefined, { signal }).catch(() => {});
    }
  } finally {
    counts?.close();
    feed?.close();
  }
}

/** Counts, each time those that have changed. */
class ChangedCounts {
  readonly #slugs: readonly string[];
  readonly #deployment: Deployment;
  readonly #sent = new Map<string, string>();
  readonly #stopListening: () => void;
  #hasCommitted = true;
  #lookedMs = 0;

  constructor(slugs: readonly string[], deployment: Deployment) {
    this.#slugs = slugs;
    this.#deployment = deployment;
    this.#stopListening = deployment.news.listen(() => {
      this.#hasCommitted = true;
    });
  }

  close(): void {
    this.#stopListening();
  }

  async text(): Promise<string> {
    const { news, reads, segmentCounts, store } = this.#deployment;
    for (const partition of reads.partitions) news.follow(partition);
    const nowMs = performance.now();
    if (!this.#hasCommitted && nowMs - this.#lookedMs < QUIET_MS) return '';
    this.#hasCommitted = false;
    this.#lookedMs = nowMs;
    const { segments } = store.catalog;
    const there = this.#slugs.filter((slug) => segments.has(slug));
    const { counts } =
      there.length === 0 ? { counts: [] } : await segmentCounts.read(there, EVENTUAL);
    const gone = this.#slugs.filter((slug) => !segments.has(slug));
    const changed = [...counts, ...gone.map(goneCount)].filter((count) => {
      const text = JSON.stringify(count);
      if (this.#sent.get(count.slug) === text) return false;
      this.#sent.set(count.slug, text);
      return true;
    });
    if (changed.length === 0) return '';
    const data = { as_of_time: isoTime(Date.now()), counts: changed };
    return eventText({ event: 'counts', data });
  }
}

/** A segment that is deleted while it is shown. */
function goneCount(slug: string): Omit<SegmentCount, 'status'> & { readonly status: 'gone' } {
  return { slug, count: null, status: 'gone', revision: null };
}

/** Who enters and leaves, gathered from one time of sending to the next. */
class GatheredFeed {
  readonly #parts: AsyncGenerator<FollowedPart, void>;
  #next: Promise<void> | undefined;
  #arrived: IteratorResult<FollowedPart, void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(
    slugs: readonly string[],
    { feed }: Deployment,
    from: string | undefined,
    signal: AbortSignal,
  ) {
    this.#parts = feed.follow(from ?? 'now', { segments: new Set(slugs) }, signal);
  }

  /** Resolves once the feed is followed. @throws Problem cursor_invalid | cursor_expired */
  async begin(): Promise<void> {
    await this.#ask();
    if (this.#failure) throw this.#failure.error;
  }

  close(): void {
    void this.#parts.return().catch(() => {});
  }

  async text(): Promise<string> {
    const lines: FeedLine[] = [];
    let cursor: string | undefined;
    while (lines.length < GATHERED_MAX) {
      void this.#ask();
      // What is there already arrives before this.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#failure) throw this.#failure.error;
      const arrived = this.#arrived;
      if (!arrived || arrived.done) break;
      this.#arrived = undefined;
      lines.push(...arrived.value.lines);
      cursor = arrived.value.cursor;
    }
    if (cursor === undefined) return '';
    if (lines.length === 0) return eventText({ id: cursor });
    const data = lines.map(({ told, cursor: at }) => formatEvent(told, at));
    return eventText({ event: 'changes', data, id: cursor });
  }

  #ask(): Promise<void> {
    if (this.#arrived || this.#failure) return Promise.resolve();
    this.#next ??= this.#parts
      .next()
      .then(
        (result) => {
          this.#arrived = result;
        },
        (error: unknown) => {
          this.#failure = { error };
        },
      )
      .finally(() => {
        this.#next = undefined;
      });
    return this.#next;
  }
}
