/**
 * webhook-outage.test.ts – A receiver that fails one call in three, in turns with an error and with
 * a lost answer, and that is down for a while: it gets every event, in the order of its record,
 * signed, and doubled only under the same id.
 *
 * With ROLLCALL_SOAK=1 at full size: 10,000 events, 20 s down.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { eventually, send } from '../support/deployment.ts';
import { faultsOf, openReceiver } from '../support/receiver.ts';
import { declareView, openWebhookDeployment, put } from '../support/webhooks.ts';

const isSoak = process.env['ROLLCALL_SOAK'] === '1';
const RECORDS = isSoak ? 1000 : 250;
/** In each every record enters, or leaves. */
const ROUNDS = isSoak ? 10 : 8;
const DOWN_MS = isSoak ? 20_000 : 3000;
const EVENTS = RECORDS * ROUNDS;

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

it(`${EVENTS} events reach a receiver that fails one call in three and is down for ${DOWN_MS / 1000} s`, async () => {
  const opened = await openWebhookDeployment();
  cleanups.push(opened.close);
  await declareView(opened.deployment);
  const receiver = await openReceiver();
  cleanups.push(receiver.close);
  const { signed, activation } = await opened.activate(receiver.url);
  receiver.secret = signed;
  receiver.answer = (n) => (n % 3 > 0 ? 204 : n % 2 > 0 ? 500 : 'lost');

  const startedMs = Date.now();
  const sending = (async () => {
    for (let round = 0; round < ROUNDS; round++) {
      await send(
        opened.deployment,
        Array.from({ length: RECORDS }, (_, n) => put(`r${n}`, round % 2 === 0)),
      );
    }
  })();
  await eventually('a third is delivered', () => receiver.taken.size > EVENTS / 3, 60_000);
  await receiver.down();
  await sleep(DOWN_MS);
  await receiver.up();
  await sending;
  await eventually('all is delivered', () => receiver.taken.size === EVENTS, 240_000);
  const tookMs = Date.now() - startedMs;

  expect(receiver.unverified).toEqual([]);
  expect(faultsOf(receiver)).toEqual([]);
  await eventually(
    'nothing is left',
    async () => (await opened.webhooks.state(activation)).pending === 0,
  );
  expect(await opened.webhooks.state(activation)).toMatchObject({
    status: 'active',
    delivered: EVENTS,
    dead: 0,
  });
  const { received } = receiver;
  const answered = received.filter(({ status }) => status < 300).length;
  console.log(
    `${EVENTS} events in ${(tookMs / 1000).toFixed(1)} s (down for ` +
      `${DOWN_MS / 1000} s): ${received.length} requests, ` +
      `${received.length - answered} refused, ${answered - EVENTS} doubled`,
  );
}, 300_000);
