/**
 * gone-signal.ts – Ends the work for a client that does not wait for it any more.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Comes when the client goes away before it has its answer. */
export function goneSignal(request: FastifyRequest, { raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  if (request.raw.socket.destroyed) gone.abort();
  raw.once('close', () => {
    if (!raw.writableFinished) gone.abort();
  });
  return gone.signal;
}
