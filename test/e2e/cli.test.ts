/**
 * cli.test.ts – The commands as a person runs them: each in a process of its own, over a private
 * Redis in a new folder.
 */
import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { partitionOf } from '../../src/change/partition.ts';
import { Keys } from '../../src/redis/keys.ts';
import { isRunning, waitForEnd } from '../../src/redis/process-life.ts';
import { dataFolder, runCli, type Served, serve } from '../support/cli.ts';
import { eventually } from '../support/deployment.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function newFolder(): string {
  const folder = dataFolder();
  cleanups.push(folder.remove);
  return folder.path;
}

describe('rollcall', () => {
  it('lists its commands', async () => {
    const { code, stdout } = await runCli(['--help'], {});
    expect(code).toBe(0);
    for (const name of [
      'serve',
      'demo',
      'ingest',
      'seeds',
      'audit',
      'dead-letters',
      'keys',
      'config',
    ])
      expect(stdout).toContain(`\n  ${name} `);
  });

  it('refuses a command that it does not know', async () => {
    const { code, stderr } = await runCli(['server'], {});
    expect(code).toBe(1);
    expect(stderr).toContain("unknown command 'server'");
    expect(stderr).toContain('Did you mean serve?');
  });

  it('lists the settings and hides the secrets', async () => {
    const { code, stdout } = await runCli(['config'], {
      PORT: '9000',
      ROLLCALL_KEYS: 'viewer:0123456789abcdef',
      REDIS_URL: 'redis://user:hunter2@example.com:6379',
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^PORT +9000 +environment /m);
    expect(stdout).toMatch(/^ROLLCALL_PARTITIONS +16 +default /m);
    expect(stdout).not.toMatch(/hunter2|0123456789abcdef/);
  });

  it('says every fault of the configuration, without a stack', async () => {
    for (const name of ['config', 'serve', 'audit']) {
      const { code, stderr } = await runCli([name], {
        PORT: 'http',
        ROLLCALL_TIME_ZONE: 'Mars/Phobos',
      });
      expect(code).toBe(1);
      expect(stderr).toContain('The configuration has 2 faults');
      expect(stderr).toContain('PORT is "http"');
      expect(stderr).toContain('Mars/Phobos');
      expect(stderr).not.toMatch(/^\s+at /m);
    }
  });

  it('says that a Redis can not be reached', async () => {
    const { code, stderr } = await runCli(['audit'], {
      REDIS_URL: 'redis://127.0.0.1:1',
      ROLLCALL_DATA: newFolder(),
    });
    expect(code).toBe(1);
    expect(stderr).toContain('Nothing listens at redis://');
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('founds nothing by looking', async () => {
    const folder = newFolder();
    const { code, stderr } = await runCli(['audit'], { ROLLCALL_DATA: folder });
    expect(code).toBe(1);
    expect(stderr).toContain("There is no deployment with the prefix 'rc'");
  });
});

describe('rollcall serve', () => {
  it('is ready when it says so, ends with 0 on SIGTERM, and takes its Redis with it', async () => {
    const folder = newFolder();
    const first = await serve({ ROLLCALL_DATA: folder });
    cleanups.push(() => first.child.kill('SIGKILL'));
    expect(first.said.match(/http:\/\//g)).toHaveLength(1);
    expect(first.said).toMatch(
      /Master key, made now and kept in \S+master-key: rk_[0-9A-Za-z]{32}\n/,
    );
    expect(statSync(join(folder, 'master-key')).mode & 0o777).toBe(0o600);
    expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
    expect((await first.call('GET', '/v1/segments')).status).toBe(200);
    expect((await fetch(`${first.url}/v1/segments`)).status).toBe(401);
    expect(isRunning(first.redis.process)).toBe(true);
    expect((await first.stop()).code).toBe(0);
    expect(isRunning(first.redis.process)).toBe(false);

    const second = await serve({ ROLLCALL_DATA: folder });
    cleanups.push(() => second.child.kill('SIGKILL'));
    expect(second.said).toContain(`The master key is kept in ${join(folder, 'master-key')}.`);
    expect(second.said).not.toContain('rk_');
    // Nor does it wait for a connection on which nothing ever came.
    const socket = connect(Number(new URL(second.url).port), '127.0.0.1');
    socket.on('error', () => {});
    cleanups.push(() => socket.destroy());
    await once(socket, 'connect');
    const startedMs = Date.now();
    expect((await second.stop()).code).toBe(0);
    expect(Date.now() - startedMs).toBeLessThan(5_000);
  });

  it('finishes the request that is under way, and ends at once on a second signal', async () => {
    const served = await serve({ ROLLCALL_DATA: newFolder() });
    const { port } = new URL(served.url);
    const key = /rk_\w+/.exec(served.said)![0];
    const head = `POST /v1/changes HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\n`;
    const socket = connect(Number(port), '127.0.0.1');
    cleanups.push(() => socket.destroy());
    socket.on('error', () => {});
    socket.write(`${head}content-type: application/x-ndjson\r\ncontent-length: 1000\r\n\r\n`);
    await sleep(300);
    served.child.kill('SIGTERM');
    await sleep(1_000);
    expect(served.child.exitCode).toBeNull();
    const ended = await served.stop();
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('SIGTERM again: ended at once.');
    expect(await waitForEnd(served.redis.process, 5_000)).toBe(true);
  });
});

describe('beside a server', () => {
  const folder = dataFolder();
  const env = { ROLLCALL_DATA: folder.path };
  const keys = new Keys('rc', 16);
  let served: Served;
  let redis: Redis;
  let predicateId: number;

  beforeAll(async () => {
    served = await serve(env);
    redis = new Redis(served.redis.url);
    const type = { attributes: { country: { type: 'string' }, age: { type: 'number' } } };
    await expectOk(served.call('PUT', '/v1/object-types/contacts', type));
    const rule = { field: 'age', operator: '>=', value: 18 };
    const adults = {
      title: 'Adults',
      slug: 'adults',
      object_type: 'contacts',
      query: { combinator: 'and', rules: [rule] },
    };
    await expectOk(served.call('POST', '/v1/segments', adults));
    const none = { ...adults, slug: 'minors', query: { ...adults.query, not: true } };
    await expectOk(served.call('POST', '/v1/segments', none));
    await eventually('both segments are built', async () => {
      const counts = await served.call('POST', '/v1/segments/counts', {});
      const answer = (await counts.json()) as { counts: { status: string }[] };
      return answer.counts.every(({ status }) => status === 'ready');
    });
  });

  afterAll(async () => {
    redis.disconnect();
    await served.stop();
    folder.remove();
  });

  async function expectOk(answer: Promise<Response>): Promise<void> {
    const { status } = await answer;
    expect(status).toBeGreaterThanOrEqual(200);
    expect(status).toBeLessThan(300);
  }

  const put = (id: string, age: unknown) =>
    JSON.stringify({ op: 'put', object_type: 'contacts', id, data: { country: 'DE', age } });

  it('ingests a file of more than one request', async () => {
    const file = join(dirname(folder.path), 'good.ndjson');
    writeFileSync(
      file,
      Array.from({ length: 6_000 }, (_, i) => `${put(`c${i}`, i % 40)}\n`).join(''),
    );
    const { code, stdout } = await runCli(['ingest', file, '--url', served.url], env);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '6,000 accepted, 0 rejected.\n' });
    const answer = await served.call('POST', '/v1/segments/counts', {
      slugs: ['adults', 'minors'],
    });
    expect(await answer.json()).toMatchObject({ counts: [{ count: 3_300 }, { count: 2_700 }] });
  });

  it('says which lines of the input were rejected, and ends with 1', async () => {
    const good = Array.from({ length: 5_200 }, (_, i) => put(`c${i}`, i % 40));
    const lines = [...good, put('c1', 'seven'), '', 'not JSON', put('c2', 2)];
    const { code, stdout } = await runCli(
      ['ingest', '-', '--url', served.url],
      env,
      lines.join('\n'),
    );
    expect(code).toBe(1);
    expect(stdout).toContain('5,201 accepted, 2 rejected.');
    expect(stdout).toContain('line 5201: attribute_invalid: ');
    expect(stdout).toContain('line 5203: line_malformed: ');
  });

  it('goes on from a line', async () => {
    const lines = ['not JSON', 'not JSON', put('c3', 3), put('c4', 4)];
    const { code, stdout } = await runCli(
      ['ingest', '-', '--url', served.url, '--from', '3'],
      env,
      lines.join('\n'),
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: '2 accepted, 0 rejected.\n' });
  });

  it('says that nobody answers, that a key is wrong, and that a file is not there', async () => {
    const nobody = await runCli(['ingest', '-', '--url', 'http://127.0.0.1:1'], env, put('c1', 1));
    expect(nobody.code).toBe(1);
    expect(nobody.stderr).toContain('http://127.0.0.1:1 did not answer');
    const wrong = await runCli(
      ['ingest', '-', '--url', served.url, '--key', 'a-wrong-key-0123456'],
      env,
      put('c1', 1),
    );
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('refused the lines from 1: 401');
    const missing = await runCli(['ingest', 'missing.ndjson', '--url', served.url], env);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain('missing.ndjson can not be read');
    for (const { stderr } of [nobody, wrong, missing]) expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('shows where the members of a segment lie', async () => {
    const { code, stdout } = await runCli(['keys', 'adults'], env);
    expect(code).toBe(0);
    predicateId = Number(/predicate id (\d+)/.exec(stdout)![1]);
    expect(stdout).toContain(keys.partitions[15]!.segment(predicateId));
    expect(stdout).toContain('3,300 members');
    expect(stdout).toContain('An edit of the segment moves its members to other sets.');
    expect(stdout).toMatch(new RegExp(`HGET rc:\\{catalog\\}:slugs adults +→ ${predicateId}\n`));
    expect(stdout).toContain(`They lie in the Redis at ${served.redis.url}.`);
    const unknown = await runCli(['keys', 'nobody'], env);
    expect(unknown).toMatchObject({ code: 1, stderr: "There is no segment 'nobody'.\n" });
  });

  it('finds no difference while changes come in', async () => {
    const flood = runCli(['ingest', '-', '--url', served.url], env, lines(10_000));
    const { code, stdout } = await runCli(['audit'], env);
    expect(stdout).toContain('Zero differences.');
    expect(code).toBe(0);
    expect((await flood).code).toBe(0);
  });

  const lines = (count: number) =>
    Array.from({ length: count }, (_, i) => put(`c${i % 6_000}`, (i * 7) % 40)).join('\n');

  it('finds what was planted in the sets, the counts, the state rows and the ids', async () => {
    const known = [put('c1', 1), put('c20', 20), put('c30', 30), put('c31', 31)].join('\n');
    expect((await runCli(['ingest', '-', '--url', served.url], env, known)).code).toBe(0);
    const at = (id: string) => keys.partitions[partitionOf(id, 16)]!;
    await redis.srem(at('c20').segment(predicateId), 'c20');
    await redis.sadd(at('c1').segment(predicateId), 'c1');
    await redis.sadd(at('ghost').segment(predicateId), 'ghost');
    await redis.hincrby(at('c20').counts, String(predicateId), 5);
    await redis.hdel(at('c30').state('contacts'), 'c30');
    await redis.zrem(at('c31').ids('contacts'), 'c31');
    await redis.zadd(at('phantom').ids('contacts'), 0, 'phantom');
    const { code, stdout } = await runCli(['audit'], env);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^segment=adults engine-only=\[(c1, ghost|ghost, c1)\] reference-only=\[c20\] in=set$/m,
    );
    expect(stdout).toMatch(/^segment=adults engine-only=\[\] reference-only=\[c30\] in=state$/m);
    expect(stdout).toMatch(/^segment=adults partition=\d+ count=\d+ members=\d+$/m);
    expect(stdout).toMatch(/^type=contacts ids-only=\[phantom\] records-only=\[c31\]$/m);
    expect(stdout).toMatch(/^[1-9]\d* differences\.$/m);
  });

  it('repairs what was planted, beside the live server, and finds nothing afterwards', async () => {
    const { code, stdout } = await runCli(['audit', '--repair'], env);
    expect(stdout).toMatch(/^[1-9]\d* differences\.$/m);
    expect(stdout).toMatch(/anew from the records …\n[\s\S]*\nZero differences\.\n$/);
    expect(code).toBe(0);
    const again = await runCli(['audit', '--repair'], env);
    expect(again.stdout).not.toContain('anew');
    expect(again.code).toBe(0);
  });
});

describe('rollcall demo', () => {
  it('ends with every segment equal to the reference, twice: alone, and beside a server', {
    timeout: 180_000,
  }, async () => {
    const env = { ROLLCALL_DATA: newFolder() };
    const runDemo = async () => {
      const { code, stdout } = await runCli(['demo', '--seconds', '0'], env);
      expect(code).toBe(0);
      expect(stdout).toMatch(
        /customers +793 +793 +equal\nproducts +1,862 +1,862 +equal\norders +5,009 +5,009 +equal/,
      );
      expect(stdout).toMatch(/big-spenders +117 +117 +equal/);
      expect(stdout).toMatch(/three-large-orders +(\S+) +\1 +equal/);
      expect(stdout).toMatch(/not-in-the-west +(\S+) +\1 +equal/);
      expect(stdout).not.toContain('NOT EQUAL');
    };
    await runDemo();
    const served = await serve(env);
    cleanups.push(() => served.stop());
    await runDemo();
    const { data } = (await (await served.call('GET', '/v1/segments')).json()) as {
      data: unknown[];
    };
    expect(data).toEqual([]);
    expect((await runCli(['audit'], { ...env, ROLLCALL_PREFIX: 'rcdemo' })).stdout).toContain(
      'Zero differences.',
    );
  });
});
