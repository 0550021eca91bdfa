/**
 * refused-bodies.ts – What is left of a body when its request is answered before all of it was
 * read.
 *
 * Keeps true: a client that goes on using its connection gets its next answer. The rest of the body
 * is read and dropped after the answer is on its way, up to a bound of bytes and time; beyond it
 * the connection ends, and where the length is known the answer says so. Such an end is a polite
 * one: the client can read the answer although it still sends.
 */
import { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';

/** What does not come within this time is not waited for: the connection ends. */
const REFUSED_BODY_MS = 30_000;
/** A connection that ends waits so long for the client to read the answer. */
const LINGER_MS = 2000;

export const refusedBodies = fp(
  async (
    app: FastifyInstance,
    { bytesMax, withinMs = REFUSED_BODY_MS }: { bytesMax: number; withinMs?: number },
  ) => {
    app.addHook('onSend', async ({ raw, body }, reply, payload) => {
      if (!(raw instanceof IncomingMessage) || isRead(raw)) return payload;
      // What it was wrapped in may fail after its reader has left.
      if (body instanceof Readable) body.on('error', () => {});
      settle(raw, reply, { bytesMax, withinMs });
      return payload;
    });
  },
  { name: 'refused-bodies' },
);

function isRead(request: IncomingMessage): boolean {
  return (
    request.readableEnded || request.destroyed || (request.complete && request.readableLength === 0)
  );
}

interface Bounds {
  readonly bytesMax: number;
  readonly withinMs: number;
}

function settle(request: IncomingMessage, reply: FastifyReply, bounds: Bounds): void {
  const { raw } = reply;
  const isTooMuch = Number(request.headers['content-length'] ?? 0) > bounds.bytesMax;
  // 408: the rest was waited for already
  if (isTooMuch || reply.statusCode === 408) reply.header('connection', 'close');
  if (reply.getHeader('connection') === 'close' || !raw.shouldKeepAlive)
    endPolitely(request.socket);
  drop(request, bounds, () => {
    endPolitely(request.socket);
    if (raw.writableFinished) request.socket.destroySoon();
    else raw.once('finish', () => request.socket.destroySoon());
  });
}

/** Reads what is left; calls `onTooMuch` when it is more than the bounds. */
function drop(
  request: IncomingMessage,
  { bytesMax, withinMs }: Bounds,
  onTooMuch: () => void,
): void {
  const timer = setTimeout(onTooMuch, withinMs);
  for (const event of ['end', 'close']) request.once(event, () => clearTimeout(timer));
  let bytes = 0;
  // A reader that gave up, but waits still, would keep the stream from flowing.
  request.removeAllListeners('readable');
  request.on('error', () => {}); // the client went away: nobody waits for the rest
  request.on('data', (chunk: Buffer) => {
    const before = bytes;
    bytes += chunk.length;
    if (before <= bytesMax && bytes > bytesMax) onTooMuch();
  });
}

/**
 * Ends our side first: closing at once, with bytes unread, would make the client's kernel throw the
 * answer away.
 */
function endPolitely(socket: Socket): void {
  socket.destroySoon = () => {
    socket.end();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => clearTimeout(timer));
  };
}
