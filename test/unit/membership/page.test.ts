/**
 * page.test.ts – Pages through partitions list everything once, whatever their length.
 */
import { describe, expect, it } from 'vitest';
import { packCursor } from '../../../src/cursor.ts';
import { fillPage, PageBudget } from '../../../src/membership/page.ts';

/** The ids of three partitions, of which one has none. */
const PARTITIONS = [['a', 'd', 'g'], [], ['b', 'c', 'e', 'f']];
const ALL = PARTITIONS.flat();

function page(limit: number, cursor?: string, budget?: PageBudget) {
  return fillPage(
    PARTITIONS.length,
    { limit, cursor },
    async (partition, after, count) => {
      const rest = PARTITIONS[partition]!.filter((id) => id > after).slice(0, count);
      budget?.spend(rest.length);
      return rest.map((id) => ({ id }));
    },
    budget,
  );
}

async function allPages(limit: number): Promise<string[][]> {
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    const { data, next_cursor: next } = await page(limit, cursor);
    pages.push(data.map(({ id }) => id));
    cursor = next ?? undefined;
  } while (cursor !== undefined);
  return pages;
}

describe('pages', () => {
  it.each([1, 2, 3, 4, 7, 8, 100])('of %i list each entry once, in order', async (limit) => {
    const pages = await allPages(limit);
    expect(pages.flat()).toEqual(ALL);
    for (const some of pages) expect(some.length).toBeLessThanOrEqual(limit);
  });

  it('are full but for the last one', async () => {
    const pages = await allPages(3);
    expect(pages.slice(0, 2).map(({ length }) => length)).toEqual([3, 3]);
  });

  it('end where their budget is spent, and go on after that', async () => {
    const { data, next_cursor: next } = await page(100, undefined, new PageBudget(2));
    expect(data.map(({ id }) => id)).toEqual(['a', 'd', 'g']);
    const rest = await page(100, next!);
    expect(rest.data.map(({ id }) => id)).toEqual(['b', 'c', 'e', 'f']);
  });

  it.each([
    ['of a partition that there is not', packCursor([3, 'a'])],
    ['without an id', packCursor([0])],
    ['of another list', packCursor({ after: 'a' })],
    ['that is no cursor', 'nonsense'],
  ])('refuse a cursor %s', async (_, cursor) => {
    await expect(page(1, cursor)).rejects.toMatchObject({ code: 'cursor_invalid' });
  });
});
