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
function refuseOtherSites(
  method: string,
  { origin, host, 'sec-fetch-site': site }: IncomingHttpHeaders,
): void {
  if (method === 'GET' || method === 'HEAD') return;
  // The browser's own statement, which a proxy that renames the host leaves as it is; over plain
  // HTTP there is only the origin.
  const isOwn =
    site === undefined ? isOriginOf(host, origin) : site === 'same-origin' || site === 'none';
  if (!isOwn)
    throw new Problem('origin_refused', 'the queues are changed from their own pages only');
}

/** Only browsers send an origin. */
function isOriginOf(host: string | undefined, origin: string | undefined): boolean {
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host);
}

/** The pages would load a font from elsewhere; they work without it. */
function keepToItself(reply: FastifyReply): void {
  const policy = reply.getHeader('content-security-policy');
  if (typeof policy === 'string')
    reply.header('content-security-policy', policy.replaceAll(' https:', ''));
}
