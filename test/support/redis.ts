/**
 * redis.ts – A real Redis for the tests: nothing here or in any test stands in for it.
 *
 * Keeps true: all test files share one server and stay apart by key prefix; a test that hurts a
 * server starts one of its own. Order: `REDIS_URL`, a server from the PATH, one installed by apt
 * (root on Debian), a container.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { ProvidedContext } from 'vitest';
import type { TestProject } from 'vitest/node';
import { noteProcess, waitForEnd } from '../../src/redis/process-life.ts';
import {
  openRedisServer,
  type RedisServer,
  type RedisServerOptions,
} from '../../src/redis/server.ts';
import { RedisServerError } from '../../src/redis/server-error.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The server that all tests share; use it with `freshPrefix`. */
    redisUrl: string;
  }
}

export interface PrivateRedis {
  readonly url: string;
  readonly dataFolder: string;
  /** Ends the server as a power cut would: nothing is written any more. Returns when it is gone. */
  kill9(): Promise<void>;
  /** Starts it again over the same data. The port and so `url` are new ones. */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

const scanCount = 1_000;
let prefixes = 0;

/** Run by vitest once before all test files; what it returns runs once after them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { url, stop } = await sharedServer();
  const context: ProvidedContext = { redisUrl: url };
  project.provide('redisUrl', context.redisUrl);
  return stop;
}

async function sharedServer(): Promise<{ url: string; stop(): Promise<void> }> {
  const dataFolder = temporaryFolder();
  try {
    const server = await openRedisServer({
      url: process.env.REDIS_URL || undefined,
      ...quick(dataFolder),
    });
    return { url: server.url, stop: () => server.stop().finally(() => removeFolder(dataFolder)) };
  } catch (error) {
    removeFolder(dataFolder);
    if (error instanceof RedisServerError) return containerServer(error);
    throw error;
  }
}

/** Where the image's server listens. */
const REDIS_PORT = 6379;

/** The last way; its failure is told together with why the ways before it failed. */
async function containerServer(
  before: RedisServerError,
): Promise<{ url: string; stop(): Promise<void> }> {
  try {
    const { GenericContainer } = await import('testcontainers');
    const container = await new GenericContainer('redis:7').withExposedPorts(REDIS_PORT).start();
    return {
      url: `redis://${container.getHost()}:${container.getMappedPort(REDIS_PORT)}`,
      stop: async () => {
        await container.stop();
      },
    };
  } catch (error) {
    throw new Error(
      `No Redis for the tests. ${before.message}\nA container did not start either: ` +
        `${(error as Error).message}`,
    );
  }
}

/** A key prefix that no other test has, in this process or another. */
export function freshPrefix(): string {
  prefixes += 1;
  return `t${process.pid.toString(36)}-${Date.now().toString(36)}-${prefixes}`;
}

/** Removes all keys of a prefix. */
export async function flushPrefix(redis: Redis, prefix: string): Promise<void> {
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', `${prefix}:*`, 'COUNT', scanCount);
    if (keys.length > 0) await redis.unlink(keys);
    cursor = next;
  } while (cursor !== '0');
}

/**
 * A server for one test, to be killed and started again. `appendfsync` is `always` unless told
 * otherwise.
 */
export async function startPrivateRedis(
  options: { appendfsync?: RedisServerOptions['appendfsync'] } = {},
): Promise<PrivateRedis> {
  const dataFolder = temporaryFolder();
  const open = () =>
    openRedisServer({ ...quick(dataFolder), appendfsync: options.appendfsync ?? 'always' });
  let server: RedisServer = await open();
  return {
    get url() {
      return server.url;
    },
    dataFolder,
    kill9: () => killServer(server.url),
    restart: async () => {
      await server.stop();
      server = await open();
    },
    stop: async () => {
      await server.stop();
      removeFolder(dataFolder);
    },
  };
}

async function killServer(url: string): Promise<void> {
  const { Redis } = await import('ioredis');
  const redis = new Redis(url);
  const info = await redis.info('server');
  redis.disconnect();
  const note = noteProcess(Number(/process_id:(\d+)/.exec(info)?.[1]));
  if (note === undefined) throw new Error('the server runs on another machine');
  process.kill(note.pid, 'SIGKILL');
  if (!(await waitForEnd(note, 5_000))) throw new Error(`the server ${note.pid} survived SIGKILL`);
}

function quick(dataFolder: string): RedisServerOptions {
  return { dataFolder, appendfsync: 'no', say: (line) => console.log(line) };
}

function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'rollcall-test-'));
}

function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
