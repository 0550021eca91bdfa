/**
 * ingest-cli.test.ts – `rollcall ingest` that does not come to its end: what it says of lines that
 * were acknowledged, rejected, lost, and where to go on; and the file that keeps what was rejected.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../support/api.ts';
import { dataFolder, type Ended, runCli, startCli } from '../support/cli.ts';
import { eventually } from '../support/deployment.ts';

const folder = dataFolder();
const KEY = 'the-key-of-the-master';
const file = (name: string) => join(folder.path, name);
const put = (id: string, age: unknown) =>
  `{"op":"put","object_type":"contacts","id":"${id}","data":{"age":${age}}}`;
const goods = (count: number) => Array.from({ length: count }, (_, n) => put(`c${n}`, n));

beforeAll(() => mkdirSync(folder.path));
afterAll(() => folder.remove());

type Act = (response: ServerResponse, lines: string[], request: IncomingMessage) => void;

/** A server whose n-th answer is what a test says. */
let server: Server;
let url: string;
let acts: Act[];
let bodies: string[][];

beforeEach(async () => {
  acts = [];
  bodies = [];
  server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      const lines = text.trimEnd().split('\n');
      const act = acts[bodies.length] ?? ok;
      bodies.push(lines);
      act(response, lines, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const answer = (response: ServerResponse, status: number, body: unknown, headers = {}) =>
  response
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(JSON.stringify(body));
const ok: Act = (response, lines) =>
  answer(response, 200, { accepted: lines.length, rejected: [], position: '' });
const rejecting =
  (...rejected: { line: number; code: string; detail: string }[]): Act =>
  (response, lines) =>
    answer(response, 200, { accepted: lines.length - rejected.length, rejected, position: '' });
const bad = (line: number) => ({
  line,
  code: 'attribute_invalid',
  detail: "'age' must be a number",
});
const refusing =
  (status: number, code: string): Act =>
  (response) =>
    answer(response, status, { status, code, title: code, detail: `it says ${code}` });
const lost: Act = (response) => void response.socket?.destroy();
const hanging: Act = () => {};

function ingest(lines: readonly string[], ...args: string[]): Promise<Ended> {
  writeFileSync(file('in.ndjson'), lines.join('\n'));
  return runCli(['ingest', file('in.ndjson'), '--url', url, '--key', KEY, ...args], {});
}

describe('rollcall ingest that breaks off', () => {
  it.each<[string, Act, string, boolean]>([
    ['the connection is lost', lost, 'did not answer', true],
    [
      'the key is not valid any more',
      refusing(401, 'key_missing'),
      'refused the lines from 5001: 401',
      false,
    ],
    ['Redis is full', refusing(503, 'redis_full'), '503 it says redis_full', false],
    ['Redis is gone', refusing(503, 'redis_unavailable'), '503 it says redis_unavailable', true],
    ['the server closes', refusing(503, 'shutting_down'), '503 it says shutting_down', false],
    ['the server has a fault', refusing(500, 'internal'), '500 it says internal', true],
    [
      'the answer is cut',
      (response) => response.writeHead(200).write('{"acc', () => response.destroy()),
      'did not answer',
      true,
    ],
  ])('names the rejected lines and where to go on, when %s', async (_, act, words, isUnknown) => {
    acts = [rejecting(bad(3), bad(4000)), act];
    const { code, stdout, stderr } = await ingest(goods(12_000));
    expect([code, bodies.length]).toEqual([1, 2]);
    expect(stdout).toContain('4,998 accepted, 2 rejected.');
    expect(stdout).toMatch(/^line 3: attribute_invalid: .*\nline 4000: attribute_invalid: /m);
    expect(stderr).toContain(words);
    expect(stderr).toContain('Lines 1 to 5000 are in, but for those that were rejected.');
    expect(
      stderr.includes('Lines 5001 to 10000 were sent, and whether they are in is not known.'),
    ).toBe(isUnknown);
    expect(stderr).toContain('Go on with --from 5001');
    expect(stderr).not.toMatch(/^\s+at /m);

    if (act !== lost) return;
    const rest = await ingest(goods(12_000), '--from', '5001');
    expect([rest.code, rest.stdout]).toEqual([0, '7,000 accepted, 0 rejected.\n']);
    expect(bodies.slice(2).flat()).toEqual(goods(12_000).slice(5000));
  });

  it('goes on from the first line that the server could not take, and does not call it rejected', async () => {
    const full = (line: number) => ({ line, code: 'redis_full', detail: 'Redis takes no writes' });
    acts = [rejecting(), rejecting(bad(5), full(30), full(20))];
    const { code, stdout, stderr } = await ingest(goods(12_000));
    expect([code, bodies.length]).toEqual([1, 2]);
    expect(stdout).toMatch(/^9,997 accepted, 1 rejected\.\nline 5005: attribute_invalid/);
    expect(stderr).toContain('could not take line 5020: redis_full');
    expect(stderr).toContain('Lines 1 to 5019 are in');
    expect(stderr).toContain('Go on with --from 5020');
  });

  it('says so when nothing was sent, from whichever line, and from a pipe', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const { code, stderr, stdout } = await ingest(goods(5), '--from', '3');
    expect([code, stdout]).toEqual([1, '0 accepted, 0 rejected.\n']);
    expect(stderr).toContain('Does a server run there');
    expect(stderr).toContain('No line is known to be in. Go on with --from 3.');
    const piped = await runCli(
      ['ingest', '-', '--url', url, '--key', KEY],
      {},
      goods(3).join('\n'),
    );
    expect(piped.stderr).toContain('Go on with --from 1 and the same input.');
  });
});

describe('rollcall ingest that is interrupted', () => {
  const started = (...args: string[]) =>
    startCli(['ingest', ...args, '--url', url, '--key', KEY], {});

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'waits for what is under way, and says where to go on: %s',
    async (signal) => {
      let release = () => {};
      acts = [
        rejecting(bad(7)),
        (response, lines, request) => {
          release = () => ok(response, lines, request);
        },
      ];
      writeFileSync(file('in.ndjson'), goods(20_000).join('\n'));
      const { child, output, ended } = started(file('in.ndjson'));
      await eventually('the second request came', () => bodies.length === 2);
      child.kill(signal);
      await eventually('it heard', () => output.stderr.includes('Stopping'));
      release();
      const { code, stdout, stderr } = await ended;
      expect([code, bodies.length]).toEqual([130, 2]);
      expect(stdout).toMatch(/^9,999 accepted, 1 rejected\.\nline 7: attribute_invalid/);
      expect(stderr).toContain(
        'Interrupted. Lines 1 to 10000 are in, but for those that were rejected. Go ' +
          'on with --from 10001.',
      );
    },
  );

  it('says what is not known when it is interrupted twice', async () => {
    acts = [ok, hanging];
    writeFileSync(file('in.ndjson'), goods(20_000).join('\n'));
    const { child, output, ended } = started(file('in.ndjson'));
    await eventually('the second request came', () => bodies.length === 2);
    child.kill('SIGINT');
    await eventually('it heard', () => output.stderr.includes('Stopping'));
    child.kill('SIGINT');
    const { code, stdout, stderr } = await ended;
    expect([code, stdout]).toEqual([130, '5,000 accepted, 0 rejected.\n']);
    expect(stderr).toContain(
      'Lines 1 to 5000 are in. Lines 5001 to 10000 were sent, and whether they are ' +
        'in is not known.',
    );
    expect(stderr).toContain('Go on with --from 5001; ');
  });

  it('does not wait out an overload', async () => {
    acts = [ok, (response) => answer(response, 429, {}, { 'retry-after': '3600' })];
    writeFileSync(file('in.ndjson'), goods(20_000).join('\n'));
    const { child, ended } = started(file('in.ndjson'));
    await eventually('it was refused', () => bodies.length === 2);
    child.kill('SIGINT');
    const { code, stderr } = await ended;
    expect(code).toBe(130);
    expect(stderr).toContain('Interrupted. Lines 1 to 5000 are in. Go on with --from 5001.');
  });

  it('says so of a pipe that gives nothing more', async () => {
    const { child, ended } = started('-');
    child.stdin!.write(`${goods(7000).join('\n')}\n`);
    await eventually('a request came', () => bodies.length === 1);
    child.kill('SIGINT');
    const { code, stdout, stderr } = await ended;
    expect([code, stdout]).toEqual([130, '5,000 accepted, 0 rejected.\n']);
    expect(stderr).toContain('Lines 1 to 5000 are in. Go on with --from 5001 and the same input.');
  });
});

describe('the file of rejected lines', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await openTestApi();
    await api.call('PUT', '/v1/object-types/contacts', { attributes: { age: { type: 'number' } } });
    await api.server.listen({ port: 0, host: '127.0.0.1' });
  });
  afterAll(() => api.close());

  const run = (input: string, ...args: string[]) => {
    const at = `http://127.0.0.1:${(api.server.server.address() as AddressInfo).port}`;
    return runCli(['ingest', file(input), '--url', at, '--key', KEY, ...args], {});
  };
  const kept = (name: string) => readFileSync(file(name), 'utf8').split('\n').filter(Boolean);

  it('keeps all of them with their reasons, and is its own input once they are corrected', async () => {
    const wrong = Array.from({ length: 2500 }, (_, n) => put(`w${n}`, `"${n}"`));
    const odd = '{"op":"put","object_type":"contacts","id":"odd","data":{"age":"x","note":1.500}}';
    writeFileSync(
      file('in.ndjson'),
      [...goods(10), ...wrong, '', 'not, "change":JSON', odd, put('last', 1)].join('\r\n'),
    );
    const first = await run('in.ndjson', '--rejected', file('rejected.ndjson'));
    expect(first.code).toBe(1);
    expect(first.stdout).toContain('11 accepted, 2,502 rejected.');
    const lines = kept('rejected.ndjson');
    expect(lines).toHaveLength(2502);
    expect(lines.map((line) => JSON.parse(line).line)).toEqual(
      [...wrong.keys()].map((n) => n + 11).concat(2512, 2513),
    );
    expect(JSON.parse(lines[0]!)).toMatchObject({
      line: 11,
      code: 'attribute_invalid',
      path: '/data/age',
      change: { id: 'w0' },
    });
    expect(JSON.parse(lines[2500]!)).toMatchObject({
      line: 2512,
      code: 'line_malformed',
      text: 'not, "change":JSON',
    });
    expect(lines[2501]).toContain('1.500');

    const again = await run('rejected.ndjson', '--rejected', file('still.ndjson'));
    expect(again.stdout).toContain('0 accepted, 2,502 rejected.');
    expect(
      kept('still.ndjson').map((line) => JSON.parse(line).change ?? JSON.parse(line).text),
    ).toEqual(lines.map((line) => JSON.parse(line).change ?? JSON.parse(line).text));

    const corrected = lines.map((line) =>
      line.replace(/"age":"(\d+)"/, '"age":$1').replace('"age":"x"', '"age":5'),
    );
    corrected[2500] = corrected[2500]!.replace(
      /"text":.*$/,
      `"text":${JSON.stringify(put('text', 3))}}`,
    );
    writeFileSync(file('rejected.ndjson'), corrected.join('\n'));
    const last = await run('rejected.ndjson', '--rejected', file('none.ndjson'));
    expect([last.code, last.stdout]).toEqual([0, '2,502 accepted, 0 rejected.\n']);
    expect(kept('none.ndjson')).toEqual([]);
    const read = async (id: string) =>
      (await api.call('GET', `/v1/records/contacts/${id}`)).json().data;
    expect([await read('w7'), await read('odd'), await read('text')]).toEqual([
      { age: 7 },
      { age: 5, note: 1.5 },
      { age: 3 },
    ]);
  });

  it('is not the file that is sent, and is there from the beginning', async () => {
    writeFileSync(file('in.ndjson'), goods(3).join('\n'));
    const same = await run('in.ndjson', '--rejected', file('in.ndjson'));
    expect([same.code, same.stderr]).toEqual([
      1,
      expect.stringContaining('is the file that is sent'),
    ]);
    expect(kept('in.ndjson')).toEqual(goods(3));
    const nowhere = await run('in.ndjson', '--rejected', file('no/where'));
    expect([nowhere.code, nowhere.stderr]).toEqual([
      1,
      expect.stringContaining('can not be written'),
    ]);
    expect((await api.call('GET', '/v1/records/contacts/c0')).json().version ?? 1).toBe(1);
  });
});
