/**
 * ask.test.ts – Writes are carried out once however often they are sent; refusals are typed.
 */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ask, askAll, askTagged } from '../../../src/console/server/ask.ts';
import { isOvertaken, ServerRefusal } from '../../../src/console/server/refusal.ts';
import { sessionHasEnded, writesInDoubt } from '../../../src/console/server/signals.ts';

interface Sent {
  readonly path: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string | undefined;
}

let sent: Sent[] = [];

/** Answers each request with the next of these; an Error is no answer at all. */
function answerWith(...answers: readonly (Response | Error)[]): void {
  const left = [...answers];
  sent = [];
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    const { method, headers, body } = init;
    sent.push({
      path,
      method: method!,
      headers: new Headers(headers),
      body: body as string | undefined,
    });
    const answer = left.shift()!;
    if (answer instanceof Error) throw answer;
    return answer;
  });
}

const json = (status: number, value: unknown, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(value), { status, headers });

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('location', { origin: 'http://here' });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  sessionHasEnded.set(false);
});

it('a write without an answer is sent again under its key, and in doubt meanwhile', async () => {
  answerWith(new TypeError('lost'), json(503, { code: 'redis_unavailable' }), json(200, { ok: 1 }));
  const answer = ask('/v1/x', { method: 'PUT', body: { a: 1 } });
  await vi.advanceTimersByTimeAsync(100);
  expect(writesInDoubt.read()).toBe(1);
  await vi.advanceTimersByTimeAsync(5000);
  expect(await answer).toEqual({ ok: 1 });
  expect(writesInDoubt.read()).toBe(0);
  const keys = sent.map(({ headers }) => headers.get('idempotency-key'));
  expect(keys).toHaveLength(3);
  expect(new Set(keys).size).toBe(1);
  expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
  expect(sent.map(({ body }) => body)).toEqual(['{"a":1}', '{"a":1}', '{"a":1}']);
});

it('two writes have two keys, and a read has none and is sent once', async () => {
  answerWith(json(200, {}), json(200, {}), json(503, {}));
  await ask('/v1/x', { method: 'POST', body: {} });
  await ask('/v1/x', { method: 'POST', body: {} });
  await expect(ask('/v1/x', { method: 'POST', body: {}, reads: true })).rejects.toThrow(
    ServerRefusal,
  );
  const keys = sent.map(({ headers }) => headers.get('idempotency-key'));
  expect(keys[0]).not.toBe(keys[1]);
  expect(keys[2]).toBeNull();
  expect(sent).toHaveLength(3);
});

it('a write that stays without an answer is given up, and no longer in doubt', async () => {
  answerWith(...Array.from({ length: 20 }, () => new TypeError('lost')));
  const answer = ask('/v1/x', { method: 'DELETE' }).catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(120_000);
  expect(await answer).toMatchObject({ code: 'unreachable', status: 0 });
  expect(sent).toHaveLength(8);
  expect(writesInDoubt.read()).toBe(0);
});

it('a refusal has the code, the words and the places of the server', async () => {
  const faults = [{ path: '/query/rules/0', detail: 'no such field' }];
  const document = { code: 'query_invalid', title: 'T', detail: 'D', errors: faults, extra: 7 };
  answerWith(json(422, document), json(412, { code: 'precondition_failed' }));
  const refused = await ask('/v1/x', { method: 'PUT', body: {} }).catch((error: unknown) => error);
  expect(refused).toMatchObject({ status: 422, code: 'query_invalid', title: 'T', message: 'D' });
  expect(refused).toMatchObject({ faults, document: { extra: 7 } });
  const overtaken = await askTagged('/v1/x', { method: 'PUT', body: {}, ifMatch: '"1"' }).catch(
    (error: unknown) => error,
  );
  expect(isOvertaken(overtaken)).toBe(true);
  expect(sent[1]!.headers.get('if-match')).toBe('"1"');
});

it('the end of the session is told to the page', async () => {
  answerWith(json(401, { code: 'key_missing' }));
  await expect(ask('/v1/x')).rejects.toThrow(ServerRefusal);
  expect(sessionHasEnded.read()).toBe(true);
});

it('a list is read page by page, and a tag is given along', async () => {
  answerWith(
    json(200, { data: [1, 2], next_cursor: 'c' }),
    json(200, { data: [3], next_cursor: null }),
    json(200, { a: 1 }, { etag: '"7"' }),
  );
  expect(await askAll('/v1/x?fields=a')).toEqual([1, 2, 3]);
  expect(sent.map(({ path }) => path)).toEqual([
    '/v1/x?fields=a&limit=1000',
    '/v1/x?fields=a&limit=1000&cursor=c',
  ]);
  expect(await askTagged('/v1/x')).toEqual({ value: { a: 1 }, tag: '"7"' });
});
