/**
 * matches.test.ts – What a user sees of patterns: members as the reference says, flips as names
 * change, and refusals with their place.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { members as expected } from '../reference.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { eventually } from '../support/deployment.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
  const attributes = { email: { type: 'string' } };
  await api.call('PUT', '/v1/object-types/people', { attributes });
});
afterAll(() => api.close());

const EMAILS = ['ann@example.com', 'BOB@EXAMPLE.ORG', 'nobody', '', 'eve+1@example.com', undefined];
const RULES = [
  { operator: 'matches', value: '^[^@]+@example\\.(com|org)$' },
  { operator: 'matches', value: '^[^@]+@example\\.(com|org)$', caseInsensitive: true },
  { operator: 'doesNotMatch', value: '\\d' },
];

async function shown(slug: string): Promise<{ status: string; logic: unknown; ids: string[] }> {
  const segment = (await api.call('GET', `/v1/segments/${slug}`)).json();
  const { data } = (await api.call('GET', `/v1/segments/${slug}/members`)).json();
  const ids = (data ?? []).map(({ id }: { id: string }) => id).sort();
  return { status: segment.status, logic: segment.json_logic, ids };
}

it('holds for the records that the reference names, before and after they change', async () => {
  const records = EMAILS.map((email, n) => ({ id: `p${n}`, document: { email } }));
  const put = async ({ id, document }: (typeof records)[number]) =>
    expect((await api.call('PUT', `/v1/records/people/${id}`, document)).statusCode).toBeLessThan(
      300,
    );
  for (const record of records) await put(record);
  for (const [n, rule] of RULES.entries()) {
    const query = { combinator: 'and', rules: [{ field: 'email', ...rule }] };
    const body = { title: `p${n}`, slug: `pattern-${n}`, object_type: 'people', query };
    expect((await api.call('POST', '/v1/segments', body)).statusCode).toBe(201);
  }
  const agree = async () => {
    for (const n of RULES.keys()) {
      await eventually(`pattern-${n} is built`, async () => {
        return (await shown(`pattern-${n}`)).status === 'ready';
      });
      const { logic, ids } = await shown(`pattern-${n}`);
      expect(ids).toEqual(expected(logic, records));
    }
  };
  await agree();
  records[2] = { id: 'p2', document: { email: 'somebody@example.org' } };
  records[0] = { id: 'p0', document: { email: 'ann@example.net' } };
  await put(records[2]);
  await put(records[0]);
  await agree();
});

it('refuses a bad pattern with its place and the words of the library', async () => {
  const query = {
    combinator: 'and',
    rules: [{ field: 'email', operator: 'matches', value: 'a(' }],
  };
  const body = { title: 'bad', slug: 'bad', object_type: 'people', query };
  const answer = await api.call('POST', '/v1/segments', body);
  expect(answer.statusCode).toBe(422);
  expect(answer.json()).toMatchObject({
    code: 'query_invalid',
    errors: [
      { path: '/query/rules/0/value', detail: expect.stringContaining('missing closing )') },
    ],
  });
});
