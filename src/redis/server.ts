/**
 * server.ts – The Redis that Rollcall runs on: the one that it was given, else a private one over
 * the data folder.
 *
 * Keeps true: the files of a data folder are never opened by two servers. One process owns the
 * folder (folder-lock.ts). The port of its server is noted before the server is started. So a
 * server that outlived a killed owner is found by the next one and taken over instead of doubled. A
 * private server listens on the loopback address only and writes every change to its append-only
 * file before it answers (unless configured otherwise). It refuses writes rather than evict, and
 * ends with its owner.
 *
 * In the data folder: `redis/` (the server's own files), `redis-server.json` (port and process of
 * the running one), `redis.log` and `redis.log.old` (its output in this run and the one before),
 * `owner.<n>` (the lock).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { checkRedisVersion, findRedisBinary } from './binary.ts';
import { lockFolder } from './folder-lock.ts';
import { isRunning, noteProcess, type ProcessNote, waitForEnd } from './process-life.ts';
import { FolderInUseError, RedisServerError } from './server-error.ts';
import { INTSET_SETTING } from './set-encoding.ts';

export interface RedisServer {
  readonly url: string;
  /** True if the server is ours: over the data folder, ended by `stop`. */
  readonly private: boolean;
  /**
   * Whether a private server still runs; no other process may end it. True of any other: it is not
   * ours to watch.
   */
  isRunning(): boolean;
  /**
   * Ends a private server and waits until it has written everything; leaves any other alone. May be
   * called twice.
   */
  stop(): Promise<void>;
}

export interface RedisServerOptions {
  readonly url?: string | undefined;
  readonly dataFolder: string;
  readonly appendfsync?: 'always' | 'everysec' | 'no';
  /** False: never install a package, even where that is possible. */
  readonly allowInstall?: boolean;
  /** Called for each step that takes long or changes the machine, one line each. */
  say(line: string): void;
}

interface Folder {
  readonly path: string;
  readonly redis: string;
  readonly state: string;
  readonly log: string;
}

/**
 * The note by which a later owner finds this server. `server` is missing until it was started,
 * `stopping` until it is ending.
 */
interface State {
  readonly port: number;
  readonly server?: ProcessNote;
  readonly stopping?: boolean;
}

interface Running {
  readonly port: number;
  readonly server: ProcessNote;
}

type Answer = 'ours' | 'other' | 'nobody';

const pollMs = 50;
const answerTimeoutMs = 2_000;
const startTimeoutMs = 15_000;
const takeOverTimeoutMs = 10_000;
const stopTimeoutMs = 20_000;
const sayLoadingAfterMs = 2_000;
const sayLoadingEveryMs = 10_000;
const startAttemptsMax = 5;
const logTailLines = 12;

/**
 * Finds or starts the Redis to run on. Throws a `RedisServerError` whose message is for the person
 * who started us.
 */
export async function openRedisServer(options: RedisServerOptions): Promise<RedisServer> {
  if (options.url !== undefined) return foreignServer(options.url);
  const folder = makeFolder(options.dataFolder);
  const lock = await lockFolder(folder.path);
  try {
    const running = (await takeOver(folder, options)) ?? (await start(folder, options));
    return privateServer(folder, running, lock.release);
  } catch (error) {
    lock.release();
    throw error;
  }
}

/**
 * As `openRedisServer`, but for who works beside a process that holds the data folder: its private
 * server is joined, and `stop` leaves it alone.
 */
export async function joinRedisServer(options: RedisServerOptions): Promise<RedisServer> {
  try {
    return await openRedisServer(options);
  } catch (error) {
    if (!(error instanceof FolderInUseError)) throw error;
    const folder = makeFolder(options.dataFolder);
    const state = readState(folder);
    // Its owner may be just starting it or ending it, or live in another container, whose loopback
    // address is not ours.
    if (state === undefined || (await whoAnswers(state.port, folder.redis)) !== 'ours') throw error;
    return foreignServer(`redis://127.0.0.1:${state.port}`);
  }
}

/**
 * The whole folder is for our eyes only: it holds the data and, when none was given, the master
 * key.
 */
function makeFolder(dataFolder: string): Folder {
  try {
    mkdirSync(join(dataFolder, 'redis'), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new RedisServerError(
      `The data folder ${dataFolder} can not be made: ${(error as Error).message}.`,
    );
  }
  // The server reports its folder with links resolved; takeOver compares the two.
  const path = realpathSync(dataFolder);
  return {
    path,
    redis: realpathSync(join(path, 'redis')),
    state: join(path, 'redis-server.json'),
    log: join(path, 'redis.log'),
  };
}

/** One that we use and neither watch nor end. */
function foreignServer(url: string): RedisServer {
  return { url, private: false, isRunning: () => true, stop: async () => {} };
}

function privateServer(folder: Folder, running: Running, release: () => void): RedisServer {
  // Covers process.exit and an uncaught exception: SIGTERM makes the server write everything and
  // end.
  const endWithUs = () => {
    writeState(folder, { ...running, stopping: true });
    if (isRunning(running.server)) process.kill(running.server.pid, 'SIGTERM');
  };
  process.once('exit', endWithUs);
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    process.off('exit', endWithUs);
    await shutDown(folder, running).finally(release);
  };
  return {
    url: `redis://127.0.0.1:${running.port}`,
    private: true,
    isRunning: () => isRunning(running.server),
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

// ── take over ──

/**
 * The server that an earlier owner left behind, ready to use; undefined if there is none. Caller:
 * owns the folder.
 */
async function takeOver(folder: Folder, options: RedisServerOptions): Promise<Running | undefined> {
  const state = readState(folder);
  if (state === undefined) return undefined;
  if (state.stopping && state.server) await waitForEnd(state.server, stopTimeoutMs);
  if (!(await findLeftBehind(folder, state))) return undefined;
  const running = { port: state.port, server: await processBehind(state.port) };
  options.say(
    `Taking over the redis-server ${running.server.pid} that an earlier run left on ` +
      `${folder.redis}.`,
  );
  writeState(folder, running);
  await ready(running.port, options, () => !isRunning(running.server), folder);
  await ask(running.port, async (redis) => {
    await redis.config('SET', 'appendfsync', options.appendfsync ?? 'always');
    await redis.config('SET', INTSET_SETTING.name, INTSET_SETTING.value);
  });
  return running;
}

/**
 * A server may be alive and not answer for a while (a long script, a stopped process): it still has
 * the files open.
 */
async function findLeftBehind(folder: Folder, state: State): Promise<boolean> {
  const deadline = Date.now() + takeOverTimeoutMs;
  for (;;) {
    if ((await whoAnswers(state.port, folder.redis)) === 'ours') return true;
    if (state.server === undefined || !isRunning(state.server)) return false;
    if (Date.now() > deadline) throw leftBehindIsMute(folder, state.server);
    await sleep(pollMs);
  }
}

function leftBehindIsMute(folder: Folder, server: ProcessNote): RedisServerError {
  return new RedisServerError(
    `The redis-server ${server.pid} of an earlier run still has ${folder.redis} ` +
      `open but does not answer. End it (kill ${server.pid}), then start again.`,
  );
}

/** Who listens on that port: a port may have gone to another program since it was noted. */
async function whoAnswers(port: number, redisFolder: string): Promise<Answer> {
  try {
    const reply = (await ask(port, (redis) => redis.config('GET', 'dir'))) as unknown;
    return Array.isArray(reply) && reply[1] === redisFolder ? 'ours' : 'other';
  } catch {
    return 'nobody';
  }
}

async function processBehind(port: number): Promise<ProcessNote> {
  const info = await ask(port, (redis) => redis.info('server'));
  checkRedisVersion(info);
  const note = noteProcess(Number(/^process_id:(\d+)/m.exec(info)?.[1]));
  if (note === undefined)
    throw new RedisServerError(
      `The redis-server on port ${port} ended while it was taken over; start again.`,
    );
  return note;
}

// ── start ──

async function start(folder: Folder, options: RedisServerOptions): Promise<Running> {
  const binary = await findRedisBinary({
    allowInstall: options.allowInstall ?? true,
    say: options.say,
  });
  for (let attempt = 0; attempt < startAttemptsMax; attempt++) {
    const running = await startOn(await freePort(), binary, folder, options);
    if (running !== 'port taken') return running;
  }
  throw new RedisServerError(
    `redis-server found its port taken ${startAttemptsMax} times; start again.`,
  );
}

async function startOn(
  port: number,
  binary: string,
  folder: Folder,
  options: RedisServerOptions,
): Promise<Running | 'port taken'> {
  writeState(folder, { port });
  const child = launch(binary, serverArguments(port, folder, options), folder);
  const server = child.pid === undefined ? undefined : noteProcess(child.pid);
  if (server) writeState(folder, { port, server });
  try {
    await ready(port, options, () => hasEnded(child), folder);
    // Between our look and the server's bind another program may take the port; if that is a Redis
    // too, it answers our PING.
    if (server && (await whoAnswers(port, folder.redis)) === 'ours') return { port, server };
  } catch (error) {
    child.kill('SIGTERM');
    if (!logTail(folder).includes('Address already in use')) throw error;
  }
  return 'port taken';
}

function serverArguments(port: number, folder: Folder, options: RedisServerOptions): string[] {
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    'protected-mode': 'yes',
    dir: folder.redis,
    appendonly: 'yes',
    appendfsync: options.appendfsync ?? 'always',
    save: '',
    'maxmemory-policy': 'noeviction',
    [INTSET_SETTING.name]: INTSET_SETTING.value,
    daemonize: 'no',
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

/**
 * Starts it in a process group and session of its own. A Ctrl-C in the terminal goes to the whole
 * group, and the server must outlive us until the last commit is written. Its output goes to a
 * file, not a pipe, since a pipe would break when we are killed.
 */
function launch(binary: string, args: readonly string[], folder: Folder): ChildProcess {
  keepLastLog(folder);
  const log = openSync(folder.log, 'w', 0o600);
  const child = spawn(binary, args, {
    cwd: folder.redis,
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  // A failed spawn has no pid and an exit code: `ready` sees that it has ended.
  child.on('error', () => {});
  child.unref();
  return child;
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

function freePort(): Promise<number> {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

// ── ready ──

/**
 * Waits for PONG. Loading may take as long as it takes (and is reported); not answering at all may
 * not.
 */
async function ready(
  port: number,
  options: RedisServerOptions,
  ended: () => boolean,
  folder: Folder,
): Promise<void> {
  const begun = Date.now();
  let heardAt = begun;
  let sayAt = begun + sayLoadingAfterMs;
  for (;;) {
    const state = await ping(port);
    if (state === 'ready') return;
    if (ended())
      throw new RedisServerError(
        `redis-server ended while it was starting. Its last lines:\n${logTail(folder)}`,
      );
    if (state === 'loading') heardAt = Date.now();
    if (Date.now() - heardAt > startTimeoutMs) throw notAnswering(folder);
    if (state === 'loading' && Date.now() >= sayAt) {
      options.say(
        `Redis is loading its data from ${folder.redis} (${await loadedPercent(port)} %).`,
      );
      sayAt = Date.now() + sayLoadingEveryMs;
    }
    await sleep(pollMs);
  }
}

function notAnswering(folder: Folder): RedisServerError {
  return new RedisServerError(
    `redis-server did not answer within ${startTimeoutMs / 1_000} s. Its last ` +
      `lines:\n${logTail(folder)}`,
  );
}

async function ping(port: number): Promise<'ready' | 'loading' | 'silent'> {
  try {
    await ask(port, (redis) => redis.ping());
    return 'ready';
  } catch (error) {
    return (error as Error).message.startsWith('LOADING') ? 'loading' : 'silent';
  }
}

async function loadedPercent(port: number): Promise<string> {
  const info = await ask(port, (redis) => redis.info('persistence')).catch(() => '');
  return /^loading_loaded_perc:(\d+)/m.exec(info)?.[1] ?? '?';
}

// ── stop ──

/**
 * Asks until the server has ended: it refuses a SHUTDOWN while it writes the first append-only
 * file. Never kills it.
 */
async function shutDown(folder: Folder, running: Running): Promise<void> {
  writeState(folder, { ...running, stopping: true });
  const deadline = Date.now() + stopTimeoutMs;
  while (isRunning(running.server)) {
    if (Date.now() > deadline) throw stillRunning(running);
    // The answer to a SHUTDOWN that works is a closed connection, hence an error.
    await ask(running.port, (redis) => redis.call('SHUTDOWN')).catch(() => {});
    await waitForEnd(running.server, 1_000);
  }
  rmSync(folder.state, { force: true });
}

function stillRunning(running: Running): RedisServerError {
  return new RedisServerError(
    `The redis-server ${running.server.pid} did not end within ` +
      `${stopTimeoutMs / 1_000} s; the next start takes it over.`,
  );
}

// ── one question, the state file, the log ──

/** One question on a connection of its own, answered within `answerTimeoutMs` or refused. */
async function ask<T>(port: number, question: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis({
    host: '127.0.0.1',
    port,
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    connectTimeout: answerTimeoutMs,
  });
  redis.on('error', () => {});
  const late = new AbortController();
  const timeout = sleep(answerTimeoutMs, undefined, { signal: late.signal }).then(() => {
    throw new Error('no answer');
  });
  timeout.catch(() => {});
  try {
    return await Promise.race([redis.connect().then(() => question(redis)), timeout]);
  } finally {
    late.abort();
    redis.disconnect();
  }
}

function readState(folder: Folder): State | undefined {
  try {
    return JSON.parse(readFileSync(folder.state, 'utf8')) as State;
  } catch {
    return undefined;
  }
}

/** By rename, so that a kill leaves the old note or the new one, never half of one. */
function writeState(folder: Folder, state: State): void {
  const draft = `${folder.state}.draft`;
  writeFileSync(draft, JSON.stringify(state), { mode: 0o600 });
  renameSync(draft, folder.state);
}

/** A crash is looked into after the restart that it caused. */
function keepLastLog(folder: Folder): void {
  try {
    renameSync(folder.log, `${folder.log}.old`);
  } catch {}
}

function logTail(folder: Folder): string {
  try {
    return readFileSync(folder.log, 'utf8').trimEnd().split('\n').slice(-logTailLines).join('\n');
  } catch {
    return '(it wrote nothing)';
  }
}
