/**
 * past-audits.ts – What was told, as audits look at it.
 *
 * Keeps true: what engine/past-audits.ts promises. Feeds are read in pages of bounded length; an
 * entry that is trimmed meanwhile is not missing.
 */
import type { Redis } from 'ioredis';
import { compareEntries, STREAM_START } from '../change/entry-order.ts';
import type {
  FollowedSegment,
  PastAudits,
  SegmentSizes,
  StoredText,
} from '../engine/past-audits.ts';
import type { Mend } from '../membership/audit-store.ts';
import type { Keys } from './keys.ts';
import { mendOf } from './mends.ts';
import { META_FIELDS } from './partition-meta.ts';
import { FEED_FIELD, readFeedAt } from './rows/feed-entry.ts';
import { readFollowed } from './rows/followed.ts';
import { readable } from './rows/readable.ts';
import { scanHash } from './scan.ts';
import { runScript } from './scripts.ts';
import { carriedOut } from './transaction.ts';

const PAGE_ENTRIES = 500;
const { number, feed: feedEnd, feedTrimmed } = META_FIELDS;

export class RedisPastAudits implements PastAudits {
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async lostEntry(partition: number): Promise<string | undefined> {
    const { feed, meta } = this.#keys.partitions[partition]!;
    let lost: string | undefined;
    let told: string | undefined;
    for (;;) {
      const read = this.#redis
        .multi()
        .hmget(meta, feedEnd.name, feedTrimmed.name)
        .xrange(feed, told === undefined ? '-' : `(${told}`, '+', 'COUNT', PAGE_ENTRIES);
      const [[last, trimmed], page] = (await carriedOut(read)) as [
        [string | null, string | null],
        [string, string[]][],
      ];
      told ??= trimmed ?? STREAM_START;
      for (const [id, fields] of page) {
        const { after } = readFeedAt(id, fields[fields.indexOf(FEED_FIELD) + 1] ?? '');
        if (after !== told && !(trimmed && isUpTo(after, trimmed))) lost = after;
        told = id;
      }
      if (page.length === PAGE_ENTRIES) continue;
      return last && !isUpTo(last, told) ? last : lost;
    }
  }

  cutMend(partition: number, lost: string): Mend {
    const [ms, sequence] = lost.split('-') as [string, string];
    const next = `${ms}-${Number(sequence) + 1}`;
    const keys = this.#keys.partitions[partition]!;
    return {
      carryOut: async () => {
        const answer = await runScript(this.#redis, 'cutFeed', keys, { lost, next });
        return answer === 'cut' ? 'mended' : 'moved';
      },
    };
  }

  async sizes(partition: number, segments: readonly FollowedSegment[]): Promise<SegmentSizes> {
    const own = this.#keys.partitions[partition]!;
    const feedIds = segments.map(({ feedId }) => String(feedId));
    const read = this.#redis.multi().hget(own.meta, number.name);
    if (segments.length > 0) read.hmget(own.followed, ...feedIds);
    for (const { predicateId } of segments) read.scard(own.segment(predicateId));
    const [stored, goesBy = [], ...sizes] = (await carriedOut(read)) as [
      string | null,
      (string | null)[]?,
      ...number[],
    ];
    const isFollowed = ({ predicateId }: FollowedSegment, at: number) => {
      const known = readFollowed([feedIds[at]!, goesBy[at] ?? '']).get(Number(feedIds[at]));
      return known?.predicateId === predicateId && !known.edit;
    };
    return {
      number: Number(stored ?? 0),
      members: segments.map((each, at) => (isFollowed(each, at) ? sizes[at] : undefined)),
    };
  }

  async *revisionTexts(): AsyncGenerator<readonly StoredText[]> {
    const key = this.#keys.catalog.revisions;
    for await (const reply of scanHash(this.#redis, key)) {
      const texts: StoredText[] = [];
      for (let at = 0; at + 1 < reply.length; at += 2) {
        const [name, text] = [reply[at]!, reply[at + 1]!];
        const guards = [{ key, field: name, value: text }];
        const removal = mendOf(this.#redis, { verb: 'HDEL', key, arguments: [name], guards });
        texts.push({ name, text, removal });
      }
      yield texts;
    }
  }

  async feedIds(): Promise<ReadonlyMap<number, { readonly slug: string }>> {
    const stored = await this.#redis.hgetall(this.#keys.catalog.feedIds);
    const none = { slug: '' };
    return new Map(
      Object.entries(stored).map(([feedId, text]) => {
        const read = readable(() => JSON.parse(text) as { slug: string });
        return [Number(feedId), read === 'unreadable' ? none : read];
      }),
    );
  }
}

/** Whether an entry comes at another one or before it. */
function isUpTo(id: string, other: string): boolean {
  return compareEntries(id, other) <= 0;
}
