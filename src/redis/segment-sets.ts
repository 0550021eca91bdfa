/**
 * segment-sets.ts – The sets of a segment's members by their names, and how many each holds.
 *
 * Keeps true: of the connection's options only host, port, database and TLS are shown.
 */
import type { Redis } from 'ioredis';
import type { SegmentSet, SegmentSets } from '../cli/segment-sets.ts';
import type { Keys } from './keys.ts';

export class RedisSegmentSets implements SegmentSets {
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  slugCommand(slug: string): string {
    return `HGET ${this.#keys.catalog.slugs} ${slug}`;
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
        const counts = { countsHash: keys.counts, countsField: String(predicateId) };
        return { set, members, ...counts, command: `SMEMBERS ${set}` };
      }),
    );
  }
}
