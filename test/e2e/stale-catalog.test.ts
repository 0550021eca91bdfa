/**
 * stale-catalog.test.ts – A process that has heard of no newer catalog than that of a while ago
 * answers by the one that is stored.
 *
 * The other process is one whose stream of catalog versions brings nothing at all: what it knows it
 * has asked for.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StreamTail } from '../../src/redis/stream-tail.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built, eventually } from '../support/deployment.ts';
import { freshPrefix } from '../support/redis.ts';

let first: TestApi;
let deaf: TestApi;

const rule = (field: string, operator: string, value: unknown) => ({
  combinator: 'and',
  rules: [{ field, operator, value }],
});
const segment = (slug: string, query: unknown, object_type = 'contacts') => ({
  title: slug,
  slug,
  object_type,
  query,
});
const view = (slug: string, field: string) => ({
  title: slug,
  slug,
  object_type: 'contacts',
  query: rule('n', '<', 50),
  columns: [{ path: field }],
});

beforeEach(async () => {
  const prefix = freshPrefix();
  first = await openTestApi({ prefix });
  await first.call('PUT', '/v1/object-types/contacts', {
    attributes: { n: { type: 'number' }, s: { type: 'string' } },
  });
  await first.call('POST', '/v1/segments', segment('low', rule('n', '<', 50)));
  expect((await first.call('POST', '/v1/views', view('sheet', 'n'))).statusCode).toBe(201);
  for (const n of [10, 30, 60])
    await first.call('PUT', `/v1/records/contacts/r${n}`, { n, s: `s${n}` });
  await built(first.deployment);
  const follow = StreamTail.prototype.follow;
  const spy = vi.spyOn(StreamTail.prototype, 'follow').mockImplementation(function (
    this: StreamTail,
    ...args
  ) {
    if (!args[0].endsWith('{catalog}:log')) follow.apply(this, args);
  });
  deaf = await openTestApi({ prefix, runsWorker: false });
  spy.mockRestore();
});
afterEach(async () => {
  await deaf.close();
  await first.close();
});

async function edit(query: unknown): Promise<void> {
  await first.call('PATCH', '/v1/segments/low', { query });
  await built(first.deployment);
}

const json = async (method: string, url: string, body?: unknown) =>
  (await deaf.call(method, url, body)).json();
const code = async (method: string, url: string, body?: unknown) => {
  const answer = await deaf.call(method, url, body);
  return [answer.statusCode, answer.json().code];
};

describe('an edited segment', () => {
  beforeEach(() => edit(rule('n', '>', 50)));

  it('has the count of its newest revision', async () => {
    expect(await json('POST', '/v1/segments/counts', { slugs: ['low'] })).toMatchObject({
      counts: [{ slug: 'low', count: 1, status: 'ready', revision: 2 }],
    });
  });

  it('has the members of its newest revision', async () => {
    expect((await json('GET', '/v1/segments/low/members')).data).toEqual([{ id: 'r60' }]);
  });

  it('holds, and does not hold, single records by its newest revision', async () => {
    expect(await json('GET', '/v1/segments/low/members/r60')).toEqual({ member: true });
    expect(await json('GET', '/v1/segments/low/members/r10')).toEqual({ member: false });
  });

  it('is looked up by its newest revision', async () => {
    const asked = { object_type: 'contacts', ids: ['r10', 'r60'], segments: ['low'] };
    expect(await json('POST', '/v1/memberships/lookup', asked)).toEqual({
      memberships: { r10: [], r60: ['low'] },
    });
  });

  it('is among the segments of a record by its newest revision', async () => {
    expect(await json('GET', '/v1/records/contacts/r60/segments')).toEqual({ segments: ['low'] });
    expect(await json('GET', '/v1/records/contacts/r10/segments')).toEqual({ segments: [] });
  });

  it('lists the records of its newest revision', async () => {
    expect((await json('GET', '/v1/records/contacts?segment=low')).data).toMatchObject([
      { id: 'r60' },
    ]);
  });

  it('is shown as it is', async () => {
    expect(await json('GET', '/v1/segments/low')).toMatchObject({
      revision: 2,
      query: rule('n', '>', 50),
    });
  });
});

describe('a segment that was just created or deleted', () => {
  it('is found', async () => {
    await first.call('POST', '/v1/segments', segment('high', rule('n', '>', 50)));
    await built(first.deployment);
    expect((await json('POST', '/v1/segments/counts', {})).counts).toMatchObject([
      { slug: 'high', count: 1 },
      {},
    ]);
    expect((await json('GET', '/v1/segments')).data).toHaveLength(2);
  });

  it('is not answered any more', async () => {
    await first.call('DELETE', '/v1/segments/low');
    expect(await code('POST', '/v1/segments/counts', { slugs: ['low'] })).toEqual([
      404,
      'segment_unknown',
    ]);
    expect(await code('GET', '/v1/segments/low')).toEqual([404, 'segment_unknown']);
    expect(await code('GET', '/v1/segments/low/members')).toEqual([404, 'segment_unknown']);
    expect(await code('GET', '/v1/segments/low/members/r10')).toEqual([404, 'segment_unknown']);
    const asked = { object_type: 'contacts', ids: ['r10'], segments: ['low'] };
    expect(await code('POST', '/v1/memberships/lookup', asked)).toEqual([404, 'segment_unknown']);
    expect(await json('GET', '/v1/records/contacts/r10/segments')).toEqual({ segments: [] });
    expect((await json('GET', '/v1/segments')).data).toEqual([]);
    expect(await code('POST', '/v1/exports/contacts', { segment: 'low' })).toEqual([
      404,
      'segment_unknown',
    ]);
  });

  it('and created anew is the new one', async () => {
    await first.call('DELETE', '/v1/segments/low');
    await first.call('POST', '/v1/segments', segment('low', rule('n', '>', 20)));
    await built(first.deployment);
    expect(await json('POST', '/v1/segments/counts', { slugs: ['low'] })).toMatchObject({
      counts: [{ count: 2, revision: 1 }],
    });
  });
});

describe('a type that was just declared or changed', () => {
  it('takes records at once, one by one and by the line', async () => {
    await first.call('PUT', '/v1/object-types/orders', {
      attributes: { total: { type: 'number' } },
    });
    expect((await deaf.call('PUT', '/v1/records/orders/o1', { total: 3 })).statusCode).toBe(201);
    const change = { op: 'put', object_type: 'orders', id: 'o2', data: { total: 'x' } };
    const sent = await json('POST', '/v1/changes', [change]);
    expect(sent).toMatchObject({ accepted: 0, rejected: [{ code: 'attribute_invalid' }] });
    expect(
      (await json('GET', '/v1/object-types')).data.map(({ name }: { name: string }) => name),
    ).toEqual(['contacts', 'orders']);
    expect((await json('GET', '/v1/records/orders')).data).toHaveLength(1);
  });

  it('checks an attribute that was not declared before', async () => {
    const attributes = { n: { type: 'number' }, s: { type: 'string' }, born: { type: 'date' } };
    await first.call('PUT', '/v1/object-types/contacts', { attributes });
    expect(await code('PUT', '/v1/records/contacts/r1', { born: 'no day' })).toEqual([
      422,
      'attribute_invalid',
    ]);
    const change = { op: 'put', object_type: 'contacts', id: 'r1', data: { born: 'no day' } };
    expect((await json('POST', '/v1/changes', [change])).accepted).toBe(0);
  });

  it('refuses by its new types what many changes bring, and takes what the old ones would refuse', async () => {
    await first.call('DELETE', '/v1/segments/low');
    await first.call('DELETE', '/v1/views/sheet');
    await first.call('PUT', '/v1/object-types/contacts', {
      attributes: { n: { type: 'string' }, s: { type: 'string' } },
    });
    expect((await deaf.call('PUT', '/v1/records/contacts/r1', { n: 'text' })).statusCode).toBe(201);
    const put = (n: unknown) => ({ op: 'put', object_type: 'contacts', id: 'r2', data: { n } });
    expect((await json('POST', '/v1/changes', [put('text')])).accepted).toBe(1);
    await first.call('PUT', '/v1/object-types/contacts', { attributes: { n: { type: 'number' } } });
    expect((await json('POST', '/v1/changes', [put('more text')])).accepted).toBe(0);
  });

  it('lets what was taken by the old type count as missing where it does not fit', async () => {
    await first.call('PUT', '/v1/object-types/notes', { attributes: { n: { type: 'string' } } });
    expect((await deaf.call('PUT', '/v1/records/notes/a', { n: 'x' })).statusCode).toBe(201);
    await first.call('PUT', '/v1/object-types/notes', { attributes: { n: { type: 'number' } } });
    await first.call(
      'POST',
      '/v1/segments',
      segment('some', rule('n', 'notNull', undefined), 'notes'),
    );
    await built(first.deployment);
    await deaf.call('PUT', '/v1/records/notes/b', { n: 'y' }); // by what it knows, a string
    await deaf.call('PUT', '/v1/records/notes/c', { n: 5 }); // by what is stored, a number
    expect(await json('POST', '/v1/segments/counts', { slugs: ['some'] })).toMatchObject({
      counts: [{ count: 1 }],
    });
  });

  it('is what segments and views are checked against', async () => {
    await first.call('PUT', '/v1/object-types/contacts', {
      attributes: { n: { type: 'number' }, s: { type: 'string' }, more: { type: 'number' } },
    });
    const made = await deaf.call('POST', '/v1/segments', segment('more', rule('more', '>', 1)));
    expect([made.statusCode, made.json().status]).toEqual([201, 'building']);
    expect((await deaf.call('PUT', '/v1/views/sheet', view('sheet', 'more'))).statusCode).toBe(200);
  });

  it('is changed by who declares it as this process had last heard of it', async () => {
    const before = { attributes: { n: { type: 'number' }, s: { type: 'string' } } };
    await first.call('PUT', '/v1/object-types/contacts', {
      attributes: { ...before.attributes, more: { type: 'number' } },
    });
    await deaf.call('PUT', '/v1/object-types/contacts', before);
    expect(
      (await first.call('GET', '/v1/object-types/contacts')).json().attributes,
    ).not.toHaveProperty('more');
  });

  it('that was deleted is unknown', async () => {
    await first.call('PUT', '/v1/object-types/orders', { attributes: {} });
    expect((await deaf.call('GET', '/v1/object-types/orders')).statusCode).toBe(200);
    await first.call('DELETE', '/v1/object-types/orders');
    expect(await code('GET', '/v1/object-types/orders')).toEqual([404, 'object_type_unknown']);
    expect(await code('GET', '/v1/records/orders/o')).toEqual([404, 'object_type_unknown']);
    expect(await code('GET', '/v1/records/orders')).toEqual([404, 'object_type_unknown']);
    expect((await json('GET', '/v1/seeds?include=object_types')).length).toBe(1);
    expect(
      (
        await deaf.call('POST', '/v1/imports/orders', '{"id":"a"}', {
          type: 'application/x-ndjson',
        })
      ).statusCode,
    ).toBe(404);
  });
});

describe('relationships and views', () => {
  it('are included as they are declared now', async () => {
    await first.call('PUT', '/v1/object-types/orders', {
      attributes: {},
      relationships: { contact: { to: 'contacts', key: 'contact_id', inverse: 'orders' } },
    });
    await built(first.deployment);
    await deaf.call('PUT', '/v1/records/orders/o1', { contact_id: 'r10' });
    expect(await json('GET', '/v1/records/orders/o1?include=contact')).toMatchObject({
      included: { contact: { id: 'r10' } },
    });
    expect(await json('GET', '/v1/records/contacts/r10?include=orders')).toMatchObject({
      included: { orders: { data: [{ id: 'o1' }] } },
    });
  });

  it('show the columns and the rows of now', async () => {
    expect((await json('GET', '/v1/views/sheet/rows')).data).toHaveLength(2);
    await first.call('PATCH', '/v1/views/sheet', {
      columns: [{ path: 's' }],
      query: rule('n', '>', 50),
    });
    await built(first.deployment);
    expect((await json('GET', '/v1/views/sheet/rows')).data).toEqual([{ id: 'r60', s: 's60' }]);
    expect(await json('GET', '/v1/views/sheet')).toMatchObject({ revision: 2 });
    await first.call('DELETE', '/v1/views/sheet');
    expect(await code('GET', '/v1/views/sheet/rows')).toEqual([404, 'view_unknown']);
    expect((await json('GET', '/v1/views')).data).toEqual([]);
    expect(await code('GET', '/v1/views/sheet/activations')).toEqual([404, 'view_unknown']);
  });
});

describe('many versions', () => {
  it('are caught up with, however many they are', async () => {
    for (let n = 0; n < 130; n++)
      await first.call('PATCH', '/v1/segments/low', { title: `low ${n}` });
    await eventually(
      'it is known',
      async () => (await json('GET', '/v1/segments/low')).title === 'low 129',
      5000,
    );
    expect(deaf.deployment.store.catalog.version).toBe(first.deployment.store.catalog.version);
  });
});
