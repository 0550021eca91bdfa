/**
 * roles.test.ts – Who may write what, by a table that shares nothing with the server's: editors
 * write records and changes, and everything else that is written needs a master, a super admin or a
 * service.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROLES, type Role } from '../../src/config.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { ROUTE_NEEDS } from '../support/routes.ts';

const WRITERS: readonly Role[] = ['master', 'super_admin', 'service'];

const FOR_EVERYBODY = [
  'GET /v1/object-types',
  'GET /v1/object-types/:name',
  'GET /v1/records/:type',
  'GET /v1/records/:type/:id',
  'GET /v1/records/:type/:id/segments',
  'GET /v1/operators',
  'GET /v1/segments',
  'GET /v1/segments/:slug',
  'GET /v1/segments/:slug/revisions',
  'POST /v1/segments/counts',
  'GET /v1/segments/counts',
  'POST /v1/segments/overlap',
  'POST /v1/segments/preview',
  'GET /v1/segments/:slug/explain/:id',
  'POST /v1/segments/explain',
  'POST /v1/segments/history',
  'GET /v1/segments/:slug/members',
  'GET /v1/segments/:slug/members/:id',
  'POST /v1/memberships/lookup',
  'GET /v1/segments/:slug/changes',
  'GET /v1/memberships/changes',
  'GET /v1/views',
  'GET /v1/views/:slug',
  'GET /v1/views/:slug/rows',
  'GET /v1/views/:slug/activations',
  'GET /v1/views/:slug/activations/:activation',
  'GET /v1/views/:slug/activations/:activation/sync',
  'GET /v1/views/:slug/activations/:activation/dead-letters',
  'GET /v1/seeds',
  'GET /v1/jobs',
  'GET /v1/audits',
  'GET /v1/audits/:audit',
  'GET /v1/jobs/:id',
  'GET /v1/jobs/:id/result',
  'GET /v1/jobs/:id/errors',
  'POST /v1/session',
  'GET /v1/session',
  'DELETE /v1/session',
  'POST /v1/records/:type/query',
  'GET /v1/info',
  'GET /v1/stream',
  'GET /v1/activations',
  'GET /v1/object-types/:name/values',
  'GET /',
  'GET /openapi.json',
  'GET /healthz',
  'GET /readyz',
  'GET /metrics',
];
const FOR_EDITORS = [
  'PUT /v1/records/:type/:id',
  'PATCH /v1/records/:type/:id',
  'DELETE /v1/records/:type/:id',
  'POST /v1/records/:type/:id/archive',
  'POST /v1/records/:type/:id/restore',
  'POST /v1/changes',
];
const FOR_WRITERS = [
  'PUT /v1/object-types/:name',
  'DELETE /v1/object-types/:name',
  'POST /v1/segments',
  'PUT /v1/segments/:slug',
  'PATCH /v1/segments/:slug',
  'DELETE /v1/segments/:slug',
  'POST /v1/segments/:slug/restore',
  'POST /v1/segments/:slug/duplicate',
  'POST /v1/segments/:slug/rebuild',
  'POST /v1/views',
  'PUT /v1/views/:slug',
  'PATCH /v1/views/:slug',
  'DELETE /v1/views/:slug',
  'POST /v1/views/:slug/activations',
  'PATCH /v1/views/:slug/activations/:activation',
  'DELETE /v1/views/:slug/activations/:activation',
  'POST /v1/views/:slug/activations/:activation/enable',
  'POST /v1/views/:slug/activations/:activation/test',
  'POST /v1/views/:slug/activations/:activation/sync',
  'POST /v1/views/:slug/activations/:activation/dead-letters/redeliver',
  'POST /v1/seeds',
  'POST /v1/imports/:type',
  'POST /v1/exports/:type',
  'GET /v1/dead-letters',
  'POST /v1/audits',
  'GET /v1/dead-letters/:letter',
  'POST /v1/dead-letters/:letter/retry',
  'DELETE /v1/dead-letters/:letter',
];

const ALLOWED: Readonly<Record<string, readonly Role[]>> = Object.fromEntries([
  ...FOR_EVERYBODY.map((route) => [route, ROLES]),
  ...FOR_EDITORS.map((route) => [route, [...WRITERS, 'editor']]),
  ...FOR_WRITERS.map((route) => [route, WRITERS]),
]);

it('every route is in the table', () => {
  expect(Object.keys(ALLOWED).sort()).toEqual(Object.keys(ROUTE_NEEDS).sort());
});

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
});
afterAll(() => api.close());

describe.each(Object.keys(ROUTE_NEEDS))('%s', (route) => {
  it.each(ROLES)('as %s', async (role) => {
    const [method, url] = route.split(' ') as [string, string];
    const { statusCode } = await api.call(method, url.replaceAll(/:\w+/g, 'nobody'), undefined, {
      role,
    });
    if (ALLOWED[route]!.includes(role)) expect([401, 403]).not.toContain(statusCode);
    else expect(statusCode).toBe(403);
  });
});

it('the routes of seeds, imports and exports are among them', () => {
  const routes = Object.keys(ROUTE_NEEDS);
  for (const route of ['POST /v1/seeds', 'POST /v1/imports/:type', 'POST /v1/exports/:type']) {
    expect(routes).toContain(route);
    expect(ALLOWED[route]).toEqual(WRITERS);
  }
});
