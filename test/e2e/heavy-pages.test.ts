/**
 * heavy-pages.test.ts – Whatever records weigh, a page weighs what it may: it ends early, its
 * cursor goes on, and by following the cursors everything comes exactly once. So it is on pages of
 * rows, records, members, relationships, definitions.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built, send } from '../support/deployment.ts';

const KB = 1024;
const LIMITS = { pageBytes: 128 * KB, rowPageBytes: 256 * KB };
const PEOPLE = 30;
const ORDERS_EACH = 12;
/** One record, of either type, is a fifth of a page. */
const TEXT = 'x'.repeat(25 * KB);
/** What is beside the texts on a page; the page holds one entry at least. */
const SLACK = 32 * KB;

let api: TestApi;

beforeAll(async () => {
  api = await openTestApi({ limits: LIMITS });
  const text = { type: 'string' };
  await api.call('PUT', '/v1/object-types/firms', { attributes: { text } });
  await api.call('PUT', '/v1/object-types/people', {
    attributes: { n: { type: 'number' }, text },
    relationships: { firm: { to: 'firms', key: 'firm_id', cardinality: 'one', inverse: 'staff' } },
  });
  await api.call('PUT', '/v1/object-types/orders', {
    attributes: { total: { type: 'number' }, text },
    relationships: {
      person: { to: 'people', key: 'person_id', cardinality: 'one', inverse: 'orders' },
    },
  });
  await send(api.deployment, [{ op: 'put', object_type: 'firms', id: 'f', data: { text: TEXT } }]);
  await send(api.deployment, people());
  await send(api.deployment, orders());
  const query = { combinator: 'and', rules: [{ field: 'n', operator: '>=', value: 0 }] };
  await api.call('POST', '/v1/segments', {
    title: 'All',
    slug: 'all',
    object_type: 'people',
    query,
  });
  const columns = [
    { path: 'n' },
    { path: 'text' },
    { path: 'firm.text' },
    { path: 'orders.total', aggregate: 'sum', label: 'spent' },
  ];
  const view = {
    title: 'All',
    object_type: 'people',
    segment: 'all',
    columns,
    relationships: ['firm', 'orders'],
  };
  await api.call('POST', '/v1/views', { ...view, slug: 'plain' });
  await api.call('POST', '/v1/views', {
    ...view,
    slug: 'sorted',
    sort: [{ path: 'n', direction: 'desc' }],
  });
  await built(api.deployment);
}, 120_000);
afterAll(() => api.close());

function* people() {
  for (let n = 0; n < PEOPLE; n++)
    yield {
      op: 'put',
      object_type: 'people',
      id: `p${n}`,
      data: { n, text: TEXT, firm_id: 'f' },
    } as const;
}

function* orders() {
  for (let n = 0; n < PEOPLE * ORDERS_EACH; n++) {
    const data = { total: 1, text: TEXT, person_id: `p${n % PEOPLE}` };
    yield { op: 'put', object_type: 'orders', id: `o${n}`, data } as const;
  }
}

interface Entry {
  readonly id: string;
  readonly [member: string]: unknown;
}

/** Follows the cursors; no page weighs more than `most`. */
async function all(
  url: string,
  most: number,
  role: 'viewer' | 'master' = 'viewer',
): Promise<Entry[]> {
  const entries: Entry[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const answer = await api.call('GET', `${url}${cursor ? `&cursor=${cursor}` : ''}`, undefined, {
      role,
    });
    expect(answer.statusCode).toBe(200);
    expect(answer.rawPayload.length).toBeLessThanOrEqual(most);
    const page: { data: Entry[]; next_cursor: string | null } = answer.json();
    entries.push(...page.data);
    cursor = page.next_cursor;
  }
  return entries;
}

const idsOf = (entries: readonly Entry[]) => entries.map(({ id }) => id).sort();
const everybody = Array.from({ length: PEOPLE }, (_, n) => `p${n}`).sort();

describe('a page of rows', () => {
  it.each(['plain', 'sorted'])(
    'of the view %s weighs its own records and their neighbours together',
    async (slug) => {
      const rows = await all(`/v1/views/${slug}/rows?limit=1000`, LIMITS.rowPageBytes + SLACK);
      expect(idsOf(rows)).toEqual(everybody);
      if (slug === 'sorted')
        expect(rows.map(({ n }) => n)).toEqual(
          Array.from({ length: PEOPLE }, (_, n) => PEOPLE - 1 - n),
        );
      for (const row of rows) {
        expect(row).toMatchObject({ text: TEXT, 'firm.text': TEXT, spent: ORDERS_EACH });
        const { firm, orders: some } = row['relationships'] as {
          firm: Entry;
          orders: { data: Entry[]; next_cursor: string };
        };
        expect(firm).toMatchObject({ id: 'f', data: { text: TEXT } });
        expect(some.data.length).toBeGreaterThan(0);
        expect(some.data.length < ORDERS_EACH).toBe(some.next_cursor !== null);
      }
    },
  );

  it('names a cursor for the neighbours that it has no room for', async () => {
    const [row] = (await api.call('GET', '/v1/views/plain/rows?limit=1')).json().data;
    const { data, next_cursor: next } = row.relationships.orders;
    const url = `/v1/records/people/${row.id}?include=orders&include_limit=20`;
    const seen: string[] = idsOf(data);
    for (let cursor: string | null = next; cursor !== null; ) {
      const answer = await api.call('GET', `${url}&include_cursor=${cursor}`);
      expect(answer.rawPayload.length).toBeLessThanOrEqual(
        LIMITS.pageBytes + 2 * TEXT.length + SLACK,
      );
      const page = answer.json().included.orders;
      seen.push(...idsOf(page.data));
      cursor = page.next_cursor;
    }
    expect(seen).toHaveLength(ORDERS_EACH);
    expect(new Set(seen).size).toBe(ORDERS_EACH);
  });

  it.each([
    [
      'application/x-ndjson',
      (text: string) =>
        text
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line).id),
    ],
    [
      'text/csv',
      (text: string) =>
        text
          .trim()
          .split('\r\n')
          .slice(1)
          .map((line) => `p${line.split(',')[0]}`),
    ],
  ])('is whole as %s', async (accept, ids) => {
    const headers = { authorization: 'Bearer the-key-of-the-viewer', accept };
    const answer = await api.server.inject({ url: '/v1/views/plain/rows', headers });
    expect(ids(answer.body).sort()).toEqual(everybody);
  });
});

describe('a page of a list', () => {
  it('of records, members and their records ends early', async () => {
    const most = LIMITS.pageBytes + TEXT.length + SLACK;
    for (const url of [
      '/v1/records/people?limit=1000',
      '/v1/records/people?segment=all&limit=1000',
    ])
      expect(idsOf(await all(url, most))).toEqual(everybody);
    expect(idsOf(await all('/v1/segments/all/members?include=records&limit=1000', most))).toEqual(
      everybody,
    );
  });

  it('is whole however many archived records lie between', async () => {
    const put = (n: number) => ({
      op: 'put' as const,
      object_type: 'firms',
      id: `a${n}`,
      data: { text: TEXT },
    });
    const many = Array.from({ length: 60 }, (_, n) => put(n));
    await send(api.deployment, many);
    await send(
      api.deployment,
      many.slice(0, 55).map(({ id }) => ({ op: 'archive', object_type: 'firms', id }) as const),
    );
    const left = [...many.slice(55).map(({ id }) => id), 'f'].sort();
    expect(
      idsOf(await all('/v1/records/firms?limit=1000', LIMITS.pageBytes + TEXT.length + SLACK)),
    ).toEqual(left);
  });

  it('of segments, views and types ends early, and leaves out what is not asked for', async () => {
    const value = Array.from({ length: 700 }, (_, n) => `${n}`.padEnd(100, 'y'));
    for (let n = 0; n < 10; n++) {
      const query = {
        combinator: 'and',
        rules: [{ field: 'text', operator: 'in', value: [...value, `${n}`] }],
      };
      const made = { title: `${n}`, slug: `s${n}`, object_type: 'people', query };
      expect((await api.call('POST', '/v1/segments', made)).statusCode).toBe(201);
      const view = { ...made, columns: [{ path: 'n' }] };
      expect((await api.call('POST', '/v1/views', view)).statusCode).toBe(201);
    }
    const one = (await api.call('GET', '/v1/segments/s0')).rawPayload.length;
    const slugsOf = (entries: readonly Entry[]) => entries.map(({ slug }) => slug);
    for (const [kind, extra] of [
      ['segments', ['all']],
      ['views', ['plain', 'sorted']],
    ] as const) {
      const slugs = [...Array.from({ length: 10 }, (_, n) => `s${n}`), ...extra].sort();
      expect(
        slugsOf(await all(`/v1/${kind}?limit=1000`, Math.max(LIMITS.pageBytes, one) + SLACK)),
      ).toEqual(slugs);
      const short = (await api.call('GET', `/v1/${kind}?limit=1000&fields=slug,title`)).json();
      expect(short.next_cursor).toBeNull();
      expect(short.data).toEqual(slugs.map((slug) => ({ slug, title: expect.any(String) })));
    }
    const types = (await api.call('GET', '/v1/object-types?fields=name')).json();
    expect(types.data).toEqual([{ name: 'firms' }, { name: 'orders' }, { name: 'people' }]);
  });

  it.each(['segments', 'views', 'object-types'])(
    'of %s refuses a field that there is not',
    async (kind) => {
      for (const fields of ['slug,titel', '', 'slug,', 'constructor']) {
        const answer = await api.call('GET', `/v1/${kind}?fields=${fields}`);
        expect([answer.statusCode, answer.json().code, answer.json().errors[0].path]).toEqual([
          400,
          'parameter_invalid',
          '/fields',
        ]);
      }
    },
  );
});
