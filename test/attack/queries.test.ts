/**
 * queries.test.ts – Hostile queries and records against a real server: it answers throughout, what
 * is sane stays exact, and a restart finds all as it was.
 *
 * Each query of test/support/hostile-queries.ts is saved or refused, and its record is sent, also
 * where the query was refused. The latency of `/healthz` is measured from a process of its own. Not
 * part of `npm test`: `npm run test:attack`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { members } from '../reference.ts';
import { type Health, type Watch, watch } from '../support/attack.ts';
import { dataFolder, type Served, serve } from '../support/cli.ts';
import { eventually } from '../support/deployment.ts';
import {
  HOSTILE_TYPE,
  type Hostile,
  RELATED,
  REPORTED,
  SANE,
  SLEEPING,
} from '../support/hostile-queries.ts';

const HOSTILE = [...REPORTED, ...RELATED, ...SLEEPING];
const HEALTHY_P99_MS = 250;
/** Samples enough that one slow answer is not the 99th percentile. */
const PROBES_MIN = 1000;
const RECORDS = 100;
const SETTLED_MS = 120_000;

interface Stored {
  readonly slug: string;
  readonly status: string;
  readonly reason?: string;
  readonly json_logic: unknown;
}

interface Count {
  readonly slug: string;
  readonly count: number | null;
  readonly status: string;
}

const plainQuery = { combinator: 'and', rules: [{ field: 'a', operator: '>=', value: 50 }] };
const folder = dataFolder();
const records = new Map<string, Record<string, unknown>>();
let served: Served;
let watching: Watch;
let health: Health;

async function answered<T>(
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: T }> {
  const answer = await served.call(method, path, body);
  return { status: answer.status, body: (await answer.json().catch(() => undefined)) as T };
}

async function put(id: string, data: Record<string, unknown>): Promise<void> {
  const { status, body } = await answered<{ detail?: string }>(
    'PUT',
    `/v1/records/things/${id}`,
    data,
  );
  expect([200, 201], `${id}: ${body?.detail}`).toContain(status);
  records.set(id, data);
}

function save(
  slug: string,
  query: unknown,
): Promise<{ status: number; body: { code?: string; errors?: { path: string }[] } }> {
  return answered('POST', '/v1/segments', { title: slug, slug, object_type: 'things', query });
}

async function segments(): Promise<Stored[]> {
  const { body } = await answered<{ data: Stored[] }>('GET', '/v1/segments?limit=1000');
  return body.data;
}

async function counts(slugs: readonly string[]): Promise<Count[]> {
  const { body } = await answered<{ counts: Count[] }>('POST', '/v1/segments/counts', {
    slugs,
    timeout_ms: 30_000,
  });
  return body.counts;
}

async function membersOf(slug: string): Promise<string[]> {
  const { body } = await answered<{ data: { id: string }[] }>(
    'GET',
    `/v1/segments/${slug}/members?limit=1000`,
  );
  return body.data.map(({ id }) => id).sort();
}

/** What every sane segment has to say, by json-logic-js. */
function expected(rule: unknown): string[] {
  const documents = [...records].map(([id, document]) => ({ id, document }));
  return members(rule, documents).sort();
}

async function settled(): Promise<void> {
  await eventually(
    'no segment is being built',
    async () => (await segments()).every(({ status }) => status !== 'building'),
    SETTLED_MS,
  );
}

/** Members, by json-logic-js, of whatever is ready; it has no budget, so only of what is sane. */
async function expectSaneExact(): Promise<void> {
  const rules = new Map((await segments()).map(({ slug, json_logic: rule }) => [slug, rule]));
  const sane = ['plain', ...SANE.map((_, at) => `sane-${at}`)];
  for (const { slug, count, status } of await counts(sane)) {
    const ids = expected(rules.get(slug));
    expect({ slug, status, count }).toEqual({ slug, status: 'ready', count: ids.length });
    expect(await membersOf(slug), slug).toEqual(ids);
  }
}

beforeAll(async () => {
  served = await serve({ ROLLCALL_DATA: folder.path, ROLLCALL_PARTITIONS: '4' });
  await answered('PUT', '/v1/object-types/things', HOSTILE_TYPE);
  expect((await save('plain', plainQuery)).status).toBe(201);
  for (const [at, { query }] of SANE.entries())
    expect((await save(`sane-${at}`, query)).status).toBe(201);
  for (let n = 0; n < RECORDS; n++) {
    await put(`r${n}`, {
      a: n,
      t: n % 2 === 0 ? ['ab', 'x'] : ['x'],
      n: [n, 1],
      s: `s${n}`,
      o: { l: [n] },
    });
  }
  watching = watch(served.url);
});

afterAll(async () => {
  await served?.stop();
  folder.remove();
});

describe('a server under hostile queries', { timeout: 600_000 }, () => {
  it('refuses each, with the part at fault, or takes it', async () => {
    const taken: string[] = [];
    for (const [at, { name, query }] of HOSTILE.entries()) {
      const { status, body } = await save(`hostile-${at}`, query);
      if (status === 201) taken.push(name);
      else {
        expect([status, ['query_too_costly', 'query_invalid'].includes(body.code!)], name).toEqual([
          422,
          true,
        ]);
        expect(body.errors![0]!.path, name).toMatch(/^\/query/);
      }
    }
    for (const { name } of REPORTED) expect(taken).not.toContain(name);
    for (const { name } of SLEEPING) expect(taken).toContain(name);
  });

  it('takes the records that are meant to make them grow, and says of all else what is so', async () => {
    const sent: readonly Hostile[] = [...HOSTILE, ...SANE].filter(({ data }) => data !== undefined);
    for (const [at, { data }] of sent.entries()) {
      await put(`h${at}`, { a: 60, ...data });
      const [plain] = await counts(['plain']);
      expect(plain).toMatchObject({ status: 'ready', count: expected(plainQueryLogic).length });
    }
    await settled();
    await expectSaneExact();
  });

  it('says which have failed, and at which record', async () => {
    const failed = (await segments()).filter(({ status }) => status === 'failed');
    const names = failed.map(({ slug }) => HOSTILE[Number(slug.slice('hostile-'.length))]!.name);
    for (const name of ['many copies of a long text', 'loops over short lists for each item'])
      expect(names).toContain(name);
    for (const { reason } of failed)
      expect(reason).toMatch(/^its JsonLogic took more than .* for the record 'h\d+' of things/);
    for (const { count, status } of await counts(failed.map(({ slug }) => slug)))
      expect([count, status]).toEqual([null, 'failed']);
    for (const { slug } of failed) {
      const { status, body } = await answered<{ code: string }>(
        'GET',
        `/v1/segments/${slug}/members`,
      );
      expect([status, body.code]).toEqual([503, 'segment_failed']);
    }
  });

  it('fails those too that are saved while such records are there', async () => {
    for (const [at, { query }] of SLEEPING.entries())
      expect((await save(`again-${at}`, query)).status).toBe(201);
    await settled();
    const again = (await segments()).filter(({ slug }) => slug.startsWith('again-'));
    const before = (await segments()).filter(({ slug }) => slug.startsWith('hostile-'));
    const statusOf = (name: string) => before[0] && HOSTILE.findIndex((each) => each.name === name);
    for (const [at, { name }] of SLEEPING.entries()) {
      const first = before.find(({ slug }) => slug === `hostile-${statusOf(name)}`)!;
      expect(again.find(({ slug }) => slug === `again-${at}`)!.status, name).toBe(first.status);
    }
  });

  it(`has answered /healthz within ${HEALTHY_P99_MS} ms at the 99th percentile, and never failed to`, async () => {
    await sleep(1000);
    health = await watching.health();
    console.log('healthz under hostile queries:', JSON.stringify(health));
    expect(health.failed).toBe(0);
    expect(health.probes).toBeGreaterThan(PROBES_MIN);
    expect(health.p99Ms).toBeLessThanOrEqual(HEALTHY_P99_MS);
  });

  it('is exact after a restart, and the same segments have failed for the same reasons', async () => {
    const before = await segments();
    const slugs = before.map(({ slug }) => slug);
    const countsBefore = await counts(slugs);
    expect((await served.stop()).code).toBe(0);
    served = await serve({ ROLLCALL_DATA: folder.path, ROLLCALL_PARTITIONS: '4' });
    expect(await segments()).toEqual(before);
    expect(await counts(slugs)).toEqual(countsBefore);
    await expectSaneExact();
  });

  it('lets each of the failed ones be edited, and deleted', async () => {
    const failed = (await segments()).filter(({ status }) => status === 'failed');
    const [first, ...others] = failed;
    expect(
      (await answered('PATCH', `/v1/segments/${first!.slug}`, { query: plainQuery })).status,
    ).toBe(200);
    for (const { slug } of others)
      expect((await served.call('DELETE', `/v1/segments/${slug}`)).status).toBe(204);
    await settled();
    const [plain, healed] = await counts(['plain', first!.slug]);
    expect(healed).toMatchObject({ status: 'ready', count: plain!.count });
  });
});

const plainQueryLogic = { and: [{ '!=': [{ var: 'a' }, null] }, { '>=': [{ var: 'a' }, 50] }] };
