/**
 * member-pages.ts – Pages of the current members of a segment or a view.
 *
 * Keeps true: a page is of one predicate. If the filter was switched to another one meanwhile, the
 * page is read again.
 */
import type { StoredFilter } from '../catalog/catalog.ts';
import { partitionOf } from '../change/partition.ts';
import type { MembershipStore } from './membership-store.ts';
import { cursorAt, fillPage, type Page, type PageRequest } from './page.ts';
import type { PredicateResolver } from './predicate-resolver.ts';

export interface Member {
  readonly id: string;
}

/** Finds the filter again each time: it may have been edited. */
type FindFilter = () => Promise<StoredFilter>;

export class MemberPages {
  readonly #store: MembershipStore;
  readonly #resolver: PredicateResolver;

  constructor(store: MembershipStore, resolver: PredicateResolver) {
    this.#store = store;
    this.#resolver = resolver;
  }

  /**
   * One page, in the order of partition and id.
   * @throws Problem segment_building | segment_failed | cursor_invalid
   */
  read(find: FindFilter, request: PageRequest): Promise<Page<Member>> {
    return this.#resolver.answer(find, (predicateId, objectType) =>
      fillPage(this.#store.partitions, request, async (partition, after, count) => {
        const set = { objectType, predicateId };
        const ids = await this.#store.memberIds(partition, set, after, count);
        return ids.map((id) => ({ id }));
      }),
    );
  }

  /** The cursor of the page that begins after a member. */
  cursorAfter(id: string): string {
    return cursorAt(partitionOf(id, this.#store.partitions), id);
  }
}
