/**
 * later.test.ts – A part of the page that is not there while the server is gone is asked for again.
 */
import { expect, it } from 'vitest';
import { untilLoaded } from '../../../src/console/parts/later.ts';

it('a part that does not come is asked for again until it does', async () => {
  let asked = 0;
  const part = await untilLoaded(async () => {
    if (++asked < 4) throw new TypeError('Failed to fetch dynamically imported module');
    return { default: 'the part' };
  }, 1);
  expect([part.default, asked]).toEqual(['the part', 4]);
});

it('one that never comes is a fault in the end', async () => {
  let asked = 0;
  const load = () => Promise.reject(new TypeError(`no ${++asked}`));
  await expect(untilLoaded(load, 0)).rejects.toThrow('no 60');
});
