/**
 * view-membership.ts – The records that a view shows: their ids, their number, and whether some are
 * still among them.
 *
 * Keeps true: `wait` is the only strong read here. After it the other calls answer as things stand,
 * so that a page or an export waits once.
 */
import type { StoredFilter, StoredSegment, StoredView } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { findView } from '../catalog/entries.ts';
import { unknownSegment } from '../catalog/segments.ts';
import { unknownView } from '../catalog/views.ts';
import type { Member, MemberPages } from './member-pages.ts';
import type { MembershipStore } from './membership-store.ts';
import type { Page, PageRequest } from './page.ts';
import { partitionsOf } from './partition-status.ts';
import type { PredicateResolver } from './predicate-resolver.ts';
import type { ReadOptions } from './read-options.ts';
import type { StrongReads } from './strong-reads.ts';
import { roundsOver } from './watermark.ts';

interface ViewMembershipContext {
  readonly store: MembershipStore;
  readonly catalogs: CatalogStore;
  readonly reads: StrongReads;
  readonly resolver: PredicateResolver;
  readonly pages: MemberPages;
}

export class ViewMembership {
  readonly #context: ViewMembershipContext;

  constructor(context: ViewMembershipContext) {
    this.#context = context;
  }

  /**
   * Waits until what a view shows is as of all that was acknowledged before. `depth`: over how many
   * edges its columns look. `more`: segments that are looked at beside it.
   * @throws Problem view_unknown | segment_unknown | segment_building | segment_failed |
   * not_caught_up
   */
  wait(
    slug: string,
    depth: number,
    options: ReadOptions,
    more: readonly StoredSegment[] = [],
  ): Promise<StoredView> {
    return this.#context.reads.current(options, () => this.#wait(slug, depth, options, more));
  }

  async #wait(
    slug: string,
    depth: number,
    options: ReadOptions,
    more: readonly StoredSegment[],
  ): Promise<StoredView> {
    const { catalogs, reads, resolver } = this.#context;
    const filter = await this.#filter(slug);
    const needs = reads.needsOfFilters([filter, ...this.#usedBy(slug), ...more]);
    const rounds = Math.max(needs.rounds, roundsOver(depth));
    await reads.waitForAll(options, { ...needs, rounds });
    resolver.built(await this.#filter(slug));
    for (const used of this.#usedBy(slug)) resolver.refuseFailed(used);
    const view = catalogs.catalog.views.get(slug);
    if (!view) throw unknownView(slug);
    return view;
  }

  /**
   * One page of ids, as they stand, in the order of partition and id.
   * @throws Problem view_unknown | segment_unknown | segment_building | segment_failed |
   * cursor_invalid
   */
  page(slug: string, request: PageRequest): Promise<Page<Member>> {
    return this.#context.pages.read(() => this.#filter(slug), request);
  }

  /** The cursor of the page that begins after a member. */
  cursorAfter(id: string): string {
    return this.#context.pages.cursorAfter(id);
  }

  /** How many records a view shows, as it stands. @throws Problem as `page` */
  size(slug: string): Promise<number> {
    const { store, resolver } = this.#context;
    return resolver.answer(
      () => this.#filter(slug),
      async (predicateId) => {
        const counts = partitionsOf(store).map((each) => store.memberCount(each, predicateId));
        return (await Promise.all(counts)).reduce((all, count) => all + count, 0);
      },
    );
  }

  /** Those of some records that a view shows, in their order. @throws Problem as `page` */
  stillShown(slug: string, ids: readonly string[]): Promise<string[]> {
    const { store, resolver } = this.#context;
    return resolver.answer(
      () => this.#filter(slug),
      async (predicateId) => {
        const isMember = await store.areMembers(predicateId, ids);
        return ids.filter((_, at) => isMember[at]);
      },
    );
  }

  /** The segments that a view's columns look at. */
  #usedBy(slug: string): StoredSegment[] {
    const { views, segments } = this.#context.catalogs.catalog;
    return (views.get(slug)?.uses ?? []).flatMap((used) => segments.get(used) ?? []);
  }

  /**
   * The filter that decides which records a view shows. That its segment is gone can't happen; if
   * it did, an error is clearer than an empty view.
   */
  async #filter(slug: string): Promise<StoredFilter> {
    const { catalogs } = this.#context;
    const view = await findView(catalogs, slug, 'known');
    const filter = catalogs.catalog.filterOf(view);
    if (!filter) throw unknownSegment('segment' in view ? view.segment : slug);
    return filter;
  }
}
