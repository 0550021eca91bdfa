/**
 * http-side.ts – A server of Rollcall and its client in this process, for workloads that measure
 * requests; and the bare route that they are compared with.
 *
 * Keeps true: all sides are asked by the same client over their own kept connections. Requests are
 * logged as in production, to nowhere.
 */
import Fastify from 'fastify';
import { pino } from 'pino';
import { Pool } from 'undici';
import { buildServer } from '../src/api/server.ts';
import type { Deployment } from '../src/engine/deployment.ts';
import { assert } from '../src/errors.ts';

const KEY = 'bench-key';
/** NDJSON. */
export const LINES = 'application/x-ndjson';
const MOST_AT_ONCE = 32;

export interface HttpSide {
  /** @returns the body of a 200 */
  ask(method: 'GET' | 'POST', path: string, body?: string | Buffer, type?: string): Promise<string>;
  close(): Promise<void>;
}

export async function openRollcallHttp(deployment: Deployment): Promise<HttpSide> {
  const logger = pino({ level: 'info' }, { write: () => {} });
  const keys = [{ role: 'master' as const, key: KEY }];
  const server = await buildServer(deployment, { keys, logger });
  return openHttp(server);
}

/** A route that does nothing but what `answer` does. */
export async function openBareHttp(answer: () => unknown): Promise<HttpSide> {
  const server = Fastify();
  server.all('/', async () => answer());
  return openHttp(server);
}

interface Listening {
  listen(options: { readonly port: number; readonly host: string }): Promise<string>;
  close(): Promise<void>;
}

/** Listens, and asks. */
export async function openHttp(server: Listening): Promise<HttpSide> {
  const pool = new Pool(await server.listen({ port: 0, host: '127.0.0.1' }), {
    connections: MOST_AT_ONCE,
  });
  return {
    ask: async (method, path, body, type = 'application/json') => {
      const headers = { authorization: `Bearer ${KEY}`, 'content-type': type };
      const answer = await pool.request({ method, path, headers, body: body ?? null });
      const text = await answer.body.text();
      assert(answer.statusCode === 200, `${path} is answered: ${text.slice(0, 300)}`);
      return text;
    },
    close: async () => {
      await pool.close();
      await server.close();
    },
  };
}
