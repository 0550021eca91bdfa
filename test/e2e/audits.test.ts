/**
 * audits.test.ts – Audits over HTTP: asked for or by the schedule, one at a time, beside live
 * changes, with what they find among the metrics and in /readyz, until it is repaired.
 */
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { followAuditSchedule } from '../../src/jobs/audits.ts';
import type { AuditEntry } from '../../src/membership/audit-history.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built, eventually } from '../support/deployment.ts';

interface Audit {
  readonly id: string;
  readonly status: string;
  readonly cause: string;
  readonly reason?: string;
  readonly progress?: { readonly done: number; readonly total?: number };
  readonly finished_at: string | null;
  readonly compared: { readonly segments: number; readonly records: number };
  readonly differences: number;
  readonly samples: readonly { kind: string; at: string; expected: unknown; found: unknown }[];
  readonly repaired: boolean;
}

const RECORDS = 300;
let api: TestApi;

beforeAll(async () => {
  api = await openTestApi({ partitions: 2 });
  await ok('PUT', '/v1/object-types/things', { attributes: { n: { type: 'number' } } });
  const query = { combinator: 'and', rules: [{ field: 'n', operator: '>', value: 100 }] };
  await ok('POST', '/v1/segments', { title: 'High', slug: 'high', object_type: 'things', query });
  await built(api.deployment);
  const put = (n: number) => ({ op: 'put', object_type: 'things', id: `t${n}`, data: { n } });
  await ok(
    'POST',
    '/v1/changes',
    Array.from({ length: RECORDS }, (_, n) => put(n)),
  );
});
afterAll(() => api.close());

async function ok(method: string, url: string, body?: unknown) {
  const answer = await api.call(method, url, body);
  expect(answer.statusCode, `${method} ${url} ${answer.body}`).toBeLessThan(300);
  return answer;
}

async function audited(body: object = {}): Promise<Audit> {
  const { id } = (await ok('POST', '/v1/audits', body)).json<Audit>();
  return ended(id);
}

async function ended(id: string): Promise<Audit> {
  let audit: Audit | undefined;
  await eventually(
    'the audit has ended',
    async () => {
      audit = (await ok('GET', `/v1/audits/${id}`)).json<Audit>();
      return audit.finished_at !== null;
    },
    60_000,
  );
  return audit!;
}

async function list(): Promise<Audit[]> {
  return (await ok('GET', '/v1/audits')).json<{ data: Audit[] }>().data;
}

async function differencesTold(): Promise<{ metric: string; warnings: string[] | undefined }> {
  const { body } = await ok('GET', '/metrics');
  const ready = await api.call('GET', '/readyz');
  expect(ready.statusCode).toBe(200);
  return {
    metric: /^rollcall_audit_differences (.*)$/m.exec(body)![1]!,
    warnings: ready.json<{ warnings?: string[] }>().warnings,
  };
}

/** A member is lost, and a member too many is no record. */
async function plant(): Promise<void> {
  const { deployment } = api;
  const { predicateId } = deployment.store.catalog.segments.get('high')!;
  for (const { segment } of deployment.keys.partitions.map((keys) => ({
    segment: keys.segment(predicateId!),
  }))) {
    const [lost] = await deployment.redis.smembers(segment);
    await deployment.redis.srem(segment, lost!);
  }
}

describe('an audit', () => {
  it('of a deployment in which all is well says so', async () => {
    expect(await differencesTold()).toEqual({ metric: 'Nan', warnings: undefined });
    const audit = await audited();
    expect(audit).toMatchObject({
      status: 'completed',
      cause: 'request',
      differences: 0,
      samples: [],
      repaired: false,
      compared: { segments: 1, records: RECORDS },
    });
    expect(await differencesTold()).toEqual({ metric: '0', warnings: undefined });
    expect((await ok('GET', `/v1/jobs/${audit.id}`)).json()).toMatchObject({
      kind: 'audit',
      progress: { done: RECORDS, total: RECORDS },
    });
  });

  it('that finds something is told by metrics and /readyz, until one repairs it', async () => {
    await plant();
    const found = await audited();
    expect(found).toMatchObject({ status: 'completed', repaired: false });
    expect(found.differences).toBe(4); // two members, two counts
    expect(found.samples.map(({ kind }) => kind).sort()).toEqual([
      ...['count', 'count', 'member', 'member'],
    ]);
    expect(found.samples.find(({ kind }) => kind === 'member')).toMatchObject({
      at: expect.stringMatching(/^high\/t\d+$/),
      expected: 'present',
      found: null,
    });
    const { metric, warnings } = await differencesTold();
    expect(metric).toBe('4');
    expect(warnings).toEqual([expect.stringContaining(`'${found.id}' has found 4 differences`)]);
    const repaired = await audited({ repair: true });
    expect(repaired).toMatchObject({ status: 'completed', differences: 4, repaired: true });
    expect(await differencesTold()).toEqual({ metric: '0', warnings: undefined });
    const { counts } = (await ok('POST', '/v1/segments/counts', { slugs: ['high'] })).json();
    expect(counts).toMatchObject([{ count: RECORDS - 101 }]);
    expect((await list()).slice(0, 2).map(({ id }) => id)).toEqual([repaired.id, found.id]);
  });

  it('gives up what it has noted of a record with that record', async () => {
    const [{ id, samples }] = (await list()).slice(1, 2) as [Audit];
    const names = samples.filter(({ kind }) => kind === 'member').map(({ at }) => at.slice(5));
    await ok('DELETE', `/v1/records/things/${names[0]}`);
    const left = (await ok('GET', `/v1/audits/${id}`)).json<Audit>();
    expect(left.differences).toBe(4);
    expect(JSON.stringify(left)).not.toContain(`"high/${names[0]}"`);
    expect(JSON.stringify(left)).toContain(`"high/${names[1]}"`);
    const { redis, keys } = api.deployment;
    const stored = await Promise.all(
      keys.partitions.map(({ auditSamples }) => redis.hgetall(auditSamples)),
    );
    const everything = JSON.stringify([stored, await redis.hgetall(keys.catalog.audits)]);
    expect(everything).not.toMatch(new RegExp(`\\b${names[0]}\\b`));
  });

  it('runs one at a time: who asks meanwhile is told of that one', async () => {
    await api.stopJobs();
    const asked = await Promise.all(
      Array.from({ length: 5 }, () => ok('POST', '/v1/audits', { repair: false })),
    );
    const ids = new Set(asked.map((answer) => answer.json<Audit>().id));
    expect(ids.size).toBe(1);
    const [id] = [...ids] as [string];
    expect(asked[0]!.headers['location']).toBe(`/v1/audits/${id}`);
    expect((await list())[0]).toMatchObject({ id, status: 'waiting', finished_at: null });
    const refused = await api.call('POST', '/v1/audits', { repair: true });
    expect(refused.json()).toMatchObject({ status: 409, code: 'audit_running', audit: id });
    api.startJobs();
    expect(await ended(id)).toMatchObject({ status: 'completed', differences: 0 });
  });

  it('is begun by the schedule, once', async () => {
    const given = {
      deployment: api.deployment,
      timeZone: 'UTC',
      logger: pino({ level: 'silent' }),
    };
    const before = await list();
    const two = await Promise.all(
      [1, 2].map(() => followAuditSchedule({ ...given, schedule: '* * * * * *' })),
    );
    await eventually('one is there', async () => (await list()).length > before.length, 20_000);
    for (const each of two) await each.close();
    const off = await followAuditSchedule({ ...given, schedule: undefined });
    await off.close();
    const [{ id, cause }] = (await list()) as [Audit];
    expect(cause).toBe('schedule');
    expect(await ended(id)).toMatchObject({ status: 'completed', differences: 0 });
  });

  it('whose process ends is begun anew, and given up after five', async () => {
    const { auditHistory } = api.deployment.stores;
    await api.stopJobs();
    const { id } = (await ok('POST', '/v1/audits')).json<Audit>();
    const entry = (begins: number, status: AuditEntry['status']) =>
      auditHistory.put(
        {
          ...{ id, cause: 'request', repair: false, status, begins, startedAt: Date.now() },
          ...{ finishedAt: null, differences: 0, samples: [], repaired: false },
          compared: { segments: 0, records: 0, evaluations: 0 },
        },
        undefined,
      );
    await entry(5, 'running');
    api.startJobs();
    expect(await ended(id)).toMatchObject({
      status: 'failed',
      reason: 'its process ended 5 times before it was done',
    });
    const lost = 'job-00000000-0000-0000-0000-000000000000';
    const known = (await auditHistory.get(id))!;
    await auditHistory.put({ ...known, id: lost, status: 'running', finishedAt: null }, undefined);
    expect((await ok('GET', `/v1/audits/${lost}`)).json()).toMatchObject({
      status: 'failed',
      reason: 'its job is gone',
    });
  });

  it('that there is not is 404, and of a wrong form 422', async () => {
    expect((await api.call('GET', '/v1/audits/nobody')).json().code).toBe('audit_unknown');
    expect((await api.call('GET', '/v1/audits/verdict')).json().code).toBe('audit_unknown');
    expect((await api.call('POST', '/v1/audits', { repair: 'yes' })).statusCode).toBe(422);
  });
});
