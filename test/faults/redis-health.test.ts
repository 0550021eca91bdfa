/**
 * redis-health.test.ts – A Redis that is full, that would evict, or that hangs: each is named,
 * nobody waits for it, nothing is half done, and when it is well again everything goes on by
 * itself.
 */
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { evictionFault } from '../../src/redis/health.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { eventually, openTestDeployment } from '../support/deployment.ts';
import { freshPrefix, type PrivateRedis, startPrivateRedis } from '../support/redis.ts';

const all = { combinator: 'and', rules: [] };
const adults = { combinator: 'and', rules: [{ field: 'age', operator: '>=', value: 18 }] };
const segment = (slug: string, query: unknown) => ({
  title: slug,
  slug,
  object_type: 'contacts',
  query,
});
const view = {
  title: 'v',
  slug: 'v',
  object_type: 'contacts',
  segment: 'adults',
  columns: [{ path: 'age' }],
};

/** A Redis of its own, an API on it, and who sees to both. */
interface World {
  readonly redis: PrivateRedis;
  readonly prefix: string;
  readonly api: TestApi;
  /** A connection that is not the API's. */
  readonly control: Redis;
  /** The process of that Redis. */
  readonly pid: number;
  call(method: string, url: string, body?: unknown, type?: string): Called;
  countOf(slug: string): Promise<number>;
  readiness(): Promise<{ status: unknown; detail?: string }>;
}
type Called = ReturnType<TestApi['call']>;

async function openWorld(): Promise<World> {
  const redis = await startPrivateRedis({ appendfsync: 'no' });
  const control = new Redis(redis.url);
  control.on('error', () => {});
  const pid = Number(/process_id:(\d+)/.exec(await control.info('server'))![1]);
  const prefix = freshPrefix();
  const api = await openTestApi({ redisUrl: redis.url, prefix });
  const call: World['call'] = (method, url, body, type) =>
    api.call(method, url, body, type === undefined ? {} : { type });
  await call('PUT', '/v1/object-types/contacts', { attributes: { age: { type: 'number' } } });
  await call('POST', '/v1/segments', segment('adults', adults));
  await call('POST', '/v1/segments', segment('everyone', all));
  await call('POST', '/v1/views', view);
  await call('PUT', '/v1/records/contacts/ada', { age: 36 });
  return {
    redis,
    prefix,
    api,
    control,
    pid,
    call,
    countOf: async (slug) => {
      const answer = await call('GET', `/v1/segments/counts?slug=${slug}`);
      return answer.json<{ counts: { count: number }[] }>().counts[0]!.count;
    },
    readiness: async () =>
      (await call('GET', '/readyz')).json<{ status: unknown; detail?: string }>(),
  };
}

async function closeWorld({ redis, api, control, pid }: World): Promise<void> {
  process.kill(pid, 'SIGCONT');
  await api.close();
  control.disconnect();
  await redis.stop();
}

/** Each test has a world of its own, so that several wait at once. */
const it = test.extend<{ world: World }>({
  // biome-ignore lint/correctness/noEmptyPattern: a fixture names the fixtures that it needs
  world: async ({}, use) => {
    const world = await openWorld();
    await use(world);
    await closeWorld(world);
  },
});

describe.concurrent('a full Redis', () => {
  const fill = async ({ control, readiness }: World) => {
    await control.config('SET', 'maxmemory', '1mb');
    await eventually('it is noticed', async () => (await readiness()).status === 503);
  };

  const WRITES: readonly (readonly [string, string, unknown?, string?])[] = [
    [
      'PUT',
      '/v1/object-types/contacts',
      { attributes: { age: { type: 'number' }, x: { type: 'string' } } },
    ],
    ['PUT', '/v1/object-types/others', { attributes: {} }],
    ['POST', '/v1/segments', segment('new', all)],
    ['PUT', '/v1/segments/adults', segment('adults', all)],
    ['PATCH', '/v1/segments/everyone', { query: adults }],
    ['DELETE', '/v1/segments/everyone'],
    ['POST', '/v1/views', { ...view, slug: 'new' }],
    ['PATCH', '/v1/views/v', { title: 'w' }],
    ['DELETE', '/v1/views/v'],
    ['POST', '/v1/views/v/activations', { url: 'https://93.184.216.34/' }],
    ['POST', '/v1/seeds', [{ object_type: 'segments', data: segment('new', all) }]],
    ['POST', '/v1/seeds', [{ object_type: 'contacts', data: { id: 'seeded', age: 20 } }]],
    [
      'POST',
      '/v1/seeds?async=true',
      [{ object_type: 'contacts', data: { id: 'seeded', age: 20 } }],
    ],
    ['POST', '/v1/imports/contacts', 'id,age\nimported,20\n', 'text/csv'],
    ['POST', '/v1/exports/contacts', {}],
    ['PUT', '/v1/records/contacts/bob', { age: 20 }],
    ['PATCH', '/v1/records/contacts/ada', { age: 3 }],
    ['POST', '/v1/records/contacts/ada/archive'],
    ['DELETE', '/v1/records/contacts/ada'],
    ['POST', '/v1/changes', [{ op: 'put', object_type: 'contacts', id: 'bob', data: { age: 20 } }]],
    [
      'POST',
      '/v1/changes',
      '{"op":"put","object_type":"contacts","id":"bob","data":{"age":20}}\n',
      'application/x-ndjson',
    ],
  ];

  it('answers redis_full to every write, and nothing of any is done', async ({ world }) => {
    const { redis, prefix, api, control, call } = world;
    const before = (
      await call('GET', '/v1/seeds?include=object_types,segments,views,records:contacts')
    ).body;
    await fill(world);
    for (const [method, url, body, type] of WRITES) {
      const answer = await call(method, url, body, type);
      expect(answer.json(), `${method} ${url}`).toMatchObject({ status: 503, code: 'redis_full' });
      expect(answer.headers['retry-after']).toMatch(/^\d+$/);
    }
    await control.config('SET', 'maxmemory', '0');
    // What another process reads: all fields of the catalog and its version are still of one
    // version.
    const other = await openTestDeployment({ redisUrl: redis.url, prefix, runsWorker: false });
    expect([...other.store.catalog.segments.keys()].sort()).toEqual(['adults', 'everyone']);
    expect(other.store.catalog.version).toBe(api.deployment.store.catalog.version);
    await other.close();
    const after = (
      await call('GET', '/v1/seeds?include=object_types,segments,views,records:contacts')
    ).body;
    expect(after).toBe(before);
  });

  it('answers redis_full to what is written by a transaction: of webhooks, and the order of a sorted view', async ({
    world,
  }) => {
    const { control, call } = world;
    await call('POST', '/v1/views', {
      ...view,
      slug: 'sorted',
      sort: [{ path: 'age', direction: 'asc' }],
    });
    const made = await call('POST', '/v1/views/v/activations', { url: 'https://93.184.216.34/' });
    const one = `/v1/views/v/activations/${made.json<{ id: string }>().id}`;
    const before = (await call('GET', one)).body;
    await fill(world);
    for (const [method, url, body] of [
      ['POST', `${one}/enable`],
      ['POST', `${one}/sync`],
      ['PATCH', one, { events: ['left'] }],
      ['DELETE', one],
      ['GET', '/v1/views/sorted/rows'],
    ] as const)
      expect((await call(method, url, body)).json(), `${method} ${url}`).toMatchObject({
        code: 'redis_full',
      });
    expect((await call('GET', one)).body).toBe(before);
    await control.config('SET', 'maxmemory', '0');
    expect((await call('POST', `${one}/sync`)).statusCode).toBe(202);
    expect((await call('GET', '/v1/views/sorted/rows')).json()).toMatchObject({
      data: [{ id: 'ada' }],
    });
  });

  it('answers redis_full to a write with an Idempotency-Key, which can be sent again', async ({
    world,
  }) => {
    const { api, control } = world;
    await fill(world);
    const send = () =>
      api.server.inject({
        method: 'PUT',
        url: '/v1/records/contacts/bob',
        headers: { authorization: 'Bearer the-key-of-the-master', 'idempotency-key': 'one' },
        payload: { age: 20 },
      });
    expect((await send()).json()).toMatchObject({ code: 'redis_full' });
    await control.config('SET', 'maxmemory', '0');
    expect((await send()).statusCode).toBe(201);
  });

  it('is named by /readyz, keeps answering reads, and goes on by itself when there is room', async ({
    world,
  }) => {
    const { api, control, call, countOf, readiness } = world;
    await fill(world);
    expect((await readiness()).detail).toMatch(
      /^Redis is full and takes no writes: it holds \d+ MB/,
    );
    expect(await countOf('adults')).toBe(1);
    expect((await call('GET', '/v1/segments/adults/members')).json()).toMatchObject({
      data: [{ id: 'ada' }],
    });
    expect((await call('GET', '/v1/views/v/rows')).json()).toMatchObject({
      data: [{ id: 'ada', age: 36 }],
    });
    expect((await call('GET', '/healthz')).statusCode).toBe(200);
    // Longer than a lease: nobody loses a partition over it.
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect(api.deployment.worker).toMatchObject({ owned: 4, fatal: [] });
    await control.config('SET', 'maxmemory', '0');
    await eventually('it is ready', async () => (await readiness()).status === 'ready');
    expect((await call('PUT', '/v1/records/contacts/bob', { age: 20 })).statusCode).toBe(201);
    expect(await countOf('adults')).toBe(2);
  });

  it('whose memory ends between log and commit applies what it had accepted when there is room', async ({
    world: { control, call, countOf },
  }) => {
    const lines = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, at) =>
        JSON.stringify({
          op: 'put',
          object_type: 'contacts',
          id: `c${from + at}`,
          data: { age: 20 },
        }),
      ).join('\n');
    let accepted = 0;
    for (let from = 0; from < 4_000; from += 500) {
      if (from === 2_000) await control.config('SET', 'maxmemory', '1mb');
      const answer = await call(
        'POST',
        '/v1/changes?wait=accepted',
        lines(from, from + 500),
        'application/x-ndjson',
      );
      accepted += answer.json<{ accepted?: number }>().accepted ?? 0;
    }
    expect(accepted).toBeGreaterThanOrEqual(2_000);
    expect(accepted).toBeLessThan(4_000);
    await control.config('SET', 'maxmemory', '0');
    await eventually(
      'all that was accepted counts',
      async () => (await countOf('adults')) === accepted + 1,
    );
  });
});

describe.concurrent('a Redis that would evict', () => {
  it('by any policy is refused', async ({ world: { redis, control } }) => {
    for (const policy of ['allkeys-lru', 'allkeys-random', 'volatile-ttl', 'volatile-lfu']) {
      await control.config('SET', 'maxmemory-policy', policy);
      const opening = openTestDeployment({ redisUrl: redis.url, prefix: freshPrefix() });
      await expect(opening).rejects.toThrow(
        `its maxmemory-policy is '${policy}'. Set it to noeviction`,
      );
    }
  });

  it('from some moment on is named by /readyz until it does not', async ({
    world: { control, readiness },
  }) => {
    await control.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await eventually('it is noticed', async () => (await readiness()).status === 503);
    expect((await readiness()).detail).toMatch(
      /maxmemory-policy is 'allkeys-lru'.*CONFIG SET maxmemory-policy noeviction/,
    );
    await control.config('SET', 'maxmemory-policy', 'noeviction');
    await eventually('it is ready', async () => (await readiness()).status === 'ready');
  });

  it('is not guessed at where its policy is not told', () => {
    expect(evictionFault('used_memory:1\r\n')).toBeUndefined();
  });
});

/**
 * Half of what a command waits for its answer: whoever waits longer is kept waiting by Redis. The
 * contract (timeout_ms and a second, two seconds for /readyz) is shorter; a machine under load is
 * not what is looked at here.
 */
const NOBODY_MS = 5_000;

describe.concurrent('a Redis that hangs', () => {
  const timed = async (call: World['call'], ...request: Parameters<World['call']>) => {
    const begunMs = performance.now();
    const answer = await call(...request);
    return {
      status: answer.statusCode,
      code: answer.json().code as string,
      ms: performance.now() - begunMs,
    };
  };

  const all500: readonly (readonly [string, string, unknown?, string?])[] = [
    ['GET', '/v1/segments/counts?slug=adults&timeout_ms=500'],
    ['POST', '/v1/segments/counts', { slugs: ['adults'], timeout_ms: 500 }],
    ['GET', '/v1/segments/adults/members?timeout_ms=500'],
    ['GET', '/v1/segments/adults/members/ada?timeout_ms=500'],
    ['GET', '/v1/records/contacts/ada?timeout_ms=500'],
    ['GET', '/v1/records/contacts?timeout_ms=500'],
    ['GET', '/v1/views/v/rows?timeout_ms=500'],
    [
      'POST',
      '/v1/memberships/lookup',
      { object_type: 'contacts', ids: ['ada'], segments: ['adults'], timeout_ms: 500 },
    ],
    ['PUT', '/v1/records/contacts/bob?timeout_ms=500', { age: 20 }],
    ['PUT', '/v1/records/contacts/cyd?timeout_ms=500&wait=accepted', { age: 20 }],
    ['DELETE', '/v1/records/contacts/nobody?timeout_ms=500'],
    [
      'POST',
      '/v1/changes?timeout_ms=500',
      [{ op: 'put', object_type: 'contacts', id: 'dan', data: { age: 20 } }],
    ],
  ];

  it('keeps nobody waiting longer than timeout_ms and a second, and afterwards nothing is lost or doubled', async ({
    world: { api, pid, call, countOf, readiness },
  }) => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    process.kill(pid, 'SIGSTOP');
    const answers = await Promise.all([
      ...all500.map(([method, url, body, type]) => timed(call, method, url, body, type)),
      timed(call, 'GET', '/readyz'),
      timed(call, 'GET', '/healthz'),
    ]);
    const [alive, ready] = [answers.pop()!, answers.pop()!];
    for (const [at, { status, code, ms }] of answers.entries()) {
      expect([status, code], all500[at]!.join(' ')).toEqual([503, 'redis_unavailable']);
      expect(ms, all500[at]!.join(' ')).toBeLessThan(NOBODY_MS);
    }
    expect(ready).toMatchObject({ status: 503, code: 'not_ready' });
    expect(ready.ms).toBeLessThan(NOBODY_MS);
    expect(alive.status).toBe(200);
    const catalogWrite = await timed(call, 'POST', '/v1/segments', segment('late', all));
    expect(catalogWrite).toMatchObject({ status: 503, code: 'redis_unavailable' });
    expect(catalogWrite.ms).toBeLessThan(NOBODY_MS + 4_500);
    process.kill(pid, 'SIGCONT');
    await eventually('it is ready', async () => (await readiness()).status === 'ready', 30_000);
    // What nobody knew of may have been applied, once; sent again it is there.
    for (const id of ['bob', 'cyd', 'dan'])
      await call('PUT', `/v1/records/contacts/${id}`, { age: 20 });
    expect(await countOf('adults')).toBe(4);
    const { data } = (await call('GET', '/v1/segments/adults/members')).json<{
      data: { id: string }[];
    }>();
    expect(data.map(({ id }) => id).sort()).toEqual(['ada', 'bob', 'cyd', 'dan']);
    expect(api.deployment.worker!.fatal).toEqual([]);
  });

  it('while changes stream in loses none that was acknowledged, and applies each once', async ({
    world: { pid, call, countOf, readiness },
  }) => {
    const acknowledged = new Set<string>();
    let isOver = false;
    const writer = async (name: string) => {
      for (let at = 0; !isOver; at++) {
        const id = `${name}-${at}`;
        const { statusCode } = await call('PUT', `/v1/records/contacts/${id}?timeout_ms=300`, {
          age: 20,
        });
        if (statusCode === 201) acknowledged.add(id);
      }
    };
    const writers = ['a', 'b', 'c', 'd'].map(writer);
    const goesOn = (before = acknowledged.size) =>
      eventually('more is acknowledged', () => acknowledged.size > before + 10, 60_000);
    for (let round = 0; round < 2; round++) {
      await goesOn();
      process.kill(pid, 'SIGSTOP');
      await new Promise((resolve) => setTimeout(resolve, round === 0 ? 1_500 : 4_500));
      process.kill(pid, 'SIGCONT');
    }
    await goesOn();
    isOver = true;
    await Promise.all(writers);
    await eventually('it is ready', async () => (await readiness()).status === 'ready', 30_000);
    const members = new Set<string>();
    let cursor = '';
    do {
      const page = (
        await call('GET', `/v1/segments/adults/members?limit=1000&cursor=${cursor}`)
      ).json();
      for (const { id } of page.data) {
        expect(members.has(id)).toBe(false);
        members.add(id);
      }
      cursor = page.next_cursor ?? '';
    } while (cursor !== '');
    expect([...acknowledged].filter((id) => !members.has(id))).toEqual([]);
    expect(await countOf('adults')).toBe(members.size);
    for (const id of acknowledged) {
      const { version } = (await call('GET', `/v1/records/contacts/${id}`)).json<{
        version: number;
      }>();
      expect(version).toBe(1);
      break;
    }
  });

  it('keeps nobody waiting who sends an Idempotency-Key, either', async ({
    world: { api, pid, countOf },
  }) => {
    process.kill(pid, 'SIGSTOP');
    const headers = { authorization: 'Bearer the-key-of-the-master', 'idempotency-key': 'one' };
    const begunMs = performance.now();
    const send = () =>
      api.server.inject({
        method: 'PUT',
        url: '/v1/records/contacts/bob?timeout_ms=200',
        headers,
        payload: { age: 20 },
      });
    expect((await send()).json()).toMatchObject({ code: 'redis_unavailable' });
    expect(performance.now() - begunMs).toBeLessThan(NOBODY_MS);
    process.kill(pid, 'SIGCONT');
    await eventually(
      'it is carried out when it is sent again',
      async () => (await send()).statusCode === 201,
    );
    expect(await countOf('adults')).toBe(2);
  });
});
