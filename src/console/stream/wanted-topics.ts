/**
 * wanted-topics.ts – Which topics the tabs of a browser want, and which of them one stream carries.
 *
 * Keeps true: a topic is in it as long as somebody wants it. A stream has a bound on topics; those
 * that were asked for last are taken.
 */

/** Bounds of the server (api/stream/topics.ts). */
const COUNTED_MAX = 200;
const FOLLOWED_MAX = 20;

/** `counts:SLUG`, `segment:SLUG` or `pulse`. */
export type Topic = string;

/** The topics of the tabs, by tab. A tab that asks for nothing is forgotten. */
export class WantedTopics {
  readonly #byTab = new Map<string, readonly Topic[]>();

  /** @returns whether anything is different now. */
  set(tab: string, topics: readonly Topic[]): boolean {
    const before = this.#byTab.get(tab) ?? [];
    // Its turn is the last again: what is wanted now is on a screen.
    this.#byTab.delete(tab);
    if (topics.length > 0) this.#byTab.set(tab, topics);
    return before.length !== topics.length || before.some((topic, at) => topic !== topics[at]);
  }

  clear(): void {
    this.#byTab.clear();
  }

  /** What one stream carries, sorted. */
  get carried(): Topic[] {
    const lastFirst = [...new Set([...this.#byTab.values()].reverse().flat())];
    const counted = lastFirst.filter((topic) => topic.startsWith('counts:'));
    const followed = lastFirst.filter((topic) => topic.startsWith('segment:'));
    const pulse = lastFirst.filter((topic) => topic === 'pulse');
    return [...counted.slice(0, COUNTED_MAX), ...followed.slice(0, FOLLOWED_MAX), ...pulse].sort();
  }
}

export function streamPath(topics: readonly Topic[]): string {
  const query = topics.map((topic) => `topic=${encodeURIComponent(topic)}`).join('&');
  return `/v1/stream?${query}`;
}
