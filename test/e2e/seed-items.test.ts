/**
 * seed-items.test.ts – What an item of a seed may be: in an envelope or bare, once only, its id in
 * one place; and an id within the values of a record, wherever it is written.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built } from '../support/deployment.ts';
import { DEFINITIONS } from '../support/seed-items.ts';

let api: TestApi;
beforeEach(async () => {
  api = await openTestApi();
});
afterEach(() => api.close());

const NDJSON = 'application/x-ndjson';
const contact = (id: string, age: number) => ({ object_type: 'contacts', data: { id, age } });
const segment = (slug: string, age: number) => ({
  title: slug,
  slug,
  object_type: 'contacts',
  query: { combinator: 'and', rules: [{ field: 'age', operator: '>=', value: age }] },
});
const TYPES = DEFINITIONS.filter(({ object_type: kind }) => kind === 'object_types');
const ALICE = '/v1/records/contacts/alice';

async function ids(): Promise<string[]> {
  const { data } = (await api.call('GET', '/v1/records/contacts?limit=1000')).json();
  return data.map(({ id }: { id: string }) => id).sort();
}

describe('a record that is in a seed twice', () => {
  it.each([
    ['with the same values', [contact('a', 1), contact('a', 1)]],
    ['with other values', [contact('a', 1), contact('b', 2), contact('a', 2)]],
    ['its id once within and once beside', [contact('a', 1), { ...contact('a', 1), id: 'a' }]],
    [
      'its id once by an expression',
      [
        contact('a', 1),
        { object_type: 'contacts', data: { id: '{{getRecordAttribute(contacts, id, a)}}' } },
      ],
    ],
  ])('refuses the seed and changes nothing: %s', async (_, records) => {
    const seed = [...TYPES, ...records];
    const at = seed.length - 1;
    const answer = await api.call('POST', '/v1/seeds', seed);
    expect([answer.statusCode, answer.json().code]).toEqual([422, 'seed_invalid']);
    expect(answer.json().errors).toMatchObject([
      { path: `/${at}/data/id`, detail: expect.stringContaining('/2') },
    ]);
    const tried = (await api.call('POST', '/v1/seeds?dry_run=true', seed)).json();
    expect(tried.errors).toMatchObject([{ index: at, id: expect.any(String) }]);
    expect(tried.create).toHaveLength(seed.length - 1);
    expect(api.deployment.store.catalog.version).toBe(0);
  });

  it('is found in a job, however far apart the two are', async () => {
    const many = Array.from({ length: 3000 }, (_, n) => contact(`c${n}`, n));
    const lines = [...TYPES, ...many, contact('c17', 1)]
      .map((item) => JSON.stringify(item))
      .join('\n');
    const job = await api.ended(
      await api.call('POST', '/v1/seeds?async=true', lines, { type: NDJSON }),
    );
    expect(job).toMatchObject({
      status: 'failed',
      problem: { code: 'seed_invalid' },
      errors_total: 1,
    });
    expect(job.errors).toMatchObject([{ path: '/3002/data/id' }]);
    expect(api.deployment.store.catalog.version).toBe(0);
  });

  it('of two types is two records', async () => {
    const seed = [...TYPES, contact('a', 1), { object_type: 'companies', data: { id: 'a' } }];
    expect((await api.call('POST', '/v1/seeds', seed)).statusCode).toBe(200);
    expect(await ids()).toEqual(['a']);
  });
});

describe('a record whose values are nested beyond what is kept', () => {
  const seedOf = (levels: number) => {
    const asked = '{{getRecordAttribute(contacts, id, a)}}';
    const deep = `${'['.repeat(levels)}"${asked}"${']'.repeat(levels)}`;
    const records = `${JSON.stringify(contact('a', 1))},{"object_type":"contacts","data":{"id":"b","x":${deep}}}`;
    return `[${TYPES.map((item) => JSON.stringify(item)).join()},${records}]`;
  };

  it.each([101, 150])('refuses the seed and names it: %i levels', async (levels) => {
    const answer = await api.call('POST', '/v1/seeds?dry_run=true', seedOf(levels));
    expect([answer.statusCode, answer.json().errors?.[0]?.errors]).toMatchObject([
      200,
      [{ path: '/3/data/x' }],
    ]);
  });

  it('refuses the body and names the item: deeper than anything is, 1000 levels', async () => {
    const answer = await api.call('POST', '/v1/seeds?dry_run=true', seedOf(1000));
    expect(answer.json()).toMatchObject({
      status: 422,
      code: 'body_invalid',
      errors: [{ path: '/3' }],
    });
  });
});

describe('a definition that is in a seed twice', () => {
  it.each(DEFINITIONS.map((item) => [item.object_type, item] as const))(
    'refuses the seed: %s',
    async (_, item) => {
      const answer = await api.call('POST', '/v1/seeds', [...DEFINITIONS, item]);
      expect([answer.statusCode, answer.json().code]).toEqual([422, 'seed_invalid']);
      expect(answer.json().errors[0].path).toMatch(
        new RegExp(`^/${DEFINITIONS.length}/data/(name|slug)$`),
      );
      expect(api.deployment.store.catalog.version).toBe(0);
    },
  );

  it('refuses the seed too if one of them is bare', async () => {
    const wrapped = { object_type: 'segments', data: segment('old', 50) };
    const answer = await api.call('POST', '/v1/seeds', [...TYPES, wrapped, segment('old', 60)]);
    expect([answer.statusCode, answer.json().errors[0].path]).toEqual([422, '/3/slug']);
  });
});

describe('segments without an envelope', () => {
  beforeEach(async () => {
    expect(
      (await api.call('POST', '/v1/seeds', [...TYPES, contact('a', 55), contact('b', 20)]))
        .statusCode,
    ).toBe(200);
  });

  it.each([
    ['a JSON array', 'application/json', (items: unknown[]) => JSON.stringify(items)],
    ['lines', NDJSON, (items: unknown[]) => items.map((item) => JSON.stringify(item)).join('\n')],
  ])('are imported as %s, beside others that have one, and answer', async (_, type, write) => {
    const wrapped = { object_type: 'segments', data: segment('adult', 18) };
    const inside = {
      ...segment('old-adult', 0),
      query: { combinator: 'and', rules: [{ field: '', operator: 'inSegment', value: 'old' }] },
    };
    const seed = write([inside, segment('old', 50), wrapped]);
    const answer = await api.call('POST', '/v1/seeds', seed, { type });
    expect(answer.json()).toMatchObject({ totals: { create: 3, update: 0, unchanged: 0 } });
    await built(api.deployment);
    const slugs = ['adult', 'old', 'old-adult'];
    const { counts } = (await api.call('POST', '/v1/segments/counts', { slugs })).json();
    expect(counts.map(({ count }: { count: number }) => count)).toEqual([2, 1, 1]);
    expect((await api.call('POST', '/v1/seeds', seed, { type })).json()).toMatchObject({
      totals: { unchanged: 3 },
    });
  });

  it('are taken as the API answers them', async () => {
    await api.call('POST', '/v1/segments', segment('old', 50));
    await built(api.deployment);
    const { data } = (await api.call('GET', '/v1/segments')).json();
    expect((await api.call('POST', '/v1/seeds', data)).json()).toMatchObject({
      totals: { create: 0, unchanged: 1 },
    });
  });

  it('with a fault are refused, and the pointer leads into the item itself', async () => {
    const bad = {
      ...segment('old', 50),
      query: { combinator: 'and', rules: [{ field: 'nobody', operator: '=', value: 1 }] },
    };
    const answer = await api.call('POST', '/v1/seeds', [segment('adult', 18), bad]);
    expect([answer.statusCode, answer.json().errors[0].path]).toEqual([
      422,
      '/1/query/rules/0/field',
    ]);
    expect(api.deployment.store.catalog.segments.size).toBe(0);
  });
});

describe('an id within the values of a record', () => {
  const bodies = { age: 5, id: 'alice' };
  const other = { age: 5, id: 'bob' };
  beforeEach(async () => {
    await api.call('POST', '/v1/seeds', [...TYPES, contact('alice', 1)]);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['PUT', async () => (await api.call('PUT', ALICE, other)).json().errors[0]],
    ['PATCH', async () => (await api.call('PATCH', ALICE, other)).json().errors[0]],
    ['a number', async () => (await api.call('PUT', ALICE, { id: 5 })).json().errors[0]],
    [
      'changes',
      async () =>
        (
          await api.call('POST', '/v1/changes', [
            { op: 'put', object_type: 'contacts', id: 'alice', data: other },
          ])
        ).json().rejected[0],
    ],
    [
      'an import',
      async () =>
        (
          await api.ended(
            await api.call(
              'POST',
              '/v1/imports/contacts',
              JSON.stringify({ id: 'alice', data: other }),
              {
                type: NDJSON,
              },
            ),
          )
        ).errors[0],
    ],
    [
      'a table',
      async () =>
        (
          await api.ended(
            await api.call('POST', '/v1/imports/contacts?id=key', 'key,id,age\nalice,bob,5', {
              type: 'text/csv',
            }),
          )
        ).errors[0],
    ],
    [
      'a seed',
      async () =>
        (
          await api.call('POST', '/v1/seeds', [
            { object_type: 'contacts', id: 'alice', data: other },
          ])
        ).json().errors[0],
    ],
  ])('that is another one is refused: %s', async (_, send) => {
    expect(await send()).toMatchObject({ path: expect.stringMatching(/\/id$/) });
    expect((await api.call('GET', ALICE)).json().data).toEqual({ age: 1 });
    expect(await ids()).toEqual(['alice']);
  });

  it('that is its own is kept, and comes back from a seed and an export', async () => {
    expect((await api.call('PUT', ALICE, bodies)).statusCode).toBe(200);
    const seed = (await api.call('GET', '/v1/seeds?include=records:contacts')).body;
    const job = await api.ended(await api.call('POST', '/v1/exports/contacts'));
    const shared = (await api.call('GET', `/v1/jobs/${job.id}/result`)).body;
    for (const restore of [
      () => api.call('POST', '/v1/seeds', seed),
      async () =>
        api.ended(await api.call('POST', '/v1/imports/contacts', shared, { type: NDJSON })),
    ]) {
      await api.call('DELETE', ALICE);
      await restore();
      expect((await api.call('GET', ALICE)).json().data).toEqual(bodies);
    }
    expect((await api.call('PATCH', ALICE, { id: null })).json().data).toEqual({ age: 5 });
  });
});
