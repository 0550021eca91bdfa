/**
 * segment-choice.ts – Records that are in each of some segments and in none of some others.
 *
 * Keeps true: what is answered of a record is what its segments' member sets hold, at once for all
 * that are asked for in one partition and segment.
 */
import type { StoredSegment } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { findSegment, findSegments } from '../catalog/entries.ts';
import { Problem } from '../errors.ts';
import type { MembershipStore } from './membership-store.ts';
import type { PredicateResolver } from './predicate-resolver.ts';

/** The slugs of segments of one object type. */
export interface ChosenSegments {
  readonly in: readonly string[];
  readonly notIn: readonly string[];
}

export const NONE_CHOSEN: ChosenSegments = { in: [], notIn: [] };

/** Segments that may be chosen at once, each way. */
export const CHOSEN_MAX = 20;

export function isChoosing({ in: within, notIn }: ChosenSegments): boolean {
  return within.length + notIn.length > 0;
}

interface SegmentChoiceContext {
  readonly store: MembershipStore;
  readonly catalogs: CatalogStore;
  readonly resolver: PredicateResolver;
}

export class SegmentChoice {
  readonly #context: SegmentChoiceContext;

  constructor(context: SegmentChoiceContext) {
    this.#context = context;
  }

  /**
   * The segments that are chosen.
   * @throws Problem segment_unknown | segment_building | segment_failed, and parameter_invalid if
   * one is of another type
   */
  async segments(chosen: ChosenSegments, objectType: string): Promise<readonly StoredSegment[]> {
    const slugs = [...chosen.in, ...chosen.notIn];
    if (slugs.length === 0) return [];
    const segments = await findSegments(this.#context.catalogs, slugs);
    for (const segment of segments) {
      const isIn = chosen.in.includes(segment.slug);
      refuseForeign(segment, objectType, isIn ? '/segment' : '/not_segment');
      this.#context.resolver.built(segment);
    }
    return segments;
  }

  /** Those of some records that are as chosen, in their order. @throws Problem as `segments` */
  async among(chosen: ChosenSegments, ids: readonly string[]): Promise<readonly string[]> {
    if (ids.length === 0) return ids;
    const answers = await Promise.all([
      ...chosen.in.map((slug) => this.#areIn(slug, ids)),
      ...chosen.notIn.map((slug) => this.#areIn(slug, ids)),
    ]);
    if (answers.length === 0) return ids;
    return ids.filter((_, at) =>
      answers.every((isMember, which) => isMember[at] === which < chosen.in.length),
    );
  }

  #areIn(slug: string, ids: readonly string[]): Promise<boolean[]> {
    const { store, catalogs, resolver } = this.#context;
    return resolver.answer(
      () => findSegment(catalogs, slug, 'known'),
      (predicateId) => store.areMembers(predicateId, ids),
    );
  }
}

/** @throws Problem parameter_invalid if a segment is of another type than is asked about */
export function refuseForeign(
  { slug, object_type: other }: StoredSegment,
  objectType: string,
  path: string,
): void {
  if (other === objectType) return;
  const detail = `'${slug}' is a segment of ${other}, not of ${objectType}`;
  throw new Problem('parameter_invalid', detail, [{ path, detail }]);
}
