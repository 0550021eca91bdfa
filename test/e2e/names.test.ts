/**
 * names.test.ts – Names of types, attributes and relationships: what they may be, and that case
 * makes them different ones.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../support/api.ts';
import { eventually } from '../support/deployment.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
});
afterAll(() => api.close());

const string = { type: 'string' };

async function declared(name: string, body: unknown): Promise<Record<string, unknown>> {
  const answer = await api.call('PUT', `/v1/object-types/${name}`, body);
  expect(answer.statusCode, answer.body).toBeLessThan(300);
  return (await api.call('GET', `/v1/object-types/${name}`)).json();
}

async function members(slug: string): Promise<string[]> {
  await eventually(`${slug} is built`, async () => {
    const [{ status }] = (await api.call('POST', '/v1/segments/counts', { slugs: [slug] })).json()
      .counts;
    return status === 'ready';
  });
  const { data } = (await api.call('GET', `/v1/segments/${slug}/members`)).json();
  return data.map(({ id }: { id: string }) => id).sort();
}

async function segment(slug: string, object_type: string, ...rules: unknown[]): Promise<string> {
  const query = { combinator: 'and', rules };
  const answer = await api.call('POST', '/v1/segments', { title: slug, slug, object_type, query });
  expect(answer.statusCode, answer.body).toBe(201);
  return slug;
}

const PROTOTYPE = Object.getOwnPropertyNames(Object.prototype);
const RESERVED = ['id', 'version', 'created_at', 'updated_at', 'archived_at'];
const MALFORMED = ['', '1st', 'first name', 'first-name', 'naïve', 'a.b', 'x'.repeat(129)];

describe('a name', () => {
  it.each(['firstName', '_', '_x1', 'A', 'X'.repeat(128), 'ID', 'Version', '__x__', 'tostring'])(
    'may be %s',
    async (name) => {
      const to = {
        to: 'Firms',
        key: `${name.slice(0, 120)}_key`,
        cardinality: 'one',
        inverse: `${name.slice(0, 120)}_of`,
      };
      await declared('Firms', { attributes: {} });
      expect(
        await declared(name, { attributes: { [name]: string, n: { type: 'number' } } }),
      ).toMatchObject({ name });
      const body = {
        attributes: { [name]: string },
        relationships: { [`${name.slice(0, 120)}_to`]: to },
      };
      expect(await declared(name, body)).toMatchObject({ name, ...body });
      const url = `/v1/records/${name}/1`;
      expect((await api.call('PUT', url, { [name]: 'x', [to.key]: 'f' })).statusCode).toBe(201);
      expect((await api.call('GET', url)).json().data).toEqual({ [name]: 'x', [to.key]: 'f' });
      const slug = `named-${Buffer.from(name).toString('hex').slice(0, 100)}`;
      expect(
        await members(await segment(slug, name, { field: name, operator: '=', value: 'x' })),
      ).toEqual(['1']);
    },
  );

  it.each([...PROTOTYPE, ...MALFORMED])('may not be %j, of whatever', async (name) => {
    const bodies = [
      [
        JSON.stringify({ attributes: { n: string } }).replace('"n"', JSON.stringify(name)),
        `/attributes/${name}`,
      ],
      [
        `{"relationships":{${JSON.stringify(name)}:{"to":"Own","key":"k","inverse":"i"}}}`,
        `/relationships/${name}`,
      ],
      [
        `{"relationships":{"r":{"to":"Own","key":${JSON.stringify(name)},"inverse":"i"}}}`,
        '/relationships/r/key',
      ],
      [
        `{"relationships":{"r":{"to":"Own","key":"k","inverse":${JSON.stringify(name)}}}}`,
        '/relationships/r/inverse',
      ],
    ];
    for (const [body, path] of bodies) {
      const answer = await api.call('PUT', '/v1/object-types/Own', body);
      expect(answer.json()).toMatchObject({
        status: 422,
        code: 'object_type_invalid',
        errors: [{ path }],
      });
    }
    if (name === '') return;
    const answer = await api.call('PUT', `/v1/object-types/${encodeURIComponent(name)}`, {
      attributes: {},
    });
    expect([404, 414, 422]).toContain(answer.statusCode);
  });

  it.each(RESERVED)("may not be %s, which is the record's own", async (name) => {
    const relationship = { to: 'Own', key: 'k', inverse: 'i' };
    const bodies = [
      [{ attributes: { [name]: string } }, `/attributes/${name}`],
      [{ relationships: { [name]: relationship } }, `/relationships/${name}`],
      [{ relationships: { r: { ...relationship, key: name } } }, '/relationships/r/key'],
      [{ relationships: { r: { ...relationship, inverse: name } } }, '/relationships/r/inverse'],
    ] as const;
    for (const [body, path] of bodies) {
      const answer = await api.call('PUT', '/v1/object-types/Own', body);
      expect(answer.json()).toMatchObject({
        status: 422,
        code: 'object_type_invalid',
        errors: [{ path }],
      });
    }
  });
});

it('names that differ in case are different types, attributes and relationships', async () => {
  const to = (key: string, inverse: string) => ({ to: 'places', key, cardinality: 'one', inverse });
  await declared('places', { attributes: { n: { type: 'number' } } });
  await declared('people', {
    attributes: { name: string, Name: string, NAME: { type: 'number' } },
    relationships: { home: to('home', 'residents'), Home: to('Home', 'Residents') },
  });
  await declared('People', { attributes: { name: string } });
  await api.call('PUT', '/v1/records/places/p', { n: 1 });
  await api.call('PUT', '/v1/records/people/a', { name: 'x', Name: 'y', NAME: 7, home: 'p' });
  await api.call('PUT', '/v1/records/people/b', { name: 'y', Name: 'x', NAME: 8, Home: 'p' });
  await api.call('PUT', '/v1/records/People/c', { name: 'x' });
  const lists = [
    segment('lower', 'people', { field: 'name', operator: '=', value: 'x' }),
    segment('upper', 'people', { field: 'Name', operator: '=', value: 'x' }),
    segment('number', 'people', { field: 'NAME', operator: '>', value: 7 }),
    segment('of-people', 'People', { field: 'name', operator: '=', value: 'x' }),
    segment('at-home', 'people', { field: 'home.n', operator: '=', value: 1 }),
    segment('at-other-home', 'people', { field: 'Home.n', operator: '=', value: 1 }),
  ];
  const found = await Promise.all(lists.map(async (slug) => members(await slug)));
  expect(found).toEqual([['a'], ['b'], ['b'], ['c'], ['a'], ['b']]);
});

it('an object type shows the ways back to it, and what is shown can be sent', async () => {
  await declared('firms', { attributes: {} });
  const to = (key: string, inverse: string) => ({ to: 'firms', key, cardinality: 'one', inverse });
  await declared('workers', {
    attributes: {},
    relationships: { employer: to('e', 'staff'), rival: to('r', 'rivals') },
  });
  await declared('firms', { attributes: {}, relationships: { parent: to('p', 'children') } });
  const shown = (await api.call('GET', '/v1/object-types/firms')).json();
  expect(shown.inverse_relationships).toEqual({
    children: { type: 'firms', relationship: 'parent' },
    rivals: { type: 'workers', relationship: 'rival' },
    staff: { type: 'workers', relationship: 'employer' },
  });
  expect((await api.call('GET', '/v1/object-types/workers')).json().inverse_relationships).toEqual(
    {},
  );
  expect((await api.call('PUT', '/v1/object-types/firms', shown)).statusCode).toBe(200);
  expect((await api.call('GET', '/v1/object-types/firms')).json()).toEqual(shown);
});

describe('a text that is shown', () => {
  const UNSHOWN = ['a\u0000b', 'a\u0007', 'tail\u009f', 'half \ud83d', '\udc00'];
  const query = { combinator: 'and', rules: [] };
  const columns = [{ path: 'n', label: 'N' }];
  const attributes = { n: { type: 'number', label: 'N' } };

  it.each(UNSHOWN)('may not be %j, of whatever', async (text) => {
    await declared('Shown', { attributes });
    await segment('shown', 'Shown').catch(() => {}); // from the text before
    const filter = { title: 's', slug: 's', object_type: 'Shown', query };
    const view = { ...filter, columns };
    const refused: [path: string, method: string, url: string, body: unknown][] = [
      ['/title', 'POST', '/v1/segments', { ...filter, title: text }],
      ['/description', 'POST', '/v1/segments', { ...filter, description: text }],
      ['/title', 'PATCH', '/v1/segments/shown', { title: text }],
      ['/title', 'POST', '/v1/segments/shown/duplicate', { title: text }],
      ['/title', 'POST', '/v1/views', { ...view, title: text }],
      ['/columns/0/label', 'POST', '/v1/views', { ...view, columns: [{ path: 'n', label: text }] }],
      ['/label', 'PUT', '/v1/object-types/Shown', { attributes, label: text }],
      [
        '/attributes/n/description',
        'PUT',
        '/v1/object-types/Shown',
        { attributes: { n: { ...attributes.n, description: text } } },
      ],
    ];
    for (const [path, method, url, body] of refused) {
      const answer = await api.call(method, url, body);
      const { errors } = answer.json<{ errors?: { path: string }[] }>();
      expect([answer.statusCode, errors?.[0]?.path], `${method} ${url}`).toEqual([422, path]);
    }
    const seeds = await api.call('POST', '/v1/seeds?dry_run=true', [
      { object_type: 'segments', data: { ...filter, title: text } },
    ]);
    expect(seeds.json().errors).toMatchObject([{ errors: [{ path: '/0/data/title' }] }]);
  });

  it('may have several lines where it describes, and any character', async () => {
    await declared('Shown', { attributes });
    const description = 'one\n\ttwo\r\n😀 naïve';
    const body = { title: '😀 é', slug: 'lines', object_type: 'Shown', query, description };
    expect((await api.call('POST', '/v1/segments', body)).json()).toMatchObject({
      title: body.title,
      description,
    });
    const title = { ...body, slug: 'other', title: 'two\nlines' };
    expect((await api.call('POST', '/v1/segments', title)).statusCode).toBe(422);
  });
});
