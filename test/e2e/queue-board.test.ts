/**
 * queue-board.test.ts – The board of queues is there for masters and super admins, as a browser
 * sends them or as everybody else does.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROLES } from '../../src/config.ts';
import { openTestApi, type TestApi } from '../support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
});
afterAll(() => api.close());

const PATHS = [
  ['GET', '/admin/queues'],
  ['GET', '/admin/queues/'],
  ['GET', '/admin/queues/queue/jobs'],
  ['GET', '/admin/queues/api/queues'],
  ['GET', '/admin/queues/static/favicon.ico'],
  ['PUT', '/admin/queues/api/queues/jobs/pause'],
  ['PUT', '/admin/queues/api/queues/jobs/resume'],
] as const;

const ask = (method: string, url: string, authorization?: string) =>
  api.server.inject({
    method: method as 'GET',
    url,
    headers: authorization ? { authorization } : {},
  });
const basic = (key: string) => `Basic ${Buffer.from(`anybody:${key}`).toString('base64')}`;

describe.each(PATHS)('%s %s', (method, url) => {
  it('is for masters and super admins only', async () => {
    for (const role of ROLES) {
      for (const sent of [`Bearer the-key-of-the-${role}`, basic(`the-key-of-the-${role}`)]) {
        const answer = await ask(method, url, sent);
        if (role === 'master' || role === 'super_admin') expect(answer.statusCode).toBe(200);
        else expect(answer.json()).toMatchObject({ status: 403, code: 'role_insufficient' });
      }
    }
  });

  it('makes a browser ask for the key', async () => {
    for (const sent of [undefined, basic('nobody'), 'Basic x', 'Bearer nobody']) {
      const answer = await ask(method, url, sent);
      expect(answer.json()).toMatchObject({ status: 401, code: 'key_missing' });
      expect(answer.headers['www-authenticate']).toBe('Basic realm="rollcall"');
    }
  });
});

it('shows the jobs', async () => {
  await api.call('PUT', '/v1/object-types/contacts', {});
  const { id } = await api.ended(await api.call('POST', '/v1/exports/contacts'));
  const shown = await ask(
    'GET',
    '/admin/queues/api/queues?activeQueue=jobs&page=1',
    basic('the-key-of-the-master'),
  );
  const { queues } = shown.json();
  expect(queues.map(({ name }: { name: string }) => name)).toEqual([
    'jobs',
    'changes',
    'webhooks',
    'webhook-syncs',
  ]);
  expect(queues[0].jobs).toMatchObject([{ id, name: 'export', isFailed: false }]);
});

it('is not written to from the pages of another site, which a browser would send the key for too', async () => {
  const authorization = basic('the-key-of-the-master');
  const from = (method: string, url: string, headers: Record<string, string>) =>
    api.server.inject({
      method: method as 'GET',
      url,
      headers: { authorization, host: 'rollcall.test:8787', ...headers },
    });
  const add = '/admin/queues/api/queues/jobs/add';
  const elsewhere = [
    { origin: 'http://evil.test' },
    { origin: 'null' },
    { origin: 'http://rollcall.test' },
  ];
  for (const sent of [
    ...elsewhere,
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ]) {
    for (const [method, url] of [
      ['POST', add],
      ...PATHS.filter(([each]) => each === 'PUT'),
    ] as const)
      expect((await from(method, url, sent)).json()).toMatchObject({
        status: 403,
        code: 'origin_refused',
      });
    expect((await from('GET', '/admin/queues', sent)).statusCode).toBe(200); // a link from there
  }
  const own = { origin: 'https://rollcall.test:8787', 'sec-fetch-site': 'same-origin' };
  for (const [method, url] of PATHS) expect((await from(method, url, own)).statusCode).toBe(200);
  expect((await api.call('GET', '/v1/jobs')).statusCode).toBe(200);
});

it('may add a job of its own making, which is none of the jobs of the API', async () => {
  const authorization = basic('the-key-of-the-master');
  const url = '/admin/queues/api/queues/jobs/add';
  const added = await api.server.inject({ method: 'POST', url, headers: { authorization } });
  expect(added.statusCode).toBe(200);
  const listed = await api.call('GET', '/v1/jobs');
  expect(listed.statusCode).toBe(200);
  for (const { id } of listed.json().data) expect(id).toMatch(/^job-/);
});

it('answers what is not there with a problem', async () => {
  const answer = await ask(
    'GET',
    '/admin/queues/api/queues/nobody/1',
    basic('the-key-of-the-master'),
  );
  expect(answer.statusCode).toBe(404);
});
