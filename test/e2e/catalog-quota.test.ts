/**
 * catalog-quota.test.ts – The catalog holds as much as it may: a write that would make it more is
 * 409 and changes nothing, what makes it less or leaves it goes through, and a full catalog is
 * built and answers as any other.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { Limits } from '../../src/limits.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built, send } from '../support/deployment.ts';

let api: TestApi;
afterEach(() => api.close());

async function open(limits: Partial<Limits>): Promise<void> {
  api = await openTestApi({ limits, webhookAllow: ['127.0.0.1'] });
  await done('PUT', '/v1/object-types/things', {
    attributes: { n: { type: 'number' }, text: { type: 'string' } },
  });
}

async function done(method: string, url: string, body?: unknown): Promise<Record<string, unknown>> {
  const answer = await api.call(method, url, body);
  if (answer.statusCode >= 300)
    throw new Error(`${method} ${url}: ${answer.statusCode} ${answer.body}`);
  return answer.body === '' ? {} : answer.json();
}

/** The status and the code of a refusal, and the variable that its message names. */
async function refusal(method: string, url: string, body: unknown): Promise<unknown> {
  const answer = await api.call(method, url, body);
  return [answer.statusCode, answer.json().code, answer.json().limit];
}

const rule = (value: unknown, operator = '<', field = 'n') => ({ field, operator, value });
const segment = (slug: string, ...rules: object[]) => {
  const query = { combinator: 'and', rules: rules.length > 0 ? rules : [rule(5)] };
  return { title: slug, slug, object_type: 'things', query };
};
const view = (slug: string) => ({
  title: slug,
  slug,
  object_type: 'things',
  segment: 'a',
  columns: [{ path: 'n' }],
});
const slugs = async () =>
  ((await done('GET', '/v1/segments?fields=slug'))['data'] as { slug: string }[]).map(
    ({ slug }) => slug,
  );

describe('a catalog that is full', () => {
  it('takes no further segment, by POST or by seed, until one is deleted', async () => {
    await open({ segments: 2 });
    await done('POST', '/v1/segments', segment('a'));
    await done('POST', '/v1/segments', segment('b'));
    const full = [409, 'catalog_full', 'ROLLCALL_SEGMENTS'];
    expect(await refusal('POST', '/v1/segments', segment('c'))).toEqual(full);
    const seed = [
      { object_type: 'segments', data: segment('b', rule(7)) },
      { object_type: 'segments', data: segment('c') },
    ];
    expect(await refusal('POST', '/v1/seeds', seed)).toEqual([409, 'catalog_full', undefined]);
    const dry = await done('POST', '/v1/seeds?dry_run=true', seed);
    expect(dry['errors']).toMatchObject([{ code: 'catalog_full' }]);
    expect(await slugs()).toEqual(['a', 'b']);
    expect((await done('GET', '/v1/segments/b'))['revision']).toBe(1);
    await done('DELETE', '/v1/segments/a');
    await done('POST', '/v1/segments', segment('c'));
    expect(await slugs()).toEqual(['b', 'c']);
  });

  it('is built, edited and counted as any other', async () => {
    await open({ segments: 1 });
    await send(api.deployment, [{ op: 'put', object_type: 'things', id: 't', data: { n: 1 } }]);
    await done('POST', '/v1/segments', segment('a'));
    await built(api.deployment);
    expect((await done('GET', '/v1/segments/counts?slug=a'))['counts']).toMatchObject([
      { count: 1, status: 'ready' },
    ]);
    await done('PATCH', '/v1/segments/a', { query: segment('a', rule(1)).query });
    await built(api.deployment);
    expect((await done('GET', '/v1/segments/counts?slug=a'))['counts']).toMatchObject([
      { count: 0, revision: 2 },
    ]);
  });

  it('takes no edit that makes its queries larger, and one that makes them smaller', async () => {
    await open({ catalogNodes: 400 });
    const values = (count: number) => [
      rule(
        Array.from({ length: count }, (_, n) => n),
        'in',
      ),
    ];
    await done('POST', '/v1/segments', segment('a', ...values(300)));
    const full = [409, 'catalog_full', 'ROLLCALL_CATALOG_NODES'];
    for (const [method, url] of [
      ['POST', '/v1/segments'],
      ['PUT', '/v1/segments/a'],
    ] as const)
      expect(
        await refusal(method, url, segment(method === 'POST' ? 'b' : 'a', ...values(450))),
      ).toEqual(full);
    expect(
      await refusal('PATCH', '/v1/segments/a', { query: segment('a', ...values(450)).query }),
    ).toEqual(full);
    expect(
      await refusal('POST', '/v1/views', {
        ...view('v'),
        segment: undefined,
        query: segment('a', ...values(450)).query,
      }),
    ).toEqual(full);
    await done('PUT', '/v1/segments/a', segment('a', ...values(100)));
    await done('POST', '/v1/segments', segment('b', ...values(100)));
  });

  it('takes no bytes beyond those it may hold, wherever they stand', async () => {
    await open({ catalogBytes: 64 * 1024 });
    const large = { ...segment('a'), description: 'x'.repeat(3900) };
    const answers: number[] = [];
    for (let n = 0; n < 40; n++)
      answers.push(
        (await api.call('POST', '/v1/segments', { ...large, slug: `s${n}` })).statusCode,
      );
    expect(new Set(answers)).toEqual(new Set([201, 409]));
    expect(answers.filter((status) => status === 201).length).toBeLessThanOrEqual(17);
    const type = {
      attributes: Object.fromEntries(
        Array.from({ length: 900 }, (_, n) => [`${'a'.repeat(60)}${n}`, { type: 'number' }]),
      ),
    };
    expect(await refusal('PUT', '/v1/object-types/wide', type)).toEqual([
      409,
      'catalog_full',
      'ROLLCALL_CATALOG_BYTES',
    ]);
  });

  it('takes no further view, activation, object type or attribute', async () => {
    await open({ views: 2, activationsPerView: 1, activations: 2, objectTypes: 2, attributes: 4 });
    await done('POST', '/v1/segments', segment('a'));
    for (const slug of ['v', 'w']) await done('POST', '/v1/views', view(slug));
    expect(await refusal('POST', '/v1/views', view('x'))).toEqual([
      409,
      'catalog_full',
      'ROLLCALL_VIEWS',
    ]);
    const url = 'http://127.0.0.1:1/';
    await done('POST', '/v1/views/v/activations', { url });
    expect(await refusal('POST', '/v1/views/v/activations', { url })).toEqual([
      ...[409, 'catalog_full', 'ROLLCALL_ACTIVATIONS_PER_VIEW'],
    ]);
    expect(await api.deployment.redis.hlen(api.deployment.keys.catalog.webhookSecrets)).toBe(1);
    const attribute = { type: 'number' };
    expect(
      await refusal('PUT', '/v1/object-types/more', {
        attributes: { a: attribute, b: attribute, c: attribute },
      }),
    ).toEqual([...[409, 'catalog_full', 'ROLLCALL_ATTRIBUTES']]);
    await done('PUT', '/v1/object-types/more', { attributes: { a: attribute } });
    expect(await refusal('PUT', '/v1/object-types/most', { attributes: {} })).toEqual([
      409,
      'catalog_full',
      'ROLLCALL_OBJECT_TYPES',
    ]);
  });
});
