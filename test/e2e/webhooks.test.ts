/**
 * webhooks.test.ts – What an activation's receiver gets: every coming and going, in the order of its record, signed, at least
 * once and only doubled under the same id; what happens when the receiver fails, for a while or for good.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually, send } from '../support/deployment.ts';
import { openReceiver, type Receiver } from '../support/receiver.ts';
import { declareView, openWebhookDeployment, put, VIEW, type WebhookDeployment } from '../support/webhooks.ts';

let opened: WebhookDeployment;
let receiver: Receiver;

beforeAll(async () => {
  opened = await openWebhookDeployment({
    limits: { firstDelayMs: 10, attemptsMax: 4, disableAfterFailures: 30, disableAfterMs: 0 },
  });
  await declareView(opened.deployment);
  receiver = await openReceiver();
});
afterAll(async () => {
  await opened.close();
  await receiver.close();
});
afterEach(async () => {
  for (const { id } of await opened.deployment.activations.list(VIEW))
    await opened.deployment.activations.remove(VIEW, id);
  receiver.received.length = 0;
  receiver.secret = undefined;
  receiver.answer = () => 204;
  receiver.headers = {};
});

const types = () => receiver.delivered().map(({ type, record }) => `${record} ${type}`);

describe('an activation', () => {
  it('tells who enters and who leaves, with the columns of the view, signed', async () => {
    const { signed, activation } = await opened.activate(receiver.url);
    receiver.secret = signed;
    await send(opened.deployment, [put('a', true, 'Ada')]);
    await eventually('ada is told', () => receiver.delivered().length === 1);
    await send(opened.deployment, [put('a', true, 'Ada L.'), put('a', false, 'Ada L.')]);
    await eventually('and again', () => receiver.delivered().length === 2);
    expect(receiver.unverified).toEqual([]);
    expect(receiver.delivered()).toMatchObject([
      {
        type: 'member.entered',
        data: { view: VIEW, segment: VIEW, object_type: 'contacts', id: 'a', columns: { name: 'Ada', n: 1 } },
      },
      { type: 'member.left', data: { id: 'a', columns: { name: 'Ada L.', n: 100 } } },
    ]);
    await eventually('it is counted', async () => (await opened.webhooks.state(activation)).delivered === 2);
    expect(await opened.webhooks.state(activation)).toMatchObject({ status: 'active', pending: 0, dead: 0 });
  });

  it('tells only the events that it asks for', async () => {
    await opened.activate(receiver.url, { events: ['left'] });
    await send(opened.deployment, [put('b', true)]);
    await send(opened.deployment, [put('b', false)]);
    await eventually('b is told', () => receiver.delivered().length > 0);
    expect(types()).toEqual(['b member.left']);
  });
});
