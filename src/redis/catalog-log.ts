/**
 * catalog-log.ts – The catalog in Redis: a hash per kind of entry, and a stream of the latest
 * versions.
 *
 * Keeps true: write-catalog.lua writes a version as a whole, and only on top of the one it was made
 * for; `read` sees all hashes at one instant.
 */

import { randomBytes, randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { CatalogChange, CatalogContent, CatalogWrite } from '../catalog/catalog.ts';
import type {
  CatalogLog,
  FoundingTerms,
  LoggedVersion,
  StoredFounding,
  VersionAnswer,
  WrittenVersion,
} from '../catalog/catalog-log.ts';
import type { RevisionText } from '../catalog/histories.ts';
import { STREAM_START } from '../change/entry-order.ts';
import { assert } from '../errors.ts';
import { Keys, revisionField } from './keys.ts';
import { pairs } from './pairs.ts';
import { readable } from './rows/readable.ts';
import { runScript } from './scripts.ts';
import type { StreamEntry, StreamTail } from './stream-tail.ts';

/** Versions that a process may fall behind and still catch up one by one. */
const LOG_ENTRIES_KEPT = 1000;
/** Versions that one read brings. */
const READ_MAX = 100;
const SECRET_BYTES = 32;

/** Which key a write goes to. */
const HASHES = {
  'object-types': 'objectTypes',
  segments: 'segments',
  predicateIds: 'predicateIds',
  feedIds: 'feedIds',
  views: 'views',
  activations: 'activations',
  histories: 'histories',
} as const;

export class RedisCatalogLog implements CatalogLog {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #keys: Keys['catalog'];
  readonly #tail: StreamTail;

  constructor(redis: Redis, prefix: string, tail: StreamTail) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#keys = new Keys(prefix, 0).catalog;
    this.#tail = tail;
  }

  async found({ partitions, timeZone, semantics }: FoundingTerms): Promise<StoredFounding> {
    const made = { install: randomUUID(), secret: randomBytes(SECRET_BYTES).toString('hex') };
    const given = { ...made, partitions, timeZone, semantics, nowMs: Date.now() };
    const stored = await runScript(this.#redis, 'foundDeployment', this.#keys, given);
    return {
      install: stored['install'] ?? '',
      secret: stored['secret'] ?? '',
      partitions: Number(stored['partitions']),
      timeZone: stored['time_zone'] ?? '',
      semantics: Number(stored['semantics']),
      isWhole: stored['founded'] !== undefined,
    };
  }

  async foundPartitions(partitions: number, install: string): Promise<string | undefined> {
    for (const keys of new Keys(this.#prefix, partitions).partitions) {
      const answer = await runScript(this.#redis, 'foundPartition', keys, { install });
      if (answer === 'foreign') return `The key ${keys.meta}`;
    }
    await this.#redis.hset(this.#keys.meta, 'founded', '1');
    return undefined;
  }

  async version(): Promise<number> {
    return Number((await this.#redis.hget(this.#keys.meta, 'version')) ?? 0);
  }

  async read(): Promise<CatalogContent> {
    const { meta } = this.#keys;
    const names = Object.keys(HASHES) as (keyof typeof HASHES)[];
    const read = this.#redis.multi().hgetall(meta);
    for (const name of names) read.hgetall(this.#keys[HASHES[name]]);
    const replies = await read.exec();
    assert(replies, 'a MULTI without WATCH is carried out');
    const [stored, ...hashes] = replies.map(([error, reply]) => {
      if (error) throw error;
      return reply as Record<string, string>;
    });
    const writes = names.flatMap((hash, at) =>
      Object.entries(hashes[at]!).map(
        ([field, value]) => [hash, field, JSON.parse(value)] as unknown as CatalogWrite,
      ),
    );
    return {
      version: Number(stored!['version'] ?? 0),
      nextPredicateId: Number(stored!['next_predicate_id'] ?? 1),
      writes,
    };
  }

  async end(): Promise<string> {
    const [last] = await this.#redis.xrevrange(this.#keys.log, '+', '-', 'COUNT', 1);
    return last?.[0] ?? STREAM_START;
  }

  async since(position: string): Promise<LoggedVersion[]> {
    const { log } = this.#keys;
    const entries = await this.#redis.xrange(log, `(${position}`, '+', 'COUNT', READ_MAX);
    return entries.map(readVersion);
  }

  follow(position: string, onVersions: (versions: readonly LoggedVersion[]) => void): void {
    this.#tail.follow(this.#keys.log, position, (entries) => onVersions(entries.map(readVersion)));
  }

  async write(written: WrittenVersion): Promise<VersionAnswer> {
    const { version, change, secret, slugs = [], texts = [] } = written;
    const writes = [
      ...change.writes.flatMap(([hash, field, value]) => fieldOf(HASHES[hash], field, value)),
      ...slugs.flatMap(([slug, predicateId]) => fieldOf('slugs', slug, predicateId)),
      ...texts.flatMap(({ segment, revision, text }) =>
        fieldOf('revisions', revisionField(segment, revision), text),
      ),
      ...(secret ? ['webhookSecrets', secret.activation, 'set', secret.secret] : []),
    ];
    return runScript(
      this.#redis,
      'writeCatalog',
      this.#keys,
      {
        version,
        nextPredicateId: change.nextPredicateId,
        change: JSON.stringify(change),
        entriesMax: LOG_ENTRIES_KEPT,
      },
      { arguments: writes },
    );
  }

  async revisions(
    segment: string,
    numbers: readonly number[],
  ): Promise<(RevisionText | undefined)[]> {
    if (numbers.length === 0) return [];
    const fields = numbers.map((revision) => revisionField(segment, revision));
    const texts = await this.#redis.hmget(this.#keys.revisions, ...fields);
    return texts.map(readText);
  }

  async slugs(): Promise<ReadonlyMap<string, string>> {
    const { slugs } = this.#keys;
    // What is no hash at all would refuse every version that is written.
    if (!['hash', 'none'].includes(await this.#redis.type(slugs))) await this.#redis.unlink(slugs);
    return new Map(Object.entries(await this.#redis.hgetall(slugs)));
  }

  get isClosed(): boolean {
    return this.#redis.status === 'end';
  }
}

/** One that another program has written counts as not kept. */
function readText(text: string | null): RevisionText | undefined {
  const read = readable(() => JSON.parse(text ?? 'null') as RevisionText | null);
  const isText = typeof read === 'object' && typeof read?.title === 'string';
  return isText && Number.isFinite(read.at) ? read : undefined;
}

/** One write, as the script takes it. */
function fieldOf(key: string, field: string, value: unknown): string[] {
  return value === null ? [key, field, 'delete', ''] : [key, field, 'set', JSON.stringify(value)];
}

function readVersion([position, fields]: StreamEntry): LoggedVersion {
  const members = pairs(fields);
  const change = JSON.parse(members.get('change')!) as CatalogChange;
  return { position, version: Number(members.get('version')), change };
}
