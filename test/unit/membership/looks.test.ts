/**
 * looks.test.ts – The readers of a process share their looks at a partition.
 */
import { describe, expect, it } from 'vitest';
import { Looks } from '../../../src/membership/looks.ts';
import type { Look, LookRequest, StatusStore } from '../../../src/membership/partition-status.ts';
import { AT_REST } from '../../support/look.ts';

/** A store that answers when it is told to; each look is at one commit more. */
function slowStore() {
  const asked: LookRequest[] = [];
  const answers: (() => void)[] = [];
  const store: StatusStore = {
    partitions: 1,
    look: (_, request) =>
      new Promise<Look>((resolve) => {
        const number = asked.push(request);
        const changed = request.since ? new Map([[1, number]]) : undefined;
        const counts = request.counted.map(() => number);
        answers.push(() => resolve({ ...AT_REST, number, changed, counts }));
      }),
  };
  return { store, asked, answer: () => answers.shift()!() };
}

const POSITIONS = { channels: false, counted: [] };

describe('readers of one partition', () => {
  it('share a look, however many they are, and none gets one from before it asked', async () => {
    const { store, asked, answer } = slowStore();
    const looks = new Looks(store);
    const first = looks.look(0, POSITIONS);
    const others = Array.from({ length: 100 }, () => looks.look(0, POSITIONS));
    answer();
    expect((await first).number).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toHaveLength(2);
    answer();
    for (const { number } of await Promise.all(others)) expect(number).toBe(2);
  });

  it('ask for what any of them needs, and only for counts that are not known', async () => {
    const { store, asked, answer } = slowStore();
    const looks = new Looks(store);
    const first = looks.look(0, { channels: false, counted: [1, 2] });
    const second = looks.look(0, { channels: true, counted: [2, 3] });
    answer();
    expect((await first).counts).toEqual([1, 1]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked[1]).toMatchObject({ channels: true, counted: [3], since: { number: 1 } });
    answer();
    expect((await second).counts).toEqual([1, 2]);
    const third = looks.look(0, { channels: false, counted: [1, 2, 3] });
    answer();
    expect((await third).counts).toEqual([3, 1, 2]);
  });

  it('go on after a look that has failed', async () => {
    let isFailing = true;
    const { store, answer } = slowStore();
    const looks = new Looks({
      ...store,
      look: (partition, request) =>
        isFailing ? Promise.reject(new Error('gone')) : store.look(partition, request),
    });
    await expect(looks.look(0, POSITIONS)).rejects.toThrow('gone');
    isFailing = false;
    const next = looks.look(0, POSITIONS);
    answer();
    expect((await next).number).toBe(1);
  });

  it('get the same list of counts as long as none of them has changed', async () => {
    const { store, answer } = slowStore();
    const looks = new Looks(store);
    const [changing, still] = [[1], [2]];
    const read = async (counted: number[]) => {
      const status = looks.look(0, { channels: false, counted });
      answer();
      return (await status).counts;
    };
    await read(still);
    const before = await read(still);
    expect(await read(still)).toBe(before);
    const old = await read(changing);
    expect(await read(changing)).not.toBe(old);
  });
});
