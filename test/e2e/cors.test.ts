/**
 * cors.test.ts – Pages of the origins that are named may ask from a browser, as it asks: first
 * without a key, then with one; and they can read what was refused. Of others, and where none is
 * named, a browser keeps every answer to itself.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../support/api.ts';

const APP = 'https://app.example.com';
const STRANGERS = [
  'https://evil.example',
  'http://app.example.com',
  'https://app.example.com.evil.example',
  'null',
];
const authorization = 'Bearer the-key-of-the-master';

let open: TestApi;
let closed: TestApi;
beforeAll(async () => {
  open = await openTestApi({ corsOrigins: [APP, 'http://localhost:5173'] });
  closed = await openTestApi();
  await open.call('PUT', '/v1/object-types/contacts', { attributes: {} });
});
afterAll(async () => {
  await open.close();
  await closed.close();
});

const ask = (
  api: TestApi,
  method: 'GET' | 'PUT' | 'POST',
  url: string,
  origin: string,
  headers: Record<string, string> = {},
) => api.server.inject({ method, url, headers: { origin, ...headers } });

const preflight = (api: TestApi, origin: string, url = '/v1/records/contacts/a', method = 'PUT') =>
  api.server.inject({
    method: 'OPTIONS',
    url,
    headers: {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': 'authorization,content-type,idempotency-key',
    },
  });

describe('a page of an origin that is named', () => {
  it('hears from a preflight, without a key, what it may send', async () => {
    for (const url of [
      '/v1/records/contacts/a',
      '/v1/segments',
      '/v1/changes?wait=accepted',
      '/openapi.json',
    ]) {
      const { statusCode, headers } = await preflight(open, APP, url);
      expect(statusCode).toBe(204);
      expect(headers['access-control-allow-origin']).toBe(APP);
      expect(headers['access-control-allow-methods']).toMatch(/PUT.*PATCH.*DELETE/);
      expect(headers['access-control-allow-headers']).toBe(
        'authorization,content-type,idempotency-key',
      );
      expect(headers['access-control-allow-credentials']).toBeUndefined();
    }
  });

  it('reads answers, and what it needs of their headers', async () => {
    const { statusCode, headers } = await ask(open, 'GET', '/v1/object-types', APP, {
      authorization,
    });
    expect([statusCode, headers['access-control-allow-origin']]).toEqual([200, APP]);
    expect(headers['access-control-expose-headers']).toContain('retry-after');
    expect(headers['access-control-allow-credentials']).toBeUndefined();
    expect(headers.vary).toMatch(/origin/i);
  });

  it.each([
    [401, 'GET', '/v1/segments', {}],
    [404, 'GET', '/v1/nothing', { authorization }],
    [405, 'PUT', '/v1/changes', { authorization }],
    [400, 'GET', '/v1/segments?limt=1', { authorization }],
    [422, 'POST', '/v1/segments', { authorization }],
    [403, 'POST', '/v1/seeds', { authorization: 'Bearer the-key-of-the-viewer' }],
  ] as const)('reads a problem: %s', async (status, method, url, headers) => {
    const answer = await ask(open, method, url, APP, headers);
    expect([answer.statusCode, answer.headers['access-control-allow-origin']]).toEqual([
      status,
      APP,
    ]);
    expect(answer.headers['content-type']).toBe('application/problem+json');
  });
});

describe('any other page', () => {
  it.each(STRANGERS)('of %s is told nothing that would let its browser go on', async (origin) => {
    for (const answer of [
      await preflight(open, origin),
      await ask(open, 'GET', '/v1/object-types', origin, { authorization }),
    ])
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    expect((await preflight(open, origin)).statusCode).toBe(401);
  });

  it('is told nothing where no origin is named', async () => {
    for (const answer of [
      await preflight(closed, APP),
      await ask(closed, 'GET', '/v1/object-types', APP, { authorization }),
    ])
      expect(
        Object.keys(answer.headers).filter((name) => name.startsWith('access-control-')),
      ).toEqual([]);
  });
});

it('an OPTIONS that is no preflight is answered as ever', async () => {
  for (const api of [open, closed]) {
    const answer = await api.server.inject({
      method: 'OPTIONS',
      url: '/v1/changes?x=1',
      headers: { authorization },
    });
    expect([answer.statusCode, answer.headers.allow]).toEqual([405, 'POST']);
  }
});
