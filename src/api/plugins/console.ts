/**
 * console.ts – The console: the page that a browser is given, and its assets.
 *
 * Keeps true: a browser that asks for a page gets the console at every path that is not the API's
 * or another plugin's; the page itself finds out what to show. A program that asks for JSON is
 * answered as ever. Nothing in the page runs but our own scripts. An asset has a hash in its name
 * and is kept for good; the page is asked for anew each time.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import { isPageWanted, pathOf } from '../paths.ts';

interface ConsoleOptions {
  /** Where `npm run build` has put it. */
  readonly folder: string;
}

/** Stands in the page wherever the nonce of an answer is to be. */
const NONCE = /%NONCE%/g;
const NONCE_BYTES = 16;
const YEAR_MS = 365 * 86_400_000;

/** Beside this code in `dist`; code that runs from the sources takes what was built. */
export const CONSOLE_FOLDER = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? '../../../dist/console/' : '../../console/',
    import.meta.url,
  ),
);

/** Caller: after the plugins that decide who is asking. */
export const webConsole = fp(
  async (app: FastifyInstance, { folder }: ConsoleOptions) => {
    const page = builtPage(folder);
    app.addHook('onRequest', async (request, reply) => {
      const { method, headers, routeOptions } = request;
      const isOurs = routeOptions.url === undefined || pathOf(request.url) === '/';
      if (!isOurs || !isPageWanted(method, pathOf(request.url), headers.accept)) return;
      return page === undefined ? sendNotBuilt(reply) : sendPage(reply, page);
    });
    if (page === undefined) return;
    await app.register(fastifyStatic, {
      root: join(folder, 'assets'),
      prefix: '/assets/',
      decorateReply: false,
      index: false,
      preCompressed: true,
      immutable: true,
      maxAge: YEAR_MS,
    });
  },
  { name: 'console' },
);

/** @returns undefined: it was not built. */
function builtPage(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, 'index.html'), 'utf8');
  } catch {
    return undefined;
  }
}

function sendPage(reply: FastifyReply, page: string): FastifyReply {
  const nonce = randomBytes(NONCE_BYTES).toString('base64');
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "connect-src 'self'",
    "font-src 'self'",
    "img-src 'self' data:",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
  ];
  return asPage(reply)
    .header('content-security-policy', policy.join('; '))
    .send(bodyFor(reply, page.replace(NONCE, nonce)));
}

const NOT_BUILT =
  '<!doctype html><html lang="en"><meta charset="utf-8"><title>Rollcall</title>' +
  '<h1>Rollcall is running</h1>' +
  '<p>Its console was not built: run <code>npm run build</code> and start the server again.</p>' +
  '<p>The API is described at <a href="/docs">/docs</a>.</p></html>';

function sendNotBuilt(reply: FastifyReply): FastifyReply {
  return asPage(reply).send(bodyFor(reply, NOT_BUILT));
}

/** A HEAD is answered with the length alone. */
function bodyFor(reply: FastifyReply, text: string): string | undefined {
  if (reply.request.method !== 'HEAD') return text;
  reply.header('content-length', Buffer.byteLength(text));
  return undefined;
}

function asPage(reply: FastifyReply): FastifyReply {
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'private, no-cache')
    .header('vary', 'accept')
    .header('x-frame-options', 'DENY');
}
