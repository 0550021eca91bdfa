/**
 * page.ts – Pages of lists that go through the partitions one by one.
 *
 * Keeps true: an entry that is there throughout is listed exactly once, whatever comes and goes
 * meanwhile. The cursor is the partition and the id after which the next page begins. A page is as
 * long as was asked for, or holds as many bytes as its budget, or is the last one.
 */
import { asOffset, packCursor, readCursor } from '../cursor.ts';

export interface Page<T> {
  readonly data: readonly T[];
  readonly next_cursor: string | null;
}

/** Which page of a list. */
export interface PageRequest {
  readonly limit: number;
  /** Undefined: the first one. */
  readonly cursor: string | undefined;
}

/** Where a page begins: after an id ('': at the first) of a partition. */
export interface PagePosition {
  readonly partition: number;
  readonly after: string;
}

/**
 * The weight that one page of records may have, in bytes: 1,000 records of 2 MB would not even fit
 * into a string.
 */
export class PageBudget {
  #bytes: number;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes;
  }

  get isSpent(): boolean {
    return this.#bytes <= 0;
  }

  spend(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/**
 * Fills a page partition by partition. `read` answers what comes after an id, in id order: at most
 * `count`, and fewer only at the end of the partition or when the budget is spent.
 * @throws Problem cursor_invalid
 */
export async function fillPage<T extends { readonly id: string }>(
  partitions: number,
  { limit, cursor }: PageRequest,
  read: (partition: number, after: string, count: number) => Promise<T[]>,
  budget?: PageBudget,
): Promise<Page<T>> {
  const data: T[] = [];
  let { partition, after } = readPosition(cursor, partitions);
  while (partition < partitions && data.length < limit) {
    const wanted = limit - data.length;
    const some = await read(partition, after, wanted);
    data.push(...some);
    if (budget?.isSpent && some.length > 0)
      return { data, next_cursor: cursorAt(partition, some.at(-1)!.id) };
    if (some.length < wanted) {
      partition++;
      after = '';
    } else after = some.at(-1)!.id;
  }
  return { data, next_cursor: partition < partitions ? cursorAt(partition, after) : null };
}

/** The cursor of what comes after an id in a partition. */
export function cursorAt(partition: number, after: string): string {
  return packCursor([partition, after]);
}

/** Where a page begins that has this cursor. @throws Problem cursor_invalid */
export function readPosition(cursor: string | undefined, partitions: number): PagePosition {
  if (cursor === undefined) return { partition: 0, after: '' };
  return readCursor(cursor, (place) => {
    const [number, after] = Array.isArray(place) ? (place as unknown[]) : [];
    const partition = asOffset(number);
    const isPosition = partition !== undefined && partition < partitions;
    return isPosition && typeof after === 'string' ? { partition, after } : undefined;
  });
}
