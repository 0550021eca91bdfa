/**
 * flow.test.ts – A server under a steady flow of changes, for minutes: it keeps up, its memory
 * stays flat, and at the end every stored membership is right.
 *
 * SOAK_RECORDS, SOAK_SEGMENTS, SOAK_MINUTES and SOAK_RATE (changes a second) make it smaller. All
 * of it takes about an hour on two cores, most of it to load the records.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { PEOPLE, type Person, people, segments } from '../../bench/data.ts';
import { spread } from '../../bench/harness.ts';
import { Random } from '../../bench/random.ts';
import { ORDERS, ORGANIZATIONS, REACH_DEFINITIONS } from '../../bench/reach.ts';
import type { Change } from '../../src/change/change.ts';
import { openConnection } from '../../src/redis/connection.ts';
import { dataFolder, runCli, type Served, serve } from '../support/cli.ts';

const setting = (name: string, otherwise: number) => Number(process.env[name] ?? otherwise);
const RECORDS = setting('SOAK_RECORDS', 1_000_000);
const SEGMENTS = setting('SOAK_SEGMENTS', 1000);
const MINUTES = setting('SOAK_MINUTES', 10);
const RATE = setting('SOAK_RATE', 5000);

/** People are drawn block by block, so that not all of them are held here. */
const BLOCK = Math.min(10_000, RECORDS);
const BLOCKS = Math.ceil(RECORDS / BLOCK);
const ORGANIZATION_COUNT = Math.max(1, RECORDS / 50);
/** One person in so many has an order. */
const ORDER_EVERY = 10;
const REQUEST_CHANGES = 5000;
const TICK_MS = 200;
const SAMPLE_MS = 2000;

/** A change that is sent now is applied within this, at every moment. */
const LAG_MAX_MS = 5000;
/** By how much the last third may need more memory than the middle one. */
const GROWTH_MAX = 1.1;
const MB = 1024 * 1024;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function done<T>(
  served: Served,
  method: string,
  path: string,
  body?: unknown,
  type?: string,
) {
  const answer = await served.call(method, path, body, type);
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

// ── The world ──

function blockOf(block: number): Person[] {
  const random = new Random(1000 + block);
  return people(BLOCK, block + 1).map(({ id, data }) => ({
    id: `${block}-${id}`,
    data: { ...data, organization_id: organizationId(random.below(ORGANIZATION_COUNT)) },
  }));
}

const organizationId = (n: number) => `c${n}`;
const put = (objectType: string, id: string, data: Change['data']): Change => ({
  op: 'put',
  object_type: objectType,
  id,
  ...(data ? { data } : {}),
});

function* world(): Generator<Change> {
  const random = new Random(7);
  for (let n = 0; n < ORGANIZATION_COUNT; n++) {
    const data = { sector: `sector-${1 + random.below(20)}`, size: random.below(10_000) };
    yield put(ORGANIZATIONS, organizationId(n), data);
  }
  for (let block = 0; block < BLOCKS; block++) {
    for (const [at, { id, data }] of blockOf(block).entries()) {
      yield put(PEOPLE, id, data);
      if (at % ORDER_EVERY > 0) continue;
      const order = { customer_id: id, state: 'open', total: random.below(5000) };
      yield put(ORDERS, `b-${id}`, order);
    }
  }
}

/** Five reach the neighbours of people. */
function queries(): object[] {
  const rule = (field: string, operator: string, value: unknown) => ({ field, operator, value });
  const both = (...rules: object[]) => ({ combinator: 'and', rules });
  const some = (...rules: object[]) => ({
    field: 'orders',
    match: { mode: 'some' },
    value: both(...rules),
  });
  return [
    both(rule('organization.sector', '=', 'sector-3'), rule('plan', '=', 'team')),
    both(rule('organization.size', '>=', 9000)),
    both(rule('organization.size', '<', 500), rule('vip', '=', true)),
    both(some(rule('state', '=', 'paid'))),
    both(some(rule('total', '>=', 4000)), rule('status', '=', 'active')),
    ...segments(SEGMENTS - 5, 3),
  ];
}

const NUMBERS: readonly [name: string, step: number][] = [
  ['score', 0.5],
  ['visits', 40],
  ['balance', 200],
  ['minutes', 300],
];

/** To draw a block takes time: so many requests are of the same one. */
const REQUESTS_A_BLOCK = 50;

/** Numbers move a little around where they began; one change in a hundred is of an organization. */
class Flow {
  readonly #random = new Random(11);
  #block: Person[] = [];
  #requests = 0;

  changes(count: number): Change[] {
    if (this.#requests++ % REQUESTS_A_BLOCK === 0)
      this.#block = blockOf(this.#random.below(BLOCKS));
    return Array.from({ length: count }, () => this.#change());
  }

  #change(): Change {
    const random = this.#random;
    if (random.chance(0.01)) {
      const id = organizationId(random.below(ORGANIZATION_COUNT));
      return { op: 'patch', object_type: ORGANIZATIONS, id, data: { size: random.below(10_000) } };
    }
    const { id, data } = random.pick(this.#block);
    const [name, step] = random.pick(NUMBERS);
    const moved = Math.round((Number(data[name]) + (random.unit() - 0.5) * step) * 100) / 100;
    return { op: 'patch', object_type: PEOPLE, id, data: { [name]: Math.max(0, moved) } };
  }
}

// ── The server ──

async function declare(served: Served): Promise<void> {
  for (const name of [ORGANIZATIONS, PEOPLE, ORDERS])
    await done(served, 'PUT', `/v1/object-types/${name}`, REACH_DEFINITIONS[name]);
  for (const [n, query] of queries().entries()) {
    const segment = { title: `Segment ${n}`, slug: `s${n}`, object_type: PEOPLE, query };
    await done(served, 'POST', '/v1/segments', segment);
  }
}

async function send(served: Served, given: readonly Change[], wait: string): Promise<void> {
  const body = given.map((change) => JSON.stringify(change)).join('\n');
  const path = `/v1/changes?wait=${wait}&timeout_ms=60000`;
  const { rejected } = await done<{ rejected: unknown[] }>(
    served,
    'POST',
    path,
    body,
    'application/x-ndjson',
  );
  expect(rejected).toEqual([]);
}

async function load(served: Served): Promise<void> {
  let some: Change[] = [];
  for (const change of world()) {
    if (some.push(change) < REQUEST_CHANGES) continue;
    await send(served, some, 'applied');
    some = [];
  }
  if (some.length > 0) await send(served, some, 'applied');
}

interface Look {
  readonly appliedMs: number;
  readonly countedMs: number;
  readonly residentMb: number;
  readonly redisMb: number;
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await run();
  return performance.now() - startedMs;
}

/** All counts, each of them exact, or this throws. */
async function countAll(served: Served): Promise<void> {
  const slugs = Array.from({ length: SEGMENTS }, (_, n) => `s${n}`);
  const { counts } = await done<{ counts: { status: string }[] }>(
    served,
    'POST',
    '/v1/segments/counts',
    { slugs, timeout_ms: 60_000 },
  );
  expect(new Set(counts.map(({ status }) => status))).toEqual(new Set(['ready']));
}

it('keeps up with a steady flow, in flat memory, and is right at the end', {
  timeout: 4 * 3_600_000,
}, async () => {
  const folder = dataFolder();
  cleanups.push(folder.remove);
  const env = { ROLLCALL_DATA: folder.path };
  const served = await serve(env);
  cleanups.push(() => served.stop());
  const redis = openConnection({ url: served.redis.url });
  cleanups.push(() => redis.disconnect());
  await redis.connect();
  await declare(served);
  const loadMs = await timed(() => load(served));
  const settleMs = await timed(() => countAll(served));

  const flow = new Flow();
  const look = async (one: readonly Change[]): Promise<Look> => ({
    appliedMs: await timed(() => send(served, one, 'applied')),
    countedMs: await timed(() => countAll(served)),
    residentMb: Number(/VmRSS:\s+(\d+)/.exec(statusOf(served))![1]) / 1024,
    redisMb: Number(/used_memory:(\d+)/.exec(await redis.info('memory'))![1]) / MB,
  });
  const looks: Look[] = [];
  const startedMs = performance.now();
  const endsMs = startedMs + MINUTES * 60_000;
  let [sent, flowMs] = [0, 0];
  const pour = async () => {
    while (flowMs < MINUTES * 60_000) {
      await sleep(TICK_MS);
      flowMs = performance.now() - startedMs;
      const due = Math.floor((flowMs / 1000) * RATE) - sent;
      await send(served, flow.changes(due), 'accepted');
      sent += due;
    }
  };
  const watch = async () => {
    while (performance.now() < endsMs) {
      looks.push(await look(flow.changes(1)));
      await sleep(SAMPLE_MS);
    }
  };
  await Promise.all([pour(), watch()]);
  const pouredMs = performance.now() - startedMs;
  const drainMs = await timed(() => countAll(served));
  await served.stop();
  // The audit takes long: what was measured is told before it.
  report({ loadMs, settleMs, sent, flowMs: pouredMs, drainMs, looks });
  const { code, stdout } = await runCli(['audit'], env);
  console.log(stdout);

  expect([code, stdout]).toEqual([0, expect.stringMatching(/zero differences/i)]);
  // Requests that take longer and longer would end late.
  expect(sent / (pouredMs / 1000)).toBeGreaterThan(0.8 * RATE);
  expect(Math.max(...looks.map(({ appliedMs }) => appliedMs))).toBeLessThan(LAG_MAX_MS);
  for (const what of ['residentMb', 'redisMb'] as const)
    expect(third(looks, 2, what)).toBeLessThan(GROWTH_MAX * third(looks, 1, what));
});

const statusOf = ({ child }: Served) => readFileSync(`/proc/${child.pid}/status`, 'utf8');

function third(looks: readonly Look[], nth: number, what: keyof Look): number {
  const size = Math.floor(looks.length / 3);
  return spread(looks.slice(nth * size, (nth + 1) * size).map((look) => look[what])).median;
}

function report(seen: {
  readonly loadMs: number;
  readonly settleMs: number;
  readonly sent: number;
  readonly flowMs: number;
  readonly drainMs: number;
  readonly looks: readonly Look[];
}): void {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const sorted = (what: keyof Look) => seen.looks.map((look) => look[what]).sort((a, b) => a - b);
  const at = (what: keyof Look, share: number) =>
    sorted(what)[Math.floor(share * (seen.looks.length - 1))]!.toFixed(0);
  const thirds = (what: keyof Look) => [0, 1, 2].map((n) => third(seen.looks, n, what).toFixed(0));
  const latency = (what: keyof Look) =>
    `p50 ${at(what, 0.5)} ms, p99 ${at(what, 0.99)} ms, longest ${at(what, 1)} ms`;
  const lines = [
    ['records, segments', `${RECORDS}, ${SEGMENTS}, 5 of them across relationships`],
    ['loaded', `${seconds(seen.loadMs)}; all counts ${seconds(seen.settleMs)} after that`],
    ['flow', `${seen.sent} changes in ${seconds(seen.flowMs)}`],
    ['a change until applied', latency('appliedMs')],
    ['all counts, strong', latency('countedMs')],
    ['server, MB by thirds', thirds('residentMb').join(' · ')],
    ['Redis, MB by thirds', thirds('redisMb').join(' · ')],
    ['all counts after the flow', seconds(seen.drainMs)],
  ];
  console.log(lines.map(([name, value]) => `${name!.padEnd(26)} ${value}`).join('\n'));
}
