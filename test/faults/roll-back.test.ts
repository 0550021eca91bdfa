/**
 * roll-back.test.ts – A fail-over makes a partition as it was some time ago: relationships between
 * it and the others are right again by themselves, and until then nobody is told a number.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { Change } from '../../src/change/change.ts';
import { partitionOf } from '../../src/change/partition.ts';
import { askForResync } from '../../src/engine/epochs.ts';
import { audit } from '../../src/membership/audit.ts';
import { RedisPartitionStore } from '../../src/redis/partition-store.ts';
import type { TestDeployment } from '../support/client.ts';
import { createSegment, eventually, openTestDeployment, send } from '../support/deployment.ts';
import { replicate } from '../support/fail-over.ts';

const PARTITIONS = 4;
const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

const all = (...rules: unknown[]) => ({ combinator: 'and', rules });

async function open(): Promise<TestDeployment> {
  const deployment = await openTestDeployment({ partitions: PARTITIONS });
  opened.push(deployment);
  await deployment.objectTypes.put('organizations', {
    attributes: { industry: { type: 'string' } },
  });
  await deployment.objectTypes.put('contacts', {
    attributes: { age: { type: 'number' } },
    relationships: {
      organization: {
        to: 'organizations',
        key: 'organization_id',
        cardinality: 'one',
        inverse: 'contacts',
      },
    },
  });
  const saas = all({ field: 'organization.industry', operator: '=', value: 'SaaS' });
  await createSegment(deployment, 'saas-contacts', 'contacts', saas);
  const many = { mode: 'atLeast', threshold: 2 };
  const older = all({ field: 'age', operator: '>', value: 30 });
  await createSegment(
    deployment,
    'old-firms',
    'organizations',
    all({ field: 'contacts', match: many, value: older }),
  );
  return deployment;
}

/** Contacts and organizations in all partitions; with another `turn` keys and values are others. */
function* history(turn: number): Generator<Change> {
  for (let i = 0; i < 40; i++) {
    const industry = (i + turn) % 3 === 0 ? 'SaaS' : 'Retail';
    yield { op: 'put', object_type: 'organizations', id: `o${i}`, data: { industry } };
  }
  for (let i = 0; i < 200; i++) {
    const data = {
      age: (i * 7 + turn * 13) % 60,
      organization_id: `o${(i + turn * (i % 5)) % 45}`,
    };
    yield { op: 'put', object_type: 'contacts', id: `c${i}`, data };
  }
  for (let i = 0; i < 10; i++)
    yield { op: 'delete', object_type: 'contacts', id: `c${i * 3 + turn}` };
}

async function expectAudited(deployment: TestDeployment): Promise<void> {
  const report = await audit(deployment, { timeoutMs: 20_000 });
  expect(report).toMatchObject({ differences: 0, segments: 2, edges: 1 });
}

async function statuses({ segmentCounts }: TestDeployment): Promise<string[]> {
  const { counts } = await segmentCounts.read(['saas-contacts', 'old-firms']);
  return counts.map(({ status }) => status);
}

describe('after a fail-over that lost a tail', () => {
  it.each([0, 1, 2, 3])('partition %i and its neighbours are exact again', async (at) => {
    const deployment = await open();
    await send(deployment, history(0));
    await deployment.segmentCounts.read(['saas-contacts']);
    const failOver = await replicate(deployment.redis, deployment.keys.partitions[at]!);
    await send(deployment, history(1));
    await deployment.segmentCounts.read(['saas-contacts']);
    await failOver();
    await eventually('both segments answer', async () =>
      (await statuses(deployment)).every((one) => one === 'ready'),
    );
    await expectAudited(deployment);
    await send(deployment, history(2));
    await expectAudited(deployment);
  });

  it('two partitions that lost different tails are exact again', async () => {
    const deployment = await open();
    await send(deployment, history(0));
    const first = await replicate(deployment.redis, deployment.keys.partitions[0]!);
    await send(deployment, history(1));
    const second = await replicate(deployment.redis, deployment.keys.partitions[1]!);
    await send(deployment, history(2));
    await first();
    await second();
    await eventually('both segments answer', async () =>
      (await statuses(deployment)).every((one) => one === 'ready'),
    );
    await expectAudited(deployment);
  });

  it('goes on being made good by the next process when one stops in the middle', async () => {
    const deployment = await open();
    await send(deployment, history(0));
    const failOver = await replicate(deployment.redis, deployment.keys.partitions[2]!);
    await send(deployment, history(1));
    const prefix = deployment.keys.catalog.meta.split(':')[0]!;
    await deployment.close();
    opened.pop();
    const idle = await openTestDeployment({ partitions: PARTITIONS, prefix, runsWorker: false });
    opened.push(idle);
    await failOver(idle.redis);
    const worker = await openTestDeployment({ partitions: PARTITIONS, prefix });
    opened.push(worker);
    await worker.close();
    opened.pop();
    const next = await openTestDeployment({ partitions: PARTITIONS, prefix });
    opened.push(next);
    await eventually('both segments answer', async () =>
      (await statuses(next)).every((one) => one === 'ready'),
    );
    await expectAudited(next);
  });
});

describe('a message that can’t be applied', () => {
  it('lies in the dead letters, and segments over relationships fail until its source has said everything anew', async () => {
    const deployment = await open();
    await send(deployment, history(0));
    const { redis, keys } = deployment;
    const target = partitionOf('o1', PARTITIONS);
    await redis.xadd(keys.partitions[target]!.inbox, '*', 'p', '2', 'v', '1', 'm', 'no message');
    await eventually('it is refused', async () =>
      (await statuses(deployment)).every((one) => one === 'failed'),
    );
    await expect(
      deployment.members.page('saas-contacts', { limit: 10, cursor: undefined }),
    ).rejects.toMatchObject({
      code: 'segment_building',
    });
    const [letter] = await redis.xrange(keys.partitions[target]!.dead, '-', '+');
    expect(letter![1]).toContain('entry_malformed');
    await askForResync(new RedisPartitionStore(redis, keys.partitions[target]!), 2);
    await eventually('both segments answer', async () =>
      (await statuses(deployment)).every((one) => one === 'ready'),
    );
    await expectAudited(deployment);
  });
});
