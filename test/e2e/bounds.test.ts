/**
 * bounds.test.ts – What one client may hold: kept answers, connections, the time for which it is
 * waited, requests in a window.
 */

import type { AddressInfo } from 'node:net';
import { connect, type Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildServer, type ServerOptions } from '../../src/api/server.ts';
import { ROLES } from '../../src/config.ts';
import type { TestDeployment } from '../support/client.ts';
import { eventually, openTestDeployment } from '../support/deployment.ts';

const KEYS = ROLES.map((role) => ({ role, key: `the-key-of-the-${role}` }));
const KEPT_BYTES = 20_000;

let deployment: TestDeployment;
let server: FastifyInstance;
const sockets: Socket[] = [];

beforeAll(async () => {
  deployment = await openTestDeployment({
    limits: { idempotencyBytes: KEPT_BYTES, requestSeconds: 1, connections: 40, rejectedLines: 10 },
  });
  await deployment.objectTypes.put('things', {
    attributes: { n: { type: 'number' }, text: { type: 'string' } },
  });
});
afterAll(() => deployment.close());
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
});

async function start(options: Partial<ServerOptions> = {}): Promise<void> {
  server = await buildServer(deployment, {
    keys: KEYS,
    logger: pino({ level: 'silent' }),
    ...options,
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
}

function call(
  method: string,
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
  role = 'editor',
) {
  return server.inject({
    method: method as 'GET',
    url,
    headers: {
      authorization: `Bearer the-key-of-the-${role}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
}

interface Opened {
  readonly socket: Socket;
  text(): string;
  isEnded(): boolean;
}

function open(): Promise<Opened> {
  const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1');
  sockets.push(socket);
  let [text, ended] = ['', false];
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    ended = true;
  });
  return new Promise((resolve) =>
    socket.once('connect', () => resolve({ socket, text: () => text, isEnded: () => ended })),
  );
}

const head = (path: string, type: string, more = '') =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ` +
  `the-key-of-the-editor\r\ncontent-type: ${type}\r\n${more}\r\n`;

describe('kept idempotent answers', () => {
  it('weigh what one key may keep: the oldest go, and the others answer still', async () => {
    await start();
    const text = 'x'.repeat(2000);
    const put = (n: number, role: string) =>
      call(
        'PUT',
        `/v1/records/things/${role}${n}`,
        { text },
        { 'idempotency-key': `key-${n}` },
        role,
      );
    expect((await put(0, 'master')).statusCode).toBe(201);
    for (let n = 0; n < 30; n++) expect((await put(n, 'editor')).statusCode).toBe(201);
    const kept = await deployment.redis.keys(`${deployment.keys.prefix}:*:idempotency:*`);
    const bytes = await Promise.all(kept.map((key) => deployment.redis.strlen(key)));
    expect(bytes.reduce((all, each) => all + each, 0)).toBeLessThanOrEqual(KEPT_BYTES + 4000);
    const repeated = async (n: number, role: string) =>
      (await put(n, role)).headers['idempotency-replayed'] === 'true';
    expect(await repeated(29, 'editor')).toBe(true);
    expect(await repeated(0, 'editor')).toBe(false);
    expect(await repeated(0, 'master')).toBe(true);
  });

  it('are none without a key that fits', async () => {
    await start();
    for (const key of ['', 'x'.repeat(256), 'ä', 'a b']) {
      const answer = await call('PUT', '/v1/records/things/a', {}, { 'idempotency-key': key });
      expect([answer.statusCode, answer.json().code]).toEqual([400, 'parameter_invalid']);
    }
  });
});

describe('a client that does not go on', () => {
  it('with its header loses its connection, and so does one that says nothing', async () => {
    await start({ headersTimeoutMs: 300 });
    const silent = await open();
    const slow = await open();
    slow.socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\nx-a: ');
    await eventually('both have ended', () => silent.isEnded() && slow.isEnded());
    expect(slow.text()).toContain('request_timeout');
  });

  it.each([
    ['application/json', '/v1/changes'],
    ['application/json', '/v1/memberships/lookup'],
    ['application/x-ndjson', '/v1/changes'],
  ])('with its body of %s hears 408, and loses its connection', async (type, path) => {
    await start();
    const stalled = await open();
    stalled.socket.write(`${head(path, type, 'content-length: 1000\r\n')}{"op":`);
    await eventually('it has ended', () => stalled.isEnded());
    expect(stalled.text()).toContain('408');
    expect(stalled.text()).toContain('request_timeout');
    expect((await call('GET', '/healthz')).statusCode).toBe(200);
  });

  it('with a streamed body may take long as long as some of it comes', async () => {
    await start();
    const streaming = await open();
    streaming.socket.write(
      head(
        '/v1/changes',
        'application/x-ndjson',
        'transfer-encoding: chunked\r\nconnection: close\r\n',
      ),
    );
    const line = `${JSON.stringify({ op: 'put', object_type: 'things', id: 's', data: { n: 1 } })}\n`;
    for (let n = 0; n < 4; n++) {
      streaming.socket.write(`${line.length.toString(16)}\r\n${line}\r\n`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    streaming.socket.write('0\r\n\r\n');
    await eventually('it is answered', () => streaming.isEnded());
    expect(streaming.text()).toContain('"accepted":4');
  });

  it('holds no more connections than there may be, and others are answered when they are gone', async () => {
    await start();
    const many = await Promise.all(Array.from({ length: 60 }, () => open()));
    await eventually(
      'those beyond the bound have ended',
      () => many.filter(({ isEnded }) => isEnded()).length >= 20,
    );
    for (const { socket } of many) socket.destroy();
    await eventually('somebody else is answered', async () => {
      const other = await open();
      other.socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
      await new Promise((resolve) => setTimeout(resolve, 50));
      return other.text().startsWith('HTTP/1.1 200');
    });
  });
});

describe('rejected lines', () => {
  it.each([
    ['application/x-ndjson', (lines: string[]) => lines.join('\n')],
    ['application/json', (lines: string[]) => `[${lines.join(',\n')}]`],
  ])('of %s are listed up to a bound, and counted', async (type, body) => {
    await start();
    const good = JSON.stringify({ op: 'put', object_type: 'things', id: 'good', data: { n: 1 } });
    const lines = [...Array.from({ length: 500 }, () => '{}'), good];
    const answer = await server.inject({
      method: 'POST',
      url: '/v1/changes',
      headers: { authorization: 'Bearer the-key-of-the-editor', 'content-type': type },
      payload: body(lines),
    });
    const { accepted, rejected, rejected_total: total, position } = answer.json();
    expect([accepted, rejected.length, total, typeof position]).toEqual([1, 10, 500, 'string']);
    expect(rejected.map(({ line }: { line: number }) => line)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
    ]);
    expect((await call('GET', '/v1/records/things/good')).json().data).toEqual({ n: 1 });
  });

  it('of an array that is no JSON to its end are none: nothing of it is taken in', async () => {
    await start();
    const change = (id: string) =>
      JSON.stringify({ op: 'put', object_type: 'things', id, data: { n: 1 } });
    for (const text of [
      `[${change('torn')},{"op":}]`,
      `[${change('torn')}`,
      `[${change('torn')},]`,
      `[${change('torn')}]]`,
    ]) {
      const answer = await server.inject({
        method: 'POST',
        url: '/v1/changes',
        headers: {
          authorization: 'Bearer the-key-of-the-editor',
          'content-type': 'application/json',
        },
        payload: text,
      });
      expect([answer.statusCode, answer.json().code], text).toEqual([400, 'body_malformed']);
    }
    expect((await call('GET', '/v1/records/things/torn')).statusCode).toBe(404);
  });
});

describe('the rate of a key', () => {
  it('is not bounded unless that is asked for', async () => {
    await start();
    for (let n = 0; n < 50; n++) expect((await call('GET', '/v1/segments')).statusCode).toBe(200);
  });

  it('is bounded by ROLLCALL_RATE_LIMIT, each key by itself, and never for /healthz and /readyz', async () => {
    await start({ rateLimit: { requests: 3, windowMs: 3_600_000 } });
    for (let n = 0; n < 3; n++) expect((await call('GET', '/v1/segments')).statusCode).toBe(200);
    const refused = await call('GET', '/v1/segments');
    expect([refused.statusCode, refused.json().code]).toEqual([429, 'overloaded']);
    expect(refused.headers['content-type']).toBe('application/problem+json');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await call('GET', '/v1/segments', undefined, {}, 'viewer')).statusCode).toBe(200);
    for (let n = 0; n < 10; n++)
      for (const url of ['/healthz', '/readyz'])
        expect((await call('GET', url)).statusCode).toBe(200);
  });
});
