/**
 * dead-letters.test.ts – What could not be applied is listed, looked at, tried again and discarded:
 * over HTTP, with what a user sees next.
 */
import type { LightMyRequestResponse } from 'fastify';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { partitionOf } from '../../src/change/partition.ts';
import * as commands from '../../src/cli/dead-letters.ts';
import { loadConfig } from '../../src/config.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built, eventually } from '../support/deployment.ts';

const PARTITIONS = 2;
const BASE = '/v1/dead-letters';

interface Letter {
  readonly id: string;
  readonly kind: string;
  readonly code: string;
  readonly record_id?: string;
  readonly size: number;
  readonly letter?: unknown;
}

let api: TestApi;
/** Evaluating a record with this number fails, as a bug of ours would. */
let unlucky: number | undefined;

beforeAll(async () => {
  const fault = ({ n }: Readonly<Record<string, unknown>>) => {
    if (n !== undefined && n === unlucky) throw new Error('a bug that meets this value');
  };
  const limits = { deadLetters: 40, deadLetterBytes: 64 * 1024 };
  api = await openTestApi({ partitions: PARTITIONS, networkOptions: { fault }, limits });
  await ok('PUT', '/v1/object-types/firms', { attributes: { size: { type: 'number' } } });
  await ok('PUT', '/v1/object-types/things', {
    attributes: { n: { type: 'number' }, text: { type: 'string' } },
    relationships: {
      firm: { to: 'firms', key: 'firm_id', cardinality: 'one', inverse: 'things' },
    },
  });
  await segment('some', { field: 'n', operator: '>', value: 0 });
  await segment('of-firms', { field: 'firm.size', operator: '>', value: 1 });
});
afterAll(() => api.close());

async function ok(method: string, url: string, body?: unknown): Promise<LightMyRequestResponse> {
  const answer = await api.call(method, url, body);
  expect(answer.statusCode, `${method} ${url} ${answer.body}`).toBeLessThan(300);
  return answer;
}

async function segment(slug: string, ...rules: object[]): Promise<void> {
  const query = { combinator: 'and', rules };
  await ok('POST', '/v1/segments', { title: slug, slug, object_type: 'things', query });
  await built(api.deployment);
}

async function letters(query = ''): Promise<Letter[]> {
  const all: Letter[] = [];
  for (let cursor = ''; ; ) {
    const url = `${BASE}?limit=2${query}&cursor=${cursor}`;
    const { data, next_cursor: next } = (await ok('GET', url)).json<{
      data: Letter[];
      next_cursor: string | null;
    }>();
    all.push(...data);
    if (next === null) return all;
    cursor = next;
  }
}

async function ofRecord(id: string): Promise<Letter[]> {
  return (await letters()).filter(({ record_id: of }) => of === id);
}

/** A put that fails, and so goes to the dead letters. */
async function buried(id: string, data: object = {}): Promise<Letter> {
  unlucky = 13;
  const { statusCode } = await api.call('PUT', `/v1/records/things/${id}`, { n: 13, ...data });
  unlucky = undefined;
  expect(statusCode).toBe(422);
  return (await ofRecord(id))[0]!;
}

const retry = (id: string) => api.call('POST', `${BASE}/${id}/retry`);

async function applied(): Promise<number> {
  return (await api.deployment.metrics.changesApplied.get()).values[0]!.value;
}

async function status(slug: string): Promise<string> {
  return (await ok('GET', `/v1/segments/${slug}`)).json<{ status: string }>().status;
}

async function count(slug: string): Promise<number | string> {
  const { counts } = (await ok('POST', '/v1/segments/counts', { slugs: [slug] })).json();
  return counts[0].count ?? counts[0].status;
}

describe('dead letters of changes', () => {
  it('are listed the newest first, page by page, and each is shown as a whole', async () => {
    for (const id of ['a', 'b', 'c', 'd', 'e']) await buried(id, { text: 'x'.repeat(9) });
    const listed = await letters();
    expect(listed.map(({ record_id: id }) => id)).toEqual(['e', 'd', 'c', 'b', 'a']);
    expect(new Set(['a', 'b', 'c'].map((id) => partitionOf(id, PARTITIONS))).size).toBe(2);
    expect(listed[0]).toMatchObject({ kind: 'change', code: 'change_failed', size: 79 });
    expect(listed[0]).not.toHaveProperty('letter');
    const whole = (await ok('GET', `${BASE}/${listed[0]!.id}`)).json<Letter>();
    const data = { n: 13, text: 'xxxxxxxxx' };
    expect(whole).toEqual({
      ...listed[0],
      letter: { op: 'put', object_type: 'things', id: 'e', data },
    });
    expect(await letters('&kind=work')).toEqual([]);
    expect(await letters('&kind=change')).toEqual(listed);
  });

  it('that are not there, and cursors of others, are refused in words', async () => {
    for (const id of ['x', '0-1-1', '99-1-1', `0-${'9'.repeat(16)}-0`])
      for (const [method, url] of [
        ['GET', `${BASE}/${id}`],
        ['POST', `${BASE}/${id}/retry`],
        ['DELETE', `${BASE}/${id}`],
      ] as const) {
        const { statusCode, body } = await api.call(method, url);
        expect([statusCode, JSON.parse(body).code], url).toEqual([404, 'dead_letter_unknown']);
      }
    const forged = Buffer.from('["(5",1]').toString('base64url');
    expect((await api.call('GET', `${BASE}?cursor=${forged}`)).json().code).toBe('cursor_invalid');
    expect((await api.call('GET', `${BASE}?kind=none`)).statusCode).toBe(400);
  });

  it('are applied once, however many try them again at once', async () => {
    const { id } = await buried('once');
    const before = await applied();
    const answers = await Promise.all(Array.from({ length: 8 }, () => retry(id)));
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([
      200,
      ...Array(7).fill(404),
    ]);
    const first = answers.find(({ statusCode }) => statusCode === 200)!;
    expect(first.json()).toEqual({ kind: 'change', outcome: 'created' });
    await buried('next'); // what is counted of it, and of all before, is counted by then
    expect(await applied()).toBe(before + 2);
    expect((await ok('GET', '/v1/records/things/once')).json()).toMatchObject({ data: { n: 13 } });
    expect(await ofRecord('once')).toEqual([]);
  });

  it('that fail again are dead letters again', async () => {
    const { id } = await buried('twice');
    unlucky = 13;
    expect((await retry(id)).json()).toEqual({ kind: 'change', outcome: 'dead' });
    unlucky = undefined;
    const [again, ...more] = await ofRecord('twice');
    expect(more).toEqual([]);
    expect(again!.id).not.toBe(id);
    expect((await retry(again!.id)).json()).toEqual({ kind: 'change', outcome: 'created' });
  });

  it('stay where they are while the intake refuses them', async () => {
    const { redis, keys } = api.deployment;
    const change = { op: 'put', object_type: 'ghosts', id: 'g', data: { a: 1 } };
    const { log } = keys.partitions[partitionOf('g', PARTITIONS)]!;
    await redis.xadd(log, '*', 'v', '0', 'c', JSON.stringify([change]));
    await eventually('it is dead', async () => (await ofRecord('g')).length === 1);
    const [{ id, code }] = (await ofRecord('g')) as [Letter];
    expect(code).toBe('object_type_unknown');
    expect((await retry(id)).json()).toMatchObject({ status: 404, code: 'object_type_unknown' });
    await ok('PUT', '/v1/object-types/ghosts', { attributes: { a: { type: 'string' } } });
    expect((await retry(id)).json()).toMatchObject({ status: 422, code: 'attribute_invalid' });
    expect(await ofRecord('g')).toHaveLength(1);
    await ok('PUT', '/v1/object-types/ghosts', { attributes: { a: { type: 'number' } } });
    expect((await retry(id)).json()).toEqual({ kind: 'change', outcome: 'created' });
  });

  it('are discarded', async () => {
    const { id } = await buried('useless');
    await ok('DELETE', `${BASE}/${id}`);
    expect((await api.call('DELETE', `${BASE}/${id}`)).statusCode).toBe(404);
    expect(await ofRecord('useless')).toEqual([]);
  });

  it('go with their record, be it that it never was, and leave those of others', async () => {
    await ok('PUT', '/v1/records/things/gone', { n: 1 });
    for (const id of ['gone', 'gone', 'never', 'stays']) await buried(id);
    expect(await ofRecord('gone')).toHaveLength(2);
    await ok('DELETE', '/v1/records/things/gone');
    expect((await api.call('DELETE', '/v1/records/things/never')).statusCode).toBe(404);
    expect([...(await ofRecord('gone')), ...(await ofRecord('never'))]).toEqual([]);
    const { redis, keys } = api.deployment;
    for (const { dead, deadIndex } of keys.partitions)
      expect(
        JSON.stringify([await redis.xrange(dead, '-', '+'), await redis.hgetall(deadIndex)]),
      ).not.toMatch(/gone|never/);
    expect(await ofRecord('stays')).toHaveLength(1);
  });

  it('that come after the deletion, in one batch with it, stay', async () => {
    unlucky = 13;
    const lines = [
      { op: 'put', object_type: 'things', id: 'batch', data: { n: 13, text: 'before' } },
      { op: 'delete', object_type: 'things', id: 'batch' },
      { op: 'put', object_type: 'things', id: 'batch', data: { n: 13, text: 'after' } },
    ];
    await ok('POST', '/v1/changes', lines);
    unlucky = undefined;
    const left = await ofRecord('batch');
    expect(left).toHaveLength(1);
    expect((await ok('GET', `${BASE}/${left[0]!.id}`)).body).toContain('after');
  });
});

describe('what is no change', () => {
  it('is a message: its partition sends its state again, and segments answer', async () => {
    const { redis, keys } = api.deployment;
    await ok('PUT', '/v1/records/firms/f', { size: 5 });
    await ok('PUT', '/v1/records/things/of-f', { n: 1, firm_id: 'f' });
    await redis.xadd(keys.partitions[1]!.inbox, '*', 'p', '0', 'v', '1', 'm', 'no message');
    await eventually('it is refused', async () => (await count('of-firms')) === 'failed');
    const [{ id, code }] = (await letters('&kind=message')) as [Letter];
    expect(code).toBe('entry_malformed');
    const answer = await retry(id);
    expect([answer.statusCode, answer.json()]).toEqual([
      202,
      { kind: 'message', outcome: 'resending' },
    ]);
    await eventually('it answers', async () => (await count('of-firms')) === 1);
    expect(await letters('&kind=message')).toEqual([]);
  });

  it('is a piece of a build: what has failed by it is built anew', async () => {
    await ok('PUT', '/v1/records/things/old', { n: 77 });
    unlucky = 77;
    await segment('late', { field: 'text', operator: 'null' });
    expect(await status('late')).toBe('failed');
    const [{ id }] = (await letters('&kind=work')) as [Letter];
    unlucky = undefined;
    const answer = await retry(id);
    expect([answer.statusCode, answer.json()]).toEqual([
      202,
      { kind: 'work', outcome: 'rebuilding', segments: ['late'] },
    ]);
    await built(api.deployment);
    expect(await status('late')).toBe('ready');
    expect(await letters('&kind=work')).toEqual([]);
  });

  it('is an entry that nobody can read: it can only be discarded', async () => {
    const { redis, keys } = api.deployment;
    await redis.xadd(keys.partitions[0]!.log, '*', 'v', '0', 'c', 'not json');
    await eventually('it is dead', async () => (await letters('&kind=entry')).length === 1);
    const [{ id }] = (await letters('&kind=entry')) as [Letter];
    expect((await retry(id)).json()).toMatchObject({ status: 409, code: 'dead_letter_unreadable' });
    expect((await ok('GET', `${BASE}/${id}`)).json()).toMatchObject({ letter: 'not json' });
    await ok('DELETE', `${BASE}/${id}`);
  });
});

describe('rollcall dead-letters', () => {
  it('lists, shows, tries again and discards what lies on a server', async () => {
    const url = await api.server.listen({ port: 0, host: '127.0.0.1' });
    const said: string[] = [];
    const spy = vi.spyOn(console, 'log').mockImplementation((line: string) => void said.push(line));
    const config = loadConfig({});
    const options = { url, key: 'the-key-of-the-service' };
    try {
      const [{ id }, { id: other }] = [await buried('cli'), await buried('cli-other')];
      expect(await commands.listDeadLetters(config, options)).toBe(0);
      expect(said.filter((line) => line.startsWith(id))).toHaveLength(1);
      expect(await commands.showDeadLetter(config, id, options)).toBe(0);
      expect(said.at(-1)).toContain('"op": "put"');
      expect(await commands.retryDeadLetter(config, id, options)).toBe(0);
      expect(said.at(-1)).toBe(`${id}: created.`);
      unlucky = 13;
      expect(await commands.retryDeadLetter(config, other, options)).toBe(1);
      unlucky = undefined;
      const [{ id: again }] = (await ofRecord('cli-other')) as [Letter];
      expect(await commands.discardDeadLetter(config, again, options)).toBe(0);
      await expect(commands.retryDeadLetter(config, again, options)).rejects.toThrow('404');
      const viewer = { url, key: 'the-key-of-the-viewer' };
      await expect(commands.listDeadLetters(config, viewer)).rejects.toThrow('403');
    } finally {
      unlucky = undefined;
      spy.mockRestore();
    }
  });
});

describe('the bounds of dead letters', () => {
  const numbers = async () => {
    const { body } = await ok('GET', '/metrics');
    const of = (name: string) => Number(new RegExp(`^${name} (.*)$`, 'm').exec(body)![1]);
    return [of('rollcall_dead_letters_kept'), of('rollcall_dead_letters_dropped')] as const;
  };

  it('make the oldest give way, by number, bytes and age; the metrics say how many', async () => {
    const [kept] = await numbers();
    expect(kept).toBe((await letters()).length);
    const here = Array.from({ length: 300 }, (_, at) => `m${at}`).filter(
      (id) => partitionOf(id, PARTITIONS) === 0,
    );
    const { redis, keys } = api.deployment;
    const [{ dead, deadIndex, log }] = keys.partitions as [(typeof keys.partitions)[0]];
    const bury = async (ids: readonly string[], text: string) => {
      const put = (id: string) => ({ op: 'put', object_type: 'nobodys', id, data: { text } });
      await redis.xadd(log, '*', 'v', '0', 'c', JSON.stringify(ids.map(put)));
      await eventually('they are dead', async () =>
        JSON.stringify(await redis.xrevrange(dead, '+', '-', 'COUNT', 1)).includes(ids.at(-1)!),
      );
    };
    await bury(here.slice(0, 44), 'x');
    expect(await redis.xlen(dead)).toBe(40);
    expect((await numbers())[1]).toBeGreaterThan(3);
    await bury(here.slice(50, 53), 'x'.repeat(30_000));
    expect(await redis.xlen(dead)).toBe(2);
    expect(Number(await redis.hget(deadIndex, 'bytes'))).toBeLessThan(64 * 1024);
    expect(await redis.hlen(deadIndex)).toBe(4); // bytes, dropped, and two records
    const old = Date.now() - 31 * 24 * 3600 * 1000;
    const other = keys.partitions[1]!;
    await redis.del(other.dead, other.deadIndex);
    await redis.xadd(other.dead, `${old}-0`, 'code', 'change_failed', 'letter', '{}');
    expect(await letters()).toHaveLength(3);
    await api.deployment.stores.deadLetters.dropOld();
    expect(await letters()).toHaveLength(2);
    const [left, dropped] = await numbers();
    expect(left).toBe(2);
    expect(dropped).toBeGreaterThan(40);
  });
});
