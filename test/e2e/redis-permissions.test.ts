/**
 * redis-permissions.test.ts – A Redis user that lacks a command or a key is refused at the start,
 * in words that grant it; one that has just what is asked for can do all that Rollcall does; and
 * the table of what is asked for forgets no command of the code.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDeployment } from '../../src/engine/deployment.ts';
import { openConnection } from '../../src/redis/connection.ts';
import { checkPermissions, NEEDED } from '../../src/redis/permissions.ts';
import { openTestApi } from '../support/api.ts';
import { built, send } from '../support/deployment.ts';
import { type PrivateRedis, startPrivateRedis } from '../support/redis.ts';

const PREFIX = 'acl';
const PASSWORD = 'a-password';
const KEYS = [`~${PREFIX}:*`, `~{${PREFIX}:queues}:*`];
const CHANNELS = `&${PREFIX}:*`;
const COMMANDS = NEEDED.map((text) => text.split(' ')[0]!.toLowerCase());

let server: PrivateRedis;
let admin: Redis;
beforeAll(async () => {
  server = await startPrivateRedis();
  admin = new Redis(server.url);
});
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

/** Makes a user anew, and says where it connects. */
async function user(name: string, ...rules: string[]): Promise<string> {
  await admin.call('ACL', 'SETUSER', name, 'reset', 'on', `>${PASSWORD}`, ...rules);
  return server.url.replace('redis://', `redis://${name}:${PASSWORD}@`);
}

async function fault(url: string): Promise<string> {
  const redis = openConnection({ url });
  try {
    await redis.connect();
    await checkPermissions(redis, PREFIX);
    return '';
  } catch (error) {
    return (error as Error).message;
  } finally {
    redis.disconnect();
  }
}

const granted = (names: readonly string[]) => names.map((name) => `+${name}`);

describe('a Redis user', () => {
  it('that has what is asked for can do all that Rollcall does', async () => {
    await admin.call('ACL', 'LOG', 'RESET');
    const redisUrl = await user('exact', ...KEYS, CHANNELS, ...granted(COMMANDS));
    const api = await openTestApi({ redisUrl, prefix: PREFIX });
    const call = async (method: string, url: string, body?: unknown, type?: string) => {
      const answer = await api.call(method, url, body, type ? { type } : {});
      expect(answer.statusCode, `${method} ${url}: ${answer.body}`).toBeLessThan(300);
      return answer;
    };
    await call('PUT', '/v1/object-types/firms', { attributes: { size: { type: 'number' } } });
    await call('PUT', '/v1/object-types/people', {
      attributes: { n: { type: 'number' }, seen_at: { type: 'datetime' } },
      relationships: {
        firm: { to: 'firms', key: 'firm_id', cardinality: 'one', inverse: 'staff' },
      },
    });
    const rules = [
      { field: 'firm.size', operator: '>', value: 1 },
      { field: 'seen_at', operator: 'inLast', value: { amount: 30, unit: 'day' } },
    ];
    const query = { combinator: 'and', rules };
    await call('POST', '/v1/segments', { title: 'S', slug: 's', object_type: 'people', query });
    const most = { field: 'staff.n', aggregate: 'max', operator: '>', value: 3 };
    await call('POST', '/v1/segments', {
      title: 'M',
      slug: 'm',
      object_type: 'firms',
      query: { combinator: 'or', rules: [most] },
    });
    const view = {
      title: 'V',
      slug: 'v',
      object_type: 'people',
      segment: 's',
      columns: [{ path: 'n' }],
      relationships: ['firm'],
    };
    await call('POST', '/v1/views', { ...view, sort: [{ path: 'n', direction: 'asc' }] });
    const seen_at = new Date().toISOString();
    await send(api.deployment, [
      { op: 'put', object_type: 'firms', id: 'f', data: { size: 2 }, source_version: 1 },
      { op: 'put', object_type: 'people', id: 'p', data: { n: 5, seen_at, firm_id: 'f' } },
      { op: 'put', object_type: 'people', id: 'gone', data: { firm_id: 'f' }, source_version: 2 },
      { op: 'delete', object_type: 'people', id: 'gone', source_version: 3 },
    ]);
    await built(api.deployment);
    expect((await call('GET', '/v1/segments/counts?slug=s&slug=m')).json().counts).toMatchObject([
      { count: 1 },
      { count: 1 },
    ]);
    expect((await call('GET', '/v1/views/v/rows')).json().data).toMatchObject([{ id: 'p' }]);
    for (const url of [
      '/v1/segments/s/members?include=records',
      '/v1/records/people/p?include=firm',
      '/readyz',
      '/v1/jobs',
    ])
      await call('GET', url);
    await api.ended(
      await call('POST', '/v1/imports/people', '{"id":"q","n":1}\n', 'application/x-ndjson'),
    );
    await api.ended(await call('POST', '/v1/exports/people', {}));
    await call('PATCH', '/v1/segments/s', {
      query: { combinator: 'and', rules: rules.slice(0, 1) },
    });
    await built(api.deployment);
    await call('DELETE', '/v1/views/v');
    await call('DELETE', '/v1/segments/s');
    await api.close();
    const refused = (await admin.call('ACL', 'LOG')) as string[][];
    // What libraries ask besides, and do without.
    const wanted = refused
      .map((entry) => entry[entry.indexOf('object') + 1]!)
      .filter((name) => !/^(acl|client|hello)/.test(name));
    expect(wanted).toEqual([]);
  });

  it.each([
    ['asked beforehand', ['+acl|dryrun']],
    ['tried out, where that may not be asked', []],
  ])('that lacks any command is refused by its name (%s)', async (_, more) => {
    const every = more.length > 0 ? 1 : 5; // what is carried out takes longer
    const some = COMMANDS.filter((name) => !['info', 'multi', 'exec'].includes(name)).filter(
      (_, at) => at % every === 0,
    );
    for (const lacking of some) {
      const url = await user('lacking', ...KEYS, ...granted(COMMANDS), ...more, `-${lacking}`);
      const message = await fault(url);
      expect(message, lacking).toContain(`'lacking' may not run ${lacking}, which Rollcall needs`);
      expect(message).toContain(`ACL SETUSER lacking +${lacking}`);
    }
    expect(await fault(await user('lacking', ...KEYS, ...granted(COMMANDS), ...more))).toBe('');
  });

  it.each([
    ['asked beforehand', ['+acl|dryrun']],
    ['tried out', []],
  ])('that lacks keys is refused with the patterns that it needs (%s)', async (_, more) => {
    const message = await fault(await user('elsewhere', '~other:*', ...granted(COMMANDS), ...more));
    expect(message).toContain(`ACL SETUSER elsewhere ${KEYS.join(' ')}`);
    if (more.length === 0) return; // of the queues nothing is tried out
    const half = await fault(await user('half', KEYS[0]!, ...granted(COMMANDS), ...more));
    expect(half).toContain(`{${PREFIX}:queues}:`);
    const reader = await fault(
      await user(
        'reader',
        `%R~${PREFIX}:*`,
        `%R~{${PREFIX}:queues}:*`,
        ...granted(COMMANDS),
        ...more,
      ),
    );
    expect(reader).toContain('may not read and write keys');
  });

  it('that has all it needs is left alone, and so is one without rules', async () => {
    expect(await fault(server.url)).toBe('');
    expect(await fault(await user('all', '~*', '+@all'))).toBe('');
  });

  it('is refused before anything of a deployment is opened', async () => {
    const keys = ['~fresh:*', '~{fresh:queues}:*'];
    const redisUrl = await user('lacking', ...keys, ...granted(COMMANDS), '+acl|dryrun', '-xtrim');
    const options = { redisUrl, prefix: 'fresh', partitions: 2, timeZone: 'UTC', runsWorker: true };
    await expect(openDeployment({ ...options, logger: pino({ level: 'silent' }) })).rejects.toThrow(
      'may not run xtrim',
    );
    expect(await admin.keys('fresh:*')).toEqual([]);
  });
});

describe('the table of commands', () => {
  const known = new Set(COMMANDS.map((name) => name.split('|')[0]));
  const filesIn = (folder: URL, end: string) =>
    readdirSync(folder, { recursive: true })
      .map(String)
      .filter((file) => file.endsWith(end))
      .map((file) => readFileSync(new URL(file, folder), 'utf8'));
  const namesIn = (texts: readonly string[], pattern: RegExp) =>
    new Set(
      texts.flatMap((text) => [...text.matchAll(pattern)].map((match) => match[1]!.toLowerCase())),
    );

  it('holds all of our scripts', () => {
    const scripts = filesIn(new URL('../../src/redis/lua/', import.meta.url), '.lua');
    const names = namesIn(scripts, /redis\.p?call\('([A-Za-z]+)'/g);
    expect(names.size).toBeGreaterThan(20);
    expect([...names].filter((name) => !known.has(name))).toEqual([]);
  });

  it('holds all that commits name, which their script carries out', () => {
    const commit = readFileSync(
      fileURLToPath(new URL('../../src/redis/packed-commit.ts', import.meta.url)),
      'utf8',
    );
    const names = namesIn([commit], /commands\.add(?:Whole)?\(\s*'([A-Z]+)'/g);
    // the script's own words; what dead letters need is in an include
    for (const own of ['count', 'stands', 'bury', 'forget', 'feed', 'loose']) names.delete(own);
    expect(names.size).toBeGreaterThan(5);
    expect([...names].filter((name) => !known.has(name))).toEqual([]);
  });

  it("holds all of BullMQ's scripts", () => {
    const folder = new URL('../../node_modules/bullmq/dist/cjs/scripts/', import.meta.url);
    const names = namesIn(filesIn(folder, '.js'), /(?:redis\.call|rcall)\(\s*['"]([A-Za-z]+)['"]/g);
    expect(names.size).toBeGreaterThan(20);
    expect([...names].filter((name) => !known.has(name))).toEqual([]);
  });

  it('holds all that our code calls by name', () => {
    const texts = filesIn(new URL('../../src/', import.meta.url), '.ts').filter(
      (text) => /from 'ioredis'/.test(text) && !/spawn\(/.test(text), // the private server is asked by its owner
    );
    const called = namesIn(
      texts,
      /(?:[rR]edis|multi\(\)|pipeline\(\)|#control|#blocking|\n\s+)\s*\.([a-zA-Z]+?)(?:Buffer)?\(/g,
    );
    const commands = new Set(admin.getBuiltinCommands());
    // Words that are JavaScript's or ioredis' own as well.
    const own = [
      'config', // a server that may not be asked is not spoken of (redis/set-encoding.ts)
      'filter',
      'map',
      'sort',
      'call',
      'quit',
      'set',
      'get',
      'append',
      'keys',
      'time',
      'wait',
      'acl',
      'select',
    ];
    const ours = [...called].filter((name) => commands.has(name) && !own.includes(name));
    expect(ours.length).toBeGreaterThan(20);
    expect(ours.filter((name) => !known.has(name))).toEqual([]);
  });
});
