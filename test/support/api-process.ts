/**
 * api-process.ts – Run as a process of its own: a server over a deployment that others share, on a
 * port that it prints.
 *
 * `SERVED` says, as JSON, which Redis and prefix, and whether it works partitions off.
 */
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { buildServer } from '../../src/api/server.ts';
import { openDeployment } from '../../src/engine/deployment.ts';

export interface ServedOrder {
  readonly redisUrl: string;
  readonly prefix: string;
  readonly partitions: number;
  readonly runsWorker: boolean;
}

export const KEY = 'the-key-of-the-processes';

if (process.env['SERVED'] !== undefined) {
  const order = JSON.parse(process.env['SERVED']) as ServedOrder;
  const logger = pino({ level: process.env['LOG_LEVEL'] ?? 'silent' });
  const deployment = await openDeployment({ ...order, timeZone: 'UTC', logger });
  const server = await buildServer(deployment, { keys: [{ role: 'master', key: KEY }], logger });
  await server.listen({ host: '127.0.0.1', port: 0 });
  process.once(
    'SIGTERM',
    () =>
      void server
        .close()
        .then(() => deployment.close())
        .then(() => process.exit(0)),
  );
  console.log(`port ${(server.server.address() as AddressInfo).port}`);
}
