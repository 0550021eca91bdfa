/**
 * imports.test.ts – Records of any number, in and out: what a line may be, what is told of a bad
 * one, how a job stands, and that what was exported is what can be imported.
 */
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Jobs } from '../../src/jobs/jobs.ts';
import { type JobAnswer, openTestApi, type TestApi } from '../support/api.ts';
import { eventually } from '../support/deployment.ts';

const CSV = 'text/csv';
const NDJSON = 'application/x-ndjson';
const CONTACTS = {
  attributes: {
    name: { type: 'string' },
    age: { type: 'number' },
    vip: { type: 'boolean' },
    born_on: { type: 'date' },
    last_seen_at: { type: 'datetime' },
    tags: { type: 'list', of: 'string' },
    scores: { type: 'list', of: 'number' },
    address: { type: 'object' },
  },
  relationships: {
    friends: { to: 'contacts', key: 'friend_ids', cardinality: 'many', inverse: 'friend_of' },
  },
};

let api: TestApi;

beforeAll(async () => {
  api = await openTestApi();
  expect((await api.call('PUT', '/v1/object-types/contacts', CONTACTS)).statusCode).toBe(201);
});
afterAll(() => api.close());

async function imported(body: string, type: string, query = ''): Promise<JobAnswer> {
  return api.ended(await api.call('POST', `/v1/imports/contacts${query}`, body, { type }));
}

async function data(id: string): Promise<unknown> {
  return (await api.call('GET', `/v1/records/contacts/${id}`)).json().data;
}

async function version(id: string): Promise<number> {
  return (await api.call('GET', `/v1/records/contacts/${id}`)).json().version;
}

async function errorsOf({ id }: JobAnswer): Promise<unknown[]> {
  const answer = await api.call('GET', `/v1/jobs/${id}/errors`, undefined, { role: 'viewer' });
  expect(answer.headers['content-type']).toContain('application/x-ndjson');
  return answer.body
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

describe('an import of CSV', () => {
  it('reads cells as the declared types, and an empty cell as no value', async () => {
    const body = [
      'id,name,age,vip,born_on,last_seen_at,tags,scores,address,friend_ids,note',
      'v1,Ada, 36 ,TRUE,2000-01-31,2026-01-31T09:30:00+01:00,"a, ' +
        'b","[1,2.5]","{""city"":""Paris""}","v2,v3",free text',
      'v2,,,,,,[],,,,',
    ].join('\r\n');
    const job = await imported(body, CSV);
    expect(job).toMatchObject({
      status: 'completed',
      result: { accepted: 2, rejected: 0 },
      errors: [],
      errors_total: 0,
    });
    expect(job.progress).toEqual({ done: 2, total: 2 });
    expect(await data('v1')).toEqual({
      name: 'Ada',
      age: 36,
      vip: true,
      born_on: '2000-01-31',
      last_seen_at: '2026-01-31T08:30:00.000Z',
      tags: ['a', 'b'],
      scores: [1, 2.5],
      address: { city: 'Paris' },
      friend_ids: ['v2', 'v3'],
      note: 'free text',
    });
    expect(await data('v2')).toEqual({ tags: [] });
  });

  it('tells of each line that can not be read, and imports the others', async () => {
    const body = [
      'id,age,vip,last_seen_at',
      'b1,1,true,2026-01-01',
      'b2,old,perhaps,2026-01-01',
      ',3,true,2026-01-01',
      '',
      'b5,"5"x,true,2026-01-01',
      'b6,6,false,tomorrow',
      'b7,7,true,2026-01-01,more',
      'b8,8,true,',
      'b9,"9',
    ].join('\n');
    const job = await imported(body, CSV);
    expect(job).toMatchObject({
      status: 'completed',
      result: { accepted: 2, rejected: 6 },
      errors_total: 6,
    });
    const errors = await errorsOf(job);
    expect(errors).toMatchObject([
      { line: 3, code: 'attribute_invalid', path: '/data/age' },
      { line: 4, code: 'record_id_invalid', path: '/id' },
      { line: 6, code: 'line_malformed' },
      { line: 7, code: 'attribute_invalid', path: '/data/last_seen_at' },
      { line: 8, code: 'line_malformed' },
      { line: 10, code: 'line_malformed' },
    ]);
    expect(errors[0]).toMatchObject({
      detail:
        "'age' must be a number, such as 1.5, not 'old'; 'vip' must be a boolean, " +
        "such as true or false, not 'perhaps'",
    });
    expect(await data('b8')).toEqual({ age: 8, vip: true });
  });

  it('finds attributes by the map, by their name, or by what a spreadsheet made of it; other columns are kept as text', async () => {
    const body = 'Key;Years;Last seen at;Secret;Shoe size\nm1;41;2026-01-01T00:00:00Z;x;44';
    const job = await imported(body, CSV, '?id=Key&map=Years:age&map=Secret:&delimiter=%3B');
    expect(job).toMatchObject({ result: { accepted: 1 } });
    expect(await data('m1')).toEqual({
      age: 41,
      last_seen_at: '2026-01-01T00:00:00.000Z',
      'Shoe size': '44',
    });
  });

  it('changes only what it has columns for when asked to patch, and tells of records that are not there', async () => {
    await imported('id,name,age\np1,Ada,36\np2,Bob,40', CSV);
    const job = await imported('id,age\np1,37\np2,\np3,1', CSV, '?op=patch');
    expect(job).toMatchObject({
      result: { accepted: 2, rejected: 1 },
      errors: [{ line: 4, code: 'record_unknown' }],
    });
    expect(await data('p1')).toEqual({ name: 'Ada', age: 37 });
    expect(await data('p2')).toEqual({ name: 'Bob' });
  });

  it.each([
    ['has no column for the ids', 'name\nAda', '', 'body_invalid'],
    ['names an attribute twice', 'id,age,Age\n1,2,3', '', 'body_invalid'],
    ['names what no attribute can be called', 'id,__proto__\n1,2', '', 'body_invalid'],
    ['is empty', '\n', '', 'body_invalid'],
    ['is mapped by columns that are not there', 'id\n1', '?map=Nobody:age', 'parameter_invalid'],
  ])('is refused at once if its header %s', async (_, body, query, code) => {
    const answer = await api.call('POST', `/v1/imports/contacts${query}`, body, { type: CSV });
    expect(answer.json()).toMatchObject({ code });
  });
});

describe('an import of NDJSON', () => {
  it('takes records as the API gives them, or flat, and is strict', async () => {
    const record = (
      await api.call('PUT', '/v1/records/contacts/n1', { age: 1, data: { x: 1 } })
    ).json();
    await api.call('DELETE', '/v1/records/contacts/n1');
    const lines = [
      record,
      { id: 'n2', data: { age: 2 } },
      { id: 'n3', age: 3 },
      '',
      { id: 'n4', age: '4' },
      '{',
      7,
    ];
    const body = lines
      .map((line) => (typeof line === 'string' ? line : JSON.stringify(line)))
      .join('\n');
    const job = await imported(body, NDJSON);
    expect(job).toMatchObject({ status: 'completed', result: { accepted: 3, rejected: 3 } });
    expect(job.errors).toMatchObject([
      { line: 5, code: 'attribute_invalid', path: '/data/age' },
      { line: 6, code: 'line_malformed' },
      { line: 7, code: 'line_malformed' },
    ]);
    expect(await data('n1')).toEqual({ age: 1, data: { x: 1 } });
    expect(await data('n3')).toEqual({ age: 3 });
  });

  it('needs a type and a body that are known', async () => {
    const lines = { type: NDJSON };
    expect((await api.call('POST', '/v1/imports/nobody', '{}', lines)).json()).toMatchObject({
      code: 'object_type_unknown',
    });
    const untold = await api.call('POST', '/v1/imports/contacts', '[]', {
      type: 'application/json',
    });
    expect(untold.json()).toMatchObject({ code: 'content_type_unsupported' });
    const told = await api.call('POST', '/v1/imports/contacts?format=ndjson', '{"id":"n5"}', {
      type: 'text/plain',
    });
    expect(await api.ended(told)).toMatchObject({ result: { accepted: 1 } });
  });
});

describe('an import of many lines', () => {
  const COUNT = 5_000;
  const body = Array.from({ length: COUNT }, (_, n) => `{"id":"many-${n}","age":${n}}`).join('\n');

  it('is worked off step by step, and changes nothing when it is done again', async () => {
    expect(await imported(body, NDJSON)).toMatchObject({
      status: 'completed',
      progress: { done: COUNT, total: COUNT },
      result: { accepted: COUNT, rejected: 0 },
    });
    expect(await data('many-4999')).toEqual({ age: 4999 });
    expect(await imported(body, NDJSON)).toMatchObject({
      result: { accepted: COUNT, rejected: 0 },
    });
    expect(await version('many-17')).toBe(1);
  });

  it('leaves nothing in Redis of its input', async () => {
    const { redis, keys } = api.deployment;
    const { id } = await imported('{"id":"n6"}', NDJSON);
    expect(await redis.exists(keys.job(id).input)).toBe(0);
    expect(await redis.pttl(keys.job(id).state)).toBeGreaterThan(0);
  });
});

describe('an upload that breaks off', () => {
  it('imports nothing and leaves nothing behind', async () => {
    const { redis, keys } = api.deployment;
    await api.server.listen({ port: 0, host: '127.0.0.1' });
    const { port } = api.server.server.address() as AddressInfo;
    const headers = { authorization: 'Bearer the-key-of-the-master', 'content-type': NDJSON };
    const options = {
      port,
      host: '127.0.0.1',
      path: '/v1/imports/contacts',
      method: 'POST',
      headers,
    };
    const before = (await api.call('GET', '/v1/jobs')).json().data.length;
    const inputs = async () =>
      (await redis.keys(keys.job('*').input.replaceAll(/[{}]/g, '?'))).length;
    const request = httpRequest(options).on('error', () => {});
    request.write(Array.from({ length: 2_000 }, (_, n) => `{"id":"torn-${n}"}\n`).join(''));
    await eventually('some of it is kept', async () => (await inputs()) > 0);
    request.destroy();
    await eventually('it is gone', async () => (await inputs()) === 0);
    expect((await api.call('GET', '/v1/jobs')).json().data).toHaveLength(before);
    expect((await api.call('GET', '/v1/records/contacts/torn-0')).statusCode).toBe(404);
  });
});

describe('an export', () => {
  async function exported(body?: unknown): Promise<string> {
    const job = await api.ended(await api.call('POST', '/v1/exports/contacts', body));
    expect(job.status).toBe('completed');
    return (await api.call('GET', `/v1/jobs/${job.id}/result`, undefined, { role: 'viewer' })).body;
  }

  it.each(['ndjson', 'csv'])(
    'of %s is what an import reads: importing it changes nothing',
    async (format) => {
      const awkward = {
        name: 'a "b",\r\nc\r',
        tags: ['x,y', ' z', ''],
        scores: [0.1],
        address: { a: [1] },
        friend_ids: ['1'],
      };
      await api.call('PUT', '/v1/records/contacts/x%2C%22%201', awkward);
      const before = await version('x%2C%22%201');
      const text = await exported({ format });
      await api.call('DELETE', '/v1/records/contacts/x%2C%22%201');
      const job = await imported(text, format === 'csv' ? CSV : NDJSON);
      expect(job).toMatchObject({ status: 'completed', result: { rejected: 0 } });
      expect(await data('x%2C%22%201')).toEqual(awkward);
      expect(before).toBe(1);
      const again = await exported({ format });
      expect(again).toBe(text);
    },
  );

  it('may be of a segment, has each record once, and leaves archived ones out', async () => {
    const query = { combinator: 'and', rules: [{ field: 'age', operator: '>=', value: 1000 }] };
    await api.call('POST', '/v1/segments', {
      title: 'Old',
      slug: 'old',
      object_type: 'contacts',
      query,
    });
    await api.call('POST', '/v1/records/contacts/many-2000/archive');
    const lines = (await exported({ segment: 'old' })).trimEnd().split('\n');
    const ids = new Set(lines.map((line) => JSON.parse(line).id));
    expect(lines).toHaveLength(3_999);
    expect(ids.size).toBe(3_999);
    expect(ids.has('many-2000')).toBe(false);
  });

  it('of nothing is a header, or nothing', async () => {
    await api.call('PUT', '/v1/object-types/empties', { attributes: { a: { type: 'string' } } });
    for (const [format, text] of [
      ['csv', 'id,a\n'],
      ['ndjson', ''],
    ]) {
      const job = await api.ended(await api.call('POST', '/v1/exports/empties', { format }));
      const result = await api.call('GET', `/v1/jobs/${job.id}/result`);
      expect([result.statusCode, result.body]).toEqual([200, text]);
    }
  });

  it('refuses what it can not write', async () => {
    for (const [url, body, code] of [
      ['/v1/exports/nobody', {}, 'object_type_unknown'],
      ['/v1/exports/contacts', { segment: 'nobody' }, 'segment_unknown'],
      ['/v1/exports/empties', { segment: 'old' }, 'body_invalid'],
      ['/v1/exports/contacts', { format: 'xml' }, 'body_invalid'],
    ] as const) {
      expect((await api.call('POST', url, body)).json()).toMatchObject({ code });
    }
  });
});

describe('jobs', () => {
  it('are listed, the newest first, page by page', async () => {
    const first = (await api.call('GET', '/v1/jobs?limit=2', undefined, { role: 'viewer' })).json();
    expect(first.data).toHaveLength(2);
    const second = (await api.call('GET', `/v1/jobs?limit=2&cursor=${first.next_cursor}`)).json();
    const times = [...first.data, ...second.data].map(({ created_at: at }) => at);
    expect(times).toEqual([...times].sort().reverse());
    expect(new Set([...first.data, ...second.data].map(({ id }) => id)).size).toBe(4);
  });

  it('that nobody knows are 404, and so are results that there are none of', async () => {
    // the last ones are names that the queue keeps things of its own under
    for (const id of ['nobody', '1', 'job-', 'job-0', 'meta', 'id', 'completed', 'events']) {
      for (const part of ['', '/result', '/errors'])
        expect((await api.call('GET', `/v1/jobs/${id}${part}`)).json()).toMatchObject({
          code: 'job_unknown',
        });
    }
    const { id } = await imported('{"id":"n7"}', NDJSON);
    expect((await api.call('GET', `/v1/jobs/${id}/result`)).json()).toMatchObject({
      code: 'job_result_missing',
    });
    expect((await api.call('GET', '/v1/jobs?cursor=x!')).json()).toMatchObject({
      code: 'cursor_invalid',
    });
  });

  it('say why they failed', async () => {
    const { store } = api.deployment;
    await api.call('PUT', '/v1/object-types/passing', {});
    const asked = { object_type: 'passing', format: 'ndjson', op: 'put' };
    await api.call('DELETE', '/v1/object-types/passing');
    expect(store.catalog.objectTypes.has('passing')).toBe(false);
    const jobs = new Jobs({ ...api.deployment, logger: pino({ level: 'silent' }) });
    const id = jobs.newId();
    await jobs.store.pushInput(id, [[1, '{"id":"1"}']]);
    await jobs.add(id, 'import', asked, { total: 1 });
    await jobs.close();
    const job = await api.ended(id);
    expect(job).toMatchObject({ status: 'failed', problem: { code: 'object_type_unknown' } });
  });
});
