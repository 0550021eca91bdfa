/**
 * manners.test.ts – What a stranger meets at the door: the root, misspelled parameters, wrong
 * methods, paths that are not there.
 */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RESERVED_SLUGS } from '../../src/catalog/naming.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { ROUTE_NEEDS } from '../support/routes.ts';

let api: TestApi;
let port: number;
beforeAll(async () => {
  api = await openTestApi();
  port = Number(new URL(await api.server.listen({ port: 0, host: '127.0.0.1' })).port);
  await api.call('PUT', '/v1/object-types/contacts', { attributes: { age: { type: 'number' } } });
});
afterAll(() => api.close());

/** As it stands on the wire: `fetch` knows no TRACE, and neither does inject. */
function raw(
  method: string,
  path: string,
  key?: string,
): Promise<{ status: number; allow?: string; body: string }> {
  const head = [`${method} ${path} HTTP/1.1`, 'host: x', 'connection: close', 'content-length: 0'];
  if (key !== undefined) head.push(`authorization: Bearer ${key}`);
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(`${head.join('\r\n')}\r\n\r\n`));
    socket.on('data', (chunk) => (text += chunk));
    socket.on('error', reject);
    socket.on('close', () => {
      const [, status] = /^HTTP\/1.1 (\d+)/.exec(text) ?? [];
      const [, allow] = /^allow: (.*)\r$/im.exec(text) ?? [];
      const body = text.slice(text.indexOf('\r\n\r\n') + 4);
      resolve({ status: Number(status), ...(allow === undefined ? {} : { allow }), body });
    });
  });
}

const MASTER = 'the-key-of-the-master';

describe('the root', () => {
  const get = (accept?: string) =>
    api.server.inject({ method: 'GET', url: '/', headers: accept === undefined ? {} : { accept } });

  it('gives a browser a page, and the documentation is another', async () => {
    const answer = await get('text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8');
    expect(answer.headers['content-type']).toMatch(/^text\/html/);
    expect((await api.server.inject('/docs')).headers['content-type']).toMatch(/^text\/html/);
  });

  it.each([undefined, '*/*', 'application/json'])(
    'says to Accept: %s what this is',
    async (accept) => {
      const answer = await get(accept);
      expect(answer.json()).toMatchObject({
        name: 'rollcall',
        documentation: '/docs',
        openapi: '/openapi.json',
      });
      expect(answer.headers.vary).toContain('accept');
    },
  );
});

describe('a parameter that is not known is refused', () => {
  const OURS = Object.keys(ROUTE_NEEDS);

  it.each(OURS)('by %s', async (route) => {
    const [method, url] = route.split(' ') as [string, string];
    const path = url.replaceAll(/:\w+/g, 'nobody');
    const answer = await api.call(method, `${path}?limt=3&limt=4`);
    expect(answer.json()).toMatchObject({
      status: 400,
      code: 'parameter_invalid',
      errors: [{ path: '/limt' }],
    });
    expect(answer.json().detail).toMatch(/^'limt' is not a parameter of [A-Z]+ \/.*: it takes /);
  });

  it('and those that are known are named; each fault is told of', async () => {
    const answer = await api.call('GET', '/v1/segments?object_typ=contacts&limits=1');
    expect(answer.json()).toMatchObject({ errors: [{ path: '/object_typ' }, { path: '/limits' }] });
    expect(answer.json().detail).toContain('it takes object_type, fields, limit, cursor');
    expect((await api.call('GET', '/v1/object-types/contacts?x')).json().detail).toContain(
      'it takes none',
    );
  });

  it('before anything is done', async () => {
    expect((await api.call('PUT', '/v1/records/contacts/a?timeout=3', { age: 1 })).statusCode).toBe(
      400,
    );
    expect((await api.call('GET', '/v1/records/contacts/a')).statusCode).toBe(404);
    expect((await api.call('POST', '/v1/seeds?dryrun=true', [])).statusCode).toBe(400);
    expect((await api.call('DELETE', '/v1/object-types/contacts?force=true')).statusCode).toBe(400);
  });

  it('with or without a value, in any form', async () => {
    for (const query of ['x', 'x=', 'limit[]=1', '__proto__=1', '%ZZ=1', 'constructor=1', '=1'])
      expect((await api.call('GET', `/v1/segments?${query}`)).statusCode, query).toBe(400);
    for (const query of ['', '&', 'limit=1&', 'cursor='])
      expect((await api.call('GET', `/v1/segments?${query}`)).statusCode).toBe(200);
  });
});

describe('a method that a path does not take', () => {
  const ALLOWED = [
    ['/', 'GET, HEAD'],
    ['/healthz', 'GET, HEAD'],
    ['/openapi.json', 'GET, HEAD'],
    ['/v1/segments', 'GET, HEAD, POST'],
    ['/v1/segments/s', 'DELETE, GET, HEAD, PATCH, PUT'],
    ['/v1/records/contacts/a', 'DELETE, GET, HEAD, PATCH, PUT'],
    ['/v1/changes', 'POST'],
    ['http://rollcall.example/v1/changes', 'POST'],
  ] as const;

  it.each(ALLOWED)('%s is 405 and names those that it takes: %s', async (path, allow) => {
    for (const method of [
      'TRACE',
      'OPTIONS',
      'PROPFIND',
      'QUERY',
      'GET',
      'HEAD',
      'PUT',
      'DELETE',
    ]) {
      if (allow.split(', ').includes(method)) continue;
      const answer = await raw(method, path, MASTER);
      expect([answer.status, answer.allow], method).toEqual([405, allow]);
      if (method !== 'HEAD') expect(answer.body).toContain('"method_not_allowed"');
    }
  });

  const routes = Object.keys(ROUTE_NEEDS).map((each) => each.split(' ') as [string, string]);
  const paths = [...new Set(routes.map(([, path]) => path))];
  const folderOf = (path: string) => path.slice(0, path.lastIndexOf('/'));
  /** Paths that are written out beside one for any name. */
  const NAMES = paths.filter(
    (path) =>
      !path.includes(':') &&
      paths.some((other) => /\/:[^/]+$/.test(other) && folderOf(other) === folderOf(path)),
  );

  it.each(NAMES)('%s is no name, by whatever method', async (path) => {
    const takes = routes
      .filter(([, each]) => each === path)
      .flatMap(([method]) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
    const allow = takes.sort().join(', ');
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      if (takes.includes(method)) continue;
      const answer = await raw(method, path, MASTER);
      expect([answer.status, answer.allow], method).toEqual([405, allow]);
    }
    const escaped = path.replace(/.$/, (last) => `%${last.charCodeAt(0).toString(16)}`);
    if (!takes.includes('GET'))
      expect(await raw('GET', escaped, MASTER)).toMatchObject({ status: 405, allow });
    expect(await raw('DELETE', path)).toMatchObject({ status: 401 });
    expect((await api.call('DELETE', path, undefined, { role: 'viewer' })).statusCode).toBe(403);
  });

  it('is found out of each name that is reserved', () => {
    const names = NAMES.map((path) => path.slice(folderOf(path).length + 1));
    expect(names.sort()).toEqual([...RESERVED_SLUGS].sort());
  });

  it('is told of without a key where the path is for everybody', async () => {
    for (const path of ['/', '/healthz', '/readyz', '/openapi.json', '/docs'])
      expect(await raw('POST', path)).toMatchObject({ status: 405, allow: 'GET, HEAD' });
    expect(await raw('POST', '/v1/segments/s')).toMatchObject({ status: 401 });
    expect(await raw('POST', '/v1/nothing')).toMatchObject({ status: 401 });
  });

  it('of no path is 404, with a way on', async () => {
    for (const method of ['GET', 'DELETE', 'TRACE', 'QUERY', 'OPTIONS']) {
      const { status, body } = await raw(method, '/v1/segmens', MASTER);
      expect([status, JSON.parse(body).code]).toEqual([404, 'route_unknown']);
      expect(JSON.parse(body).detail).toBe(
        'there is nothing at /v1/segmens. All paths are described at /docs, and for ' +
          'machines at /openapi.json',
      );
    }
    expect(await raw('GET', '/v1/segmens?limit=1', MASTER)).toMatchObject({ status: 404 });
    const { body } = await raw('POST', '/v1//segments/', MASTER);
    expect(JSON.parse(body).detail).toMatch(
      /^there is nothing at \/v1\/\/segments\/; there is \/v1\/segments\./,
    );
  });

  it('that is none of HTTP is told so', async () => {
    expect(await raw('FOO', '/', MASTER)).toMatchObject({
      status: 400,
      body: expect.stringContaining('no such method'),
    });
  });
});
