/**
 * console.test.ts – The console as it is served: where its page is, what it may load, and how long
 * a browser keeps it.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONSOLE_FOLDER } from '../../src/api/plugins/console.ts';
import { buildServer } from '../../src/api/server.ts';
import { openTestApi, type TestApi } from '../support/api.ts';

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
const PAGES = ['/', '/segments', '/segments/a-b/members/c%2F1', '/sign-in', '/v1x', '/nothing'];

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
  await api.server.listen({ port: 0, host: '127.0.0.1' });
});
afterAll(() => api.close());

const get = (
  url: string,
  headers: Readonly<Record<string, string>> = { accept: BROWSER },
  method: 'GET' | 'HEAD' | 'POST' = 'GET',
) => api.server.inject({ method, url, headers });

/** Sends a path with its dots: a URL would lose them. */
function asWritten(path: string): Promise<{ status: number; type: string; body: string }> {
  const { port } = api.server.server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const sent = request({ port, path, headers: { accept: BROWSER } }, async (answer) => {
      let body = '';
      for await (const chunk of answer) body += chunk;
      const type = String(answer.headers['content-type']);
      resolve({ status: answer.statusCode!, type, body });
    });
    sent.on('error', reject).end();
  });
}

/** The paths of scripts and styles that a page names. */
function assetsOf(page: string): string[] {
  return [...page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path!);
}

describe('a browser is given the page', () => {
  it.each(PAGES)('at %s', async (url) => {
    const answer = await get(url);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(answer.body).toContain('<div id="console">');
    expect(answer.headers['cache-control']).toBe('private, no-cache');
    expect(answer.headers['vary']).toBe('accept');
  });

  it('as a head alone, if that is asked for', async () => {
    for (const url of ['/', '/segments']) {
      const answer = await get(url, { accept: BROWSER }, 'HEAD');
      expect([answer.statusCode, answer.body]).toEqual([200, '']);
      expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    }
  });

  it('and not where the API and its neighbours are', async () => {
    expect((await get('/v1/nothing')).statusCode).toBe(401);
    expect((await get('/v1')).statusCode).toBe(401);
    expect((await get('/v1/segments')).statusCode).toBe(401);
    expect((await get('/metrics')).statusCode).toBe(401);
    expect((await get('/admin/queues')).statusCode).toBe(401);
    expect((await get('/healthz')).json()).toEqual({ status: 'ok' });
    expect((await get('/openapi.json')).json()).toHaveProperty('openapi');
    expect((await get('/docs')).body).not.toContain('id="console"');
    const authorization = 'Bearer the-key-of-the-viewer';
    const unknown = await get('/v1/nothing', { accept: BROWSER, authorization });
    expect([unknown.statusCode, unknown.json().code]).toEqual([404, 'route_unknown']);
  });

  it('and a program is not', async () => {
    for (const headers of [{}, { accept: '*/*' }, { accept: 'application/json' }]) {
      expect((await get('/', headers)).json()).toMatchObject({ name: 'rollcall' });
      expect((await get('/segments', headers)).statusCode).toBe(401);
    }
    expect((await get('/segments', { accept: BROWSER }, 'POST')).statusCode).toBe(401);
  });
});

describe('what the page may load', () => {
  it('is ours alone, by a policy with a nonce of its own', async () => {
    const policies = await Promise.all(
      ['/', '/', '/segments'].map(async (url) => {
        const { headers, body } = await get(url);
        const policy = String(headers['content-security-policy']);
        const [, nonce] = /style-src 'self' 'nonce-([A-Za-z0-9+/=]{24})'/.exec(policy)!;
        expect(body).toContain(`nonce="${nonce}"`);
        expect(body).not.toContain('%NONCE%');
        return policy.replace(nonce!, 'N');
      }),
    );
    expect(new Set(policies)).toEqual(
      new Set([
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-N'; connect-src 'self'; " +
          "font-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; " +
          "form-action 'self'",
      ]),
    );
    const nonces = await Promise.all(
      [1, 2].map(
        async () =>
          /nonce-([^']+)'/.exec(String((await get('/')).headers['content-security-policy']))![1],
      ),
    );
    expect(nonces[0]).not.toBe(nonces[1]);
  });

  it('holds no script and no style of its own', async () => {
    const { body } = await get('/');
    expect(body).not.toMatch(/<script(?![^>]*\ssrc=)[^>]*>|<style|\sstyle=|\son\w+=/);
    expect(assetsOf(body).some((path) => path.endsWith('.js'))).toBe(true);
    expect(assetsOf(body).some((path) => path.endsWith('.css'))).toBe(true);
  });

  it('is kept for a year, and sent compressed to those who can read that', async () => {
    const paths = assetsOf((await get('/')).body);
    for (const path of paths) {
      const plain = await get(path, {});
      expect(plain.statusCode, path).toBe(200);
      expect(plain.headers['cache-control']).toBe('public, max-age=31536000, immutable');
      expect(plain.headers['content-encoding']).toBeUndefined();
      for (const encoding of ['br', 'gzip']) {
        const packed = await get(path, { 'accept-encoding': encoding });
        expect(packed.headers['content-encoding'], path).toBe(encoding);
        // There is little to be saved in what is small.
        if (path.endsWith('.js') && plain.rawPayload.length > 10_000)
          expect(packed.rawPayload.length).toBeLessThan(plain.rawPayload.length / 2);
        expect(packed.headers['content-type']).toBe(plain.headers['content-type']);
      }
      const head = await get(path, {}, 'HEAD');
      expect([head.statusCode, head.body]).toEqual([200, '']);
    }
  });
});

describe('an asset that is not there', () => {
  it.each([
    '/assets/nothing.js',
    '/assets/',
    '/assets',
    '/assets/../index.html',
    '/assets/%2e%2e/index.html',
    '/assets/..%2findex.html',
    '/assets/..%5cindex.html',
    '/assets/%2e%2e%2f%2e%2e%2fcli%2frollcall.js',
    '/assets/....//index.html',
    '/assets/%00',
    '/assets/%c0%ae%c0%ae/index.html',
  ])('%s is a problem, and no file', async (url) => {
    const { status, type, body } = await asWritten(url);
    expect([400, 401, 403, 404]).toContain(status);
    expect(type).toMatch(/^application\/problem\+json/);
    expect(body).not.toContain('<div id="console">');
  });
});

describe('a server whose console was not built', () => {
  it('says so in words, and serves the API', async () => {
    const consoleFolder = mkdtempSync(join(tmpdir(), 'rollcall-no-console-'));
    const server = await buildServer(api.deployment, {
      keys: [{ role: 'viewer', key: 'k' }],
      logger: pino({ level: 'silent' }),
      consoleFolder,
    });
    try {
      const page = await server.inject({ url: '/', headers: { accept: BROWSER } });
      expect(page.statusCode).toBe(200);
      expect(page.body).toContain('console was not built');
      const root = await server.inject({ url: '/' });
      expect(root.json()).toMatchObject({ name: 'rollcall' });
      const asset = await server.inject({ url: '/assets/x.js', headers: { accept: BROWSER } });
      expect(asset.statusCode).toBe(404);
    } finally {
      await server.close();
      rmSync(consoleFolder, { recursive: true });
    }
  });
});

describe('what the console lists', () => {
  it('has the number of records of a type, if that is asked for', async () => {
    const declared = { attributes: { age: { type: 'number' } } };
    await api.call('PUT', '/v1/object-types/contacts', declared);
    for (const id of ['a', 'b', 'c'])
      await api.call('PUT', `/v1/records/contacts/${id}`, { age: 20 });
    await api.call('DELETE', '/v1/records/contacts/c');
    const counted = await api.call('GET', '/v1/object-types?fields=name,records');
    expect(counted.json().data).toEqual([{ name: 'contacts', records: 2 }]);
    const plain = await api.call('GET', '/v1/object-types');
    expect(plain.json().data[0]).not.toHaveProperty('records');
  });

  it('has each filter as a sentence that follows the titles it names', async () => {
    const rules = [{ field: 'age', operator: '>=', value: 18 }];
    const adults = {
      title: 'Adults',
      object_type: 'contacts',
      query: { combinator: 'and', rules },
    };
    await api.call('POST', '/v1/segments', { ...adults, slug: 'adults' });
    const inAdults = { field: '', operator: 'inSegment', value: 'adults' };
    const query = { combinator: 'and', rules: [inAdults] };
    await api.call('POST', '/v1/segments', { ...adults, title: 'Two', slug: 'two', query });
    const sentences = async () => {
      const { data } = (await api.call('GET', '/v1/segments?fields=words')).json();
      return data.map(({ words }: { words: string }) => words);
    };
    expect(await sentences()).toEqual([
      'Contacts whose age is at least 18',
      'Contacts that are in the segment “Adults”',
    ]);
    const before = (await api.call('GET', '/v1/segments/two')).headers.etag;
    await api.call('PATCH', '/v1/segments/adults', { title: 'Grown-ups' });
    expect((await sentences())[1]).toBe('Contacts that are in the segment “Grown-ups”');
    const after = (await api.call('GET', '/v1/segments/two')).headers.etag;
    expect(after).toBe(before);
  });
});

describe('what the list of segments needs before it is seen', () => {
  const FIRST_MAX = 200_000;

  interface Chunk {
    readonly file: string;
    readonly css?: readonly string[];
    readonly imports?: readonly string[];
  }

  it(`is under ${FIRST_MAX / 1000} kB as gzip, with the font that English needs`, () => {
    const read = (name: string) => readFileSync(join(CONSOLE_FOLDER, name));
    const chunks: Record<string, Chunk> = JSON.parse(String(read('.vite/manifest.json')));
    const needed = new Set<string>();
    const need = (name: string): void => {
      const { file, css = [], imports = [] } = chunks[name]!;
      for (const each of [file, ...css]) needed.add(each);
      for (const each of imports) need(each);
    };
    need('index.html');
    need('pages/segments/segments-page.tsx');
    const sizes = [...needed].map((file) => read(`${file}.gz`).length);
    const font = Object.values(chunks).find(({ file }) => /geist-latin-wght/.test(file))!;
    const bytes = [...sizes, read(font.file).length].reduce((sum, each) => sum + each, 0);
    expect(sizes.length).toBeGreaterThan(4);
    expect(bytes).toBeLessThan(FIRST_MAX);
  });
});
