/**
 * event-client.ts – A client of Server-Sent Events over HTTP that a test kills, resumes, and stops
 * reading.
 */
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { readEvents } from '../../src/cli/event-source.ts';

/** An event of the feed, as it is answered. */
export interface AnsweredEvent {
  readonly event: string;
  readonly segment: string;
  readonly object_type: string;
  readonly id?: string;
  readonly at: string;
  readonly cause?: string;
  readonly cursor: string;
}

export interface EventClientOptions {
  readonly lastEventId?: string;
  /** Called for each event. */
  readonly onEvent?: (event: AnsweredEvent) => void;
  /** Takes the head of the answer, and nothing of its body. */
  readonly readsNothing?: boolean;
}

export interface EventClient {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly events: readonly AnsweredEvent[];
  /** The last id that was sent. */
  readonly lastId: string;
  /** Settles when the connection is closed, by whomever. */
  readonly closed: Promise<void>;
  /** Goes away without a word. */
  kill(): Promise<void>;
}

/** Resolves when the head of the answer has come. */
export async function openEventClient(
  url: string,
  key: string,
  { lastEventId, onEvent, readsNothing = false }: EventClientOptions = {},
): Promise<EventClient> {
  const headers = {
    authorization: `Bearer ${key}`,
    accept: 'text/event-stream',
    ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
  };
  const sent: ClientRequest = request(url, { headers, agent: false });
  const events: AnsweredEvent[] = [];
  let lastId = lastEventId ?? '';
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve).once('error', reject).end();
  });
  sent.on('error', () => {});
  const closed = new Promise<void>((resolve) => answer.socket.once('close', () => resolve()));
  const read = async () => {
    for await (const { data, id } of readEvents(answer)) {
      lastId = id;
      if (data === undefined) continue;
      const event = JSON.parse(data) as AnsweredEvent;
      events.push(event);
      onEvent?.(event);
    }
  };
  if (readsNothing) answer.on('error', () => {}).pause();
  else void read().catch(() => {}); // it was killed, or the server has ended it
  return {
    status: answer.statusCode!,
    headers: answer.headers,
    events,
    get lastId() {
      return lastId;
    },
    closed,
    kill: () => {
      answer.socket.destroy();
      return closed;
    },
  };
}
