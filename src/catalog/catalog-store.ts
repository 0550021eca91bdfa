/**
 * catalog-store.ts – The stored catalog: founding a deployment, following what others write, writing versions.
 *
 * Keeps true: a version is written only on top of the version that it was made for; what is fixed when a deployment is founded
 * (partitions, time zone) is never changed; a replica that missed a version loads everything anew.
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { assert, Problem } from '../errors.ts';
import { Keys } from '../redis/keys.ts';
import { pairs } from '../redis/pairs.ts';
import { runScript } from '../redis/scripts.ts';
import type { StreamEntry, StreamTail } from '../redis/stream-tail.ts';
import { Catalog, type CatalogChange, type CatalogContent, type CatalogWrite } from './catalog.ts';

/** What was fixed when the deployment was first started. */
export interface Founding {
  /** Every partition carries it: one that has lost it must not start from zero. */
  readonly install: string;
  readonly partitions: number;
  readonly timeZone: string;
}

/** The stored deployment is not the one that the configuration speaks of: a fault of the world, told to who started us. */
export class FoundingError extends Error {}

/** Grows when an operator's meaning changes in a release: stored truth of an older one must be built anew. */
const SEMANTICS_VERSION = 1;
/** Versions that a process may fall behind and still catch up one by one. */
const LOG_ENTRIES_KEPT = 1000;
const WRITE_ATTEMPTS_MAX = 50;
const CATCH_UP_RETRY_MS = 200;
/** The index of the secrets among the keys of the script that writes a version. */
const SECRETS = 8;

/** What an activation signs with: beside the catalog, and in no entry of it. */
export interface ActivationSecret {
  readonly activation: string;
  readonly secret: string;
}

/**
 * Founds the deployment if there is none, else checks that it is the one that the configuration speaks of.
 * @throws FoundingError that says what was fixed otherwise.
 */
export async function foundDeployment(
  redis: Redis,
  prefix: string,
  wanted: { readonly partitions: number; readonly timeZone: string },
): Promise<Founding> {
  const { catalog, partitions } = new Keys(prefix, wanted.partitions);
  const given = [randomUUID(), wanted.partitions, wanted.timeZone, SEMANTICS_VERSION, Date.now()];
  const meta = pairs(await runScript<string[]>(redis, 'foundDeployment', [catalog.meta], given));
  const founding = {
    install: meta.get('install') ?? '',
    partitions: Number(meta.get('partitions')),
    timeZone: meta.get('time_zone') ?? '',
  };
  refuseOther('ROLLCALL_PARTITIONS', founding.partitions, wanted.partitions);
  refuseOther('ROLLCALL_TIME_ZONE', founding.timeZone, wanted.timeZone);
  refuseOther('the semantics version of this release', Number(meta.get('semantics')), SEMANTICS_VERSION);
  if (meta.has('founded')) return founding;
  for (const keys of partitions) {
    const answer = await runScript<string>(redis, 'foundPartition', [keys.meta], [founding.install]);
    if (answer === 'foreign')
      throw new FoundingError(`${keys.meta} belongs to another deployment; choose another ROLLCALL_PREFIX`);
  }
  await redis.hset(catalog.meta, 'founded', '1');
  return founding;
}

function refuseOther(name: string, stored: string | number, wanted: string | number): void {
  if (stored === wanted) return;
  throw new FoundingError(
    `this deployment was founded with ${name} = ${stored}, which can't be changed; the configuration says ${wanted}`,
  );
}

export class CatalogStore {
  readonly catalog = new Catalog();
  readonly #redis: Redis;
  readonly #keys: Keys;
  /** Writes of this process go one after the other: they would only refuse each other. */
  #writing: Promise<unknown> = Promise.resolve();

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** Loads the catalog and follows what other processes write. */
  async follow(tail: StreamTail): Promise<void> {
    const { log } = this.#keys.catalog;
    const [last] = await this.#redis.xrevrange(log, '+', '-', 'COUNT', 1);
    await this.refresh();
    tail.follow(log, last?.[0] ?? '0-0', (entries) => this.#onVersions(entries));
  }

  /** Catches up with what is stored, if it is newer. */
  async refresh(): Promise<Catalog> {
    const stored = Number((await this.#redis.hget(this.#keys.catalog.meta, 'version')) ?? 0);
    if (stored <= this.catalog.version && stored > 0) return this.catalog;
    const content = await this.#read();
    if (content.version > this.catalog.version) this.catalog.load(content);
    return this.catalog;
  }

  /**
   * Writes one version. `change` makes it of the catalog as it stands, without awaiting, and is
   * called again if somebody else was faster; it throws a Problem to refuse, or returns undefined
   * when there is nothing to write. A secret is kept with it.
   * @throws Problem catalog_conflict after WRITE_ATTEMPTS_MAX tries.
   */
  write(change: (catalog: Catalog) => CatalogChange | undefined, secret?: ActivationSecret): Promise<void> {
    const written = this.#writing.then(() => this.#write(change, secret));
    this.#writing = written.catch(() => {});
    return written;
  }

  async #write(change: (catalog: Catalog) => CatalogChange | undefined, secret?: ActivationSecret): Promise<void> {
    for (let attempt = 0; attempt < WRITE_ATTEMPTS_MAX; attempt++) {
      const { version } = this.catalog;
      const made = change(this.catalog);
      if (!made || made.writes.length === 0) return;
      const [answer, number] = await this.#send(version, made, secret);
      if (answer === 'ok') {
        if (this.catalog.version === version) this.catalog.apply(Number(number), made);
        return;
      }
      await this.refresh();
    }
    throw new Problem('catalog_conflict', `the catalog was changed by others ${WRITE_ATTEMPTS_MAX} times in between`);
  }

  #send(
    version: number,
    { nextOrdinal, writes }: CatalogChange,
    secret: ActivationSecret | undefined,
  ): Promise<[answer: string, version: string]> {
    const { meta, objectTypes, segments, ordinals, views, activations, log } = this.#keys.catalog;
    const { webhookSecrets, goneActivations } = this.#keys.catalog;
    const hashes = { 'object-types': 2, segments: 3, ordinals: 4, views: 6, activations: 7 } as const;
    const fields: (string | number)[] = writes.flatMap(([hash, field, value]) =>
      value ? [hashes[hash], field, 'set', JSON.stringify(value)] : [hashes[hash], field, 'delete', ''],
    );
    if (secret) fields.push(SECRETS, secret.activation, 'set', secret.secret);
    const message = JSON.stringify({ nextOrdinal, writes });
    const keys = [meta, objectTypes, segments, ordinals, log, views, activations, webhookSecrets, goneActivations];
    return runScript(this.#redis, 'writeCatalog', keys, [version, nextOrdinal, message, LOG_ENTRIES_KEPT, ...fields]);
  }

  #onVersions(entries: readonly StreamEntry[]): void {
    for (const [, fields] of entries) {
      const members = pairs(fields);
      const version = Number(members.get('version'));
      if (version <= this.catalog.version) continue;
      if (version > this.catalog.version + 1) {
        void this.#catchUp();
        return;
      }
      this.catalog.apply(version, JSON.parse(members.get('change')!) as CatalogChange);
    }
  }

  /** After a missed version no later one may ever come to notice it by: tried until Redis answers, or is left for good. */
  async #catchUp(): Promise<void> {
    while (this.#redis.status !== 'end') {
      try {
        await this.refresh();
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, CATCH_UP_RETRY_MS).unref());
      }
    }
  }

  async #read(): Promise<CatalogContent> {
    const { meta, objectTypes, segments, ordinals, views, activations } = this.#keys.catalog;
    const replies = await this.#redis
      .multi()
      .hgetall(meta)
      .hgetall(objectTypes)
      .hgetall(segments)
      .hgetall(ordinals)
      .hgetall(views)
      .hgetall(activations)
      .exec();
    assert(replies, 'a MULTI without WATCH is carried out');
    const [stored, ...hashes] = replies.map(([error, reply]) => {
      if (error) throw error;
      return reply as Record<string, string>;
    });
    const names = ['object-types', 'segments', 'ordinals', 'views', 'activations'] as const;
    const writes = names.flatMap((hash, at) =>
      Object.entries(hashes[at]!).map(([field, value]) => [hash, field, JSON.parse(value)] as unknown as CatalogWrite),
    );
    return { version: Number(stored!['version'] ?? 0), nextOrdinal: Number(stored!['next_ordinal'] ?? 1), writes };
  }
}
