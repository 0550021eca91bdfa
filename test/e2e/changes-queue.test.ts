import { Queue, QueueEvents } from 'bullmq';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Deployment } from '../../src/engine/deployment.ts';
import {
  CHANGES_QUEUE,
  type ChangesQueue,
  openChangesQueue,
} from '../../src/jobs/changes-queue.ts';
import { queuePrefix } from '../../src/redis/keys.ts';
import { createSegment, differences, openTestDeployment } from '../support/deployment.ts';
import { freshPrefix } from '../support/redis.ts';

const prefix = freshPrefix();
const options = { connection: { url: inject('redisUrl') }, prefix: queuePrefix(prefix) };
let deployment: Deployment;
let jobs: ChangesQueue;
let queue: Queue;
let events: QueueEvents;

beforeAll(async () => {
  deployment = await openTestDeployment({ prefix });
  await deployment.objectTypes.put('contacts', { attributes: { n: { type: 'number' } } });
  await createSegment(deployment, 'low', 'contacts', {
    combinator: 'and',
    rules: [{ field: 'n', operator: '<', value: 50 }],
  });
  jobs = openChangesQueue(deployment.stores.queues, deployment.ingest, pino({ level: 'silent' }));
  queue = new Queue(CHANGES_QUEUE, options);
  events = new QueueEvents(CHANGES_QUEUE, options);
  await events.waitUntilReady();
});
afterAll(async () => {
  await events.close();
  await queue.close();
  await jobs.close();
  await deployment.close();
});

const put = (id: string, n: unknown) => ({ op: 'put', object_type: 'contacts', id, data: { n } });

describe('a job of the changes queue', () => {
  it('is completed when its changes are applied, and says which it refused', async () => {
    const job = await queue.add('changes', [put('a', 10), put('b', 'ten'), put('c', 90)]);
    const report = await job.waitUntilFinished(events);
    expect(report).toMatchObject({
      accepted: 2,
      rejected: [{ line: 2, code: 'attribute_invalid', path: '/data/n' }],
    });
    const documents = [
      { id: 'a', document: { n: 10 } },
      { id: 'c', document: { n: 90 } },
    ];
    expect(await differences(deployment, documents)).toEqual([]);
  });

  it('says which numbers would be altered, by the text that a producer of another language has stored', async () => {
    const list = `[${JSON.stringify(put('big', 1))},{"op":"put","object_type":"contacts","id":"x","data":{"n":9007199254740993}}]`;
    const one =
      '{"op":"put","object_type":"contacts","id":"x","data":{"deep":[0.1234567890123456789]}}';
    await queue.pause();
    const jobs = await Promise.all([list, one].map((text) => queue.add('changes', text)));
    const client = await queue.getBackend().client;
    for (const [at, text] of [list, one].entries())
      await client.hset(queue.toKey(jobs[at]!.id!), { data: text });
    await queue.resume();
    const [ofList, ofOne] = await Promise.all(jobs.map((job) => job.waitUntilFinished(events)));
    expect(ofList).toMatchObject({
      accepted: 1,
      rejected: [{ line: 2, code: 'number_inexact', path: '/data/n' }],
    });
    expect(ofOne).toMatchObject({
      accepted: 0,
      rejected: [{ line: 1, code: 'number_inexact', path: '/data/deep/0' }],
    });
    expect(await deployment.records.some('contacts', ['x'])).toEqual([undefined]);
    await deployment.ingest.one(
      { op: 'delete', object_type: 'contacts', id: 'big' },
      { wait: 'applied', timeoutMs: 9e3 },
    );
  });

  it('may be one change', async () => {
    const job = await queue.add('change', put('d', 1));
    expect(await job.waitUntilFinished(events)).toMatchObject({ accepted: 1, rejected: [] });
  });

  it('comes after those queued before it: the last change of a record wins', async () => {
    const added = await queue.addBulk(
      Array.from({ length: 50 }, (_, n) => ({ name: 'change', data: put('e', n) })),
    );
    await added.at(-1)!.waitUntilFinished(events);
    const [record] = await deployment.records.some('contacts', ['e']);
    expect(record).toMatchObject({ version: 50, data: { n: 49 } });
  });
});
