/**
 * redis-server.test.ts – The private Redis outlives a kill of its owner without ever being doubled,
 * and every way in which it can't start is told in words.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { checkRedisVersion } from '../../src/redis/binary.ts';
import { noteProcess, waitForEnd } from '../../src/redis/process-life.ts';
import {
  openRedisServer,
  type RedisServer,
  type RedisServerOptions,
} from '../../src/redis/server.ts';
import { RedisServerError } from '../../src/redis/server-error.ts';
import { adviseOnSets } from '../../src/redis/set-encoding.ts';
import { flushPrefix, freshPrefix, startPrivateRedis } from '../support/redis.ts';

/** Carried out after all tests: some of them run at once. */
const cleanups: (() => unknown)[] = [];

afterAll(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('a private server', () => {
  test('writes every change before it answers, never evicts, and listens on the loopback address only', async () => {
    const server = await open(newFolder());
    const settings = [
      'appendonly',
      'appendfsync',
      'save',
      'maxmemory-policy',
      'bind',
      'protected-mode',
      'set-max-intset-entries',
    ];
    const found = await withRedis(server.url, async (redis) => {
      const values = await Promise.all(
        settings.map((name) => redis.config('GET', name) as Promise<string[]>),
      );
      return values.map((pair) => pair[1]);
    });
    expect(found).toEqual(['yes', 'always', '', 'noeviction', '127.0.0.1', 'yes', '16384']);
    expect(server).toMatchObject({
      private: true,
      url: expect.stringMatching(/^redis:\/\/127\.0\.0\.1:\d+$/),
    });
  });

  test('keeps its folder to itself, also one with a blank in its name', async () => {
    const folder = join(newFolder(), 'my data');
    await open(folder);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, 'redis')).mode & 0o777).toBe(0o700);
  });

  test('ends on stop and has the data at the next start', async () => {
    const folder = newFolder();
    const first = await open(folder);
    const pid = await serverPid(first.url);
    await withRedis(first.url, (redis) => redis.set('a', '1'));
    await Promise.all([first.stop(), first.stop()]);
    expect(noteProcess(pid)).toBeUndefined();
    const second = await open(folder);
    expect(await withRedis(second.url, (redis) => redis.get('a'))).toBe('1');
  });

  test('ends with a process that leaves by process.exit', async () => {
    const folder = newFolder();
    const owner = await startOwner(folder, 'process.stdin.once("data", () => process.exit(3));');
    const note = noteProcess(await serverPid(owner.url))!;
    owner.child.stdin!.write('go\n');
    expect(await waitForEnd(note, 5_000)).toBe(true);
  });

  test('is killed and started again by a test with its data kept', async () => {
    const redis = await startPrivateRedis();
    cleanups.push(redis.stop);
    await withRedis(redis.url, (client) => client.set('a', '1'));
    await redis.kill9();
    await redis.restart();
    expect(await withRedis(redis.url, (client) => client.get('a'))).toBe('1');
  });
});

describe('an owner that was killed', () => {
  test('leaves a server that the next owner takes over, with the data', async () => {
    const folder = newFolder();
    const owner = await startOwner(folder);
    await withRedis(owner.url, (redis) => redis.set('a', '1'));
    await setIntsets(owner.url, '512');
    const pid = await serverPid(owner.url);
    await kill9(owner.child);
    expect(noteProcess(pid)).toBeDefined();
    const said: string[] = [];
    const next = await open(folder, { say: (line) => said.push(line) });
    expect(said.join()).toContain(`Taking over the redis-server ${pid}`);
    expect(next.url).toBe(owner.url);
    expect(await withRedis(next.url, (redis) => redis.get('a'))).toBe('1');
    expect(await intsets(next.url)).toBe('16384');
    await next.stop();
    expect(noteProcess(pid)).toBeUndefined();
  });

  test('and its server killed too leaves data that the next server loads', async () => {
    const folder = newFolder();
    const owner = await startOwner(folder);
    await withRedis(owner.url, (redis) => redis.set('a', '1'));
    const server = noteProcess(await serverPid(owner.url))!;
    await kill9(owner.child);
    process.kill(server.pid, 'SIGKILL');
    await waitForEnd(server, 5_000);
    const next = await open(folder);
    expect(await withRedis(next.url, (redis) => redis.get('a'))).toBe('1');
  });

  test('by a Ctrl-C in its terminal leaves the server to finish', async () => {
    const owner = await startOwner(newFolder());
    const pid = await serverPid(owner.url);
    process.kill(-owner.child.pid!, 'SIGINT');
    await ended(owner.child);
    await sleep(300);
    expect(noteProcess(pid)).toBeDefined();
  });
});

describe('a server that is not ours', () => {
  const saidOf = async (url: string) => {
    const said: string[] = [];
    await adviseOnSets(url, (line) => said.push(line));
    return said.join();
  };

  test('is left as it is set, and its operator told what sets could cost', async () => {
    const { url } = await open(newFolder());
    await setIntsets(url, '512');
    expect(await saidOf(url)).toContain('CONFIG SET set-max-intset-entries 16384');
    expect(await intsets(url)).toBe('512');
    await setIntsets(url, '20000');
    expect(await saidOf(url)).toBe('');
  });

  test('is not spoken of if it does not answer, or not to this user', async () => {
    const { url } = await open(newFolder());
    await withRedis(url, (redis) => redis.acl('SETUSER', 'some', 'on', '>word', '+ping', '~*'));
    expect(await saidOf(url.replace('redis://', 'redis://some:word@'))).toBe('');
    expect(await saidOf('redis://127.0.0.1:1')).toBe('');
  });
});

describe('two owners of one folder', () => {
  test('the second is refused and told the process that has it', async () => {
    const folder = newFolder();
    const owner = await startOwner(folder);
    const refusal = await open(folder).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(RedisServerError);
    expect((refusal as Error).message).toContain(`in use by process ${owner.child.pid}`);
  });

  test('the second is refused within one process too, and welcome after the first has stopped', async () => {
    const folder = newFolder();
    const first = await open(folder);
    await expect(open(folder)).rejects.toThrow(`in use by process ${process.pid}`);
    await first.stop();
    await open(folder);
  });

  test('of many that start at once over a dead owner exactly one wins', async () => {
    const folder = newFolder();
    const dead = await startOwner(folder);
    await kill9(dead.child);
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => open(folder)));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    expect(readdirSync(folder).filter((name) => name.startsWith('owner'))).toHaveLength(1);
  });

  test('an owner in another container is known by its heartbeat', async () => {
    const folder = newFolder();
    const file = join(folder, 'owner.7');
    writeFileSync(file, JSON.stringify({ pid: 1, started: 'x', place: 'elsewhere' }));
    const heartbeat = setInterval(() => utimesSync(file, new Date(), new Date()), 100);
    cleanups.push(() => clearInterval(heartbeat));
    await expect(open(folder)).rejects.toThrow('in use by process 1 on elsewhere');
  });
});

/** Each waits for ten seconds, or for two. */
describe.concurrent('silence', () => {
  test('of a server that is stopped keeps the next owner from opening the data', async () => {
    const folder = newFolder();
    const owner = await startOwner(folder);
    const pid = await serverPid(owner.url);
    await kill9(owner.child);
    process.kill(pid, 'SIGSTOP');
    cleanups.push(() => process.kill(pid, 'SIGCONT'));
    await expect(open(folder)).rejects.toThrow(`redis-server ${pid} of an earlier run still has`);
  });

  test('of an owner in another container is not waited for long: it is followed', async () => {
    const folder = newFolder();
    writeFileSync(
      join(folder, 'owner.7'),
      JSON.stringify({ pid: 1, started: 'x', place: 'elsewhere' }),
    );
    await open(folder);
    expect(readdirSync(folder)).toContain('owner.8');
  });

  test('of a program that has the noted port leaves it alone', async () => {
    const folder = newFolder();
    const port = await listen(createServer(() => {}));
    writeFileSync(join(folder, 'redis-server.json'), JSON.stringify({ port }));
    const server = await open(folder);
    expect(server.url).not.toContain(`:${port}`);
  });
});

describe('a port that was noted', () => {
  test('and now belongs to another Redis is left alone', async () => {
    const folder = newFolder();
    const other = await startPrivateRedis();
    cleanups.push(other.stop);
    writeFileSync(
      join(folder, 'redis-server.json'),
      JSON.stringify({ port: Number(new URL(other.url).port) }),
    );
    const server = await open(folder);
    expect(server.url).not.toBe(other.url);
  });

  test('in a note that is damaged is forgotten', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'redis-server.json'), '{"po');
    await open(folder);
  });
});

describe('a server that can not start', () => {
  test('is told with its own last lines', async () => {
    const folder = newFolder();
    await (await open(folder)).stop();
    writeFileSync(join(folder, 'redis', 'appendonlydir', 'appendonly.aof.manifest'), 'nonsense\n');
    await expect(open(folder)).rejects.toThrow(/ended while it was starting[\s\S]*manifest/i);
  });

  test('because there is none is told with one line for each platform', async () => {
    usePath(newFolder());
    const refusal = await open(newFolder(), { allowInstall: false }).catch(
      (error: unknown) => error as Error,
    );
    expect(refusal).toBeInstanceOf(RedisServerError);
    for (const way of ['Debian', 'Fedora', 'Alpine', 'macOS', 'Windows', 'Docker', 'REDIS_URL']) {
      expect((refusal as Error).message).toContain(way);
    }
  });

  test('because it is too old is told with its version', async () => {
    const bin = newFolder();
    program(
      bin,
      'redis-server',
      'echo "Redis server v=6.2.14 sha=0:0 malloc=libc bits=64 build=0"',
    );
    usePath(bin);
    await expect(open(newFolder())).rejects.toThrow(
      /Redis 6\.2\.14; Rollcall needs Redis 7\.0 or newer/,
    );
  });

  test('because the package could not be installed is told with what the installer said', async () => {
    const bin = newFolder();
    program(bin, 'apt-get', 'echo "E: no network"; exit 100');
    usePath(bin);
    const said: string[] = [];
    const opened = open(newFolder(), { say: (line) => said.push(line), allowInstall: true });
    await expect(opened).rejects.toThrow(
      process.getuid?.() === 0 ? /apt-get update` failed:\nE: no network/ : /Get one/,
    );
  });

  test('leaves the folder free for the next one', async () => {
    const folder = newFolder();
    const path = usePath(newFolder());
    await open(folder).catch(() => {});
    process.env.PATH = path;
    await open(folder);
  });
});

describe('a server that was given', () => {
  test('is used as it is and outlives stop', async () => {
    const folder = join(newFolder(), 'never-made');
    const server = await openRedisServer({ url: inject('redisUrl'), dataFolder: folder, say() {} });
    await server.stop();
    expect(server).toMatchObject({ url: inject('redisUrl'), private: false });
    expect(await withRedis(server.url, (redis) => redis.ping())).toBe('PONG');
  });

  test('has its version read from INFO', async () => {
    const info = await withRedis(inject('redisUrl'), (redis) => redis.info('server'));
    expect(checkRedisVersion(info).version).toMatch(/^\d+\.\d+/);
    const valkey = 'redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\n';
    expect(checkRedisVersion(valkey)).toEqual({ product: 'Valkey', version: '8.0.1' });
    expect(() => checkRedisVersion('redis_version:6.0.16\r\n')).toThrow(
      'The server is Redis 6.0.16',
    );
    expect(() => checkRedisVersion('')).toThrow('not Redis or Valkey');
  });

  test('is shared by prefixes, of which one is flushed alone', async () => {
    const [mine, other] = [freshPrefix(), freshPrefix()];
    await withRedis(inject('redisUrl'), async (redis) => {
      await redis.mset({ [`${mine}:a`]: '1', [`${mine}:{b}:c`]: '1', [`${other}:a`]: '1' });
      await flushPrefix(redis, mine);
      expect(await redis.exists(`${mine}:a`, `${mine}:{b}:c`)).toBe(0);
      expect(await redis.exists(`${other}:a`)).toBe(1);
      await flushPrefix(redis, other);
    });
  });
});

// ── owners in processes of their own ──

interface Owner {
  readonly child: ChildProcess;
  readonly url: string;
}

/**
 * A process that owns the folder until it ends; a process group of its own, as a terminal gives it.
 */
async function startOwner(folder: string, then = 'process.stdin.resume();'): Promise<Owner> {
  const module = pathToFileURL(join(import.meta.dirname, '../../dist/redis/server.js')).href;
  const code = `const { openRedisServer } = await import(${JSON.stringify(module)});
    const server = await openRedisServer({ dataFolder: ${JSON.stringify(folder)}, say() {} });
    console.log(server.url); ${then}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  cleanups.push(() => kill9(child));
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
    child.once('exit', (code) => reject(new Error(`the owner ended with ${code}`)));
  });
  const server = noteProcess(await serverPid(url))!;
  cleanups.push(async () => {
    if (noteProcess(server.pid)?.started === server.started) process.kill(server.pid, 'SIGKILL');
    await waitForEnd(server, 5_000);
  });
  return { child, url };
}

async function kill9(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await ended(child);
}

async function ended(child: ChildProcess): Promise<void> {
  while (child.exitCode === null && child.signalCode === null) await sleep(10);
}

// ── small helpers ──

async function open(folder: string, more: Partial<RedisServerOptions> = {}): Promise<RedisServer> {
  const server = await openRedisServer({
    dataFolder: folder,
    say() {},
    allowInstall: false,
    ...more,
  });
  cleanups.push(server.stop);
  return server;
}

async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

async function serverPid(url: string): Promise<number> {
  const info = await withRedis(url, (redis) => redis.info('server'));
  return Number(/process_id:(\d+)/.exec(info)?.[1]);
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-server-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function program(folder: string, name: string, script: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
}

/** Sets the PATH for this test; gives the one before. */
function usePath(path: string): string {
  const before = process.env.PATH!;
  onTestFinished(() => {
    process.env.PATH = before;
  });
  process.env.PATH = path;
  return before;
}

function listen(server: Server): Promise<number> {
  cleanups.push(() => server.close());
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
}

async function intsets(url: string): Promise<string> {
  const found = await withRedis(url, (redis) => redis.config('GET', 'set-max-intset-entries'));
  return (found as string[])[1]!;
}

async function setIntsets(url: string, entries: string): Promise<void> {
  await withRedis(url, (redis) => redis.config('SET', 'set-max-intset-entries', entries));
}
