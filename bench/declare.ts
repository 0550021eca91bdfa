/**
 * declare.ts – Declares the segments of a workload in a catalog.
 *
 * Keeps true: all are in one version, so that one build makes them all.
 */
import { NO_FEED_ID } from '../src/catalog/catalog.ts';
import type { CatalogDraft } from '../src/catalog/catalog-draft.ts';
import { PEOPLE } from './data.ts';
import type { BenchSegment } from './world.ts';

/** @returns the predicate id of each segment: those that mean the same share one */
export function declareSegments(draft: CatalogDraft, segments: readonly BenchSegment[]): number[] {
  return segments.map(({ query, compiled }, at) => {
    const predicateId = draft.predicateIdFor(PEOPLE, compiled);
    const times = { created_at: Date.now(), updated_at: Date.now() };
    const revisions = {
      revision: 1,
      feedId: NO_FEED_ID,
      ready_revision: null,
      predicateId: null,
      pending: predicateId,
    };
    const said = { title: `Segment ${at}`, slug: `segment-${at}`, object_type: PEOPLE, query };
    const meant = { json_logic: compiled.jsonLogic, uses: [] };
    draft.setSegment(said.slug, { id: said.slug, ...said, ...meant, ...revisions, ...times });
    return predicateId;
  });
}
