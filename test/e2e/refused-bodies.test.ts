/**
 * refused-bodies.test.ts – A client whose upload is refused early, on a connection that it goes on
 * using: by a raw socket, which sends the rest of its body and then its next request.
 */

import type { AddressInfo } from 'node:net';
import { connect, type Socket } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { refusedBodies } from '../../src/api/plugins/refused-bodies.ts';
import { buildServer } from '../../src/api/server.ts';
import { DEFAULT_LIMITS } from '../../src/limits.ts';
import { openTestApi, type TestApi } from '../support/api.ts';

const NDJSON = 'application/x-ndjson';
const KB = 1024;

let api: TestApi;
let busy: FastifyInstance;

beforeAll(async () => {
  api = await openTestApi();
  await api.call('PUT', '/v1/object-types/contacts', { attributes: { age: { type: 'number' } } });
  await api.server.listen({ port: 0, host: '127.0.0.1' });
  const keys = [{ role: 'master', key: 'the-key-of-the-master' }] as const;
  busy = await buildServer(api.deployment, {
    keys,
    logger: pino({ level: 'silent' }),
    waitingChangesMax: -1,
  });
  await busy.listen({ port: 0, host: '127.0.0.1' });
});
afterAll(async () => {
  await busy.close();
  await api.close();
});

interface Answer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

/** What a keep-alive client does with one connection. */
class Connection {
  readonly #socket: Socket;
  #text = '';
  isEnded = false;
  #wake: () => void = () => {};

  constructor(server: FastifyInstance) {
    this.#socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1');
    this.#socket.on('data', (chunk) => {
      this.#text += chunk;
      this.#wake();
    });
    this.#socket.on('error', () => {});
    for (const event of ['end', 'close']) {
      this.#socket.on(event, () => {
        this.isEnded = true;
        this.#wake();
      });
    }
  }

  async send(data: string | Buffer): Promise<void> {
    if (this.#socket.destroyed) return;
    await new Promise<void>((resolve) => this.#socket.write(data, () => resolve()));
  }

  async answer(): Promise<Answer> {
    for (;;) {
      const [, headers] = /^(HTTP\/1\.1 .*?)\r\n\r\n/s.exec(this.#text) ?? [];
      const length = Number(/content-length: (\d+)/i.exec(headers ?? '')?.[1] ?? 0);
      if (headers !== undefined && this.#text.length >= headers.length + 4 + length) {
        const body = this.#text.slice(headers.length + 4, headers.length + 4 + length);
        this.#text = this.#text.slice(headers.length + 4 + length);
        return { status: Number(headers.slice(9, 12)), headers: headers.toLowerCase(), body };
      }
      if (this.isEnded) throw new Error(`the connection ended after ${JSON.stringify(this.#text)}`);
      await this.#change();
    }
  }

  async ended(): Promise<void> {
    while (!this.isEnded) await this.#change();
  }

  close(): void {
    this.#socket.destroy();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

interface Upload {
  readonly path: string;
  readonly method?: string;
  readonly key?: string;
  readonly type?: string;
  /** The body's first piece; more of the same follow. */
  readonly piece: string;
  readonly pieces: number;
  readonly more?: string;
}

function headOf(
  { path, method = 'POST', key = 'the-key-of-the-master', type = NDJSON, more = '' }: Upload,
  length: string,
) {
  return (
    `${method} ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ` +
    `${key}\r\ncontent-type: ${type}\r\n${length}\r\n${more}\r\n`
  );
}

/** Sends the whole upload, or as much as the server takes, and reads the answer. */
async function upload(connection: Connection, given: Upload, isChunked: boolean): Promise<Answer> {
  const { piece, pieces } = given;
  const length = isChunked
    ? 'transfer-encoding: chunked'
    : `content-length: ${piece.length * pieces}`;
  await connection.send(headOf(given, length));
  const framed = isChunked ? `${piece.length.toString(16)}\r\n${piece}\r\n` : piece;
  await connection.send(framed);
  const answer = connection.answer();
  answer.catch(() => {}); // it is awaited below
  for (let sent = 1; sent < pieces && !connection.isEnded; sent++) await connection.send(framed);
  if (isChunked) await connection.send('0\r\n\r\n');
  return answer;
}

const LINE = `{"op":"put","object_type":"contacts","id":"a","data":{"age":1}}\n`;
const LINES = LINE.repeat(200);
const IMPORT = '/v1/imports/contacts';
const CSV = { type: 'text/csv', piece: `name,x\n${'1,2\n'.repeat(3000)}`, pieces: 20 };
const some = { piece: LINES, pieces: 20 };

const REFUSALS: readonly (readonly [what: string, status: number, upload: Upload])[] = [
  ...['/v1/changes', IMPORT, '/v1/seeds'].flatMap((path): [string, number, Upload][] => [
    [`401 ${path}`, 401, { path, key: 'nobody', ...some }],
    [`403 ${path}`, 403, { path, key: 'the-key-of-the-viewer', ...some }],
    [`415 charset ${path}`, 415, { path, type: `${NDJSON}; charset=x`, ...some }],
    [`415 encoding ${path}`, 415, { path, more: 'content-encoding: gzip\r\n', ...some }],
    [`400 parameter ${path}`, 400, { path: `${path}?wait=x&dry_run=x&op=x`, ...some }],
  ]),
  ['415 /v1/changes', 415, { path: '/v1/changes', type: 'text/plain', ...some }],
  ['415 /v1/imports', 415, { path: IMPORT, type: 'text/plain', ...some }],
  ['415 /v1/seeds', 415, { path: '/v1/seeds', type: 'text/plain', ...some }],
  ['404 path', 404, { path: '/v1/nothing', ...some }],
  ['405 path', 405, { path: '/v1/changes', method: 'PUT', ...some }],
  ['404 type', 404, { path: '/v1/imports/nobody', ...some }],
  ['422 header', 422, { path: IMPORT, ...CSV }],
  ['422 header, with a key', 422, { path: IMPORT, ...CSV, more: 'idempotency-key: one\r\n' }],
  ['400 seed line', 400, { path: '/v1/seeds', piece: `{x}\n${LINES}`, pieces: 20 }],
  [
    '400 seed line, with a key',
    400,
    { path: '/v1/seeds', piece: `{x}\n${LINES}`, pieces: 20, more: 'idempotency-key: two\r\n' },
  ],
  [
    '413 record',
    413,
    {
      path: '/v1/records/contacts/a',
      method: 'PUT',
      type: 'application/json',
      piece: ' '.repeat(64 * KB),
      pieces: 30,
    },
  ],
];

describe('after an upload that is refused', () => {
  for (const isChunked of [false, true]) {
    it.each(REFUSALS)(
      'the connection takes the next request, or says that it ends: %s ' +
        `(${isChunked ? 'chunked' : 'of known length'})`,
      async (_, status, given) => {
        const connection = new Connection(api.server);
        try {
          const answer = await upload(connection, given, isChunked);
          expect(answer.status).toBe(status);
          if (answer.headers.includes('connection: close')) {
            await connection.ended();
            expect(given.piece.length * given.pieces).toBeGreaterThan(
              DEFAULT_LIMITS.refusedBodyBytes,
            );
          } else {
            await connection.send('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
            expect((await connection.answer()).status).toBe(200);
          }
        } finally {
          connection.close();
        }
      },
    );
  }

  it('because too much waits, the connection takes the next request', async () => {
    const connection = new Connection(busy);
    const answer = await upload(connection, { path: '/v1/changes', ...some }, true);
    expect(answer.status).toBe(429);
    await connection.send('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    expect((await connection.answer()).status).toBe(200);
    connection.close();
  });

  it('because Redis fails in the middle of it, the connection takes the next request', async () => {
    const gone = vi
      .spyOn(api.deployment.redis, 'rpush')
      .mockRejectedValue(new Error('Connection is closed.'));
    const connection = new Connection(api.server);
    const answer = await upload(connection, { path: IMPORT, ...some }, true);
    expect(answer.status).toBe(503);
    gone.mockRestore();
    await connection.send('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    expect((await connection.answer()).status).toBe(200);
    connection.close();
  });

  it('the answer is there before the body is: a client need not send the rest', async () => {
    const connection = new Connection(api.server);
    await connection.send(
      headOf({ path: '/v1/changes', key: 'nobody', ...some }, 'content-length: 100000'),
    );
    expect((await connection.answer()).status).toBe(401);
    await connection.send('x'.repeat(100_000));
    await connection.send('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    expect((await connection.answer()).status).toBe(200);
    connection.close();
  });

  it('that is longer than what is read of one, the client hears the answer, and the connection ends', async () => {
    for (const isChunked of [false, true]) {
      const connection = new Connection(api.server);
      const pieces = Math.ceil((20 * DEFAULT_LIMITS.refusedBodyBytes) / LINES.length);
      const answer = await upload(
        connection,
        { path: IMPORT, key: 'nobody', piece: LINES, pieces },
        isChunked,
      );
      expect(answer.status).toBe(401);
      expect(answer.headers.includes('connection: close')).toBe(!isChunked);
      await connection.ended();
    }
  });

  it('that stops coming, the connection ends', async () => {
    const server = Fastify();
    await server.register(refusedBodies, { bytesMax: 1000, withinMs: 20 });
    server.addHook('onRequest', async (_, reply) => reply.code(401).send('no'));
    server.post('/', async () => 'never');
    await server.listen({ port: 0, host: '127.0.0.1' });
    const connection = new Connection(server);
    await connection.send(
      `${headOf({ path: '/', ...some }, 'content-length: 500')}only some of it`,
    );
    expect((await connection.answer()).status).toBe(401);
    await connection.ended();
    await server.close();
  });

  it('nothing of it is taken for the next request', async () => {
    const hidden =
      'GET /v1/segments HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ' +
      'the-key-of-the-master\r\n\r\n';
    const connection = new Connection(api.server);
    await upload(
      connection,
      { path: '/v1/changes', key: 'nobody', piece: hidden, pieces: 100 },
      false,
    );
    await connection.send('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    expect((await connection.answer()).body).toBe((await api.call('GET', '/healthz')).body);
    connection.close();
  });
});
