/**
 * api.test.ts – The HTTP contract: every route's answer, every refusal with its code and pointer,
 * who may call what, requests that are sent twice, bodies that are streamed, and what happens while
 * Redis is gone.
 */
import { request as httpRequest } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ARRAY_BYTES_MAX, LINE_BYTES_MAX } from '../../src/api/changes/body.ts';
import { rolesFor } from '../../src/api/roles.ts';
import { buildServer, type ServerOptions } from '../../src/api/server.ts';
import { ROLES, type Role } from '../../src/config.ts';
import type { Deployment } from '../../src/engine/deployment.ts';
import { ERRORS, type ErrorCode } from '../../src/errors.ts';
import { built, eventually, openTestDeployment } from '../support/deployment.ts';
import { openProxy } from '../support/proxy.ts';
import { startPrivateRedis } from '../support/redis.ts';
import { ROUTE_NEEDS } from '../support/routes.ts';

const KEYS = ROLES.map((role) => ({ role, key: `the-key-of-the-${role}` }));
const NDJSON = 'application/x-ndjson';
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

interface Sent {
  readonly role?: Role | undefined;
  readonly headers?: Record<string, string>;
  readonly type?: string;
}

let deployment: Deployment;
let server: FastifyInstance;
let logged = '';

function open(over: Deployment, options: Partial<ServerOptions> = {}): Promise<FastifyInstance> {
  const logger = pino({ level: 'trace' }, { write: (line: string) => void (logged += line) });
  return buildServer(over, { keys: KEYS, logger, ...options });
}

/** Sends a request as `role`, by default as master; a body that is no text is sent as JSON. */
async function call(
  method: string,
  url: string,
  body?: unknown,
  { role = 'master', headers = {}, type = 'application/json' }: Sent = {},
  to: FastifyInstance = server,
): Promise<LightMyRequestResponse> {
  const isRaw = typeof body === 'string' || Buffer.isBuffer(body);
  return to.inject({
    method: method as 'GET',
    url,
    headers: {
      authorization: `Bearer the-key-of-the-${role}`,
      ...(body === undefined ? {} : { 'content-type': type }),
      ...headers,
    },
    ...(body === undefined ? {} : { payload: isRaw ? (body as string) : JSON.stringify(body) }),
  });
}

/** Expects a problem document with this code, and returns it. */
function problem(response: LightMyRequestResponse, code: ErrorCode): Record<string, unknown> {
  const document = response.json<Record<string, unknown>>();
  const { status, title } = ERRORS[code];
  expect(document).toMatchObject({ code, status, title, type: `urn:rollcall:problem:${code}` });
  expect(document['detail']).toEqual(expect.any(String));
  expect(response.statusCode).toBe(status);
  expect(response.headers['content-type']).toBe('application/problem+json');
  return document;
}

function paths(document: Record<string, unknown>): string[] {
  return (document['errors'] as { path: string }[]).map(({ path }) => path);
}

function lines(...changes: unknown[]): string {
  return changes
    .map((change) => (typeof change === 'string' ? change : JSON.stringify(change)))
    .join('\n');
}

const put = (id: string, data: object = {}) => ({ op: 'put', object_type: 'contacts', id, data });
const adults = { combinator: 'and', rules: [{ field: 'age', operator: '>=', value: 18 }] };

beforeAll(async () => {
  deployment = await openTestDeployment();
  server = await open(deployment);
  const organizations = { attributes: { name: { type: 'string' } } };
  const contacts = {
    attributes: {
      age: { type: 'number' },
      name: { type: 'string' },
      seen_at: { type: 'datetime' },
    },
    relationships: {
      organization: {
        to: 'organizations',
        key: 'organization_id',
        cardinality: 'one',
        inverse: 'contacts',
      },
    },
  };
  expect((await call('PUT', '/v1/object-types/organizations', organizations)).statusCode).toBe(201);
  expect((await call('PUT', '/v1/object-types/contacts', contacts)).statusCode).toBe(201);
  const segment = { title: 'Adults', slug: 'adults', object_type: 'contacts', query: adults };
  expect((await call('POST', '/v1/segments', segment)).statusCode).toBe(201);
  await built(deployment);
});
afterAll(async () => {
  await server.close();
  await deployment.close();
});

describe('who may call what', () => {
  const filled = (url: string) =>
    url
      .replace(':name', 'nobody')
      .replace(':type', 'nobody')
      .replace(':id', 'x')
      .replace(':slug', 'nobody');

  describe.each(Object.entries(ROUTE_NEEDS))('%s', (route, need) => {
    const [method, url] = route.split(' ') as [string, string];

    it(need === 'nothing' ? 'needs no key' : 'is 401 without a valid key', async () => {
      for (const authorization of [
        undefined,
        'Bearer ',
        'Bearer nobody',
        'Basic the-key-of-the-master',
        'the-key-of-the-master',
      ]) {
        const headers = authorization === undefined ? {} : { authorization };
        const response = await server.inject({
          method: method as 'GET',
          url: filled(url),
          headers,
        });
        if (need === 'nothing') expect([200, 422]).toContain(response.statusCode);
        else {
          problem(response, 'key_missing');
          expect(response.headers['www-authenticate']).toBe('Bearer realm="rollcall"');
        }
      }
    });

    it.each(ROLES)('as %s', async (role) => {
      const response = await call(method, filled(url), undefined, { role });
      const isAllowed = need === 'nothing' || need === 'key' || rolesFor(need).includes(role);
      if (isAllowed) expect([401, 403]).not.toContain(response.statusCode);
      else problem(response, 'role_insufficient');
    });
  });

  it('gives masters, super admins and services all, editors records, viewers reads', () => {
    expect(rolesFor('write_catalog')).toEqual(['master', 'super_admin', 'service']);
    expect(rolesFor('write_records')).toEqual(['master', 'super_admin', 'service', 'editor']);
    expect(rolesFor('read')).toEqual([...ROLES]);
  });

  it('refuses the role before it looks at the path or the body', async () => {
    problem(
      await call('PUT', '/v1/object-types/contacts', '{', { role: 'viewer' }),
      'role_insufficient',
    );
    problem(
      await call('DELETE', '/v1/segments/nobody', undefined, { role: 'editor' }),
      'role_insufficient',
    );
  });

  it('tells strangers not which paths there are', async () => {
    problem(await server.inject('/v1/nothing'), 'key_missing');
    problem(await call('GET', '/v1/nothing'), 'route_unknown');
  });

  it('answers HEAD as GET', async () => {
    expect(
      (await call('HEAD', '/v1/segments/adults', undefined, { role: 'viewer' })).statusCode,
    ).toBe(200);
    expect((await server.inject({ method: 'HEAD', url: '/v1/segments/adults' })).statusCode).toBe(
      401,
    );
  });
});

describe('object types', () => {
  it('are declared, read, listed, changed and deleted', async () => {
    const definition = {
      attributes: { total: { type: 'number' }, labels: { type: 'list', of: 'string' } },
    };
    const created = await call('PUT', '/v1/object-types/orders', definition);
    expect(created.statusCode).toBe(201);
    expect(created.json()).toEqual({ name: 'orders', ...definition, relationships: {} });
    expect((await call('PUT', '/v1/object-types/orders', created.json())).statusCode).toBe(200);
    expect((await call('GET', '/v1/object-types/orders')).json()).toEqual({
      ...created.json(),
      inverse_relationships: {},
    });
    const first = (await call('GET', '/v1/object-types?limit=2')).json();
    expect(first.data.map(({ name }: { name: string }) => name)).toEqual(['contacts', 'orders']);
    const second = (
      await call('GET', `/v1/object-types?limit=2&cursor=${first.next_cursor}`)
    ).json();
    expect(second.data.map(({ name }: { name: string }) => name)).toEqual(['organizations']);
    expect(second.next_cursor).toBeNull();
    const gone = await call('DELETE', '/v1/object-types/orders');
    expect([gone.statusCode, gone.body]).toEqual([204, '']);
    problem(await call('GET', '/v1/object-types/orders'), 'object_type_unknown');
    problem(await call('DELETE', '/v1/object-types/orders'), 'object_type_unknown');
  });

  it('are refused with a pointer to each fault', async () => {
    const wrong = { attributes: { a: { type: 'text' }, l: { type: 'list' } }, extra: 1 };
    const document = problem(
      await call('PUT', '/v1/object-types/wrong', wrong),
      'object_type_invalid',
    );
    expect(paths(document)).toEqual(['/extra', '/attributes/a/type', '/attributes/l/of']);
    problem(
      await call('PUT', '/v1/object-types/wrong-one', { attributes: {} }),
      'object_type_invalid',
    );
    problem(
      await call('PUT', '/v1/object-types/segments', { attributes: {} }),
      'object_type_invalid',
    );
    problem(await call('PUT', '/v1/object-types/wrong'), 'object_type_invalid');
    const related = {
      relationships: { r: { to: 'contacts', key: { toString: 1 }, inverse: { toString: 1 } } },
    };
    const strange = problem(
      await call('PUT', '/v1/object-types/wrong', related),
      'object_type_invalid',
    );
    expect(paths(strange)).toEqual(['/relationships/r/key', '/relationships/r/inverse']);
  });

  it('are not broken or deleted while segments use them', async () => {
    const changed = problem(
      await call('PUT', '/v1/object-types/contacts', { attributes: { name: { type: 'string' } } }),
      'object_type_in_use',
    );
    expect(changed['used_by']).toEqual(['adults']);
    expect(
      problem(await call('DELETE', '/v1/object-types/contacts'), 'object_type_in_use')['used_by'],
    ).toEqual(['adults']);
  });
});

describe('records', () => {
  it('are put, read, patched, archived, restored and deleted', async () => {
    const created = await call('PUT', '/v1/records/contacts/r1', {
      age: 20,
      free: [1],
      name: null,
    });
    expect(created.statusCode).toBe(201);
    expect(created.json()).toEqual({
      object_type: 'contacts',
      id: 'r1',
      data: { age: 20, free: [1] },
      version: 1,
      created_at: expect.stringMatching(ISO),
      updated_at: expect.stringMatching(ISO),
      archived_at: null,
    });
    expect(
      (await call('PUT', '/v1/records/contacts/r1', { age: 21, name: 'Ada' })).statusCode,
    ).toBe(200);
    const patched = await call('PATCH', '/v1/records/contacts/r1', {
      age: null,
      seen_at: '2026-01-31T10:00:00+02:00',
    });
    expect(patched.statusCode).toBe(200);
    expect(patched.json().data).toEqual({ name: 'Ada', seen_at: '2026-01-31T08:00:00.000Z' });
    expect((await call('GET', '/v1/records/contacts/r1')).json()).toEqual(patched.json());
    const archived = await call('POST', '/v1/records/contacts/r1/archive');
    expect(archived.json()).toMatchObject({ version: 4, archived_at: expect.stringMatching(ISO) });
    expect((await call('POST', '/v1/records/contacts/r1/restore', '')).json()).toMatchObject({
      archived_at: null,
    });
    expect((await call('DELETE', '/v1/records/contacts/r1')).statusCode).toBe(204);
    problem(await call('GET', '/v1/records/contacts/r1'), 'record_unknown');
  });

  it.each([
    ['PATCH', '', {}],
    ['POST', '/archive', undefined],
    ['POST', '/restore', undefined],
    ['DELETE', '', undefined],
    ['GET', '', undefined],
    ['GET', '/segments', undefined],
  ])('%s …%s of an unknown record is 404', async (method, rest, body) => {
    problem(await call(method, `/v1/records/contacts/unknown${rest}`, body), 'record_unknown');
    problem(await call(method, `/v1/records/nobody/unknown${rest}`, body), 'object_type_unknown');
  });

  it('ignore a source_version that is not higher, and say how the record is', async () => {
    const url = '/v1/records/contacts/sourced';
    expect((await call('PUT', `${url}?source_version=5`, { age: 5 })).json()).toMatchObject({
      source_version: 5,
    });
    const ignored = await call('PUT', `${url}?source_version=5`, { age: 6 });
    expect([ignored.statusCode, ignored.json().data]).toEqual([200, { age: 5 }]);
    expect((await call('PATCH', `${url}?source_version=6`, { age: 7 })).json()).toMatchObject({
      source_version: 6,
    });
    expect((await call('DELETE', `${url}?source_version=2`)).statusCode).toBe(200);
    expect((await call('DELETE', `${url}?source_version=9`)).statusCode).toBe(204);
    const late = await call('PUT', `${url}?source_version=8`, { age: 8 });
    expect([late.statusCode, late.json()]).toEqual([
      200,
      { object_type: 'contacts', id: 'sourced', status: 'ignored' },
    ]);
  });

  it('are only acknowledged with ?wait=accepted', async () => {
    const response = await call('PUT', '/v1/records/contacts/acked?wait=accepted', { age: 1 });
    expect([response.statusCode, response.json().status]).toEqual([202, 'accepted']);
    // A strong read waits for what was acknowledged.
    expect((await call('GET', '/v1/records/contacts/acked')).json().data).toEqual({ age: 1 });
  });

  it('hold 0 where -0 was sent, for the filters too', async () => {
    const query = { '<': [{ '/': [1, { var: 'age' }] }, 0] };
    const segment = { title: 'Inverse', slug: 'inverse', object_type: 'contacts', query };
    expect((await call('POST', '/v1/segments', segment)).statusCode).toBe(201);
    await built(deployment);
    expect((await call('PUT', '/v1/records/contacts/minus', '{"age":-0}')).statusCode).toBe(201);
    const line = '{"op":"put","object_type":"contacts","id":"minus-2","data":{"age":-0}}';
    expect(
      (await call('POST', '/v1/changes', line, { type: 'application/x-ndjson' })).statusCode,
    ).toBe(200);
    const counted = await call('POST', '/v1/segments/counts', { slugs: ['inverse'] });
    expect(counted.json().counts[0].count).toBe(0);
    for (const id of ['minus', 'minus-2']) await call('DELETE', `/v1/records/contacts/${id}`);
    await call('DELETE', '/v1/segments/inverse');
  });

  it('point to each attribute that does not fit', async () => {
    const response = await call('PUT', '/v1/records/contacts/x', {
      age: '7',
      name: 1,
      organization_id: 7,
      ok: 1,
    });
    expect(paths(problem(response, 'attribute_invalid'))).toEqual([
      '/age',
      '/name',
      '/organization_id',
    ]);
  });

  it.each([
    ['a list', '[]', 'body_invalid'],
    ['null', 'null', 'body_invalid'],
    ['nothing', '', 'body_invalid'],
    ['broken JSON', '{"a":', 'body_malformed'],
    [
      'what is not UTF-8',
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
      'body_malformed',
    ],
    ['more than a megabyte', JSON.stringify({ a: 'x'.repeat(1024 * 1024) }), 'body_too_long'],
  ] as const)('refuse %s as a body', async (_, body, code) => {
    problem(await call('PUT', '/v1/records/contacts/x', body), code);
  });

  it('refuse other content types and encodings', async () => {
    problem(
      await call('PUT', '/v1/records/contacts/x', 'a=1', {
        type: 'application/x-www-form-urlencoded',
      }),
      'content_type_unsupported',
    );
    problem(
      await call('PUT', '/v1/records/contacts/x', '{}', { type: NDJSON }),
      'content_type_unsupported',
    );
    problem(
      await call('PUT', '/v1/records/contacts/x', '{}', {
        headers: { 'content-encoding': 'gzip' },
      }),
      'content_type_unsupported',
    );
    expect(
      (
        await call('PATCH', '/v1/records/contacts/none', '{}', {
          type: 'application/merge-patch+json',
        })
      ).statusCode,
    ).toBe(404);
  });

  it.each([
    ['source_version=-1', '/source_version'],
    ['source_version=1.5', '/source_version'],
    ['source_version=9007199254740992', '/source_version'],
    ['wait=maybe', '/wait'],
    ['timeout_ms=60001', '/timeout_ms'],
    ['timeout_ms=', '/timeout_ms'],
  ])('refuse ?%s', async (query, path) => {
    const response = await call('PUT', `/v1/records/contacts/x?${query}`, {});
    expect(paths(problem(response, 'parameter_invalid'))).toEqual([path]);
  });

  it.each([
    'a/b',
    '100%',
    'ü 漢 😀',
    '%2F',
    '..x',
    '__proto__',
    'a:b',
    'x'.repeat(256),
    '漢'.repeat(256),
  ])('may have the id %s', async (id) => {
    const url = `/v1/records/contacts/${encodeURIComponent(id)}`;
    expect((await call('PUT', url, {})).json().id).toBe(id);
    expect((await call('GET', url)).json().id).toBe(id);
    expect((await call('DELETE', url)).statusCode).toBe(204);
  });

  it.each(['a\u0000', 'x'.repeat(257)])('may not have the id %j', async (id) => {
    const url = `/v1/records/contacts/${encodeURIComponent(id)}`;
    expect(paths(problem(await call('PUT', url, {}), 'record_id_invalid'))).toEqual(['/id']);
    problem(await call('GET', url), 'record_id_invalid');
    problem(
      await call('GET', `/v1/segments/adults/members/${encodeURIComponent(id)}`),
      'record_id_invalid',
    );
  });

  it('are listed page by page, archived ones left out, and through a segment', async () => {
    const organizations = Array.from({ length: 25 }, (_, at) => `o${at}`);
    await call(
      'POST',
      '/v1/changes',
      organizations.map((id) => ({ ...put(id), object_type: 'organizations' })),
    );
    await call('POST', '/v1/records/organizations/o7/archive');
    const listed: string[] = [];
    for (let cursor = ''; ; ) {
      const page = (
        await call('GET', `/v1/records/organizations?limit=10&cursor=${cursor}`)
      ).json();
      listed.push(...page.data.map(({ id }: { id: string }) => id));
      if (page.next_cursor === null) break;
      cursor = page.next_cursor;
    }
    expect(listed.sort()).toEqual(organizations.filter((id) => id !== 'o7').sort());
    await call('POST', '/v1/changes', [put('young', { age: 3 }), put('old', { age: 90 })]);
    const members = (await call('GET', '/v1/records/contacts?segment=adults')).json();
    expect(members.data).toEqual([(await call('GET', '/v1/records/contacts/old')).json()]);
    const foreign = await call('GET', '/v1/records/organizations?segment=adults');
    expect(paths(problem(foreign, 'parameter_invalid'))).toEqual(['/segment']);
    problem(await call('GET', '/v1/records/contacts?segment=nobody'), 'segment_unknown');
    problem(await call('GET', '/v1/records/nobody'), 'object_type_unknown');
    problem(await call('GET', '/v1/records/nobody?segment=adults'), 'object_type_unknown');
  });

  it.each(['limit=0', 'limit=1001', 'limit=ten', 'limit=1&limit=2', 'consistency=weak'])(
    'are not listed with ?%s',
    async (query) => {
      const response = await call('GET', `/v1/records/contacts?${query}`);
      expect(paths(problem(response, 'parameter_invalid'))).toEqual([`/${query.split('=', 1)[0]}`]);
    },
  );

  it.each([
    '/v1/records/contacts',
    '/v1/segments',
    '/v1/object-types',
    '/v1/segments/adults/members',
  ])('a cursor of somebody else is refused by %s', async (url) => {
    expect(paths(problem(await call('GET', `${url}?cursor=abc`), 'cursor_invalid'))).toEqual([
      '/cursor',
    ]);
  });
});

describe('a record with what it is related to', () => {
  const get = async (url: string) => (await call('GET', url)).json();
  const idsOf = (page: { data: { id: string }[] }) => page.data.map(({ id }) => id);

  beforeAll(async () => {
    const groups = { attributes: { name: { type: 'string' } } };
    const people = {
      attributes: { age: { type: 'number' } },
      relationships: {
        boss: { to: 'people', key: 'boss_id', cardinality: 'one', inverse: 'reports' },
        groups: { to: 'groups', key: 'group_ids', cardinality: 'many', inverse: 'members' },
      },
    };
    expect((await call('PUT', '/v1/object-types/groups', groups)).statusCode).toBe(201);
    expect((await call('PUT', '/v1/object-types/people', people)).statusCode).toBe(201);
    await built(deployment);
    const of = (object_type: string, id: string, data: object = {}) => ({
      op: 'put',
      object_type,
      id,
      data,
    });
    const reports = Array.from({ length: 25 }, (_, at) =>
      of('people', `p${at}`, { boss_id: 'chief' }),
    );
    await call('POST', '/v1/changes', [
      of('people', 'chief', {
        boss_id: 'nobody',
        group_ids: ['g3', 'g1', 'g3', 'missing', 'g2', 'g4'],
      }),
      ...reports,
      ...['g1', 'g2', 'g3', 'g4'].map((id) => of('groups', id, { name: id })),
    ]);
    await call('POST', '/v1/records/groups/g2/archive');
    await call('POST', '/v1/records/people/p7/archive');
    await call('PATCH', '/v1/records/people/p8', { boss_id: 'p9' });
  });

  it('has a record or null for a to-one relationship, and a page for a to-many one', async () => {
    const plain = await get('/v1/records/people/p9');
    const found = await get('/v1/records/people/p9?include=boss,reports,groups');
    expect(found).toEqual({
      ...plain,
      included: {
        boss: await get('/v1/records/people/chief'),
        reports: { data: [await get('/v1/records/people/p8')], next_cursor: null },
        groups: { data: [], next_cursor: null },
      },
    });
    expect(plain).not.toHaveProperty('included');
    expect((await get('/v1/records/people/chief?include=boss')).included).toEqual({ boss: null });
    expect(await get('/v1/records/people/p9?include=')).toEqual(plain);
  });

  it('is continued with a cursor, each live one listed once', async () => {
    const listed: string[] = [];
    for (let cursor = ''; ; ) {
      const url = `/v1/records/people/chief?include=reports&include_limit=10&include_cursor=${cursor}`;
      const { reports } = (await get(url)).included;
      listed.push(...idsOf(reports));
      if (reports.next_cursor === null) break;
      cursor = reports.next_cursor;
    }
    const expected = Array.from({ length: 25 }, (_, at) => `p${at}`).filter(
      (id) => id !== 'p7' && id !== 'p8',
    );
    expect(listed.sort()).toEqual(expected.sort());
  });

  it('lists what a list of ids names once each, by id, without missing and archived ones', async () => {
    const first = (await get('/v1/records/people/chief?include=groups&include_limit=2')).included
      .groups;
    expect(idsOf(first)).toEqual(['g1', 'g3']);
    const url = `/v1/records/people/chief?include=groups&include_limit=2&include_cursor=${first.next_cursor}`;
    const second = (await get(url)).included.groups;
    expect([idsOf(second), second.next_cursor]).toEqual([['g4'], null]);
    expect(idsOf((await get('/v1/records/groups/g1?include=members')).included.members)).toEqual([
      'chief',
    ]);
  });

  it('shows what was only acknowledged', async () => {
    await call('PUT', '/v1/records/people/late?wait=accepted', { boss_id: 'p1' });
    expect(idsOf((await get('/v1/records/people/p1?include=reports')).included.reports)).toEqual([
      'late',
    ]);
    await call('POST', '/v1/records/people/late/archive?wait=accepted');
    expect((await get('/v1/records/people/p1?include=reports')).included.reports.data).toEqual([]);
  });

  it.each([
    ['include=reports,manager', '/include', "'manager'"],
    ['include=reports,', '/include', "''"],
    ['include=reports,groups&include_cursor=x', '/include_cursor', 'alone'],
    ['include=boss&include_cursor=x', '/include_cursor', 'to-many'],
    ['include_cursor=x', '/include_cursor', 'include'],
    ['include=reports&include_limit=0', '/include_limit', '1'],
  ])('is refused with ?%s', async (query, path, told) => {
    const document = problem(
      await call('GET', `/v1/records/people/chief?${query}`),
      'parameter_invalid',
    );
    expect(paths(document)).toEqual([path]);
    expect(document['detail']).toContain(told);
  });

  it('is refused with a cursor of somewhere else, of an unknown record, and of an unknown type', async () => {
    problem(
      await call('GET', '/v1/records/people/chief?include=reports&include_cursor=x'),
      'cursor_invalid',
    );
    problem(await call('GET', '/v1/records/people/nobody?include=reports'), 'record_unknown');
    problem(await call('GET', '/v1/records/nobody/x?include=reports'), 'object_type_unknown');
  });
});

describe('changes', () => {
  const post = (body: string | Buffer, query = '', type = NDJSON) =>
    call('POST', `/v1/changes${query}`, body, { type });

  it('are taken in line by line: CRLF, blank lines, a byte order mark, no end of the last line', async () => {
    const response = await post(
      `\uFEFF${JSON.stringify(put('l1'))}\r\n\r\n   ` +
        `\n${JSON.stringify(put('l4'))}\r\nnope\n\n${JSON.stringify(put('l7'))}`,
    );
    expect(response.statusCode).toBe(200);
    const report = response.json();
    expect(report).toMatchObject({ accepted: 3, rejected: [{ line: 5, code: 'line_malformed' }] });
    expect(report.position).toEqual(expect.any(String));
    expect((await call('GET', '/v1/records/contacts/l7')).statusCode).toBe(200);
  });

  it('a bad line says why, where, and stops no other', async () => {
    const response = await post(
      lines(
        put('b1'),
        { ...put('b2'), op: 'upsert' },
        { ...put('b3'), object_type: 'nobody' },
        put('', {}),
        put('b5', { age: '5' }),
        { op: 'patch', object_type: 'contacts', id: 'unknown', data: {} },
        { op: 'delete', object_type: 'contacts', id: 'unknown' },
        '[]',
        { ...put('b9'), source_version: 0.5 },
        { ...put('b10'), extra: 1 },
        put('b11'),
      ),
    );
    const { accepted, rejected } = response.json();
    expect(accepted).toBe(3);
    expect(
      rejected.map(({ line, code, path }: Record<string, unknown>) => [line, code, path]),
    ).toEqual([
      [2, 'change_invalid', '/op'],
      [3, 'object_type_unknown', '/object_type'],
      [4, 'record_id_invalid', '/id'],
      [5, 'attribute_invalid', '/data/age'],
      [6, 'record_unknown', undefined],
      [8, 'change_invalid', ''],
      [9, 'change_invalid', '/source_version'],
      [10, 'change_invalid', '/extra'],
    ]);
  });

  it('a change that could not be written as JSON again is rejected, as a line and in an array', async () => {
    const nested = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    const deep = `{"op":"put","object_type":"contacts","id":"deep","data":{"free":${nested}}}`;
    const huge = '{"op":"put","object_type":"contacts","id":"huge","data":{"free":1e400}}';
    const expected = [
      [1, 'attribute_invalid', '/data/free'],
      [2, 'number_inexact', '/data/free'],
    ];
    const asLines = await post(`${deep}\n${huge}\n${lines(put('d3'))}`);
    const asArray = await call(
      'POST',
      '/v1/changes',
      `[${deep},${huge},${lines(put('d3')).trim()}]`,
    );
    for (const response of [asLines, asArray]) {
      const { accepted, rejected } = response.json();
      expect(accepted).toBe(1);
      expect(
        rejected.map(({ line, code, path }: Record<string, unknown>) => [line, code, path]),
      ).toEqual(expected);
    }
  });

  it('what is told of a bad line is short, however long the line', async () => {
    const response = await post(lines({ ...put('s1'), ['x'.repeat(100_000)]: 1 }));
    expect(response.json().rejected).toHaveLength(1);
    expect(response.body.length).toBeLessThan(1000);
  });

  it('a line that is too long, or is not UTF-8, is rejected, and the rest goes on', async () => {
    const long = JSON.stringify(put('long', { text: 'x'.repeat(LINE_BYTES_MAX) }));
    const body = Buffer.concat([
      Buffer.from(`${long}\n${JSON.stringify(put('after'))}\n`),
      Buffer.from([0x22, 0xff, 0xfe, 0x22, 0x0a]),
      Buffer.from(long),
    ]);
    const { accepted, rejected } = (await post(body)).json();
    expect(accepted).toBe(1);
    expect(rejected.map(({ line, code }: Record<string, unknown>) => [line, code])).toEqual([
      [1, 'line_too_long'],
      [3, 'line_malformed'],
      [4, 'line_too_long'],
    ]);
  });

  it('a line of just the limit is taken', async () => {
    const bare = JSON.stringify(put('limit', { text: '' })).length;
    const body = lines(put('limit', { text: 'x'.repeat(LINE_BYTES_MAX - bare) }));
    expect(body.length).toBe(LINE_BYTES_MAX);
    expect((await post(body)).json()).toMatchObject({ accepted: 1, rejected: [] });
    await call('DELETE', '/v1/records/contacts/limit');
  });

  it.each(['', '\n', '\r\n\n  \n'])('no changes at all (%j) are no fault', async (body) => {
    const response = await post(body);
    expect([response.statusCode, response.json()]).toMatchObject([
      200,
      { accepted: 0, rejected: [] },
    ]);
  });

  it('may be an array; then a line is the index + 1', async () => {
    const response = await call('POST', '/v1/changes', [put('a1'), 7, put('a3', { age: 'x' })]);
    expect(response.statusCode).toBe(200);
    expect(response.json().rejected).toMatchObject([
      { line: 2, code: 'change_invalid', path: '' },
      { line: 3, code: 'attribute_invalid', path: '/data/age' },
    ]);
    expect(paths(problem(await call('POST', '/v1/changes', put('a1')), 'body_invalid'))).toEqual([
      '',
    ]);
    problem(await call('POST', '/v1/changes', '[{'), 'body_malformed');
    problem(await call('POST', '/v1/changes', `[${' '.repeat(ARRAY_BYTES_MAX)}]`), 'body_too_long');
  });

  it('come as no other content type', async () => {
    problem(await post('a,b', '', 'text/csv'), 'content_type_unsupported');
    problem(await post('', '', 'nonsense'), 'content_type_unsupported');
    problem(await call('POST', '/v1/changes'), 'content_type_unsupported');
  });

  it('answer 202 when they are only accepted, and when applying takes too long', async () => {
    expect((await post(lines(put('w1')), '?wait=accepted')).statusCode).toBe(202);
    // A lone change may be applied before any time is over.
    const many = Array.from({ length: 2000 }, (_, at) => put(`w2-${at}`));
    expect((await post(lines(...many), '?timeout_ms=0')).statusCode).toBe(202);
    expect((await post(lines(put('w3')), '?timeout_ms=60000')).statusCode).toBe(200);
    expect(paths(problem(await post(lines(put('w4')), '?wait=x'), 'parameter_invalid'))).toEqual([
      '/wait',
    ]);
  });

  it('are refused before their body is read while too many wait', async () => {
    const strict = await open(deployment, { waitingChangesMax: -1 });
    const response = await call('POST', '/v1/changes', lines(put('x')), { type: NDJSON }, strict);
    problem(response, 'overloaded');
    expect(response.headers['retry-after']).toBe('1');
    await strict.close();
  });

  it('arrive in pieces of any size, and a body that breaks off keeps nobody waiting', async () => {
    await server.listen({ port: 0, host: '127.0.0.1' });
    const { port } = server.server.address() as AddressInfo;
    const headers = { authorization: 'Bearer the-key-of-the-editor', 'content-type': NDJSON };
    const options = { port, host: '127.0.0.1', path: '/v1/changes', method: 'POST', headers };
    const body = Buffer.from(
      lines(
        ...Array.from({ length: 3000 }, (_, at) => put(`p${at % 700}`, { age: at, name: '漢😀' })),
      ),
    );
    const report = await new Promise<string>((resolve, reject) => {
      const sending = httpRequest(options, async (response) => {
        const chunks = await response.toArray();
        resolve(Buffer.concat(chunks).toString());
      });
      sending.on('error', reject);
      for (let at = 0; at < body.length; at += 997) sending.write(body.subarray(at, at + 997));
      sending.end();
    });
    expect(JSON.parse(report)).toMatchObject({ accepted: 3000, rejected: [] });
    expect((await call('GET', '/v1/records/contacts/p0')).json().data).toEqual({
      age: 2800,
      name: '漢😀',
    });

    const broken = httpRequest(options);
    broken.on('error', () => {});
    broken.write(`${JSON.stringify(put('broken'))}\n{"op":`);
    await eventually('the request has begun', async () => (await connections(server)) > 0);
    broken.destroy();
    await eventually('the connection is gone', async () => (await connections(server)) === 0);
  });
});

function connections(of: FastifyInstance): Promise<number> {
  return new Promise((resolve) => of.server.getConnections((_, count) => resolve(count)));
}

describe('segments', () => {
  const input = (slug: string) => ({ title: slug, slug, object_type: 'contacts', query: adults });

  it('are created, read, listed, replaced, patched and deleted', async () => {
    const created = await call('POST', '/v1/segments', { ...input('s1'), description: 'One' });
    expect([created.statusCode, created.headers['location']]).toEqual([201, '/v1/segments/s1']);
    expect(created.json()).toEqual({
      id: expect.any(String),
      ...input('s1'),
      description: 'One',
      words: expect.stringMatching(/^Contacts whose age is at least /),
      json_logic: expect.any(Object),
      status: 'ready', // another segment means the same
      progress: 1,
      revision: 1,
      used_by: [],
      freshness: expect.any(Object),
      created_at: expect.stringMatching(ISO),
      updated_at: expect.stringMatching(ISO),
    });
    expect((await call('GET', '/v1/segments/s1')).json()).toEqual({
      ...created.json(),
      freshness: expect.any(Object),
    });
    const query = { combinator: 'and', rules: [{ field: 'age', operator: '<', value: 18 }] };
    const replaced = await call('PUT', '/v1/segments/s1', { ...input('s1'), query });
    expect(replaced.json()).toMatchObject({ revision: 2, query, status: 'building' });
    expect(replaced.json()).not.toHaveProperty('description');
    await built(deployment);
    expect((await call('GET', '/v1/segments/s1')).json()).toMatchObject({
      status: 'ready',
      progress: 1,
    });
    expect((await call('PATCH', '/v1/segments/s1', { title: 'S' })).json()).toMatchObject({
      title: 'S',
      query,
    });
    await call('POST', '/v1/segments', {
      ...input('s2'),
      query: { combinator: 'and', rules: [{ field: '', operator: 'inSegment', value: 's1' }] },
    });
    expect((await call('GET', '/v1/segments/s1')).json()).toMatchObject({ used_by: ['s2'] });
    expect(problem(await call('DELETE', '/v1/segments/s1'), 'segment_in_use')['used_by']).toEqual([
      's2',
    ]);
    const listed = (await call('GET', '/v1/segments?object_type=contacts&limit=2')).json();
    expect(listed.data.map(({ slug }: { slug: string }) => slug)).toEqual(['adults', 's1']);
    const rest = (await call('GET', `/v1/segments?cursor=${listed.next_cursor}`)).json();
    expect(rest.data.map(({ slug }: { slug: string }) => slug)).toEqual(['s2']);
    expect((await call('GET', '/v1/segments?object_type=organizations')).json().data).toEqual([]);
    for (const slug of ['s2', 's1'])
      expect((await call('DELETE', `/v1/segments/${slug}`)).statusCode).toBe(204);
  });

  it('are refused with a pointer to each fault', async () => {
    const wrong = problem(
      await call('POST', '/v1/segments', { slug: 'Bad Slug', query: {}, x: 1 }),
      'segment_invalid',
    );
    expect(paths(wrong)).toEqual(['/x', '/title', '/slug', '/object_type']);
    for (const slug of ['counts', 'preview', 'overlap']) {
      expect(
        paths(problem(await call('POST', '/v1/segments', input(slug)), 'segment_invalid')),
      ).toEqual(['/slug']);
    }
    expect(
      paths(
        problem(
          await call('POST', '/v1/segments', { ...input('x'), object_type: 'nobody' }),
          'segment_invalid',
        ),
      ),
    ).toEqual(['/object_type']);
    const query = { combinator: 'and', rules: [{ field: 'age', operator: '~', value: 1 }] };
    const document = problem(
      await call('POST', '/v1/segments', { ...input('x'), query }),
      'query_invalid',
    );
    expect(paths(document)).toEqual(['/query/rules/0/operator']);
    expect(
      paths(problem(await call('POST', '/v1/segments', input('adults')), 'segment_slug_taken')),
    ).toEqual(['/slug']);
    expect(
      paths(
        problem(await call('PATCH', '/v1/segments/adults', { slug: 'other' }), 'segment_invalid'),
      ),
    ).toEqual(['/slug']);
    expect(paths(problem(await call('POST', '/v1/segments'), 'segment_invalid'))).toEqual(['']);
    for (const method of ['PUT', 'PATCH'])
      problem(await call(method, '/v1/segments/nobody', input('nobody')), 'segment_unknown');
    problem(await call('GET', '/v1/segments/nobody'), 'segment_unknown');
    problem(await call('DELETE', '/v1/segments/nobody'), 'segment_unknown');
  });

  it('are counted, in the order asked, and by default all of them', async () => {
    await call('POST', '/v1/segments', {
      ...input('kids'),
      query: { combinator: 'and', rules: [{ field: 'age', operator: '<', value: 18 }] },
    });
    await built(deployment);
    await call('POST', '/v1/changes?wait=accepted', [put('c1', { age: 1 }), put('c2', { age: 2 })]);
    const posted = (
      await call('POST', '/v1/segments/counts', { slugs: ['kids', 'adults', 'kids'] })
    ).json();
    expect(posted.as_of).toEqual(expect.any(String));
    expect(posted.counts.map(({ slug }: { slug: string }) => slug)).toEqual([
      'kids',
      'adults',
      'kids',
    ]);
    expect(posted.counts[0]).toEqual({
      slug: 'kids',
      count: expect.any(Number),
      status: 'ready',
      revision: 1,
    });
    const members = (await call('GET', '/v1/segments/kids/members?limit=1000')).json().data;
    expect(members.length).toBe(posted.counts[0].count);
    expect((await call('GET', '/v1/segments/counts?slug=kids&slug=adults')).json().counts).toEqual(
      posted.counts.slice(0, 2),
    );
    const all = ['adults', 'kids'];
    for (const response of [
      await call('POST', '/v1/segments/counts'),
      await call('GET', '/v1/segments/counts'),
      await call('POST', '/v1/segments/counts', { consistency: 'eventual', timeout_ms: 0 }),
    ]) {
      expect(response.json().counts.map(({ slug }: { slug: string }) => slug)).toEqual(all);
    }
    expect((await call('POST', '/v1/segments/counts', { slugs: [] })).json().counts).toEqual([]);
    expect(
      problem(await call('POST', '/v1/segments/counts', { slugs: ['nobody'] }), 'segment_unknown')[
        'slug'
      ],
    ).toBe('nobody');
    problem(await call('GET', '/v1/segments/counts?slug=nobody'), 'segment_unknown');
  });

  it.each([
    [{ slugs: 'adults' }, ['/slugs']],
    [{ slugs: [1] }, ['/slugs/0']],
    [{ timeout_ms: '5' }, ['/timeout_ms']],
    [{ consistency: 'weak' }, ['/consistency']],
    [{ slug: ['adults'] }, ['/slug']],
    [[], ['']],
  ])('are not counted for %j: nothing is coerced or dropped', async (body, expected) => {
    expect(paths(problem(await call('POST', '/v1/segments/counts', body), 'body_invalid'))).toEqual(
      expected,
    );
  });

  it('list their members and say who is one', async () => {
    await call('PUT', '/v1/records/contacts/member', { age: 50 });
    await call('PUT', '/v1/records/contacts/stranger', { age: 5 });
    const { data } = (
      await call('GET', '/v1/segments/adults/members?limit=1000&include=records')
    ).json();
    const record = (await call('GET', '/v1/records/contacts/member')).json();
    expect(data).toContainEqual({ id: 'member', record });
    expect(
      (await call('GET', '/v1/segments/adults/members?limit=1000')).json().data,
    ).toContainEqual({ id: 'member' });
    expect((await call('GET', '/v1/segments/adults/members/member')).json()).toEqual({
      member: true,
    });
    expect((await call('GET', '/v1/segments/adults/members/stranger')).json()).toEqual({
      member: false,
    });
    expect((await call('GET', '/v1/segments/adults/members/unknown')).json()).toEqual({
      member: false,
    });
    expect((await call('GET', '/v1/records/contacts/member/segments')).json()).toEqual({
      segments: ['adults'],
    });
    problem(await call('GET', '/v1/segments/nobody/members'), 'segment_unknown');
    problem(await call('GET', '/v1/segments/nobody/members/x'), 'segment_unknown');
    expect(
      paths(
        problem(await call('GET', '/v1/segments/adults/members?include=x'), 'parameter_invalid'),
      ),
    ).toEqual(['/include']);
  });

  it('are looked up for many records', async () => {
    await call('PUT', '/v1/records/contacts/member', { age: 50 });
    const asked = {
      object_type: 'contacts',
      ids: ['member', 'unknown', '__proto__'],
      segments: ['adults'],
    };
    const answer = (await call('POST', '/v1/memberships/lookup', asked, { role: 'viewer' })).body;
    expect(JSON.parse(answer)).toEqual(
      JSON.parse('{"memberships":{"member":["adults"],"unknown":[],"__proto__":[]}}'),
    );
    expect(
      paths(problem(await call('POST', '/v1/memberships/lookup', {}), 'body_invalid')),
    ).toEqual(['/object_type', '/ids', '/segments']);
    expect(
      paths(
        problem(
          await call('POST', '/v1/memberships/lookup', { ...asked, ids: ['a', ''] }),
          'record_id_invalid',
        ),
      ),
    ).toEqual(['/ids/1']);
    expect(
      paths(
        problem(
          await call('POST', '/v1/memberships/lookup', { ...asked, object_type: 'organizations' }),
          'body_invalid',
        ),
      ),
    ).toEqual(['/segments/0']);
    problem(
      await call('POST', '/v1/memberships/lookup', { ...asked, object_type: 'nobody' }),
      'object_type_unknown',
    );
    problem(
      await call('POST', '/v1/memberships/lookup', { ...asked, segments: ['nobody'] }),
      'segment_unknown',
    );
    problem(await call('POST', '/v1/memberships/lookup'), 'body_invalid');
  });

  it('that were never built answer 503 with Retry-After, and a null count', async () => {
    const idle = await openTestDeployment({ runsWorker: false });
    const reading = await open(idle);
    const to = (method: string, url: string, body?: unknown) =>
      call(method, url, body, {}, reading);
    await to('PUT', '/v1/object-types/contacts', { attributes: { age: { type: 'number' } } });
    await to('POST', '/v1/segments', input('fresh'));
    expect((await to('POST', '/v1/segments/counts')).json().counts).toEqual([
      { slug: 'fresh', count: null, status: 'building', revision: null },
    ]);
    for (const url of [
      '/v1/segments/fresh/members',
      '/v1/segments/fresh/members/x',
      '/v1/records/contacts?segment=fresh',
    ]) {
      const response = await to('GET', url);
      problem(response, 'segment_building');
      expect(response.headers['retry-after']).toBe('1');
    }
    problem(
      await to('POST', '/v1/memberships/lookup', {
        object_type: 'contacts',
        ids: ['x'],
        segments: ['fresh'],
      }),
      'segment_building',
    );

    // Nobody applies what is accepted: strong reads run out of time, and the server is not ready.
    expect((await to('PUT', '/v1/records/contacts/x?timeout_ms=20', { age: 1 })).statusCode).toBe(
      202,
    );
    expect(
      (await to('POST', '/v1/segments/counts', { timeout_ms: 20 })).json().counts[0],
    ).toMatchObject({
      status: 'timeout',
      count: null,
    });
    problem(await to('GET', '/v1/records/contacts?timeout_ms=20'), 'not_caught_up');
    expect((await to('GET', '/v1/records/contacts?consistency=eventual')).json().data).toEqual([]);
    const document = problem(await to('GET', '/readyz'), 'not_ready');
    expect(document['reasons']).toEqual(['4 partitions have no owner']);
    await reading.close();
    await idle.close();
  });
});

describe('a write with an Idempotency-Key', () => {
  const keyed = (key: string, rest: Sent = {}): Sent => ({
    ...rest,
    headers: { 'idempotency-key': key },
  });

  it('is carried out once, and answered twice', async () => {
    const send = () => call('PUT', '/v1/records/contacts/idem', { age: 1 }, keyed('k1'));
    const first = await send();
    await call('DELETE', '/v1/records/contacts/idem');
    const second = await send();
    expect([first.statusCode, second.statusCode]).toEqual([201, 201]);
    expect(second.body).toBe(first.body);
    expect(second.headers['content-type']).toBe(first.headers['content-type']);
    expect([first.headers['idempotency-replayed'], second.headers['idempotency-replayed']]).toEqual(
      [undefined, 'true'],
    );
    problem(await call('GET', '/v1/records/contacts/idem'), 'record_unknown');
  });

  it('repeats refusals and empty answers as they were', async () => {
    await call('PUT', '/v1/records/contacts/idem2', {});
    for (const replayed of [undefined, 'true']) {
      const gone = await call('DELETE', '/v1/records/contacts/idem2', undefined, keyed('k2'));
      expect([gone.statusCode, gone.body, gone.headers['content-type']]).toEqual([
        204,
        '',
        undefined,
      ]);
      expect(gone.headers['idempotency-replayed']).toBe(replayed);
    }
    for (const replayed of [undefined, 'true']) {
      const refused = await call('POST', '/v1/segments', {}, keyed('k3'));
      problem(refused, 'segment_invalid');
      expect(refused.headers['idempotency-replayed']).toBe(replayed);
    }
  });

  it('is refused with another body, and is another request elsewhere or from somebody else', async () => {
    const url = '/v1/records/contacts/idem3';
    await call('PUT', url, { age: 1 }, keyed('k4'));
    problem(await call('PUT', url, { age: 2 }, keyed('k4')), 'idempotency_key_reused');
    expect((await call('PATCH', url, { age: 2 }, keyed('k4'))).json().data).toEqual({ age: 2 });
    expect(
      (await call('PUT', url, { age: 3 }, keyed('k4', { role: 'editor' }))).json().data,
    ).toEqual({ age: 3 });
  });

  it('is streamed all the same', async () => {
    const send = (body: string) => call('POST', '/v1/changes', body, keyed('k5', { type: NDJSON }));
    const first = await send(lines(put('st', { age: 1 }), 'nope'));
    await call('PUT', '/v1/records/contacts/st', { age: 2 });
    const second = await send(lines(put('st', { age: 1 }), 'nope'));
    expect([second.body, second.headers['idempotency-replayed']]).toEqual([first.body, 'true']);
    expect((await call('GET', '/v1/records/contacts/st')).json().data).toEqual({ age: 2 });
    problem(await send(lines(put('st', { age: 9 }))), 'idempotency_key_reused');
  });

  it('is 409 while the first one is under way', async () => {
    const send = () =>
      call(
        'POST',
        '/v1/changes',
        lines(put('race', { age: Math.PI })),
        keyed('k6', { type: NDJSON }),
      );
    const answers = await Promise.all([send(), send(), send()]);
    const fresh = answers.filter(
      ({ statusCode, headers }) => statusCode === 200 && !headers['idempotency-replayed'],
    );
    expect(fresh.length).toBe(1);
    for (const other of answers.filter(
      (answer) => answer !== fresh[0] && answer.statusCode !== 200,
    )) {
      problem(other, 'idempotency_in_progress');
    }
    expect((await send()).headers['idempotency-replayed']).toBe('true');
  });

  it('is carried out anew after an answer that asks to try again', async () => {
    const idle = await openTestDeployment({ runsWorker: false });
    const strict = await open(idle, { waitingChangesMax: -1 });
    const open2 = await open(idle);
    const send = (to: FastifyInstance) =>
      call('POST', '/v1/changes?wait=accepted', '[]', keyed('k7'), to);
    problem(await send(strict), 'overloaded');
    expect((await send(open2)).statusCode).toBe(202);
    await Promise.all([strict.close(), open2.close()]);
    await idle.close();
  });

  it('has 1 to 255 visible characters, and means nothing to a read', async () => {
    const refused = await call('PUT', '/v1/records/contacts/x', {}, keyed('two words'));
    expect(paths(problem(refused, 'parameter_invalid'))).toEqual(['/Idempotency-Key']);
    problem(
      await call('PUT', '/v1/records/contacts/x', {}, keyed('x'.repeat(256))),
      'parameter_invalid',
    );
    for (const _ of [1, 2]) {
      const read = await call('POST', '/v1/segments/counts', {}, keyed('k8'));
      expect([read.statusCode, read.headers['idempotency-replayed']]).toEqual([200, undefined]);
    }
  });
});

describe('the server', () => {
  it('answers what is not there with its path, and a wrong method with Allow', async () => {
    expect(problem(await call('GET', '/v1/nothing?x=1'), 'route_unknown')['detail']).toContain(
      '/v1/nothing',
    );
    const response = await call('POST', '/v1/records/contacts/x', {});
    problem(response, 'method_not_allowed');
    expect(response.headers['allow']).toBe('DELETE, GET, HEAD, PATCH, PUT');
    problem(await call('GET', '/v1/records/contacts/%zz'), 'request_malformed');
  });

  it('answers what is no HTTP with a problem, too', async () => {
    if (!server.server.listening) await server.listen({ port: 0, host: '127.0.0.1' });
    const { port } = server.server.address() as AddressInfo;
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write('nonsense\r\n\r\n'));
      let text = '';
      socket.on('data', (data) => (text += data)).on('close', () => resolve(text));
    });
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(JSON.parse(answer.split('\r\n\r\n')[1]!)).toMatchObject({
      code: 'request_malformed',
      status: 400,
    });
  });

  it('is alive, ready, and counts', async () => {
    expect((await server.inject('/healthz')).json()).toEqual({ status: 'ok' });
    await eventually('ready', async () => (await server.inject('/readyz')).statusCode === 200);
    expect((await server.inject('/readyz')).json()).toEqual({
      status: 'ready',
      partitions: 4,
      lag_entries: 0,
      partitions_owned: 4,
    });
    const { body, headers } = await call('GET', '/metrics', undefined, { role: 'viewer' });
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(body).toContain('rollcall_partitions_owned 4');
    expect(body).toContain('rollcall_log_lag_entries 0');
    expect(body).toMatch(/rollcall_segments \d/);
    expect(body).toMatch(
      /rollcall_request_seconds_count\{method="GET",route="\/v1\/records\/:type\/:id",status="200"\}/,
    );
  });

  it('describes every route, and nothing else, as OpenAPI 3.1', async () => {
    const document = (await server.inject('/openapi.json')).json();
    expect(document.openapi).toBe('3.1.0');
    const described = Object.entries(document.paths as Record<string, object>).flatMap(
      ([path, operations]) =>
        Object.keys(operations).map(
          (method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`,
        ),
    );
    expect(described.sort()).toEqual(Object.keys(ROUTE_NEEDS).sort());
    const text = JSON.stringify(document);
    for (const [, name] of text.matchAll(/"\$ref":"([^"]*)"/g)) {
      expect(document.components.schemas).toHaveProperty(
        name!.replace('#/components/schemas/', ''),
      );
    }
    const operations = Object.values(document.paths).flatMap((path) =>
      Object.values(path as object),
    );
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const operation of operations) {
      expect(operation).toMatchObject({
        summary: expect.any(String),
        responses: expect.any(Object),
        security: expect.any(Array),
      });
    }
    expect((await server.inject('/docs')).statusCode).toBe(200);
    const page = await server.inject('/docs/static/swagger-ui.css');
    expect(page.statusCode).toBe(200);
    expect(page.headers['content-security-policy']).toContain("script-src 'self'");
    expect(page.headers['content-security-policy']).not.toContain('upgrade-insecure-requests');
  });

  it('names each request, and logs neither keys nor bodies nor queries', async () => {
    logged = '';
    const headers = { 'x-request-id': 'from-a-proxy' };
    expect(
      (
        await call(
          'PUT',
          '/v1/records/contacts/log?timeout_ms=59999',
          { name: 'a-secret-name' },
          { headers },
        )
      ).headers['x-request-id'],
    ).toBe('from-a-proxy');
    expect(
      (await call('GET', '/healthz', undefined, { headers: { 'x-request-id': 'no good\tid' } }))
        .headers['x-request-id'],
    ).toMatch(/^[0-9a-f-]{36}$/);
    await eventually('both are logged', () => logged.includes('/healthz'));
    expect(logged).toContain('from-a-proxy');
    expect(logged).not.toMatch(/the-key-of|a-secret-name|59999/);
  });

  it('does not tell what a fault of ours was', async () => {
    const broken = {
      ...deployment,
      segments: { create: () => Promise.reject(new Error('a secret')) },
    };
    const failing = await open(broken as unknown as Deployment);
    logged = '';
    const response = await call('POST', '/v1/segments', {}, {}, failing);
    problem(response, 'internal');
    expect(response.body).not.toContain('secret');
    expect(logged).toContain('a secret');
    await failing.close();
  });

  it('finishes what is under way when it closes, and refuses what is new', async () => {
    const closing = await open(deployment);
    await closing.listen({ port: 0, host: '127.0.0.1' });
    const { port } = closing.server.address() as AddressInfo;
    const head = (path: string, rest: string) =>
      `${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ` +
      `the-key-of-the-master\r\n${rest}\r\n\r\n`;
    const answers = new Promise<string>((resolve) => {
      let text = '';
      const socket = connect(port, '127.0.0.1', async () => {
        const line = `${JSON.stringify(put('closing'))}\n`;
        socket.write(
          head('POST /v1/changes', `content-type: ${NDJSON}\r\ncontent-length: ${line.length}`),
        );
        await eventually(
          'the request is under way',
          async () => (await connections(closing)) === 1,
        );
        await new Promise((wait) => setTimeout(wait, 50));
        void closing.close();
        await new Promise((wait) => setTimeout(wait, 50));
        socket.write(line + head('GET /healthz', 'connection: close'));
      });
      socket.on('data', (data) => (text += data)).on('close', () => resolve(text));
    });
    const text = await answers;
    expect(text).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(text).toContain('"accepted":1');
    expect((await call('GET', '/v1/records/contacts/closing')).statusCode).toBe(200);
    await closing.close();
  });
});

describe('while Redis is gone', () => {
  it('everything that needs it answers 503 with Retry-After, and works again by itself when it is back', async () => {
    const redis = await startPrivateRedis();
    const proxy = await openProxy(() => redis.url);
    const fragile = await openTestDeployment({ redisUrl: proxy.url });
    const api = await open(fragile);
    const to = (method: string, url: string, body?: unknown, sent: Sent = {}) =>
      call(method, url, body, sent, api);
    await to('PUT', '/v1/object-types/contacts', { attributes: { age: { type: 'number' } } });
    await to('POST', '/v1/segments', {
      title: 'A',
      slug: 'adults',
      object_type: 'contacts',
      query: adults,
    });
    await to('PUT', '/v1/records/contacts/kept', { age: 30 });
    await built(fragile);

    await redis.kill9();
    const requests: [string, string, unknown?, Sent?][] = [
      ['PUT', '/v1/records/contacts/lost', { age: 1 }],
      ['PUT', '/v1/records/contacts/lost', { age: 1 }, { headers: { 'idempotency-key': 'k' } }],
      ['POST', '/v1/changes', lines(put('lost')), { type: NDJSON }],
      ['GET', '/v1/records/contacts/kept'],
      ['GET', '/v1/records/contacts'],
      ['POST', '/v1/segments/counts', { slugs: ['adults'] }],
      ['GET', '/v1/segments/adults/members'],
      ['PUT', '/v1/object-types/other', { attributes: {} }],
      [
        'POST',
        '/v1/memberships/lookup',
        { object_type: 'contacts', ids: ['kept'], segments: ['adults'] },
      ],
    ];
    for (const response of await Promise.all(requests.map((each) => to(...each)))) {
      problem(response, 'redis_unavailable');
      expect(response.headers['retry-after']).toBe('1');
    }
    expect(problem(await to('GET', '/readyz'), 'not_ready')['reasons']).toHaveLength(1);
    expect((await to('GET', '/healthz')).statusCode).toBe(200);
    expect((await to('GET', '/metrics')).body).toContain('rollcall_log_lag_entries Nan');

    await redis.restart();
    await eventually(
      'ready again',
      async () => (await to('GET', '/readyz')).statusCode === 200,
      20_000,
    );
    expect(
      (await to('POST', '/v1/segments/counts', { slugs: ['adults'] })).json().counts[0],
    ).toMatchObject({
      count: 1,
    });
    expect((await to('PUT', '/v1/records/contacts/more', { age: 40 })).statusCode).toBe(201);
    expect(
      (await to('POST', '/v1/segments/counts', { slugs: ['adults'] })).json().counts[0],
    ).toMatchObject({
      count: 2,
    });
    await api.close();
    await fragile.close();
    await proxy.close();
    await redis.stop();
  });
});
