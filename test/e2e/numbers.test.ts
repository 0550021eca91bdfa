/**
 * numbers.test.ts – What a user sees of numbers and ids that can't be kept as they are sent:
 * refused, everywhere that they come in, and never altered; and of sums and averages: the decimals
 * that a person expects.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { partitionOf } from '../../src/change/partition.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { eventually } from '../support/deployment.ts';

let api: TestApi;
const NDJSON = { type: 'application/x-ndjson' };
const CSV = { type: 'text/csv' };

beforeAll(async () => {
  api = await openTestApi();
  await declared('customers', {
    attributes: {
      n: { type: 'number' },
      name: { type: 'string' },
      numbers: { type: 'list', of: 'number' },
      names: { type: 'list', of: 'string' },
      extra: { type: 'object' },
    },
  });
  await declared('orders', {
    attributes: { amount: { type: 'number' } },
    relationships: {
      customer: { to: 'customers', key: 'customer_id', cardinality: 'one', inverse: 'orders' },
      givers: { to: 'customers', key: 'giver_ids', cardinality: 'many', inverse: 'gifts' },
    },
  });
});
afterAll(() => api.close());

async function declared(name: string, body: unknown): Promise<void> {
  const answer = await api.call('PUT', `/v1/object-types/${name}`, body);
  expect(answer.statusCode, answer.body).toBeLessThan(300);
}

/** The values of a customer; undefined: there is none. */
async function stored(id: string): Promise<unknown> {
  const answer = await api.call('GET', `/v1/records/customers/${id}`);
  return answer.statusCode === 404 ? undefined : answer.json().data;
}

async function segment(slug: string, object_type: string, query: unknown): Promise<string> {
  const answer = await api.call('POST', '/v1/segments', { title: slug, slug, object_type, query });
  expect(answer.statusCode, answer.body).toBe(201);
  return slug;
}

/** Who is in a segment, once it is built. */
async function members(slug: string): Promise<string[]> {
  await eventually(`${slug} is built`, async () => {
    const [{ status }] = (await api.call('POST', '/v1/segments/counts', { slugs: [slug] })).json()
      .counts;
    return status === 'ready';
  });
  const { data } = (await api.call('GET', `/v1/segments/${slug}/members`)).json();
  return data.map(({ id }: { id: string }) => id).sort();
}

const rules = (...all: unknown[]) => ({ combinator: 'and', rules: all });

/** Digits that no double gives back, and where they stand in attributes. */
const INEXACT = [
  '9007199254740993',
  '-9007199254740993',
  '1e400',
  '0.1234567890123456789',
  '123456789012345678e-3',
];
const PLACES: readonly (readonly [attributes: (number: string) => string, path: string])[] = [
  [(number) => `"n":${number}`, '/n'],
  [(number) => `"undeclared":${number}`, '/undeclared'],
  [(number) => `"undeclared":{"deep":[1,{"a/b":${number}}]}`, '/undeclared/deep/1/a~1b'],
  [(number) => `"numbers":[1,${number}]`, '/numbers/1'],
  [(number) => `"extra":{"x":${number}}`, '/extra/x'],
];
const CASES = INEXACT.flatMap((number) =>
  PLACES.map(([attributes, path]) => ({ sent: attributes(number), path })),
);

describe('a number that would be altered is refused with its path', () => {
  it.each(CASES)('in a record: $sent', async ({ sent, path }) => {
    for (const method of ['PUT', 'PATCH']) {
      const answer = await api.call(
        method,
        '/v1/records/customers/altered',
        `{"name":"9007199254740993",${sent}}`,
      );
      expect(answer.statusCode).toBe(422);
      expect(answer.json()).toMatchObject({ code: 'number_inexact', errors: [{ path }] });
    }
    expect(await stored('altered')).toBeUndefined();
  });

  it('in lines of changes, each for itself', async () => {
    const line = (id: string, sent: string) =>
      `{"op":"put","object_type":"customers","id":"${id}","data":{${sent}}}`;
    const lines = [
      line('fine-1', '"n":1.10'),
      ...CASES.map(({ sent }) => line('altered', sent)),
      line('fine-2', '"n":1e2'),
    ];
    const answer = (await api.call('POST', '/v1/changes', lines.join('\n'), NDJSON)).json();
    expect(answer).toMatchObject({
      accepted: 2,
      rejected: CASES.map(({ path }, at) => ({
        line: at + 2,
        code: 'number_inexact',
        path: `/data${path}`,
      })),
    });
    expect([await stored('altered'), await stored('fine-1'), await stored('fine-2')]).toEqual([
      undefined,
      { n: 1.1 },
      { n: 100 },
    ]);
  });

  it('in a list of changes, each for itself', async () => {
    const item = (id: string, sent: string) =>
      `{"op":"put","object_type":"customers","id":"${id}","data":{${sent}}}`;
    const items = CASES.flatMap(({ sent }, at) => [
      item('altered', sent),
      item(`listed-${at}`, `"n":${at}`),
    ]);
    const answer = (await api.call('POST', '/v1/changes', `[${items.join(',')}]`)).json();
    expect(answer).toMatchObject({
      accepted: CASES.length,
      rejected: CASES.map(({ path }, at) => ({
        line: 2 * at + 1,
        code: 'number_inexact',
        path: `/data${path}`,
      })),
    });
    expect([await stored('altered'), await stored('listed-0')]).toEqual([undefined, { n: 0 }]);
  });

  it('in a source_version, and in an id', async () => {
    const sent =
      '{"op":"put","object_type":"customers","id":"altered","data":{},"source_version":9007199254740993}';
    const answer = await api.call('POST', '/v1/changes', sent, NDJSON);
    expect(answer.json().rejected).toMatchObject([
      { code: 'number_inexact', path: '/source_version' },
    ]);
  });

  it.each(CASES)('in lines of an import: $sent', async ({ sent, path }) => {
    const body = [
      `{"id":"altered",${sent}}`,
      `{"id":"altered","data":{${sent}}}`,
      '{"id":"imported","n":7}',
    ].join('\n');
    const job = await api.ended(await api.call('POST', '/v1/imports/customers', body, NDJSON));
    expect(job).toMatchObject({
      status: 'completed',
      result: { accepted: 1, rejected: 2 },
      errors: [1, 2].map((line) => ({ line, code: 'number_inexact', path: `/data${path}` })),
    });
    expect(await stored('altered')).toBeUndefined();
  });

  it.each([
    ['n', '9007199254740993'],
    ['n', '1e400'],
    ['numbers', '"1,0.1234567890123456789"'],
    ['numbers', '"[1,9007199254740993]"'],
    ['extra', '"{""x"":9007199254740993}"'],
  ])('in a cell of CSV: %s = %s', async (name, cell) => {
    const job = await api.ended(
      await api.call('POST', '/v1/imports/customers', `id,${name}\naltered,${cell}\n`, CSV),
    );
    expect(job.errors).toMatchObject([{ code: 'number_inexact', path: `/data/${name}` }]);
    expect(await stored('altered')).toBeUndefined();
  });

  it('in a seed, as a list and as lines, and nothing of it is taken', async () => {
    const fine = '{"object_type":"customers","data":{"id":"seeded"}}';
    const altered =
      '{"object_type":"customers","data":{"id":"altered","deep":{"x":9007199254740993}}}';
    for (const [body, sent] of [
      [`[${fine},${altered}]`, {}],
      [`${fine}\n${altered}\n`, NDJSON],
    ] as const) {
      for (const dryRun of [true, false]) {
        const answer = await api.call('POST', `/v1/seeds?dry_run=${dryRun}`, body, sent);
        expect(answer.statusCode).toBe(422);
        expect(answer.json()).toMatchObject({
          code: 'number_inexact',
          errors: [{ path: '/1/data/deep/x' }],
        });
      }
    }
    expect([await stored('seeded'), await stored('altered')]).toEqual([undefined, undefined]);
  });

  it.each([
    ['9007199254740993', '/query/rules/0/value'],
    ['"9007199254740993"', '/query/rules/0/value'],
    ['" 1e400 "', '/query/rules/0/value'],
  ])('in the value of a rule: %s', async (value, path) => {
    const query = `{"combinator":"and","rules":[{"field":"n","operator":"=","value":${value}}]}`;
    const body = `{"title":"t","slug":"inexact","object_type":"customers","query":${query}}`;
    const answer = await api.call('POST', '/v1/segments', body);
    expect(answer.json()).toMatchObject({
      status: 422,
      code: 'number_inexact',
      errors: [{ path }],
    });
    expect((await api.call('GET', '/v1/segments/inexact')).statusCode).toBe(404);
  });

  it.each(['"1,9007199254740993"', '[1,"9007199254740993"]', '["1e400",1]'])(
    'in a list of values: %s',
    async (value) => {
      const query = `{"combinator":"and","rules":[{"field":"n","operator":"between","value":${value}}]}`;
      const body = `{"title":"t","slug":"inexact","object_type":"customers","query":${query}}`;
      expect((await api.call('POST', '/v1/segments', body)).json()).toMatchObject({
        status: 422,
        code: 'number_inexact',
      });
    },
  );

  it('in what a column of a view is of', async () => {
    const where = rules({ field: 'amount', operator: 'in', value: [1, '9007199254740993'] });
    const columns = [{ path: 'orders', aggregate: 'count', label: 'orders', where }];
    const body = { title: 't', slug: 'inexact', object_type: 'customers', query: rules(), columns };
    expect((await api.call('POST', '/v1/views', body)).json()).toMatchObject({
      status: 422,
      code: 'number_inexact',
      errors: [{ path: '/columns/0/where/rules/0/value/1' }],
    });
  });

  it('in JsonLogic', async () => {
    const body =
      '{"title":"t","slug":"inexact","object_type":"customers","query":{"==":[{"var":"n"},9007199254740993]}}';
    const answer = (await api.call('POST', '/v1/segments', body)).json();
    expect(answer).toMatchObject({ code: 'number_inexact', errors: [{ path: '/query/==/1' }] });
  });

  // JavaScript reads it as 2^53, so that it would be equal to another number.
  it.each([
    ['{"==":[{"var":"n"},"9007199254740993"]}', '/query/==/1'],
    ['{"!=":["9007199254740993",{"var":"n"}]}', '/query/!=/0'],
    ['{"<=":["1",{"var":"n"}," 9007199254740993 "]}', '/query/<=/2'],
    ['{"in":[{"var":"n"},[1,"9007199254740993"]]}', '/query/in/1/1'],
    ['{"in":["1e-400",{"var":"numbers"}]}', '/query/in/0'],
    ['{"some":[{"var":"numbers"},{">":[{"var":""},"9007199254740993"]}]}', '/query/some/1/>/1'],
  ])('in a text of JsonLogic: %s', async (query, path) => {
    const body = `{"title":"t","slug":"inexact","object_type":"customers","query":${query}}`;
    const answer = (await api.call('POST', '/v1/segments', body)).json();
    expect(answer).toMatchObject({ status: 422, code: 'number_inexact', errors: [{ path }] });
  });
});

it("numbers that come back are taken in whatever form, and digits in strings are nobody's business", async () => {
  const text =
    '{"n":100000000000000000000,"numbers":[1.10,1e2,9007199254740992.0,-0,0.30000000000000004],"name":"1e400"}';
  expect((await api.call('PUT', '/v1/records/customers/exact', text)).statusCode).toBe(201);
  expect(await stored('exact')).toEqual({
    n: 1e20,
    numbers: [1.1, 100, 2 ** 53, 0, 0.30000000000000004],
    name: '1e400',
  });
  const undeclared = '{"phone":"9007199254740993","a, 1e400":"[1e400, 9007199254740993]"}';
  expect((await api.call('PUT', '/v1/records/customers/digits', undeclared)).statusCode).toBe(201);
  expect(await stored('digits')).toEqual(JSON.parse(undeclared));
});

describe('what is no well-formed Unicode is refused', () => {
  it('as a key, as one of several, and in values, of whatever depth', async () => {
    await api.call('PUT', '/v1/records/customers/%EF%BF%BD', { name: 'called U+FFFD' });
    const bad = [
      '"customer_id":"\\ud801"',
      '"giver_ids":["a","\\udc00"]',
      '"note":"\\ud801"',
      '"deep":{"x":["\\ud801"]}',
    ];
    for (const sent of bad) {
      const answer = await api.call('PUT', '/v1/records/orders/ill', `{${sent}}`);
      const path = `/${/\w+/.exec(sent)![0]}`;
      expect(answer.json()).toMatchObject({
        status: 422,
        code: 'attribute_invalid',
        errors: [{ path }],
      });
      const line = `{"op":"put","object_type":"orders","id":"ill","data":{${sent}}}`;
      const { rejected } = (await api.call('POST', '/v1/changes', line, NDJSON)).json();
      expect(rejected).toMatchObject([{ code: 'attribute_invalid', path: `/data${path}` }]);
    }
    const slug = await segment(
      'called',
      'customers',
      rules({ field: 'orders', aggregate: 'count', operator: '>', value: 0 }),
    );
    expect(await members(slug)).toEqual([]);
  });

  it.each(['\u0080', 'a\u009f', '.', '..', '\u001f', '\ud801', ''])('as an id: %j', async (id) => {
    const change = { op: 'put', object_type: 'customers', id, data: {} };
    const changes = [change, { ...change, op: 'delete', data: undefined }];
    const { rejected } = (await api.call('POST', '/v1/changes', changes)).json();
    expect(rejected.map(({ code }: { code: string }) => code)).toEqual([
      'record_id_invalid',
      'record_id_invalid',
    ]);
    const lookup = { object_type: 'customers', ids: ['fine', id], segments: [] };
    expect((await api.call('POST', '/v1/memberships/lookup', lookup)).json()).toMatchObject({
      code: 'record_id_invalid',
      errors: [{ path: '/ids/1' }],
    });
    const imported = await api.call(
      'POST',
      '/v1/imports/customers',
      JSON.stringify({ id, n: 1 }),
      NDJSON,
    );
    expect((await api.ended(imported)).errors).toMatchObject([
      { line: 1, code: 'record_id_invalid' },
    ]);
    const seed = [{ object_type: 'customers', data: { id, n: 1 } }];
    expect((await api.call('POST', '/v1/seeds', seed)).statusCode).toBe(422);
    expect((await api.call('POST', '/v1/seeds?dry_run=true', seed)).json().errors).toHaveLength(1);
  });

  it('in an id of a path, however it is written', async () => {
    for (const [method, body] of [['PUT', {}], ['GET'], ['DELETE']] as const) {
      const answer = await api.call(method, '/v1/records/customers/%C2%85', body);
      expect(answer.json()).toMatchObject({ status: 422, code: 'record_id_invalid' });
    }
  });
});

it('an ill-formed key that was stored before its relationship was declared points at nobody', async () => {
  await declared('parents', { attributes: { n: { type: 'number' } } });
  await declared('children', { attributes: { n: { type: 'number' } } });
  await api.call('PUT', '/v1/records/parents/%EF%BF%BD', { n: 1 });
  // As a release before this one took it in: past the checks.
  const change = {
    op: 'put',
    object_type: 'children',
    id: 'fine',
    data: { parent_id: '\ud801', parent_ids: ['\ud801'] },
  };
  const { delivery, founding, store } = api.deployment;
  const { outcomes } = await delivery.deliver({
    partition: partitionOf('fine', founding.partitions),
    changes: [JSON.stringify(change)],
    checkedAt: store.catalog.version,
    wantsOutcomes: true,
    patienceMs: 0,
  });
  expect(await outcomes).toEqual(['created']);
  const relationship = { to: 'parents', cardinality: 'one', key: 'parent_id', inverse: 'children' };
  await declared('children', {
    attributes: { n: { type: 'number' } },
    relationships: {
      parent: relationship,
      parents: { ...relationship, cardinality: 'many', key: 'parent_ids', inverse: 'all_children' },
    },
  });
  const has = (field: string) => rules({ field, aggregate: 'count', operator: '>', value: 0 });
  expect(await members(await segment('with-child', 'parents', has('children')))).toEqual([]);
  expect(await members(await segment('with-children', 'parents', has('all_children')))).toEqual([]);
  expect(
    await members(
      await segment('with-parent', 'children', rules({ field: 'parent', operator: 'notNull' })),
    ),
  ).toEqual([]);
});

describe('sums and averages are those of the decimals', () => {
  beforeAll(async () => {
    const order = (id: string, customer_id: string, amount: number) => ({
      op: 'put',
      object_type: 'orders',
      id,
      data: { customer_id, amount },
    });
    const changes = [
      ...['ann', 'bob', 'cyd'].map((id) => ({
        op: 'put',
        object_type: 'customers',
        id,
        data: { name: id },
      })),
      ...[0, 1, 2].map((at) => order(`ann-${at}`, 'ann', 1.1)),
      ...Array.from({ length: 10 }, (_, at) => order(`bob-${at}`, 'bob', 0.0000006)),
      ...[1e300, 1e-12, -1e300].map((amount, at) => order(`cyd-${at}`, 'cyd', amount)),
    ];
    expect((await api.call('POST', '/v1/changes', changes)).json()).toMatchObject({ rejected: [] });
  });

  const aggregate = (kind: string, operator: string, value: unknown) =>
    rules({ field: 'orders.amount', aggregate: kind, operator, value });

  it.each([
    ['avg', '>=', 1.1, ['ann']],
    ['avg', '=', 1.1, ['ann']],
    ['avg', 'between', [2, 1], ['ann']],
    ['avg', '=', 0.000001, ['bob']],
    ['sum', '=', 3.3, ['ann']],
    ['sum', '=', 0.000006, ['bob']],
    ['sum', '=', 1e-12, ['cyd']],
    ['avg', '=', 0, ['cyd']],
    ['max', '=', 1e300, ['cyd']],
  ])('%s %s %j', async (kind, operator, value, ids) => {
    const slug = await segment(
      `s-${kind}-${Buffer.from(`${operator}${value}`).toString('hex')}`,
      'customers',
      aggregate(kind, operator, value),
    );
    expect(await members(slug)).toEqual(ids);
  });

  it('in the columns of a view', async () => {
    const columns = [
      { path: 'id' },
      ...['sum', 'avg'].map((aggregate) => ({
        path: 'orders.amount',
        aggregate,
        label: aggregate,
      })),
    ];
    const view = {
      title: 'v',
      slug: 'sums',
      object_type: 'customers',
      query: rules({ field: 'name', operator: 'in', value: 'ann,bob,cyd' }),
      columns,
    };
    expect((await api.call('POST', '/v1/views', view)).statusCode).toBe(201);
    const slug = await segment('named', 'customers', view.query);
    await members(slug);
    let rows: unknown[] = [];
    await eventually('the view is built', async () => {
      const answer = await api.call('GET', '/v1/views/sums/rows');
      rows = answer.json().data;
      return answer.statusCode === 200;
    });
    expect(rows).toHaveLength(3);
    expect(rows).toEqual(
      expect.arrayContaining([
        { id: 'ann', sum: 3.3, avg: 1.1 },
        { id: 'bob', sum: 0.000006, avg: 0.000001 },
        { id: 'cyd', sum: 1e-12, avg: 0 },
      ]),
    );
  });
});
