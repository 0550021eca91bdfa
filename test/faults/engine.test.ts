/**
 * engine.test.ts – Whatever breaks between the engine and Redis, what was acknowledged is applied
 * once, in order, and the segments are those of json-logic-js.
 */
import { afterEach, describe, expect, inject, it } from 'vitest';
import type { Change } from '../../src/change/change.ts';
import { DEFAULT_LIMITS } from '../../src/limits.ts';
import type { Attributes } from '../../src/query/predicate/view.ts';
import type { TestDeployment } from '../support/client.ts';
import {
  built,
  createSegment,
  differences,
  eventually,
  openTestDeployment,
  send,
} from '../support/deployment.ts';
import { openProxy } from '../support/proxy.ts';
import { freshPrefix, startPrivateRedis } from '../support/redis.ts';

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

async function open(
  options: Parameters<typeof openTestDeployment>[0] = {},
): Promise<TestDeployment> {
  const deployment = await openTestDeployment(options);
  opened.push(deployment);
  return deployment;
}

const rule = (field: string, operator: string, value: unknown) => ({
  combinator: 'and',
  rules: [{ field, operator, value }],
});

async function declare(deployment: TestDeployment): Promise<void> {
  await deployment.objectTypes.put('contacts', {
    attributes: { n: { type: 'number' }, even: { type: 'boolean' } },
  });
  await createSegment(deployment, 'low', 'contacts', rule('n', '<', 50));
  await createSegment(deployment, 'even', 'contacts', rule('even', '=', true));
  await createSegment(deployment, 'odd', 'contacts', rule('even', '!=', true));
}

/**
 * `count` records whose `n` is counted up `rounds` times: a change that is lost, doubled or swapped
 * shows in `version` or `n`.
 */
function* rounds(count: number, from: number, to: number): Generator<Change> {
  for (let n = from; n < to; n++) {
    for (let i = 0; i < count; i++)
      yield { op: 'put', object_type: 'contacts', id: `r${i}`, data: { n, even: n % 2 === 0 } };
  }
}

const documents = (count: number, n: number) =>
  Array.from({ length: count }, (_, i) => ({ id: `r${i}`, document: { n, even: n % 2 === 0 } }));

async function expectRounds(deployment: TestDeployment, count: number, n: number): Promise<void> {
  expect(await differences(deployment, documents(count, n))).toEqual([]);
  const records = await deployment.records.some(
    'contacts',
    documents(count, n).map(({ id }) => id),
  );
  for (const record of records) expect(record).toMatchObject({ version: n + 1, data: { n } });
}

describe('an ingest goes on and loses, doubles and swaps nothing', () => {
  it('while all connections are killed and the scripts are forgotten, again and again', async () => {
    const deployment = await open();
    await declare(deployment);
    const { Redis } = await import('ioredis');
    const saboteur = new Redis(inject('redisUrl'));
    const own = await deployment.redis.client('ID');
    const timer = setInterval(() => {
      void saboteur.script('FLUSH').catch(() => {});
      void deployment.redis
        .client('ID')
        .then((id) => saboteur.client('KILL', 'ID', id))
        .catch(() => {});
    }, 40);
    await send(deployment, rounds(200, 0, 40));
    clearInterval(timer);
    saboteur.disconnect();
    await eventually('Redis answers again', () =>
      deployment.redis.ping().then(
        () => true,
        () => false,
      ),
    );
    expect(await deployment.redis.client('ID')).not.toBe(own);
    await expectRounds(deployment, 200, 39);
  });

  it('while replies are lost after the work was done', async () => {
    const proxy = await openProxy(inject('redisUrl'));
    opened.push(proxy);
    const deployment = await open({ redisUrl: proxy.url });
    await declare(deployment);
    let isRunning = true;
    const sabotage = (async () => {
      while (isRunning) {
        await new Promise((resolve) => setTimeout(resolve, 60));
        proxy.loseReplies(true);
        await new Promise((resolve) => setTimeout(resolve, 15));
        proxy.loseReplies(false);
        proxy.cut();
      }
    })();
    await send(deployment, rounds(200, 0, 12));
    isRunning = false;
    await sabotage;
    await eventually('Redis answers again', () =>
      deployment.redis.ping().then(
        () => true,
        () => false,
      ),
    );
    await expectRounds(deployment, 200, 11);
  });

  it('when Redis is killed with -9 and started again on its log', async () => {
    const redis = await startPrivateRedis();
    opened.push({ close: () => redis.stop() });
    const deployment = await open({ redisUrl: redis.url });
    await declare(deployment);
    await send(deployment, rounds(100, 0, 5));
    await redis.kill9();
    await expect(deployment.segmentCounts.read(['low'])).rejects.toThrow();
    await deployment.close().catch(() => {});
    opened.pop();
    await redis.restart();
    const prefix = deployment.keys.catalog.meta.split(':')[0]!;
    const again = await open({ redisUrl: redis.url, prefix });
    await eventually('all partitions are owned', () => again.worker!.owned === 4);
    await send(again, rounds(100, 5, 9));
    await expectRounds(again, 100, 8);
  });
});

describe('ownership', () => {
  it('passes to another process when one stops, and nothing is applied twice', async () => {
    const prefix = freshPrefix();
    const first = await open({ prefix });
    await declare(first);
    const second = await open({ prefix });
    expect(second.worker!.owned).toBe(0);
    const sending = send(second, rounds(200, 0, 20));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const stoppedAtMs = Date.now();
    opened.splice(opened.indexOf(first), 1);
    await first.close();
    await eventually('the second owns all partitions', () => second.worker!.owned === 4);
    expect(Date.now() - stoppedAtMs).toBeLessThan(3000);
    await sending;
    await expectRounds(second, 200, 19);
  });

  it('that was taken away while the owner slept fences it off, and it takes the partition anew', async () => {
    const deployment = await open({ partitions: 1 });
    await declare(deployment);
    const { owner, meta } = deployment.keys.partitions[0]!;
    await send(deployment, rounds(10, 0, 1));
    // another owner commits under its own token, and goes
    await deployment.redis.set(owner, 'another', 'PX', 300);
    await deployment.redis.hincrby(meta, 'number', 1);
    await send(deployment, rounds(10, 1, 6));
    await expectRounds(deployment, 10, 5);
  });

  it('of a partition whose commits were rolled back starts again from what is stored', async () => {
    const deployment = await open({ partitions: 1 });
    await declare(deployment);
    await send(deployment, rounds(10, 0, 3));
    const { meta } = deployment.keys.partitions[0]!;
    // as a fail-over to a replica that lacks the last commit's number (its rows are the same here:
    // what counts is that it reads again)
    await deployment.redis.hincrby(meta, 'number', -1);
    await send(deployment, rounds(10, 3, 6));
    await expectRounds(deployment, 10, 5);
  });

  it('of a partition whose data has vanished is refused: it does not start from zero', async () => {
    const prefix = freshPrefix();
    const first = await open({ prefix });
    await declare(first);
    const { meta } = first.keys.partitions[0]!;
    opened.splice(opened.indexOf(first), 1);
    await first.close();
    const { Redis } = await import('ioredis');
    const redis = new Redis(inject('redisUrl'));
    await redis.del(meta);
    redis.disconnect();
    const second = await open({ prefix });
    await eventually('the partition stops', () => second.worker!.fatal.length === 1);
    expect(second.worker!.fatal[0]!.message).toContain('not started from zero');
    await eventually('the others go on', () => second.worker!.owned === 3);
  });
});

describe('a change that can not be applied', () => {
  it('of a type that nobody declares is kept with the dead letters, and the ones after it go on', async () => {
    const deployment = await open({ partitions: 1 });
    await declare(deployment);
    const [keys] = deployment.keys.partitions;
    const foreign = [
      { op: 'put', object_type: 'ghosts', id: 'g', data: {} },
      { op: 'put', object_type: 'contacts', id: 'r0', data: { n: 0, even: true } },
    ];
    await deployment.redis.xadd(keys!.log, '*', 'v', '0', 'c', JSON.stringify(foreign));
    await deployment.redis.xadd(keys!.log, '*', 'v', '0', 'c', 'not json');
    await send(deployment, rounds(2, 1, 2));
    const letters = await deployment.redis.xrange(keys!.dead, '-', '+');
    expect(letters.map(([, fields]) => fields[fields.indexOf('code') + 1])).toEqual([
      'object_type_unknown',
      'entry_malformed',
    ]);
    expect(letters[0]![1].join()).toContain('ghosts');
    expect(await differences(deployment, documents(2, 1))).toEqual([]);
  });

  it('because the step fails on it goes to the dead letters after three tries, alone', async () => {
    const fault = ({ n }: Attributes) => {
      if (n === 13) throw new Error('a bug that meets this value');
    };
    const deployment = await open({ partitions: 1, networkOptions: { fault } });
    await declare(deployment);
    const changes: Change[] = [1, 13, 2].map((n) => ({
      op: 'put',
      object_type: 'contacts',
      id: `r${n}`,
      data: { n, even: false },
    }));
    expect(await send(deployment, changes)).toBe(2);
    const letters = await deployment.redis.xrange(deployment.keys.partitions[0]!.dead, '-', '+');
    expect(letters).toHaveLength(1);
    expect(letters[0]![1]).toEqual(
      expect.arrayContaining([
        'change_failed',
        'a bug that meets this value',
        JSON.stringify(changes[1]),
      ]),
    );
    const left = [1, 2].map((n) => ({ id: `r${n}`, document: { n, even: false } }));
    expect(await differences(deployment, left)).toEqual([]);
  });
});

describe('a record that patches let grow', () => {
  it('is bounded: the patch that would make it too long goes to the dead letters, and the ones after it go on', async () => {
    const deployment = await open({ partitions: 1 });
    await declare(deployment);
    const patch = (name: string, value: string): Change => ({
      op: 'patch',
      object_type: 'contacts',
      id: 'r0',
      data: { [name]: value },
    });
    await send(deployment, rounds(1, 0, 1));
    const changes = ['a', 'b', 'c'].map((name) => patch(name, name.repeat(900_000)));
    expect(await send(deployment, [...changes, patch('d', 'd')])).toBe(3);
    const [record] = await deployment.records.some('contacts', ['r0']);
    expect(Object.keys(record!.data)).toEqual(['n', 'even', 'a', 'b', 'd']);
    expect(deployment.worker!.fatal).toEqual([]);
  });
});

describe('builds', () => {
  it('of many segments go on beside live changes, and are right', async () => {
    const deployment = await open();
    await declare(deployment);
    await send(deployment, rounds(3000, 0, 1));
    const live = send(deployment, rounds(3000, 1, 8));
    for (let i = 0; i < 20; i++) {
      await deployment.segments.create({
        title: 'n',
        slug: `n-${i}`,
        object_type: 'contacts',
        query: rule('n', i % 2 ? '>=' : '!=', i % 9),
      });
      if (i > 2)
        await deployment.segments.patch(`n-${i - 2}`, {
          query: rule('n', 'between', [i % 5, i % 11]),
        });
      if (i > 5) await deployment.segments.remove(`n-${i - 5}`);
    }
    await live;
    await built(deployment);
    await expectRounds(deployment, 3000, 7);
    const predicateIds = new Set(
      [...deployment.store.catalog.segments.values()].map(({ predicateId }) => predicateId),
    );
    for (const { counts } of deployment.keys.partitions) {
      expect(new Set((await deployment.redis.hkeys(counts)).map(Number))).toEqual(predicateIds);
    }
  });

  it('are finished by the next process when one stops in the middle', async () => {
    const prefix = freshPrefix();
    const first = await open({ prefix });
    await declare(first);
    await send(first, rounds(5000, 0, 1));
    await first.segments.create({
      title: 'all',
      slug: 'all',
      object_type: 'contacts',
      query: rule('n', 'notNull', undefined),
    });
    opened.splice(opened.indexOf(first), 1);
    await first.close();
    const second = await open({ prefix });
    await built(second);
    await expectRounds(second, 5000, 0);
  });
});

describe('a session that loses Redis', () => {
  it('refuses all of a partition after the first delivery that failed, so that what is sent again comes in its order', async () => {
    const redis = await startPrivateRedis();
    opened.push({ close: () => redis.stop() });
    const deployment = await open({ redisUrl: redis.url, partitions: 1 });
    await declare(deployment);
    const session = deployment.ingest.session({ wait: 'accepted', timeoutMs: 1000 });
    const lines = [...rounds(1, 0, 2000)];
    for (const [at, change] of lines.entries()) {
      if (at === 600) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        await redis.kill9();
      }
      await session.addParsed(at + 1, change);
    }
    const { accepted, rejected, rejectedTotal } = await session.finish();
    expect(accepted + rejectedTotal).toBe(lines.length);
    expect(rejectedTotal).toBeGreaterThan(0);
    const listed = Math.min(rejectedTotal, DEFAULT_LIMITS.rejectedLines);
    expect(rejected.map(({ line }) => line)).toEqual(
      Array.from({ length: listed }, (_, i) => accepted + i + 1),
    );
    expect(new Set(rejected.map(({ code }) => code))).toEqual(new Set(['redis_unavailable']));
  });
});

describe('a Redis that is full', () => {
  it('refuses writers and stops no partition, and all goes on when there is room again', async () => {
    const redis = await startPrivateRedis();
    opened.push({ close: () => redis.stop() });
    const deployment = await open({ redisUrl: redis.url, partitions: 2 });
    await declare(deployment);
    expect(await send(deployment, rounds(100, 0, 1), 'accepted')).toBe(100);
    await deployment.redis.config('SET', 'maxmemory', '1');
    const [change] = rounds(1, 1, 2);
    const refused = deployment.ingest.one(change, { wait: 'applied', timeoutMs: 1000 });
    await expect(refused).rejects.toMatchObject({ code: 'redis_full' });
    await deployment.redis.config('SET', 'maxmemory', '0');
    expect(deployment.worker!.fatal).toEqual([]);
    expect(await send(deployment, rounds(100, 1, 2))).toBe(100);
    await expectRounds(deployment, 100, 1);
  });
});

describe('a process that has not heard of the newest catalog', () => {
  it('answers with the segment as it is, though the set that it knows is gone', async () => {
    const prefix = freshPrefix();
    const working = await open({ prefix });
    await declare(working);
    await send(working, rounds(100, 0, 1));
    const late = await open({ prefix, runsWorker: false });
    const { catalog } = late.store;
    const apply = catalog.apply.bind(catalog);
    const load = catalog.load.bind(catalog);
    catalog.apply = catalog.load = () => {};
    await working.segments.patch('low', { query: rule('n', '<', 40) });
    await built(working);
    await eventually(
      'the old set is gone',
      async () => (await working.redis.exists(working.keys.partitions[0]!.segment(1))) === 0,
    );
    Object.assign(catalog, { apply, load });
    expect((await late.members.page('low', { limit: 1000, cursor: undefined })).data).toHaveLength(
      100,
    );
    expect(await late.members.isMember('low', 'r1')).toBe(true);
  });
});

describe('an attribute that gets another type and its old one back', () => {
  it('has its segments built anew, for what happened in between was seen with other eyes', async () => {
    const deployment = await open();
    const retype = (type: string) =>
      deployment.objectTypes.put('things', { attributes: { x: { type } } });
    const put = (id: string, x: unknown): Change => ({
      op: 'put',
      object_type: 'things',
      id,
      data: { x },
    });
    await retype('string');
    await send(
      deployment,
      Array.from({ length: 20_000 }, (_, i) => put(`r${i}`, '5')),
    );
    await createSegment(deployment, 'five', 'things', rule('x', '=', '5'));
    await createSegment(deployment, 'none', 'things', rule('x', 'null', undefined));
    await retype('number');
    // Among those that the backfill under the new type comes to last.
    await send(deployment, [put('r9999', 7)]);
    await retype('string');
    await built(deployment);
    const { counts } = await deployment.segmentCounts.read(['five', 'none']);
    expect(counts.map(({ count }) => count)).toEqual([19_999, 1]);
  });
});

describe('a step that takes longer than the lease', () => {
  it('is committed all the same when nobody else has come, instead of being tried for ever', async () => {
    let stalls = 0;
    const fault = ({ n }: Attributes) => {
      if (n !== 13) return;
      stalls++;
      const untilMs = Date.now() + 3500;
      while (Date.now() < untilMs);
    };
    const deployment = await open({ partitions: 1, networkOptions: { fault } });
    await declare(deployment);
    const changes: Change[] = [1, 13].map((n) => ({
      op: 'put',
      object_type: 'contacts',
      id: `r${n}`,
      data: { n, even: false },
    }));
    expect(await send(deployment, changes)).toBe(2);
    expect(stalls).toBe(1);
  });
});
