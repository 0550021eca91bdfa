/**
 * commit-channel.test.ts – A process in which somebody waits hears of the commits of others.
 */
import { expect, it } from 'vitest';
import { RedisCommitChannel } from '../../src/redis/commit-channel.ts';
import { CommittingOwner } from './commits.ts';
import { eventually } from './eventually.ts';
import { openRedisWorld } from './redis-world.ts';

it('commits are heard of in the partition that is followed, and in no other', async () => {
  const world = await openRedisWorld();
  const heard: number[] = [];
  const hear = (partition: number) => heard.push(partition);
  const channel = new RedisCommitChannel(world.url, world.keys.partitions, hear, () => {});
  try {
    const owners: CommittingOwner[] = [];
    for (const store of world.stores)
      owners.push(await new CommittingOwner(store, world.install).acquire());
    channel.follow(1);
    const isCommitting = setInterval(() => owners.forEach((owner) => void owner.commit({})), 20);
    await eventually(() => expect(heard.length).toBeGreaterThan(2)).finally(() =>
      clearInterval(isCommitting),
    );
    expect(new Set(heard)).toEqual(new Set([1]));
  } finally {
    channel.close();
    await world.close();
  }
});
