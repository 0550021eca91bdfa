/**
 * receiver.ts – A receiver of webhooks: an HTTP server that notes what comes, verifies it with the
 * library of Standard Webhooks, and fails as it is told.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

interface Received {
  readonly id: string;
  readonly type: string;
  /** The record that it speaks of. */
  readonly record: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly body: string;
  /** What was answered. */
  readonly status: number;
}

export interface Receiver {
  readonly url: string;
  /** All that came, in the order in which it came. */
  readonly received: Received[];
  /** Those that were answered with 2xx, by id, in the order of the first time. */
  readonly taken: Map<string, Received>;
  delivered(): Received[];
  /** Requests whose signature did not verify. */
  readonly unverified: string[];
  /** Which secret is meant; until it is set nothing is verified. */
  secret: string | undefined;
  /**
   * Says what is answered to the n-th request, from 1: a status, or 'lost': it is taken in, and the
   * answer never comes.
   */
  answer: (n: number) => number | 'lost' | Promise<number>;
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
    taken: new Map(),
    delivered: () => [...receiver.taken.values()],
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
          const status = await receiver.answer(++requests);
          note(receiver, request, body, status === 'lost' ? 200 : status);
          if (status === 'lost') return void request.socket.destroy();
          response
            .writeHead(status, receiver.headers)
            .end(status === 204 ? undefined : `answered ${status}`);
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

function note(
  receiver: Receiver,
  { headers }: IncomingMessage,
  body: string,
  status: number,
): void {
  const id = String(headers['webhook-id']);
  if (receiver.secret !== undefined) {
    try {
      new Webhook(receiver.secret).verify(body, headers as Record<string, string>);
    } catch (error) {
      receiver.unverified.push(`${id}: ${(error as Error).message}`);
    }
  }
  const { type, data } = JSON.parse(body) as { type: string; data: Record<string, unknown> };
  const event = { id, type, record: String(data['id']), data, body, status };
  receiver.received.push(event);
  if (status < 300 && !receiver.taken.has(id)) receiver.taken.set(id, event);
}

/**
 * What a receiver may rely on, of what one has got: per record the events alternate, by the order
 * of the feed, and none comes before the one before it was taken in; one id is one event with one
 * body, and one event has one id.
 */
export function faultsOf({ received }: Receiver): string[] {
  const faults: string[] = [];
  const bodies = new Map<string, string>();
  const ids = new Map<string, string>();
  const last = new Map<string, Received>();
  for (const event of received) {
    const { id, record, type, body, data, status } = event;
    const position = `${record} ${data['position']}`;
    if ((bodies.get(id) ?? body) !== body) faults.push(`${id} came with two bodies`);
    if ((ids.get(position) ?? id) !== id) faults.push(`${position} came under two ids`);
    bodies.set(id, body);
    ids.set(position, id);
    const before = last.get(record);
    if (before?.id === id || isLater(before, event)) continue;
    const expected = before?.type === 'member.entered' ? 'member.left' : 'member.entered';
    if (type !== expected)
      faults.push(`${record}: ${type} came after ${before?.type ?? 'nothing'}`);
    if (status < 300) last.set(record, event);
  }
  return faults;
}

/** Whether an event was taken in before, and so is only doubled now. */
function isLater(taken: Received | undefined, { data }: Received): boolean {
  return (
    taken !== undefined && compare(String(taken.data['position']), String(data['position'])) >= 0
  );
}

/** Positions of one partition: partition, milliseconds, sequence, index. */
function compare(a: string, b: string): number {
  const [left, right] = [a, b].map((position) => position.split('-').map(Number));
  for (let at = 0; at < left!.length; at++)
    if (left![at] !== right![at]) return left![at]! - right![at]!;
  return 0;
}
