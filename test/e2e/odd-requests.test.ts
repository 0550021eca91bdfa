/**
 * odd-requests.test.ts – Whatever is sent, where it can be sent: no request is answered with a
 * fault of the server.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../support/api.ts';
import { mutations } from '../support/mutations.ts';
import { ROUTE_NEEDS } from '../support/routes.ts';
import { isWhole } from '../support/whole.ts';

const all = { combinator: 'and', rules: [] };
const named = { title: 's', slug: 's', object_type: 'contacts' };
const view = {
  ...named,
  segment: 's',
  columns: [{ path: 'age', label: 'x' }],
  relationships: ['team'],
  sort: [{ path: 'age', direction: 'asc' }],
};
const definition = {
  attributes: { a: { type: 'list', of: 'string' } },
  relationships: { r: { to: 'contacts', key: 'k', cardinality: 'one', inverse: 'i' } },
};
const boss = '{{getRecordAttribute(contacts, age, "1")}}';

const BODIES: readonly (readonly [method: string, url: string, body: unknown])[] = [
  ['PUT', '/v1/object-types/other', definition],
  [
    'PUT',
    '/v1/records/contacts/c1',
    { age: 1, seen: '2026-01-01', tags: ['a'], boss_id: 'c2', free: 1 },
  ],
  ['PATCH', '/v1/records/contacts/c1', { age: 1, tags: ['a'], boss_id: 'c2', free: 1 }],
  [
    'POST',
    '/v1/changes',
    [{ op: 'put', object_type: 'contacts', id: 'z', data: { age: 1 }, source_version: 1 }],
  ],
  ['POST', '/v1/segments', { ...named, slug: 'new', description: 'd', query: all }],
  ['PUT', '/v1/segments/s', { ...named, query: all }],
  ['PATCH', '/v1/segments/s', { title: 's', query: all }],
  ['POST', '/v1/segments/counts', { slugs: ['s'], consistency: 'strong', timeout_ms: 1 }],
  ['POST', '/v1/memberships/lookup', { object_type: 'contacts', ids: ['c1'], segments: ['s'] }],
  ['POST', '/v1/views', { ...view, slug: 'new' }],
  ['PUT', '/v1/views/s', view],
  [
    'PATCH',
    '/v1/views/s',
    { columns: [{ path: 'team', aggregate: 'count', label: 'l', where: all }] },
  ],
  [
    'POST',
    '/v1/seeds',
    [{ object_type: 'segments', data: { ...named, slug: 'seeded', query: all } }],
  ],
  ['POST', '/v1/seeds', [{ object_type: 'views', data: { ...view, slug: 'seeded' } }]],
  ['POST', '/v1/seeds', [{ object_type: 'object_types', data: { name: 'seeded', ...definition } }]],
  ['POST', '/v1/seeds', [{ object_type: 'contacts', data: { id: 'c7', age: 1, boss_id: boss } }]],
  ['POST', '/v1/exports/contacts', { format: 'csv', segment: 's' }],
  ['POST', '/v1/views/s/activations', { url: 'https://93.184.216.34/', events: ['entered'] }],
];

const packed = (json: unknown) => Buffer.from(JSON.stringify(json)).toString('base64url');
const deep = Buffer.from('['.repeat(3_000) + ']'.repeat(3_000)).toString('base64url');
const TEXTS = [
  '',
  'x',
  '0',
  '-1',
  '1.5',
  '1e3',
  '99999999999999999999',
  'null',
  'true',
  '[]',
  '{}',
  '%00',
  '%ED%A0%81',
];
const NAMES = [
  '%FF',
  '__proto__',
  'constructor',
  '..',
  '%2F',
  ',',
  'a,b',
  '*',
  "'",
  'team',
  's',
  'c1',
  'a'.repeat(3_000),
];
const CURSORS = [
  null,
  [],
  {},
  1,
  { after: null },
  [null],
  [1, 'x'],
  [-1, 'c1'],
  [999, 'c1'],
  [0.5, 'c1'],
  ['x', -1],
];
const VALUES = [...TEXTS, ...NAMES, ...CURSORS.map(packed), deep];
const PARAMETERS = [
  ...[
    'limit',
    'cursor',
    'consistency',
    'timeout_ms',
    'include',
    'include_limit',
    'include_cursor',
    'segment',
    'wait',
  ],
  ...[
    'source_version',
    'object_type',
    'slug',
    'dry_run',
    'async',
    'format',
    'op',
    'id',
    'map',
    'delimiter',
    'bom',
  ],
];

let api: TestApi;
/** Of each route by method and path: the parameters that it knows. */
let known: Readonly<Record<string, Readonly<Record<string, { parameters?: readonly Known[] }>>>>;
interface Known {
  readonly name: string;
  readonly in: string;
}
beforeAll(async () => {
  api = await openTestApi();
  known = (await api.server.inject('/openapi.json')).json().paths;
  const attributes = {
    age: { type: 'number' },
    seen: { type: 'datetime' },
    tags: { type: 'list', of: 'string' },
  };
  const relationships = {
    boss: { to: 'contacts', key: 'boss_id', cardinality: 'one', inverse: 'team' },
  };
  await api.call('PUT', '/v1/object-types/contacts', { attributes, relationships });
  for (const id of ['c1', 'c2', 'c3'])
    await api.call('PUT', `/v1/records/contacts/${id}`, { age: 1, boss_id: 'c1' });
  await api.call('POST', '/v1/segments', { ...named, query: all });
  await api.call('POST', '/v1/views', view);
});
afterAll(() => api.close());

async function faultOf(method: string, url: string, body?: unknown): Promise<string[]> {
  const answer = await api.call(
    method,
    url,
    body === undefined ? undefined : (JSON.stringify(body) ?? 'null'),
  );
  return answer.statusCode === 500
    ? [`${method} ${url} ${JSON.stringify(body)?.slice(0, 500)}`]
    : [];
}

describe('a body with an odd value somewhere is no fault of the server', () => {
  it.each(BODIES)('%s %s', async (method, url, body) => {
    const faults: string[] = [];
    for (const odd of mutations(body)) faults.push(...(await faultOf(method, url, odd)));
    expect(faults).toEqual([]);
  });
});

describe('an odd parameter is no fault of the server', () => {
  it.each(Object.keys(ROUTE_NEEDS).filter((route) => !route.startsWith('DELETE')))(
    '%s',
    async (route) => {
      const [method, pattern] = route.split(' ') as [string, string];
      const names = {
        ':type': 'contacts',
        ':name': 'contacts',
        ':id': 'c1',
        ':slug': 's',
        ':activation': 'nobody',
      };
      const url = pattern.replaceAll(/:\w+/g, (name) => names[name as keyof typeof names]);
      const faults: string[] = [];
      const path = pattern.replaceAll(/:(\w+)/g, '{$1}');
      const own = known[path]?.[method.toLowerCase()]?.parameters ?? [];
      const isOwn = (name: string) => own.some((one) => one.in === 'query' && one.name === name);
      for (const [at, value] of VALUES.entries()) {
        for (const [part] of pattern.matchAll(/:\w+/g)) {
          const odd = pattern
            .replace(part, value)
            .replaceAll(/:\w+/g, (name) => names[name as keyof typeof names]);
          faults.push(...(await faultOf(method, odd)));
        }
        // One that the route does not know is refused by its name: a value for each will do.
        for (const [nth, name] of PARAMETERS.entries())
          if (isWhole || isOwn(name) || nth === at % PARAMETERS.length)
            faults.push(...(await faultOf(method, `${url}?${name}=${value}`)));
      }
      for (const name of PARAMETERS)
        faults.push(...(await faultOf(method, `${url}?${name}=a&${name}=b&${name}[]=c`)));
      expect(faults).toEqual([]);
    },
  );
});
