/**
 * queue-board.test.ts – The board of queues is there for master keys, as a browser sends them or as everybody else does.
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
  api.server.inject({ method: method as 'GET', url, headers: authorization ? { authorization } : {} });
const basic = (key: string) => `Basic ${Buffer.from(`anybody:${key}`).toString('base64')}`;

describe.each(PATHS)('%s %s', (method, url) => {
  it('is for master keys only', async () => {
    for (const role of ROLES) {
      for (const sent of [`Bearer the-key-of-the-${role}`, basic(`the-key-of-the-${role}`)]) {
        const answer = await ask(method, url, sent);
        if (role === 'master') expect(answer.statusCode).toBe(200);
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
  const shown = await ask('GET', '/admin/queues/api/queues?activeQueue=jobs&page=1', basic('the-key-of-the-master'));
  const { queues } = shown.json();
  expect(queues.map(({ name }: { name: string }) => name)).toEqual(['jobs', 'changes', 'webhooks', 'webhook-syncs']);
  expect(queues[0].jobs).toMatchObject([{ id, name: 'export', isFailed: false }]);
});

it('answers what is not there with a problem', async () => {
  const answer = await ask('GET', '/admin/queues/api/queues/nobody/1', basic('the-key-of-the-master'));
  expect(answer.statusCode).toBe(404);
});
