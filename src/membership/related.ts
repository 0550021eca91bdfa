/**
 * related.ts – The live records that lie one step from a record, over a relationship.
 *
 * Keeps true: archived and missing records are left out, as in filters. Who points at the record is
 * known only once the relationship is built; until then it is refused.
 */
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { edgesOf, targetsOf } from '../change/edge.ts';
import { compareIds } from '../change/id-order.ts';
import { isLive, type RecordRow } from '../change/record.ts';
import { Problem } from '../errors.ts';
import type { Hop } from '../query/predicate/relationships.ts';
import type { MembershipStore } from './membership-store.ts';
import { cursorAt, fillPage, type Page, type PageRequest, readPosition } from './page.ts';
import { type ReadOptions, STRONG } from './read-options.ts';
import {
  AS_THEY_ARE,
  type NamedRecord,
  RECORDS_A_READ,
  type RecordPageOptions,
  type RecordReader,
  type Wanted,
} from './record-reader.ts';
import type { StrongReads } from './strong-reads.ts';

interface RelatedContext {
  readonly store: MembershipStore;
  readonly catalogs: CatalogStore;
  readonly reads: StrongReads;
  readonly reader: RecordReader;
}

export class Related {
  readonly #context: RelatedContext;

  constructor(context: RelatedContext) {
    this.#context = context;
  }

  /** One page. @throws Problem as `shapedPage` */
  page(
    of: NamedRecord,
    hop: Hop,
    request: PageRequest,
    options: ReadOptions = STRONG,
  ): Promise<Page<NamedRecord>> {
    return this.shapedPage(of, hop, request, { ...options, shape: AS_THEY_ARE });
  }

  /**
   * One page of what is kept of each record. Those that the record points at come in id order,
   * those that point at it in the order of partition and id.
   * @throws Problem relationship_building | cursor_invalid | not_caught_up
   */
  async shapedPage<T extends { readonly id: string }>(
    { id, record }: NamedRecord,
    { edge: name, direction, target: objectType }: Hop,
    request: PageRequest,
    options: RecordPageOptions<T>,
  ): Promise<Page<T>> {
    const { shape, budget = this.#context.reader.budget() } = options;
    await this.#context.reads.current(options, () => this.#context.reads.waitForAll(options));
    const { catalog } = this.#context.catalogs;
    const edge = edgesOf(catalog.objectTypes.values()).get(name);
    const edgeId = catalog.edgeIdOf(name);
    if (!edge || edgeId === undefined) throw relationshipBuilding(name);
    const live: Wanted<T> = { objectType, budget, shape, isWanted: isLive };
    if (direction === 'out') return this.#targets(targetsOf(edge, record.data), request, live);
    if (catalog.predicateIds.get(edgeId)?.status !== 'ready') throw relationshipBuilding(name);
    // A holder may have moved on since its id was listed.
    const isHolder = (row: RecordRow) => isLive(row) && targetsOf(edge, row.data).includes(id);
    const holders = { ...live, isWanted: isHolder };
    const read = (partition: number, after: string, count: number) =>
      this.#context.reader.pickAlong(
        (from, some) => this.#context.store.holderIds(partition, edgeId, id, from, some),
        after,
        count,
        holders,
      );
    return fillPage(this.#context.store.partitions, request, read, budget);
  }

  /** A page of some records, wherever they are. Bounded by what a key of a record holds. */
  async #targets<T extends { readonly id: string }>(
    ids: readonly string[],
    { limit, cursor }: PageRequest,
    pick: Wanted<T>,
  ): Promise<Page<T>> {
    const { after } = readPosition(cursor, this.#context.store.partitions);
    const isLater = (id: string) => after === '' || compareIds(id, after) > 0;
    const rest = [...ids].sort(compareIds).filter(isLater);
    const data: T[] = [];
    for (let from = 0; from < rest.length && data.length <= limit; from += RECORDS_A_READ) {
      data.push(
        ...(await this.#context.reader.pick(rest.slice(from, from + RECORDS_A_READ), pick)),
      );
      const last = data.slice(0, limit).at(-1)?.id;
      const isCut = data.length > limit || (pick.budget.isSpent && last !== rest.at(-1));
      if (isCut && last !== undefined)
        return { data: data.slice(0, limit), next_cursor: cursorAt(0, last) };
    }
    return { data, next_cursor: null };
  }
}

/** A Problem `relationship_building`. */
export function relationshipBuilding(edge: string): Problem {
  return new Problem('relationship_building', `the relationship ${edge} is still being built`, [], {
    retry_after_s: 1,
  });
}
