/**
 * paths.ts – What is at a path: which methods it takes, and whether it is a page of another plugin.
 *
 * Fastify only knows that it has no route. A 405 needs to know that the path has other methods.
 */

import { preferredForm } from './accepts.ts';

/** Where the board of queues is. */
export const BOARD_PATH = '/admin/queues';

export function isBoard(path: string): boolean {
  return path === BOARD_PATH || path.startsWith(`${BOARD_PATH}/`);
}

/** The pages at /docs. */
export function isDocumentation(path: string): boolean {
  return path === '/docs' || path.startsWith('/docs/');
}

/** What the console is made of. */
export function isAsset(path: string): boolean {
  return path.startsWith('/assets/');
}

/** Where the API and its neighbours are: no page of the console is there. */
const NO_PAGES = /^\/(?:v1|docs|admin|assets|openapi\.json|healthz|readyz|metrics)(?:\/|$)/;

/** Whether a browser asks for a page at a path that the console may show. */
export function isPageWanted(method: string, path: string, accept: string | undefined): boolean {
  if ((method !== 'GET' && method !== 'HEAD') || NO_PAGES.test(path)) return false;
  return preferredForm(accept, ['application/json', 'text/html']) === 'text/html';
}

export interface RouteEntry {
  readonly method: string;
  /** As declared: `/v1/records/:type/:id`. */
  readonly url: string;
}

/** The path in the first line of a request; a proxy may write the host before it. */
export function pathOf(url: string): string {
  return url.replace(/^https?:\/\/[^/?]*/i, '').split('?', 1)[0]!;
}

/**
 * The methods, sorted, of the routes that hold for this path. One that is written out in full
 * leaves no room for parameters: what it names is no slug.
 */
export function methodsAt(routes: readonly RouteEntry[], path: string): string[] {
  const steps = path.split('/');
  const written = routes.filter(({ url }) => url === path);
  const held =
    written.length > 0 ? written : routes.filter(({ url }) => holds(url.split('/'), steps));
  return [...new Set(held.map(({ method }) => method))].sort();
}

/**
 * The path of a request whose last step is a parameter, as it reads decoded; undefined: the route
 * is another.
 */
export function namedPath(url: string, params: unknown): string | undefined {
  const [, before, name] = /^(.*\/):([^/]+)$/.exec(url) ?? [];
  return name === undefined ? undefined : before + String((params as Record<string, string>)[name]);
}

function holds(pattern: readonly string[], steps: readonly string[]): boolean {
  if (pattern.length !== steps.length) return false;
  return pattern.every((step, at) =>
    step.startsWith(':') ? steps[at] !== '' : step === steps[at],
  );
}
