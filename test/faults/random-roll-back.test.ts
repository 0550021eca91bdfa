/**
 * random-roll-back.test.ts – Random histories of a real deployment that loses tails of its
 * partitions, is asked for resynchronizations, meets messages that it can't apply, and is
 * restarted, while windows of time open and close over relationships: in the end every row is
 * right.
 *
 * Replay or go on with ROLLCALL_SEED=<first seed>; ROLLCALL_SOAK=1 runs thirty.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { afterEach, expect, it } from 'vitest';
import { Random } from '../../bench/random.ts';
import type { Change } from '../../src/change/change.ts';
import { askForResync } from '../../src/engine/epochs.ts';
import { audit } from '../../src/membership/audit.ts';
import { RedisPartitionStore } from '../../src/redis/partition-store.ts';
import type { TestDeployment } from '../support/client.ts';
import { createSegment, eventually, openTestDeployment, send } from '../support/deployment.ts';
import { replicate } from '../support/fail-over.ts';

const PARTITIONS = 4;
const TURNS = 40;
const FIRST_SEED = Number(process.env.ROLLCALL_SEED ?? 1);
const SEEDS = Array.from(
  { length: process.env.ROLLCALL_SOAK === '1' ? 30 : 3 },
  (_, i) => FIRST_SEED + i,
);

let deployment: TestDeployment;
afterEach(() => deployment.close());

const open = (prefix?: string) =>
  openTestDeployment({ partitions: PARTITIONS, ...(prefix ? { prefix } : {}) });
const all = (...rules: unknown[]) => ({ combinator: 'and', rules });
const atLeastTwo = { mode: 'atLeast', threshold: 2 };
const inLast = (amount: number, unit: string) => ({
  field: 'seen_at',
  operator: 'inLast',
  value: { amount, unit },
});
const SEGMENTS: Readonly<Record<string, readonly [objectType: string, query: unknown]>> = {
  saas: ['contacts', all({ field: 'organization.industry', operator: '=', value: 'SaaS' })],
  old: [
    'organizations',
    all({
      field: 'contacts',
      match: atLeastTwo,
      value: all({ field: 'age', operator: '>', value: 30 }),
    }),
  ],
  recent: ['contacts', all(inLast(2, 'second'))],
  ever: ['contacts', all(inLast(300_000, 'day'))],
  lively: [
    'organizations',
    all({ field: 'contacts', match: atLeastTwo, value: all(inLast(2, 'second')) }),
  ],
  beside: [
    'contacts',
    all({
      field: 'organization.contacts',
      match: { mode: 'some' },
      value: all(inLast(2, 'second')),
    }),
  ],
};

async function declare({ objectTypes }: TestDeployment): Promise<void> {
  await objectTypes.put('organizations', { attributes: { industry: { type: 'string' } } });
  await objectTypes.put('contacts', {
    attributes: { age: { type: 'number' }, seen_at: { type: 'datetime' } },
    relationships: {
      organization: {
        to: 'organizations',
        key: 'organization_id',
        cardinality: 'one',
        inverse: 'contacts',
      },
    },
  });
  for (const [slug, [objectType, query]] of Object.entries(SEGMENTS))
    await createSegment(deployment, slug, objectType, query);
}

const ODD_MOMENTS = [
  '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999Z',
  '1969-12-31T23:59:59.999Z',
];

function draw(random: Random): Change {
  const [contact, organization] = [`c${random.below(60)}`, `o${random.below(15)}`];
  const kind = random.unit();
  if (kind < 0.03) return { op: 'delete', object_type: 'organizations', id: organization };
  if (kind < 0.06) return { op: 'delete', object_type: 'contacts', id: contact };
  if (kind < 0.12)
    return { op: random.chance(0.5) ? 'archive' : 'restore', object_type: 'contacts', id: contact };
  if (kind < 0.25) {
    const industry = random.chance(0.5) ? 'SaaS' : 'Retail';
    return { op: 'put', object_type: 'organizations', id: organization, data: { industry } };
  }
  const lately = new Date(Date.now() - random.below(2500) + 200).toISOString();
  const seen_at = random.chance(0.1) ? random.pick(ODD_MOMENTS) : lately;
  const data = { age: random.below(60), organization_id: `o${random.below(18)}`, seen_at };
  return { op: 'put', object_type: 'contacts', id: contact, data };
}

/** What replicas had at some time, by partition. */
type Replicas = ((to?: Redis) => Promise<void>)[][];

async function turn(random: Random, replicas: Replicas): Promise<string> {
  const { redis, keys } = deployment;
  const [p, q] = [random.below(PARTITIONS), random.below(PARTITIONS)];
  const kind = random.unit();
  if (kind < 0.45) {
    const changes = Array.from({ length: 1 + random.below(80) }, () => draw(random));
    await send(deployment, changes, random.chance(0.5) ? 'accepted' : 'applied');
    return `${changes.length} changes`;
  }
  if (kind < 0.62) {
    replicas[p]!.push(await replicate(redis, keys.partitions[p]!));
    return `replica of ${p}`;
  }
  if (kind < 0.77) {
    const known = replicas[p]!;
    if (known.length === 0) return 'nothing';
    const at = random.below(known.length);
    await known[at]!(redis);
    known.length = at + 1; // what came later is no replica of this past
    return `fail-over of ${p}`;
  }
  if (kind < 0.84) {
    await askForResync(new RedisPartitionStore(redis, keys.partitions[q]!), p);
    return `resynchronization ${p} to ${q}`;
  }
  if (kind < 0.9) {
    await redis.xadd(keys.partitions[q]!.inbox, '*', 'p', String(p), 'v', '1', 'm', 'no message');
    return `poison ${p} to ${q}`;
  }
  if (kind < 0.94) {
    const prefix = keys.catalog.meta.split(':')[0]!;
    await deployment.close();
    deployment = await open(prefix);
    return 'restart';
  }
  await sleep(random.below(300));
  return 'pause';
}

/** All pairs of which a message could not be applied are asked for once more. */
async function mend({ redis, keys }: TestDeployment): Promise<void> {
  for (const partition of keys.partitions) {
    const target = new RedisPartitionStore(redis, partition);
    for (const source of (await target.readMeta()).broken) await askForResync(target, source);
  }
}

async function isReady({ segmentCounts }: TestDeployment): Promise<boolean> {
  const { counts } = await segmentCounts.read(Object.keys(SEGMENTS));
  if (counts.some(({ status }) => status === 'failed')) await mend(deployment);
  return counts.every(({ status }) => status === 'ready');
}

it.each(SEEDS)(
  'seed %i: what was lost between partitions is made good, whatever happens meanwhile',
  async (seed) => {
    const random = new Random(seed);
    deployment = await open();
    await declare(deployment);
    const replicas: Replicas = Array.from({ length: PARTITIONS }, () => []);
    const told: string[] = [];
    for (let i = 0; i < TURNS; i++) told.push(await turn(random, replicas));
    await eventually(
      `all segments answer after ${told.join(', ')}`,
      () => isReady(deployment),
      30_000,
    );
    const report = await audit(deployment, { timeoutMs: 20_000 });
    expect(report.differences, JSON.stringify({ told, report }).slice(0, 4000)).toBe(0);
  },
  90_000,
);
