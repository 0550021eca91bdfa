/**
 * binary.ts – A `redis-server` or `valkey-server` that is new enough: from the PATH, or installed
 * where that is possible.
 *
 * Keeps true: nothing is installed before it was announced. What is handed out has version 7.0 or
 * newer; when there is none the message holds the one line to type on each platform.
 */
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { RedisServerError } from './server-error.ts';

interface RedisVersion {
  readonly product: 'Redis' | 'Valkey';
  readonly version: string;
}

interface BinaryOptions {
  readonly allowInstall: boolean;
  say(line: string): void;
}

const oldestMajor = 7;
const binaryNames = ['redis-server', 'valkey-server'] as const;
const policyFile = '/usr/sbin/policy-rc.d';

/**
 * The path of the first server on the PATH that is new enough; installs one if there is none and
 * that is allowed.
 */
export async function findRedisBinary(options: BinaryOptions): Promise<string> {
  const found = newEnoughOnPath();
  if (found !== undefined) return found;
  if (!options.allowInstall || !canInstall()) throw new RedisServerError(howToGetRedis());
  await install(options.say);
  const installed = newEnoughOnPath();
  if (installed === undefined)
    throw new RedisServerError('redis-server was installed but is not on the PATH.');
  return installed;
}

/**
 * Checks the text of `INFO server`; throws what a person should read if the server is too old or
 * not Redis.
 */
export function checkRedisVersion(info: string): RedisVersion {
  const field = (name: string) => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1];
  const valkey = field('valkey_version');
  const version = valkey ?? field('redis_version');
  if (version === undefined)
    throw new RedisServerError('The server does not tell its version: it is not Redis or Valkey.');
  return refuseOld({ product: valkey === undefined ? 'Redis' : 'Valkey', version }, 'The server');
}

function refuseOld(found: RedisVersion, what: string): RedisVersion {
  if (Number.parseInt(found.version, 10) >= oldestMajor) return found;
  throw new RedisServerError(
    `${what} is ${found.product} ${found.version}; Rollcall needs Redis ` +
      `${oldestMajor}.0 or newer, or Valkey.`,
  );
}

/** Undefined if there is no server at all; throws if there are only old ones. */
function newEnoughOnPath(): string | undefined {
  const paths = binaryNames.flatMap((name) => onPath(name) ?? []);
  let tooOld: unknown;
  for (const path of paths) {
    try {
      refuseOld(versionOf(path), path);
      return path;
    } catch (error) {
      tooOld = error;
    }
  }
  if (tooOld !== undefined) throw tooOld;
  return undefined;
}

function onPath(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Both answer `--version` with one line such as `Redis server v=7.0.15 sha=…`. */
function versionOf(path: string): RedisVersion {
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  const match = /^(Redis|Valkey) server v=(\S+)/m.exec(stdout ?? '');
  if (!match)
    throw new RedisServerError(`${path} does not tell its version; is it a Redis server?`);
  return { product: match[1] as RedisVersion['product'], version: match[2]! };
}

function canInstall(): boolean {
  return process.getuid?.() === 0 && onPath('apt-get') !== undefined;
}

async function install(say: (line: string) => void): Promise<void> {
  say(
    'No redis-server is on the PATH. Installing the package redis-server with ' +
      'apt-get (its own service is not started).',
  );
  await withServicesHeld(async () => {
    await aptGet(['update']);
    await aptGet(['install', '-y', '--no-install-recommends', 'redis-server']);
  });
  say('redis-server is installed.');
}

/**
 * A policy-rc.d that answers 101 ("not allowed") is the one switch that both ways in which a
 * package starts its service read (invoke-rc.d and deb-systemd-invoke). A RUNLEVEL in the
 * environment is ignored under systemd. One that is there already is the machine's own decision and
 * stays.
 */
async function withServicesHeld(work: () => Promise<void>): Promise<void> {
  if (existsSync(policyFile)) return work();
  writeFileSync(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' });
  try {
    await work();
  } finally {
    rmSync(policyFile, { force: true });
  }
}

function aptGet(args: readonly string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const child = spawn('apt-get', args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const collect = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-4_000);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(aptFailed(args, output))));
  });
}

function aptFailed(args: readonly string[], output: string): RedisServerError {
  const tail = output.trim().split('\n').slice(-8).join('\n');
  return new RedisServerError(
    `\`apt-get ${args.join(' ')}\` failed:\n${tail}\n\n${howToGetRedis()}`,
  );
}

function howToGetRedis(): string {
  return `There is no redis-server or valkey-server on the PATH. Get one, then start again:
  Debian, Ubuntu   sudo apt-get install redis-server
  Fedora           sudo dnf install valkey
  Alpine           apk add redis
  macOS            brew install redis
  Windows          wsl --install, then the line for Ubuntu inside it (and start Rollcall there)
  Docker           docker run -d -p 127.0.0.1:6379:6379 redis:7 redis-server --appendonly yes
or set REDIS_URL to a server that runs (for the Docker line: REDIS_URL=redis://127.0.0.1:6379).`;
}
