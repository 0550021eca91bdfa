/**
 * rebuilding.ts – Has some predicates built anew from the records, as if nothing were known of
 * them.
 *
 * Keeps true: what was kept of them answers until the new ones are built, and is never reused.
 * Everything that reads through them is moved together: segments, views with a query of their own,
 * and what these share with others. Relationships themselves are not built anew.
 */
import { CAUSES } from '../change/cause.ts';
import { compileQuery } from '../query/dialects/compile.ts';
import type { Catalog, CatalogChange, StoredFilter, StoredSegment } from './catalog.ts';
import { CatalogDraft } from './catalog-draft.ts';
import type { CatalogWriter } from './catalog-writer.ts';
import { type Edit, UNSIGNED } from './edit.ts';
import { declaredType } from './naming.ts';
import { queryScope, reassign, unknownSegment } from './segments.ts';

/** Builds anew what a person, or a dead letter, names. */
export class Rebuilds {
  readonly #store: CatalogWriter;
  readonly #timeZone: string;

  constructor(store: CatalogWriter, timeZone: string) {
    this.#store = store;
    this.#timeZone = timeZone;
  }

  /**
   * One that is being built is left alone: that build begins from the records too.
   * @throws Problem segment_unknown
   */
  async segment(slug: string, edit: Edit = UNSIGNED): Promise<StoredSegment> {
    await this.#store.write((catalog) => {
      const segment = catalog.segments.get(slug);
      if (!segment) throw unknownSegment(slug);
      const isBuilding = catalog.statusOf(segment).status === 'building';
      return isBuilding ? undefined : rebuilt(catalog, [segment], this.#timeZone, edit);
    });
    const stored = this.#store.catalog.segments.get(slug);
    if (!stored) throw unknownSegment(slug);
    return stored;
  }

  /** All that has failed and reads one of these predicates. @returns the slugs, in order */
  async failedOver(predicateIds: ReadonlySet<number>, edit: Edit): Promise<string[]> {
    let slugs: string[] = [];
    await this.#store.write((catalog) => {
      const failed = [...catalog.filters()].filter(
        (filter) =>
          catalog.failureOf(filter) &&
          [...predicatesOf(catalog, [filter])].some((each) => predicateIds.has(each)),
      );
      slugs = failed.map(({ slug }) => slug).sort();
      return failed.length === 0 ? undefined : rebuilt(catalog, failed, this.#timeZone, edit);
    });
    return slugs;
  }
}

/** The version in which these filters, and those that share their predicates, are built anew. */
function rebuilt(
  catalog: Catalog,
  filters: readonly StoredFilter[],
  timeZone: string,
  edit: Edit,
): CatalogChange {
  const draft = new CatalogDraft(catalog, edit);
  const outdated = predicatesOf(catalog, filters);
  for (const predicateId of outdated) draft.outdate(predicateId);
  const moved = [...catalog.filters()].filter(
    (filter) => filters.includes(filter) || outdated.has(newestOf(filter) ?? Number.NaN),
  );
  const mended = moved.map((filter) => {
    const type = declaredType(draft, filter.object_type, 'segment_invalid');
    const compiled = compileQuery(filter.query, queryScope(draft, type, timeZone));
    return { filter, compiled, cause: CAUSES.repaired };
  });
  reassign(draft, mended);
  return draft.finish();
}

function newestOf({ pending, predicateId }: StoredFilter): number | null {
  return pending ?? predicateId;
}

/** Their predicates, and all that these read at neighbours. */
function predicatesOf(catalog: Catalog, filters: readonly StoredFilter[]): Set<number> {
  const found = new Set<number>();
  const add = (predicateId: number | null) => {
    const stored = predicateId === null ? undefined : catalog.predicateIds.get(predicateId);
    if (!stored || predicateId === null || stored.shared?.edgeId === predicateId) return;
    if (found.has(predicateId)) return;
    found.add(predicateId);
    for (const read of stored.reads ?? []) add(read);
  };
  for (const filter of filters) add(newestOf(filter));
  return found;
}
