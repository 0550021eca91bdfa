/**
 * webhooks-shares.test.ts – Receivers that take a request and never answer hold up nobody else, and
 * are never asked by more than their share of the lanes at once.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, send } from '../support/deployment.ts';
import { openReceiver, type Receiver } from '../support/receiver.ts';
import {
  declareView,
  openWebhookDeployment,
  put,
  type WebhookDeployment,
} from '../support/webhooks.ts';

const HANGING = 6;
const RECORDS = 200;
const QUARTER = 32;

interface Hanging {
  readonly url: string;
  /** Requests that wait for their answer now, and the most that there were. */
  now: number;
  most: number;
  close(): Promise<void>;
}

async function openHanging(): Promise<Hanging> {
  const hanging: Hanging = { url: '', now: 0, most: 0, close: async () => {} };
  const server: Server = createServer((_, response) => {
    hanging.now += 1;
    hanging.most = Math.max(hanging.most, hanging.now);
    response.on('close', () => {
      hanging.now -= 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return Object.assign(hanging, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close,
  });
}

let opened: WebhookDeployment;
let live: Receiver;
const hanging: Hanging[] = [];

beforeAll(async () => {
  opened = await openWebhookDeployment();
  await declareView(opened.deployment);
  live = await openReceiver();
  for (let n = 0; n < HANGING; n++) hanging.push(await openHanging());
});
afterAll(async () => {
  await opened.close();
  await live.close();
  for (const one of hanging) await one.close();
});

it('a receiver that answers is told everything while six others answer nothing', async () => {
  for (const { url } of hanging) await opened.activate(url);
  await opened.activate(live.url);
  const all = Array.from({ length: RECORDS }, (_, n) => put(`r${n}`, true));
  await send(opened.deployment, all);
  await eventually('the hanging ones have requests', () => hanging.every(({ now }) => now > 0));
  await eventually('the live one is told of all', () => live.taken.size === RECORDS, 30_000);
  // Nobody of the others has answered: with all lanes taken by them nothing could have come.
  expect(hanging.every(({ now }) => now > 0)).toBe(true);
  await send(
    opened.deployment,
    all.map(({ id }) => put(id, false)),
  );
  await eventually('and of what comes later', () => live.taken.size === 2 * RECORDS, 30_000);
  for (const { most } of hanging) expect(most).toBeLessThanOrEqual(QUARTER);
}, 90_000);
