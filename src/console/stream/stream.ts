/**
 * stream.ts – What moves, for the pages of all tabs of a browser, over one connection.
 *
 * Keeps true: of the tabs that are seen one leads: it holds a lock, opens the stream and shares
 * what comes with the others. A tab that is hidden asks for nothing and does not lead. What was
 * told last is told again to whoever comes later. Pages learn of it once per frame at most.
 */
import type { ChangeShown, CountShown } from '../server/answers.ts';
import { newId } from '../server/new-id.ts';
import { Watched } from '../server/signals.ts';
import { Carrier, type Connection } from './carrier.ts';
import type { StreamEvent } from './event-reader.ts';
import { type Topic, WantedTopics } from './wanted-topics.ts';

/** `live`: what is shown is of now. `stale`: nothing has come for more than five seconds. */
export type StreamState = 'connecting' | 'live' | 'stale';

export interface PulseShown {
  readonly at: string;
  readonly changes_per_s: number | null;
  readonly flips_per_s: number | null;
  readonly lag: readonly number[];
  readonly due: readonly number[];
  readonly dead_letters: number;
}

type TabMessage =
  | { readonly kind: 'wanted'; readonly tab: string; readonly topics: readonly Topic[] }
  | { readonly kind: 'who' }
  | { readonly kind: 'events'; readonly events: readonly StreamEvent[] }
  | { readonly kind: 'connection'; readonly connection: Connection; readonly isStale: boolean };

const NAME = 'rollcall-stream';
const STALE_MS = 5000;
/** Changes that a frame can show; a page that fell behind reads them anew. */
const CHANGES_MAX = 2000;

export class Stream {
  readonly state = new Watched<StreamState>('connecting');
  readonly pulse = new Watched<PulseShown | undefined>(undefined);
  /** When the last of it came: "As of 10:42:07". */
  readonly asOf = new Watched<number | undefined>(undefined);
  readonly #tab = newId();
  readonly #channel = new BroadcastChannel(NAME);
  readonly #own = new Map<Topic, number>();
  readonly #counts = new Map<string, Watched<CountShown | undefined>>();
  readonly #followers = new Set<(changes: readonly ChangeShown[]) => void>();
  readonly #wanted = new WantedTopics();
  readonly #carrier: Carrier;
  #leads = false;
  #endLead: (() => void) | undefined;
  #queued: StreamEvent[] = [];
  #staleTimer: ReturnType<typeof setTimeout> | undefined;
  #redisIsSilent = false;

  constructor() {
    this.#carrier = new Carrier({
      onEvents: (events) => {
        this.#post({ kind: 'events', events });
        this.#take(events);
      },
      onConnection: (connection) => {
        this.#post({ kind: 'connection', connection, isStale: this.#redisIsSilent });
        this.#connected(connection);
      },
    });
    this.#channel.onmessage = ({ data }) => this.#hear(data as TabMessage);
    document.addEventListener('visibilitychange', () => this.#seen());
    addEventListener('pagehide', () => this.#stop());
    addEventListener('pageshow', ({ persisted }) => persisted && this.#seen());
    this.#seen();
  }

  /** Asks for topics until the function that is returned is called. */
  want(topics: readonly Topic[]): () => void {
    for (const topic of topics) this.#own.set(topic, (this.#own.get(topic) ?? 0) + 1);
    this.#tell();
    return () => {
      for (const topic of topics) {
        const left = this.#own.get(topic)! - 1;
        if (left === 0) this.#own.delete(topic);
        else this.#own.set(topic, left);
      }
      this.#tell();
    };
  }

  /** The last count of a segment that came; undefined before the first. */
  countOf(slug: string): Watched<CountShown | undefined> {
    let watched = this.#counts.get(slug);
    if (!watched)
      this.#counts.set(slug, (watched = new Watched<CountShown | undefined>(undefined)));
    return watched;
  }

  /** Is told who enters and leaves the segments that somebody follows here. */
  follow(listener: (changes: readonly ChangeShown[]) => void): () => void {
    this.#followers.add(listener);
    return () => this.#followers.delete(listener);
  }

  #seen(): void {
    if (document.visibilityState === 'hidden') return void this.#stop();
    void this.#lead();
    this.#tell();
  }

  /** What comes meanwhile is not asked for: the next one to be seen leads. */
  #stop(): void {
    this.#post({ kind: 'wanted', tab: this.#tab, topics: [] });
    this.#wanted.set(this.#tab, []);
    this.#endLead?.();
  }

  /** Waits for its turn, and leads until it is hidden. */
  async #lead(): Promise<void> {
    if (this.#endLead) return;
    const giveUp = new AbortController();
    const ended = new Promise<void>((resolve) => {
      this.#endLead = () => {
        this.#endLead = undefined;
        giveUp.abort();
        resolve();
      };
    });
    const holdIt = async () => {
      this.#leads = true;
      this.#wanted.clear();
      this.#post({ kind: 'who' });
      this.#tell();
      await ended;
      this.#leads = false;
      this.#carrier.close();
    };
    // Only pages of a secure context have locks; on another each tab has a stream of its own.
    if (!navigator.locks) return holdIt();
    await navigator.locks.request(NAME, { signal: giveUp.signal }, holdIt).catch(() => {});
  }

  /** Says what this tab wants, now that it may be something else. */
  #tell(): void {
    if (document.visibilityState === 'hidden') return;
    const topics = [...this.#own.keys()].sort();
    if (this.#leads) this.#want(this.#tab, topics);
    else this.#post({ kind: 'wanted', tab: this.#tab, topics });
  }

  #want(tab: string, topics: readonly Topic[]): void {
    if (this.#wanted.set(tab, topics)) this.#carrier.carry(this.#wanted.carried);
  }

  #post(message: TabMessage): void {
    this.#channel.postMessage(message);
  }

  #hear(message: TabMessage): void {
    switch (message.kind) {
      case 'wanted':
        if (!this.#leads) return;
        this.#want(message.tab, message.topics);
        return void this.#post({ kind: 'events', events: this.#known(message.topics) });
      case 'who':
        return void this.#tell();
      case 'events':
        return void this.#take(message.events);
      case 'connection':
        this.#redisIsSilent = message.isStale;
        return void this.#connected(message.connection);
    }
  }

  /** What was told last of these topics: who asks later is told no earlier. */
  #known(topics: readonly Topic[]): StreamEvent[] {
    const counts = topics.flatMap((topic) => {
      const count = this.#counts.get(topic.replace(/^counts:/, ''))?.read();
      return topic.startsWith('counts:') && count ? [count] : [];
    });
    return counts.length === 0 ? [] : [{ event: 'counts', data: { counts } }];
  }

  #connected(connection: Connection): void {
    if (connection === 'open' && !this.#redisIsSilent) return void this.#live();
    if (connection === 'broken') this.#staleSoon();
  }

  #live(): void {
    clearTimeout(this.#staleTimer);
    this.#staleTimer = undefined;
    this.state.set('live');
  }

  #staleSoon(): void {
    this.#staleTimer ??= setTimeout(() => this.state.set('stale'), STALE_MS);
  }

  #take(events: readonly StreamEvent[]): void {
    if (events.length === 0) return;
    if (this.#queued.length === 0) requestAnimationFrame(() => this.#show());
    this.#queued.push(...events);
  }

  #show(): void {
    const events = this.#queued;
    this.#queued = [];
    const changes: ChangeShown[] = [];
    for (const { event, data } of events) {
      if (event === 'counts')
        for (const count of (data as { counts: CountShown[] }).counts)
          this.countOf(count.slug).set(count);
      if (event === 'pulse') this.pulse.set(data as PulseShown);
      if (event === 'changes') changes.push(...(data as ChangeShown[]));
      if (event === 'stale') this.#redisIsSilent = true;
      if (event === 'fresh') this.#redisIsSilent = false;
    }
    if (this.#redisIsSilent) this.state.set('stale');
    else this.#live();
    this.asOf.set(Date.now());
    const shown = changes.slice(-CHANGES_MAX);
    if (shown.length > 0) for (const follower of this.#followers) follower(shown);
  }
}
