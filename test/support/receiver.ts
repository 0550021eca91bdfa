/**
 * receiver.ts – A receiver of webhooks: an HTTP server that notes what comes, verifies it with the library of Standard Webhooks,
 * and fails as it is told.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export interface Received {
  readonly id: string;
  readonly type: string;
  /** The record that it speaks of. */
  readonly record: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** What was answered. */
  readonly status: number;
}

export interface Receiver {
  readonly url: string;
  /** All that came, in the order in which it came. */
  readonly received: Received[];
  /** Those that were answered with 2xx, each id once, in the order of the first time. */
  delivered(): Received[];
  /** Requests whose signature did not verify. */
  readonly unverified: string[];
  /** Which secret is meant; until it is set nothing is verified. */
  secret: string | undefined;
  /** Says what is answered to the n-th request, from 1: a status, or 'reset' to break the connection. */
  answer: (n: number, request: IncomingMessage) => number | 'reset' | Promise<number>;
  headers: Record<string, string>;
  /** Stops listening, and breaks the connections there are. */
  down(): Promise<void>;
  /** Listens again, at the same URL. */
  up(): Promise<void>;
  close(): Promise<void>;
}

export async function openReceiver(): Promise<Receiver> {
  let server: Server;
  let port = 0;
  let requests = 0;
  const receiver: Receiver = {
    url: '',
    received: [],
    delivered: () => {
      const first = new Map<string, Received>();
      for (const event of receiver.received) if (event.status < 300 && !first.has(event.id)) first.set(event.id, event);
      return [...first.values()];
    },
    unverified: [],
    secret: undefined,
    answer: () => 204,
    headers: {},
    down: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
    up: async () => {
      server = createServer((request, response) => {
        let body = '';
        request.on('data', (chunk: Buffer) => {
          body += chunk;
        });
        request.on('end', async () => {
          const status = await receiver.answer(++requests, request);
          if (status === 'reset') return void request.socket.destroy();
          note(receiver, request, body, status);
          response.writeHead(status, receiver.headers).end(status === 204 ? undefined : `answered ${status}`);
        });
      });
      await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
      port = (server.address() as AddressInfo).port;
    },
    close: () => receiver.down(),
  };
  await receiver.up();
  return Object.assign(receiver, { url: `http://127.0.0.1:${port}/hook` });
}

function note(receiver: Receiver, { headers }: IncomingMessage, body: string, status: number): void {
  const id = String(headers['webhook-id']);
  if (receiver.secret !== undefined) {
    try {
      new Webhook(receiver.secret).verify(body, headers as Record<string, string>);
    } catch (error) {
      receiver.unverified.push(`${id}: ${(error as Error).message}`);
    }
  }
  const { type, data } = JSON.parse(body) as { type: string; data: Record<string, unknown> };
  receiver.received.push({ id, type, record: String(data['id']), data, status });
}
