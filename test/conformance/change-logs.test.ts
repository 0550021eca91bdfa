/**
 * change-logs.test.ts – The promises of the port through which writers bring changes into logs.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import type { ChangeLogs, LogAppend, PartialOutcomes } from '../../src/engine/change-logs.ts';
import { RedisChangeLogs } from '../../src/redis/change-logs.ts';
import { StreamTail } from '../../src/redis/stream-tail.ts';
import { CommittingOwner } from './commits.ts';
import { eventually } from './eventually.ts';
import { openRedisWorld, type RedisWorld } from './redis-world.ts';

let world: RedisWorld;
let logs: ChangeLogs;
let tail: StreamTail;

beforeEach(async () => {
  world = await openRedisWorld();
  tail = new StreamTail(world.url, () => {});
  tail.start();
  logs = new RedisChangeLogs(world.redis, world.keys, tail);
  return async () => {
    await tail.stop();
    await world.close();
  };
});

const append = (sequence: number, given: Partial<LogAppend> = {}) =>
  logs.append(0, {
    source: 'me',
    epoch: 1,
    sequence,
    entriesMax: 100,
    entry: { checkedAt: 4, replyTo: undefined, payload: '[]' },
    ...given,
  });
const inLog = async () => (await world.seen(0)).log;

describe('an entry', () => {
  it('is appended once, and its id is known as long as it is the last one', async () => {
    const first = await append(1);
    expect(first).toEqual({ status: 'appended', entry: (await inLog())[0] });
    expect(await append(1)).toEqual({ ...first, status: 'duplicate' });
    await append(2);
    expect(await append(1)).toEqual({ status: 'duplicate', entry: '' });
    expect(await inLog()).toHaveLength(2);
  });

  it('is refused when one before it is missing, or its epoch is over', async () => {
    expect(await append(2)).toEqual({ status: 'gap', last: 0 });
    await append(1, { epoch: 3 });
    expect(await append(2)).toEqual({ status: 'old', epoch: 3 });
  });

  it('is refused by a full log, and appended under its number when there is room', async () => {
    await append(1);
    expect(await append(2, { entriesMax: 1 })).toEqual({ status: 'full', entries: 1 });
    expect(await append(2, { entriesMax: 2 })).toMatchObject({ status: 'appended' });
  });

  it('of another source is numbered apart', async () => {
    await append(1);
    expect(await append(1, { source: 'you' })).toMatchObject({ status: 'appended' });
  });
});

describe('a source', () => {
  it('that is forgotten begins anew', async () => {
    await append(1);
    await logs.forget('me');
    expect(await append(1)).toMatchObject({ status: 'appended' });
  });

  it('that was quiet for long is forgotten, others and partitions are not', async () => {
    await append(1);
    const me = await world.stores[0]!.channel(1);
    await world.stores[0]!.beginEpoch({ source: 1, seen: me.seen, epoch: 9, sequence: 4 });
    await logs.forgetQuiet(Date.now() - 60_000);
    expect(await append(1)).toMatchObject({ status: 'duplicate' });
    await logs.forgetQuiet(Date.now() + 60_000);
    expect(await append(2)).toEqual({ status: 'gap', last: 0 });
    expect((await world.stores[0]!.channel(1)).position).toEqual({ epoch: 9, sequence: 4 });
  });
});

describe('outcomes', () => {
  it('are told from now on, in all partitions, to whoever waits for them', async () => {
    const owners = await Promise.all(
      world.stores.map((store) => new CommittingOwner(store, world.install).acquire()),
    );
    const part = (replyTo: string, from: number) =>
      ({ replyTo, from, total: 3, outcomes: ['created', 'dead'] }) as const;
    await owners[0]!.commit({ outcomes: [part('me.1', 0)] });
    const got: [string, PartialOutcomes][] = [];
    await logs.listen({
      isWaitedFor: (replyTo) => replyTo.startsWith('me.'),
      onOutcomes: (replyTo, outcomes) => got.push([replyTo, outcomes]),
    });
    await owners[0]!.commit({ outcomes: [part('me.2', 1), part('you.1', 0)] });
    await owners[1]!.commit({ outcomes: [part('me.3', 0)] });
    await eventually(() => expect(got).toHaveLength(2));
    const outcomes = ['created', 'dead'];
    expect(new Map(got)).toEqual(
      new Map([
        ['me.2', { from: 1, total: 3, outcomes }],
        ['me.3', { from: 0, total: 3, outcomes }],
      ]),
    );
  });
});
