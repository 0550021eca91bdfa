/**
 * roles.test.ts – Who may write what, by a table that shares nothing with the server's: editors
 * write records and changes, and everything else that is written needs a master, a super admin or a
 * service.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTE_NEEDS } from '../../src/api/roles.ts';
import { ROLES, type Role } from '../../src/config.ts';
import { openTestApi, type TestApi } from '../support/api.ts';

const WRITERS: readonly Role[] = ['master', 'super_admin', 'service'];
/** Requests that are no GET and yet write no definition. */
const WRITES_RECORDS = /^(?:PUT|PATCH|DELETE) \/v1\/records\/|^POST \/v1\/(?:changes|records\/.*)$/;
const READS = /^POST \/v1\/(?:segments\/(?:counts|preview|overlap)|memberships\/lookup)$/;

function allowed(route: string): readonly Role[] {
  if (route.startsWith('GET ') || READS.test(route)) return ROLES;
  return WRITES_RECORDS.test(route) ? [...WRITERS, 'editor'] : WRITERS;
}

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
    if (allowed(route).includes(role)) expect([401, 403]).not.toContain(statusCode);
    else expect(statusCode).toBe(403);
  });
});

it('the routes of seeds, imports and exports are among them', () => {
  const routes = Object.keys(ROUTE_NEEDS);
  for (const route of ['POST /v1/seeds', 'POST /v1/imports/:type', 'POST /v1/exports/:type']) {
    expect(routes).toContain(route);
    expect(allowed(route)).toEqual(WRITERS);
  }
});
