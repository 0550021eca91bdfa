/**
 * gone-clients.test.ts – Clients that ask for heavy answers and go away leave nothing behind that others would wait for.
 */
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildServer } from '../../src/api/server.ts';
import { ROLES } from '../../src/config.ts';
import type { Deployment } from '../../src/engine/deployment.ts';
import { built, openTestDeployment, send } from '../support/deployment.ts';

const KEYS = ROLES.map((role) => ({ role, key: `the-key-of-the-${role}` }));
const TEXT = 'x'.repeat(200_000);
/** A page is a third of what may be held, and a sixth of it what one key may hold. */
const HELD_BYTES = 1_200_000;

let deployment: Deployment;
let server: FastifyInstance;

beforeAll(async () => {
  deployment = await openTestDeployment({
    limits: { heldBytes: HELD_BYTES, pageBytes: 400_000, rowPageBytes: 400_000 },
  });
  await deployment.objectTypes.put('things', { attributes: { n: { type: 'number' }, text: { type: 'string' } } });
  const query = { combinator: 'and', rules: [{ field: 'n', operator: '>=', value: 0 }] };
  const columns = [{ path: 'text' }];
  await deployment.views.create({ title: 'All', slug: 'all', object_type: 'things', query, columns });
  await send(
    deployment,
    Array.from(
      { length: 20 },
      (_, n) => ({ op: 'put', object_type: 'things', id: `t${n}`, data: { n, text: TEXT } }) as const,
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

/** Asks, and goes away: at once, or when some of the answer has come. */
async function askAndGo(path: string, accept: string, waits: boolean): Promise<void> {
  const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  const head = `host: x\r\naccept: ${accept}\r\nauthorization: Bearer the-key-of-the-viewer`;
  socket.write(`GET ${path} HTTP/1.1\r\n${head}\r\n\r\n`);
  if (waits) await once(socket, 'data');
  socket.destroy();
}

it.each([
  ['/v1/views/all/rows?limit=1000', 'application/json', false],
  ['/v1/views/all/rows?limit=1000', 'application/json', true],
  ['/v1/views/all/rows', 'text/csv', false],
  ['/v1/views/all/rows', 'application/x-ndjson', true],
  ['/v1/records/things?limit=1000', 'application/json', true],
  ['/v1/seeds?include=records:things', 'application/x-ndjson', true],
])('%s as %s, asked for by forty who go (after some of it: %s)', async (path, accept, waits) => {
  for (let round = 0; round < 4; round++)
    await Promise.all(Array.from({ length: 10 }, () => askAndGo(path, accept, waits)));
  // With what they held still counted, or their streams, these would be refused.
  for (let n = 0; n < 3; n++) {
    const headers = { accept, authorization: 'Bearer the-key-of-the-viewer' };
    const answer = await fetch(`http://127.0.0.1:${(server.server.address() as AddressInfo).port}${path}`, { headers });
    expect([answer.status, (await answer.text()).includes('xxx')]).toEqual([200, true]);
  }
});
