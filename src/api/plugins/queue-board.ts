/**
 * queue-board.ts – Bull Board at `/admin/queues`: the queues of jobs as pages, for master keys.
 *
 * Keeps true: its pages and its own API need the same keys as everything else (plugins/auth.ts; a
 * browser sends the key as the password of HTTP Basic). No page of another site can use that key.
 * Its refusals are problem documents, and its pages load nothing from elsewhere.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { Queue } from 'bullmq';
import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import { Problem } from '../../errors.ts';
import { BOARD_PATH } from '../paths.ts';
import { isOwnPage } from '../same-origin.ts';

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
        // Else it would answer failures itself, a missing key too.
        Object.assign(board, { setErrorHandler: () => board });
        board.addHook('onRequest', async ({ method, headers }) =>
          refuseOtherSites(method, headers),
        );
        board.addHook('onSend', async (_, reply) => keepToItself(reply));
        adapter.registerPlugin()(board, { prefix: BOARD_PATH }, () => {});
      },
      { prefix: BOARD_PATH },
    );
  },
  { name: 'queue-board' },
);

/**
 * A browser that knows the key sends it along with whatever any page asks for: only the board's own
 * pages may change something.
 * @throws Problem origin_refused
 */
function refuseOtherSites(method: string, headers: IncomingHttpHeaders): void {
  if (method === 'GET' || method === 'HEAD') return;
  const { origin, 'sec-fetch-site': site } = headers;
  // A person, or a program that is no browser: those name no page that asks.
  const isOfNoPage = site === 'none' || (site === undefined && origin === undefined);
  if (!isOfNoPage && !isOwnPage(headers))
    throw new Problem('origin_refused', 'the queues are changed from their own pages only');
}

/** The pages would load a font from elsewhere; they work without it. */
function keepToItself(reply: FastifyReply): void {
  const policy = reply.getHeader('content-security-policy');
  if (typeof policy === 'string')
    reply.header('content-security-policy', policy.replaceAll(' https:', ''));
}
