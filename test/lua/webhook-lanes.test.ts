/**
 * webhook-lanes.test.ts – The scripts that webhooks wait in: an entry is pushed once, the first
 * event of a lane is settled once, what there is no room for is a dead letter, and what a sync says
 * never comes after what is newer.
 */
import { afterAll, beforeEach, describe, expect, inject, it } from 'vitest';
import {
  type FeedMessage,
  type LaneName,
  WEBHOOK_LIMITS,
  type WebhookLanes,
} from '../../src/jobs/webhook-lanes.ts';
import { openConnection } from '../../src/redis/connection.ts';
import { WebhookKeys } from '../../src/redis/keys.ts';
import { RedisWebhookLanes } from '../../src/redis/webhook-lanes.ts';
import { freshPrefix } from '../support/redis.ts';

const redis = openConnection({ url: inject('redisUrl') });
const A = 'activation';
let lanes: WebhookLanes;

function open(limits: Partial<typeof WEBHOOK_LIMITS> = {}): WebhookLanes {
  return new RedisWebhookLanes(redis, new WebhookKeys(freshPrefix()), {
    ...WEBHOOK_LIMITS,
    attemptsMax: 3,
    ...limits,
  });
}

beforeEach(async () => {
  if (redis.status === 'wait') await redis.connect();
  lanes = open();
});
afterAll(() => redis.disconnect());

const message = (entry: string, record: string): FeedMessage => ({
  entry,
  record,
  id: `evt_${entry}_${record}`,
  body: JSON.stringify({ data: { id: record } }),
});

async function waiting(of = lanes): Promise<string[]> {
  const names = await of.waiting(A);
  const found = await Promise.all(names.map((name) => of.first(name, 100)));
  return found.flat().map(({ id }) => id);
}

async function laneOf(of = lanes): Promise<LaneName> {
  const [name] = await of.waiting(A);
  return name!;
}

describe('push', () => {
  it('leaves out entries that were pushed before, and tells which lanes were empty', async () => {
    expect(await lanes.push(A, 0, '5-1', [message('5-0', 'r'), message('5-1', 'r')])).toHaveLength(
      1,
    );
    expect(await lanes.push(A, 0, '12-0', [message('5-1', 'r'), message('12-0', 'r')])).toEqual([]);
    expect(await waiting()).toEqual(['evt_5-0_r', 'evt_5-1_r', 'evt_12-0_r']);
    await lanes.push(A, 0, '5-1', [message('5-0', 'r')]);
    await lanes.push(A, 0, '11-7', [message('11-7', 'r')]);
    expect(await waiting()).toHaveLength(3);
    expect(await lanes.state(A)).toMatchObject({ pending: 3, delivered: 0, dead: 0 });
  });

  it('knows a position of each partition', async () => {
    await lanes.push(A, 0, '9-0', [message('9-0', 'r')]);
    await lanes.push(A, 1, '5-0', [message('5-0', 'r')]);
    expect(await waiting()).toEqual(['evt_9-0_r', 'evt_5-0_r']);
  });

  it('puts what there is no room for with the dead letters, of which the oldest give way', async () => {
    const small = open({ pendingMax: 2, deadMax: 3 });
    const entries = Array.from({ length: 7 }, (_, n) => message(`${n + 1}-0`, 'r'));
    await small.push(A, 0, '7-0', entries);
    expect(await waiting(small)).toEqual(['evt_1-0_r', 'evt_2-0_r']);
    expect(await small.state(A)).toMatchObject({ pending: 2, dead: 3, dropped: 2 });
    const { letters, next } = await small.dead(A, 10);
    expect(letters.map(({ id }) => id)).toEqual(['evt_5-0_r', 'evt_6-0_r', 'evt_7-0_r']);
    expect(letters[0]).toMatchObject({
      attempts: 0,
      error: 'too many events are pending',
      body: entries[4]!.body,
    });
    expect(next).toBeUndefined();
  });
});

describe('settle', () => {
  beforeEach(async () => {
    await lanes.push(A, 0, '2-0', [message('1-0', 'r'), message('2-0', 'r')]);
  });

  it('takes a delivered event from its lane, once', async () => {
    const name = await laneOf();
    expect(await lanes.settle(name, 'evt_1-0_r', 'delivered', null)).toMatchObject({
      next: 'next',
    });
    expect(await lanes.settle(name, 'evt_1-0_r', 'delivered', null)).toMatchObject({
      next: 'moved',
    });
    expect(await waiting()).toEqual(['evt_2-0_r']);
    await lanes.settle(name, 'evt_2-0_r', 'delivered', null);
    expect(await lanes.waiting()).toEqual([]);
    expect(await lanes.state(A)).toMatchObject({ pending: 0, delivered: 2, failures: 0 });
  });

  it('keeps an event first until its last attempt, then the next one has all attempts of its own', async () => {
    const name = await laneOf();
    const fail = (id: string) => lanes.settle(name, id, 'failed', 'why');
    expect(await fail('evt_1-0_r')).toEqual({ next: 'retry', delay: 1 });
    expect(await fail('evt_2-0_r')).toMatchObject({ next: 'moved' });
    expect(await fail('evt_1-0_r')).toEqual({ next: 'retry', delay: 2 });
    expect(await fail('evt_1-0_r')).toMatchObject({ next: 'dead' });
    expect(await fail('evt_2-0_r')).toEqual({ next: 'retry', delay: 1 });
    expect(await lanes.state(A)).toMatchObject({
      pending: 1,
      dead: 1,
      failures: 4,
      lastError: 'why',
    });
  });

  it('disables after a run of failures that is long enough in number and in time', async () => {
    const name = await laneOf();
    const patient = open({ disableAfterFailures: 2, disableAfterMs: 60_000 });
    const strict = open({ disableAfterFailures: 2, disableAfterMs: 0 });
    for (const [limited, next] of [
      [patient, 'retry'],
      [strict, 'disabled'],
    ] as const) {
      await limited.push(A, 0, '1-0', [message('1-0', 'r')]);
      await limited.settle(name, 'evt_1-0_r', 'failed', 'why');
      expect(await limited.settle(name, 'evt_1-0_r', 'failed', 'why')).toMatchObject({ next });
      expect(await limited.isDisabled(A)).toBe(next === 'disabled');
      expect(await waiting(limited)).toEqual(['evt_1-0_r']);
    }
    await strict.enable(A);
    expect(await strict.settle(name, 'evt_1-0_r', 'failed', 'why')).toEqual({
      next: 'retry',
      delay: 1,
    });
  });

  it('begins all delays anew when a success follows an outage, and goes on counting attempts', async () => {
    const patient = open({ attemptsMax: 13 });
    await patient.push(A, 0, '1-0', [message('1-0', 'r'), message('1-0', 'other')]);
    const names = await patient.waiting(A);
    const first = async (at: number) => (await patient.first(names[at]!, 1))[0]!.id;
    const [stuck, lucky] = [await first(0), await first(1)];
    for (let delay = 1; delay <= 11; delay++)
      expect(await patient.settle(names[0]!, stuck, 'failed', 'why')).toEqual({
        next: 'retry',
        delay,
      });
    expect(await patient.settle(names[1]!, lucky, 'delivered', null)).toMatchObject({
      next: 'back',
    });
    expect(await patient.settle(names[0]!, stuck, 'failed', 'why')).toEqual({
      next: 'retry',
      delay: 1,
    });
    expect(await patient.settle(names[0]!, stuck, 'failed', 'why')).toMatchObject({ next: 'dead' });
  });
});

describe('a page of a sync', () => {
  const member = (record: string) => ({
    record,
    id: `evt_sync_${record}`,
    body: JSON.stringify({ data: { id: record } }),
  });

  it('leaves out the records of which a change was told since it began', async () => {
    await lanes.beginSync(A, 's', 2);
    const state = (await lanes.sync(A))!;
    await lanes.push(A, 0, '1-0', [message('1-0', 'moved')]);
    expect(
      await lanes.pushSync(A, state, undefined, [member('moved'), member('stays')]),
    ).toHaveLength(1);
    expect((await waiting()).sort()).toEqual(['evt_1-0_moved', 'evt_sync_stays']);
    expect(await lanes.sync(A)).toMatchObject({ status: 'done', members: 2, total: 2 });
  });

  it('is pushed once, and only for the sync that it is of', async () => {
    await lanes.beginSync(A, 's', 2);
    const state = (await lanes.sync(A))!;
    expect(await lanes.pushSync(A, state, 'cursor', [member('r')])).toHaveLength(1);
    expect(await lanes.pushSync(A, state, 'cursor', [member('r')])).toBeUndefined();
    await lanes.beginSync(A, 'another', 2);
    expect(
      await lanes.pushSync(A, { ...state, cursor: '' }, 'cursor', [member('r')]),
    ).toBeUndefined();
    expect(await waiting()).toEqual(['evt_sync_r']);
  });
});

describe('purge', () => {
  it('leaves no key behind', async () => {
    const prefix = freshPrefix();
    const gone = new RedisWebhookLanes(redis, new WebhookKeys(prefix), WEBHOOK_LIMITS);
    await gone.beginSync(A, 's', 1);
    await gone.push(A, 0, '1-0', [message('1-0', 'r'), message('1-0', 'q')]);
    await gone.settle((await gone.waiting(A))[0]!, 'evt_1-0_r', 'failed', 'why');
    await gone.purge(A);
    expect(await redis.keys(`{${prefix}*`)).toEqual([]);
  });
});
