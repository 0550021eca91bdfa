/**
 * Tags, and what a request makes a condition of, over HTTP: what a client has seen is compared with
 * what is there when the write takes place.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built } from '../support/deployment.ts';
import { freshPrefix } from '../support/redis.ts';
import { isWhole } from '../support/whole.ts';

let api: TestApi;
/** Another process on the same Redis, so that two who write meet there and not before. */
let other: TestApi;

beforeAll(async () => {
  const prefix = freshPrefix();
  api = await openTestApi({ prefix });
  other = await openTestApi({ prefix, runsWorker: false });
  await done('PUT', '/v1/object-types/things', { attributes: { n: { type: 'number' } } });
});
afterAll(async () => {
  await other.close();
  await api.close();
});

type Conditions = Readonly<Record<string, string>>;

const call = (method: string, url: string, body?: unknown, headers: Conditions = {}, by = api) =>
  by.call(method, url, body, { headers });

async function done(method: string, url: string, body?: unknown, headers?: Conditions) {
  const answer = await call(method, url, body, headers);
  if (answer.statusCode >= 300)
    throw new Error(`${method} ${url}: ${answer.statusCode} ${answer.body}`);
  return answer;
}

/** The status, and the code of a refusal. */
async function status(method: string, url: string, body?: unknown, headers?: Conditions, by = api) {
  const answer = await call(method, url, body, headers, by);
  const { code } = answer.body.startsWith('{') ? answer.json<{ code?: string }>() : {};
  return [answer.statusCode, code].filter(Boolean).join(' ');
}

const tagOf = async (url: string) => (await done('GET', url)).headers['etag'] as string;
const ifMatch = (tag: string) => ({ 'if-match': tag });
const ifNoneMatch = (tag: string) => ({ 'if-none-match': tag });

const FAILED = '412 precondition_failed';
const INVALID = '400 parameter_invalid';
const WRITERS = isWhole ? 1000 : 15;

const below = (n: number) => ({
  combinator: 'and',
  rules: [{ field: 'n', operator: '<', value: n }],
});
const segment = (slug: string) => ({
  ...{ title: slug, slug, object_type: 'things' },
  query: below(5),
});
const view = (slug: string) => ({ ...segment(slug), columns: [{ path: 'n' }] });
const type = (name: string) => ({ attributes: { [name]: { type: 'string' } } });

/** What there is one of: how it is made, and two edits of it that differ. */
const KINDS = [
  {
    kind: 'a segment',
    url: (name: string) => `/v1/segments/${name}`,
    make: (name: string) => done('POST', '/v1/segments', segment(name)),
    edit: (at: number) => ['PATCH', { title: `title ${at}` }] as const,
  },
  {
    kind: 'a view',
    url: (name: string) => `/v1/views/${name}`,
    make: (name: string) => done('POST', '/v1/views', view(name)),
    edit: (at: number) => ['PATCH', { title: `title ${at}` }] as const,
  },
  {
    kind: 'an object type',
    url: (name: string) => `/v1/object-types/${name}`,
    make: (name: string) => done('PUT', `/v1/object-types/${name}`, type('a')),
    edit: (at: number) => ['PUT', type(`a${at}`)] as const,
  },
  {
    kind: 'a record',
    url: (name: string) => `/v1/records/things/${name}`,
    make: (name: string) => done('PUT', `/v1/records/things/${name}`, { n: 0 }),
    edit: (at: number) => ['PATCH', { n: at }] as const,
  },
];

describe.each(KINDS)('$kind', ({ kind, url, make, edit }) => {
  const names = kind.split(' ').join('_');

  it('has a tag, the same for who writes and who reads it', async () => {
    const [name, at] = [`${names}_tag`, url(`${names}_tag`)];
    const made = await make(name);
    await built(api.deployment);
    const first = await tagOf(at);
    expect(first).toMatch(/^"[^"]+-\d+-[0-9a-f]{12}"$/);
    const seen = (tag: unknown) => String(tag).split('-').slice(0, -1);
    expect(seen(made.headers['etag'])).toEqual(seen(first));
    const edited = (await done(...at2(edit(1), at))).headers['etag'];
    expect(edited).not.toBe(first);
    expect(await tagOf(at)).toBe(edited);
  });

  it('is not sent again to who has it', async () => {
    const [name, at] = [`${names}_known`, url(`${names}_known`)];
    await make(name);
    await built(api.deployment);
    const tag = await tagOf(at);
    for (const method of ['GET', 'HEAD']) {
      const known = await call(method, at, undefined, ifNoneMatch(`"other", W/${tag}`));
      expect([method, known.statusCode, known.body]).toEqual([method, 304, '']);
      expect(known.headers).toMatchObject({ etag: tag });
      expect(known.headers).not.toHaveProperty('content-type');
    }
    expect(await status('GET', at, undefined, ifNoneMatch('*'))).toBe('304');
    await done(...at2(edit(1), at));
    const anew = await call('GET', at, undefined, ifNoneMatch(tag));
    expect([anew.statusCode, anew.headers['etag'] === tag]).toEqual([200, false]);
    expect(await status('GET', at, undefined, ifMatch(tag))).toBe(FAILED);
    expect(await status('GET', at, undefined, ifMatch(`${anew.headers['etag']}`))).toBe('200');
  });

  it('is written only as it was seen', async () => {
    const [name, at] = [`${names}_seen`, url(`${names}_seen`)];
    await make(name);
    const old = await tagOf(at);
    await done(...at2(edit(1), at), ifMatch(old));
    const now = await tagOf(at);
    const another = old.replace(/^"[^-]+/, '"another');
    for (const tag of [old, another, `W/${await tagOf(at)}`, '"not-ours"', '"a"'])
      expect([tag, await status(...at2(edit(2), at), ifMatch(tag))]).toEqual([tag, FAILED]);
    expect(await status('DELETE', at, undefined, ifMatch(old))).toBe(FAILED);
    expect(await status(...at2(edit(2), at), ifNoneMatch('*'))).toBe(FAILED);
    expect(await tagOf(at)).toBe(now);
    await done(...at2(edit(3), at), ifMatch(`"a-1", ${old} ,, ${now}`));
    await done(...at2(edit(4), at), ifMatch('*'));
    await done('DELETE', at, undefined, ifMatch(await tagOf(at)));
    expect(await status('GET', at)).toMatch(/^404/);
    // What is not there is unknown, whatever is wanted of it.
    if (edit(5)[0] === 'PATCH')
      expect(await status(...at2(edit(5), at), ifMatch('*'))).toMatch(/^404/);
    expect(await status('DELETE', at, undefined, ifMatch(old))).toMatch(/^404/);
  });

  it('that was deleted and made again is another', async () => {
    const [name, at] = [`${names}_again`, url(`${names}_again`)];
    await make(name);
    const tag = await tagOf(at);
    await done('DELETE', at);
    await make(name);
    expect(await status(...at2(edit(1), at), ifMatch(tag))).toBe(FAILED);
  });

  it(`has one winner when two write what both have seen, ${WRITERS} times`, async () => {
    const [name, at] = [`${names}_two`, url(`${names}_two`)];
    await make(name);
    for (let round = 0; round < WRITERS; round++) {
      const tag = await tagOf(at);
      const both = [api, round % 2 === 0 ? api : other].map((by, n) =>
        status(...at2(edit(2 * round + n + 1), at), ifMatch(tag), by),
      );
      expect((await Promise.all(both)).sort()).toEqual(['200', FAILED]);
    }
  });

  it.each([
    'abc',
    '"open',
    '"a" "b"',
    '*, "a"',
    '"a", *',
    '',
    ',',
    'w/"a"',
    Array.from({ length: 101 }, () => '"a"').join(),
  ])('refuses the list of tags %j', async (tags) => {
    const at = url(`${names}_malformed`);
    expect(await status('GET', at, undefined, ifNoneMatch(tags))).toBe(INVALID);
    expect(await status(...at2(edit(1), at), ifMatch(tags))).toBe(INVALID);
  });

  it('is not written on condition that it is not a certain one', async () => {
    const at = url(`${names}_none`);
    expect(await status(...at2(edit(1), at), ifNoneMatch('"a"'))).toBe(INVALID);
  });
});

function at2([method, body]: readonly [string, unknown], url: string) {
  return [method, url, body] as const;
}

describe('If-None-Match: * on a PUT', () => {
  it('creates an object type, and changes none', async () => {
    const at = '/v1/object-types/only_new';
    expect(await status('PUT', at, type('a'), ifMatch('*'))).toBe(FAILED);
    expect(await status('PUT', at, type('a'), ifNoneMatch('*'))).toBe('201');
    expect(await status('PUT', at, type('b'), ifNoneMatch('*'))).toBe(FAILED);
  });

  it('creates a record where there is none or a tombstone; an archived one is there', async () => {
    const at = '/v1/records/things/only-new';
    const create = () => status('PUT', at, { n: 1 }, ifNoneMatch('*'));
    expect(await status('PUT', at, { n: 1 }, ifMatch('*'))).toBe(FAILED);
    expect(await create()).toBe('201');
    expect(await create()).toBe(FAILED);
    await done('POST', `${at}/archive`);
    expect(await create()).toBe(FAILED);
    await done('DELETE', `${at}?source_version=5`);
    expect(await status('PUT', `${at}?source_version=6`, { n: 2 }, ifNoneMatch('*'))).toBe('201');
  });
});

describe('a segment', () => {
  it('has another tag when its build has come further, and writers may go by either', async () => {
    for (let n = 0; n < 40; n++) await done('PUT', `/v1/records/things/built-${n}`, { n });
    const own = { ...segment('progress'), query: below(777) };
    const made = (await done('POST', '/v1/segments', own)).headers['etag'];
    await built(api.deployment);
    const now = await call('GET', '/v1/segments/progress', undefined, ifNoneMatch(String(made)));
    expect([now.statusCode, now.json().status]).toEqual([200, 'ready']);
    await done('PATCH', '/v1/segments/progress', { title: 'x' }, ifMatch(String(made)));
  });

  it('in use is in use, whatever is wanted of it', async () => {
    await done('POST', '/v1/segments', segment('used'));
    const rule = { operator: 'inSegment', field: '', value: 'used' };
    const query = { combinator: 'and', rules: [rule] };
    await done('POST', '/v1/segments', { ...segment('user'), query });
    const tag = await tagOf('/v1/segments/used');
    expect(await status('DELETE', '/v1/segments/used', undefined, ifMatch('"a"'))).toBe(
      '409 segment_in_use',
    );
    const query2 = { combinator: 'or', rules: [] };
    await done('PUT', '/v1/segments/used', { ...segment('used'), query: query2 }, ifMatch(tag));
  });
});

describe('a record', () => {
  it('is archived, restored and deleted only as it was seen', async () => {
    const at = '/v1/records/things/moved';
    await done('PUT', at, { n: 1 });
    const old = await tagOf(at);
    await done('PATCH', at, { n: 2 });
    for (const step of ['archive', 'restore']) {
      expect(await status('POST', `${at}/${step}`, undefined, ifMatch(old))).toBe(FAILED);
      expect(await status('POST', `${at}/${step}`, undefined, ifMatch(await tagOf(at)))).toBe(
        '200',
      );
    }
    expect(await status('POST', '/v1/records/things/no/archive', undefined, ifMatch(old))).toBe(
      '404 record_unknown',
    );
    expect(await status('DELETE', at, undefined, ifMatch(await tagOf(at)))).toBe('204');
  });

  it('has the tag of what is included too', async () => {
    await done('PUT', '/v1/object-types/parts', {
      attributes: {},
      relationships: {
        thing: { to: 'things', key: 'thing_id', cardinality: 'one', inverse: 'parts' },
      },
    });
    await done('PUT', '/v1/records/things/whole', { n: 1 });
    await done('PUT', '/v1/records/parts/p', { thing_id: 'whole', name: 'a' });
    await built(api.deployment);
    const at = '/v1/records/things/whole?include=parts';
    const tag = await tagOf(at);
    expect(await status('GET', at, undefined, ifNoneMatch(tag))).toBe('304');
    await done('PATCH', '/v1/records/parts/p', { name: 'b' });
    expect(await status('GET', at, undefined, ifNoneMatch(tag))).toBe('200');
    await done('PATCH', '/v1/records/things/whole', { n: 2 }, ifMatch(tag));
  });

  it('whose source has only counted on is as it was seen', async () => {
    const at = '/v1/records/things/counted';
    await done('PUT', `${at}?source_version=1`, { n: 1 });
    const tag = await tagOf(at);
    await done('PUT', `${at}?source_version=2`, { n: 1 });
    expect(await status('GET', at, undefined, ifNoneMatch(tag))).toBe('200');
    expect(await status('PUT', `${at}?source_version=2`, { n: 3 }, ifMatch('"a"'))).toBe(FAILED);
    await done('PATCH', at, { n: 2 }, ifMatch(tag));
  });

  it('is not written on a condition that nobody waits to hear of', async () => {
    const at = '/v1/records/things/unheard?wait=accepted';
    expect(await status('PUT', at, { n: 1 }, ifNoneMatch('*'))).toBe(INVALID);
    expect(await status('GET', '/v1/records/things/unheard')).toBe('404 record_unknown');
  });
});

describe('while the clock stands still', () => {
  it('a record that was deleted and made again is another, and so is an entry', async () => {
    const wallMs = Date.now() - 3_600_000;
    const clockSource = { wallMs: () => wallMs, steadyMs: () => performance.now() };
    const still = await openTestApi({ clockSource });
    const at = '/v1/records/things/again';
    const put = () => still.call('PUT', at, { n: 1 });
    await still.call('PUT', '/v1/object-types/things', { attributes: {} });
    const first = await put();
    await still.call('DELETE', at);
    const second = await put();
    expect(second.json()).toEqual(first.json());
    const stale = { headers: ifMatch(String(first.headers['etag'])) };
    expect((await still.call('PATCH', at, { n: 2 }, stale)).statusCode).toBe(412);
    const current = { headers: ifMatch(String(second.headers['etag'])) };
    expect((await still.call('PATCH', at, { n: 2 }, current)).statusCode).toBe(200);
    await still.close();
  });
});

describe('a precondition', () => {
  it.each([
    ['POST', '/v1/changes', '[]'],
    ['POST', '/v1/segments', segment('x')],
    ['POST', '/v1/seeds', '[]'],
    ['POST', '/v1/segments/x/duplicate', {}],
  ])('is refused by %s %s, which has none', async (method, url, body) => {
    expect(await status(method, url, body, ifMatch('"a-1-b"'))).toBe(INVALID);
    expect(await status(method, url, body, ifNoneMatch('*'))).toBe(INVALID);
  });

  it('of a request that is sent again is not looked at again', async () => {
    const at = '/v1/records/things/twice';
    await done('PUT', at, { n: 1 });
    const tag = await tagOf(at);
    const key = { 'idempotency-key': 'once' };
    const first = await call('PATCH', at, { n: 2 }, { ...ifMatch(tag), ...key });
    const again = await call('PATCH', at, { n: 2 }, { ...ifMatch(tag), ...key });
    expect([first.statusCode, again.statusCode]).toEqual([200, 200]);
    expect(again.headers).toMatchObject({
      ...{ etag: first.headers['etag'], 'idempotency-replayed': 'true' },
    });
    const refused = { ...ifMatch(tag), 'idempotency-key': 'refused' };
    expect(await status('PATCH', at, { n: 3 }, refused)).toBe(FAILED);
    await done('PATCH', at, { n: 1 });
    expect(await status('PATCH', at, { n: 3 }, refused)).toBe(FAILED);
    const reused = async (n: number, condition: object) => {
      const answer = await call('PATCH', at, { n }, { ...condition, ...key });
      return [answer.statusCode, answer.json<{ detail: string }>().detail];
    };
    const came = (what: string) => [422, `this Idempotency-Key came with another ${what} before`];
    expect(await reused(2, ifMatch('*'))).toEqual(came('If-Match or If-None-Match'));
    expect(await reused(2, {})).toEqual(came('If-Match or If-None-Match'));
    expect(await reused(4, ifMatch(tag))).toEqual(came('body'));
  });

  it('is asked of a role only after what it may do', async () => {
    const sent = { role: 'viewer', headers: ifMatch('nonsense') } as const;
    const answer = await api.call('PATCH', '/v1/records/things/a', { n: 1 }, sent);
    expect(answer.statusCode).toBe(403);
  });
});
