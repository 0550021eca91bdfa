/**
 * Who changed what is declared: the names of keys, and what the catalog's log says.
 */
import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CatalogChange } from '../../src/catalog/catalog.ts';
import { openTestApi, SERVICE_NAME, type TestApi } from '../support/api.ts';

let api: TestApi;

beforeAll(async () => {
  api = await openTestApi({ webhookAllow: ['127.0.0.1'] });
});
afterAll(() => api.close());

const country = { attributes: { country: { type: 'string' } } };
const inCountry = (value: string) => ({
  combinator: 'and',
  rules: [{ field: 'country', operator: '=', value }],
});
const segment = (slug: string, value: string) => ({
  ...{ title: slug, slug, object_type: 'contacts' },
  query: inCountry(value),
});

const NAMED: readonly string[] = ['object-types', 'segments', 'views', 'activations'];

/** The latest changes of the catalog that somebody made: who, and the names of what changed. */
async function signed(): Promise<string[]> {
  const { redis, keys } = api.deployment;
  const entries = await redis.xrange(keys.catalog.log, '-', '+');
  return entries.flatMap(([, fields]) => {
    const { by, writes } = JSON.parse(fields[fields.indexOf('change') + 1]!) as CatalogChange;
    if (by === undefined) return [];
    const names = writes.filter(([hash]) => NAMED.includes(hash));
    return [`${by}: ${names.map(([hash, name]) => `${hash} ${name}`).join(', ')}`];
  });
}

describe("the catalog's log", () => {
  test('says who changed types, segments, views, activations and seeds', async () => {
    const service = { role: 'service' } as const;
    await api.call('PUT', '/v1/object-types/contacts', country, service);
    await api.call('POST', '/v1/segments', segment('swiss', 'CH'), service);
    await api.call('PATCH', '/v1/segments/swiss', { title: 'Swiss' });
    const columns = [{ path: 'country' }];
    const view = { title: 'v', slug: 'v', object_type: 'contacts', segment: 'swiss', columns };
    await api.call('POST', '/v1/views', view, service);
    const url = 'http://127.0.0.1:9/';
    const created = await api.call('POST', '/v1/views/v/activations', { url }, service);
    const { id } = created.json<{ id: string }>();
    const seed = [{ object_type: 'segments', data: segment('german', 'DE') }];
    await api.call('POST', '/v1/seeds', seed, service);
    const later = [{ object_type: 'segments', data: segment('french', 'FR') }];
    await api.ended(await api.call('POST', '/v1/seeds?async=true', later, service));
    await api.call('DELETE', '/v1/views/v', undefined, service);
    const all = await signed();
    const master = all.find((line) => !line.startsWith(SERVICE_NAME))!.split(': ')[0];
    expect(all).toEqual([
      `${SERVICE_NAME}: object-types contacts`,
      `${SERVICE_NAME}: segments swiss`,
      `${master}: segments swiss`,
      `${SERVICE_NAME}: views v`,
      `${SERVICE_NAME}: activations ${id}`,
      `${SERVICE_NAME}: segments german`,
      `${SERVICE_NAME}: segments french`,
      `${SERVICE_NAME}: views v, activations ${id}`,
    ]);
  });

  test('shows of a key without a name what only this installation can make of it', async () => {
    const names = new Set((await signed()).map((line) => line.split(': ')[0]!));
    names.delete(SERVICE_NAME);
    const [fingerprint] = [...names];
    const { redis, keys } = api.deployment;
    const secret = (await redis.hget(keys.catalog.meta, 'secret'))!;
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    const made = createHmac('sha256', secret).update('the-key-of-the-master').digest('hex');
    expect(fingerprint).toBe(`key:${made.slice(0, 16)}`);
  });
});
