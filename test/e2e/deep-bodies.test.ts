/**
 * deep-bodies.test.ts – JSON that is nested thousands of levels deep, at every place of every body:
 * `JSON.parse` takes any depth, and nearly everything else overflows the stack. Each is refused in
 * words, and nothing of it is stored.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../support/api.ts';
import { ROUTE_NEEDS } from '../support/routes.ts';
import { isWhole } from '../support/whole.ts';

const DEEP: Readonly<Record<string, (levels: number) => string>> = {
  lists: (levels) => '['.repeat(levels) + ']'.repeat(levels),
  objects: (levels) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`,
  negations: (levels) => `${'{"!":'.repeat(levels)}1${'}'.repeat(levels)}`,
  groups: (levels) => `${'{"combinator":"and","rules":['.repeat(levels)}${']}'.repeat(levels)}`,
  'a value': (levels) =>
    `{"rules":[{"field":"boss.age","operator":"in","value":${'['.repeat(levels)}${']'.repeat(levels)}}]}`,
};

const LINES = 'application/x-ndjson';
const segment = '"title":"t","slug":"t","object_type":"contacts"';

/** Bodies of each route that takes one, with `x` at each place where a value may stand. */
const BODIES: Readonly<
  Record<string, (x: string) => readonly (string | [body: string, type: string])[]>
> = {
  'PUT /v1/object-types/:name': (x) => [
    x,
    `{"attributes":${x}}`,
    `{"attributes":{"a":${x}}}`,
    `{"attributes":{"a":{"type":${x},"of":${x}}}}`,
    `{"attributes":{},"relationships":${x}}`,
    `{"attributes":{},"relationships":{"r":{"to":${x},"key":${x},"inverse":${x},"cardinality":${x}}}}`,
  ],
  'PUT /v1/records/:type/:id': (x) => [
    x,
    `{"free":${x}}`,
    `{"o":${x}}`,
    `{"age":${x}}`,
    `{"tags":[${x}]}`,
    `{"boss_id":${x}}`,
  ],
  'PATCH /v1/records/:type/:id': (x) => [x, `{"free":${x}}`, `{"o":${x}}`],
  'POST /v1/records/:type/:id/archive': () => [],
  'POST /v1/records/:type/:id/restore': () => [],
  'POST /v1/changes': (x) => [
    x,
    `[${x}]`,
    `[{"op":"put","object_type":"contacts","id":"new","data":{"free":${x}}}]`,
    `[{"op":${x},"object_type":${x},"id":${x},"data":${x},"source_version":${x}}]`,
    [`${x}\n{"op":"put","object_type":"contacts","id":"new","data":${x}}\n{"op":${x}}`, LINES],
  ],
  'POST /v1/segments': (x) => [
    x,
    `{${segment},"query":${x}}`,
    `{"title":${x},"slug":${x},"object_type":${x},"description":${x}}`,
  ],
  'PUT /v1/segments/:slug': (x) => [x, `{"title":"t","object_type":"contacts","query":${x}}`],
  'PATCH /v1/segments/:slug': (x) => [x, `{"query":${x}}`, `{"title":${x}}`, `{"other":${x}}`],
  'POST /v1/segments/counts': (x) => [
    x,
    `{"slugs":${x}}`,
    `{"slugs":[${x}]}`,
    `{"timeout_ms":${x}}`,
  ],
  'POST /v1/segments/:slug/rebuild': () => [],
  'POST /v1/segments/:slug/restore': (x) => [x],
  'POST /v1/segments/:slug/duplicate': (x) => [x, `{"slug":${x},"title":${x}}`],
  'POST /v1/segments/overlap': (x) => [x, `{"slugs":${x}}`, `{"slugs":[${x},"s"]}`],
  'POST /v1/segments/preview': (x) => [
    x,
    `{"object_type":"contacts","query":${x}}`,
    `{"object_type":${x},"query":${x},"compare_to":${x},"sample":${x},"at":${x}}`,
  ],
  'POST /v1/segments/explain': (x) => [
    x,
    `{"object_type":"contacts","id":"old","query":${x}}`,
    `{"object_type":${x},"id":${x},"query":${x},"at":${x}}`,
  ],
  'POST /v1/segments/history': (x) => [x, `{"slugs":[${x}],"from":${x},"to":${x},"step":${x}}`],
  'POST /v1/audits': (x) => [`{"repair":${x}}`],
  'POST /v1/dead-letters/:letter/retry': () => [],
  'POST /v1/memberships/lookup': (x) => [
    x,
    `{"object_type":"contacts","ids":[${x}],"segments":[${x}]}`,
  ],
  'POST /v1/views': (x) => [
    x,
    `{${segment},"query":${x},"columns":[{"path":"age"}]}`,
    `{${segment},"segment":${x},"columns":${x},"relationships":${x},"sort":${x}}`,
    `{${segment},"segment":"s","columns":[{"path":${x},"label":${x}}],"sort":[{"path":${x},"direction":${x}}]}`,
    `{${segment},"segment":"s","columns":[{"path":"team","aggregate":"count","where":${x}}],"relationships":[${x}]}`,
  ],
  'PUT /v1/views/:slug': (x) => [
    `{"title":"t","object_type":"contacts","segment":"s","columns":[${x}]}`,
  ],
  'PATCH /v1/views/:slug': (x) => [x, `{"columns":[${x}]}`, `{"query":${x}}`],
  'POST /v1/seeds': (x) => [
    x,
    `[${x}]`,
    `[{"object_type":"segments","data":${x}}]`,
    `[{"object_type":"segments","data":{${segment},"query":${x}}}]`,
    `[{"object_type":"object_types","data":{"name":${x},"attributes":${x}}}]`,
    `[{"object_type":"views","data":{${segment},"segment":"s","columns":${x}}}]`,
    `[{"object_type":"contacts","data":{"id":"new","free":${x}}}]`,
    `[{"object_type":"contacts","data":{"id":${x}}}]`,
    `[{"object_type":${x},"data":{"id":"new"}}]`,
    `[{"object_type":"contacts","data":{"id":"new"},"other":${x}}]`,
    [`{"object_type":"contacts","data":{"id":"new","free":${x}}}\n${x}\n`, LINES],
  ],
  'POST /v1/imports/:type': (x) => [
    [`{"id":"new","free":${x}}\n${x}\n{"id":${x}}\n{"id":"new","data":${x}}`, LINES],
  ],
  'POST /v1/records/:type/query': (x) => [
    x,
    `{"query":${x}}`,
    `{"in":${x},"not_in":[${x}],"limit":${x},"cursor":${x}}`,
  ],
  'POST /v1/session': (x) => [x, `{"key":${x}}`],
  'POST /v1/exports/:type': (x) => [x, `{"format":${x},"segment":${x}}`],
  'POST /v1/views/:slug/activations': (x) => [
    x,
    `{"url":${x},"events":${x},"secret":${x}}`,
    `{"url":"https://93.184.216.34/","events":[${x}]}`,
    `{"url":"https://93.184.216.34/","events":[${x},"left"]}`,
  ],
  'PATCH /v1/views/:slug/activations/:activation': (x) => [x, `{"url":${x}}`, `{"events":${x}}`],
  'POST /v1/views/:slug/activations/:activation/enable': () => [],
  'POST /v1/views/:slug/activations/:activation/test': () => [],
  'POST /v1/views/:slug/activations/:activation/sync': () => [],
  'POST /v1/views/:slug/activations/:activation/dead-letters/redeliver': (x) => [
    x,
    `{"ids":${x}}`,
    `{"ids":[${x}]}`,
  ],
};

let api: TestApi;
let activation: string;
beforeAll(async () => {
  api = await openTestApi();
  const attributes = {
    age: { type: 'number' },
    o: { type: 'object' },
    tags: { type: 'list', of: 'string' },
  };
  const boss = { to: 'contacts', key: 'boss_id', cardinality: 'one', inverse: 'team' };
  await api.call('PUT', '/v1/object-types/contacts', { attributes, relationships: { boss } });
  await api.call('PUT', '/v1/records/contacts/old', { age: 1 });
  const named = { title: 's', slug: 's', object_type: 'contacts' };
  await api.call('POST', '/v1/segments', { ...named, query: { combinator: 'and', rules: [] } });
  await api.call('POST', '/v1/views', { ...named, segment: 's', columns: [{ path: 'age' }] });
  const hook = await api.call('POST', '/v1/views/s/activations', { url: 'https://93.184.216.34/' });
  activation = hook.json<{ id: string }>().id;
});
afterAll(() => api.close());

function place(route: string): [method: string, url: string] {
  const [method, pattern] = route.split(' ') as [string, string];
  const names = {
    ':type': 'contacts',
    ':name': 'deep',
    ':id': 'old',
    ':slug': 's',
    ':activation': activation,
    ':letter': 'none',
  };
  return [method, pattern.replaceAll(/:\w+/g, (name) => names[name as keyof typeof names])];
}

it('every route that takes a body is tried', () => {
  const written = Object.keys(ROUTE_NEEDS).filter((route) => /^(?:POST|PUT|PATCH) /.test(route));
  expect(Object.keys(BODIES)).toEqual(expect.arrayContaining(written));
});

/**
 * 20,000 levels overflow whatever calls itself once a level, and stay below the 1 MB of a body
 * in every form: of the larger ones some are refused for their size alone.
 */
describe.each(isWhole ? [5_000, 20_000, 100_000] : [5_000, 20_000])('%d levels of', (levels) => {
  it.each(Object.keys(DEEP))('%s are refused wherever they stand', async (name) => {
    const before = (
      await api.call('GET', '/v1/seeds?include=object_types,segments,views,records:contacts')
    ).body;
    const deep = DEEP[name]!(levels);
    for (const [route, bodies] of Object.entries(BODIES)) {
      const [method, url] = place(route);
      for (const given of bodies(deep)) {
        const [body, type] = typeof given === 'string' ? [given, 'application/json'] : given;
        const { statusCode, body: answer } = await api.call(method, url, body, { type });
        const what = `${method} ${url} ${body.slice(0, 100)} → ${answer.slice(0, 300)}`;
        // A bad line, or a bad one of many changes, stops no other: it is told of in the answer, or
        // in the job.
        const isLineWise =
          statusCode < 300 &&
          (/"accepted":0,"rejected":\[\{/.test(answer) || url.includes('imports'));
        if (!isLineWise) expect(statusCode, what).toBeGreaterThanOrEqual(400);
        expect(statusCode, what).toBeLessThan(500);
      }
    }
    for (const { id } of (await api.call('GET', '/v1/jobs')).json<{ data: { id: string }[] }>()
      .data) {
      expect(await api.ended(id)).toMatchObject({ status: 'completed', result: { accepted: 0 } });
    }
    const after = (
      await api.call('GET', '/v1/seeds?include=object_types,segments,views,records:contacts')
    ).body;
    expect(after).toBe(before);
  });
});

it('a seed that is told of beforehand, or as a job, is refused alike', async () => {
  const seed = `[{"object_type":"contacts","data":{"id":"fine"}},{"object_type":"contacts","data":{"id":"x","free":${DEEP.lists!(5_000)}}}]`;
  for (const query of ['dry_run=true', 'async=true']) {
    const answer = await api.call('POST', `/v1/seeds?${query}`, seed);
    expect(answer.json()).toMatchObject({
      status: 422,
      code: 'body_invalid',
      errors: [{ path: '/1' }],
    });
  }
  expect((await api.call('GET', '/v1/records/contacts/fine')).statusCode).toBe(404);
});
