/**
 * partition-store.test.ts – The promises of the partition store, each against every implementation.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { CommittingOwner, recordRow, row, touched } from './commits.ts';
import { openRedisWorld } from './redis-world.ts';
import type { StoreWorld } from './store-world.ts';

const WORLDS: readonly (readonly [name: string, open: () => Promise<StoreWorld>])[] = [
  ['Redis', openRedisWorld],
];

describe.each(WORLDS)('the partition store of %s', (_, open) => {
  let world: StoreWorld;
  let owner: CommittingOwner;
  const store = () => world.stores[0]!;

  beforeEach(async () => {
    world = await open();
    owner = await new CommittingOwner(store(), world.install).acquire();
    return () => world.close();
  });

  const stored = async (...ids: string[]) => {
    const loaded = await store().records([{ objectType: 'contacts', ids }], 1e9);
    return loaded.kind === 'rows' ? loaded.rows : loaded.bytes;
  };

  describe('a record', () => {
    it('is read as it was committed, with its state', async () => {
      const made = row(recordRow({ name: 'Ada' }, { sourceVersion: 3 }), [2, 40], 9000);
      expect(await owner.commit({ records: [touched('a', made)] })).toBe('ok');
      expect(await stored('a', 'b')).toEqual([made, undefined]);
    });
  });
});
