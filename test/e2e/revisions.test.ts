/**
 * What a segment was: revisions, restores and duplicates, over HTTP. After each test the texts in
 * Redis are those that the catalog names, and no others.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeploymentOptions } from '../../src/engine/deployment.ts';
import { DEFAULT_LIMITS } from '../../src/limits.ts';
import { openTestApi, SERVICE_NAME, type TestApi } from '../support/api.ts';
import { built, send } from '../support/deployment.ts';
import { freshPrefix } from '../support/redis.ts';

let api: TestApi;
let options: Partial<DeploymentOptions>;

const DAY_MS = 24 * 3600 * 1000;

async function open(given: Partial<DeploymentOptions> = {}): Promise<void> {
  options = { prefix: freshPrefix(), ...given };
  api = await openTestApi(options);
}

beforeEach(async () => {
  await open();
  await declare();
});
afterEach(async () => {
  expect(await storedTexts()).toEqual(namedTexts());
  await api.close();
});

async function declare(): Promise<void> {
  await done('PUT', '/v1/object-types/things', { attributes: { n: { type: 'number' } } });
}

async function reopen(given: Partial<DeploymentOptions>): Promise<void> {
  await api.close();
  await open(given);
  await declare();
}

async function storedTexts(): Promise<string[]> {
  const { redis, keys } = api.deployment;
  return (await redis.hkeys(keys.catalog.revisions)).sort();
}

function namedTexts(): string[] {
  const { histories } = api.deployment.store.catalog;
  const names = [...histories].flatMap(([id, { kept }]) =>
    kept.map(({ revision }) => `${id}:${revision}`),
  );
  return names.sort();
}

const service = { role: 'service' } as const;

async function done(method: string, url: string, body?: unknown, sent = {}) {
  const answer = await api.call(method, url, body, sent);
  if (answer.statusCode >= 300)
    throw new Error(`${method} ${url}: ${answer.statusCode} ${answer.body}`);
  return answer.body === '' ? {} : answer.json<Record<string, unknown>>();
}

async function refusalOf(method: string, url: string, body?: unknown) {
  const answer = await api.call(method, url, body);
  const { code, errors } = answer.json<{ code: string; errors?: { path: string }[] }>();
  return [answer.statusCode, code, errors?.[0]?.path ?? ''].join(' ').trim();
}

const below = (n: number, ...more: object[]) => ({
  combinator: 'and',
  rules: [{ field: 'n', operator: '<', value: n }, ...more],
});
const isIn = (slug: string) => ({ operator: 'inSegment', field: '', value: slug });
const segment = (slug: string, query: object = below(1)) => ({
  ...{ title: slug, slug, object_type: 'things' },
  query,
});

interface RevisionAnswer {
  readonly revision: number;
  readonly at: string;
  readonly by: string | null;
  readonly title: string;
  readonly description?: string;
  readonly query: { readonly rules: readonly { readonly value: unknown }[] };
}

async function revisions(slug: string, query = ''): Promise<RevisionAnswer[]> {
  const { data } = await done('GET', `/v1/segments/${slug}/revisions${query}`);
  return data as RevisionAnswer[];
}

const numbers = async (slug: string) => (await revisions(slug)).map(({ revision }) => revision);

describe('revisions', () => {
  it('are what a segment was, with who made it and when, the newest first', async () => {
    const first = await done('POST', '/v1/segments', segment('a'), service);
    await done('PATCH', '/v1/segments/a', { title: 'A', description: 'of now' });
    await done('PUT', '/v1/segments/a', segment('a', below(3)), service);
    const all = await revisions('a');
    const master = all[1]!.by;
    expect(all).toEqual([
      { revision: 3, at: expect.any(String), by: SERVICE_NAME, title: 'a', query: below(3) },
      {
        ...{ revision: 2, at: expect.any(String), by: master, title: 'A' },
        ...{ description: 'of now', query: below(1) },
      },
      { revision: 1, at: first['created_at'], by: SERVICE_NAME, title: 'a', query: below(1) },
    ]);
    expect(master).toMatch(/^key:[0-9a-f]{16}$/);
    expect([...all].sort((a, b) => (a.at < b.at ? 1 : -1))).toEqual(all);
  });

  it('are brought back by saving one again', async () => {
    await done('POST', '/v1/segments', segment('a', below(1)));
    await done('PUT', '/v1/segments/a', segment('a', below(2)));
    const { title, query } = (await revisions('a'))[1]!;
    await done('PUT', '/v1/segments/a', { title, object_type: 'things', query });
    expect((await done('GET', '/v1/segments/a'))['query']).toEqual(below(1));
    expect((await revisions('a')).map((each) => each.query)).toEqual(
      [1, 2, 1].map((n) => below(n)),
    );
  });

  it('are made by seeds, for what a seed changes', async () => {
    const seed = (n: number) => [
      { object_type: 'segments', data: segment('a', below(n)) },
      { object_type: 'segments', data: segment('b', below(7)) },
    ];
    await done('POST', '/v1/seeds', seed(1), service);
    await done('POST', '/v1/seeds', seed(2));
    await done('POST', '/v1/seeds', seed(2));
    expect(await numbers('a')).toEqual([2, 1]);
    expect((await revisions('a'))[1]!.by).toBe(SERVICE_NAME);
    expect(await numbers('b')).toEqual([1]);
  });

  it('are fifty at most, on pages; the engine makes none', async () => {
    await done('POST', '/v1/segments', segment('a'));
    for (let n = 2; n <= 60; n++) await done('PATCH', '/v1/segments/a', { title: `a ${n}` });
    await built(api.deployment);
    const expected = Array.from({ length: 50 }, (_, at) => 60 - at);
    expect(await numbers('a')).toEqual(expected);
    const paged: number[] = [];
    for (let cursor: unknown = ''; cursor !== null; ) {
      const page = await done('GET', `/v1/segments/a/revisions?limit=20&cursor=${cursor}`);
      paged.push(...(page['data'] as RevisionAnswer[]).map(({ revision }) => revision));
      cursor = page['next_cursor'];
    }
    expect(paged).toEqual(expected);
    expect(await storedTexts()).toHaveLength(49);
    expect(await refusalOf('GET', '/v1/segments/a/revisions?cursor=x')).toBe(
      '400 cursor_invalid /cursor',
    );
    expect(await refusalOf('GET', '/v1/segments/none/revisions')).toBe('404 segment_unknown');
  });

  it('survive a restart of everything', async () => {
    await done('POST', '/v1/segments', segment('a'), service);
    await done('PUT', '/v1/segments/a', segment('a', below(2)));
    await done('POST', '/v1/segments', segment('gone'));
    await done('DELETE', '/v1/segments/gone');
    const before = await revisions('a');
    await reopen(options);
    expect(await revisions('a')).toEqual(before);
    await done('POST', '/v1/segments/gone/restore');
    expect(await numbers('gone')).toEqual([2, 1]);
  });
});

describe('an edit that changes nothing', () => {
  const seen = async (path: string) => {
    const answer = await api.call('GET', path);
    const { revision, updated_at } = answer.json<{ revision?: number; updated_at?: string }>();
    const { version } = await api.deployment.store.refresh();
    const kept = await storedTexts();
    return { revision, updated_at, tag: answer.headers['etag'], version, kept };
  };

  it('makes no revision of anything that is declared, and no version of the catalog', async () => {
    // Members in another order say the same, and so does -0.
    const rules = [{ field: 'n', operator: '>', value: -0 }];
    const query = { combinator: 'and', rules };
    const turned = { rules, combinator: 'and' };
    const described = { ...segment('a', query), description: 'of a' };
    await done('POST', '/v1/segments', described);
    const view = { ...segment('v', query), columns: [{ path: 'n', label: 'N' }] };
    await done('POST', '/v1/views', view);
    const type = {
      attributes: { n: { type: 'number' }, s: { type: 'string' } },
      relationships: {},
    };
    await done('PUT', '/v1/object-types/things', type);
    const { id } = await done('POST', '/v1/views/v/activations', {
      url: 'https://hooks.example.com/a',
      secret: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
    });
    await built(api.deployment);
    const hook = `/v1/views/v/activations/${id}`;
    const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    const edits: [path: string, method: string, same: object, other: object][] = [
      ['/v1/segments/a', 'PUT', { ...described, query: turned }, segment('a', query)],
      ['/v1/segments/a', 'PATCH', {}, { title: 'A' }],
      ['/v1/segments/a', 'PATCH', { description: null, title: 'A' }, { description: 'anew' }],
      ['/v1/views/v', 'PUT', { ...view, query: turned }, { ...view, columns: [{ path: 'n' }] }],
      ['/v1/views/v', 'PATCH', { title: 'v', sort: null }, { title: 'V' }],
      [
        '/v1/object-types/things',
        'PUT',
        { attributes: { s: { type: 'string' }, n: { type: 'number' } } },
        { attributes: { n: { type: 'number' } } },
      ],
      [hook, 'PATCH', { events: ['entered', 'left'], secret }, { on_edit: true }],
      [hook, 'PATCH', {}, { secret: `whsec_${Buffer.alloc(32, 8).toString('base64')}` }],
    ];
    for (const [path, method, same, other] of edits) {
      const before = await seen(path);
      await done(method, path, same);
      expect(await seen(path), `${method} ${path}`).toEqual(before);
      await done(method, path, other);
      await built(api.deployment);
      const after = await seen(path);
      expect(after.version, `${method} ${path}`).toBeGreaterThan(before.version);
      if (before.revision !== undefined) expect(after.revision).toBe(before.revision + 1);
    }
    expect(await numbers('a')).toEqual([4, 3, 2, 1]);
    // What was read can be sent back as it is.
    for (const path of ['/v1/segments/a', '/v1/views/v', '/v1/object-types/things']) {
      const before = await seen(path);
      await done('PUT', path, (await api.call('GET', path)).json());
      expect(await seen(path), path).toEqual(before);
    }
  });

  it('goes by its condition all the same', async () => {
    await done('POST', '/v1/segments', segment('a'));
    const stale = { headers: { 'if-match': '"other-1-000000000000"' } };
    const answer = await api.call('PUT', '/v1/segments/a', segment('a'), stale);
    expect(answer.statusCode).toBe(412);
  });
});

describe('a deleted segment', () => {
  it('is restored with its id and its revisions, and has its members', async () => {
    const { id } = await done('POST', '/v1/segments', segment('a', below(1)));
    const put = (at: number) => ({
      ...({ op: 'put', object_type: 'things' } as const),
      ...{ id: `r-${at}`, data: { n: at } },
    });
    await send(api.deployment, [put(0), put(1)]);
    await done('PUT', '/v1/segments/a', segment('a', below(2)));
    await done('DELETE', '/v1/segments/a', undefined, service);
    expect(await refusalOf('GET', '/v1/segments/a')).toBe('404 segment_unknown');
    const restored = await done('POST', '/v1/segments/a/restore', undefined, service);
    expect(restored).toMatchObject({ id, slug: 'a', query: below(2), revision: 3 });
    await built(api.deployment);
    const { data } = await done('GET', '/v1/segments/a/members');
    expect(new Set((data as { id: string }[]).map((each) => each.id))).toEqual(
      new Set(['r-0', 'r-1']),
    );
    expect(
      (await revisions('a')).map(({ revision, by }) => [revision, by === SERVICE_NAME]),
    ).toEqual([
      [3, true],
      [2, false],
      [1, false],
    ]);
    // It is as any other from now on.
    await done('DELETE', '/v1/segments/a');
    expect(await done('POST', '/v1/segments/a/restore')).toMatchObject({ id, revision: 4 });
  });

  it('is the one that was deleted last, if several had the slug', async () => {
    await done('POST', '/v1/segments', segment('a', below(1)));
    await done('DELETE', '/v1/segments/a');
    const { id } = await done('POST', '/v1/segments', segment('a', below(2)));
    expect(await refusalOf('POST', '/v1/segments/a/restore')).toBe('409 segment_slug_taken /slug');
    await done('DELETE', '/v1/segments/a');
    expect(await done('POST', '/v1/segments/a/restore')).toMatchObject({ id, query: below(2) });
  });

  it('comes back only if what it speaks of is there', async () => {
    await done('POST', '/v1/segments', segment('used'));
    await done('POST', '/v1/segments', segment('a', below(9, isIn('used'))));
    await done('DELETE', '/v1/segments/a');
    await done('DELETE', '/v1/segments/used');
    expect(await refusalOf('POST', '/v1/segments/a/restore')).toBe(
      '422 query_invalid /query/rules/1/value',
    );
    await done('POST', '/v1/segments/used/restore');
    await done('POST', '/v1/segments/a/restore');
    await done('DELETE', '/v1/segments/a');
    await done('DELETE', '/v1/segments/used');
    await done('DELETE', '/v1/object-types/things');
    expect(await refusalOf('POST', '/v1/segments/used/restore')).toBe(
      '422 segment_invalid /object_type',
    );
    expect(await refusalOf('POST', '/v1/segments/never/restore')).toBe('404 segment_unknown');
  });

  it('is forgotten after thirty days, and with it all that was kept', async () => {
    await done('POST', '/v1/segments', segment('a'));
    await done('PATCH', '/v1/segments/a', { title: 'A' });
    await done('DELETE', '/v1/segments/a');
    const { store } = api.deployment;
    await store.sweepDeleted(Date.now() + 29 * DAY_MS);
    expect(await storedTexts()).toHaveLength(2);
    await store.sweepDeleted(Date.now() + 30 * DAY_MS + 1000);
    expect(await storedTexts()).toEqual([]);
    expect(await refusalOf('POST', '/v1/segments/a/restore')).toBe('404 segment_unknown');
  });
});

describe('a duplicate', () => {
  it('has the query of the other, and names that are made up or given', async () => {
    const query = below(4);
    await done('POST', '/v1/segments', { ...segment('a', query), description: 'of a' });
    const made = await api.call('POST', '/v1/segments/a/duplicate');
    expect(made.statusCode).toBe(201);
    expect(made.headers['location']).toBe('/v1/segments/a-copy');
    const copy = { title: 'a (copy)', slug: 'a-copy', description: 'of a', query, revision: 1 };
    expect(made.json()).toMatchObject(copy);
    expect(made.json().id).not.toBe((await done('GET', '/v1/segments/a'))['id']);
    expect(await done('POST', '/v1/segments/a/duplicate', {})).toMatchObject({ slug: 'a-copy-2' });
    const named = { slug: 'b', title: 'B' };
    expect(await done('POST', '/v1/segments/a/duplicate', named)).toMatchObject({
      ...named,
      query,
    });
    expect(await refusalOf('POST', '/v1/segments/a/duplicate', named)).toBe(
      '409 segment_slug_taken /slug',
    );
  });

  it('has a slug and a title of the length that they may have', async () => {
    const [slug, title] = ['s'.repeat(128), `${'t'.repeat(192)}😀${'t'.repeat(6)}`];
    await done('POST', '/v1/segments', { ...segment(slug), title });
    const copies = [1, 2].map(() => done('POST', `/v1/segments/${slug}/duplicate`));
    const slugs = (await Promise.all(copies)).map((each) => each['slug'] as string).sort();
    expect(slugs).toEqual([`${'s'.repeat(121)}-copy-2`, `${'s'.repeat(123)}-copy`]);
    const { title: cut } = await done('GET', `/v1/segments/${slugs[0]}`);
    expect(cut).toBe(`${'t'.repeat(192)} (copy)`);
  });

  it('is refused with its pointer', async () => {
    await done('POST', '/v1/segments', segment('a'));
    const refused = [
      ['404 segment_unknown', 'none', {}],
      ['422 segment_invalid /slug', 'a', { slug: 'Not a slug' }],
      ['422 segment_invalid /slug', 'a', { slug: 'counts' }],
      ['422 segment_invalid /query', 'a', { query: {} }],
      ['422 segment_invalid', 'a', []],
    ] as const;
    for (const [refusal, slug, body] of refused)
      expect(await refusalOf('POST', `/v1/segments/${slug}/duplicate`, body)).toBe(refusal);
  });
});

describe('what is kept has a bound', () => {
  const heavy = (n: number) => below(n, { field: 'n', operator: 'in', value: numbersTo(1000) });
  const numbersTo = (n: number) => Array.from({ length: n }, (_, at) => at);
  const bytesKept = async () => {
    const { redis, keys } = api.deployment;
    const texts = await redis.hvals(keys.catalog.revisions);
    return texts.reduce((sum, text) => sum + text.length, 0);
  };

  it('for each segment, but the last revision', async () => {
    await reopen({ limits: { ...DEFAULT_LIMITS, segmentRevisionsBytes: 10_000 } });
    await done('POST', '/v1/segments', segment('a', heavy(1)));
    for (let n = 2; n <= 6; n++) await done('PUT', '/v1/segments/a', segment('a', heavy(n)));
    expect(await numbers('a')).toEqual([6, 5, 4]);
    const heavier = below(7, { field: 'n', operator: 'in', value: numbersTo(5000) });
    await done('PUT', '/v1/segments/a', segment('a', heavier));
    await done('PUT', '/v1/segments/a', segment('a', below(8)));
    expect(await numbers('a')).toEqual([8, 7]);
    await done('DELETE', '/v1/segments/a');
    await done('POST', '/v1/segments/a/restore');
    expect((await revisions('a'))[0]!.query).toEqual(below(8));
  });

  it('for all: deleted segments give way, then the older half of the heaviest', async () => {
    await reopen({ limits: { ...DEFAULT_LIMITS, revisionsBytes: 65_536 } });
    await done('POST', '/v1/segments', segment('gone', heavy(1)));
    await done('DELETE', '/v1/segments/gone');
    await done('POST', '/v1/segments', segment('light'));
    await done('PATCH', '/v1/segments/light', { title: 'Light' });
    await done('POST', '/v1/segments', segment('a', heavy(1)));
    for (let n = 2; n <= 16; n++) await done('PUT', '/v1/segments/a', segment('a', heavy(n)));
    expect(await refusalOf('POST', '/v1/segments/gone/restore')).toBe('404 segment_unknown');
    for (let n = 17; n <= 20; n++) await done('PUT', '/v1/segments/a', segment('a', heavy(n)));
    expect(await numbers('light')).toEqual([2, 1]);
    const left = await numbers('a');
    expect(left[0]).toBe(20);
    expect(left.length).toBeLessThan(16);
    expect(await bytesKept()).toBeLessThan(65_536);
    expect(await bytesKept()).toBeGreaterThan(20_000);
  });

  it('for deleted segments, by number', async () => {
    await reopen({ limits: { ...DEFAULT_LIMITS, deletedSegments: 2 } });
    for (const slug of ['a', 'b', 'c']) {
      await done('POST', '/v1/segments', segment(slug));
      await done('DELETE', `/v1/segments/${slug}`);
    }
    expect(await refusalOf('POST', '/v1/segments/a/restore')).toBe('404 segment_unknown');
    await done('POST', '/v1/segments/b/restore');
    await done('POST', '/v1/segments/c/restore');
  });
});
