/**
 * forecast.test.ts – What a preview says of a later moment is who the server has in the segment
 * when its clock gets there and no record was changed: with windows of every kind, and across
 * relationships.
 *
 * The clock of the engine is driven; it is earlier than that of Redis all the while, so the one
 * that counts. What is asked by HTTP refuses what has passed by Redis: the run is asked here.
 */
import { performance } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Change } from '../../src/change/change.ts';
import { allStatuses } from '../../src/membership/partition-status.ts';
import { KeptRecords } from '../../src/preview/kept-records.ts';
import { planPreview } from '../../src/preview/plan.ts';
import type { RecordSource } from '../../src/preview/record-source.ts';
import { runPreview } from '../../src/preview/run.ts';
import { openRecordSource } from '../../src/redis/record-source.ts';
import type { TestDeployment } from '../support/client.ts';
import { built, eventually, openTestDeployment, send } from '../support/deployment.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const CONTACTS = 60;
const EVENTUAL = { consistency: 'eventual', timeoutMs: 5000 } as const;
/** Ten in the morning, a hundred days ago. */
const startMs = (Math.floor(Date.now() / DAY_MS) - 100) * DAY_MS + 10 * HOUR_MS;
const LATER_MS = [1, HOUR_MS, 14 * HOUR_MS, 2 * DAY_MS, 9.5 * DAY_MS, 33 * DAY_MS, 70 * DAY_MS];
let wallMs = startMs;

let deployment: TestDeployment;
let source: RecordSource;

const all = (...rules: unknown[]) => ({ combinator: 'and', rules });
const window = (field: string, operator: string, amount: number, unit = 'day') => ({
  ...{ field, operator, value: { amount, unit } },
});
const relative = (field: string, operator: string, offset: number, unit: string) => {
  const value = { mode: 'relative', anchor: 'startOfDay', offset, unit };
  return { field, operator, value };
};
const match = (field: string, mode: string, threshold: number | undefined, value: unknown) => ({
  ...{ field, operator: '=', match: { mode, threshold }, value },
});

const QUERIES: Readonly<Record<string, unknown>> = {
  recent: all(window('seen_at', 'inLast', 10)),
  'not-recent': all(window('seen_at', 'notInLast', 36, 'hour')),
  coming: all(window('seen_at', 'inNext', 7)),
  'this-month': all({ field: 'seen_at', operator: 'inCurrent', value: { unit: 'month' } }),
  'last-week': all({ field: 'seen_at', operator: 'inPrevious', value: { unit: 'week' } }),
  'a-month-ago': all(relative('seen_at', '>=', -1, 'month')),
  'day-comes': all(window('due_on', 'inNext', 20)),
  'renews-soon': all(window('organization.renews_at', 'inNext', 10)),
  'or-not': {
    ...{ combinator: 'or', not: true },
    rules: [window('organization.renews_at', 'inLast', 30), window('seen_at', 'inLast', 20)],
  },
  'two-lately': all(match('orders', 'atLeast', 2, all(window('placed_at', 'inLast', 15)))),
  'none-lately': all(match('orders', 'none', undefined, all(window('placed_at', 'inLast', 8)))),
  spent: all({
    ...{ field: 'orders.total', aggregate: 'sum', operator: '>=', value: 8 },
    where: all(window('placed_at', 'inLast', 20)),
  }),
  colleagues: all(
    match('organization.contacts', 'atLeast', 2, all(window('seen_at', 'inLast', 20))),
  ),
};

function* changes(): Iterable<Change> {
  const at = (days: number, ms = 0) => new Date(startMs + days * DAY_MS + ms).toISOString();
  for (let n = 0; n < 6; n++)
    yield {
      ...{ op: 'put', object_type: 'organizations', id: `o${n}` },
      data: { renews_at: at(n * 12 - 20, n) },
    };
  for (let n = 0; n < CONTACTS; n++) {
    const due_on = at(n * 2 - 30).slice(0, 10);
    const data = { seen_at: at(n * 1.7 - 45, n), due_on, organization_id: `o${n % 7}` };
    yield { op: 'put', object_type: 'contacts', id: `c${n}`, data };
  }
  for (let n = 0; n < 2 * CONTACTS; n++) {
    const data = { total: n % 6, placed_at: at(n * 0.6 - 40, n), contact_id: `c${n % 15}` };
    yield { op: 'put', object_type: 'orders', id: `p${n}`, data };
  }
  yield { op: 'archive', object_type: 'contacts', id: 'c20' };
  yield { op: 'archive', object_type: 'organizations', id: 'o3' };
}

beforeAll(async () => {
  const clockSource = { wallMs: () => wallMs, steadyMs: () => performance.now() };
  deployment = await openTestDeployment({ clockSource, partitions: 3 });
  const datetime = { type: 'datetime' } as const;
  const { objectTypes, segments, keys } = deployment;
  await objectTypes.put('organizations', { attributes: { renews_at: datetime } });
  await objectTypes.put('contacts', {
    attributes: { seen_at: datetime, due_on: { type: 'date' } },
    relationships: {
      organization: { to: 'organizations', key: 'organization_id', inverse: 'contacts' },
    },
  });
  await objectTypes.put('orders', {
    attributes: { placed_at: datetime, total: { type: 'number' } },
    relationships: { contact: { to: 'contacts', key: 'contact_id', inverse: 'orders' } },
  });
  await send(deployment, changes());
  for (const [slug, query] of Object.entries(QUERIES))
    await segments.create({ title: slug, slug, object_type: 'contacts', query });
  await built(deployment);
  const { catalog } = keys;
  const prefix = catalog.meta.split(':')[0]!;
  source = await openRecordSource({ url: inject('redisUrl'), prefix, partitions: 3 });
}, 120_000);
afterAll(async () => {
  source.close();
  await deployment.close();
});

async function forecast(query: unknown, nowMs: number): Promise<string[]> {
  const asked = { objectType: 'contacts', query, breakdown: false };
  const context = { catalog: deployment.store.catalog, timeZone: 'UTC' };
  const plan = await planPreview({ ...asked, sample: CONTACTS, timeoutMs: 0 }, context);
  const run = { plan, nowMs, sample: CONTACTS, bytesMax: 1e9, timeoutMs: 0 };
  const { sample } = await runPreview(run, {
    records: new KeptRecords(source, 0),
    signal: new AbortController().signal,
    onProgress: () => {},
  });
  return sample.map(({ id }) => id).sort();
}

/** Moves the clock, and waits until nothing is due any more and nothing is on its way. */
async function reach(atMs: number): Promise<void> {
  wallMs = atMs;
  let before = '';
  await eventually(
    'all is of then',
    async () => {
      const statuses = await allStatuses(deployment.stores.memberships);
      const commits = statuses.map(({ number }) => number).join();
      const isStill = commits === before;
      before = commits;
      return isStill && statuses.every((each) => isAtRest(each, statuses, atMs));
    },
    20_000,
  );
}

type Status = Awaited<ReturnType<typeof allStatuses>>[number];

function isAtRest(status: Status, all: readonly Status[], atMs: number): boolean {
  const { dueMs, fanning, sent, inboxPosition, inboxEnd } = status;
  const from = all.indexOf(status);
  const isDelivered = sent.every((each, to) => all[to]!.delivered[from] === each);
  const isDone = fanning === undefined && inboxPosition === inboxEnd && isDelivered;
  return isDone && (dueMs === undefined || dueMs > atMs);
}

describe('a forecast', () => {
  it('is who is in the segment when the clock gets there, and now who is in it now', async () => {
    const moments = [0, ...LATER_MS].map((ms) => startMs + ms);
    const forecasts = new Map<string, string[]>();
    for (const atMs of moments)
      for (const [slug, query] of Object.entries(QUERIES))
        forecasts.set(`${slug} ${atMs}`, await forecast(query, atMs));
    // One that never moves would prove nothing.
    for (const slug of Object.keys(QUERIES)) {
      const different = new Set(moments.map((atMs) => String(forecasts.get(`${slug} ${atMs}`))));
      expect(different.size, slug).toBeGreaterThan(2);
    }
    for (const atMs of moments) {
      await reach(atMs);
      for (const slug of Object.keys(QUERIES)) {
        const asked = { limit: CONTACTS, cursor: undefined };
        const { data } = await deployment.members.page(slug, asked, EVENTUAL);
        const members = data.map(({ id }) => id).sort();
        const days = (atMs - startMs) / DAY_MS;
        expect(forecasts.get(`${slug} ${atMs}`), `${slug} in ${days} days`).toEqual(members);
      }
    }
  });
});
