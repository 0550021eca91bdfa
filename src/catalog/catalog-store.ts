/**
 * catalog-store.ts – The stored catalog: founding a deployment, following what others write,
 * writing versions.
 *
 * Keeps true: a version is written only on top of the version that it was made for; what is fixed
 * when a deployment is founded (partitions, time zone) is never changed; a replica that missed a
 * version loads everything anew. The stream that tells of versions may come late: whoever must not
 * go by an older catalog than was stored when it began asks (`refresh`, `current`).
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { assert, Problem } from '../errors.ts';
import { DEFAULT_LIMITS, type Limits } from '../limits.ts';
import { Keys } from '../redis/keys.ts';
import { pairs } from '../redis/pairs.ts';
import { runScript } from '../redis/scripts.ts';
import type { StreamEntry, StreamTail } from '../redis/stream-tail.ts';
import {
  Catalog,
  type CatalogChange,
  type CatalogContent,
  type CatalogWrite,
  type StoredSegment,
} from './catalog.ts';
import { Quota } from './quota.ts';

/** What was fixed when the deployment was first started. */
export interface Founding {
  /** Every partition carries it: one that has lost it must not start from zero. */
  readonly install: string;
  readonly partitions: number;
  readonly timeZone: string;
}

/**
 * The stored deployment is not the one that the configuration speaks of: a fault of the world, told
 * to who started us.
 */
export class FoundingError extends Error {}

/**
 * Grows when an operator's meaning, or a value's normal form, changes in a release: what an older
 * one stored must be built anew. 2: a date is a calendar day, no instant; sums are exact to 12
 * decimals, and averages to 6.
 */
const SEMANTICS_VERSION = 2;
/** Versions that a process may fall behind and still catch up one by one. */
const LOG_ENTRIES_KEPT = 1000;
const WRITE_ATTEMPTS_MAX = 50;
const CATCH_UP_RETRY_MS = 200;
/** Versions that are caught up with one by one; behind by more, all is loaded. */
const CAUGHT_UP_MAX = 100;
/** The index of the secrets among the keys of the script that writes a version. */
const SECRETS = 9;

/** What an activation signs with: beside the catalog, and in no entry of it. */
export interface ActivationSecret {
  readonly activation: string;
  readonly secret: string;
}

/**
 * Founds the deployment if there is none, else checks that it is the one that the configuration
 * speaks of.
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
  refuseOther('ROLLCALL_PARTITIONS', founding.partitions, wanted.partitions, prefix);
  refuseOther('ROLLCALL_TIME_ZONE', founding.timeZone, wanted.timeZone, prefix);
  refuseOtherSemantics(Number(meta.get('semantics')), prefix);
  if (meta.has('founded')) return founding;
  for (const keys of partitions) {
    const answer = await runScript<string>(
      redis,
      'foundPartition',
      [keys.meta],
      [founding.install],
    );
    if (answer === 'foreign')
      throw new FoundingError(
        `The key ${keys.meta} belongs to another deployment; choose another ROLLCALL_PREFIX.`,
      );
  }
  await redis.hset(catalog.meta, 'founded', '1');
  return founding;
}

function refuseOther(
  name: string,
  stored: string | number,
  wanted: string | number,
  prefix: string,
): void {
  if (stored === wanted) return;
  throw new FoundingError(
    `The deployment with the prefix '${prefix}' was founded with ${name} = ${stored}, which can't be changed; the configuration ` +
      `says ${wanted}. Set ${name}=${stored}, or begin another deployment beside it with another ROLLCALL_PREFIX.`,
  );
}

/**
 * What an older or newer release has stored would be read as if it meant what this one means by it.
 */
function refuseOtherSemantics(stored: number, prefix: string): void {
  if (stored === SEMANTICS_VERSION) return;
  const [age, other] =
    stored > SEMANTICS_VERSION
      ? ['a newer', 'That release, or a newer one,']
      : ['an older', 'That release'];
  throw new FoundingError(
    `The deployment with the prefix '${prefix}' is of ${age} release of Rollcall, whose filters mean something else (semantics ` +
      `version ${stored}; this release has ${SEMANTICS_VERSION}). ${other} still runs it. To move on, export from there with ` +
      "'rollcall seeds export', and import into a new deployment of this release, with another ROLLCALL_PREFIX or ROLLCALL_DATA.",
  );
}

export class CatalogStore {
  readonly catalog = new Catalog();
  readonly #redis: Redis;
  readonly #keys: Keys;
  /** Writes of this process go one after the other: they would only refuse each other. */
  #writing: Promise<unknown> = Promise.resolve();
  /** The stored version, asked for once for all who ask within one turn of the event loop. */
  #asked: Promise<number> | undefined;
  #loading: Promise<void> | undefined;
  /** The last entry of the catalog's log that is known. */
  #position = '0-0';

  readonly quota: Quota;

  constructor(redis: Redis, keys: Keys, limits: Limits = DEFAULT_LIMITS) {
    this.#redis = redis;
    this.#keys = keys;
    this.quota = new Quota(this.catalog, limits);
  }

  /** Loads the catalog and follows what other processes write. */
  async follow(tail: StreamTail): Promise<void> {
    const { log } = this.#keys.catalog;
    const [last] = await this.#redis.xrevrange(log, '+', '-', 'COUNT', 1);
    await this.#load();
    this.#position = last?.[0] ?? '0-0';
    tail.follow(log, this.#position, (entries) => this.#onVersions(entries));
  }

  /**
   * Catches up with what was stored when this was called, if it is newer. One round trip if it is
   * not.
   */
  async refresh(): Promise<Catalog> {
    const stored = await (this.#asked ??= this.#ask());
    if (this.catalog.version < stored) await this.#readVersions();
    while (this.catalog.version < stored) await (this.#loading ??= this.#load());
    return this.catalog;
  }

  /**
   * Carries out a read by the catalog as it is known here, and anew if a newer one was stored when
   * it began. The version is asked for beside the read, so that it costs no round trip. Caller:
   * `read` may be carried out twice.
   */
  async current<T>(read: () => Promise<T>): Promise<T> {
    const { version } = this.catalog;
    const refreshed = this.refresh();
    const first = read();
    first.catch(() => {}); // it may be of no use
    await refreshed;
    return this.catalog.version === version ? first : read();
  }

  /**
   * Asks after this turn of the event loop: an answer that was under way when somebody begins may
   * be too old for it.
   */
  async #ask(): Promise<number> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#asked = undefined;
    return Number((await this.#redis.hget(this.#keys.catalog.meta, 'version')) ?? 0);
  }

  /** Applies the versions that follow on the one that is known, as far as the log holds them. */
  async #readVersions(): Promise<void> {
    const { log } = this.#keys.catalog;
    const entries = await this.#redis.xrange(
      log,
      `(${this.#position}`,
      '+',
      'COUNT',
      CAUGHT_UP_MAX,
    );
    this.#apply(entries);
  }

  async #load(): Promise<void> {
    try {
      const content = await this.#read();
      if (content.version > this.catalog.version) this.catalog.load(content);
    } finally {
      this.#loading = undefined;
    }
  }

  /**
   * Writes one version. `change` makes it of the catalog as it stands, without awaiting, and is
   * called again if somebody else was faster; it throws a Problem to refuse, or returns undefined
   * when there is nothing to write. A secret is kept with it.
   * @throws Problem catalog_conflict after WRITE_ATTEMPTS_MAX tries | catalog_full
   */
  write(
    change: (catalog: Catalog) => CatalogChange | undefined,
    secret?: ActivationSecret,
  ): Promise<void> {
    const written = this.#writing.then(() => this.#write(change, secret));
    this.#writing = written.catch(() => {});
    return written;
  }

  /**
   * What is refused, or found to be so already, must not be by an older catalog than was stored
   * when somebody asked for it.
   */
  async #write(
    change: (catalog: Catalog) => CatalogChange | undefined,
    secret?: ActivationSecret,
  ): Promise<void> {
    await this.refresh();
    for (let attempt = 0; attempt < WRITE_ATTEMPTS_MAX; attempt++) {
      const { version } = this.catalog;
      const made = change(this.catalog);
      if (!made || made.writes.length === 0) return;
      this.quota.check(made);
      const [answer, number] = await this.#send(version, made, secret);
      if (answer === 'ok') {
        if (this.catalog.version === version) this.catalog.apply(Number(number), made);
        return;
      }
      await this.refresh();
    }
    throw new Problem(
      'catalog_conflict',
      `the catalog was changed by others ${WRITE_ATTEMPTS_MAX} times in between`,
    );
  }

  #send(
    version: number,
    { nextPredicateId, writes }: CatalogChange,
    secret: ActivationSecret | undefined,
  ): Promise<[answer: string, version: string]> {
    const hashes = {
      'object-types': 2,
      segments: 3,
      predicateIds: 4,
      views: 6,
      activations: 7,
    } as const;
    const fields = writes.flatMap(([hash, field, value]) => fieldOf(hashes[hash], field, value));
    const slugs = writes.flatMap(([hash, slug, value]) =>
      hash === 'segments' ? slugOf(slug, value) : [],
    );
    const secrets = secret ? [SECRETS, secret.activation, 'set', secret.secret] : [];
    return this.#carryOut(version, { nextPredicateId, writes }, [...fields, ...slugs, ...secrets]);
  }

  #carryOut(
    version: number,
    change: CatalogChange,
    fields: readonly (string | number)[],
  ): Promise<[answer: string, version: string]> {
    const { meta, objectTypes, segments, predicateIds, log, views, activations, slugs } =
      this.#keys.catalog;
    const { webhookSecrets, goneActivations } = this.#keys.catalog;
    const named = [meta, objectTypes, segments, predicateIds, log, views, activations, slugs];
    const keys = [...named, webhookSecrets, goneActivations];
    const header = [version, change.nextPredicateId, JSON.stringify(change), LOG_ENTRIES_KEPT];
    return runScript(this.#redis, 'writeCatalog', keys, [...header, ...fields]);
  }

  /**
   * Slugs that a release before this one has not written, or that somebody else has changed, are
   * written as a version.
   */
  async completeSlugs(): Promise<void> {
    const { slugs } = this.#keys.catalog;
    // What is no hash at all would refuse every version that is written.
    if (!['hash', 'none'].includes(await this.#redis.type(slugs))) await this.#redis.unlink(slugs);
    for (let attempt = 0; attempt < WRITE_ATTEMPTS_MAX; attempt++) {
      const { version, nextPredicateId, segments } = await this.refresh();
      const stored = new Map(Object.entries(await this.#redis.hgetall(slugs)));
      const fields = [...new Set([...segments.keys(), ...stored.keys()])].flatMap((slug) => {
        const wanted = segments.get(slug)?.predicateId ?? null;
        return String(wanted ?? undefined) === String(stored.get(slug))
          ? []
          : slugOf(slug, segments.get(slug) ?? null);
      });
      if (fields.length === 0) return;
      const change = { nextPredicateId, writes: [] };
      const [answer, number] = await this.#carryOut(version, change, fields);
      if (answer === 'ok' && this.catalog.version === version)
        this.catalog.apply(Number(number), change);
    }
  }

  #onVersions(entries: readonly StreamEntry[]): void {
    if (!this.#apply(entries)) void this.#catchUp();
  }

  /** @returns whether no version is missing before the last of them. */
  #apply(entries: readonly StreamEntry[]): boolean {
    for (const [id, fields] of entries) {
      const members = pairs(fields);
      const version = Number(members.get('version'));
      if (version > this.catalog.version + 1) return false;
      if (version === this.catalog.version + 1)
        this.catalog.apply(version, JSON.parse(members.get('change')!) as CatalogChange);
      if (version >= this.catalog.version) this.#position = id; // an older one was read already
    }
    return true;
  }

  /**
   * After a missed version no later one may ever come to notice it by: tried until Redis answers,
   * or is left for good.
   */
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
    const { meta, objectTypes, segments, predicateIds, views, activations } = this.#keys.catalog;
    const replies = await this.#redis
      .multi()
      .hgetall(meta)
      .hgetall(objectTypes)
      .hgetall(segments)
      .hgetall(predicateIds)
      .hgetall(views)
      .hgetall(activations)
      .exec();
    assert(replies, 'a MULTI without WATCH is carried out');
    const [stored, ...hashes] = replies.map(([error, reply]) => {
      if (error) throw error;
      return reply as Record<string, string>;
    });
    const names = ['object-types', 'segments', 'predicateIds', 'views', 'activations'] as const;
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
}

/** One write, as the script takes it. */
function fieldOf(key: number, field: string, value: unknown): (string | number)[] {
  return value === null ? [key, field, 'delete', ''] : [key, field, 'set', JSON.stringify(value)];
}

/**
 * The slugs' hash is the script's eighth key; a segment that was never built has no sets, and no
 * field.
 */
function slugOf(slug: string, segment: StoredSegment | null): (string | number)[] {
  return fieldOf(8, slug, segment?.predicateId ?? null);
}
