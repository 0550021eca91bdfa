/**
 * activations-api.test.ts – `/v1/views/:slug/activations`: what is answered, what is refused and
 * why, who may do what, and that no secret is ever told twice or logged.
 */
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildServer } from '../../src/api/server.ts';
import { ROLES, type Role } from '../../src/config.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { eventually, send } from '../support/deployment.ts';
import { openReceiver, type Receiver } from '../support/receiver.ts';
import { ROUTE_NEEDS } from '../support/routes.ts';
import {
  declareView,
  openWebhookDeployment,
  put,
  VIEW,
  type WebhookDeployment,
} from '../support/webhooks.ts';

const BASE = `/v1/views/${VIEW}/activations`;
const SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
const WRITERS: readonly Role[] = ['master', 'super_admin', 'service'];

let opened: WebhookDeployment;
let server: FastifyInstance;
let receiver: Receiver;
let logged = '';

beforeAll(async () => {
  opened = await openWebhookDeployment({ limits: { firstDelayMs: 10, attemptsMax: 2 } });
  await declareView(opened.deployment);
  receiver = await openReceiver();
  const logger = pino({ level: 'trace' }, { write: (line: string) => void (logged += line) });
  const keys = ROLES.map((role) => ({ role, key: `the-key-of-the-${role}` }));
  server = await buildServer(opened.deployment, { keys, logger, webhooks: opened.webhooks });
});
afterAll(async () => {
  await server.close();
  await opened.close();
  await receiver.close();
});

type Answer = Record<string, unknown>;

function call(
  method: string,
  url: string,
  body?: unknown,
  role: Role = 'master',
): Promise<LightMyRequestResponse> {
  return server.inject({
    method: method as 'GET',
    url,
    headers: {
      authorization: `Bearer the-key-of-the-${role}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
}

async function ok(status: number, ...request: Parameters<typeof call>): Promise<Answer> {
  const response = await call(...request);
  expect([response.statusCode, response.body]).toEqual([status, expect.any(String)]);
  return response.json<Answer>();
}

async function refused(code: ErrorCode, ...request: Parameters<typeof call>): Promise<string[]> {
  const document = (await call(...request)).json<{ code: string; errors?: { path: string }[] }>();
  expect(document.code).toBe(code);
  return (document.errors ?? []).map(({ path }) => path);
}

const create = (body: Answer = {}) =>
  ok(201, 'POST', BASE, { url: receiver.url, events: ['entered', 'left'], ...body });

describe('an activation', () => {
  it('is created with a secret that is told once, and read, listed, changed and deleted without it', async () => {
    const { secret, ...created } = await create();
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(created).toMatchObject({
      view: VIEW,
      url: receiver.url,
      events: ['entered', 'left'],
      status: 'active',
      pending: 0,
    });
    const at = `${BASE}/${created['id']}`;
    const patched = await ok(200, 'PATCH', at, { events: ['left'] });
    expect(patched).toMatchObject({ id: created['id'], events: ['left'], url: receiver.url });
    const told = [
      await ok(200, 'GET', at),
      await ok(200, 'GET', BASE),
      patched,
      await ok(200, 'PATCH', at, { secret: SECRET }),
    ];
    for (const answer of told) expect(JSON.stringify(answer)).not.toMatch(/whsec_|secret/);
    expect(await opened.deployment.activations.secretOf(String(created['id']))).toBe(SECRET);
    expect((await call('DELETE', at)).statusCode).toBe(204);
    await refused('activation_unknown', 'GET', at);
    expect(await opened.deployment.activations.secretOf(String(created['id']))).toBeUndefined();
  });

  it('that brings its own secret is never told it', async () => {
    const created = await create({ secret: SECRET });
    expect(JSON.stringify(created)).not.toMatch(/whsec_|secret/);
    expect((await call('DELETE', `${BASE}/${created['id']}`)).statusCode).toBe(204);
  });

  it('leaves its secret neither in the log nor in the catalog', async () => {
    const { id, secret } = await create();
    const own = await create({ secret: SECRET });
    receiver.answer = () => 500;
    await ok(200, 'POST', `${BASE}/${id}/test`);
    receiver.answer = () => 204;
    await refused('activation_invalid', 'POST', BASE, { url: 'http://127.1.2.3/', secret: SECRET });
    const catalog = JSON.stringify([...opened.deployment.store.catalog.activations]);
    const { log } = opened.deployment.keys.catalog;
    const versions = JSON.stringify(await opened.deployment.redis.xrange(log, '-', '+'));
    for (const said of [logged, catalog, versions]) {
      expect(said).not.toContain(String(secret));
      expect(said).not.toContain(SECRET);
    }
    expect(logged).toContain('/v1/views/:slug/activations');
    for (const one of [id, own['id']]) await call('DELETE', `${BASE}/${one}`);
  });

  it('goes with its view', async () => {
    const view = {
      title: 'V',
      slug: 'gone',
      object_type: 'contacts',
      segment: VIEW,
      columns: [{ path: 'n' }],
    };
    await ok(201, 'POST', '/v1/views', view);
    const { id } = await ok(201, 'POST', '/v1/views/gone/activations', { url: receiver.url });
    expect((await call('DELETE', '/v1/views/gone')).statusCode).toBe(204);
    await refused('view_unknown', 'GET', '/v1/views/gone/activations');
    await ok(201, 'POST', '/v1/views', view);
    await refused('activation_unknown', 'GET', `/v1/views/gone/activations/${id}`);
    expect(await ok(200, 'GET', '/v1/views/gone/activations')).toEqual({
      data: [],
      next_cursor: null,
    });
  });
});

describe('what is refused', () => {
  it.each([
    [{}, ['/url']],
    [{ url: 'http://127.2:80/' }, ['/url']],
    [{ url: 'http://[::ffff:10.0.0.1]/' }, ['/url']],
    [{ url: 'http://localhost/' }, ['/url']],
    [{ url: 'ftp://example.com/' }, ['/url']],
    [{ url: 'https://user:pass@example.com/' }, ['/url']],
    [{ url: 'https://example.com/', events: [] }, ['/events']],
    [{ url: 'https://example.com/', events: ['entered', 'entered'] }, ['/events']],
    [{ url: 'https://example.com/', events: ['joined'], secret: 'short' }, ['/events', '/secret']],
    [
      { url: 'https://example.com/', secret: `whsec_${Buffer.alloc(23).toString('base64')}` },
      ['/secret'],
    ],
    [{ url: 'https://example.com/', retries: 7 }, ['/retries']],
    [[], ['']],
  ])('%j', async (body, paths) => {
    expect(await refused('activation_invalid', 'POST', BASE, body)).toEqual(paths);
  });

  it('a name that is no view, an id that is no activation, or one of another view', async () => {
    await refused('view_unknown', 'POST', '/v1/views/nobody/activations', { url: receiver.url });
    await refused('view_unknown', 'GET', '/v1/views/nobody/activations/x');
    await refused('activation_unknown', 'PATCH', `${BASE}/x`, {});
    await refused('activation_unknown', 'DELETE', `${BASE}/x`);
    const { id } = await create();
    const other = {
      title: 'O',
      slug: 'other',
      object_type: 'contacts',
      segment: VIEW,
      columns: [{ path: 'n' }],
    };
    await ok(201, 'POST', '/v1/views', other);
    await refused('activation_unknown', 'GET', `/v1/views/other/activations/${id}`);
    await refused('sync_unknown', 'GET', `${BASE}/${id}/sync`);
    await refused('cursor_invalid', 'GET', `${BASE}/${id}/dead-letters?cursor=x`);
    await call('DELETE', `${BASE}/${id}`);
  });
});

describe('deliveries', () => {
  it('are tested: the answer says what the receiver said', async () => {
    const { id, secret } = await create();
    receiver.secret = String(secret);
    receiver.answer = () => 418;
    const failed = await ok(200, 'POST', `${BASE}/${id}/test`);
    expect(failed).toMatchObject({
      delivered: false,
      status: 418,
      error: 'the receiver answered 418',
      answer: 'answered 418',
    });
    receiver.answer = () => 200;
    expect(await ok(200, 'POST', `${BASE}/${id}/test`)).toMatchObject({
      delivered: true,
      status: 200,
      error: null,
    });
    expect(receiver.received.at(-1)).toMatchObject({
      type: 'test',
      data: { view: VIEW, object_type: 'contacts' },
    });
    expect(receiver.unverified).toEqual([]);
    expect(await ok(200, 'GET', `${BASE}/${id}`)).toMatchObject({ failures: { in_a_row: 0 } });
    await call('DELETE', `${BASE}/${id}`);
    receiver.secret = undefined;
  });

  it('that die are listed page by page, and delivered again', async () => {
    const { id } = await create();
    receiver.answer = () => 500;
    await send(opened.deployment, [put('a', true), put('b', true), put('c', true)]);
    const dead = async () => (await ok(200, 'GET', `${BASE}/${id}`))['dead_letters'];
    await eventually('all are dead', async () => ((await dead()) as { count: number }).count === 3);
    const first = await ok(200, 'GET', `${BASE}/${id}/dead-letters?limit=2`);
    const second = await ok(
      200,
      'GET',
      `${BASE}/${id}/dead-letters?limit=2&cursor=${first['next_cursor']}`,
    );
    const letters = [...(first['data'] as Answer[]), ...(second['data'] as Answer[])];
    expect(letters.map(({ event }) => (event as { data: Answer }).data['id']).sort()).toEqual([
      'a',
      'b',
      'c',
    ]);
    expect(letters[0]).toMatchObject({
      attempts: 2,
      error: 'the receiver answered 500',
      event: { type: 'member.entered' },
    });
    expect(second['next_cursor']).toBeNull();
    receiver.answer = () => 204;
    const one = await ok(202, 'POST', `${BASE}/${id}/dead-letters/redeliver`, {
      ids: [letters[1]!['id']],
    });
    expect(one).toEqual({ redelivered: 1 });
    expect(await ok(202, 'POST', `${BASE}/${id}/dead-letters/redeliver`)).toEqual({
      redelivered: 2,
    });
    await eventually('all are told', () =>
      letters.every((letter) => receiver.taken.has(String(letter['id']))),
    );
    expect(await dead()).toEqual({ count: 0, dropped: 0 });
    await call('DELETE', `${BASE}/${id}`);
  });

  it('stop when the receiver says that it is gone, and go on when the activation is enabled', async () => {
    const { id } = await create();
    receiver.answer = () => 410;
    await send(opened.deployment, [put('d', true)]);
    const read = () => ok(200, 'GET', `${BASE}/${id}`);
    await eventually('it is disabled', async () => (await read())['status'] === 'disabled');
    expect(await read()).toMatchObject({
      pending: 1,
      disabled_at: expect.any(String),
      failures: { in_a_row: 1 },
    });
    await refused('activation_disabled', 'POST', `${BASE}/${id}/sync`);
    receiver.answer = () => 204;
    expect(await ok(200, 'POST', `${BASE}/${id}/enable`)).toMatchObject({
      status: 'active',
      disabled_at: null,
    });
    await eventually('it is told', async () => (await read())['pending'] === 0);
    await call('DELETE', `${BASE}/${id}`);
  });

  it('of a full sync say how far they have come', async () => {
    const { id } = await create();
    const begun = await ok(202, 'POST', `${BASE}/${id}/sync`);
    expect(begun).toMatchObject({ total: expect.any(Number), error: null });
    await eventually(
      'it is done',
      async () => (await ok(200, 'GET', `${BASE}/${id}/sync`))['status'] === 'done',
    );
    const done = await ok(200, 'GET', `${BASE}/${id}/sync`);
    expect(done).toMatchObject({ id: begun['id'], progress: 1, members: begun['total'] });
    await eventually(
      'all is told',
      async () => (await ok(200, 'GET', `${BASE}/${id}`))['pending'] === 0,
    );
    await call('DELETE', `${BASE}/${id}`);
  });
});

describe('who may do what', () => {
  const WRITES: [string, string, unknown?][] = [
    ['POST', ''],
    ['PATCH', '/:id', {}],
    ['DELETE', '/:id'],
    ['POST', '/:id/enable'],
    ['POST', '/:id/test'],
    ['POST', '/:id/sync'],
    ['POST', '/:id/dead-letters/redeliver'],
  ];
  const READS: [string, string][] = [
    ['GET', ''],
    ['GET', '/:id'],
    ['GET', '/:id/sync'],
    ['GET', '/:id/dead-letters'],
  ];

  it('names every route', () => {
    const listed = [...WRITES, ...READS].map(
      ([method, path]) => `${method} /v1/views/:slug/activations${path}`,
    );
    const there = Object.keys(ROUTE_NEEDS).filter((route) => route.includes('/:slug/activations'));
    expect(listed.map((route) => route.replace(':id', ':activation')).sort()).toEqual(there.sort());
  });

  it.each(
    WRITES.flatMap(([method, path, body]) =>
      ROLES.map((role) => [method, path, role, body] as const),
    ),
  )('%s %s as %s', async (method, path, role, body) => {
    const { id } = await create();
    const url = `${BASE}${path.replace(':id', String(id))}`;
    const given = path === '' ? { url: receiver.url } : body;
    const { statusCode } = await call(method, url, given, role);
    expect(statusCode).toBe(WRITERS.includes(role) ? statusCode : 403);
    expect(WRITERS.includes(role)).toBe(statusCode < 300);
    for (const one of await opened.deployment.activations.list(VIEW))
      await call('DELETE', `${BASE}/${one.id}`);
  });

  it.each(ROLES)('a %s sees of a URL what it may', async (role) => {
    const url = 'http://127.0.0.1:9/services/T000/secret-path?token=secret-query#secret-hash';
    const { id } = (await call('POST', BASE, { url })).json();
    const [one] = [(await call('GET', `${BASE}/${id}`, undefined, role)).json()];
    const list = (await call('GET', BASE, undefined, role)).json().data;
    const listed = list.find((each: { id: string }) => each.id === id);
    expect(one).toEqual(listed);
    expect(one.url).toBe(WRITERS.includes(role) ? url : 'http://127.0.0.1:9');
    const all = await Promise.all(
      READS.filter(([method]) => method === 'GET').map(([method, path]) =>
        call(method, `${BASE}${path.replace(':id', String(id))}`, undefined, role),
      ),
    );
    const seen = all.some(({ body }) => body.includes('secret-'));
    expect(seen).toBe(WRITERS.includes(role));
    await call('DELETE', `${BASE}/${id}`);
  });

  it.each(READS.flatMap(([method, path]) => ROLES.map((role) => [method, path, role] as const)))(
    '%s %s as %s',
    async (method, path, role) => {
      const { id } = await create();
      await call('POST', `${BASE}/${id}/sync`);
      const { statusCode, body } = await call(
        method,
        `${BASE}${path.replace(':id', String(id))}`,
        undefined,
        role,
      );
      expect(statusCode).toBe(200);
      expect(body).not.toContain('whsec_');
      await call('DELETE', `${BASE}/${id}`);
    },
  );
});
