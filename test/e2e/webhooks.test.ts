/**
 * webhooks.test.ts – What an activation's receiver gets: every coming and going, in the order of
 * its record, signed, at least once and only doubled under the same id; what happens when the
 * receiver fails, for a while or for good.
 */
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebhookWorker } from '../../src/jobs/webhook-worker.ts';
import { Webhooks } from '../../src/jobs/webhooks.ts';
import { built, eventually, openTestDeployment, send } from '../support/deployment.ts';
import { faultsOf, openReceiver, type Receiver } from '../support/receiver.ts';
import {
  declareView,
  openWebhookDeployment,
  put,
  VIEW,
  type WebhookDeployment,
} from '../support/webhooks.ts';

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
  receiver.taken.clear();
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
    await eventually('ada is told', () => receiver.taken.size === 1);
    await send(opened.deployment, [put('a', true, 'Ada L.'), put('a', false, 'Ada L.')]);
    await eventually('and again', () => receiver.taken.size === 2);
    expect(receiver.unverified).toEqual([]);
    expect(receiver.delivered()).toMatchObject([
      {
        type: 'member.entered',
        data: {
          view: VIEW,
          segment: VIEW,
          object_type: 'contacts',
          id: 'a',
          columns: { name: 'Ada', n: 1 },
        },
      },
      { type: 'member.left', data: { id: 'a', columns: { name: 'Ada L.', n: 100 } } },
    ]);
    await eventually(
      'it is counted',
      async () => (await opened.webhooks.state(activation)).delivered === 2,
    );
    expect(await opened.webhooks.state(activation)).toMatchObject({
      status: 'active',
      pending: 0,
      dead: 0,
    });
  });

  it('tells only the events that it asks for', async () => {
    await opened.activate(receiver.url, { events: ['left'] });
    await send(opened.deployment, [put('b', true)]);
    await send(opened.deployment, [put('b', false)]);
    await eventually('b is told', () => receiver.taken.size > 0);
    expect(types()).toEqual(['b member.left']);
  });
});

describe('a receiver that fails', () => {
  it('is tried again; after the last attempt the event is a dead letter, and the one after it goes on', async () => {
    const { activation, signed } = await opened.activate(receiver.url);
    receiver.secret = signed;
    receiver.answer = () => 500;
    await send(opened.deployment, [put('c', true)]);
    await eventually('c is dead', async () => (await opened.webhooks.state(activation)).dead === 1);
    expect(receiver.received.map(({ status }) => status)).toEqual([500, 500, 500, 500]);
    expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(1);
    const { letters } = await opened.webhooks.dead(activation, 10, undefined);
    expect(letters).toMatchObject([
      { id: receiver.received[0]!.id, attempts: 4, error: 'the receiver answered 500' },
    ]);

    receiver.answer = () => 204;
    await send(opened.deployment, [put('c', false)]);
    await eventually('the next one is told', () => receiver.taken.size === 1);
    expect(types()).toEqual(['c member.left']);
    expect(await opened.webhooks.redeliver(activation, undefined)).toBe(1);
    await eventually('the dead letter is told', () => receiver.taken.size === 2);
    expect(receiver.received.at(-1)).toMatchObject({
      id: letters[0]!.id,
      body: letters[0]!.body,
      status: 204,
    });
    expect((await opened.webhooks.state(activation)).dead).toBe(0);
    expect(receiver.unverified).toEqual([]);
  });

  it('gets back only the dead letters that are named, page by page', async () => {
    const { activation } = await opened.activate(receiver.url);
    receiver.answer = () => 404;
    await send(
      opened.deployment,
      ['d1', 'd2', 'd3', 'd4', 'd5'].map((id) => put(id, true)),
    );
    await eventually(
      'all are dead',
      async () => (await opened.webhooks.state(activation)).dead === 5,
    );
    const first = await opened.webhooks.dead(activation, 3, undefined);
    const second = await opened.webhooks.dead(activation, 3, first.next);
    expect([first.letters.length, second.letters.length, second.next]).toEqual([3, 2, undefined]);
    expect(new Set([...first.letters, ...second.letters].map(({ id }) => id)).size).toBe(5);
    receiver.answer = () => 204;
    expect(await opened.webhooks.redeliver(activation, [first.letters[1]!.id, 'evt_nobody'])).toBe(
      1,
    );
    await eventually('it is told', () => receiver.taken.size === 1);
    expect(receiver.taken.has(first.letters[1]!.id)).toBe(true);
    expect((await opened.webhooks.state(activation)).dead).toBe(4);
  });

  it('is disabled after a run of failures; what happens then is kept, and told in order when it is enabled', async () => {
    const { activation } = await opened.activate(receiver.url);
    receiver.answer = () => 503;
    const ids = Array.from({ length: 12 }, (_, n) => `e${n}`);
    await send(
      opened.deployment,
      ids.map((id) => put(id, true)),
    );
    const state = () => opened.webhooks.state(activation);
    await eventually('it is disabled', async () => (await state()).status === 'disabled');
    const { dead, pending, failures, lastError } = await state();
    expect(failures).toBeGreaterThanOrEqual(30);
    expect([dead + pending, lastError]).toEqual([12, 'the receiver answered 503']);

    await send(
      opened.deployment,
      ids.map((id) => put(id, false)),
    );
    await eventually('they are kept', async () => (await state()).pending === pending + 12);
    receiver.answer = () => 204;
    const requests = receiver.received.length;
    await opened.webhooks.enable(activation);
    await eventually('all is told', async () => (await state()).pending === 0);
    expect(receiver.taken.size).toBe(pending + 12);
    expect(await state()).toMatchObject({ status: 'active', failures: 0, disabledAt: undefined });
    for (const id of ids) {
      const told = receiver.received.slice(requests).filter(({ record }) => record === id);
      expect(told.at(-1)?.type).toBe('member.left');
    }
  });

  it('is disabled at once when it answers that it is gone', async () => {
    const { activation } = await opened.activate(receiver.url);
    receiver.answer = () => 410;
    await send(opened.deployment, [put('f', true)]);
    await eventually(
      'it is disabled',
      async () => (await opened.webhooks.state(activation)).status === 'disabled',
    );
    expect(receiver.received.length).toBe(1);
    expect((await opened.webhooks.state(activation)).pending).toBe(1);
  });

  it('that does not answer for one record holds up the records of its lane, and no others', async () => {
    const { activation } = await opened.activate(receiver.url);
    let answerFirst = (_: number): void => {};
    const first = new Promise<number>((resolve) => {
      answerFirst = resolve;
    });
    let requests = 0;
    receiver.answer = () => (requests++ === 0 ? first : 204);
    await send(
      opened.deployment,
      Array.from({ length: 40 }, (_, n) => put(`g${n}`, true)),
    );
    await eventually('most are told', () => receiver.taken.size >= 30);
    answerFirst(500);
    await eventually('all are told', () => receiver.taken.size === 40);
    expect((await opened.webhooks.state(activation)).dead).toBe(0);
  });
});

describe('a full sync', () => {
  it('tells every member once, with the columns, and says how far it has come', async () => {
    const { activation, signed } = await opened.activate(receiver.url);
    receiver.secret = signed;
    const ids = Array.from({ length: 700 }, (_, n) => `s${n}`);
    await send(
      opened.deployment,
      ids.map((id) => put(id, true)),
    );
    await eventually('they have entered', () => receiver.taken.size >= 700);
    const before = receiver.taken.size;
    const begun = await opened.webhooks.beginSync(activation);
    expect(begun).toMatchObject({ status: 'running', members: 0 });
    await eventually(
      'it is done',
      async () => (await opened.webhooks.sync(activation))?.status === 'done',
    );
    const { members, total } = (await opened.webhooks.sync(activation))!;
    expect([members, total]).toEqual([begun.total, begun.total]);
    await eventually('all are told', () => receiver.taken.size === before + total);
    const synced = receiver.delivered().filter(({ type }) => type === 'member.synced');
    expect(new Set(synced.map(({ record }) => record)).size).toBe(total);
    for (const { data } of synced)
      expect(data).toMatchObject({ view: VIEW, sync: begun.id, columns: { n: 1 } });
    expect(synced.find(({ record }) => record === 's7')?.data).toMatchObject({
      columns: { name: 's7' },
    });
    expect(receiver.unverified).toEqual([]);
  });

  it('among changes leaves a receiver that applies what it hears with the members there are', async () => {
    await opened.activate(receiver.url);
    const [activation] = await opened.deployment.activations.list(VIEW);
    const ids = Array.from({ length: 300 }, (_, n) => `t${n}`);
    for (let round = 0; round < 6; round++) {
      const syncing = round % 2 === 0 ? opened.webhooks.beginSync(activation!) : undefined;
      await send(
        opened.deployment,
        ids.map((id, n) => put(id, (n + round) % 3 > 0)),
      );
      await syncing;
    }
    await eventually(
      'it is done',
      async () => (await opened.webhooks.sync(activation!))?.status === 'done',
    );
    await eventually(
      'all is told',
      async () => (await opened.webhooks.state(activation!)).pending === 0,
    );
    const told = new Set<string>();
    for (const { type, record } of receiver.received) {
      if (type === 'member.left') told.delete(record);
      else told.add(record);
    }
    const members = ids.filter((_, n) => (n + 5) % 3 > 0).sort();
    expect([...told].filter((id) => id.startsWith('t')).sort()).toEqual(members);
  });
});

describe('what is committed', () => {
  it('while nobody emits waits in the partitions, and is told when somebody does', async () => {
    const deployment = await openTestDeployment({ webhookAllow: ['127.0.0.1'] });
    await declareView(deployment);
    const logger = pino({ level: 'silent' });
    const webhooks = new Webhooks({ deployment, logger });
    const { activation } = await deployment.activations.create(VIEW, { url: receiver.url });
    await webhooks.adopted();
    const ids = Array.from({ length: 50 }, (_, n) => `w${n}`);
    for (const isMember of [true, false, true])
      await send(
        deployment,
        ids.map((id) => put(id, isMember)),
      );
    const { redis, keys } = deployment;
    const entries = async () => {
      const lengths = await Promise.all(
        keys.partitions.map(({ activations }) => redis.xlen(activations)),
      );
      return lengths.reduce((all, length) => all + length, 0);
    };
    expect(await entries()).toBeGreaterThan(0);

    // Two at once: each brings all that it finds, and nothing comes twice.
    const open = () => new WebhookWorker({ deployment, webhooks, logger });
    const workers = [open(), open()];
    for (const worker of workers) worker.start();
    await eventually('all is told', () => receiver.taken.size === 150);
    await eventually('nothing waits any more', async () => (await entries()) === 0);
    expect(faultsOf(receiver)).toEqual([]);
    await eventually(
      'nothing is pending',
      async () => (await webhooks.state(activation)).pending === 0,
    );
    expect(receiver.received.length).toBe(150);
    await Promise.all(workers.map((worker) => worker.close()));
    await webhooks.close();
    await deployment.close();
  });

  it('by an edit of the segment is no event: a sync tells who is a member since', async () => {
    const { activation } = await opened.activate(receiver.url);
    await send(opened.deployment, [put('x', false), put('y', false)]);
    const below = (value: number) => ({
      combinator: 'and',
      rules: [{ field: 'n', operator: '<', value }],
    });
    await opened.deployment.segments.patch(VIEW, { query: below(101) });
    await built(opened.deployment);
    await send(opened.deployment, [
      { op: 'put', object_type: 'contacts', id: 'x', data: { n: 101, name: 'x' } },
    ]);
    await eventually('x is told', () => receiver.taken.size > 0);
    expect(types()).toEqual(['x member.left']);
    await opened.webhooks.beginSync(activation);
    await eventually('y is told', () => types().includes('y member.synced'));
    await opened.deployment.segments.patch(VIEW, { query: below(100) });
    await built(opened.deployment);
  });

  it('by an edit is told to those that ask for it, record by record, with the cause', async () => {
    const { segments, redis, keys } = opened.deployment;
    await send(opened.deployment, [put('v', true), put('w', false)]);
    await opened.activate(receiver.url, { on_edit: true });
    const query = { combinator: 'and', rules: [{ field: 'n', operator: '>', value: 99 }] };
    const { query: before } = opened.deployment.store.catalog.segments.get(VIEW)!;
    await segments.patch(VIEW, { query });
    const told = () =>
      receiver.delivered().map(({ type, record, data }) => [record, type, data['cause']].join(' '));
    await eventually('w is told', () => told().includes('w member.entered segment_edited'));
    await eventually('v is told', () => told().includes('v member.left segment_edited'));
    const isTold = async () =>
      (await Promise.all(keys.partitions.map(({ meta }) => redis.hget(meta, 'telling')))).every(
        (since) => since === null,
      );
    await eventually('all is told', isTold);
    expect(told().filter((each) => /^[vw] /.test(each))).toHaveLength(2);
    await segments.patch(VIEW, { query: before });
    await eventually('v is told again', () => told().includes('v member.entered segment_edited'));
    await eventually('all is told', isTold);
  });
});

describe('an activation that is deleted', () => {
  /** Keys and fields that name it, wherever: what a reader of Redis would still find. */
  async function kept(id: string): Promise<string[]> {
    const { redis, keys } = opened.deployment;
    const named = (await redis.keys(`*${id}*`)).filter((key) => key.includes(':activation:'));
    const lanes = (await redis.smembers(keys.webhooks.lanes)).filter((lane) => lane.startsWith(id));
    const secret = await redis.hexists(keys.catalog.webhookSecrets, id);
    return [...named, ...lanes, ...(secret ? ['its secret'] : [])];
  }

  it('gets no more, and leaves nothing behind', async () => {
    const { activation } = await opened.activate(receiver.url);
    receiver.answer = () => 500;
    await send(opened.deployment, [put('h', true)]);
    await eventually('it is tried', () => receiver.received.length > 0);
    await opened.deployment.activations.remove(VIEW, activation.id);
    await opened.webhooks.purge(activation.id);
    await eventually('nothing is left', async () => (await kept(activation.id)).length === 0);
    expect(await opened.deployment.activations.secretOf(activation.id)).toBeUndefined();
  });

  it('with its view leaves neither its secret nor what was pending and dead behind, whether it was told or not', async () => {
    const { views, store } = opened.deployment;
    const view = { ...store.catalog.views.get(VIEW)!, slug: 'passing', title: 'Passing' };
    const { object_type, columns, title, slug } = view;
    await views.create({ title, slug, object_type, columns, segment: VIEW });
    const quiet = await opened.deployment.activations.create('passing', { url: receiver.url });
    const dead = await opened.deployment.activations.create('passing', { url: receiver.url });
    await opened.webhooks.adopted();
    receiver.answer = () => 500;
    await send(opened.deployment, [put('i', true)]);
    await eventually(
      'it is dead',
      async () => (await opened.webhooks.state(dead.activation)).dead > 0,
      30_000,
    );
    await views.remove('passing');
    for (const { activation } of [quiet, dead]) {
      expect(await opened.deployment.activations.secretOf(activation.id)).toBeUndefined();
      await eventually(
        'nothing is left',
        async () => (await kept(activation.id)).length === 0,
        30_000,
      );
    }
  });

  it('by an earlier release has its secret removed', async () => {
    const { redis, keys, activations } = opened.deployment;
    const { activation } = await opened.activate(receiver.url);
    await redis.hset(keys.catalog.webhookSecrets, 'gone-long-ago', 'whsec_x');
    await opened.webhooks.purgeGone();
    expect(await redis.hkeys(keys.catalog.webhookSecrets)).toEqual([activation.id]);
    expect(await activations.secretOf(activation.id)).toBeDefined();
  });
});
