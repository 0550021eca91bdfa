/**
 * segment-sets.ts – Where a segment's members lie in Redis, for programs that read them there.
 *
 * Keeps true: what is shown of the Redis holds no user and no password.
 */
import type { Redis } from 'ioredis';
import type { Keys } from './keys.ts';

/** The members of one partition: a set of ids, and a field of a hash that counts them. */
export interface SegmentSet {
  readonly set: string;
  readonly members: number;
  readonly countsHash: string;
  readonly countsField: string;
}

export interface SegmentSets {
  /** The hash that says, by slug, which predicate's sets answer for a segment. */
  readonly slugsHash: string;
  /** Host, port and database; `hasPassword`: there is more to it than is shown. */
  readonly address: string;
  readonly hasPassword: boolean;
  /** The sets of a predicate, one for each partition. */
  of(predicateId: number): Promise<SegmentSet[]>;
}

export class RedisSegmentSets implements SegmentSets {
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  get slugsHash(): string {
    return this.#keys.catalog.slugs;
  }

  get address(): string {
    const { host, port, db = 0, tls } = this.#redis.options;
    const name = host?.includes(':') ? `[${host}]` : host;
    return `${tls ? 'rediss' : 'redis'}://${name}:${port}${db === 0 ? '' : `/${db}`}`;
  }

  get hasPassword(): boolean {
    return Boolean(this.#redis.options.password);
  }

  of(predicateId: number): Promise<SegmentSet[]> {
    return Promise.all(
      this.#keys.partitions.map(async (keys) => {
        const set = keys.segment(predicateId);
        const members = await this.#redis.scard(set);
        return { set, members, countsHash: keys.counts, countsField: String(predicateId) };
      }),
    );
  }
}
