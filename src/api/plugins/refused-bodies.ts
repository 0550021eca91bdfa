/**
 * refused-bodies.ts – The rest of a body whose request is answered before all of it was read.
 *
 * Keeps true: a client that goes on using its connection gets its next answer. The rest of the body
 * is read and dropped after the answer is sent, up to a bound of bytes and time. Beyond it the
 * connection ends; if the length is known, the answer says so. The end is orderly: the client can
 * read the answer although it still sends.
 */
import { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';

/** The rest of a body is waited for so long; then the connection ends. */
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
      // The stream around it may fail after its reader has left.
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
  // A reader that gave up and still waits would keep the stream from flowing.
  request.removeAllListeners('readable');
  request.on('error', () => {}); // the client went away: nobody waits for the rest
  request.on('data', (chunk: Buffer) => {
    const before = bytes;
    bytes += chunk.length;
    if (before <= bytesMax && bytes > bytesMax) onTooMuch();
  });
}

/**
 * Ends our side first: if we closed at once, with bytes unread, the client's kernel would drop the
 * answer.
 */
function endPolitely(socket: Socket): void {
  socket.destroySoon = () => {
    socket.end();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => clearTimeout(timer));
  };
}
