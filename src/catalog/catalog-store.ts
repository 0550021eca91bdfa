/**
 * catalog-store.ts – The catalog of this process: follows what others write, and writes versions.
 *
 * Keeps true: a version is made of the version that it is written on top of. A replica that missed
 * a version reloads everything. The log of versions may come late: a caller that must not go by an
 * older catalog than was stored when it began asks (`refresh`, `current`).
 */
import { STREAM_START } from '../change/entry-order.ts';
import { Problem } from '../errors.ts';
import { DEFAULT_LIMITS, type Limits } from '../limits.ts';
import { Catalog, type CatalogWrite } from './catalog.ts';
import type { ActivationSecret, CatalogLog, LoggedVersion } from './catalog-log.ts';
import type { CatalogWriter } from './catalog-writer.ts';
import { type ChangeWithTexts, Histories } from './histories.ts';
import { Quota } from './quota.ts';

const WRITE_ATTEMPTS_MAX = 50;
const CATCH_UP_RETRY_MS = 200;

export class CatalogStore implements CatalogWriter {
  readonly catalog = new Catalog();
  readonly #log: CatalogLog;
  /** Writes of this process go one after the other: they would only refuse each other. */
  #writing: Promise<unknown> = Promise.resolve();
  /** The question for the stored version that is under way, and the next one. */
  #asking: Promise<number> | undefined;
  #asked: Promise<number> | undefined;
  #loading: Promise<void> | undefined;
  /** The last entry of the catalog's log that is known. */
  #position = STREAM_START;

  readonly quota: Quota;
  readonly #histories: Histories;

  constructor(log: CatalogLog, limits: Limits = DEFAULT_LIMITS) {
    this.#log = log;
    this.quota = new Quota(this.catalog, limits);
    this.#histories = new Histories(this.catalog, limits);
  }

  /** Loads the catalog and follows what other processes write. */
  async follow(): Promise<void> {
    const end = await this.#log.end();
    await this.#load();
    this.#position = end;
    this.#log.follow(end, (versions) => this.#onVersions(versions));
  }

  /** One round trip if nothing newer is stored. */
  async refresh(): Promise<Catalog> {
    const stored = await this.#storedVersion();
    if (this.catalog.version < stored) await this.#readVersions();
    while (this.catalog.version < stored) await (this.#loading ??= this.#load());
    return this.catalog;
  }

  /**
   * Carries out a read by the catalog as it is known here, and again if a newer one was stored when
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
   * The stored version, by a question that begins from now on: an answer that was under way when a
   * caller begins may be too old for it. Callers that come meanwhile share the next one.
   */
  #storedVersion(): Promise<number> {
    if (!this.#asking) return this.#ask();
    const ask = () => {
      this.#asked = undefined;
      return this.#ask();
    };
    return (this.#asked ??= this.#asking.then(ask, ask));
  }

  #ask(): Promise<number> {
    const asking = this.#log.version().finally(() => {
      if (this.#asking === asking) this.#asking = undefined;
    });
    this.#asking = asking;
    return asking;
  }

  /** Applies the versions that follow on the one that is known, as far as the log holds them. */
  async #readVersions(): Promise<void> {
    this.#apply(await this.#log.since(this.#position));
  }

  async #load(): Promise<void> {
    try {
      const content = await this.#log.read();
      if (content.version > this.catalog.version) this.catalog.load(content);
    } finally {
      this.#loading = undefined;
    }
  }

  write(
    change: (catalog: Catalog) => ChangeWithTexts | undefined,
    secret?: ActivationSecret,
  ): Promise<void> {
    const written = this.#writing.then(() => this.#write(change, secret));
    this.#writing = written.catch(() => {});
    return written;
  }

  /**
   * Neither a refusal nor the finding that nothing changes may rest on an older catalog than was
   * stored when the caller asked.
   */
  async #write(
    change: (catalog: Catalog) => ChangeWithTexts | undefined,
    secret?: ActivationSecret,
  ): Promise<void> {
    await this.refresh();
    for (let attempt = 0; attempt < WRITE_ATTEMPTS_MAX; attempt++) {
      const { version } = this.catalog;
      const wanted = change(this.catalog);
      if (!wanted || wanted.writes.length === 0) return;
      this.quota.check(wanted);
      const { texts = [], ...made } = this.#histories.within(wanted);
      const slugs = made.writes.flatMap((write) =>
        write[0] === 'segments' ? [slugOf(write)] : [],
      );
      const answer = await this.#log.write({ version, change: made, secret, slugs, texts });
      if (answer.status === 'ok') {
        if (this.catalog.version === version) this.catalog.apply(answer.version, made);
        return;
      }
      await this.refresh();
    }
    throw new Problem(
      'catalog_conflict',
      `the catalog was changed by others ${WRITE_ATTEMPTS_MAX} times in between`,
    );
  }

  /** Forgets deleted segments that can't be restored any more. */
  async sweepDeleted(nowMs = Date.now()): Promise<void> {
    if (this.#histories.overdue(nowMs)) await this.write(() => this.#histories.overdue(nowMs));
  }

  /**
   * Slugs that a release before this one has not written, or that another program has changed, are
   * written as a version.
   */
  async completeSlugs(): Promise<void> {
    for (let attempt = 0; attempt < WRITE_ATTEMPTS_MAX; attempt++) {
      const { version, nextPredicateId, segments } = await this.refresh();
      const stored = await this.#log.slugs();
      const slugs = [...new Set([...segments.keys(), ...stored.keys()])].flatMap((slug) => {
        const wanted = segments.get(slug)?.predicateId ?? null;
        const isStored = String(wanted ?? undefined) === String(stored.get(slug));
        return isStored ? [] : [[slug, wanted] as const];
      });
      if (slugs.length === 0) return;
      const change = { nextPredicateId, writes: [] };
      const answer = await this.#log.write({ version, change, slugs });
      if (answer.status === 'ok' && this.catalog.version === version)
        this.catalog.apply(answer.version, change);
    }
  }

  #onVersions(versions: readonly LoggedVersion[]): void {
    if (!this.#apply(versions)) void this.#catchUp();
  }

  /** @returns whether no version is missing before the last of them. */
  #apply(versions: readonly LoggedVersion[]): boolean {
    for (const { position, version, change } of versions) {
      if (version > this.catalog.version + 1) return false;
      if (version === this.catalog.version + 1) this.catalog.apply(version, change);
      // an older one was read already
      if (version >= this.catalog.version) this.#position = position;
    }
    return true;
  }

  /**
   * After a missed version no later one may ever come to notice it by: tried until Redis answers,
   * or is left for good.
   */
  async #catchUp(): Promise<void> {
    while (!this.#log.isClosed) {
      try {
        await this.refresh();
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, CATCH_UP_RETRY_MS).unref());
      }
    }
  }
}

/** A segment that was never built has no sets, and no slug. */
function slugOf([, slug, segment]: CatalogWrite & readonly ['segments', ...unknown[]]) {
  return [slug, segment?.predicateId ?? null] as const;
}
