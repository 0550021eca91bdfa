/**
 * time.test.ts – Members enter and leave when their time has come, as somebody sees it who does
 * nothing but ask: over HTTP, by the real clock, across relationships, and after the server was
 * killed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, type TestContext } from 'vitest';
import { dataFolder, runCli, type Served, serve } from '../support/cli.ts';
import { eventually } from '../support/deployment.ts';

/** A server for one test: they wait for their moments at once. */
async function start({
  onTestFinished,
}: Pick<TestContext, 'onTestFinished'>): Promise<{ served: Served; folder: string }> {
  const folder = dataFolder();
  onTestFinished(() => folder.remove());
  const served = await serve({ ROLLCALL_DATA: folder.path });
  onTestFinished(async () => void (await served.stop()));
  return { served, folder: folder.path };
}

const group = (...rules: unknown[]) => ({ combinator: 'and', rules });
const inLast = (amount: number) => ({
  field: 'seen_at',
  operator: 'inLast',
  value: { amount, unit: 'second' },
});

async function declare(
  { call }: Served,
  segments: Readonly<Record<string, readonly [string, unknown]>>,
): Promise<void> {
  const seenAt = { seen_at: { type: 'datetime' } };
  await call('PUT', '/v1/object-types/organizations', { attributes: { name: { type: 'string' } } });
  const relationships = {
    organization: {
      to: 'organizations',
      key: 'organization_id',
      cardinality: 'one',
      inverse: 'contacts',
    },
  };
  expect(
    (await call('PUT', '/v1/object-types/contacts', { attributes: seenAt, relationships })).status,
  ).toBe(201);
  for (const [slug, [object_type, query]] of Object.entries(segments)) {
    const answer = await call('POST', '/v1/segments', { title: slug, slug, object_type, query });
    expect(answer.status, await answer.clone().text()).toBe(201);
  }
  for (const slug of Object.keys(segments))
    await eventually(`${slug} is built`, async () => (await count({ call }, slug)) === 0);
}

async function count(
  { call }: Pick<Served, 'call'>,
  slug: string,
  consistency = 'strong',
): Promise<number | null> {
  const answer = await call('POST', '/v1/segments/counts', { slugs: [slug], consistency });
  const { counts } = (await answer.json()) as { counts: { count: number | null }[] };
  return counts[0]!.count;
}

async function put({ call }: Served, id: string, data: object): Promise<void> {
  const answer = await call('PUT', `/v1/records/contacts/${id}`, data);
  expect([200, 201]).toContain(answer.status);
}

const until = (ms: number) => sleep(Math.max(0, ms - Date.now()));

/** Expects a number that holds until a moment: an answer that came too late says nothing. */
async function expectBefore(
  momentMs: number,
  served: Served,
  slug: string,
  expected: number,
): Promise<void> {
  const seen = await count(served, slug);
  if (Date.now() < momentMs) expect(seen).toBe(expected);
}

describe.concurrent('a segment that moves with time', () => {
  it('“seen in the last 3 seconds” has a record at once, and loses it at its third second with nobody asking', async (test) => {
    const { served } = await start(test);
    await declare(served, { recent: ['contacts', group(inLast(3))] });
    const seenMs = Date.now();
    await put(served, 'ann', { seen_at: new Date(seenMs).toISOString() });
    await expectBefore(seenMs + 3000, served, 'recent', 1);
    await until(seenMs + 3000);
    expect(await count(served, 'recent')).toBe(0);
    const again = Date.now();
    await put(served, 'ann', { seen_at: new Date(again).toISOString() });
    await until(again + 3000);
    // Nobody asks for a number that is right as of now: the engine is awake by itself.
    const isGone = async () => (await count(served, 'recent', 'eventual')) === 0;
    await eventually('it has left', isGone);
  });

  it('“in the next 2 seconds” has a record as soon as it is so close, and only until its moment comes', async (test) => {
    const { served } = await start(test);
    const soon = { field: 'seen_at', operator: 'inNext', value: { amount: 2, unit: 'second' } };
    await declare(served, { soon: ['contacts', group(soon)] });
    const momentMs = Date.now() + 4000;
    await put(served, 'ann', { seen_at: new Date(momentMs).toISOString() });
    await expectBefore(momentMs - 2000, served, 'soon', 0);
    await until(momentMs - 2000);
    await expectBefore(momentMs, served, 'soon', 1);
    await until(momentMs);
    expect(await count(served, 'soon')).toBe(0);
  });

  it('through a relationship takes those along who look at it', async (test) => {
    const { served } = await start(test);
    const many = {
      field: 'contacts',
      match: { mode: 'atLeast', threshold: 2 },
      value: group(inLast(3)),
    };
    const busy = group(many);
    const lively = group({
      field: 'organization.contacts',
      match: { mode: 'some' },
      value: group(inLast(3)),
    });
    await declare(served, { busy: ['organizations', busy], lively: ['contacts', lively] });
    await served.call('PUT', '/v1/records/organizations/acme', { name: 'Acme' });
    const seenMs = Date.now();
    for (const id of ['ann', 'bob'])
      await put(served, id, { organization_id: 'acme', seen_at: new Date(seenMs).toISOString() });
    await put(served, 'cid', { organization_id: 'acme' });
    await expectBefore(seenMs + 3000, served, 'busy', 1);
    await expectBefore(seenMs + 3000, served, 'lively', 3);
    await until(seenMs + 3000);
    expect(await count(served, 'busy')).toBe(0);
    expect(await count(served, 'lively')).toBe(0);
  });

  it('is right as soon as the server is ready again, after it was killed before a window ended', async (test) => {
    const { served, folder } = await start(test);
    await declare(served, {
      recent: ['contacts', group(inLast(4))],
      quiet: ['contacts', group({ ...inLast(4), operator: 'notInLast' })],
    });
    const seenMs = Date.now();
    for (let i = 0; i < 50; i++)
      await put(served, `c${i}`, { seen_at: new Date(seenMs).toISOString() });
    await expectBefore(seenMs + 4000, served, 'recent', 50);
    await served.kill9();
    await until(seenMs + 4000);
    const next = await serve({ ROLLCALL_DATA: folder });
    const readyMs = Date.now();
    test.onTestFinished(async () => void (await next.stop()));
    expect(await count(next, 'recent')).toBe(0);
    expect(await count(next, 'quiet')).toBe(50);
    console.log(`right ${Date.now() - readyMs} ms after it said that it is ready`);
    const audit = await runCli(['audit'], { REDIS_URL: next.redis.url });
    expect(audit.stdout).toContain('Zero differences.');
  });
});
