/**
 * messages.test.ts – What goes wrong before Rollcall runs, as who started it reads it: what
 * happened, where, and what to do; in a sentence, without a stack, and without a password.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { reachRedis } from '../../src/redis/reach.ts';
import { dataFolder, runCli, serve } from '../support/cli.ts';
import { eventually } from '../support/deployment.ts';
import { freshPrefix } from '../support/redis.ts';

const KEYS = { ROLLCALL_KEYS: 'master:the-key-of-the-master' };
const PASSWORD = 'open-sesame-7041';

const folder = mkdtempSync(join(tmpdir(), 'rollcall-messages-'));
const servers: ChildProcess[] = [];
const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});
afterAll(() => {
  for (const server of servers) server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** A redis-server with settings of its own. */
async function startRedis(port: number, settings: readonly string[], url: string): Promise<void> {
  const dir = join(folder, String(port));
  mkdirSync(dir);
  const server = spawn(
    'redis-server',
    ['--bind', '127.0.0.1', '--save', '', '--dir', dir, ...settings],
    {
      stdio: 'ignore',
    },
  );
  servers.push(server);
  await eventually('it answers', async () => {
    const redis = new Redis(url, {
      lazyConnect: true,
      retryStrategy: () => null,
      tls: url.startsWith('rediss') ? { rejectUnauthorized: false } : undefined,
    } as never);
    redis.on('error', () => {});
    return redis
      .connect()
      .then(() => true)
      .catch(() => false)
      .finally(() => redis.disconnect());
  });
}

/** What a command that can not start says, and that it says nothing else. */
async function refusal(
  env: Readonly<Record<string, string>>,
  args: readonly string[] = ['serve'],
): Promise<string> {
  const { code, stderr } = await runCli(args, {
    ...KEYS,
    ROLLCALL_DATA: join(folder, 'unused'),
    ...env,
  });
  expect(code).toBe(1);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stderr).not.toContain(PASSWORD);
  expect(stderr.trim().split('\n'), stderr).toHaveLength(1);
  return stderr.trim();
}

describe('a Redis that is not there', () => {
  it.each(['serve', 'audit', 'demo'])('is told by %s with a way on', async (command) => {
    const url = `redis://127.0.0.1:${await freePort()}`;
    expect(await refusal({ REDIS_URL: url }, [command])).toBe(
      `Nothing listens at ${url}. Start Redis there, or correct REDIS_URL. If you ` +
        'unset it, Rollcall starts a Redis of its own.',
    );
  });

  it('under a name that has no address says so', async () => {
    const said = await refusal({ REDIS_URL: 'redis://nowhere.invalid:6379' });
    expect(said).toMatch(
      /^The host 'nowhere\.invalid' of REDIS_URL has no address .*Correct the name\.$/,
    );
  });

  it('behind an address that answers otherwise is told with the address', async () => {
    const deaf = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
    opened.push(() => deaf.close());
    const { port } = deaf.address() as { port: number };
    await expect(reachRedis(`redis://127.0.0.1:${port}`)).rejects.toThrow(
      `redis://127.0.0.1:${port}`,
    );
  });
});

describe('a Redis with a password', () => {
  let port: number;
  beforeAll(async () => {
    port = await freePort();
    await startRedis(
      port,
      ['--port', String(port), '--requirepass', PASSWORD],
      `redis://:${PASSWORD}@127.0.0.1:${port}`,
    );
  });

  it('that was not given asks for it', async () => {
    const said = await refusal({ REDIS_URL: `redis://127.0.0.1:${port}` });
    expect(said).toMatch(
      /asks for a password, and REDIS_URL has none\. Write redis:\/\/:PASSWORD@host:port/,
    );
  });

  it.each([['serve'], ['keys', 'any']])(
    'that is wrong is refused by %s, and not shown',
    async (...command) => {
      const said = await refusal(
        { REDIS_URL: `redis://:${PASSWORD}-not@127.0.0.1:${port}` },
        command,
      );
      expect(said).toBe(
        `The Redis at redis://127.0.0.1:${port} refuses the user or the password of ` +
          'REDIS_URL. Compare them with its requirepass, ' +
          'or with ACL LIST. Signs such as @ : / # are percent-encoded in a URL.',
      );
    },
  );

  it('and without the database that is asked for says so', async () => {
    const said = await refusal({ REDIS_URL: `redis://:${PASSWORD}@127.0.0.1:${port}/99` });
    expect(said).toMatch(/has no database 99\. Choose another one at the end of REDIS_URL/);
  });
});

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return /OpenSSL|tls/i.test(
      execFileSync('ldd', [execFileSync('which', ['redis-server']).toString().trim()])
        .toString()
        .replaceAll('libssl', 'tls'),
    );
  } catch {
    return false;
  }
}

describe.skipIf(!hasOpenssl())('a Redis with TLS', () => {
  let port: number;
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')] as const;
  beforeAll(async () => {
    const made = [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      key,
      '-out',
      certificate,
      '-days',
      '2',
    ];
    execFileSync(
      'openssl',
      [...made, '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'],
      {
        stdio: 'ignore',
      },
    );
    port = await freePort();
    const tls = [
      '--tls-cert-file',
      certificate,
      '--tls-key-file',
      key,
      '--tls-ca-cert-file',
      certificate,
    ];
    await startRedis(
      port,
      ['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no', ...tls],
      `rediss://localhost:${port}`,
    );
  });

  it('whose certificate is not trusted says how to trust it', async () => {
    expect(await refusal({ REDIS_URL: `rediss://localhost:${port}` })).toMatch(
      /is not trusted \(self-signed certificate\)\. If it is yours, name the authority that signed it: NODE_EXTRA_CA_CERTS=\/path\/to\/ca\.pem\.$/,
    );
  });

  it('whose certificate is for another name says for which', async () => {
    const said = await refusal({
      REDIS_URL: `rediss://127.0.0.1:${port}`,
      NODE_EXTRA_CA_CERTS: certificate,
    });
    expect(said).toMatch(
      /is for another name than '127\.0\.0\.1'.*Use a name in REDIS_URL that the certificate holds\.$/,
    );
  });

  it('is told from one without', async () => {
    expect(await refusal({ REDIS_URL: `redis://127.0.0.1:${port}` })).toContain(
      'If it speaks TLS, write rediss://',
    );
  });

  it('that is trusted is used for all', async () => {
    const data = dataFolder();
    opened.push(data.remove);
    const env = {
      REDIS_URL: `rediss://localhost:${port}`,
      NODE_EXTRA_CA_CERTS: certificate,
      ROLLCALL_DATA: data.path,
    };
    // Commands, the blocking reads of the engine, and the queue of jobs.
    const served = await startServer({ ...env, LOG_LEVEL: 'warn' });
    const call = async (method: string, path: string, body?: unknown) => {
      const answer = await fetch(`${served.url}/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${KEYS.ROLLCALL_KEYS.split(':')[1]}`,
          'content-type': 'application/json',
        },
        body: body === undefined ? null : JSON.stringify(body),
      });
      return (await answer.json()) as Record<string, unknown>;
    };
    await call('PUT', '/object-types/contacts', { attributes: {} });
    const everyone = { combinator: 'and', rules: [] };
    const segment = { title: 'all', slug: 'all', object_type: 'contacts', query: everyone };
    await call('POST', '/segments', segment);
    await call('PUT', '/records/contacts/ada', {});
    await eventually('she is counted', async () => {
      const { counts } = await call('GET', '/segments/counts?slug=all');
      return (counts as { count: number | null }[])[0]!.count === 1;
    });
    const { id } = await call('POST', '/exports/contacts', { format: 'csv' });
    await eventually(
      'she is exported',
      async () => (await call('GET', `/jobs/${id}`))['status'] === 'completed',
    );
    served.child.kill('SIGTERM');
    const code = await new Promise((resolve) => served.child.once('close', resolve));
    expect([code, served.stderr()]).toEqual([0, '']);
    const { stdout } = await runCli(['keys', 'all'], { ...KEYS, ...env });
    expect(stdout).toContain('1 members');
  });
});

describe('a deployment that was founded otherwise', () => {
  const found = async (semantics: string) => {
    const prefix = freshPrefix();
    const redis = new Redis(inject('redisUrl'));
    await redis.hset(`${prefix}:{catalog}:meta`, {
      install: 'i',
      partitions: 16,
      time_zone: 'UTC',
      semantics,
      founded: 1,
    });
    redis.disconnect();
    return { REDIS_URL: inject('redisUrl'), ROLLCALL_PREFIX: prefix };
  };

  it.each([
    ['ROLLCALL_PARTITIONS', '16', '8'],
    ['ROLLCALL_TIME_ZONE', 'UTC', 'Europe/Zurich'],
  ])('with another %s says what to set', async (name, stored, wanted) => {
    const env = await found('1');
    expect(await refusal({ ...env, [name]: wanted })).toBe(
      `The deployment with the prefix '${env.ROLLCALL_PREFIX}' was founded with ` +
        `${name} = ${stored}, which can't be changed; the ` +
        `configuration says ${wanted}. Set ${name}=${stored}, or begin another ` +
        'deployment beside it with another ROLLCALL_PREFIX.',
    );
  });

  it.each([
    ['7', 'a newer', 'whose filters mean something else'],
    ['2', 'an older', 'which stores things otherwise'],
    ['0', 'an older', 'whose filters mean something else'],
  ])(
    'by a release with the semantics %s says which release, and how to move on',
    async (semantics, age, what) => {
      const said = await refusal(await found(semantics));
      expect(said).toContain(
        `is of ${age} release of Rollcall, ${what} (semantics version ${semantics};`,
      );
      expect(said).toMatch(
        /export from there with 'rollcall seeds export', and import into a new deployment of this release/,
      );
    },
  );
});

describe('a data folder', () => {
  it('that is in use, one that was copied meanwhile, a port that is taken, and a standby', async () => {
    const data = dataFolder();
    const first = await serve({ ROLLCALL_DATA: data.path });
    opened.push(data.remove, () => first.stop());

    const second = await refusal({ ROLLCALL_DATA: data.path });
    expect(second).toBe(
      `The data folder ${data.path} is in use by process ${first.child.pid}. Stop ` +
        'that one first, or give this one a folder of ' +
        'its own with ROLLCALL_DATA.',
    );

    const copy = join(folder, 'copy');
    cpSync(data.path, copy, { recursive: true });
    expect(await refusal({ ROLLCALL_DATA: copy })).toMatch(
      new RegExp(
        `^The data folder ${copy} is a copy of ${data.path}, made while process ` +
          `${first.child.pid} was working.* Stop that process and copy again`,
      ),
    );

    const taken = await refusal({
      ROLLCALL_DATA: join(folder, 'other'),
      PORT: new URL(first.url).port,
    });
    expect(taken).toMatch(
      /^Port \d+ of 127\.0\.0\.1 is taken by another program\. Choose another one with PORT\.$/,
    );
    // Nor is its Redis left behind.
    expect(existsSync(join(folder, 'other'))).toBe(true);
    expect(existsSync(join(folder, 'other', 'redis-server.json'))).toBe(false);

    const standby = await startServer({
      REDIS_URL: first.redis.url,
      ROLLCALL_DATA: join(folder, 'unused'),
    });
    const answer = await (await fetch(`${standby.url}/readyz`)).json();
    expect(answer).toMatchObject({ status: 'ready', partitions_owned: 0, standby: true });
    expect(standby.said()).toContain('Standing by: another process works off all 16 partitions.');
    expect(await (await fetch(`${first.url}/readyz`)).json()).toMatchObject({
      partitions_owned: 16,
    });
    standby.child.kill('SIGTERM');
    await new Promise((resolve) => standby.child.once('close', resolve));
  });

  it('that was copied while nobody worked with it is a deployment of its own', async () => {
    const data = dataFolder();
    opened.push(data.remove);
    const first = await serve({ ROLLCALL_DATA: data.path });
    await first.call('PUT', '/v1/object-types/contacts', { attributes: {} });
    await first.stop();
    const copy = join(folder, 'copy-at-rest');
    cpSync(data.path, copy, { recursive: true });
    const second = await serve({ ROLLCALL_DATA: copy });
    opened.push(() => second.stop());
    expect((await second.call('GET', '/v1/object-types/contacts')).status).toBe(200);
  });
});

/** A server over a Redis that it was given. */
async function startServer(given: Readonly<Record<string, string>>) {
  const CLI = new URL('../../dist/cli/rollcall.js', import.meta.url).pathname;
  const { PATH = '', HOME = '' } = process.env;
  const env = { PATH, HOME, ...KEYS, PORT: '0', ...given };
  const child = spawn(process.execPath, [CLI, 'serve'], { env });
  servers.push(child);
  let [said, stderr] = ['', ''];
  child.stdout!.on('data', (chunk) => (said += chunk));
  child.stderr!.on('data', (chunk) => {
    said += chunk;
    stderr += chunk;
  });
  await eventually('it is ready', () => /^Rollcall is ready: \S+$/m.test(said), 40_000);
  const url = /^Rollcall is ready: (\S+)$/m.exec(said)![1]!;
  return { child, url, said: () => said, stderr: () => stderr };
}

it('--version says the version of the package', async () => {
  const { stdout, code } = await runCli(['--version'], {});
  expect([stdout.trim(), code]).toEqual([process.env.npm_package_version ?? '0.1.0', 0]);
});
