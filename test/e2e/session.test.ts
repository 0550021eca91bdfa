/**
 * session.test.ts – Signing in from a browser: what the cookie opens, what ends it, and that no
 * page of another site can use it.
 */

import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildServer } from '../../src/api/server.ts';
import { SESSION_BOUNDS } from '../../src/api/sessions.ts';
import { openTestApi, type TestApi } from '../support/api.ts';

const OWN = { 'sec-fetch-site': 'same-origin' };
const JSON_BODY = { 'content-type': 'application/json' };

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
  await api.call('PUT', '/v1/object-types/contacts', { attributes: { age: { type: 'number' } } });
});
afterAll(() => api.close());

const ask = (
  method: string,
  url: string,
  headers: Readonly<Record<string, string>>,
  payload?: string,
  server = api.server,
) =>
  server.inject({
    method: method as 'GET',
    url,
    headers,
    ...(payload === undefined ? {} : { payload }),
  });

const signIn = (key: string, headers: Readonly<Record<string, string>> = OWN) =>
  ask('POST', '/v1/session', { ...headers, ...JSON_BODY }, JSON.stringify({ key }));

/** The cookie that a browser sends after it has signed in. */
async function cookieOf(role: string): Promise<string> {
  const answer = await signIn(`the-key-of-the-${role}`);
  expect(answer.statusCode).toBe(200);
  return String(answer.headers['set-cookie']).split(';')[0]!;
}

const putRecord = (headers: Readonly<Record<string, string>>, body = '{"age":1}') =>
  ask('PUT', '/v1/records/contacts/c', { ...JSON_BODY, ...headers }, body);

describe('a session', () => {
  it('says who has signed in, and what they may do', async () => {
    const answer = await signIn('the-key-of-the-editor');
    const said = {
      role: 'editor',
      name: expect.stringMatching(/^key:[0-9a-f]{16}$/),
      capabilities: ['read', 'write_records'],
    };
    expect(answer.json()).toEqual(said);
    const cookie = String(answer.headers['set-cookie']);
    expect(cookie).toMatch(
      /^rollcall=[\w-]{43}; Max-Age=604800; Path=\/; HttpOnly; SameSite=Strict$/,
    );
    expect((await ask('GET', '/v1/session', { cookie })).json()).toEqual(said);
  });

  it('takes the place of the key, and allows what the key allows', async () => {
    const [viewer, editor] = [await cookieOf('viewer'), await cookieOf('editor')];
    expect((await ask('GET', '/v1/segments', { cookie: viewer })).statusCode).toBe(200);
    expect((await putRecord({ cookie: viewer, ...OWN })).json()).toMatchObject({ status: 403 });
    expect((await putRecord({ cookie: editor, ...OWN })).statusCode).toBeLessThan(300);
  });

  it('gives way to a key that is sent, also to a wrong one', async () => {
    const cookie = await cookieOf('viewer');
    const sent = (key: string) => ({ cookie, authorization: `Bearer ${key}` });
    const asked = await ask('GET', '/v1/session', sent('the-key-of-the-master'));
    expect(asked.json()).toMatchObject({ role: 'master' });
    expect((await ask('GET', '/v1/session', sent('nobody'))).statusCode).toBe(401);
    expect((await putRecord(sent('the-key-of-the-master'))).statusCode).toBeLessThan(300);
  });

  it('is kept in Redis without what opens it', async () => {
    const cookie = await cookieOf('master');
    const { redis, keys } = api.deployment;
    const names = await redis.keys(`${keys.prefix}:{catalog}:session*`);
    const kept = await Promise.all(
      names.map(async (name) => [
        name,
        (await redis.type(name)) === 'string'
          ? await redis.get(name)
          : await redis.zrange(name, '0', '-1'),
      ]),
    );
    expect(names.length).toBeGreaterThan(1);
    const secret = cookie.split('=')[1]!;
    expect(JSON.stringify(kept)).not.toContain(secret);
    expect(JSON.stringify(kept)).not.toContain('the-key-of');
    for (const name of names) expect(await redis.pttl(name)).toBeGreaterThan(0);
  });

  it('is nobody’s when the cookie is made up', async () => {
    for (const id of ['', 'x', 'A'.repeat(43), '"', 'é', `${'A'.repeat(43)}; rollcall=B`]) {
      const answer = await ask('GET', '/v1/segments', { cookie: `rollcall=${id}` });
      expect(answer.json(), id).toMatchObject({ status: 401, code: 'key_missing' });
    }
  });
});

describe('what ends a session', () => {
  it('is signing out', async () => {
    const [cookie, other] = [await cookieOf('editor'), await cookieOf('editor')];
    const out = await ask('DELETE', '/v1/session', { cookie, ...OWN });
    expect(out.statusCode).toBe(204);
    expect(out.headers['set-cookie']).toMatch(/^rollcall=; Max-Age=0; /);
    expect((await ask('GET', '/v1/session', { cookie })).statusCode).toBe(401);
    expect((await ask('GET', '/v1/session', { cookie: other })).statusCode).toBe(200);
  });

  it('is signing out everywhere, for all of one key and no other', async () => {
    const [one, two] = [await cookieOf('editor'), await cookieOf('editor')];
    const viewer = await cookieOf('viewer');
    await ask('DELETE', '/v1/session?everywhere=true', { cookie: one, ...OWN });
    for (const cookie of [one, two])
      expect((await ask('GET', '/v1/session', { cookie })).statusCode).toBe(401);
    expect((await ask('GET', '/v1/session', { cookie: viewer })).statusCode).toBe(200);
  });

  it('is a configuration that does not name its key any more', async () => {
    const cookie = await cookieOf('service');
    const server = await buildServer(api.deployment, {
      keys: [{ role: 'master', key: 'the-key-of-the-master' }],
      logger: pino({ level: 'silent' }),
    });
    expect((await ask('GET', '/v1/session', { cookie }, undefined, server)).statusCode).toBe(401);
    expect((await ask('GET', '/v1/session', { cookie })).statusCode).toBe(200);
    await server.close();
  });

  it('is 12 hours without a use, and 7 days in any case', async () => {
    const cookie = await cookieOf('editor');
    const { redis, keys } = api.deployment;
    const asked = () => ask('GET', '/v1/session', { cookie });
    const [name] = await newest(`${keys.prefix}:{catalog}:session:*`);
    await redis.pexpire(name!, 60_000);
    await asked();
    expect(await redis.pttl(name!)).toBeGreaterThan(11 * 3_600_000);
    const [since, key] = (await redis.get(name!))!.split(':');
    const sixDays = 6.9 * 24 * 3_600_000;
    await redis.set(name!, `${Number(since) - sixDays}:${key}`, 'PX', 60_000);
    expect((await asked()).statusCode).toBe(200);
    expect(await redis.pttl(name!)).toBeLessThan(3 * 3_600_000);
    await redis.set(name!, `${Number(since) - sixDays - 24 * 3_600_000}:${key}`, 'PX', 60_000);
    expect((await asked()).statusCode).toBe(401);
  });

  it('is a thousand newer ones of its key', async () => {
    const cookie = await cookieOf('super_admin');
    const { sessions } = api.deployment.stores;
    const { redis, keys } = api.deployment;
    const [name] = await newest(`${keys.prefix}:{catalog}:session:*`);
    const key = (await redis.get(name!))!.split(':')[1]!;
    const later = Date.now() + 1;
    for (let at = 0; at < SESSION_BOUNDS.perKey - 1; at++)
      await sessions.begin({ session: `more-${at}`, key }, later, SESSION_BOUNDS);
    expect((await ask('GET', '/v1/session', { cookie })).statusCode).toBe(200);
    await sessions.begin({ session: 'one-more', key }, later, SESSION_BOUNDS);
    expect((await ask('GET', '/v1/session', { cookie })).statusCode).toBe(401);
    await sessions.endAll(key);
  });
});

/** The key with this pattern that will be there longest. */
async function newest(pattern: string): Promise<string[]> {
  const { redis } = api.deployment;
  const names = await redis.keys(pattern);
  const began = await Promise.all(names.map(async (name) => (await redis.get(name))!));
  return names
    .map((name, at) => ({ name, began: Number(began[at]!.split(':')[0]) }))
    .sort((a, b) => b.began - a.began)
    .map(({ name }) => name);
}

describe('a page of another site', () => {
  const elsewhere: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'another site': { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    'another port': { 'sec-fetch-site': 'same-site', origin: 'http://localhost:81' },
    'a subdomain': { 'sec-fetch-site': 'same-site', origin: 'http://a.localhost:80' },
    'another port, over plain HTTP': { origin: 'http://localhost:81' },
    'a subdomain, over plain HTTP': { origin: 'http://a.localhost:80' },
    'a sandbox': { origin: 'null' },
    'what does not say': {},
    'a typed address': { 'sec-fetch-site': 'none' },
  };

  it.each(Object.entries(elsewhere))(
    'writes nothing, signs nobody in or out: %s',
    async (_, sent) => {
      const cookie = await cookieOf('master');
      const before = (await ask('GET', '/v1/records/contacts', { cookie })).body;
      for (const [method, url, body] of [
        ['PUT', '/v1/records/contacts/other', '{"age":7}'],
        ['POST', '/v1/records/contacts/c/archive', undefined],
        ['DELETE', '/v1/records/contacts/c', undefined],
        ['POST', '/v1/segments/counts', '{}'],
        ['DELETE', '/v1/session', undefined],
        ['DELETE', '/v1/session?everywhere=true', undefined],
        ['PUT', '/admin/queues/api/queues/jobs/pause', undefined],
      ] as const) {
        const type: Readonly<Record<string, string>> = body === undefined ? {} : JSON_BODY;
        const host = { host: 'localhost:80', cookie };
        const answer = await ask(method, url, { ...host, ...type, ...sent }, body);
        expect(answer.json(), url).toMatchObject({ status: 403, code: 'origin_refused' });
      }
      expect((await ask('GET', '/v1/records/contacts', { cookie })).body).toBe(before);
      const given = await signIn('the-key-of-the-master', { host: 'localhost:80', ...sent });
      expect(given.json()).toMatchObject({ status: 403, code: 'origin_refused' });
      expect(given.headers['set-cookie']).toBeUndefined();
    },
  );

  it('can send no form', async () => {
    const cookie = await cookieOf('master');
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'])
      expect((await putRecord({ cookie, ...OWN, 'content-type': type })).statusCode).toBe(415);
  });

  it('may be told apart by its origin where the browser says nothing else', async () => {
    const cookie = await cookieOf('editor');
    const own = { cookie, host: 'localhost:80', origin: 'http://localhost:80' };
    expect((await putRecord(own)).statusCode).toBeLessThan(300);
  });
});

describe('a key that is wrong', () => {
  it('is answered after a while; who has the right one waits for nobody', async () => {
    const begunMs = performance.now();
    const wrong = Array.from({ length: 20 }, () => signIn('nobody'));
    const right = await signIn('the-key-of-the-viewer');
    const rightMs = performance.now() - begunMs;
    expect(right.statusCode).toBe(200);
    const statuses = (await Promise.all(wrong)).map(({ statusCode }) => statusCode);
    // They wait for a timer, so this holds however busy the machine is.
    expect(performance.now() - begunMs).toBeGreaterThan(Math.max(990, rightMs));
    expect(statuses.sort()).toEqual([...Array(16).fill(401), ...Array(4).fill(429)]);
  });

  it.each(['{}', '{"key":7}', '{"key":""}', '{"key":"a","more":1}'])(
    'of no form: %s',
    async (body) => {
      const answer = await ask('POST', '/v1/session', { ...OWN, ...JSON_BODY }, body);
      expect(answer.json()).toMatchObject({ status: 422, code: 'body_invalid' });
    },
  );
});

it('over https the cookie is for https and for this host only', async () => {
  const logger = pino({ level: 'silent' });
  const keys = [{ role: 'master', key: 'the-key-of-the-master' } as const];
  const publicUrl = 'https://rollcall.example.com';
  const server = await buildServer(api.deployment, { keys, logger, publicUrl });
  const sent = (origin: string) =>
    ask(
      'POST',
      '/v1/session',
      { ...JSON_BODY, host: '10.0.0.1:8787', origin },
      '{"key":"the-key-of-the-master"}',
      server,
    );
  const answer = await sent(publicUrl);
  const cookie = String(answer.headers['set-cookie']);
  expect(cookie).toMatch(
    /^__Host-rollcall=[\w-]{43}; .*Path=\/; HttpOnly; Secure; SameSite=Strict$/,
  );
  expect((await ask('GET', '/v1/session', { cookie }, undefined, server)).statusCode).toBe(200);
  for (const origin of ['http://rollcall.example.com', 'https://10.0.0.1:8787'])
    expect((await sent(origin)).statusCode).toBe(403);
  await server.close();
});

it('the board of queues is open to a session of who may operate it', async () => {
  const board = async (role: string) =>
    (await ask('GET', '/admin/queues', { cookie: await cookieOf(role) })).statusCode;
  expect([await board('master'), await board('super_admin')]).toEqual([200, 200]);
  expect(await board('service')).toBe(403);
});
