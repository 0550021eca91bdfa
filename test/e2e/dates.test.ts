/**
 * dates.test.ts – A date is the same calendar day wherever it is seen, and in whatever time zone a
 * deployment counts its days; what is said of days and moments is what is answered of records.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FoundingError } from '../../src/catalog/founding.ts';
import { audit } from '../../src/membership/audit.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built, eventually, openTestDeployment } from '../support/deployment.ts';
import { openReceiver } from '../support/receiver.ts';
import { openWebhookDeployment, VIEW } from '../support/webhooks.ts';

const ZURICH = 'Europe/Zurich';
const group = (...rules: unknown[]) => ({ combinator: 'and', rules });
const PEOPLE = {
  attributes: {
    name: { type: 'string' },
    born_on: { type: 'date' },
    seen_at: { type: 'datetime' },
    days: { type: 'list', of: 'date' },
  },
  relationships: { firm: { to: 'firms', key: 'firm_id', cardinality: 'one', inverse: 'people' } },
};
const FIRMS = { attributes: { founded_on: { type: 'date' } } };

/** What the record bears: in each of its forms it is November 26, in Zurich. */
const BORN: Readonly<Record<string, string>> = {
  plain: '1990-11-26',
  moment: '1990-11-25T23:30:00Z',
  offset: '1990-11-26 00:30+01',
  local: '1990-11-26T23:59',
};

const SEGMENTS: Readonly<Record<string, [objectType: string, query: unknown]>> = {
  born: ['people', group({ field: 'born_on', operator: '=', value: '1990-11-26' })],
  listed: ['people', group({ field: 'born_on', operator: 'in', value: '1990-11-26,1990-11-27' })],
  spanned: [
    'people',
    group({ field: 'born_on', operator: 'between', value: ['1990-11-26', '1990-11-26'] }),
  ],
  raw: ['people', { '==': [{ var: 'born_on' }, '1990-11-26'] }],
  rawList: ['people', { in: ['1990-11-26', { var: 'days' }] }],
  early: ['people', { '<': [{ var: 'born_on' }, '1990-11-27'] }],
  founded: ['people', group({ field: 'firm.founded_on', operator: '<=', value: '1990-11-26' })],
  staffed: ['firms', group({ field: 'people.born_on', operator: '=', value: '1990-11-26' })],
  beforeSeen: [
    'people',
    group({ field: 'born_on', operator: '<', valueSource: 'field', value: 'seen_at' }),
  ],
  old: [
    'people',
    group({
      field: 'born_on',
      operator: '<',
      value: { mode: 'relative', anchor: 'startOfDay', offset: -7 },
    }),
  ],
};

let zurich: TestApi;
let utc: TestApi;

beforeAll(async () => {
  zurich = await openTestApi({ timeZone: ZURICH });
  utc = await openTestApi();
  const put = async (url: string, body: unknown) =>
    expect((await zurich.call('PUT', url, body)).statusCode).toBeLessThan(300);
  await put('/v1/object-types/firms', FIRMS);
  await put('/v1/object-types/people', PEOPLE);
  await put('/v1/records/firms/f', { founded_on: '1990-11-26' });
  for (const [id, born_on] of Object.entries(BORN)) {
    await put(`/v1/records/people/${id}`, {
      name: id,
      born_on,
      days: [born_on],
      seen_at: '1990-11-26T12:00',
      firm_id: 'f',
    });
  }
  await put('/v1/records/people/younger', { name: 'younger', born_on: '1990-11-27' });
  for (const [slug, [object_type, query]] of Object.entries(SEGMENTS)) {
    const created = await zurich.call('POST', '/v1/segments', {
      title: slug,
      slug: slug.toLowerCase(),
      object_type,
      query,
    });
    expect(created.statusCode, created.body).toBe(201);
  }
  await zurich.call('POST', '/v1/views', {
    title: 'People',
    slug: 'people',
    object_type: 'people',
    segment: 'early',
    columns: [{ path: 'name' }, { path: 'born_on' }, { path: 'firm.founded_on', label: 'Founded' }],
    relationships: ['firm'],
    sort: [{ path: 'born_on', direction: 'asc' }],
  });
  await built(zurich.deployment);
});
afterAll(async () => {
  await zurich?.close();
  await utc?.close();
});

async function countsOf({ call }: TestApi): Promise<Record<string, number>> {
  const { counts } = (await call('POST', '/v1/segments/counts', {})).json();
  return Object.fromEntries(
    counts.map(({ slug, count }: { slug: string; count: number }) => [slug, count]),
  );
}

const COUNTS = {
  born: 4,
  listed: 5,
  spanned: 4,
  raw: 4,
  rawlist: 4,
  early: 4,
  founded: 4,
  staffed: 1,
  beforeseen: 4,
  old: 5,
};

describe('a date', () => {
  it('is returned as its day, in each answer that holds records', async () => {
    for (const id of Object.keys(BORN)) {
      const { data } = (await zurich.call('GET', `/v1/records/people/${id}`)).json();
      expect(data).toMatchObject({
        born_on: '1990-11-26',
        days: ['1990-11-26'],
        seen_at: '1990-11-26T11:00:00.000Z',
      });
    }
    for (const url of [
      '/v1/records/people',
      '/v1/records/people?segment=born',
      '/v1/segments/born/members?include=records',
      '/v1/records/people/plain?include=firm',
      '/v1/views/people/rows',
    ]) {
      const { statusCode, body } = await zurich.call('GET', url);
      expect(statusCode, url).toBe(200);
      expect(body, url).toMatch(/"(born|founded)_on":"1990-11-26"/);
      expect(body, url).not.toMatch(/_on":"1990-11-2\d[T ]/);
    }
    const rows = async (accept: string) =>
      (
        await zurich.server.inject({
          url: '/v1/views/people/rows',
          headers: { accept, authorization: 'Bearer the-key-of-the-viewer' },
        })
      ).body;
    expect((await rows('text/csv')).split('\r\n')[1]).toBe('local,1990-11-26,1990-11-26');
    expect(JSON.parse((await rows('application/x-ndjson')).split('\n')[0]!)).toMatchObject({
      born_on: '1990-11-26',
      'firm.founded_on': '1990-11-26',
    });
  });

  it('is found by rules and by JsonLogic, across relationships too, as the reference says', async () => {
    expect(await countsOf(zurich)).toEqual(COUNTS);
    expect(await audit(zurich.deployment, { timeoutMs: 60_000 })).toMatchObject({
      differences: 0,
    });
    const { json_logic } = (await zurich.call('GET', '/v1/segments/born')).json();
    expect(json_logic).toEqual({ and: [{ '===': [{ var: 'born_on' }, '1990-11-26'] }] });
  });

  it('stays its day in a seed for another time zone, and so do the memberships', async () => {
    const include = 'object_types,segments,views,records:firms,records:people';
    const { body } = await zurich.call('GET', `/v1/seeds?include=${include}`);
    expect(body).not.toMatch(/"born_on": ?"1990-11-2\d[T ]/);
    const named = {
      object_type: 'people',
      data: {
        id: 'guest',
        name: 'guest',
        firm_id: '{{getRecordAttribute(firms, founded_on, 1990-11-26)}}',
      },
    };
    const applied = await utc.call('POST', '/v1/seeds', [...JSON.parse(body), named]);
    expect(applied.statusCode, applied.body).toBe(200);
    expect(applied.json().errors).toEqual([]);
    await built(utc.deployment);
    expect(await countsOf(utc)).toEqual({ ...COUNTS, founded: 5 });
    const people = async ({ call }: TestApi) =>
      (await call('GET', '/v1/records/people'))
        .json()
        .data.map(({ id, data }: { id: string; data: object }) => [id, data]);
    expect((await people(utc)).filter(([id]: [string]) => id !== 'guest')).toEqual(
      await people(zurich),
    );
    expect((await utc.call('GET', '/v1/records/people/guest')).json().data.firm_id).toBe('f');
  });

  it('stays its day in an export of records, and in the import of that', async () => {
    for (const format of ['ndjson', 'csv']) {
      const job = await zurich.ended(await zurich.call('POST', '/v1/exports/people', { format }));
      const { body } = await zurich.call('GET', `/v1/jobs/${job.id}/result`);
      expect(body).toContain('1990-11-26');
      expect(body.replaceAll('1990-11-26T11:00:00.000Z', '')).not.toMatch(/1990-11-2\dT/);
      const [type, url] = [
        format === 'csv' ? 'text/csv' : 'application/x-ndjson',
        '/v1/imports/people',
      ];
      const imported = await utc.ended(await utc.call('POST', url, body, { type }));
      expect(imported).toMatchObject({ status: 'completed', errors: [] });
      expect(await countsOf(utc)).toMatchObject({ born: 4, raw: 4 });
    }
  });

  it('is its day where its value is older than its declaration', async () => {
    const { call } = zurich;
    await call('PUT', '/v1/object-types/events', { attributes: {} });
    await call('PUT', '/v1/records/events/e', {
      on: '1990-11-25T23:30:00Z',
      at: '1990-11-26 00:30',
      other: '1990-11-26 00:30',
    });
    await call('PUT', '/v1/object-types/events', {
      attributes: { on: { type: 'date' }, at: { type: 'datetime' } },
    });
    const read = { on: '1990-11-26', at: '1990-11-25T23:30:00.000Z', other: '1990-11-26 00:30' };
    expect((await call('GET', '/v1/records/events/e')).json().data).toEqual(read);
    expect((await call('GET', '/v1/records/events')).json().data[0].data).toEqual(read);
    await call('PUT', '/v1/object-types/events', {
      attributes: { on: { type: 'date' }, at: { type: 'date' } },
    });
    expect((await call('GET', '/v1/records/events/e')).json().data.at).toBe('1990-11-26');
  });

  it('is its day in a webhook', async () => {
    const receiver = await openReceiver();
    const { deployment, activate, close } = await openWebhookDeployment({ timeZone: ZURICH });
    try {
      await deployment.objectTypes.put('people', { attributes: { born_on: { type: 'date' } } });
      const query = group({ field: 'born_on', operator: '=', value: '1990-11-26' });
      await deployment.views.create({
        title: 'Born',
        slug: VIEW,
        object_type: 'people',
        query,
        columns: [{ path: 'born_on' }],
      });
      await built(deployment);
      receiver.secret = (await activate(receiver.url)).signed;
      const change = {
        op: 'put',
        object_type: 'people',
        id: 'a',
        data: { born_on: '1990-11-26 10:00' },
      };
      await deployment.ingest.one(change, { wait: 'applied', timeoutMs: 60_000 });
      await eventually('it is told', () => receiver.taken.size === 1);
      expect(JSON.parse(receiver.received.at(-1)!.body).data.columns).toEqual({
        id: 'a',
        born_on: '1990-11-26',
      });
    } finally {
      await close();
      await receiver.close();
    }
  });
});

describe('a day that is asked of moments', () => {
  it('is the whole day of the time zone', async () => {
    const { call, deployment } = zurich;
    await call('PUT', '/v1/object-types/visits', { attributes: { at: { type: 'datetime' } } });
    // November 30 in Zurich begins and ends at eleven in the evening
    const moments = [
      '2026-11-29T22:59:59.999Z',
      '2026-11-29T23:00:00Z',
      '2026-11-30 23:59',
      '2026-11-30T23:00:00Z',
      '2026-12-15',
    ];
    for (const [id, at] of moments.entries()) await call('PUT', `/v1/records/visits/${id}`, { at });
    const rules: Readonly<Record<string, [operator: string, value: unknown, members: string]>> = {
      on: ['=', '2026-11-30', '1,2'],
      off: ['!=', '2026-11-30', '0,3,4'],
      among: ['in', ['2026-11-30', '2026-12-15'], '1,2,4'],
      'not-among': ['notIn', ['2026-11-30', '2026-12-15T00:00'], '0,3'],
      until: ['<=', '2026-11-30', '0,1,2'],
      after: ['>', '2026-11-30', '3,4'],
      before: ['<', '2026-11-30', '0'],
      since: ['>=', '2026-11-30', '1,2,3,4'],
      month: ['between', ['2026-11-01', '2026-11-30'], '0,1,2'],
      turned: ['between', ['2026-11-30', '2026-11-01'], '0,1,2'],
      'out-of': ['notBetween', ['2026-11-01', '2026-11-30'], '3,4'],
      minute: ['>=', '2026-11-30T23:59', '2,3,4'],
    };
    for (const [slug, [operator, value]] of Object.entries(rules)) {
      const query = group({ field: 'at', operator, value });
      const { json_logic } = (
        await call('POST', '/v1/segments', { title: slug, slug, object_type: 'visits', query })
      ).json();
      const again = await call('POST', '/v1/segments', {
        title: slug,
        slug: `${slug}-again`,
        object_type: 'visits',
        query: json_logic,
      });
      expect(again.statusCode, again.body).toBe(201);
      const items = [{ type: 'attribute', slug: 'at', operator, value }];
      await call('POST', '/v1/segments', {
        title: slug,
        slug: `${slug}-item`,
        object_type: 'visits',
        query: { type: 'group', operator: 'and', items },
      });
    }
    await built(deployment);
    for (const [slug, [, , members]] of Object.entries(rules)) {
      for (const each of [slug, `${slug}-again`, `${slug}-item`]) {
        const { data } = (await call('GET', `/v1/segments/${each}/members`)).json();
        expect(
          data
            .map(({ id }: { id: string }) => id)
            .sort()
            .join(),
          each,
        ).toBe(members);
      }
    }
  });
});

describe('a datetime', () => {
  const written = {
    browser: '2026-01-31T10:30',
    database: '2026-01-31 10:30:00.000123',
    offset: '2026-01-31 09:30:00+00',
    short: '2026-01-31t09:30z',
  };

  it('may lack seconds and have a space for the T, in JSON, in NDJSON and in CSV', async () => {
    const { call, ended } = zurich;
    await call('PUT', '/v1/object-types/logins', {
      attributes: { at: { type: 'datetime' }, on: { type: 'date' } },
    });
    const read = async (id: string) => (await call('GET', `/v1/records/logins/${id}`)).json().data;
    const entries = Object.entries(written);
    const csv = [
      'id,at,on',
      ...entries.map(([id, at]) => `csv-${id}, ${at} ,${at}`),
      'bad,2026-01-31T24:00,31.01.2026',
    ];
    const job = await ended(
      await call('POST', '/v1/imports/logins', csv.join('\n'), { type: 'text/csv' }),
    );
    expect(job.errors).toMatchObject([
      {
        line: 6,
        detail:
          "'at' must be a datetime, such as 2026-01-31T10:30:00.000Z, not " +
          "'2026-01-31T24:00'; 'on' must be a date, such as 2026-01-31, not '31.01.2026'",
      },
    ]);
    const lines = entries.map(([id, at]) =>
      JSON.stringify({ id: `ndjson-${id}`, data: { at, on: at } }),
    );
    await ended(
      await call('POST', '/v1/imports/logins', lines.join('\n'), { type: 'application/x-ndjson' }),
    );
    for (const [id, at] of entries) {
      await call('PUT', `/v1/records/logins/json-${id}`, { at, on: at });
      for (const form of ['csv', 'ndjson', 'json'])
        expect(await read(`${form}-${id}`), `${form} ${at}`).toEqual({
          at: '2026-01-31T09:30:00.000Z',
          on: '2026-01-31',
        });
    }
  });

  it('is found in a seed by its day', async () => {
    const guest = (id: string, day: string) => ({
      object_type: 'people',
      data: { id, firm_id: `{{getRecordAttribute(logins, at, ${day})}}` },
    });
    await zurich.call('PUT', '/v1/records/logins/lone', { at: '2025-05-05 12:00' });
    expect((await zurich.call('POST', '/v1/seeds', [guest('g', '2025-05-05')])).statusCode).toBe(
      200,
    );
    expect((await zurich.call('GET', '/v1/records/people/g')).json().data.firm_id).toBe('lone');
    expect((await zurich.call('POST', '/v1/seeds', [guest('h', '2025-05-06')])).statusCode).toBe(
      422,
    );
  });
});

it('a deployment that keeps dates as moments is refused at the start', async () => {
  const { redis, keys } = utc.deployment;
  const { prefix } = keys;
  const stored = (await redis.hget(keys.catalog.meta, 'semantics'))!;
  await redis.hset(keys.catalog.meta, 'semantics', '1');
  const opened = openTestDeployment({ prefix }).finally(() =>
    redis.hset(keys.catalog.meta, 'semantics', stored),
  );
  await expect(opened).rejects.toThrow(FoundingError);
  await expect(opened).rejects.toThrow(/semantics version/);
});

describe('what is refused', () => {
  it('is answered with a value that would be taken', async () => {
    const put = async (data: object) =>
      (await zurich.call('PUT', '/v1/records/people/x', data)).json().errors;
    expect(
      await put({ born_on: '1990-02-30', seen_at: '1990-11-26T24:00', days: 'x', name: 5 }),
    ).toEqual([
      { path: '/born_on', detail: `'born_on' must be a date, such as "2026-01-31"` },
      {
        path: '/seen_at',
        detail: `'seen_at' must be a datetime, such as "2026-01-31T10:30:00.000Z"`,
      },
      { path: '/days', detail: `'days' must be a list of dates, such as ["2026-01-31"]` },
      { path: '/name', detail: `'name' must be a string, such as "abc"` },
    ]);
    const refused = await zurich.call('POST', '/v1/segments', {
      title: 'x',
      slug: 'x',
      object_type: 'people',
      query: { and: [{ '==': [{ var: 'seen_at' }, '2026-11-26T10:00:00Z'] }] },
    });
    expect(refused.statusCode).toBe(422);
    expect(refused.json()).toMatchObject({
      code: 'query_invalid',
      errors: [{ path: '/query/and/0/==/1' }],
    });
    expect(refused.json().errors[0].detail).toContain('write "2026-11-26T10:00:00.000Z"');
  });
});
