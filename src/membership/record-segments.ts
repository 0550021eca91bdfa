/**
 * record-segments.ts – The segments that records are in: all of them, or which of some.
 *
 * Keeps true: the answer for a record is of one instant, and of one version of the catalog. Slugs
 * and rows are read again if the catalog moved on in between.
 */
import type { StoredSegment } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { findObjectType, findSegments } from '../catalog/entries.ts';
import { Problem } from '../errors.ts';
import { hasPredicateId, type PredicateIds } from '../query/network/predicate-ids.ts';
import type { MembershipStore } from './membership-store.ts';
import {
  type Failures,
  type PredicateResolver,
  RESOLVE_ATTEMPTS_MAX,
} from './predicate-resolver.ts';
import { type ReadOptions, STRONG } from './read-options.ts';
import type { Needs, StrongReads } from './strong-reads.ts';

const NOTHING_FAILED: Failures = new Map();

/** Slugs by record id. */
type SlugsById = Map<string, string[]>;

interface RecordSegmentsContext {
  readonly store: MembershipStore;
  readonly catalogs: CatalogStore;
  readonly reads: StrongReads;
  readonly resolver: PredicateResolver;
}

export class RecordSegments {
  readonly #context: RecordSegmentsContext;

  constructor(context: RecordSegmentsContext) {
    this.#context = context;
  }

  /**
   * The slugs, sorted, of all segments that each record is in. Segments that are being built for
   * the first time are left out.
   * @throws Problem object_type_unknown | segment_building | not_caught_up
   */
  async of(
    objectType: string,
    ids: readonly string[],
    options: ReadOptions = STRONG,
  ): Promise<SlugsById> {
    const { reads } = this.#context;
    const needs = reads.needsOfType(objectType);
    const truth = await this.#atOnce(objectType, ids, options, needs);
    if (truth) return new Map([[ids[0]!, this.#slugsIn(truth, NOTHING_FAILED)]]);
    return reads.current(options, () => this.#of(objectType, ids, options));
  }

  /** What holds of a single record, if that is known in one round trip. */
  async #atOnce(
    objectType: string,
    ids: readonly string[],
    options: ReadOptions,
    needs: Needs,
  ): Promise<PredicateIds | undefined> {
    const { store, catalogs, reads } = this.#context;
    const [id] = ids;
    if (ids.length !== 1 || !catalogs.catalog.objectTypes.has(objectType)) return undefined;
    const found = await reads.atOnce(id!, options, needs, () => store.truths(objectType, ids));
    return found?.answer[0];
  }

  async #of(objectType: string, ids: readonly string[], options: ReadOptions): Promise<SlugsById> {
    const { catalogs, reads, resolver } = this.#context;
    await findObjectType(catalogs, objectType, 'known');
    const needs = reads.needsOfType(objectType);
    const failed = resolver.failedBy(await reads.waitForRecords(ids, options, needs));
    const { catalog } = catalogs;
    for (let attempt = 1; ; attempt++) {
      const { version } = catalog;
      const truths = await this.#truths(objectType, ids);
      if (catalog.version !== version && attempt < RESOLVE_ATTEMPTS_MAX) continue;
      return new Map(ids.map((id, at) => [id, this.#slugsIn(truths[at]!, failed)]));
    }
  }

  /**
   * Which of some segments each record is in, in the order of the slugs.
   * @throws Problem object_type_unknown | segment_unknown | body_invalid | segment_building |
   * segment_failed | not_caught_up
   */
  async among(
    objectType: string,
    ids: readonly string[],
    slugs: readonly string[],
    options: ReadOptions = STRONG,
  ): Promise<SlugsById> {
    const { reads, catalogs, resolver } = this.#context;
    const asked = slugs.map((slug) => {
      const segment = catalogs.catalog.segments.get(slug);
      const predicateId = segment && resolver.answering(segment);
      return segment?.object_type === objectType ? predicateId : undefined;
    });
    const predicateIds = asked.filter((predicateId) => predicateId !== undefined);
    if (predicateIds.length === slugs.length) {
      const needs = reads.needsOf(predicateIds);
      const truth = await this.#atOnce(objectType, ids, options, needs);
      const held = truth && slugs.filter((_, at) => hasPredicateId(truth, predicateIds[at]!));
      if (held) return new Map([[ids[0]!, held]]);
    }
    return reads.current(options, () => this.#among(objectType, ids, slugs, options));
  }

  async #among(
    objectType: string,
    ids: readonly string[],
    slugs: readonly string[],
    options: ReadOptions,
  ): Promise<SlugsById> {
    const { catalogs, reads, resolver } = this.#context;
    await findObjectType(catalogs, objectType, 'known');
    const segments = await findSegments(catalogs, slugs);
    refuseForeign(segments, objectType);
    await reads.waitForRecords(ids, options, reads.needsOfFilters(segments));
    for (let attempt = 1; ; attempt++) {
      const asked = (await findSegments(catalogs, slugs)).map((segment) => ({
        slug: segment.slug,
        predicateId: resolver.built(segment),
      }));
      const truths = await this.#truths(objectType, ids);
      const isGone = asked.some(({ predicateId }) => resolver.isGone(predicateId));
      if (isGone && attempt < RESOLVE_ATTEMPTS_MAX) continue;
      const held = (truth: PredicateIds) =>
        asked.filter(({ predicateId }) => hasPredicateId(truth, predicateId));
      return new Map(ids.map((id, at) => [id, held(truths[at]!).map(({ slug }) => slug)]));
    }
  }

  /**
   * The truths of the records, and then the catalog, so that it is known whether their rows still
   * named a predicate. One connection carries out its commands in their order: the second question
   * costs no round trip.
   */
  async #truths(objectType: string, ids: readonly string[]): Promise<PredicateIds[]> {
    const { store, catalogs } = this.#context;
    const [truths] = await Promise.all([store.truths(objectType, ids), catalogs.refresh()]);
    return truths;
  }

  /** A row speaks of predicates that have failed until it is written again: they are left out. */
  #slugsIn(truth: PredicateIds, failed: Failures): string[] {
    const { catalogs, resolver } = this.#context;
    const { catalog } = catalogs;
    const slugs: string[] = [];
    for (const predicateId of truth) {
      if (!failed.has(predicateId) && !resolver.isGone(predicateId))
        slugs.push(...catalog.slugsOf(predicateId));
    }
    return slugs.filter((slug) => !catalog.failureOf(catalog.segments.get(slug)!)).sort();
  }
}

/** @throws Problem body_invalid */
function refuseForeign(segments: readonly StoredSegment[], objectType: string): void {
  const foreign = segments.findIndex((segment) => segment.object_type !== objectType);
  if (foreign < 0) return;
  const { slug, object_type: other } = segments[foreign]!;
  const detail = `'${slug}' is a segment of ${other}, not of ${objectType}`;
  throw new Problem('body_invalid', detail, [{ path: `/segments/${foreign}`, detail }]);
}
