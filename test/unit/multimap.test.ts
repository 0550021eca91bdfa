/**
 * multimap.test.ts – Several values under one key.
 */
import { expect, it } from 'vitest';
import { addTo, pushTo } from '../../src/multimap.ts';

it('a list keeps every value in its order, a set each one once', () => {
  const [lists, sets] = [new Map<string, number[]>(), new Map<string, Set<number>>()];
  for (const value of [2, 1, 2]) {
    pushTo(lists, 'a', value);
    addTo(sets, 'a', value);
  }
  pushTo(lists, 'b', 3);
  expect([...lists]).toEqual([
    ['a', [2, 1, 2]],
    ['b', [3]],
  ]);
  expect([...sets]).toEqual([['a', new Set([2, 1])]]);
});
