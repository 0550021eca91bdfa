/**
 * key-audits.ts – All keys of a deployment by their names, its counts, and its slugs.
 *
 * Keeps true: what membership/audit-store.ts promises of `KeyAudits`. Only keys of this deployment
 * are looked at, even if others share the Redis.
 */
import type { Redis } from 'ioredis';
import type { StoredSegment } from '../catalog/catalog.ts';
import type {
  KeyAudits,
  Mend,
  StoredName,
  StoredSlug,
  WrongKind,
} from '../membership/audit-store.ts';
import { type Keys, keyRows } from './keys.ts';
import { type GuardedWrite, mendOf, removalOf } from './mends.ts';
import { META_FIELDS, partOf } from './partition-meta.ts';
import { isNoTombstone } from './rows/readable.ts';
import { scanHash, scanKeys } from './scan.ts';
import { runScript } from './scripts.ts';
import { carriedOut } from './transaction.ts';

/** By the first part of their names after that of a partition, or of the catalog. */
const HELD = keyRows('p');
const HELD_IN_CATALOG = keyRows('catalog');

/** Of a partition, what nothing else says. */
const NOT_MADE_ANEW: ReadonlySet<string> = new Set(['records', 'meta']);
/** Of the catalog, what is made anew if it is not there. */
const MADE_ANEW: ReadonlySet<string> = new Set([
  'slugs',
  'log',
  'revisions',
  'audits',
  'gone-activations',
  'sorted',
  'sorted-runs',
  'idempotency',
  'idempotency-of',
]);

interface Expected {
  readonly key: string;
  readonly kind: string;
  readonly held: string;
  readonly partition?: number;
}

export class RedisKeyAudits implements KeyAudits {
  readonly #redis: Redis;
  readonly #keys: Keys;
  /** Partitions by what the names of their keys begin with. */
  readonly #partitions: ReadonlyMap<string, number>;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
    this.#partitions = new Map(keys.partitions.map(({ base }, at) => [base, at]));
  }

  async *wrongKinds(): AsyncGenerator<WrongKind> {
    for await (const found of scanKeys(this.#redis, this.#pattern())) {
      const expected = found.flatMap((key) => this.#expected(key) ?? []);
      const types = await Promise.all(expected.map(({ key }) => this.#redis.type(key)));
      for (const [at, one] of expected.entries()) {
        const type = types[at]!;
        if (type !== one.held && type !== 'none') yield this.#wrongKind(one, type);
      }
    }
  }

  async names(): Promise<StoredName[][]> {
    const names = this.#keys.partitions.map(() => new Set<string>());
    for await (const found of scanKeys(this.#redis, this.#pattern())) {
      for (const key of found) {
        const { partition, name } = this.#split(key);
        if (partition !== undefined) names[partition]!.add(name);
      }
    }
    return names.map((some, partition) => [...some].map((name) => this.#nameOf(partition, name)));
  }

  async isThere({ key }: StoredName): Promise<boolean> {
    return (await this.#redis.exists(key)) === 1;
  }

  async hasRecords({ key }: StoredName): Promise<boolean> {
    for await (const reply of scanHash(this.#redis, key))
      for (let at = 1; at < reply.length; at += 2) if (isNoTombstone(reply[at]!)) return true;
    return false;
  }

  async swept(partition: number): Promise<ReadonlySet<number>> {
    const fields = await this.#redis.hkeys(this.#keys.partitions[partition]!.meta);
    return new Set(
      fields.flatMap((field) => partOf(META_FIELDS.edgeSets, field) ?? []).map(Number),
    );
  }

  async counts(partition: number): Promise<ReadonlyMap<string, string>> {
    const { counts } = this.#keys.partitions[partition]!;
    return new Map(Object.entries(await this.#redis.hgetall(counts)));
  }

  count(partition: number, field: string): Promise<string | null> {
    return this.#redis.hget(this.#keys.partitions[partition]!.counts, field);
  }

  countMend(partition: number, field: string, seen: string | null, count: number | null): Mend {
    const { counts: key, counted, meta: renews } = this.#keys.partitions[partition]!;
    const guards = [{ key, field, value: seen }];
    // What the last commits counted leads from the count before to the next one, past this write.
    const more = [{ verb: 'UNLINK', key: counted, arguments: [] }] as const;
    return this.#mend({ ...fieldWrite(key, field, count), more, guards, renews });
  }

  async letterIndexMend(partition: number): Promise<Mend | undefined> {
    const own = this.#keys.partitions[partition]!;
    const run = (isWritten: 0 | 1) => runScript(this.#redis, 'indexLetters', own, { isWritten });
    if ((await run(0)) === 'right') return undefined;
    return { carryOut: async () => ((await run(1)) === 'written' ? 'mended' : 'moved') };
  }

  async slugs(): Promise<StoredSlug[]> {
    const { segments, slugs } = this.#keys.catalog;
    const read = this.#redis.multi().hgetall(segments).hgetall(slugs);
    const [bySlug, leading] = (await carriedOut(read)) as Record<string, string>[];
    const all = new Set([...Object.keys(bySlug!), ...Object.keys(leading!)]);
    return [...all].map((slug) =>
      this.#slugOf(slug, bySlug![slug] ?? null, leading![slug] ?? null),
    );
  }

  #slugOf(slug: string, stored: string | null, leadsTo: string | null): StoredSlug {
    const { segments, slugs } = this.#keys.catalog;
    const guards = [{ key: segments, field: slug, value: stored }];
    return {
      slug,
      segment: stored === null ? null : (JSON.parse(stored) as StoredSegment),
      leadsTo,
      leadTo: (predicateId) => this.#mend({ ...fieldWrite(slugs, slug, predicateId), guards }),
    };
  }

  #pattern(): string {
    return `${this.#keys.prefix.replace(/[\\*?[\]]/g, '\\$&')}:{*}:*`;
  }

  #split(key: string): { readonly partition: number | undefined; readonly name: string } {
    const base = key.slice(0, key.indexOf('}:') + 2);
    return { partition: this.#partitions.get(base), name: key.slice(base.length) };
  }

  /** Undefined: any kind of value may be there. */
  #expected(key: string): Expected | undefined {
    const { partition, name } = this.#split(key);
    const [kind = ''] = name.split(':', 1);
    if (partition !== undefined) {
      const held = HELD.get(kind)?.type;
      return held === undefined ? undefined : { key, kind, held, partition };
    }
    const { base } = this.#keys.catalog;
    const held = key.startsWith(base) ? HELD_IN_CATALOG.get(kind)?.type : undefined;
    return held === undefined || name.endsWith(':bytes') ? undefined : { key, kind, held };
  }

  #wrongKind({ key, kind, held, partition }: Expected, type: string): WrongKind {
    const text = `${key}(a ${type}, not a ${held})`;
    if (partition === undefined) {
      const removal = MADE_ANEW.has(kind) ? removalOf(this.#redis, key) : undefined;
      return { kind, text, removal, isLoose: false };
    }
    if (NOT_MADE_ANEW.has(kind))
      return { partition, kind, text, removal: undefined, isLoose: false };
    const { counts, meta } = this.#keys.partitions[partition]!;
    const removal = removalOf(this.#redis, key, key === counts ? meta : undefined);
    return { partition, kind, text, removal, isLoose: HELD.get(kind)?.isLoose === true };
  }

  #nameOf(partition: number, name: string): StoredName {
    const [kind = '', of = ''] = name.split(':', 2);
    const key = this.#keys.partitions[partition]!.base + name;
    return {
      partition,
      kind,
      of,
      objectType: name.slice(kind.length + 1),
      target: name.slice(kind.length + of.length + 2),
      key,
      removal: removalOf(this.#redis, key),
    };
  }

  #mend(write: GuardedWrite): Mend {
    return mendOf(this.#redis, write);
  }
}

/** Writes a field of a hash, or removes it (null). */
function fieldWrite(
  key: string,
  field: string,
  value: string | number | null,
): Pick<GuardedWrite, 'verb' | 'key' | 'arguments'> {
  return value === null
    ? { verb: 'HDEL', key, arguments: [field] }
    : { verb: 'HSET', key, arguments: [field, String(value)] };
}
