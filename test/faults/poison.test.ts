/**
 * poison.test.ts – What kills the process that works on it is set aside after three deaths, alone,
 * and all else goes on: no input that was accepted stops a deployment. Whoever is killed for other
 * reasons leaves nothing behind that is set aside.
 *
 * By default it dies by leaving, under a change and in a backfill; ROLLCALL_WHOLE=1 kills it in
 * every way and under every kind of work.
 */
import { describe, expect, inject, test } from 'vitest';
import type { Change } from '../../src/change/change.ts';
import type { TestDeployment } from '../support/client.ts';
import { differences, eventually, openTestDeployment, send } from '../support/deployment.ts';
import { freshPrefix } from '../support/redis.ts';
import type { VictimOrder } from '../support/victim.ts';
import { startVictims, type Victims } from '../support/victims.ts';
import { isWhole } from '../support/whole.ts';

const FATAL = 13;
const SETTLED_MS = 120_000;

type Opened = { close(): Promise<unknown> }[];

/** Each test closes what it has opened itself: they wait for leases at once. */
const it = test.extend<{ opened: Opened }>({
  // biome-ignore lint/correctness/noEmptyPattern: a fixture names the fixtures that it needs
  opened: async ({}, use) => {
    const opened: Opened = [];
    await use(opened);
    for (const one of opened.reverse()) await one.close();
  },
});

interface Trial {
  readonly deployment: TestDeployment;
  start(order?: Partial<VictimOrder>): Victims;
}

/** A deployment that works nothing off, and workers that can't bear FATAL. */
async function trial(opened: Opened, partitions = 2): Promise<Trial> {
  const prefix = freshPrefix();
  const deployment = await openTestDeployment({ prefix, partitions, runsWorker: false });
  opened.push(deployment);
  return {
    deployment,
    start: (order = {}) => {
      const usual = {
        redisUrl: inject('redisUrl'),
        prefix,
        partitions,
        fatal: FATAL,
        how: 'exit',
        when: 'live',
      } as const;
      const victims = startVictims({ ...usual, ...order });
      opened.push({ close: () => victims.stop() });
      return victims;
    },
  };
}

const rule = (field: string, operator: string, value: unknown) => ({
  combinator: 'and',
  rules: [{ field, operator, value }],
});

async function declare({ objectTypes, segments }: TestDeployment): Promise<void> {
  await objectTypes.put('contacts', { attributes: { n: { type: 'number' } } });
  await segments.create({
    title: 'low',
    slug: 'low',
    object_type: 'contacts',
    query: rule('n', '<', 50),
  });
}

const put = (n: number): Change => ({
  op: 'put',
  object_type: 'contacts',
  id: `r${n}`,
  data: { n },
});
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);
const documents = (ns: readonly number[]) => ns.map((n) => ({ id: `r${n}`, document: { n } }));

async function letters({ redis, keys }: TestDeployment): Promise<Record<string, string>[]> {
  const all = await Promise.all(keys.partitions.map(({ dead }) => redis.xrange(dead, '-', '+')));
  return all.flat().map(([, fields]) => {
    const pairs = fields.flatMap((name, at) =>
      at % 2 === 0 ? [[name, fields[at + 1]!] as const] : [],
    );
    return Object.fromEntries(pairs);
  });
}

const settled = (deployment: TestDeployment) =>
  eventually(
    'all is applied and built',
    async () => {
      await deployment.store.refresh();
      const isBuilt = [...deployment.store.catalog.predicateIds.values()].every(
        ({ status }) => status === 'ready',
      );
      return isBuilt && (await deployment.progress.lag()).entries === 0;
    },
    SETTLED_MS,
  );

const HOWS = isWhole ? (['exit', 'kill', 'heap'] as const) : (['exit'] as const);

describe.concurrent('a change under which the process dies', { timeout: 240_000 }, () => {
  it.for(HOWS)(
    'is set aside after three deaths (%s), alone and by its name, and all others are applied',
    async (how, { opened }) => {
      const { deployment, start } = await trial(opened);
      await declare(deployment);
      await send(deployment, numbers(60).map(put), 'accepted');
      const victims = start({ how });
      await settled(deployment);
      expect(victims.deaths).toBe(3);
      expect(await letters(deployment)).toMatchObject([
        {
          code: 'change_failed',
          detail: 'the process died 3 times under this change',
          letter: JSON.stringify(put(FATAL)),
        },
      ]);
      expect(
        await differences(deployment, documents(numbers(60).filter((n) => n !== FATAL))),
      ).toEqual([]);
      // What comes next is applied as ever, and the next death begins to count anew.
      expect(await send(deployment, [put(61), put(62)])).toBe(2);
      expect(victims.deaths).toBe(3);
    },
  );
});

/** An organization, and contacts that point at it. */
async function declareRelated({ objectTypes, segments }: TestDeployment): Promise<void> {
  await objectTypes.put('organizations', {
    attributes: { n: { type: 'number' }, size: { type: 'number' } },
  });
  await objectTypes.put('contacts', {
    attributes: { n: { type: 'number' } },
    relationships: {
      organization: { to: 'organizations', key: 'organization_id', inverse: 'contacts' },
    },
  });
  const large = rule('organization.size', '>', 100);
  await segments.create({ title: 'large', slug: 'large', object_type: 'contacts', query: large });
  await segments.create({
    title: 'low',
    slug: 'low',
    object_type: 'contacts',
    query: rule('n', '<', 50),
  });
  const many = {
    combinator: 'and',
    rules: [{ field: 'contacts', aggregate: 'count', operator: '>', value: 2 }],
  };
  await segments.create({ title: 'many', slug: 'many', object_type: 'organizations', query: many });
}

const contact = (n: number): Change => ({
  op: 'put',
  object_type: 'contacts',
  id: `r${n}`,
  data: { n, organization_id: 'o' },
});
const organization = (size: number, n = 0): Change => ({
  op: 'put',
  object_type: 'organizations',
  id: 'o',
  data: { n, size },
});

const until = (ms: number) =>
  new Promise((resolve) => setTimeout(resolve, Math.max(0, ms - Date.now())));
const statusesOf = async ({ segmentCounts }: TestDeployment, slugs: string[]) =>
  (await segmentCounts.read(slugs)).counts.map(({ count, status }) => ({ count, status }));

describe.concurrent('work that is no change, under which the process dies', {
  timeout: 240_000,
}, () => {
  it('in a backfill: the one segment at fault has no number, and the others that are built with it are', async ({
    opened,
  }) => {
    const { deployment, start } = await trial(opened, 1);
    const { segments } = deployment;
    await declare(deployment);
    // Each segment takes two numbers, for its predicate and for its feed: b is the third.
    const victims = start({ when: 'backfill', fatalPredicateId: 5 });
    await settled(deployment);
    await send(deployment, numbers(30).map(put));
    for (const [at, slug] of ['a', 'b', 'c'].entries())
      await segments.create({
        title: slug,
        slug,
        object_type: 'contacts',
        query: rule('n', '<', at + 20),
      });
    await eventually(
      'it is set aside',
      async () => (await letters(deployment)).length === 1,
      SETTLED_MS,
    );
    await eventually('the others are built', async () => {
      await deployment.store.refresh();
      return deployment.store.catalog.segments.get('c')!.predicateId !== null;
    });
    expect(await letters(deployment)).toMatchObject([
      { code: 'work_failed', letter: '["backfill","contacts","r13",5]' },
    ]);
    expect(victims.deaths).toBe(3);
    const [low, a, b, c] = await statusesOf(deployment, ['low', 'a', 'b', 'c']);
    expect([low, a, c]).toEqual([30, 20, 22].map((count) => ({ count, status: 'ready' })));
    expect(b).toEqual({ count: null, status: 'failed' });
    // It can be edited and deleted, and records go on.
    await segments.remove('b');
    expect(await send(deployment, [put(40)])).toBe(1);
    expect(victims.deaths).toBe(3);
  });

  it.runIf(isWhole)(
    'in a timer: the record is left as it is, what moves with time has no number, ' +
      'and all else goes on',
    async ({ opened }) => {
      const { deployment, start } = await trial(opened, 1);
      await deployment.objectTypes.put('contacts', {
        attributes: { n: { type: 'number' }, at: { type: 'datetime' } },
      });
      const { segments } = deployment;
      await segments.create({
        title: 'low',
        slug: 'low',
        object_type: 'contacts',
        query: rule('n', '<', 50),
      });
      const past = rule('at', 'inLast', { amount: 1, unit: 'day' });
      await segments.create({ title: 'past', slug: 'past', object_type: 'contacts', query: past });
      const fromMs = Date.now() + 8000;
      const victims = start({ fromMs });
      await settled(deployment);
      const due = new Date(fromMs + 500).toISOString();
      const timed = (n: number): Change => ({
        op: 'put',
        object_type: 'contacts',
        id: `r${n}`,
        data: { n, at: due },
      });
      await send(deployment, [12, FATAL, 14].map(timed));
      await eventually(
        'it is set aside',
        async () => (await letters(deployment)).length === 1,
        SETTLED_MS,
      );
      expect(await letters(deployment)).toMatchObject([
        { code: 'work_failed', letter: '["due","contacts","r13"]' },
      ]);
      expect(victims.deaths).toBe(3);
      const [low, timedOut] = await statusesOf(deployment, ['low', 'past']);
      expect(low).toEqual({ count: 3, status: 'ready' });
      expect(timedOut).toEqual({ count: null, status: 'failed' });
      expect(await send(deployment, [put(40)])).toBe(1);
      expect(victims.deaths).toBe(3);
    },
  );

  it.runIf(isWhole)(
    'in a fan-out: the holder is left as it is, what reaches across relationships ' +
      'says so, and all else goes on',
    async ({ opened }) => {
      const { deployment, start } = await trial(opened, 1);
      await declareRelated(deployment);
      const fromMs = Date.now() + 8000;
      const victims = start({ fromMs });
      await settled(deployment);
      await send(deployment, [organization(50), ...[12, FATAL, 14].map(contact)]);
      await until(fromMs);
      await send(deployment, [organization(200)], 'accepted');
      await eventually(
        'it is set aside',
        async () => (await letters(deployment)).length === 1,
        SETTLED_MS,
      );
      const [{ detail, letter }] = (await letters(deployment)) as [Record<string, string>];
      expect(detail).toBe(
        'the process died 3 times under the evaluation of this record after one ' +
          'that it points at had changed',
      );
      expect(JSON.parse(letter!)).toMatchObject(['fanout', expect.any(Number), 'o', 'r13']);
      expect(victims.deaths).toBe(3);
      const [large, low] = await statusesOf(deployment, ['large', 'low']);
      expect(large).toEqual({ count: null, status: 'failed' });
      expect(low).toEqual({ count: 3, status: 'ready' });
      expect(await send(deployment, [put(40)])).toBe(1);
    },
  );

  it.runIf(isWhole)(
    'in a message: it is kept, what reaches across relationships says so, and all else goes on',
    async ({ opened }) => {
      const { deployment, start } = await trial(opened, 1);
      await declareRelated(deployment);
      const fromMs = Date.now() + 8000;
      const victims = start({ fromMs });
      await settled(deployment);
      await send(deployment, [organization(50, FATAL)]);
      await until(fromMs);
      await send(deployment, [1, 2, 3].map(contact), 'accepted');
      await eventually(
        'it is set aside',
        async () => (await letters(deployment)).length >= 1,
        SETTLED_MS,
      );
      expect((await letters(deployment))[0]).toMatchObject({ code: 'message_failed' });
      expect(await statusesOf(deployment, ['many', 'low'])).toEqual([
        { count: null, status: 'failed' },
        { count: 3, status: 'ready' },
      ]);
      expect(victims.deaths % 3).toBe(0);
    },
  );
});

describe.concurrent('several of them', { timeout: 240_000 }, () => {
  it.runIf(isWhole)(
    'in several partitions of one process are each set aside, and no neighbour of theirs is',
    async ({ opened }) => {
      const { deployment, start } = await trial(opened, 4);
      await declare(deployment);
      const poisoned = (id: number): Change => ({
        op: 'put',
        object_type: 'contacts',
        id: `r${id}`,
        data: { n: FATAL },
      });
      const all = numbers(80).map((n) =>
        n % 20 === 13 ? poisoned(n) : n === FATAL ? put(1000) : put(n),
      );
      await send(deployment, all, 'accepted');
      const victims = start();
      await settled(deployment);
      const kept = (await letters(deployment))
        .map(({ letter }) => (JSON.parse(letter!) as Change).id)
        .sort();
      expect(kept).toEqual(['r13', 'r33', 'r53', 'r73']);
      expect(victims.deaths).toBeLessThanOrEqual(12);
      const left = numbers(80).filter((n) => n % 20 !== 13);
      expect(await differences(deployment, documents(left))).toEqual([]);
    },
  );
});

/** Who holds the leases: nobody, where one has run out. */
const ownersOf = ({ redis, keys }: TestDeployment) =>
  Promise.all(keys.partitions.map(({ owner }) => redis.get(owner)));

/** Three deaths under one change would set it aside. */
const ROUNDS = isWhole ? 5 : 3;

describe.concurrent('a process that is killed for other reasons', { timeout: 240_000 }, () => {
  it('again and again in the middle of its work has nothing of it set aside', async ({
    opened,
  }) => {
    const { deployment, start } = await trial(opened);
    await declare(deployment);
    const victims = start({ fatal: -1 });
    await settled(deployment);
    const total = 12_000;
    const sending = send(deployment, numbers(total).map(put), 'accepted');
    for (let round = 0; round < ROUNDS; round++) {
      const before = (await deployment.progress.lag()).entries;
      await until(Date.now() + 200 + 97 * round);
      const owners = await ownersOf(deployment);
      await victims.kill9();
      expect(before).toBeGreaterThanOrEqual(0);
      await eventually(
        'another has taken over',
        async () =>
          (await ownersOf(deployment)).every((owner, at) => owner && owner !== owners[at]),
        SETTLED_MS,
      );
    }
    await sending;
    await settled(deployment);
    expect(await letters(deployment)).toEqual([]);
    expect(await differences(deployment, documents(numbers(total)))).toEqual([]);
  });
});

describe.concurrent('what throws in work that is no change', () => {
  const thrower =
    (when: 'live' | 'backfill', from: { at: number }) =>
    (values: Record<string, unknown>, predicateId?: number) => {
      if (
        values['n'] === FATAL &&
        (predicateId !== undefined) === (when === 'backfill') &&
        Date.now() >= from.at
      )
        throw new Error('a bug that meets this value');
    };

  it('in a backfill beside live changes takes no change along, and stops no partition', async ({
    opened,
  }) => {
    const deployment = await openTestDeployment({
      partitions: 1,
      networkOptions: { fault: thrower('backfill', { at: 0 }) },
    });
    opened.push(deployment);
    await declare(deployment);
    await eventually(
      'it is built',
      async () => deployment.store.catalog.segments.get('low')!.predicateId !== null,
    );
    await send(deployment, numbers(30).map(put));
    await deployment.segments.create({
      title: 'x',
      slug: 'x',
      object_type: 'contacts',
      query: rule('n', '<', 20),
    });
    expect(
      await send(
        deployment,
        numbers(200).map((n) => put(n + 100)),
      ),
    ).toBe(200);
    await eventually('it is set aside', async () => (await letters(deployment)).length === 1);
    expect(await letters(deployment)).toMatchObject([
      { code: 'work_failed', detail: 'a bug that meets this value' },
    ]);
    expect(deployment.worker!.fatal).toEqual([]);
    await eventually(
      'it is told',
      async () => (await statusesOf(deployment, ['x']))[0]!.status === 'failed',
    );
    expect((await statusesOf(deployment, ['low']))[0]).toEqual({ count: 30, status: 'ready' });
  });
});
