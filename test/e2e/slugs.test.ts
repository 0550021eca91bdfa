/**
 * slugs.test.ts – A reader that knows Redis and nothing else of us: it reads a slug's predicate id,
 * then the sets of that predicate id, and what it finds are the members, before, while and after a
 * segment is edited, deleted and made again.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built, eventually, openTestDeployment } from '../support/deployment.ts';
import { freshPrefix } from '../support/redis.ts';

let api: TestApi;
let prefix: string;
beforeEach(async () => {
  prefix = freshPrefix();
  api = await openTestApi({ prefix });
  await api.call('PUT', '/v1/object-types/contacts', { attributes: { age: { type: 'number' } } });
  for (let age = 0; age < 40; age++) await api.call('PUT', `/v1/records/contacts/c${age}`, { age });
});
afterEach(() => api.close());

const over = (value: number) => ({
  combinator: 'and',
  rules: [{ field: 'age', operator: '>=', value }],
});
const segment = (slug: string, age: number) => ({
  title: slug,
  slug,
  object_type: 'contacts',
  query: over(age),
});

/** By names that are written down for readers, not taken from our code. */
async function read(slug: string): Promise<number | undefined> {
  const { redis } = api.deployment;
  const predicateId = await redis.hget(`${prefix}:{catalog}:slugs`, slug);
  if (predicateId === null) return undefined;
  const sizes = await Promise.all(
    [0, 1, 2, 3].map((p) => redis.scard(`${prefix}:{${p}}:segment:${predicateId}`)),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

const slugs = () => api.deployment.redis.hgetall(`${prefix}:{catalog}:slugs`);

describe('the hash of slugs', () => {
  it('leads to the members, and there is no field before the first build', async () => {
    expect(await slugs()).toEqual({});
    await api.call('POST', '/v1/segments', segment('a', 30));
    await built(api.deployment);
    expect(await read('a')).toBe(10);
    const { predicateId } = api.deployment.store.catalog.segments.get('a')!;
    expect(await slugs()).toEqual({ a: String(predicateId) });
  });

  it('has no field while a segment has never been built', async () => {
    // Nobody builds here.
    const idle = await openTestDeployment({ prefix: freshPrefix(), runsWorker: false });
    await idle.objectTypes.put('contacts', { attributes: { age: { type: 'number' } } });
    await idle.segments.create(segment('a', 30));
    expect(await idle.redis.hgetall(idle.keys.catalog.slugs)).toEqual({});
    await idle.close();
  });

  it('is never stale: a reader at any moment of an edit finds the old members or the new, and never others', async () => {
    await api.call('POST', '/v1/segments', segment('a', 30));
    await built(api.deployment);
    const seen = new Set<number | undefined>();
    for (const age of [20, 10, 0, 35]) {
      await api.call('PATCH', '/v1/segments/a', { query: over(age) });
      const isBuilt = built(api.deployment);
      let isOver = false;
      void isBuilt.then(() => (isOver = true));
      while (!isOver) seen.add(await read('a'));
      expect(await read('a')).toBe(40 - age);
    }
    expect([10, 20, 30, 40, 5]).toEqual(expect.arrayContaining([...seen]));
  });

  it('forgets what is deleted, and knows what is made again under the slug', async () => {
    await api.call('POST', '/v1/segments', segment('a', 30));
    await api.call('POST', '/v1/segments', segment('b', 30));
    await built(api.deployment);
    await api.call('DELETE', '/v1/segments/a');
    expect(Object.keys(await slugs())).toEqual(['b']);
    await api.call('POST', '/v1/segments', segment('a', 15));
    await built(api.deployment);
    expect([await read('a'), await read('b')]).toEqual([25, 10]);
  });

  it('follows users of what is edited, seeds and rebuilds', async () => {
    const uses = { combinator: 'and', rules: [{ field: '', operator: 'inSegment', value: 'a' }] };
    const seed = [
      { object_type: 'segments', data: segment('a', 30) },
      { object_type: 'segments', data: { ...segment('user', 0), query: uses } },
    ];
    await api.call('POST', '/v1/seeds', seed);
    await built(api.deployment);
    expect([await read('a'), await read('user')]).toEqual([10, 10]);
    await api.call('PATCH', '/v1/segments/a', { query: over(5) });
    await built(api.deployment);
    expect([await read('a'), await read('user')]).toEqual([35, 35]);
  });

  it('is completed at a start over a deployment that had none, or another', async () => {
    await api.call('POST', '/v1/segments', segment('a', 30));
    await built(api.deployment);
    const { redis, keys } = api.deployment;
    const before = await slugs();
    await redis.del(keys.catalog.slugs);
    await redis.hset(keys.catalog.slugs, 'gone', '77');
    const other = await openTestDeployment({ prefix });
    expect(await slugs()).toEqual(before);
    await eventually(
      'the first process follows',
      () => api.deployment.store.catalog.version === other.store.catalog.version,
    );
    await other.close();
    expect((await api.call('POST', '/v1/segments', segment('b', 1))).statusCode).toBe(201);
  });
});
