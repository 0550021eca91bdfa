/**
 * queue-board.ts – Bull Board at `/admin/queues`: the queues of jobs as pages, for master keys.
 *
 * Keeps true: its pages and its own API are behind the same keys as everything else (plugins/auth.ts; a browser sends the key as
 * the password of HTTP Basic), what it refuses leaves as a problem document, and a page loads nothing from elsewhere.
 */
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { Queue } from 'bullmq';
import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import { BOARD_PATH } from '../roles.ts';

export const queueBoard = fp(
  async (app: FastifyInstance, { queues }: { queues: readonly Queue[] }) => {
    const adapter = new FastifyAdapter().setBasePath(BOARD_PATH);
    createBullBoard({
      queues: queues.map((queue) => new BullMQAdapter(queue)),
      serverAdapter: adapter,
      options: { uiConfig: { boardTitle: 'Rollcall', boardLogo: { path: '' } } },
    });
    await app.register(
      async (board) => {
        // Its own answer to failures would be that to a missing key, too.
        Object.assign(board, { setErrorHandler: () => board });
        board.addHook('onSend', async (_, reply) => keepToItself(reply));
        adapter.registerPlugin()(board, { prefix: BOARD_PATH }, () => {});
      },
      { prefix: BOARD_PATH },
    );
  },
  { name: 'queue-board' },
);

/** The pages ask for a font elsewhere, and do as well without. */
function keepToItself(reply: FastifyReply): void {
  const policy = reply.getHeader('content-security-policy');
  if (typeof policy === 'string') reply.header('content-security-policy', policy.replaceAll(' https:', ''));
}
