/**
 * queued-answers.ts – A client may send requests without waiting for answers; their answers then
 * wait, one behind another.
 *
 * Keeps true: when the connection ends, every answer on it is closed. Node closes only the one that
 * is being sent; whatever waits for the end of another (room, a lock, the log) would wait for ever.
 */
import { IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

export const queuedAnswers = fp(
  async (app: FastifyInstance) => {
    const bySocket = new WeakMap<Socket, Set<ServerResponse>>();
    app.addHook('onRequest', async ({ raw: request }, { raw: answer }) => {
      if (!(request instanceof IncomingMessage)) return; // it came on no connection
      const open = bySocket.get(request.socket) ?? followed(request.socket);
      bySocket.set(request.socket, open);
      open.add(answer);
      answer.once('close', () => open.delete(answer));
    });
  },
  { name: 'queued-answers' },
);

/** One listener for each connection, however many requests it has. */
function followed(socket: Socket): Set<ServerResponse> {
  const open = new Set<ServerResponse>();
  // By then Node has closed the one that was being sent.
  socket.once('close', () => setImmediate(() => open.forEach(close)));
  return open;
}

/** What Node does for an answer that has its turn. */
function close(answer: ServerResponse): void {
  answer.destroyed = true;
  answer.emit('close');
}
