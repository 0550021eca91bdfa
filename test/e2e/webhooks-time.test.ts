/**
 * webhooks-time.test.ts – What an activation's receiver gets when nothing is written, and only time
 * passes: by the real clock.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSegment, eventually, send } from '../support/deployment.ts';
import { faultsOf, openReceiver, type Receiver } from '../support/receiver.ts';
import { openWebhookDeployment, type WebhookDeployment } from '../support/webhooks.ts';

const WINDOW_MS = 2000;
const inWindow = {
  combinator: 'and',
  rules: [
    { field: 'seen_at', operator: 'inLast', value: { amount: WINDOW_MS / 1000, unit: 'second' } },
  ],
};

let opened: WebhookDeployment;
let receiver: Receiver;

beforeAll(async () => {
  opened = await openWebhookDeployment();
  const { deployment } = opened;
  await deployment.objectTypes.put('organizations', { attributes: { name: { type: 'string' } } });
  await deployment.objectTypes.put('contacts', {
    attributes: { seen_at: { type: 'datetime' } },
    relationships: {
      organization: {
        to: 'organizations',
        key: 'organization_id',
        cardinality: 'one',
        inverse: 'contacts',
      },
    },
  });
  const busy = {
    combinator: 'and',
    rules: [{ field: 'contacts', match: { mode: 'some' }, value: inWindow }],
  };
  await createSegment(deployment, 'recent', 'contacts', inWindow);
  await createSegment(deployment, 'busy', 'organizations', busy);
  await deployment.views.create({
    title: 'Recent',
    slug: 'recent-rows',
    object_type: 'contacts',
    segment: 'recent',
    columns: [{ path: 'organization.name' }],
  });
  await deployment.views.create({
    title: 'Busy',
    slug: 'busy-rows',
    object_type: 'organizations',
    segment: 'busy',
    columns: [{ path: 'name' }],
  });
  receiver = await openReceiver();
  for (const view of ['recent-rows', 'busy-rows'])
    await deployment.activations.create(view, { url: receiver.url });
  await opened.webhooks.adopted();
});
afterAll(async () => {
  await opened.close();
  await receiver.close();
});
beforeEach(() => {
  receiver.received.length = 0;
  receiver.taken.clear();
});

const told = (id: string) => receiver.delivered().filter(({ record }) => record === id);
const typesOf = (id: string) => told(id).map(({ type }) => type);

/** When an event says that it happened. */
function atMs(event: { readonly body: string }): number {
  return Date.parse((JSON.parse(event.body) as { timestamp: string }).timestamp);
}

describe('a view over a window of time', () => {
  it('tells who enters it and who leaves it with nothing written meanwhile, and across a relationship', async () => {
    const momentMs = Date.now() + 1500;
    await send(opened.deployment, [
      { op: 'put', object_type: 'organizations', id: 'acme', data: { name: 'Acme' } },
      {
        op: 'put',
        object_type: 'contacts',
        id: 'ann',
        data: { organization_id: 'acme', seen_at: new Date(momentMs).toISOString() },
      },
    ]);
    for (const id of ['ann', 'acme'])
      await eventually(`${id} left`, () => typesOf(id).includes('member.left'));
    for (const id of ['ann', 'acme']) {
      expect(typesOf(id)).toEqual(['member.entered', 'member.left']);
      const [entered, left] = told(id);
      expect(atMs(entered!)).toBeGreaterThanOrEqual(momentMs);
      expect(atMs(left!)).toBeGreaterThanOrEqual(momentMs + WINDOW_MS);
    }
    expect(told('ann')[0]!.data).toMatchObject({
      view: 'recent-rows',
      columns: { 'organization.name': 'Acme' },
    });
    expect(told('acme')[1]!.data).toMatchObject({ view: 'busy-rows', columns: { name: 'Acme' } });
    expect(faultsOf(receiver)).toEqual([]);
  });

  it('tells who was seen at once, and that it left when its time has run out', async () => {
    const put = (seenMs: number) =>
      send(opened.deployment, [
        {
          op: 'put',
          object_type: 'contacts',
          id: 'bob',
          data: { seen_at: new Date(seenMs).toISOString() },
        },
      ]);
    const seenMs = Date.now();
    await put(seenMs);
    await put(seenMs + 1); // still a member: not told twice
    await eventually('bob left', () => typesOf('bob').includes('member.left'));
    expect(typesOf('bob')).toEqual(['member.entered', 'member.left']);
    expect(atMs(told('bob')[1]!)).toBeGreaterThanOrEqual(seenMs + 1 + WINDOW_MS);
  });
});
