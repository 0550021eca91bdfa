/**
 * feed-store.ts – Reads the feeds of partitions, by one script.
 *
 * Keeps true: what feed/feed-store.ts promises.
 */
import type { Redis } from 'ioredis';
import { feedEntryId } from '../change/feed-event.ts';

import type { FeedMark, FeedPosition } from '../feed/feed-position.ts';
import type { FeedPart, FeedReadMost, FeedStore, PlacedEntry } from '../feed/feed-store.ts';
import type { PartitionKeys } from './keys.ts';
import { readFeedAt } from './rows/feed-entry.ts';
import { runScript } from './scripts.ts';

export class RedisFeedStore implements FeedStore {
  readonly #redis: Redis;
  readonly #keys: readonly PartitionKeys[];

  constructor(redis: Redis, partitions: readonly PartitionKeys[]) {
    this.#redis = redis;
    this.#keys = partitions;
  }

  get partitions(): number {
    return this.#keys.length;
  }

  async read(
    partition: number,
    after: FeedPosition | undefined,
    most: FeedReadMost,
  ): Promise<FeedPart> {
    const given = {
      from: startOf(after),
      entriesMax: most.entries,
      bytesMax: most.bytes,
    };
    const answer = await runScript(this.#redis, 'readFeed', this.#keys[partition]!, given);
    const { number, clockMs, catalogVersion, trimmed, last, epochs } = answer;
    const entries: PlacedEntry[] = [];
    for (let at = 0; at + 1 < answer.entries.length; at += 2)
      entries.push(placed(answer.entries[at]!, answer.entries[at + 1]!));
    return {
      entries,
      isEnd: answer.isEnd === 1,
      catalogVersion,
      end: { ms: clockMs, number },
      trimmed: readMark(trimmed),
      last: readMark(last),
      epochs: readEpochs(epochs),
    };
  }
}

/** An entry of which some was told is read again. */
function startOf(after: FeedPosition | undefined): string {
  if (!after) return '-';
  const id = feedEntryId(after.ms, after.number);
  return after.taken > 0 ? id : `(${id}`;
}

function placed(id: string, content: string): PlacedEntry {
  const { at, after, control, events } = readFeedAt(id, content);
  const size = content.length;
  return { mark: readMark(id), after: readMark(after), at, control, events, size };
}

function readEpochs(stored: string): FeedPart['epochs'] {
  const epochs = JSON.parse(stored) as [epoch: number, from: string][];
  return epochs.map(([epoch, from]) => ({ epoch, from: readMark(from) }));
}

function readMark(id: string): FeedMark {
  const [ms = 0, number = 0] = id.split('-').map(Number);
  return { ms, number };
}
