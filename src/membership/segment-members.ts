/**
 * segment-members.ts – The members of a segment: ids or records page by page, or whether one record
 * is a member.
 *
 * Keeps true: a strong read sees every change that was acknowledged before it. A member that stays
 * is listed exactly once.
 */
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { findSegment } from '../catalog/entries.ts';
import { exists } from '../change/record.ts';
import type { Member, MemberPages } from './member-pages.ts';
import type { MembershipStore } from './membership-store.ts';
import type { Page, PageRequest } from './page.ts';
import type { PredicateResolver } from './predicate-resolver.ts';
import { type ReadOptions, STRONG } from './read-options.ts';
import {
  AS_THEY_ARE,
  type NamedRecord,
  RECORDS_A_READ,
  type RecordPageOptions,
  type RecordReader,
} from './record-reader.ts';
import type { StrongReads } from './strong-reads.ts';

interface SegmentMembersContext {
  readonly store: MembershipStore;
  readonly catalogs: CatalogStore;
  readonly reads: StrongReads;
  readonly resolver: PredicateResolver;
  readonly pages: MemberPages;
  readonly reader: RecordReader;
}

export class SegmentMembers {
  readonly #context: SegmentMembersContext;

  constructor(context: SegmentMembersContext) {
    this.#context = context;
  }

  /**
   * One page of ids, in the order of partition and id.
   * @throws Problem segment_unknown | segment_building | segment_failed | not_caught_up |
   * cursor_invalid
   */
  page(slug: string, request: PageRequest, options: ReadOptions = STRONG): Promise<Page<Member>> {
    const { catalogs, reads, pages } = this.#context;
    return reads.current(options, async () => {
      await reads.waitForAll(options, await reads.needsOfSegments([slug]));
      return pages.read(() => findSegment(catalogs, slug, 'known'), request);
    });
  }

  /** One page of the records that are members. @throws Problem as `page` */
  records(
    slug: string,
    request: PageRequest,
    options: ReadOptions = STRONG,
  ): Promise<Page<NamedRecord>> {
    return this.shapedRecords(slug, request, { ...options, shape: AS_THEY_ARE });
  }

  /** As `records`, of what is kept of each record. */
  async shapedRecords<T extends { readonly id: string }>(
    slug: string,
    request: PageRequest,
    options: RecordPageOptions<T>,
  ): Promise<Page<T>> {
    const { catalogs, reader, pages } = this.#context;
    const page = await this.page(slug, request, options);
    const objectType = catalogs.catalog.segments.get(slug)?.object_type ?? '';
    const { shape, budget = reader.budget() } = options;
    const data: T[] = [];
    const ids = page.data.map(({ id }) => id);
    for (let from = 0; from < ids.length; from += RECORDS_A_READ) {
      const some = ids.slice(from, from + RECORDS_A_READ);
      data.push(...(await reader.pick(some, { objectType, budget, shape, isWanted: exists })));
      const last = data.at(-1)?.id;
      if (budget.isSpent && last !== undefined && last !== ids.at(-1))
        return { data, next_cursor: pages.cursorAfter(last) };
    }
    return { data, next_cursor: page.next_cursor };
  }

  /** @throws Problem segment_unknown | segment_building | segment_failed | not_caught_up */
  async isMember(slug: string, id: string, options: ReadOptions = STRONG): Promise<boolean> {
    const { store, catalogs, reads, resolver } = this.#context;
    const known = catalogs.catalog.segments.get(slug);
    const predicateId = known && resolver.answering(known);
    if (predicateId !== undefined) {
      const read = () => store.areMembers(predicateId, [id]);
      const found = await reads.atOnce(id, options, reads.needsOf([predicateId]), read);
      if (found) return found.answer[0]!;
    }
    return reads.current(options, async () => {
      await reads.waitForRecords([id], options, await reads.needsOfSegments([slug]));
      const [isMember] = await resolver.answer(
        () => findSegment(catalogs, slug, 'known'),
        (answering) => store.areMembers(answering, [id]),
      );
      return isMember!;
    });
  }
}
