/**
 * gone-clients.test.ts – Clients that ask for heavy answers and go away leave nothing behind that
 * others would wait for.
 */
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildServer } from '../../src/api/server.ts';
import { ROLES } from '../../src/config.ts';
import type { Deployment } from '../../src/engine/deployment.ts';
import { built, openTestDeployment, send } from '../support/deployment.ts';

const KEYS = ROLES.map((role) => ({ role, key: `the-key-of-the-${role}` }));
const TEXT = 'x'.repeat(200_000);
/** Twenty pages of two records are what one key may have waiting; three of all records are more. */
const HELD_BYTES = 16_000_000;

let deployment: Deployment;
let server: FastifyInstance;

beforeAll(async () => {
  deployment = await openTestDeployment({
    limits: { heldBytes: HELD_BYTES },
  });
  await deployment.objectTypes.put('things', {
    attributes: { n: { type: 'number' }, text: { type: 'string' } },
  });
  const query = { combinator: 'and', rules: [{ field: 'n', operator: '>=', value: 0 }] };
  const columns = [{ path: 'text' }];
  await deployment.views.create({
    title: 'All',
    slug: 'all',
    object_type: 'things',
    query,
    columns,
  });
  await send(
    deployment,
    Array.from(
      { length: 20 },
      (_, n) =>
        ({ op: 'put', object_type: 'things', id: `t${n}`, data: { n, text: TEXT } }) as const,
    ),
  );
  await built(deployment);
  server = await buildServer(deployment, { keys: KEYS, logger: pino({ level: 'silent' }) });
  await server.listen({ port: 0, host: '127.0.0.1' });
});
afterAll(async () => {
  await server.close();
  await deployment.close();
});

/**
 * Asks, so many times without waiting, and goes away: at once, or when some of the first answer has
 * come.
 */
async function askAndGo(path: string, accept: string, waits: boolean, times = 1): Promise<void> {
  const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  const head = `host: x\r\naccept: ${accept}\r\nauthorization: Bearer the-key-of-the-viewer`;
  socket.write(`GET ${path} HTTP/1.1\r\n${head}\r\n\r\n`.repeat(times));
  if (waits) await once(socket, 'data');
  socket.pause();
  if (times > 1) await sleep(300); // those behind it are made meanwhile
  socket.destroy();
}

it.each([
  ['/v1/views/all/rows?limit=2', 'application/json', false],
  ['/v1/views/all/rows?limit=2', 'application/json', true],
  ['/v1/views/all/rows', 'text/csv', false],
  ['/v1/views/all/rows', 'application/x-ndjson', true],
  ['/v1/records/things?limit=2', 'application/json', true],
  ['/v1/seeds?include=records:things', 'application/x-ndjson', true],
])('%s as %s, asked for by forty who go (after some of it: %s)', async (path, accept, waits) => {
  for (let round = 0; round < 4; round++)
    await Promise.all(Array.from({ length: 10 }, () => askAndGo(path, accept, waits)));
  await expectAnswers(path, accept);
});

it.each([
  ['/v1/views/all/rows?limit=1000', 'application/json'],
  ['/v1/records/things?limit=1000', 'application/json'],
  ['/v1/views/all/rows', 'application/x-ndjson'],
])(
  '%s as %s, asked for many times on one connection by some who go before their ' +
    'answers have had a turn',
  async (path, accept) => {
    // More of them than a key may have answers under way.
    for (let round = 0; round < 2; round++)
      await Promise.all(Array.from({ length: 3 }, () => askAndGo(path, accept, true, 8)));
    await expectAnswers(path, accept);
  },
);

it('leaves room for one more, however many keys take nothing of their answers', async () => {
  const sockets = ['viewer', 'editor', 'service'].map((role) => {
    const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1').on(
      'error',
      () => {},
    );
    const head = `host: x\r\nauthorization: Bearer the-key-of-the-${role}`;
    socket.write(`GET /v1/views/all/rows?limit=1000 HTTP/1.1\r\n${head}\r\n\r\n`.repeat(8));
    return socket.pause();
  });
  await sleep(500);
  await expectAnswers('/v1/views/all/rows?limit=1', 'application/json', 'master');
  for (const socket of sockets) socket.destroy();
});

/** With what those before held still counted, or their streams, these would be refused. */
async function expectAnswers(path: string, accept: string, role = 'viewer'): Promise<void> {
  for (let n = 0; n < 3; n++) {
    const headers = { accept, authorization: `Bearer the-key-of-the-${role}` };
    const answer = await fetch(
      `http://127.0.0.1:${(server.server.address() as AddressInfo).port}${path}`,
      { headers },
    );
    expect([answer.status, (await answer.text()).includes('xxx')]).toEqual([200, true]);
  }
}
