/**
 * looks.test.ts – What a look at a partition promises, against every implementation: a reader that
 * keeps counts from look to look has those that are stored, whatever became of the partition.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { Looks } from '../../src/membership/looks.ts';
import type { CommitMark, LookRequest } from '../../src/membership/partition-status.ts';
import { COUNTED_RING } from '../../src/redis/rows/counted.ts';
import { CommittingOwner } from './commits.ts';
import type { StoreWorld } from './store-world.ts';
import { WORLDS } from './worlds.ts';

const FAILURE = { object_type: 'contacts', id: 'c', passed: '5 MB' } as const;

describe.each(WORLDS)('a look at a partition of $name', ({ open }) => {
  let world: StoreWorld;
  let owner: CommittingOwner;
  let looks: Looks;
  let names = 0;

  beforeEach(async () => {
    world = await open();
    owner = await new CommittingOwner(world.stores[0]!, world.install).acquire();
    looks = new Looks(world.statuses);
    return () => world.close();
  });

  const enter = (predicateId: number, entering = 1) =>
    owner.commit({
      entering: new Map([[predicateId, Array.from({ length: entering }, () => `m${++names}`)]]),
      counted: [predicateId],
    });
  const counts = async (...counted: number[]) =>
    (await looks.look(0, { channels: false, counted })).counts;
  const look = (request: Partial<LookRequest>) =>
    world.statuses.look(0, {
      channels: false,
      counted: [],
      since: undefined,
      failures: '',
      ...request,
    });
  const mark = async (): Promise<CommitMark> => {
    const { number, nonce } = await look({});
    return { number, nonce };
  };

  it('brings what has changed since a commit, and no more', async () => {
    await enter(1);
    await enter(2);
    const since = await mark();
    expect((await look({ since })).changed).toEqual(new Map());
    await enter(2, 3);
    await owner.commit({});
    await enter(3);
    expect((await look({ since })).changed).toEqual(
      new Map([
        [2, 4],
        [3, 1],
      ]),
    );
  });

  it('says that a predicate which was dropped or has failed is not answered for', async () => {
    await enter(1);
    await enter(2);
    expect(await counts(1, 2, 3)).toEqual([1, 1, null]);
    await owner.commit({ dropped: [1] });
    await owner.commit({ failed: new Map([[2, FAILURE]]) });
    expect(await counts(1, 2, 3)).toEqual([null, null, null]);
    const { failed } = await looks.look(0, { channels: false, counted: [] });
    expect([...failed]).toEqual([[2, FAILURE]]);
    await owner.commit({ healed: [2] });
    expect((await looks.look(0, { channels: false, counted: [] })).failed.size).toBe(0);
  });

  it('reads what has failed only if it is not what is known', async () => {
    await owner.commit({ failed: new Map([[2, FAILURE]]) });
    const { failures, failed } = await look({});
    expect(failed).toEqual(new Map([[2, FAILURE]]));
    await owner.commit({});
    expect((await look({ failures })).failed).toBeUndefined();
  });

  it.each([
    [COUNTED_RING - 1, true],
    [COUNTED_RING, false],
  ])('after %i commits knows what has changed: %s', async (commits, isKnown) => {
    await enter(1);
    const since = await mark();
    for (let at = 0; at < commits; at++) await owner.commit({});
    expect((await look({ since })).changed !== undefined).toBe(isKnown);
  });

  it('does not take another commit of the same number for one that was rolled back', async () => {
    await enter(1);
    const rollBack = await world.snapshot(0);
    await enter(1);
    await enter(2);
    expect(await counts(1, 2)).toEqual([2, 1]);
    const since = await mark();
    await rollBack();
    owner = await new CommittingOwner(world.stores[0]!, world.install).acquire().catch(takeOver);
    expect((await look({ since })).changed).toBeUndefined();
    await owner.commit({ entering: new Map([[3, ['x']]]), counted: [3] });
    await enter(3);
    expect((await mark()).number).toBe(since.number);
    expect((await look({ since })).changed).toBeUndefined();
    await enter(3);
    expect((await look({ since })).changed).toBeUndefined();
    expect(await counts(1, 2, 3)).toEqual([1, null, 3]);
  });

  const takeOver = async () => {
    await world.loseLease(0);
    return new CommittingOwner(world.stores[0]!, world.install).acquire();
  };

  it('keeps the counts through a take-over', async () => {
    await enter(1);
    expect(await counts(1)).toEqual([1]);
    owner = await takeOver();
    await enter(2);
    expect(await counts(1, 2)).toEqual([1, 1]);
  });

  it('brings the counts that a reader asks for later', async () => {
    await enter(1);
    expect(await counts(1)).toEqual([1]);
    await enter(2, 2);
    expect(await counts(2, 1)).toEqual([2, 1]);
  });

  it('of a commit that has changed very many brings them all the same', async () => {
    await enter(1);
    expect(await counts(1, 900)).toEqual([1, null]);
    const some = Array.from({ length: 900 }, (_, at) => at + 1);
    await owner.commit({ entering: new Map([[900, ['x']]]), counted: some });
    expect(await counts(1, 900)).toEqual([1, 1]);
  });

  it('tells where the partition stands in its channels, only if it is asked', async () => {
    const sent = { epoch: 5, sequence: 1, catalogVersion: 1, payload: '[]' };
    await owner.commit({ outbox: [{ target: 1, ...sent }], resending: [1] });
    await world.stores[0]!.deliver({ source: 1, base: 0, ...sent });
    const { sent: known, delivered, loss } = await look({ channels: true });
    expect([known, delivered, loss]).toEqual([['', '5 1'], ['', '5 1'], 'resynchronizing']);
    expect((await look({})).loss).toBeUndefined();
    await owner.commit({ broken: [1] });
    expect((await look({ channels: true })).loss).toBe('broken');
  });
});
