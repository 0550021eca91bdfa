/**
 * failed-segments.test.ts – A segment whose JsonLogic takes too much for a record fails, says why,
 * and holds up nothing else.
 *
 * What is seen by a client: counts, members, rows, lookups, what uses the segment, the next edit,
 * the next start, another process.
 */
import type { LightMyRequestResponse } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audit } from '../../src/membership/audit.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built, eventually } from '../support/deployment.ts';
import { freshPrefix } from '../support/redis.ts';

/**
 * Loops over two lists that are written out, for each item of a third: cheap enough over the few
 * that a record mostly has.
 */
const loops = (of: number) => {
  const ones = Array(70).fill(1);
  return {
    some: [{ var: 'o.l' }, { some: [ones, { some: [ones, { '==': [{ var: '' }, of] }] }] }],
  };
};
const DEEP = { or: [loops(2), { '==': [{ var: 'o.k' }, 'x'] }] };
const DEEPER = { or: [loops(3), { '==': [{ var: 'o.k' }, 'x'] }] };
/** So many that they are refused. */
const PIT = { l: Array(60).fill(0), k: 'x' };
const LONG_TEXT = { in: ['q', { cat: Array(40).fill({ var: 's' }) }] };
const OLD_ENOUGH = { combinator: 'and', rules: [{ field: 'a', operator: '>=', value: 1 }] };
const REASON =
  "its JsonLogic took more than 500,000 operations for the record 'pit' of things; " +
  'change the query or the record, then save the segment again';

const TYPES = {
  owners: { attributes: { name: { type: 'string' } } },
  things: {
    attributes: { o: { type: 'object' }, s: { type: 'string' }, a: { type: 'number' } },
    relationships: {
      owner: { to: 'owners', key: 'owner_id', cardinality: 'one', inverse: 'things' },
    },
  },
};

const used = { field: '', operator: 'inSegment', value: 'deep' };
const SEGMENTS: Record<string, { object_type: string; query: unknown }> = {
  deep: { object_type: 'things', query: DEEP },
  plain: { object_type: 'things', query: OLD_ENOUGH },
  user: { object_type: 'things', query: { combinator: 'and', rules: [used, ...OLD_ENOUGH.rules] } },
  outsider: { object_type: 'things', query: { combinator: 'and', not: true, rules: [used] } },
  across: { object_type: 'owners', query: { some: [{ var: 'things' }, DEEP] } },
  nameless: {
    object_type: 'owners',
    query: { combinator: 'and', rules: [{ field: 'name', operator: 'null' }] },
  },
};
const FAILING = ['deep', 'user', 'outsider', 'across'];

interface Count {
  slug: string;
  count: number | null;
  status: string;
}

function segmentBody(slug: string): object {
  return { title: slug, slug, ...SEGMENTS[slug] };
}

async function expectStatus(
  answer: Promise<LightMyRequestResponse>,
  status: number,
): Promise<LightMyRequestResponse> {
  const given = await answer;
  expect(given.statusCode, given.body).toBe(status);
  return given;
}

async function countsOf(
  api: TestApi,
  slugs = Object.keys(SEGMENTS),
): Promise<Record<string, number | string>> {
  const answer = await expectStatus(api.call('POST', '/v1/segments/counts', { slugs }), 200);
  const { counts } = answer.json<{ counts: Count[] }>();
  return Object.fromEntries(
    counts.map(({ slug, count, status }) => [slug, status === 'ready' ? count! : status]),
  );
}

async function segment(api: TestApi, slug: string): Promise<Record<string, unknown>> {
  return (await expectStatus(api.call('GET', `/v1/segments/${slug}`), 200)).json();
}

async function ended(api: TestApi, slug: string): Promise<Record<string, unknown>> {
  let now: Record<string, unknown> = {};
  await eventually(`${slug} is built or has failed`, async () => {
    now = await segment(api, slug);
    return now.status !== 'building';
  });
  return now;
}

function put(api: TestApi, id: string, data: object): Promise<LightMyRequestResponse> {
  return api.call('PUT', `/v1/records/things/${id}`, data);
}

const prefix = freshPrefix();
let api: TestApi;

beforeAll(async () => {
  api = await openTestApi({ prefix });
  for (const [name, type] of Object.entries(TYPES))
    await expectStatus(api.call('PUT', `/v1/object-types/${name}`, type), 201);
  for (const slug of Object.keys(SEGMENTS))
    await expectStatus(api.call('POST', '/v1/segments', segmentBody(slug)), 201);
  const columns = [{ path: 'a' }];
  await expectStatus(
    api.call('POST', '/v1/views', {
      title: 'V',
      slug: 'of-deep',
      object_type: 'things',
      segment: 'deep',
      columns,
    }),
    201,
  );
  const own = { combinator: 'and', rules: [used] };
  await expectStatus(
    api.call('POST', '/v1/views', {
      title: 'W',
      slug: 'own',
      object_type: 'things',
      query: own,
      columns,
    }),
    201,
  );
  const asked = [{ path: 'things', aggregate: 'count', label: 'deep ones', where: own }];
  await expectStatus(
    api.call('POST', '/v1/views', {
      title: 'X',
      slug: 'column',
      object_type: 'owners',
      segment: 'nameless',
      columns: asked,
    }),
    201,
  );
  await built(api.deployment);
  for (let n = 0; n < 20; n++)
    await put(api, `t${n}`, {
      o: n % 2 === 0 ? { k: 'x' } : { k: 'y', l: [n] },
      a: n,
      owner_id: `owner${n % 3}`,
    });
  for (let n = 0; n < 3; n++) await api.call('PUT', `/v1/records/owners/owner${n}`, {});
});

afterAll(() => api.close());

describe('a record that is too much for a segment', () => {
  it('is no matter until it comes', async () => {
    const exact = { deep: 10, plain: 19, user: 9, outsider: 10, across: 3, nameless: 3 };
    expect(await countsOf(api)).toEqual(exact);
  });

  it('is stored, and the very next count says that what looks at it has failed, and is exact of the rest', async () => {
    await expectStatus(put(api, 'pit', { o: PIT, a: 5, owner_id: 'owner0' }), 201);
    const after = {
      deep: 'failed',
      plain: 20,
      user: 'failed',
      outsider: 'failed',
      across: 'failed',
      nameless: 3,
    };
    expect(await countsOf(api)).toEqual(after);
    expect(
      (await api.call('GET', '/v1/records/things/pit')).json<{ data: object }>().data,
    ).toMatchObject({ a: 5 });
  });

  it('is named by the reason of all that failed', async () => {
    await built(api.deployment);
    for (const slug of FAILING) {
      await eventually(
        `${slug} says so`,
        async () => (await segment(api, slug)).status === 'failed',
      );
      expect(await segment(api, slug)).toMatchObject({ status: 'failed', reason: REASON });
    }
    const { data } = (await api.call('GET', '/v1/segments')).json<{
      data: { slug: string; status: string }[];
    }>();
    expect(data.filter(({ status }) => status === 'failed').map(({ slug }) => slug)).toEqual(
      [...FAILING].sort(),
    );
    expect(await segment(api, 'plain')).toMatchObject({ status: 'ready' });
    expect(await segment(api, 'plain')).not.toHaveProperty('reason');
    expect((await api.call('GET', '/v1/views/own')).json()).toMatchObject({
      status: 'failed',
      reason: REASON,
    });
  });

  it('leaves nobody with a stale answer', async () => {
    const reads: [string, string, unknown?][] = [
      ...FAILING.map((slug): [string, string] => ['GET', `/v1/segments/${slug}/members`]),
      ['GET', '/v1/segments/deep/members?consistency=eventual'],
      ['GET', '/v1/segments/deep/members/t0'],
      ['GET', '/v1/records/things?segment=user'],
      ['GET', '/v1/views/of-deep/rows'],
      ['GET', '/v1/views/own/rows'],
      ['GET', '/v1/views/column/rows'],
      [
        'POST',
        '/v1/memberships/lookup',
        { object_type: 'things', ids: ['t0'], segments: ['plain', 'deep'] },
      ],
    ];
    for (const [method, url, body] of reads) {
      const problem = (await expectStatus(api.call(method, url, body), 503)).json<
        Record<string, unknown>
      >();
      expect(problem, url).toMatchObject({ code: 'segment_failed', reason: REASON });
    }
    const record = (await api.call('GET', '/v1/records/things/t2/segments')).json<{
      segments: string[];
    }>();
    expect(record.segments).toEqual(['plain']);
  });

  it('holds up no change, and no other segment', async () => {
    await expectStatus(put(api, 't0', { o: { k: 'x' }, a: 7 }), 200);
    await expectStatus(api.call('DELETE', '/v1/records/things/t1'), 204);
    expect(await countsOf(api, ['plain', 'nameless', 'deep'])).toEqual({
      plain: 20,
      nameless: 3,
      deep: 'failed',
    });
  });

  it('fails a query that is saved while it is there, which is not built for ever', async () => {
    await expectStatus(
      api.call('POST', '/v1/segments', { ...segmentBody('deep'), slug: 'later', query: DEEPER }),
      201,
    );
    expect(await ended(api, 'later')).toMatchObject({ status: 'failed', reason: REASON });
    expect(await countsOf(api, ['later', 'plain'])).toEqual({ later: 'failed', plain: 20 });
    await expectStatus(api.call('DELETE', '/v1/segments/later'), 204);
  });

  it('fails an edit: what was asked before answers no more, until the query is changed', async () => {
    await expectStatus(
      api.call('POST', '/v1/segments', { ...segmentBody('plain'), slug: 'edited' }),
      201,
    );
    expect(await ended(api, 'edited')).toMatchObject({ status: 'ready' });
    await expectStatus(api.call('PATCH', '/v1/segments/edited', { query: DEEPER }), 200);
    expect(await ended(api, 'edited')).toMatchObject({ status: 'failed', revision: 2 });
    expect(await countsOf(api, ['edited'])).toEqual({ edited: 'failed' });
    await expectStatus(api.call('GET', '/v1/segments/edited/members'), 503);
    await expectStatus(api.call('PATCH', '/v1/segments/edited', { query: OLD_ENOUGH }), 200);
    expect(await ended(api, 'edited')).toMatchObject({ status: 'ready', revision: 3 });
    expect(await countsOf(api, ['edited'])).toEqual({ edited: 20 });
    await expectStatus(api.call('DELETE', '/v1/segments/edited'), 204);
  });

  it('is answered for alike by another process, and after a restart of all', async () => {
    const before = await countsOf(api);
    const other = await openTestApi({ prefix, runsWorker: false });
    expect(await countsOf(other)).toEqual(before);
    expect(await segment(other, 'across')).toMatchObject({ status: 'failed', reason: REASON });
    await other.close();
    await api.close();
    api = await openTestApi({ prefix });
    expect(await countsOf(api)).toEqual(before);
    for (const slug of FAILING)
      expect(await segment(api, slug)).toMatchObject({ status: 'failed', reason: REASON });
  });

  it('does not hold up an audit, which names what it left out and finds nothing wrong', async () => {
    const report = await audit(api.deployment, { timeoutMs: 20_000 });
    expect(report.differences).toBe(0);
    const names = [...FAILING, 'views/own'].sort();
    expect(report.skipped).toEqual(names.map((slug) => ({ slug, why: 'failed' })));
  });

  it('has to be put right before the segment is saved again', async () => {
    await expectStatus(put(api, 'pit', { o: { k: 'x' }, a: 5, owner_id: 'owner0' }), 200);
    expect(await countsOf(api, ['deep'])).toEqual({ deep: 'failed' });
    await expectStatus(api.call('PUT', '/v1/segments/deep', segmentBody('deep')), 200);
    expect(await ended(api, 'deep')).toMatchObject({ status: 'ready' });
    // what uses it is saved with it; what merely asks the same is not
    for (const slug of ['user', 'outsider'])
      expect(await ended(api, slug)).toMatchObject({ status: 'ready' });
    expect(await countsOf(api)).toEqual({
      deep: 11,
      plain: 20,
      user: 11,
      outsider: 9,
      across: 'failed',
      nameless: 3,
    });
    await expectStatus(api.call('POST', '/v1/segments/across/rebuild'), 202);
    expect(await ended(api, 'across')).toMatchObject({ status: 'ready', revision: 1 });
    expect(await countsOf(api, ['across'])).toEqual({ across: 3 });
  });

  it('may be a long text too, and fails the query only where it is', async () => {
    await expectStatus(
      api.call('POST', '/v1/segments', { ...segmentBody('deep'), slug: 'texts', query: LONG_TEXT }),
      201,
    );
    await ended(api, 'texts');
    await expectStatus(put(api, 'long', { s: 'x'.repeat(900_000), a: 1 }), 201);
    expect(await countsOf(api, ['texts', 'deep', 'plain'])).toEqual({
      texts: 'failed',
      deep: 11,
      plain: 21,
    });
    await eventually('it says why', async () => (await segment(api, 'texts')).status === 'failed');
    expect((await segment(api, 'texts')).reason).toMatch(
      /^its JsonLogic took more than .* for the record 'long' of things/,
    );
  });

  it('is told by the partition that found it, before the catalog knows, also across a relationship', async () => {
    const { redis, keys, store } = api.deployment;
    const { predicateIds, segments } = store.catalog;
    const plain = segments.get('plain')!.predicateId!;
    const [shared] = predicateIds.get(segments.get('across')!.predicateId!)!.reads!;
    const failure = JSON.stringify({ object_type: 'things', id: 'planted', passed: '1 operation' });
    const { meta, failed } = keys.partitions[2]!;
    await redis.hset(failed, String(plain), failure, String(shared), failure);
    await redis.hset(meta, 'failures', 'planted');
    const expected = { plain: 'failed', across: 'failed', nameless: 3 };
    expect(await countsOf(api, ['plain', 'across', 'nameless'])).toEqual(expected);
    for (const slug of ['plain', 'across']) {
      const problem = (
        await expectStatus(api.call('GET', `/v1/segments/${slug}/members`), 503)
      ).json();
      expect(problem).toMatchObject({ code: 'segment_failed', slug });
    }
  });
});
