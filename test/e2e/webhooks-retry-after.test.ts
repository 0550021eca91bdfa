/**
 * webhooks-retry-after.test.ts – A receiver that says when it may be asked again is left alone
 * until then, by all lanes.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readRetryAfter } from '../../src/jobs/retry-after.ts';
import { eventually, send } from '../support/deployment.ts';
import { openReceiver, type Receiver } from '../support/receiver.ts';
import {
  declareView,
  openWebhookDeployment,
  put,
  VIEW,
  type WebhookDeployment,
} from '../support/webhooks.ts';

const HOUR_MS = 3600_000;
let opened: WebhookDeployment;
let receiver: Receiver;

beforeAll(async () => {
  opened = await openWebhookDeployment({ limits: { firstDelayMs: 1, attemptsMax: 4 } });
  await declareView(opened.deployment);
});
afterAll(() => opened.close());
beforeEach(async () => {
  for (const { id } of await opened.deployment.activations.list(VIEW))
    await opened.deployment.activations.remove(VIEW, id);
  receiver = await openReceiver();
  return () => receiver.close();
});

const queue = () => opened.webhooks.queues.all[0]!;

/** How long the jobs of an activation's lanes wait, once all that hold something wait for long. */
async function held(id: string, lanes: number): Promise<number[]> {
  let delays: number[] = [];
  await eventually('every lane waits', async () => {
    const jobs = (await queue().getDelayed()).filter(({ data }) => data.activation === id);
    delays = jobs.map(({ delay }) => delay);
    return delays.length === lanes && delays.every((delay) => delay > 60_000);
  });
  return delays;
}

const lanesOf = async (id: string) => (await opened.webhooks.lanes.waiting(id)).length;

describe('a receiver that asks to wait', () => {
  it.each([
    ['429, in seconds', 429, () => '3000', 3000_000],
    ['503, by a date', 503, () => new Date(Date.now() + 3000_000).toUTCString(), 3000_000],
    ['500', 500, () => '3000', 3000_000],
    ['a redirect', 302, () => '3000', 3000_000],
    ['for days: an hour is enough', 503, () => '864000', HOUR_MS],
  ])('hears nothing from any lane until then: %s', async (_, status, header, waitMs) => {
    receiver.answer = () => status;
    receiver.headers = { 'retry-after': header() };
    const { activation } = await opened.activate(receiver.url);
    await send(opened.deployment, [put(`${status} ${waitMs}`, true)]);
    await held(activation.id, 1);
    const heard = receiver.received.length;
    await send(
      opened.deployment,
      Array.from({ length: 40 }, (__, n) => put(`${status} ${waitMs} ${n}`, true)),
    );
    await eventually(
      'all of it is pending',
      async () => (await opened.webhooks.state(activation)).pending === 41,
    );
    const delays = await held(activation.id, await lanesOf(activation.id));
    for (const delay of delays) {
      expect(delay).toBeGreaterThan(waitMs - 60_000);
      expect(delay).toBeLessThan(waitMs + 1000);
    }
    expect([heard, receiver.received.length]).toEqual([1, 1]);

    // it is enabled by hand: nobody waits any more
    receiver.answer = () => 204;
    await opened.webhooks.enable(activation);
    await eventually('all is delivered', () => receiver.taken.size === 41);
    expect(await opened.webhooks.state(activation)).toMatchObject({ status: 'active', dead: 0 });
    await send(opened.deployment, [put(`${status} ${waitMs} 0`, false)]);
    await eventually('what comes after is delivered', () => receiver.taken.size === 42);
  });

  it('is asked again when that is over, however often it asks', async () => {
    receiver.answer = (n) => (n < 3 ? 503 : 204);
    receiver.headers = { 'retry-after': '1' };
    await opened.activate(receiver.url);
    await send(opened.deployment, [put('again', true)]);
    await eventually('it is delivered', () => receiver.taken.size === 1);
    expect(receiver.received.map(({ status }) => status)).toEqual([503, 503, 204]);
    await send(opened.deployment, [put('again', false)]);
    await eventually(
      'a success that says it too holds nothing back',
      () => receiver.taken.size === 2,
    );
  });
});

describe('Retry-After', () => {
  const nowMs = Date.parse('2026-11-26T12:00:00Z');
  it.each<[string | string[] | undefined, number | undefined]>([
    ['120', 120_000],
    [' 120 ', 120_000],
    [['120', '5'], 120_000],
    ['Thu, 26 Nov 2026 12:02:00 GMT', 120_000],
    ['Thursday, 26-Nov-26 12:02:00 GMT', 120_000],
    ['Thu, 26 Nov 2026 11:00:00 GMT', undefined],
    ['0', undefined],
    ['-5', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['2026', 2_026_000],
    ['2026-11-26T12:02:00Z', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%j is a wait of %s ms', (header, waitMs) => {
    expect(readRetryAfter(header, nowMs)).toBe(waitMs);
  });
});
